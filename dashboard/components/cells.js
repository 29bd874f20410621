// How one whale is written in a row: waiting, or ended.
import {
  age,
  btc,
  btcShort,
  duration,
  feerate,
  h,
  integer,
  moneyShort,
  percent,
  plural,
  words,
} from "../static/format.js";

export const PENDING_COLUMNS = ["Moves, BTC", "From and to", "Forecast", "Urgency", "Marks", "Age"];
export const ENDED_COLUMNS = ["Moved, BTC", "From and to", "Did it hold?", "Block", "Seen ahead", "Ended"];

export const pendingCells = (tip, price) => (row) => [
  amount(row, price),
  route(row),
  forecast(row, tip),
  urgency(row),
  marks(row),
  h("span", { class: "when" }, age(row.seen)),
];

export const endedCells = (price) => (row) => [
  amount(row, price),
  route(row),
  h(
    "span",
    { class: "result", "data-tone": row.tone, "aria-colspan": row.height ? null : 3, title: row.note },
    h("b", { text: `${{ ok: "✓", miss: "✕", gone: "⊘" }[row.tone] ?? "·"} ${row.words}` }),
    h("small", { text: row.note }),
  ),
  // What ended in no block has a reason instead, and room for it.
  ...(row.height
    ? [
        h("span", { class: "block" }, h("b", { text: integer(row.height) })),
        h(
          "span",
          { class: "ahead" },
          h("small", { text: row.lead === null || row.lead === undefined ? "" : `${duration(row.lead)} ahead` }),
        ),
      ]
    : []),
  h("span", { class: "when" }, row.ended ? age(row.ended) : "unknown"),
];

export function amount(row, price) {
  const beside = [
    sure(row),
    row.gross !== row.moved && !(row.is === "up_to" && row.gross === row.high) ? `${btcShort(row.gross)} gross` : null,
  ]
    .filter(Boolean)
    .join(" · ");
  return h(
    "span",
    { class: "amount", title: words.moved[row.is] },
    h("b", { text: btc(row.moved) }),
    h("small", { class: "unit", text: " BTC" }),
    beside ? h("small", { class: "beside", text: beside }) : null,
    // A line of its own: it must push no doubt out of sight.
    price
      ? h("small", { class: "beside worth", text: moneyShort((row.moved / 1e8) * price.per_btc, price.currency) })
      : null,
  );
}

// Where what we say and the most it can be are the same, the doubt is downwards.
function sure(row) {
  if (row.is !== "up_to") return row.is === "likely" ? "likely" : null;
  if (row.high > row.moved) return `up to ${btcShort(row.high)}`;
  if (row.low >= row.moved) return "up to";
  return row.low === 0 ? "perhaps none of it" : `perhaps only ${btcShort(row.low)}`;
}

export function route(row) {
  const [mark, name] = words.flows[row.flow];
  const others = otherFlows(row);
  const meaning = others.map(([flow, sats]) => `${words.flows[flow][1]}: ${btcShort(sats)} BTC`).join("; ");
  return h(
    "span",
    { class: "route" },
    h(
      "span",
      { class: `flow ${row.flow}` },
      h("i", { "aria-hidden": "true", text: mark }),
      h("b", { text: name }),
      ...others.map(([flow, sats]) =>
        h("small", { title: meaning, text: ` ${words.flows[flow][0]} ${btcShort(sats)}` }),
      ),
    ),
    h(
      "span",
      { class: "names", title: `${row.from ?? "unlabelled"} → ${receivers(row)}` },
      party(row.from),
      h("i", { "aria-label": "to", text: " → " }),
      party(row.to === null ? null : receivers(row)),
    ),
  );
}
const party = (name) => h("span", { class: name ? "named" : "unnamed", text: name ?? "unlabelled" });

// One transaction can be several flows (a batch that pays a customer and another exchange): the largest gives the row
// its name, and the others stand beside it with what they move.
export function otherFlows(row) {
  return Object.entries(row.split ?? {})
    .filter(([flow, sats]) => flow !== row.flow && sats > 0)
    .sort(([, a], [, b]) => b - a);
}

// What leaves to nobody we know is not among the names of who receives.
export function receivers(row) {
  if (row.to === null) return "unlabelled";
  const toUnlabelled = row.split && (row.split.outflow > 0 || row.split.unknown > 0);
  return toUnlabelled ? `${row.to} and unlabelled` : row.to;
}

export function forecast(row, tip) {
  const said = forecastWords(row, tip);
  return h(
    "span",
    { class: "forecast" },
    h(said.strong ? "b" : "span", { text: said.what }),
    said.how ? h("small", { text: said.how }) : null,
  );
}

export function forecastWords(row, tip) {
  if (!row.forecast)
    return {
      what: row.unforecast === "its fee is not known" ? "no forecast" : "no forecast yet",
      how: row.unforecast ?? null,
      strong: false,
    };
  const eta = row.eta === null ? null : `~${duration(row.eta)}`;
  if (row.block === null) return { what: "Over 144 blocks", how: `${percent(row.p)} within a day`, strong: true };
  const chance = row.p === null ? "≥ 80 %" : percent(row.p);
  const ahead = tip === null || tip === undefined ? null : row.block - tip;
  const how = [chance, eta].filter(Boolean).join(" · ");
  if (ahead === 1) return { what: "Next block", how, strong: true };
  if (ahead !== null && ahead < 1)
    return { what: `Was due: ${integer(row.block)}`, how: `${plural(1 - ahead, "block")} late`, strong: true };
  return {
    what: `Block ${integer(row.block)}`,
    how: [ahead === null ? null : `in ${ahead}`, how].filter(Boolean).join(" · "),
    strong: true,
  };
}

function urgency(row) {
  const rate =
    row.rate === null
      ? h("small", { class: "rate", text: "feerate unknown" })
      : h("small", { class: "rate" }, h("b", { text: feerate(row.rate) }), " sat/vB");
  if (!row.urgency) return h("span", { class: "urgency" }, h("small", { text: "not rated yet" }), rate);
  const bar = h("span", { class: `bar ${row.urgency}`, "aria-hidden": "true" }, h("i", {}));
  bar.firstChild.style.width = `${Math.round(row.score * 100)}%`;
  return h("span", { class: "urgency" }, h("span", { class: "level" }, bar, h("small", { text: row.urgency })), rate);
}

export const marks = (row) =>
  h(
    "span",
    { class: "marks" },
    ...row.flags.map(([name, meaning]) =>
      h("span", {
        class: name === "conflict" || name === "reorged" || name === "unverified" ? "mark loud" : "mark",
        title: meaning,
        text: name,
      }),
    ),
  );
