// The Live page: one store, two tables, the strip, the drawer and the charts.
import { btcShort, clock, feerate, integer, plural, setNow, share, words } from "./format.js";
import { ENDED_COLUMNS, PENDING_COLUMNS, endedCells, pendingCells } from "./cells.js";
import { Bubbles } from "./bubbles.js";
import { Charts } from "./bokeh.js";
import { Drawer } from "./drawer.js";
import { Feed } from "./feed.js";
import { Filters } from "./filters.js";
import { FlowChart } from "./flow.js";
import { Queue } from "./queue.js";
import { across } from "./across.js";
import { line, sameProgram, start, status } from "./frame.js";
import { Store } from "./store.js";
import { Table } from "./table.js";

const store = new Store();
const phone = matchMedia("(max-width: 820px)");
let tip = null;
let known = false;

const drawer = new Drawer(document.getElementById("drawer"), { ask: (id) => feed.ask(id), closed: () => { feed.ask(null); choose(null); } });
const pending = new Table(document.getElementById("pending"), {
  label: "Mempool predictions", columns: PENDING_COLUMNS, fill: (row) => pendingCells(tip)(row), open: choose, most: () => (phone.matches ? 5 : 8),
});
const confirmed = new Table(document.getElementById("confirmed"), {
  label: "Confirmed flows", columns: ENDED_COLUMNS, fill: endedCells, open: choose, most: () => (phone.matches ? 4 : 6),
});
const charts = new Charts();
const queue = new Queue(charts, store, choose);
const flow = new FlowChart(charts, store);
const bubbles = new Bubbles(charts, store, choose);
const filters = new Filters(document.getElementById("filters"), () => tables());

// The open whale is in the address, and one step of the browser's history: Back closes it.
function choose(id) {
  if (!id && history.state?.drawer) history.back();
  else if (id && !drawer.dialog.open) history.pushState({ drawer: true }, "", address(id));
  else history.replaceState(history.state, "", address(id));
  show(id);
}

function address(id) {
  const asked = new URLSearchParams(location.search);
  if (id) asked.set("whale", id); else asked.delete("whale");
  const search = asked.toString().replaceAll("%2C", ",");
  return search ? `?${search}` : location.pathname;
}

function show(id) {
  pending.select(id);
  confirmed.select(id);
  if (id) drawer.open(id);
}

addEventListener("popstate", () => {
  const id = new URLSearchParams(location.search).get("whale");
  if (id) show(id);
  else if (drawer.dialog.open) drawer.dialog.close();
});

function tables(ended = []) {
  const all = [...store.rows.values()];
  const seen = all.filter(filters.test());
  const waiting = seen.filter((row) => row.status === "pending").sort((a, b) => b.seen - a.seen || (a.id < b.id ? -1 : 1));
  const done = seen.filter((row) => row.status !== "pending").sort((a, b) => (b.ended ?? 0) - (a.ended ?? 0) || (a.id < b.id ? -1 : 1));
  across(ended, pending, confirmed, () => {
    pending.show(waiting, emptyWaiting(all));
    confirmed.show(done, emptyDone(all));
  });
  const rung = store.parts.status?.rung;
  const stale = rung === "blocks_only" || rung === "blind";
  document.documentElement.classList.toggle("stale", stale);
  text("pending-note", stale && waiting.length && store.parts.status.since ? `as of ${clock(store.parts.status.since)}` : "waiting, not yet final");
  text("pending-tally", all.length ? integer(waiting.length) : "");
  text("confirmed-tally", all.length ? integer(done.length) : "");
  filters.told(all.length - seen.length);
  filters.entities(new Set(all.flatMap((row) => row.names)));
}

const threshold = `more than ${integer(words.threshold / 1e8)} BTC`;
function emptyWaiting(all) {
  if (!known) return "Reading what waits…";
  if (filters.active && all.some((row) => row.status === "pending")) return "No waiting whale passes the filters.";
  if (store.parts.status?.rung === "blind") return "Nothing can be seen yet. Whales appear here by themselves.";
  if (store.parts.status?.rung === "blocks_only") return "Mempool predictions unavailable: only blocks arrive at the moment.";
  return `No whale is waiting. A whale moves ${threshold}; there can be an hour without one, and then five in a minute.`;
}
function emptyDone(all) {
  if (!known) return "Reading what came true…";
  if (filters.active && all.some((row) => row.status !== "pending")) return "No ended whale passes the filters.";
  return "Nothing has confirmed yet since Spout began to watch. Each whale moves here when its block comes, and is told whether its forecast held.";
}

function strip(totals) {
  const flows = totals.by_flow;
  // Nothing known is not nothing there.
  const dark = totals.whales === 0 && ["blind", "blocks_only"].includes(store.parts.status?.rung);
  document.querySelector(".strip").classList.toggle("dark", dark);
  const said = (mark, sats) => (dark ? "unknown" : `${mark}${btcShort(sats)} BTC`);
  text("fig-waiting", said("", totals.waiting));
  text("fig-waiting-note", totals.whales ? `waiting in ${plural(totals.whales, "whale")}` : dark ? "waiting in the mempool" : "waiting: no whale at the moment");
  text("fig-inflow", said("▼ ", flows.inflow));
  text("fig-outflow", said("▲ ", flows.outflow));
  const net = flows.inflow - flows.outflow;
  text("fig-net", said("", Math.abs(net)));
  text("fig-net-note", net === 0 ? (dark ? "net" : "net: as much in as out") : `net ${net > 0 ? "to" : "from"} exchanges, if all confirm`);
  text("fig-fees", totals.next_block === null ? "unknown" : `${feerate(totals.next_block)} · ${feerate(totals.hour)}`);
  text("fig-held", totals.due ? `${integer(totals.on_time)} of ${integer(totals.due)}` : "none yet");
  text("fig-held-note", totals.due ? `latest forecasts held: ${share(totals.on_time / totals.due)} (${Math.round(totals.between[0] * 100)}–${Math.round(totals.between[1] * 100)})` : "no forecast has come due");
}

function text(id, value) {
  const element = document.getElementById(id);
  if (element.textContent !== value) element.textContent = value;
}

function draw(changed, ended = []) {
  if (changed.has("status")) {
    status(store.parts.status);
    sameProgram(store.parts.status.assets);
    if (store.parts.status.tip !== tip) { tip = store.parts.status.tip; pending.refill(); }
  }
  if (changed.has("totals") || changed.has("status")) strip(store.parts.totals);
  if (changed.has("rows") || changed.has("status")) tables(ended);
  drawer.refresh(store.rows);
  if (changed.has("queue")) queue.told();
  if (changed.has("flow") || changed.has("flow_words") || changed.has("rows")) flow.told();
  if (changed.has("bubbles") || changed.has("rows")) bubbles.told();
}

const feed = new Feed("live", {
  onPicture(told) {
    setNow(told.now);
    known = true;
    const { parts, moved } = store.picture(told);
    draw(new Set([...parts, "rows"]), moved);
    document.documentElement.dataset.ready = "yes";
    requestAnimationFrame(() => setTimeout(() => charts.load()));
  },
  onChange(told) {
    setNow(told.now);
    const { parts, rowsChanged, ended } = store.change(told);
    if (rowsChanged) parts.add("rows");
    draw(parts, ended);
  },
  onWhale: (told) => drawer.show(told),
  onLine: line,
});
start();
addEventListener("spout-light", () => { for (const chart of [queue, flow, bubbles]) chart.changed(); charts.repaint(); });
const asked = new URLSearchParams(location.search).get("whale");
if (asked) addEventListener("load", () => { history.replaceState(null, "", address(null)); choose(asked); });
