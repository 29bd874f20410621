// The queue: each projected block a vessel, its water as deep as its feerates, and every whale where it floats.
import { btc, btcShort, feerate, say, words } from "../static/format.js";
import { calm, colours, idle, niceLog } from "../static/charts.js";
import { charts, drawn, frame, place } from "../static/chart.js";
import { plainTable, whenOpen } from "../static/tables.js";
import { choose } from "../static/whales.js";
import { component } from "../static/component.js";
import { store } from "../static/page_feed.js";

const GAP = 0.05;
const FULL = 1_000_000;
const LEAST_SLOTS = 3; // a short queue is drawn beside the room that is still free

class Queue {
  constructor({ chart, note, table }) {
    Object.assign(this, { charts, store, note, host: chart });
    this.changed = calm(this.host, () => charts.when((this.drawing ??= () => this.draw())));
    this.table = whenOpen(table, (inside) =>
      plainTable(inside, ["Block", "sat/vB", "Transactions", "Whales", "BTC"], this.store.parts.queue?.table ?? []),
    );
    this.host.addEventListener("click", () => {
      const id = charts.document && charts.under("queue-whales");
      if (id) choose(id);
    });
  }

  received() {
    say(this.note, this.store.parts.queue?.words ?? "…");
    this.table();
    this.changed();
  }

  draw() {
    const { blocks, whales } = this.store.parts.queue ?? {};
    idle(this.host, blocks ? "" : "not known yet");
    if (!blocks) return void this.clear();
    const colour = colours();
    const least = Math.min(...blocks.map((block) => block.rates[0]), ...whales.map((whale) => whale.rate), 100);
    const front = blocks[0]?.rates ?? [1, 2];
    const low = Math.max(0.05, least * 0.62);
    const high = Math.max(front.at(-2) ?? front.at(-1), front[0] * 2, low * 8) * 1.75;
    this.slots = Math.max(blocks.length, LEAST_SLOTS);
    this.charts.range("queue", "x", -GAP, this.slots + GAP);
    this.charts.range("queue", "y", low, high);
    this.charts.ticks(
      "queue",
      "y",
      niceLog(low, high).map((at) => [at, feerate(at)]),
    );
    this.vessels(blocks, low, high, colour);
    this.whales(blocks, whales, low, high, colour);
  }

  vessels(blocks, low, high, colour) {
    const top = (rate) => Math.min(Math.max(rate, low * 1.12), high / 1.28);
    const water = { xs: [], ys: [], fill: [], hatch: [], alpha: [] };
    const surface = { xs: [], ys: [], line: [] };
    const vessels = { left: [], right: [], bottom: [], top: [], line: [], fill: [] };
    const prices = { x: [], y: [], text: [], color: [] };
    blocks.forEach((block, index) => {
      const left = index + GAP;
      const width = 1 - 2 * GAP;
      const edge = block.rates.map((rate, at) => [left + width * (1 - block.shares[at]), top(rate)]).reverse();
      water.xs.push([left, ...edge.map(([x]) => x), left + width]);
      water.ys.push([low, ...edge.map(([, y]) => y), low]);
      water.fill.push(colour("water"));
      water.hatch.push(colour("hatch"));
      surface.xs.push(edge.map(([x]) => x));
      surface.ys.push(edge.map(([, y]) => y));
      surface.line.push(colour("accent"));
      water.alpha.push(1 - index * 0.07);
      if (filled(block) < 1)
        write(prices, {
          x: left + width / 2,
          y: low * Math.exp(27 / this.tall(low, high)),
          text: `${Math.max(1, Math.round(filled(block) * 100))} % full`,
          color: colour("soft"),
        });
      write(prices, {
        x: left + width / 2,
        y: low * Math.exp(11 / this.tall(low, high)),
        text: block.price === null ? "" : feerate(block.price),
        color: colour("soft"),
      });
    });
    for (let index = blocks.length; index < this.slots; index += 1) {
      write(vessels, {
        left: index + GAP,
        right: index + 1 - GAP,
        bottom: low,
        top: low * Math.exp(44 / this.tall(low, high)),
        line: colour("soft"),
        fill: colour("card"),
      });
      write(prices, {
        x: index + 0.5,
        y: low * Math.exp(22 / this.tall(low, high)),
        text: "empty",
        color: colour("soft"),
      });
    }
    this.charts.fill("queue-water", water);
    this.charts.fill("queue-surface", surface);
    this.charts.fill("queue-vessels", vessels);
    this.charts.fill("queue-prices", prices);
  }

