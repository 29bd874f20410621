// The latest lines of the log, the newest first.
import { clock, h, moment } from "../static/format.js";
import { on, store } from "../static/page_feed.js";
import { component } from "../static/component.js";
import { listed } from "../static/tables.js";

function line(one) {
  return h(
    "li",
    { "data-tone": one.level === "info" ? "" : "warn" },
    h("time", { datetime: new Date(one.at).toISOString(), title: moment(one.at), text: clock(one.at) }),
    h("b", { text: one.level }),
    h("code", { text: one.words }),
  );
}

export function mount(host) {
  const scroll = h("div", { class: "scroll tall", id: "log", tabindex: "0", role: "region", "aria-label": "Log" });
  host.replaceChildren(scroll);
  on(["log"], () => {
    const { lines } = store.parts.log;
    const none = lines
      ? "Nothing has been logged yet."
      : "This page is not given the log; see the program's own output.";
    listed(scroll, "lines log", (lines ?? []).map(line), none);
  });
}
export const render = component(mount);
