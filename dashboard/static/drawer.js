// One whale, whole: why we say what we say, what became of every forecast, who spends what.
import { btc, btcExact, clock, duration, feerate, h, integer, moment, percent, plural, words } from "./format.js";
import { forecastWords } from "./cells.js";
import { revisions } from "./revisions.js";

export class Drawer {
  constructor(dialog, { ask, closed }) {
    Object.assign(this, { dialog, ask, closed });
    this.id = null;
    this.row = null;
    dialog.addEventListener("close", () => { this.id = this.row = null; closed(); this.back?.focus?.({ preventScroll: true }); });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }

  open(id) {
    this.back = document.activeElement;
    this.id = id;
    this.row = null;
    if (!this.dialog.open) {
      this.dialog.replaceChildren(this.head("Reading…"), h("p", { class: "soft", text: "Asking the appliance for everything it knows." }));
      this.dialog.showModal();
    }
    this.ask(id);
  }

  // The whale changed while it is looked at: ask again, once a version.
  refresh(rows) {
    if (!this.id) return;
    const row = rows.get(this.id);
    if (row && this.row && row.version !== this.row.version && this.asked !== row.version) {
      this.asked = row.version;
      this.ask(this.id);
    }
  }

  show(told) {
    if (told.id !== this.id) return;
    const { whale } = told;
    if (!whale || whale.error) {
      this.dialog.replaceChildren(this.head("This whale is not known"), h("p", { class: "soft", text: whale?.error ?? "It may be older than the history that is kept." }));
      return;
    }
    const open = new Set([...this.dialog.querySelectorAll("details[open]")].map((one) => one.dataset.name));
    const scroll = this.dialog.scrollTop;
    this.row = whale.row;
    this.dialog.replaceChildren(...this.parts(whale));
    for (const one of this.dialog.querySelectorAll("details")) if (open.has(one.dataset.name)) one.open = true;
    this.dialog.scrollTop = scroll;
  }

  head(title, ...more) {
    return h("header", {}, h("h2", { id: "drawer-title", text: title }), ...more,
      h("button", { type: "button", class: "icon close", "aria-label": "Close", onclick: () => this.dialog.close() }, h("span", { "aria-hidden": "true", text: "×" })));
  }

  parts({ row, whale, ...told }) {
    const [mark, flow] = words.flows[row.flow];
    return [
      this.head(`${btc(row.moved)} BTC`, h("p", { class: `flow ${row.flow}` }, h("i", { "aria-hidden": "true", text: mark }), h("b", { text: flow }), h("span", { class: "names", text: `${row.from ?? "unlabelled"} → ${row.to ?? "unlabelled"}` }))),
      state(row, whale),
      txid(whale.txid),
      part("Why we say so", evidence(whale, told)),
      part("When", when(row, whale), revisions(told.forecasts, whale)),
      told.lineage.length > 1 ? part("Replacements", lineage(told.lineage)) : null,
      part("What happened", story(told.story, whale)),
      coins("Inputs", told.inputs, told.more_inputs),
      coins("Outputs", told.outputs, told.more_outputs),
    ].filter(Boolean);
  }
}

