// Flow over time. Above: to exchanges up, from them down, and the net line. Below: what is neither.
import { btcShort, integer, moment, words } from "./format.js";
import { calm, clockTicks, colours, idle, nice } from "./bokeh.js";
import { plainTable, whenOpen } from "./tables.js";

const WINDOWS = { "1h": "the last hour", "6h": "the last 6 hours", "24h": "the last 24 hours", "7d": "the last 7 days" };
const SIDES = { flow: { up: ["inflow"], down: ["outflow"] }, other: { up: ["inter_exchange", "internal", "unknown"], down: [] } };

export class FlowChart {
  constructor(charts, store) {
    Object.assign(this, { charts, store });
    this.host = document.querySelector("[data-chart=flow]");
    this.changed = calm(this.host.closest(".card"), () => charts.when(this.drawing ??= () => this.draw()));
    this.table = whenOpen(document.getElementById("flow-table"), () => this.rows());
    const asked = new URLSearchParams(location.search).get("window");
    this.chosen = Boolean(document.querySelector(`[data-window="${CSS.escape(asked ?? "")}"]`));
    this.window = this.chosen ? asked : "24h";
    document.getElementById("windows").addEventListener("click", (event) => { const name = event.target.closest("[data-window]")?.dataset.window; if (name) this.choose(name); });
    this.dress();
  }

  choose(name) {
    this.window = name;
    this.chosen = true;
    const search = new URLSearchParams(location.search);
    search.set("window", name);
    const text = search.toString().replaceAll("%2C", ",");
    history.replaceState(history.state, "", text ? `?${text}` : location.pathname);
    this.dress();
    this.told();
    this.charts.when(() => this.draw());
  }

  dress() { for (const button of document.querySelectorAll("[data-window]")) button.setAttribute("aria-pressed", String(button.dataset.window === this.window)); }

  // Until somebody chooses: the shortest window that holds all that is known, a day at most.
  fit() {
    const told = this.store.parts.flow?.windows;
    if (this.chosen || !told) return;
    const sum = (name) => Object.values(told[name].flows).flat().reduce((all, sats) => all + sats, 0);
    const day = sum("24h");
    this.window = ["1h", "6h"].find((name) => day && sum("7d") === sum(name)) ?? "24h";
    this.dress();
  }

  told() {
    this.fit();
    const said = this.store.parts.flow_words?.[this.window]?.words ?? "…";
    const note = document.getElementById("flow-words");
    if (note.textContent !== said) note.textContent = said;
    this.table();
    this.changed();
  }

  // Satoshi by flow and bar: what confirmed (from the appliance) and what waits (from the page's own rows).
  columns() {
    const told = this.store.parts.flow?.windows[this.window];
    if (!told) return null;
    const waiting = Object.fromEntries(Object.keys(words.flows).map((flow) => [flow, new Array(told.bars).fill(0)]));
    for (const row of this.store.rows.values()) {
      if (row.status !== "pending") continue;
      const bar = Math.min(told.bars - 1, Math.floor((row.seen - told.start) / told.step));
      if (bar < 0) continue;
      for (const [flow, sats] of Object.entries(row.split ?? { [row.flow]: row.moved })) waiting[flow][bar] += sats;
    }
    return { ...told, waiting };
  }

  draw() {
    const told = this.columns();
    if (!told) return;
    const colour = colours();
    const end = told.start + told.step * told.bars;
    const most = this.host.clientWidth < 420 ? 5 : 8;
    for (const name of ["flow", "other"]) {
      const tall = this.bars(name, told, colour);
      this.charts.range(name, "x", told.start, end);
      const empty = !tall.up && !tall.down ? 100 : 0;
      idle(document.querySelector(`[data-chart=${name}]`), empty ? `nothing in ${WINDOWS[this.window]}` : "");
      const low = name === "flow" ? -Math.max(tall.down, empty) * 1.12 : 0;
      const high = Math.max(tall.up, empty, 0.01) * 1.12;
      this.charts.range(name, "y", low, high);
      this.charts.ticks(name, "y", nice(low, high, name === "flow" ? 7 : 3).map((at) => [at, integer(Math.abs(at))]));
      this.charts.ticks(name, "x", name === "flow" ? [] : clockTicks(told.start, end, most));
    }
    this.charts.fill("flow-zero", { x0: [told.start], x1: [end], y: [0], color: [colour("soft")] });
    const net = told.flows.inflow.map((sats, bar) => (sats - told.flows.outflow[bar]) / 1e8);
    const still = net.every((coins) => coins === 0);
    this.charts.fill("flow-net", still ? { x: [], y: [] } : { x: net.map((_, bar) => told.start + told.step * (bar + 0.5)), y: net });
    this.charts.set(this.charts.model("flow-net-line").glyph, { line_color: { value: colour("ink") } });
  }

  bars(name, told, colour) {
    const empty = () => ({ left: [], right: [], bottom: [], top: [], color: [], title: [], btc: [] });
    const solid = empty();
    const hatched = empty();
    const tall = { up: 0, down: 0 };
    const gap = told.step * 0.14;
    for (let bar = 0; bar < told.bars; bar += 1) {
      const left = told.start + told.step * bar + gap;
      for (const [way, flows] of Object.entries(SIDES[name])) {
        let from = 0;
        for (const [into, amounts, said] of [[solid, told.flows, "confirmed"], [hatched, told.waiting, "waiting"]]) {
          for (const flow of flows) {
            const sats = amounts[flow][bar];
            if (!sats) continue;
            const to = from + sats / 1e8;
            const sign = way === "up" ? 1 : -1;
            const values = { left, right: left + told.step - 2 * gap, bottom: sign * from, top: sign * to, color: colour(flow), title: `${words.flows[flow].join(" ")}, ${said}`, btc: btcShort(sats) };
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

  rows() {
    const told = this.columns();
    if (!told) return;
    const flows = Object.keys(words.flows);
    const rows = told.flows.inflow.map((_, bar) => [moment(told.start + told.step * bar), ...flows.map((flow) => btcShort(told.flows[flow][bar])), btcShort(flows.reduce((sum, flow) => sum + told.waiting[flow][bar], 0))]);
    plainTable(document.getElementById("flow-table"), ["From", ...flows.map((flow) => words.flows[flow][1]), "Waiting"], rows.reverse());
  }
}
