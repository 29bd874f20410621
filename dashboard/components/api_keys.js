// API keys: who may ask, a new one shown this once, and no more.
import { Fields, plainField } from "../static/fields.js";
import { button, redraw, said, secretOnce, twice, whileShown } from "../static/said.js";
import { h, moment } from "../static/format.js";
import { call } from "../static/api.js";
import { component } from "../static/component.js";
import { newest } from "../static/paging.js";

const SCOPES = { read: "read", admin: "change everything" };

class ApiKeys {
  constructor(host) {
    this.read = newest(
      () => call("GET", "keys"),
      ({ keys }) => this.draw(keys),
    );
    this.fields = new Fields([
      plainField("name", "Name", { hint: "what it is for: Grafana, Home Assistant" }),
      plainField("scope", "What it may do", {
        kind: "one",
        options: Object.keys(SCOPES),
        titles: Object.values(SCOPES),
        value: "read",
      }),
    ]);
    this.secrets = h("div", { "aria-live": "polite" });
    this.list = h("ul", { class: "plainlist" }, h("li", { class: "soft", text: "Reading…" }));
    host.replaceChildren(
      // The list grows at the end, so that nothing moves when it comes.
      h(
        "form",
        { onsubmit: (event) => event.preventDefault() },
        h("div", { class: "form" }, this.fields.element("name"), this.fields.element("scope")),
        this.fields.wrong,
        h(
          "div",
          { class: "buttons" },
          button("Make a key", () => this.make(), { class: "button primary", type: "submit" }),
        ),
      ),
      this.secrets,
      this.list,
    );
    whileShown(host, () => this.read(), {
      failed: (refusal) =>
        redraw(this.list, refusal.message, () => [h("li", { class: "empty", text: refusal.message })]),
    });
  }

  draw(keys) {
    redraw(this.list, keys, () =>
      keys.length
        ? keys.map((one) => this.row(one))
        : [h("li", { class: "empty", text: "No key yet: nobody but this page may ask." })],
    );
  }

  row(key) {
    const until = key.revoked_at ? `, revoked ${moment(Date.parse(key.revoked_at))}` : "";
    return h(
      "li",
      { "data-name": key.name },
      h("div", {}, h("b", { text: key.name }), h("small", { text: ` may ${SCOPES[key.scope]}` })),
      h("small", { text: `made ${moment(Date.parse(key.created_at))}${until}` }),
      key.revoked_at
        ? null
        : twice("Revoke", "Really revoke?", () => this.revoke(key), {
            "aria-label": `Revoke ${key.name}`,
            "data-key": key.name,
          }),
    );
  }

  async make() {
    this.fields.clear();
    const { name, scope } = this.fields.read();
    try {
      const made = await call("POST", "keys", { name: name ?? "", scope });
      this.secrets.replaceChildren(
        secretOnce(
          `The key ${made.name}`,
          made.key,
          "Copy it now: it is shown this once, and only a hash of it is kept.",
        ),
      );
      said(`The key ${made.name} is made`);
      this.fields.write({ name: "" });
      await this.read();
    } catch (refusal) {
      this.fields.refuse(refusal.code === "taken" ? `name: ${refusal.message}` : refusal);
    }
  }

  async revoke(key) {
    await call("DELETE", `keys/${encodeURIComponent(key.name)}`);
    said(`The key ${key.name} opens nothing any more`);
    await this.read();
  }
}

export function mount(host) {
  return new ApiKeys(host);
}
export const render = component(mount);
