// Every change of health, the newest first.
import { h, moment } from "../static/format.js";
import { on, store } from "../static/page_feed.js";
import { component } from "../static/component.js";
import { listed } from "../static/tables.js";

function line(one) {
  return h(
    "li",
    { "data-tone": one.better ? "ok" : "warn" },
    h("time", { datetime: new Date(one.at).toISOString(), text: moment(one.at) }),
    h(
      "span",
      {},
      h("b", { text: one.what }),
      ` ${one.before} → `,
      h("b", { class: "now", text: one.after }),
      one.why ? h("small", { text: one.why }) : null,
    ),
  );
}

export function mount(host) {
  const scroll = h("div", {
    class: "scroll tall",
    id: "changes",
    tabindex: "0",
    role: "region",
    "aria-label": "Changes of health",
  });
  host.replaceChildren(scroll);
  on(["changes"], () => {
    listed(scroll, "lines", store.parts.changes.lines.map(line), "Nothing has changed: no loss, no recovery.");
  });
}
export const render = component(mount);
