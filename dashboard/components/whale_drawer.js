// Everything about one whale, over the page: what any module opens with `choose(id)`.
import { choose, chosen, restore } from "../static/whales.js";
import { feed, on, store } from "../static/page_feed.js";
import { Drawer } from "./drawer.js";
import { component } from "../static/component.js";
import { h } from "../static/format.js";

export function mount(host, params) {
  const dialog = h("dialog", { id: "drawer", "aria-labelledby": "drawer-title" });
  host.replaceChildren(dialog);
  const drawer = new Drawer(dialog, {
    ask: (id) => feed.ask(id),
    closed() {
      feed.ask(null);
      if (chosen.open) choose(null);
    },
  });
  on(["open"], () => {
    params.set("whale", chosen.open);
    if (chosen.open) drawer.open(chosen.open);
    else if (dialog.open) dialog.close();
  });
  on(["rows"], () => drawer.refresh(store.rows));
  addEventListener("spout-whale", (event) => drawer.show(event.detail));
  addEventListener("spout-mounted", restore);
  params.on("whale", (id) => {
    if (id !== chosen.open) choose(id);
  });
}
export const render = component(mount);
