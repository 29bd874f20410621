// Every host that alerts have ever called; empty before the first.
import { h, moment } from "../static/format.js";
import { on, store } from "../static/page_feed.js";
import { component } from "../static/component.js";
import { listed } from "../static/tables.js";

function line([host, usedFor, at]) {
  return h(
    "li",
    {},
    h("time", { datetime: new Date(at).toISOString(), text: moment(at) }),
    h("b", { text: usedFor }),
    h("code", { text: host }),
  );
}

export function mount(host) {
  const scroll = h("div", {
    class: "scroll",
    id: "hosts",
    tabindex: "0",
    role: "region",
    "aria-label": "Called hosts",
  });
  host.replaceChildren(scroll);
  on(["hosts"], () => {
    listed(scroll, "lines log", store.parts.hosts.lines.map(line), "No host has been called: there is no endpoint.");
  });
}
export const render = component(mount);
