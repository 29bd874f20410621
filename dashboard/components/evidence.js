// Why we say what we say of a whale, and when what happened: two sections of the drawer.
import { btcExact, duration, feerate, h, integer, moment, money, percent, plural } from "../static/format.js";
import { forecastWords } from "./cells.js";

const MOST_LABELS = 12;
const MOST_EVIDENCE = 12;

export const part = (title, ...children) => h("section", {}, h("h3", { text: title }), ...children);
const list = (lines) => h("ul", {}, ...lines.map((line) => h("li", { text: line })));
const facts = (pairs) =>
  h(
    "dl",
    {},
    ...pairs
      .filter(([, value]) => value !== null && value !== undefined)
      .flatMap(([name, value]) => [h("dt", { text: name }), h("dd", {}, value)]),
  );

export function evidence(whale, known) {
  const lines = whale.evidence.length ? whale.evidence : ["No evidence is written down for this one yet."];
  return h(
    "div",
    {},
    list(lines.slice(0, MOST_EVIDENCE)),
    lines.length > MOST_EVIDENCE
      ? h(
          "details",
          { "data-name": "Evidence" },
          h("summary", { text: `${integer(lines.length - MOST_EVIDENCE)} more reasons` }),
          list(lines.slice(MOST_EVIDENCE)),
        )
      : null,
    h("p", {
      class: "soft",
      text:
        known.moved_words +
        (known.missing_inputs ? ` ${plural(known.missing_inputs, "input")} with an owner not known yet.` : ""),
    }),
    facts([
      ["Moves", `${btcExact(whale.moved_sat)} BTC`],
      ["Worth now", whale.value_fiat ? money(whale.value_fiat.amount, whale.value_fiat.currency) : null],
      [
        "Between",
        whale.moved_low_sat !== whale.moved_high_sat
          ? `${btcExact(whale.moved_low_sat)} and ${btcExact(whale.moved_high_sat)} BTC`
          : null,
      ],
      ["All outputs", `${btcExact(whale.gross_sat)} BTC`],
      ["Stays in the group", whale.internal_sat ? `${btcExact(whale.internal_sat)} BTC` : null],
      [
        "Fee",
        whale.fee_sat === null
          ? "unknown"
          : `${integer(whale.fee_sat)} sat for ${whale.vsize === null ? "an unknown size" : `${integer(whale.vsize)} vB`}`,
      ],
      [
        "Feerate",
        `${feerate(whale.fee_rate)} sat/vB${feerate(whale.effective_fee_rate) !== feerate(whale.fee_rate) ? ` · ${feerate(whale.effective_fee_rate)} with its package` : ""}`,
      ],
      ["Labels", labels([...whale.from_entities, ...whale.to_entities])],
    ]),
    known.marks.length
      ? h(
          "ul",
          { class: "meanings" },
          ...known.marks.map(([name, meaning]) => h("li", {}, h("span", { class: "mark", text: name }), ` ${meaning}`)),
        )
      : null,
  );
}

export function when(row, whale, seenBy) {
  const said = forecastWords(row, null);
  return facts([
    ["First seen", `${moment(row.seen)} by ${seenBy}`],
    [
      "Forecast",
      whale.predicted_block === null && !whale.confirmation_probability
        ? whale.no_forecast
          ? `none: ${whale.no_forecast}`
          : "no forecast yet"
        : [said.what, said.how].filter(Boolean).join(" · "),
    ],
    [
      "Within 1, 3, 6 blocks",
      whale.confirmation_probability
        ? ["1", "3", "6"].map((n) => percent(whale.confirmation_probability[n])).join(" · ")
        : null,
    ],
    ["Confidence", whale.confidence_score === null ? null : percent(whale.confidence_score)],
    [
      "Confirmed",
      whale.confirmed_at
        ? `${moment(Date.parse(whale.confirmed_at))}, ${whale.lead_time_s === null ? "never seen before" : `seen ${duration(whale.lead_time_s)} ahead`}`
        : null,
    ],
  ]);
}

// A batch can pay hundreds: the outputs below name them all.
function labels(parties) {
  const said = [...new Set(parties.map((party) => `${party.name} (${party.basis})`))];
  const more = said.length - MOST_LABELS;
  return said.slice(0, MOST_LABELS).join(", ") + (more > 0 ? ` and ${integer(more)} more` : "") || null;
}
