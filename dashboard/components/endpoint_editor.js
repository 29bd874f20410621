// The form of one endpoint, over the page: what it would have sent stands beside the rules while they are edited.
import * as draft from "./endpoint_draft.js";
import { button, busy } from "../static/said.js";
import { Fields } from "../static/fields.js";
import { call } from "../static/api.js";
import { callOf } from "./known_endpoints.js";
import { h } from "../static/format.js";
import { testWords } from "./endpoint_words.js";

const PREVIEW_AFTER = 400;
const CLASH = "was changed elsewhere meanwhile: save once more to put yours in its place";
const ADDRESS = {
  webhook: "https://host/path; alerts are sent there as signed JSON",
  apprise: "an Apprise address with one target, like ntfy://host/topic",
  heartbeat: "the push address of your monitor, like Uptime Kuma's",
};
// Words of the API that name no field of the form, and where they belong.
const ALIASES = {
  telegram: "telegram.token",
  email: "email.host",
  quiet_hours: "quiet_hours.from",
  watch: "watch.fee_under",
};

export class Editor {
  constructor(described, { names, kept }, saved) {
    Object.assign(this, { described, names, kept, saved });
    this.dialog = h("dialog", { class: "editor", "aria-labelledby": "editor-title" });
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    this.dialog.addEventListener("input", () => this.previewSoon());
  }

  begin(kind) {
    this.open(kind, null);
  }

  edit(endpoint) {
    this.open(endpoint.kind, endpoint);
  }

  open(kind, endpoint) {
    Object.assign(this, { kind, endpoint });
    const address = endpoint?.url ? `Now ${endpoint.url}. Left empty, it stays.` : ADDRESS[kind];
    const stays = "Left empty, it stays as it is.";
    this.fields = new Fields(
      this.described,
      endpoint
        ? { url: address, "email.password": stays, "telegram.token": stays, "telegram.api_url": keptServer(endpoint) }
        : { url: address },
    );
    if (endpoint) this.fields.write(draft.valuesOf(endpoint));
    this.before = this.fields.read();
    this.result = h("output", { class: "result" });
    this.periods = h("div", { class: "preview", "aria-live": "polite" });
    this.sampled = h("p", { class: "soft", text: LAST_WHALE });
    this.unfillable = h("small", { class: "wrong", role: "status" });
    this.sample = h("pre", { class: "sample", text: "" });
    this.leaving = h("span", { class: "soft", role: "status" });
    this.dialog.replaceChildren(...this.parts().filter(Boolean));
    this.dialog.showModal();
    this.dialog.scrollTop = 0;
    this.preview();
  }

  parts() {
    const { kind, endpoint } = this;
    const title = endpoint ? `Edit ${endpoint.name}` : `Add: ${draft.KINDS[kind].title}`;
    const sends = kind !== "heartbeat";
    return [
      h(
        "header",
        {},
        h("h2", { id: "editor-title", text: title }),
        h("button", { type: "button", class: "icon", "aria-label": "Close", text: "×", onclick: () => this.leave() }),
      ),
      this.part("Where", ["name", ...draft.TARGET[kind]], help(kind)),
      sends ? this.part("What is sent", draft.WHICH, this.periods) : null,
      sends ? this.more("Flows, events and names", draft.WHICH_MORE) : null,
      sends ? this.more("When it may ring", draft.WHEN) : null,
      sends ? this.more("Also tell me of fees, net flow, reports", draft.WATCHED) : null,
      sends ? this.more("How it reads", draft.TEXT, this.reading()) : null,
      h(
        "footer",
        {},
        this.fields.wrong,
        this.result,
        h(
          "div",
          { class: "buttons" },
          button(endpoint ? "Save" : "Add", () => this.save(), { class: "button primary" }),
          button("Send a test", () => this.test()),
          button("Close", () => this.leave()),
          this.leaving,
        ),
      ),
      h("div", { class: "toasts", role: "status", "aria-live": "polite" }),
    ];
  }

  part(title, names, after) {
    return h("section", {}, h("h3", { text: title }), this.form(names), after);
  }

  more(title, names, after = null) {
    const set = names.some((name) => isSet(this.fields.all.get(name)));
    return h("details", { open: set }, h("summary", { text: title }), this.form(names), after);
  }

  form(names) {
    return h("div", { class: "form" }, ...names.map((name) => this.fields.element(name)));
  }

  reading() {
    return h(
      "div",
      {},
      h(
        "p",
        { class: "soft" },
        "Names you can use: ",
        h("code", { text: this.names.map((name) => `$${name}`).join(" ") }),
      ),
      this.unfillable,
      this.sampled,
      this.sample,
    );
  }

  async save() {
    const { endpoint, kind } = this;
    await this.refusing(async () => {
      if (endpoint && (await this.clashed())) return;
      const values = this.fields.read();
      const change = endpoint ? draft.changeOf(kind, this.before, values) : null;
      if (change && !Object.keys(change).length) {
        this.result.textContent = "Nothing was changed.";
        return;
      }
      const made = endpoint
        ? await callOf(endpoint, "PATCH", "", change)
        : await call("POST", "endpoints", draft.bodyOf(kind, values));
      this.fields.forgetSecrets();
      this.dialog.close();
      this.saved(
        made,
        endpoint ? `${made.name} is saved: ${changed(change)}` : `${made.name} is added. Alerts go there from now on.`,
      );
    });
  }

