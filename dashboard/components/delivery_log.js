// What was sent, to whom, with each attempt; what was held back and by what; and once more.
import { STATUS, attemptWords, heldWords } from "./endpoint_words.js";
import { button, redraw, said, whileShown } from "../static/said.js";
import { h, integer, moment, now, plural } from "../static/format.js";
import { load, nameOf, onEndpoints } from "./known_endpoints.js";
import { call } from "../static/api.js";
import { Paging } from "../static/paging.js";
import { component } from "../static/component.js";

const EVERY = 10_000;
const PAGE = 25;
const HOUR = 3_600_000;
const SINCE = [
  ["", "any time"],
  [String(HOUR), "last hour"],
  [String(24 * HOUR), "last 24 hours"],
  [String(7 * 24 * HOUR), "last 7 days"],
];
const HEAD = ["When", "To", "What", "Came of it", ""];

class DeliveryLog {
  constructor(host, params) {
    this.events = params.get("events");
    this.paging = new Paging(
      (cursor) => this.ask(cursor),
      (page) => this.draw(page),
    );
    this.endpoint = choice("To", [["", "everybody"]]);
    this.status = choice("Came of it", [
      ["", "anything"],
      ...Object.entries(STATUS).map(([value, [, text]]) => [value, text.toLowerCase()]),
    ]);
    this.since = choice("When", SINCE);
    for (const one of [this.endpoint, this.status, this.since])
      one.select.addEventListener("change", () => this.filtered());
    this.body = h("tbody");
    this.words = h("output", { class: "soft", "aria-live": "polite", text: "Reading…" });
    this.newer = button("Newer", () => this.turn(-1), { hidden: true });
    this.older = button("Older", () => this.turn(1), { hidden: true });
    this.whole = button("Send all of these again", () => this.sendAllAgain(), { hidden: true });
    host.replaceChildren(
      h("div", { class: "form filters" }, this.endpoint.label, this.status.label, this.since.label),
      h(
        "div",
        { class: "scroll wide", tabindex: "0", role: "region", "aria-label": "Deliveries" },
        h(
          "table",
          { class: "paged" },
          h("thead", {}, h("tr", {}, ...HEAD.map((text) => h("th", { scope: "col", text: text || "Again" })))),
          this.body,
        ),
      ),
      h("div", { class: "pages" }, this.newer, this.older, this.words),
      h("div", { class: "buttons" }, this.whole),
    );
    onEndpoints((all) => this.offer(all));
    this.again = whileShown(host, () => this.paging.read(), {
      every: EVERY,
      failed: (refusal) => this.failed(refusal),
    });
  }

  failed(refusal) {
    this.words.textContent = refusal.message;
    // What other filters found is no answer to these.
    if (this.paging.stale) redraw(this.body, [], () => []);
  }

  offer(all) {
    const { select } = this.endpoint;
    const chosen = select.value;
    redraw(
      select,
      all.map(({ id, name }) => [id, name]),
      () => [
        h("option", { value: "", text: "everybody" }),
        ...all.map(({ id, name }) => h("option", { value: id, text: name })),
      ],
    );
    select.value = chosen;
  }

  filtered() {
    this.paging.restart();
    this.again();
  }

  turn(step) {
    this.paging.turn(step);
    return this.again();
  }

  get from() {
    const { value } = this.since.select;
    return value ? new Date(now() - Number(value)).toISOString() : "";
  }

  async ask(cursor) {
    const [endpoint, status] = [this.endpoint.select.value, this.status.select.value];
    const asked = new URLSearchParams({ limit: PAGE });
    const put = (name, value) => value && asked.set(name, value);
    put("endpoint_id", endpoint);
    put("status", status);
    put("since", this.from);
    put("cursor", cursor);
    const [page] = await Promise.all([call("GET", `deliveries?${asked}`), load()]);
    return page;
  }

  draw(page) {
    this.newer.hidden = this.paging.isFirst;
    this.older.hidden = !page.page_info.has_next;
    this.whole.hidden = !this.endpoint.select.value || !this.from || !page.deliveries.length;
    this.words.textContent = page.total_count
      ? plural(page.total_count, "delivery", "deliveries")
      : "Nothing here: nothing was sent, or nothing is as the filters ask.";
    redraw(this.body, page.deliveries, () => page.deliveries.map((one) => this.row(one)));
  }

  row(one) {
    const last = one.attempts.at(-1);
    const [tone, words] = STATUS[one.status];
    const at = last?.at ?? one.next_attempt_at;
    const why = [
      heldWords(one.because),
      one.status === "waiting" && one.next_attempt_at && `next try ${moment(Date.parse(one.next_attempt_at))}`,
      one.status === "waiting" && !last && !one.next_attempt_at && !one.because && "after the one before it",
    ];
    return h(
      "tr",
      { "data-id": one.id, "data-status": one.status },
      h(
        "td",
        { "data-label": "When" },
        at
          ? h("time", { datetime: at, text: moment(Date.parse(at)) })
          : h("span", { class: "soft", text: one.status === "waiting" ? "not tried yet" : "not sent" }),
      ),
      h("td", { "data-label": "To", text: nameOf(one.endpoint_id) }),
      h("td", {
        "data-label": "What",
        text: `${this.events[one.event_type] ?? one.event_type} · no. ${integer(one.sequence)}`,
      }),
      h(
        "td",
        { class: "came", "data-tone": tone },
        h("b", {}, h("i", { "aria-hidden": "true" }), words),
        h("span", {
          text: why
            .filter(Boolean)
            .map((text) => ` · ${text}`)
            .join(""),
        }),
        one.attempts.length > 1 ? this.attempts(one) : h("small", { text: last ? attemptWords(last) : "" }),
      ),
      h(
        "td",
        {},
        button("Send again", () => this.redeliver(one), {
          "data-key": one.id,
          "aria-label": `Send again: ${this.events[one.event_type]} to ${nameOf(one.endpoint_id)}`,
        }),
      ),
    );
  }

  attempts({ attempts }) {
    return h(
      "details",
      {},
      h("summary", { text: `${plural(attempts.length, "attempt")}; the last: ${attemptWords(attempts.at(-1))}` }),
      h(
        "ol",
        {},
        ...attempts.map((one) =>
          h("li", {}, h("time", { datetime: one.at, text: moment(Date.parse(one.at)) }), ` ${attemptWords(one)}`),
        ),
      ),
    );
  }

  async redeliver(one) {
    await call("POST", `deliveries/${one.id}/redeliver`, {});
    said("It is sent again, in a moment");
    setTimeout(this.again, 1_500);
    await this.again();
  }

  async sendAllAgain() {
    const { queued } = await call("POST", "deliveries/redeliver", {
      endpoint_id: this.endpoint.select.value,
      since: this.from,
    });
    said(`${plural(queued, "alert")} on the way again`);
    await this.again();
  }
}

function choice(title, options) {
  const select = h("select", {}, ...options.map(([value, text]) => h("option", { value, text })));
  const label = h("label", { class: "field" }, h("span", { text: title }), select);
  return { select, label };
}

export function mount(host, params) {
  return new DeliveryLog(host, params);
}
export const render = component(mount);
