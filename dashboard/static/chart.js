// A chart that a component draws: its frame, its sentence and its table here, its Bokeh figure from Panel, put where
// it belongs when it comes.
import { Charts } from "./charts.js";
import { h } from "./format.js";
import { on } from "./page_feed.js";
import { cellsOf, saveButtons } from "./save.js";

export const charts = new Charts();

// The frame keeps its height from the first paint on, so that nothing moves when the figure comes.
export function frame(name, label) {
  const inside = h("div", { class: "frame" });
  const chart = h("div", { class: `chart chart-${name}`, "data-chart": name }, inside);
  const note = h("p", { class: "note", id: `${name}-words`, text: "…" });
  const scroll = h("div", {
    class: "scroll",
    id: `${name}-table`,
    tabindex: "0",
    role: "region",
    "aria-label": label ?? `${name} as a table`,
  });
  const saving = saveButtons(name, {
    figure: () => charts.document && charts.model(name),
    rows: () => cellsOf(scroll),
  });
  const summary = h("summary", { text: `${label ?? "The same as a table"}, PNG, CSV` });
  const table = h("details", { class: "as-table" }, summary, saving, scroll);
  return { chart, inside, note, table };
}

export function place(params, child, inside) {
  params.whenAttached((model) => inside.replaceChildren(model.get_child(child)));
}

// `chart.received()` when one of the parts `names` is new, `chart.changed()` when its figure is, or the light.
export function drawn(chart, names) {
  on(names, () => chart.received());
  charts.each(() => chart.changed());
  addEventListener("spout-light", () => chart.changed());
}
