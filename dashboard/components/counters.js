// What was counted since the start, the database's size, the loop's lag.
import { h, integer } from "../static/format.js";
import { on, store } from "../static/page_feed.js";
import { component } from "../static/component.js";

export function mount(host) {
  const list = h("dl", { class: "counters", id: "counters" });
  host.replaceChildren(list);
  on(["counters", "store"], () => {
    const { bytes, lag } = store.parts.store;
    const lines = [
      ["database on disk", bytes === null ? "unknown" : `${(bytes / 1e6).toFixed(1)} MB`],
      ["loop lag", lag === null ? "unknown" : `${lag} ms`],
      ...store.parts.counters.lines.map(([name, value]) => [name, integer(value)]),
    ];
    list.replaceChildren(...lines.flatMap(([name, value]) => [h("dt", { text: name }), h("dd", { text: value })]));
  });
}
export const render = component(mount);