  // The largest first; one that would hide another dives below it.
  whales(blocks, whales, low, high, colour) {
    const wide = Math.max(200, this.host.clientWidth - 60) / (this.slots + 2 * GAP);
    const tall = this.tall(low, high);
    const placed = [];
    const out = { x: [], y: [], size: [], fill: [], line: [], id: [], title: [], btc: [], fee: [], note: [] };
    const names = { x: [], y: [], text: [], color: [] };
    for (const whale of whales) {
      const size = Math.min(48, 10 + Math.sqrt(whale.moved / 1e8) * 0.76);
      const beyond = whale.depth === null;
      const x = beyond ? blocks.length - 0.02 : Math.floor(whale.depth) + GAP + (1 - 2 * GAP) * (whale.depth % 1);
      const margin = size / 2 / wide;
      const spot = {
        x: Math.min(Math.max(x, margin - GAP), this.slots + GAP - margin),
        up: Math.log(Math.min(Math.max(whale.rate, low * 1.1), high / 1.15) / low),
        size,
      };
      for (
        let dive = 0;
        dive < 12 &&
        placed.some(
          (one) => Math.hypot((one.x - spot.x) * wide, (one.up - spot.up) * tall) < (one.size + size) / 2 - 1,
        );
        dive += 1
      )
        spot.up -= (size * 0.42) / tall;
      spot.up = Math.min(Math.max(spot.up, size / 2 / tall), Math.log(high / low) - size / 2 / tall);
      placed.push(spot);
      const row = this.store.rows.get(whale.id);
      const y = low * Math.exp(spot.up);
      const values = {
        x: spot.x,
        y,
        size,
        fill: colour(whale.flow),
        line: colour("card"),
        id: whale.id,
        title: words.flows[whale.flow].join(" "),
        btc: btc(whale.moved),
        fee: feerate(whale.rate),
        note: `${row?.from ?? "unlabelled"} → ${row?.to ?? "unlabelled"}`,
      };
      write(out, values);
      const mark = words.flows[whale.flow][0];
      write(names, {
        x: spot.x,
        y,
        text: size >= 40 ? `${mark}\n${btcShort(whale.moved)}` : mark,
        color: colour("card"),
      });
    }
    this.charts.fill("queue-whales", out);
    this.charts.fill("queue-names", names);
  }

  // Pixels for each factor e of feerate.
  tall(low, high) {
    return (this.host.clientHeight - 42) / Math.log(high / low);
  }

  clear() {
    for (const name of [
      "queue-water",
      "queue-surface",
      "queue-vessels",
      "queue-prices",
      "queue-whales",
      "queue-names",
    ]) {
      const columns = Object.keys(this.charts.model(name).data);
      this.charts.fill(name, Object.fromEntries(columns.map((column) => [column, []])));
    }
  }
}

const filled = (block) => (block.vsize >= FULL * 0.96 ? 1 : block.vsize / FULL);
function write(columns, values) {
  for (const [name, value] of Object.entries(values)) columns[name].push(value);
}

export function mount(host, params) {
  const parts = frame("queue");
  host.replaceChildren(parts.chart, parts.note, parts.table);
  place(params, "figure", parts.inside);
  drawn(new Queue(parts), ["queue", "rows"]);
}
export const render = component(mount);
