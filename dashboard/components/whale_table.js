// Whales that wait, or that ended: which rows, in which order, and what is said of none.
import { clock, h, integer, words } from "../static/format.js";
import { ENDED_COLUMNS, PENDING_COLUMNS, endedCells, pendingCells } from "./cells.js";
import { choose, chosen, filter } from "../static/whales.js";
import { on, state, store } from "../static/page_feed.js";
import { Table } from "./table.js";
import { across } from "./across.js";
import { component } from "../static/component.js";
import { csvOf } from "./whale_csv.js";
import { saveButtons } from "../static/save.js";

const phone = matchMedia("(max-width: 820px)");
const tables = {};
const level = () => store.parts.status?.level;
// The operator may change it while the page is open; until the feed says it, the one it was composed with.
const threshold = () =>
  `more than ${Number(((store.parts.status?.threshold ?? words.threshold) / 1e8).toFixed(8))} BTC`;

const KINDS = {
  pending: {
    id: "pending",
    label: "Mempool predictions",
    columns: PENDING_COLUMNS,
    fill: (row) => pendingCells(state.tip, state.price)(row),
    of: (row) => row.status === "pending",
    order: (a, b) => b.seen - a.seen || (a.id < b.id ? -1 : 1),
    reading: "Reading what waits…",
    filtered: "No waiting whale passes the filters.",
    none() {
      if (level() === "blind") return "Nothing can be seen yet. Whales appear here by themselves.";
      if (level() === "blocks_only") return "Mempool predictions unavailable: only blocks arrive at the moment.";
      return (
        `No whale is waiting. A whale moves ${threshold()}; there can be an hour without one, ` +
        "and then five in a minute."
      );
    },
  },
  ended: {
    id: "confirmed",
    label: "Confirmed flows",
    columns: ENDED_COLUMNS,
    fill: (row) => endedCells(state.price)(row),
    of: (row) => row.status !== "pending",
    order: (a, b) => (b.ended ?? 0) - (a.ended ?? 0) || (a.id < b.id ? -1 : 1),
    reading: "Reading what came true…",
    filtered: "No ended whale passes the filters.",
    none: () =>
      "Nothing has confirmed yet since Spout began to watch. Each whale moves here when its block comes, " +
      "and is told whether its forecast held.",
  },
};

function empty(kind, all) {
  if (!state.known) return kind.reading;
  return filter.active && all.some(kind.of) ? kind.filtered : kind.none();
}

export function mount(host, params) {
  const which = params.get("which");
  const kind = KINDS[which];
  host.className = "table";
  host.id = kind.id;
  const most = () => params.get(phone.matches ? "most_phone" : "most");
  const inside = h("div");
  const listed = () => [...store.rows.values()].filter((row) => kind.of(row) && filter.test(row)).sort(kind.order);
  const saving = saveButtons(`${which}-whales`, { rows: () => csvOf(listed()) });
  host.replaceChildren(inside, saving);
  const table = new Table(inside, { label: kind.label, columns: kind.columns, fill: kind.fill, open: choose, most });
  tables[which] = table;
  const tally = host.closest(".card")?.querySelector(".tally");
  let drawn = null;
  table.again = () => {
    const all = [...store.rows.values()];
    const rows = listed();
    saving.hidden = rows.length === 0;
    table.show(rows, empty(kind, all));
    if (tally) tally.textContent = all.length ? integer(rows.length) : "";
    if (which === "pending") stale(rows.length > 0);
  };
  on(["rows", "status", "filters"], (_, ended) => {
    const said = `${state.tip} ${state.price?.currency} ${state.price?.per_btc}`;
    if (said !== drawn) {
      drawn = said;
      table.refill();
    }
    // Both tables are drawn in one go, by the one that a whale leaves.
    if (which === "pending" && tables.ended) across(ended, table, tables.ended, both);
    else if (which === "pending" || !tables.pending) table.again();
  });
  table.again();
  on(["open"], () => {
    table.select(chosen.open);
    params.set("selected", chosen.open);
  });
  params.on("selected", (id) => {
    if (id !== chosen.open) choose(id);
  });
}

function both() {
  tables.pending.again();
  tables.ended.again();
}

// What waits is as it was last known: said, and shown paler.
function stale(waiting) {
  const is = level() === "blocks_only" || level() === "blind";
  document.documentElement.classList.toggle("stale", is);
  const note = document.getElementById("pending-note");
  const { since } = store.parts.status ?? {};
  if (note) note.textContent = is && waiting && since ? `as of ${clock(since)}` : "waiting, not yet final";
}
export const render = component(mount);