const part = (title, ...children) => h("section", {}, h("h3", { text: title }), ...children);
const facts = (pairs) => h("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== undefined).flatMap(([name, value]) => [h("dt", { text: name }), h("dd", {}, value)]));

function state(row, whale) {
  const said = {
    pending: "Waiting in the mempool: not final, and it may still be replaced or dropped.",
    confirmed: `Confirmed in block ${integer(whale.confirmed_height ?? 0)}.`,
    replaced: "Replaced: it can no longer confirm.",
    dropped: "Dropped: it left the mempool without a block.",
  }[whale.status];
  const how = whale.status === "confirmed" ? `${row.words} · ${row.note}` : whale.reason;
  return h("p", { class: "state", "data-status": whale.status }, h("b", { text: said }), how ? h("span", { text: ` ${how}` }) : null);
}

function txid(id) {
  const link = words.explorer ? h("a", { href: `${words.explorer}/tx/${encodeURIComponent(id)}`, target: "_blank", rel: "noopener noreferrer", text: "Open in your explorer" }) : null;
  const copy = h("button", { type: "button", class: "plain", text: "Copy", onclick: () => navigator.clipboard?.writeText(id).then(() => { copy.textContent = "Copied"; }) });
  return h("p", { class: "txid" }, h("code", { text: id }), navigator.clipboard ? copy : null, link);
}

function evidence(whale, told) {
  const lines = whale.evidence.length ? whale.evidence : ["No evidence is written down for this one yet."];
  return h("div", {},
    h("ul", {}, ...lines.map((line) => h("li", { text: line }))),
    h("p", { class: "soft", text: told.moved_words + (told.missing_inputs ? ` ${plural(told.missing_inputs, "input")} with an owner not known yet.` : "") }),
    facts([
      ["Moves", `${btcExact(whale.moved_sat)} BTC`],
      ["Between", whale.moved_low_sat !== whale.moved_high_sat ? `${btcExact(whale.moved_low_sat)} and ${btcExact(whale.moved_high_sat)} BTC` : null],
      ["All outputs", `${btcExact(whale.gross_sat)} BTC`],
      ["Stays in the group", whale.internal_sat ? `${btcExact(whale.internal_sat)} BTC` : null],
      ["Fee", whale.fee_sat === null ? "unknown" : `${integer(whale.fee_sat)} sat for ${whale.vsize === null ? "an unknown size" : `${integer(whale.vsize)} vB`}`],
      ["Feerate", `${feerate(whale.fee_rate)} sat/vB${feerate(whale.effective_fee_rate) !== feerate(whale.fee_rate) ? ` · ${feerate(whale.effective_fee_rate)} with its package` : ""}`],
      ["Names from", [...whale.from_entities, ...whale.to_entities].map((party) => `${party.name}: ${party.basis}`).join("; ") || null],
    ]),
    told.marks.length ? h("ul", { class: "meanings" }, ...told.marks.map(([name, meaning]) => h("li", {}, h("span", { class: "mark", text: name }), ` ${meaning}`))) : null);
}

function when(row, whale) {
  const said = forecastWords(row, null);
  return facts([
    ["First seen", `${moment(row.seen)} by ${whale.first_seen_by}`],
    ["Forecast", whale.predicted_block === null && !whale.confirmation_probability ? (whale.no_forecast ? `none: ${whale.no_forecast}` : "no forecast yet") : [said.what, said.how].filter(Boolean).join(" · ")],
    ["Within 1, 3, 6 blocks", whale.confirmation_probability ? ["1", "3", "6"].map((n) => percent(whale.confirmation_probability[n])).join(" · ") : null],
    ["Confidence", whale.confidence_score === null ? null : percent(whale.confidence_score)],
    ["Confirmed", whale.confirmed_at ? `${moment(Date.parse(whale.confirmed_at))}, ${whale.lead_time_s === null ? "never seen before" : `seen ${duration(whale.lead_time_s)} ahead`}` : null],
  ]);
}

const lineage = (txids) => h("ol", { class: "lineage" }, ...txids.map((id, index) => h("li", {}, h("code", { text: id }), h("small", { text: index === txids.length - 1 ? " the one that counts" : " replaced" }))));

function story(told, whale) {
  if (!told.length) return h("p", { class: "soft", text: `First seen ${clock(Date.parse(whale.detected_at))}; nothing more is written down.` });
  return h("ol", { class: "story" }, ...told.map((one) => h("li", {}, h("time", { datetime: new Date(one.at).toISOString(), text: moment(one.at) }), h("span", { text: one.reason ? `${one.words}: ${one.reason}` : one.words }))));
}

function coins(title, list, more) {
  const rows = list.map((one) => h("tr", {}, h("td", {}, h("code", { text: one.what }), one.label ? h("b", { text: ` ${one.label}` }) : null), h("td", { class: "num", text: one.sat === null ? "unknown" : btcExact(one.sat) })));
  return h("details", { "data-name": title }, h("summary", { text: `${title} (${list.length + more})` }),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col", text: title === "Inputs" ? "Coin spent" : "Address" }), h("th", { scope: "col", class: "num", text: "BTC" }))), h("tbody", {}, ...rows))),
    more ? h("p", { class: "soft", text: `and ${integer(more)} more` }) : null);
}
