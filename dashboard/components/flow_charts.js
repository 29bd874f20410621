// Flow over time. Above: to exchanges up, from them down, and the net line. Below: what is neither.
import { btcShort, h, integer, moment, say, words } from "../static/format.js";
import { calm, clockTicks, colours, idle, nice } from "../static/charts.js";
import { charts, drawn, frame, place } from "../static/chart.js";
import { plainTable, whenOpen } from "../static/tables.js";
import { component } from "../static/component.js";
import { saveButtons } from "../static/save.js";
import { store } from "../static/page_feed.js";
import { withSearch } from "../static/whales.js";

const WINDOWS = {
  "1h": "the last hour",
  "6h": "the last 6 hours",
  "24h": "the last 24 hours",
  "7d": "the last 7 days",
};
const SIDES = {
  flow: { up: ["inflow"], down: ["outflow"] },
  other: { up: ["inter_exchange", "internal", "unknown"], down: [] },
};

class FlowChart {
  constructor({ flow, other, windows, params }) {
    Object.assign(this, {
      charts,
      store,
      windows,
      params,
      host: flow.chart,
      hosts: { flow: flow.chart, other: other.chart },
      note: flow.note,
    });
    this.changed = calm(windows.parentElement, () => charts.when((this.drawing ??= () => this.draw())));
    this.table = whenOpen(flow.table, (inside) => this.rows(inside));
    const asked = new URLSearchParams(location.search).get("window");
    this.chosen = asked in WINDOWS;
    this.window = this.chosen ? asked : "24h";
    windows.addEventListener("click", (event) => {
      const name = event.target.closest("[data-window]")?.dataset.window;
      if (name) this.choose(name);
    });
    this.dress();
  }

  choose(name) {
    this.window = name;
    this.chosen = true;
    const search = new URLSearchParams(location.search);
    search.set("window", name);
    history.replaceState(history.state, "", withSearch(search));
    this.params.set("window", name);
    this.dress();
    this.received();
    this.charts.when(() => this.draw());
  }

  dress() {
    for (const button of this.windows.children)
      button.setAttribute("aria-pressed", String(button.dataset.window === this.window));
  }

  // Until somebody chooses: the shortest window that holds all that is known, a day at most.
  fit() {
    const shown = this.store.parts.flow?.windows;
    if (this.chosen || !shown) return;
    const sum = (name) =>
      Object.values(shown[name].flows)
        .flat()
        .reduce((all, sats) => all + sats, 0);
    const day = sum("24h");
    this.window = ["1h", "6h"].find((name) => day && sum("7d") === sum(name)) ?? "24h";
    this.dress();
  }

  received() {
    this.fit();
    const said = this.store.parts.flow_words?.[this.window]?.words ?? "…";
    say(this.note, said);
    this.table();
    this.changed();
  }

  // Satoshi by flow and bar: what confirmed (from the appliance) and what waits (from the page's own rows).
  columns() {
    const shown = this.store.parts.flow?.windows[this.window];
    if (!shown) return null;
    const waiting = Object.fromEntries(Object.keys(words.flows).map((flow) => [flow, new Array(shown.bars).fill(0)]));
    for (const row of this.store.rows.values()) {
      if (row.status !== "pending") continue;
      const bar = Math.min(shown.bars - 1, Math.floor((row.seen - shown.start) / shown.step));
      if (bar < 0) continue;
      for (const [flow, sats] of Object.entries(row.split ?? { [row.flow]: row.moved })) waiting[flow][bar] += sats;
    }
    return { ...shown, waiting };
  }

