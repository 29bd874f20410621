// Six figures: what waits, by flow; the feerates; how the forecasts held.
import { btcShort, feerate, h, integer, plural, say, share } from "../static/format.js";
import { on, store } from "../static/page_feed.js";
import { component } from "../static/component.js";

const FIGURES = [
  ["waiting", "", "waiting in the mempool"],
  ["inflow", "inflow", "on the way to exchanges"],
  ["outflow", "outflow", "leaving exchanges"],
  ["net", "", "net, if all of it confirms"],
  ["fees", "", "sat/vB next block · within an hour"],
  ["held", "", "forecasts that came due"],
];

export function mount(host) {
  const parts = {};
  const figure = ([name, tone, words]) => {
    parts[name] = h("b", { id: `fig-${name}`, text: "…" });
    parts[`${name}-note`] = h("small", { id: `fig-${name}-note`, text: words });
    return h("div", { class: tone || null }, parts[name], parts[`${name}-note`]);
  };
  const strip = h("section", { class: "strip", "aria-label": "What is moving" }, ...FIGURES.map(figure));
  host.replaceChildren(strip);
  on(["totals", "status"], () => {
    // Nothing known is not nothing there.
    const dark = store.parts.totals.whales === 0 && ["blind", "blocks_only"].includes(store.parts.status?.level);
    strip.classList.toggle("dark", dark);
    for (const [name, words] of Object.entries(figures(store.parts.totals, dark))) say(parts[name], words);
  });
}

// What each figure and its note say of `totals`; `dark`: nothing can be seen at the moment.
export function figures(totals, dark) {
  const flows = totals.by_flow;
  const said = (mark, sats) => (dark ? "unknown" : `${mark}${btcShort(sats)} BTC`);
  const net = flows.inflow - flows.outflow;
  const still = dark ? "net" : "net: as much in as out";
  const none = dark ? "waiting in the mempool" : "waiting: no whale at the moment";
  return {
    waiting: said("", totals.waiting),
    "waiting-note": totals.whales ? `waiting in ${plural(totals.whales, "whale")}` : none,
    inflow: said("▼ ", flows.inflow),
    outflow: said("▲ ", flows.outflow),
    net: said("", Math.abs(net)),
    "net-note": net === 0 ? still : `net ${net > 0 ? "to" : "from"} exchanges, if all confirm`,
    fees: totals.next_block === null ? "unknown" : `${feerate(totals.next_block)} · ${feerate(totals.hour)}`,
    held: totals.due ? `${integer(totals.on_time)} of ${integer(totals.due)}` : "none yet",
    "held-note": totals.due ? heldNote(totals) : "no forecast has come due",
  };
}

function heldNote({ on_time: held, due, between: [low, high] }) {
  return `latest forecasts held: ${share(held / due)} (${Math.round(low * 100)}–${Math.round(high * 100)})`;
}
export const render = component(mount);
