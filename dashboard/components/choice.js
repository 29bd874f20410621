// One of a few, as buttons side by side; what is chosen stands in the address, so that it can be shared and kept.
import { component } from "../static/component.js";
import { h } from "../static/format.js";
import { withSearch } from "../static/whales.js";

export function mount(host, params) {
  const name = params.get("field");
  const options = params.get("options");
  const asked = new URLSearchParams(location.search).get(name);
  const buttons = options.map(([value, text]) =>
    h("button", { type: "button", "data-value": value, text, onclick: () => choose(value) }),
  );
  host.replaceChildren(
    h("div", { class: "windows", role: "group", "aria-label": params.get("label"), "data-choice": name }, ...buttons),
  );
  const dress = () => {
    for (const one of buttons)
      one.setAttribute("aria-pressed", String(one.dataset.value === (params.get("value") ?? params.get("first"))));
  };
  const choose = (value) => {
    const search = new URLSearchParams(location.search);
    search.set(name, value);
    search.delete("page");
    history.replaceState(history.state, "", withSearch(search));
    params.set("value", value);
    dress();
  };
  params.on("value", dress);
  dress();
  params.whenAttached(() => {
    params.set("value", options.some(([value]) => value === asked) ? asked : params.get("first"));
  });
}
export const render = component(mount);
