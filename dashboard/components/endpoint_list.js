// Where alerts go: each endpoint with how it fares, and what can be done about it.
import { KINDS } from "./endpoint_draft.js";
import { MUTES, figuresOf, mutedUntil, rulesOf, stateOf, testWords } from "./endpoint_words.js";
import { button, redraw, said, secretOnce, twice, whileShown } from "../static/said.js";
import { h, now } from "../static/format.js";
import { callOf, known, load, onEndpoints } from "./known_endpoints.js";
import { Editor } from "./endpoint_editor.js";
import { component } from "../static/component.js";

const EVERY = 15_000;
const SECRET_WORDS =
  "Put it where the webhook is received, to check its signature. It is shown this once; a lost one is made anew.";

class EndpointList {
  constructor(host, params) {
    this.list = h("ul", { class: "endpoints" });
    this.list.append(h("li", { class: "soft", text: "Reading…" }));
    this.secrets = h("div", { "aria-live": "polite" });
    const [fields, names, kept] = ["fields", "names", "kept"].map((name) => params.get(name));
    this.editor = new Editor(fields, { names, kept }, (made, words) => this.saved(made, words));
    this.results = new Map();
    // The list grows at the end, so that nothing moves when it comes.
    host.replaceChildren(this.adding(), this.secrets, this.list, this.editor.dialog);
    onEndpoints(() => this.draw());
    this.again = whileShown(host, load, { every: EVERY, failed: (refusal) => this.failed(refusal) });
  }

  adding() {
    const add = ([kind, { title, words }]) =>
      h(
        "button",
        { type: "button", class: "button add", "data-kind": kind, onclick: () => this.editor.begin(kind) },
        h("b", { text: title }),
        h("small", { text: words }),
      );
    return h(
      "div",
      { class: "adding", role: "group", "aria-label": "Add where alerts go" },
      h("h3", { text: "Add where alerts go" }),
      ...Object.entries(KINDS).map(add),
    );
  }

  failed(refusal) {
    redraw(this.list, refusal.message, () => [h("li", { class: "empty", text: refusal.message })]);
  }

  draw() {
    const all = known.endpoints;
    const minute = Math.floor(now() / 60_000);
    redraw(this.list, [all, [...this.results], minute], () =>
      all.length ? all.map((one) => this.row(one)) : [empty()],
    );
  }

  row(endpoint) {
    const [tone, words] = stateOf(endpoint, now());
    const result = this.results.get(endpoint.id);
    return h(
      "li",
      { class: "endpoint", "data-tone": tone, "data-id": endpoint.id },
      h(
        "div",
        { class: "who" },
        h("h3", { text: endpoint.name }),
        h("small", { text: [KINDS[endpoint.kind].title, targetWords(endpoint)].filter(Boolean).join(" · ") }),
        h("small", { class: "rules", text: rulesOf(endpoint) }),
      ),
      h(
        "p",
        { class: "now" },
        h("i", { "aria-hidden": "true" }),
        words,
        tone === "bad" && endpoint.enabled ? h("a", { href: "#deliveries", text: "See why" }) : null,
      ),
      h(
        "dl",
        {},
        ...figuresOf(endpoint, now()).map(([name, text]) => h("div", {}, h("dt", { text: name }), h("dd", { text }))),
      ),
      this.buttons(endpoint),
      h("output", {
        class: result?.delivered === false ? "result wrong" : "result",
        text: result ? testWords(result) : "",
      }),
    );
  }

  buttons(endpoint) {
    const { id, name } = endpoint;
    const option = (what) => ({ "data-key": `${what}-${id}`, "aria-label": `${what}: ${name}` });
    return h(
      "div",
      { class: "buttons" },
      button("Send a test", () => this.test(endpoint), option("Send a test")),
      button("Edit", () => this.editor.edit(endpoint), option("Edit")),
      endpoint.kind === "heartbeat" ? null : this.muting(endpoint, option("Mute")),
      button(
        endpoint.enabled ? "Turn off" : "Turn on",
        () => this.change(endpoint, { enabled: !endpoint.enabled }, endpoint.enabled ? "is off" : "is on"),
        option(endpoint.enabled ? "Turn off" : "Turn on"),
      ),
      endpoint.kind === "webhook"
        ? twice(
            "New secret",
            "Really? The old one signs along for a day",
            () => this.rotate(endpoint),
            option("New secret"),
          )
        : null,
      twice("Delete", "Really delete?", () => this.remove(endpoint), option("Delete")),
    );
  }

  muting(endpoint, options) {
    if (mutedUntil(endpoint, now()))
      return button("Unmute", () => this.change(endpoint, { muted_until: null }, "is heard again"), options);
    const select = h(
      "select",
      { ...options, class: "button" },
      h("option", { value: "", text: "Mute…" }),
      ...MUTES.map(([seconds, text]) => h("option", { value: seconds, text: `for ${text}` })),
    );
    select.addEventListener("change", () => {
      const until = new Date(now() + Number(select.value) * 1000).toISOString();
      this.change(endpoint, { muted_until: until }, "is muted; what comes is still recorded").catch((refusal) =>
        said(refusal.message, "error"),
      );
    });
    return select;
  }

  async change(endpoint, change, words) {
    await callOf(endpoint, "PATCH", "", change);
    said(`${endpoint.name} ${words}`);
    await this.again();
  }

  async test(endpoint) {
    const result = await callOf(endpoint, "POST", "/test", {});
    this.results.set(endpoint.id, result);
    said(`${endpoint.name}: ${testWords(result)}`, result.delivered ? "success" : "error");
    await this.again();
  }

  async rotate(endpoint) {
    const rotated = await callOf(endpoint, "POST", "/rotate-secret", {});
    this.shows(rotated);
    said(`${endpoint.name} has a new secret; the old one signs beside it for a day`);
  }

  async remove(endpoint) {
    await callOf(endpoint, "DELETE");
    said(`${endpoint.name} is deleted`);
    await this.again();
  }

  saved(endpoint, words) {
    this.results.delete(endpoint.id);
    this.shows(endpoint);
    said(words);
    this.again();
  }

  shows(endpoint) {
    if (endpoint.secret)
      this.secrets.replaceChildren(secretOnce(`The secret of ${endpoint.name}`, endpoint.secret, SECRET_WORDS));
  }
}

const targetWords = ({ url, email, telegram }) =>
  url ?? (email ? `${email.to} by ${email.host}` : telegram ? `chat ${telegram.chat_id}` : "");

const empty = () =>
  h("li", {
    class: "empty",
    text: "Nobody is told yet, and nothing leaves your network. Add one above: a test shows at once whether it arrives.",
  });

export function mount(host, params) {
  return new EndpointList(host, params);
}
export const render = component(mount);
