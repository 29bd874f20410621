// A quantity over time, and its limit where there is one.
import { calm, clockTicks, colours, nice } from "../static/charts.js";
import { charts, drawn, frame, place } from "../static/chart.js";
import { feerate, moment, say } from "../static/format.js";
import { plainTable, whenOpen } from "../static/tables.js";
import { component } from "../static/component.js";
import { store } from "../static/page_feed.js";

const SHORTEST = 10 * 60_000;

class LineChart {
  constructor(params, { chart, note, table }) {
    this.host = chart;
    this.note = note;
    this.part = params.get("part");
    this.series = params.get("series");
    this.least = params.get("least");
    this.changed = calm(chart, () => charts.when((this.drawing ??= () => this.draw())));
    this.table = whenOpen(table, (inside) => plainTable(inside, ["At", params.get("unit")], this.rows()));
  }

  get columns() {
    const { at = [], limit = null, words, [this.series]: values = [] } = store.parts[this.part] ?? {};
    return { at, values, words: words?.[this.series] ?? "…", roof: this.series === "rss" && limit ? limit : 0 };
  }

  received() {
    say(this.note, this.columns.words);
    this.table();
    this.changed();
  }

  rows() {
    const { at, values } = this.columns;
    const cell = (value) => (value === null ? "unknown" : String(value));
    return at.map((when, index) => [moment(when), cell(values[index])]).reverse();
  }

  draw() {
    const { at, values, roof } = this.columns;
    const colour = colours();
    const known = at.map((when, index) => [when, values[index]]).filter(([, value]) => value !== null);
    const end = at.at(-1) ?? Date.now();
    const begin = Math.min(at[0] ?? end, end - SHORTEST);
    const high = Math.max(...known.map(([, value]) => value), roof, this.least) * 1.12;
    const name = this.series;
    charts.range(name, "x", begin, end);
    charts.range(name, "y", 0, high);
    charts.ticks(
      name,
      "y",
      nice(0, high, 4).map((one) => [one, feerate(one)]),
    );
    charts.ticks(name, "x", clockTicks(begin, end, this.host.clientWidth < 420 ? 4 : 6));
    charts.fill(`${name}-line`, {
      x: known.map(([when]) => when),
      y: known.map(([, value]) => value),
      zero: known.map(() => 0),
    });
    charts.fill(`${name}-limit`, roof ? { x: [begin, end], y: [roof, roof] } : { x: [], y: [] });
    charts.set(charts.model(`${name}-stroke`).glyph, { line_color: { value: colour("accent") } });
    charts.set(charts.model(`${name}-area`).glyph, { fill_color: { value: colour("water") } });
    charts.set(charts.model(`${name}-limit-stroke`).glyph, { line_color: { value: colour("miss") } });
  }
}

export function mount(host, params) {
  const parts = frame(params.get("series"));
  host.replaceChildren(parts.chart, parts.note, parts.table);
  place(params, "figure", parts.inside);
  drawn(new LineChart(params, parts), [params.get("part")]);
}
export const render = component(mount);