  draw() {
    const shown = this.columns();
    if (!shown) return;
    const colour = colours();
    const end = shown.start + shown.step * shown.bars;
    const most = this.host.clientWidth < 420 ? 5 : 8;
    for (const name of ["flow", "other"]) {
      const tall = this.bars(name, shown, colour);
      this.charts.range(name, "x", shown.start, end);
      const empty = !tall.up && !tall.down ? 100 : 0;
      idle(this.hosts[name], empty ? `nothing in ${WINDOWS[this.window]}` : "");
      const low = name === "flow" ? -Math.max(tall.down, empty) * 1.12 : 0;
      const high = Math.max(tall.up, empty, 0.01) * 1.12;
      this.charts.range(name, "y", low, high);
      this.charts.ticks(
        name,
        "y",
        nice(low, high, name === "flow" ? 7 : 3).map((at) => [at, integer(Math.abs(at))]),
      );
      this.charts.ticks(name, "x", name === "flow" ? [] : clockTicks(shown.start, end, most));
    }
    this.charts.fill("flow-zero", { x0: [shown.start], x1: [end], y: [0], color: [colour("soft")] });
    const net = shown.flows.inflow.map((sats, bar) => (sats - shown.flows.outflow[bar]) / 1e8);
    const still = net.every((coins) => coins === 0);
    this.charts.fill(
      "flow-net",
      still ? { x: [], y: [] } : { x: net.map((_, bar) => shown.start + shown.step * (bar + 0.5)), y: net },
    );
    this.charts.set(this.charts.model("flow-net-line").glyph, { line_color: { value: colour("ink") } });
  }

  bars(name, shown, colour) {
    const empty = () => ({ left: [], right: [], bottom: [], top: [], color: [], title: [], btc: [] });
    const solid = empty();
    const hatched = empty();
    const tall = { up: 0, down: 0 };
    const gap = shown.step * 0.14;
    for (let bar = 0; bar < shown.bars; bar += 1) {
      const left = shown.start + shown.step * bar + gap;
      for (const [way, flows] of Object.entries(SIDES[name])) {
        let from = 0;
        for (const [into, amounts, said] of [
          [solid, shown.flows, "confirmed"],
          [hatched, shown.waiting, "waiting"],
        ]) {
          for (const flow of flows) {
            const sats = amounts[flow][bar];
            if (!sats) continue;
            const to = from + sats / 1e8;
            const sign = way === "up" ? 1 : -1;
            const values = {
              left,
              right: left + shown.step - 2 * gap,
              bottom: sign * from,
              top: sign * to,
              color: colour(flow),
              title: `${words.flows[flow].join(" ")}, ${said}`,
              btc: btcShort(sats),
            };
            for (const [key, value] of Object.entries(values)) into[key].push(value);
            from = to;
          }
        }
        tall[way] = Math.max(tall[way], from);
      }
    }
    this.charts.fill(`${name}-bars`, solid);
    this.charts.fill(`${name}-bars-waiting`, hatched);
    return tall;
  }

  rows(inside) {
    const shown = this.columns();
    if (!shown) return;
    const flows = Object.keys(words.flows);
    const rows = shown.flows.inflow.map((_, bar) => [
      moment(shown.start + shown.step * bar),
      ...flows.map((flow) => btcShort(shown.flows[flow][bar])),
      btcShort(flows.reduce((sum, flow) => sum + shown.waiting[flow][bar], 0)),
    ]);
    plainTable(inside, ["From", ...flows.map((flow) => words.flows[flow][1]), "Waiting"], rows.reverse());
  }
}

const NAMES = [
  ["1h", "1 h"],
  ["6h", "6 h"],
  ["24h", "24 h"],
  ["7d", "7 d"],
];

export function mount(host, params) {
  const flow = frame("flow", "The flow as a table");
  const other = frame("other");
  const windows = h(
    "div",
    { class: "windows", id: "windows", role: "group", "aria-label": "Window of time" },
    ...NAMES.map(([name, text]) => h("button", { type: "button", "data-window": name, "aria-pressed": "false", text })),
  );
  const legend = [
    ["inter_exchange", "⇄ exchange to exchange"],
    ["internal", "↻ internal"],
    ["unknown", "• unknown"],
  ];
  // The table is of both charts; each is a picture of its own.
  const lower = saveButtons("other-flows", { figure: () => charts.document && charts.model("other") });
  lower.prepend("The lower chart: ");
  flow.table.lastElementChild.before(lower);
  host.replaceChildren(
    windows,
    flow.chart,
    h("p", { class: "note legend" }, ...legend.map(([flow_, text]) => h("span", { class: `key ${flow_}`, text }))),
    other.chart,
    flow.note,
    flow.table,
  );
  place(params, "figure", flow.inside);
  place(params, "other", other.inside);
  const chart = new FlowChart({ flow, other, windows, params });
  params.on("window", (name) => {
    if (name !== chart.window) chart.choose(name);
  });
  drawn(chart, ["flow", "flow_words", "rows"]);
}
export const render = component(mount);
