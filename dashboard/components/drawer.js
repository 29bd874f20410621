// One whale, whole: why we say what we say, what became of every forecast, who spends what.
import { btc, btcExact, clock, h, integer, moment, words } from "../static/format.js";
import { evidence, part, when } from "./evidence.js";
import { LateAlerts } from "./late_alerts.js";
import { revisions } from "./revisions.js";

const FOCUSABLE = "a[href], button, summary, [tabindex]";
const keyOf = (one) => `${one.tagName} ${one.closest("details")?.dataset.name ?? one.className}`;

export class Drawer {
  constructor(dialog, { ask, closed }) {
    Object.assign(this, { dialog, ask, closed });
    this.id = null;
    this.row = null;
    this.alerts = new LateAlerts();
    dialog.addEventListener("close", () => {
      this.id = this.row = null;
      closed();
      this.back?.focus?.({ preventScroll: true });
    });
    dialog.addEventListener("click", (event) => {
      // The second click of two on a row meets the card that the first one opened.
      if (event.target === dialog && event.detail < 2) dialog.close();
    });
  }

  open(id) {
    this.id = id;
    this.row = null;
    if (!this.dialog.open) {
      this.back = document.activeElement;
      this.dialog.replaceChildren(
        this.head("Reading…"),
        h("p", { class: "soft", text: "Asking the appliance for everything it knows." }),
      );
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

  show(known) {
    if (known.id !== this.id) return;
    const { whale } = known;
    if (!whale || whale.error) {
      this.fill(
        this.head("This whale is not known"),
        h("p", { class: "soft", text: whale?.error ?? "It may be older than the history that is kept." }),
      );
      this.focusAgain();
      return;
    }
    const open = new Set([...this.dialog.querySelectorAll("details[open]")].map((one) => one.dataset.name));
    const scroll = this.dialog.scrollTop;
    this.row = whale.row;
    this.fill(...this.parts(whale));
    for (const one of this.dialog.querySelectorAll("details")) if (open.has(one.dataset.name)) one.open = true;
    this.focusAgain();
    this.dialog.scrollTop = scroll;
  }

  // What has the focus goes with the rest: `focusAgain` finds it, or what stands in its place.
  fill(...parts) {
    const { activeElement } = document;
    this.focused = this.dialog.contains(activeElement) ? activeElement : null;
    this.dialog.replaceChildren(...parts);
  }

  focusAgain() {
    if (!this.focused) return;
    const alike = [...this.dialog.querySelectorAll(FOCUSABLE)].find((one) => keyOf(one) === keyOf(this.focused));
    const again = this.focused.isConnected ? this.focused : (alike ?? this.dialog.querySelector(".close"));
    again.focus({ preventScroll: true });
  }

  head(title, ...more) {
    return h(
      "header",
      {},
      h("h2", { id: "drawer-title", text: title }),
      ...more,
      h(
        "button",
        { type: "button", class: "icon close", "aria-label": "Close", onclick: () => this.dialog.close() },
        h("span", { "aria-hidden": "true", text: "×" }),
      ),
    );
  }

  parts({ row, whale, ...known }) {
    const [mark, flow] = words.flows[row.flow];
    return [
      this.head(
        `${btc(row.moved)} BTC`,
        h(
          "p",
          { class: `flow ${row.flow}` },
          h("i", { "aria-hidden": "true", text: mark }),
          h("b", { text: flow }),
          h("span", { class: "names", text: `${row.from ?? "unlabelled"} → ${row.to ?? "unlabelled"}` }),
        ),
      ),
      state(row, whale),
      txid(whale.txid),
      part("Why we say so", evidence(whale, known)),
      part("When", when(row, whale, known.seen_by), revisions(known.forecasts, whale)),
      known.lineage.length > 1 ? part("Replacements", lineage(known.lineage)) : null,
      part("What happened", story(known.story, whale)),
      this.alerts.of(whale, known.outputs),
      coins("Inputs", known.inputs, known.more_inputs),
      coins("Outputs", known.outputs, known.more_outputs),
    ].filter(Boolean);
  }
}

function state(row, whale) {
  const said = {
    pending: "Waiting in the mempool: not final, and it may still be replaced or dropped.",
    confirmed: `Confirmed in block ${integer(whale.confirmed_height ?? 0)}.`,
    replaced: "Replaced: it can no longer confirm.",
    dropped: "Dropped: it left the mempool without a block.",
  }[whale.status];
  const how = whale.status === "confirmed" ? `${row.words} · ${row.note}` : whale.reason;
  return h(
    "p",
    { class: "state", "data-status": whale.status },
    h("b", { text: said }),
    how ? h("span", { text: ` ${how}` }) : null,
  );
}

function txid(id) {
  const link = words.explorer
    ? h("a", {
        href: `${words.explorer}/tx/${encodeURIComponent(id)}`,
        target: "_blank",
        rel: "noopener noreferrer",
        text: "Open in your explorer",
      })
    : null;
  const copy = h("button", {
    type: "button",
    class: "plain",
    text: "Copy",
    onclick: () =>
      navigator.clipboard?.writeText(id).then(() => {
        copy.textContent = "Copied";
      }),
  });
  return h("p", { class: "txid" }, h("code", { text: id }), navigator.clipboard ? copy : null, link);
}

const lineage = (txids) =>
  h(
    "ol",
    { class: "lineage" },
    ...txids.map((id, index) =>
      h(
        "li",
        {},
        h("code", { text: id }),
        h("small", { text: index === txids.length - 1 ? " the one that counts" : " replaced" }),
      ),
    ),
  );

function story(known, whale) {
  if (!known.length)
    return h("p", {
      class: "soft",
      text: `First seen ${clock(Date.parse(whale.detected_at))}; nothing more is written down.`,
    });
  return h(
    "ol",
    { class: "story" },
    ...known.map((one) =>
      h(
        "li",
        {},
        h("time", { datetime: new Date(one.at).toISOString(), text: moment(one.at) }),
        h("span", { text: one.reason ? `${one.words}: ${one.reason}` : one.words }),
      ),
    ),
  );
}

function coins(title, listed, more) {
  const rows = listed.map((one) =>
    h(
      "tr",
      {},
      h("td", {}, h("code", { text: one.what }), one.label ? h("b", { text: ` ${one.label}` }) : null),
      h("td", { class: "num", text: one.sat === null ? "unknown" : btcExact(one.sat) }),
    ),
  );
  return h(
    "details",
    { "data-name": title },
    h("summary", { text: `${title} (${listed.length + more})` }),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col", text: title === "Inputs" ? "Coin spent" : "Address" }),
            h("th", { scope: "col", class: "num", text: "BTC" }),
          ),
        ),
        h("tbody", {}, ...rows),
      ),
    ),
    more ? h("p", { class: "soft", text: `and ${integer(more)} more` }) : null,
  );
}
