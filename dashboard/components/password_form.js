// The operator's password: changed with the old one, after which everybody logs in anew.
import { Fields, plainField } from "../static/fields.js";
import { button, whileShown } from "../static/said.js";
import { call } from "../static/api.js";
import { component } from "../static/component.js";
import { h } from "../static/format.js";

const FIXED =
  "It stands in the environment (SPOUT_PASSWORD): change it there and restart. A page must not overrule it.";

class PasswordForm {
  constructor(host) {
    this.host = host;
    host.replaceChildren(h("p", { class: "soft", text: "Reading…" }));
    whileShown(host, () => this.read(), {
      failed: (refusal) => host.replaceChildren(h("p", { class: "empty", text: refusal.message })),
    });
  }

  async read() {
    const state = await call("GET", "confirm");
    if (this.fields && this.has === state.has_password) return;
    this.has = state.has_password;
    if (!state.may_change) this.host.replaceChildren(h("p", { class: "soft", text: FIXED }));
    else this.draw();
  }

  draw() {
    const secret = (name, label, hint = "") => plainField(name, label, { kind: "secret", hint });
    this.fields = new Fields([
      ...(this.has ? [secret("old", "The old one")] : []),
      secret("new", "The new one", "long rather than strange: a few words"),
      secret("same", "The new one again"),
    ]);
    if (this.has) this.fields.all.get("old").input.autocomplete = "current-password";
    this.host.replaceChildren(
      h(
        "form",
        { onsubmit: (event) => event.preventDefault() },
        h("p", {
          class: "soft",
          text: this.has ? "" : "There is none: whoever can open this page may change everything.",
        }),
        h("div", { class: "form" }, ...[...this.fields.all.keys()].map((name) => this.fields.element(name))),
        this.fields.wrong,
        h(
          "div",
          { class: "buttons" },
          button(this.has ? "Change the password" : "Set a password", () => this.change(), { type: "submit" }),
        ),
      ),
    );
  }

  async change() {
    this.fields.clear();
    const { old = null, new: next, same } = this.fields.read();
    if (next !== same) return void this.fields.refuse("same is not what stands above");
    try {
      await call("POST", "password", { old: old ?? "", new: next ?? "" });
      this.fields.forgetSecrets();
      location.reload();
    } catch (refusal) {
      this.fields.refuse(refusal.code === "wrong_password" ? "old is not the password" : refusal);
    }
    return undefined;
  }
}

export function mount(host) {
  return new PasswordForm(host);
}
export const render = component(mount);