  // Takes into the form what was saved elsewhere since it was opened. True where both changed the same: then it is said
  // beside the field, and the next press saves what stands there.
  async clashed() {
    const { endpoint: opened, before, fields } = this;
    const latest = await callOf(opened, "GET");
    const { base, moved, values, clashes } = draft.rebased({ before, typed: fields.read(), opened, latest });
    Object.assign(this, { endpoint: latest, before: base });
    for (const name of Object.keys(moved)) fields.write({ [name]: values[name] });
    if (clashes.length) fields.refuse({ message: "", faults: clashes.map((name) => ({ name, words: CLASH })) });
    return clashes.length > 0;
  }

  // What stands in the form, saved or not. Of a saved one its secrets are not here: unless it moves, it is tested there.
  async test() {
    const values = this.fields.read();
    const { endpoint, kind } = this;
    this.result.className = "result";
    this.result.textContent = "Sending…";
    await this.refusing(async () => {
      const moves = !endpoint || draft.movesTarget(draft.changeOf(kind, this.before, values));
      const result = moves
        ? await call("POST", "endpoints/test", draft.bodyOf(kind, { ...values, name: values.name ?? "Test" }))
        : await callOf(endpoint, "POST", "/test", {});
      this.result.className = result.delivered ? "result good" : "result wrong";
      this.result.textContent = testWords(result);
      this.result.scrollIntoView({ block: "nearest" });
    });
  }

  async refusing(act) {
    this.fields.clear();
    try {
      await act();
    } catch (refusal) {
      this.result.textContent = "";
      this.fields.refuse(refusal, ALIASES);
    }
  }

  previewSoon() {
    clearTimeout(this.timer);
    this.leaving.textContent = "";
    this.timer = setTimeout(() => this.preview(), PREVIEW_AFTER);
  }

  async preview() {
    const asked = (this.previewed = {});
    if (this.kind === "heartbeat") return;
    const { fields } = this;
    const values = fields.read();
    const body = draft.previewOf(this.kind, values, this.endpoint, this.kept);
    const drawn = await call("POST", "endpoints/preview", body).then(
      (found) => ({ lines: periodWords(found), ...sampleOf(found, values.template) }),
      (refusal) => ({ lines: [refusedWords(refusal, fields)], of: LAST_WHALE, text: "" }),
    );
    if (asked !== this.previewed) return;
    this.periods.replaceChildren(...drawn.lines.map((text) => h("p", { text })));
    this.unfillable.textContent = drawn.unfillable ?? "";
    this.sampled.textContent = drawn.of;
    this.sample.textContent = drawn.text;
  }

  leave() {
    const typed = JSON.stringify(this.fields.read()) !== JSON.stringify(this.before);
    if (typed && !this.leaving.textContent) {
      this.leaving.replaceChildren(
        "What you typed is not saved. ",
        h("button", {
          type: "button",
          class: "plain",
          text: "Throw it away",
          onclick: busy(() => this.dialog.close()),
        }),
      );
      this.leaving.querySelector("button").focus();
      return;
    }
    this.dialog.close();
  }
}

const isSet = ({ kind, value, input }) => {
  if (kind === "flag") return false;
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && input.dataset.name !== "degraded_after_s";
};

// Each period in a line; the last alert of all is said once.
const LAST = "; the last: ";
const IN_DEMO = "This is the demo: once your node answers, you see here what the rules would have sent.";
const periodWords = ({ demo, periods, left_out: leftOut }) =>
  demo
    ? [IN_DEMO]
    : [
        ...periods.map(({ days, words }, at) => {
          const [counted, last] = words.split(LAST);
          const again = at > 0 && periods[at - 1].words.split(LAST)[1] === last;
          return `In the last ${days} days: ${again ? counted : words}.`;
        }),
        ...(leftOut ? [leftOut] : []),
      ];
// As it arrives; a text of one's own stands alone, and is one of whales.
const LAST_WHALE = "The last alert that these rules would have sent:";
const EXAMPLE = "There was no whale yet that these rules would have sent. An example, no real whale:";
function sampleOf({ last, example, template_faults: faults }, template) {
  const invented = example && (template || !last);
  const { title, text } = invented ? example : last;
  return {
    of: invented ? EXAMPLE : LAST_WHALE,
    text: template ? text : `${title}\n${text}`,
    unfillable: faults ? `Your text ${faults}. It stands as it is until you mend it.` : "",
  };
}
const refusedWords = (refusal, fields) => (refusal.demo ? IN_DEMO : fields.worded(refusal, ALIASES));

const NAMES = {
  url: "address",
  email: "mail",
  telegram: "chat",
  quiet_hours: "quiet hours",
  budget_per_hour: "budget",
  one_thread: "one message a whale",
  degraded_after_s: "lost sources",
  every_minutes: "pace",
};
const changed = (change) =>
  Object.keys(change)
    .map((name) => NAMES[name] ?? name)
    .join(", ");

const keptServer = ({ telegram }) =>
  telegram?.api_url ? `Now ${telegram.api_url}. Left empty, it stays.` : "only if you run your own; empty: Telegram's";

const HELP = {
  telegram: "Ask @BotFather for a bot, write it a message from your phone, then put its token and your chat id here.",
  webhook: "Its secret is shown once after it is added: the receiver checks with it that an alert is yours.",
};
const help = (kind) => (HELP[kind] ? h("p", { class: "soft", text: HELP[kind] }) : null);
