// The System page: health, figures over time, counters, the last of the log.
import { age, clock, feerate, h, integer, moment, setNow } from "./format.js";
import { Charts, calm, clockTicks, colours, nice } from "./bokeh.js";
import { Feed } from "./feed.js";
import { line, sameProgram, start, status } from "./frame.js";
import { Store } from "./store.js";
import { plainTable, whenOpen } from "./tables.js";

const store = new Store();
const charts = new Charts();
const UNITS = { rss: "MB", rate: "a second", lag: "ms" };
const lines = Object.fromEntries(Object.keys(UNITS).map((name) => {
  const host = document.querySelector(`[data-chart=${name}]`);
  const table = whenOpen(document.getElementById(`${name}-table`), () => {
    const { at = [], [name]: values = [] } = store.parts.figures ?? {};
    plainTable(document.getElementById(`${name}-table`), ["At", UNITS[name]], at.map((when, index) => [moment(when), values[index] === null ? "unknown" : String(values[index])]).reverse());
  });
  const drawing = () => draw(name, host);
  return [name, { changed: calm(host, () => charts.when(drawing)), table }];
}));

function draw(name, host) {
  const { at, [name]: values, limit } = store.parts.figures;
  const colour = colours();
  const known = at.map((when, index) => [when, values[index]]).filter(([, value]) => value !== null);
  const end = at.at(-1) ?? Date.now();
  const begin = Math.min(at[0] ?? end, end - 10 * 60_000);
  const roof = name === "rss" && limit ? limit : 0;
  const high = Math.max(...known.map(([, value]) => value), roof, name === "lag" ? 10 : 1) * 1.12;
  charts.range(name, "x", begin, end);
  charts.range(name, "y", 0, high);
  charts.ticks(name, "y", nice(0, high, 4).map((one) => [one, feerate(one)]));
  charts.ticks(name, "x", clockTicks(begin, end, host.clientWidth < 420 ? 4 : 6));
  charts.fill(`${name}-line`, { x: known.map(([when]) => when), y: known.map(([, value]) => value), zero: known.map(() => 0) });
  charts.fill(`${name}-limit`, roof ? { x: [begin, end], y: [roof, roof] } : { x: [], y: [] });
  charts.set(charts.model(`${name}-stroke`).glyph, { line_color: { value: colour("accent") } });
  charts.set(charts.model(`${name}-area`).glyph, { fill_color: { value: colour("water") } });
  charts.set(charts.model(`${name}-limit-stroke`).glyph, { line_color: { value: colour("miss") } });
}

function components({ lines: list, words }) {
  document.getElementById("components-words").textContent = words;
  document.getElementById("components").replaceChildren(...list.map((one) => h("article", { class: "part", "data-tone": one.tone },
    h("h3", {}, h("i", { "aria-hidden": "true" }), h("span", { text: one.name }), h("b", { text: one.status })),
    h("dl", {},
      ...fact("for", one.since ? age(one.since) : null),
      ...fact("answers in", one.latency === null ? null : `${one.latency} ms`),
      ...fact("first to see", one.first?.[1] ? `${integer(one.first[0])} of ${integer(one.first[1])}` : null)),
    one.words ? h("p", { text: one.words }) : null)));
}
const fact = (name, value) => (value === null ? [] : [h("dt", { text: name }), h("dd", {}, value)]);

function counters() {
  const { bytes, lag } = store.parts.store;
  const list = [["database on disk", bytes === null ? "unknown" : `${(bytes / 1e6).toFixed(1)} MB`], ["loop lag", lag === null ? "unknown" : `${lag} ms`], ...store.parts.counters.lines.map(([name, value]) => [name, integer(value)])];
  document.getElementById("counters").replaceChildren(...list.flatMap(([name, value]) => [h("dt", { text: name }), h("dd", { text: value })]));
}

function changes({ lines: list }) {
  const host = document.getElementById("changes");
  if (!list.length) return void host.replaceChildren(h("p", { class: "empty", text: "Nothing has changed since the start: no loss, no recovery." }));
  host.replaceChildren(h("ol", { class: "lines" }, ...list.map((one) => h("li", { "data-tone": one.better ? "ok" : "warn" },
    h("time", { datetime: new Date(one.at).toISOString(), text: moment(one.at) }), h("span", {}, h("b", { text: one.what }), ` ${one.before} → `, h("b", { class: "now", text: one.after }), one.why ? h("small", { text: one.why }) : null)))));
}

function log({ lines: list }) {
  const host = document.getElementById("log");
  if (!list?.length) return void host.replaceChildren(h("p", { class: "empty", text: list ? "Nothing has been logged yet." : "This page is not given the log; see the program's own output." }));
  host.replaceChildren(h("ol", { class: "lines log" }, ...list.map((one) => h("li", { "data-tone": one.level === "info" ? "" : "warn" },
    h("time", { datetime: new Date(one.at).toISOString(), title: moment(one.at), text: clock(one.at) }), h("b", { text: one.level }), h("code", { text: one.words })))));
}

function show(changed) {
  if (changed.has("status")) { status(store.parts.status); sameProgram(store.parts.status.assets); }
  if (changed.has("components")) components(store.parts.components);
  if (changed.has("counters") || changed.has("store")) counters();
  if (changed.has("changes")) changes(store.parts.changes);
  if (changed.has("log")) log(store.parts.log);
  if (changed.has("figures")) {
    for (const [name, words] of Object.entries(store.parts.figures.words)) {
      document.getElementById(`${name}-words`).textContent = words;
      lines[name].table();
      lines[name].changed();
    }
  }
}

new Feed("system", {
  onPicture(told) { setNow(told.now); show(store.picture(told).parts); document.documentElement.dataset.ready = "yes"; requestAnimationFrame(() => setTimeout(() => charts.load())); },
  onChange(told) { setNow(told.now); show(store.change(told).parts); },
  onLine: line,
});
start();
addEventListener("spout-light", () => { for (const one of Object.values(lines)) one.changed(); charts.repaint(); });
