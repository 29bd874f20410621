// Time against feerate: what waits is dashed and hollow, what confirmed is solid; as large as its BTC.
import { btc, feerate, moment, now, say, words } from "../static/format.js";
import { calm, clockTicks, colours, idle, niceLog } from "../static/charts.js";
import { charts, drawn, frame, place } from "../static/chart.js";
import { plainTable, whenOpen } from "../static/tables.js";
import { choose } from "../static/whales.js";
import { component } from "../static/component.js";
import { store } from "../static/page_feed.js";

const LONGEST = 6 * 3_600_000;
const SHORTEST = 20 * 60_000;
const LEAST_MARKED = 12; // pixels: smaller ones have no room for their flow's mark
const MOST_MARKED = 120;
const MARK = 12; // pixels of a mark: one that would lie on another is left out

class Bubbles {
  constructor({ chart, note, table }) {
    Object.assign(this, { charts, store, note, host: chart });
    this.changed = calm(this.host, () => charts.when((this.drawing ??= () => this.draw())));
    this.table = whenOpen(table, (inside) =>
      plainTable(
        inside,
        ["Seen", "BTC", "sat/vB", "Flow", "Status"],
        this.rows()
          .sort((a, b) => b.seen - a.seen)
          .slice(0, 200)
          .map((row) => [moment(row.seen), btc(row.moved), feerate(row.rate), words.flows[row.flow][1], row.status]),
      ),
    );
    this.host.addEventListener("click", () => {
      const id = charts.document && (charts.under("bubbles-waiting") ?? charts.under("bubbles-done"));
      if (id) choose(id);
    });
  }

  received() {
    say(this.note, this.store.parts.bubbles?.words ?? "…");
    this.table();
    this.changed();
  }

  rows() {
    const from = now() - LONGEST;
    return [...this.store.rows.values()].filter(
      (row) => row.rate !== null && row.seen >= from && (row.status === "pending" || row.status === "confirmed"),
    );
  }

  draw() {
    const rows = this.rows().sort((a, b) => b.moved - a.moved);
    idle(this.host, rows.length ? "" : "no whale yet");
    const colour = colours();
    const rates = rows.map((row) => row.rate);
    const low = Math.min(1, ...rates) * 0.7;
    const high = Math.max(8, ...rates) * 1.5;
    // A program that has just begun to watch shows what it has, not six empty hours.
    const oldest = Math.min(now(), ...rows.map((row) => row.seen));
    const span = Math.min(LONGEST, Math.max(SHORTEST, (now() - oldest) * 1.06));
    const end = now() + span * 0.04;
    this.charts.range("bubbles", "x", end - span, end);
    this.charts.range("bubbles", "y", low, high);
    this.charts.ticks("bubbles", "x", clockTicks(end - span, end, this.host.clientWidth < 420 ? 5 : 8));
    this.charts.ticks(
      "bubbles",
      "y",
      niceLog(low, high).map((at) => [at, feerate(at)]),
    );
    for (const [name, status] of [
      ["bubbles-done", "confirmed"],
      ["bubbles-waiting", "pending"],
    ]) {
      const here = rows.filter((row) => row.status === status);
      const of = (pick) => here.map(pick);
      this.charts.fill(name, {
        x: of((row) => row.seen),
        y: of((row) => row.rate),
        size: of(size),
        fill: of((row) => colour(row.flow)),
        line: of((row) => (status === "pending" ? colour(row.flow) : colour("card"))),
        id: of((row) => row.id),
        title: of((row) => words.flows[row.flow].join(" ")),
        btc: of((row) => btc(row.moved)),
        fee: of((row) => feerate(row.rate)),
        note: of((row) => (status === "pending" ? "waiting" : row.words)),
      });
    }
    const marked = this.marked(rows, { begin: end - span, span, low, high });
    this.charts.fill("bubbles-names", {
      x: marked.map((row) => row.seen),
      y: marked.map((row) => row.rate),
      text: marked.map((row) => words.flows[row.flow][0]),
      color: marked.map((row) => colour(row.status === "pending" ? "ink" : "card")),
    });
  }

  // The largest first; a mark that would lie on another is left out.
  marked(rows, { begin, span, low, high }) {
    const { clientWidth: wide, clientHeight: tall } = this.host;
    const spots = [];
    for (const row of rows.slice(0, MOST_MARKED)) {
      const spot = {
        row,
        x: ((row.seen - begin) / span) * wide,
        y: (Math.log(row.rate / low) / Math.log(high / low)) * tall,
      };
      if (size(row) >= LEAST_MARKED && spots.every((one) => Math.hypot(one.x - spot.x, one.y - spot.y) > MARK))
        spots.push(spot);
    }
    return spots.map((one) => one.row);
  }
}

const size = (row) => Math.min(40, 7 + Math.sqrt(row.moved / 1e8) * 0.5);

export function mount(host, params) {
  const parts = frame("bubbles");
  host.replaceChildren(parts.chart, parts.note, parts.table);
  place(params, "figure", parts.inside);
  drawn(new Bubbles(parts), ["bubbles", "rows"]);
}
export const render = component(mount);
