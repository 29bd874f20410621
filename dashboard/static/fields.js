// Forms of a page without a session: fields as Python described them (`dashboard/forms.py`, `described`), what is wrong
// beside each, and what was typed kept until it is safe.
import { BUILD, READ, WRITE } from "./inputs.js";
import { faultOf, sentence, typed } from "./nested.js";
import { h } from "./format.js";

let number = 0;

export class Fields {
  // `hints`: by name, what Python could not know.
  constructor(described, hints = {}) {
    this.all = new Map(described.map((one) => [one.name, new FieldOf({ ...one, hint: hints[one.name] ?? one.hint })]));
    this.wrong = h("p", { class: "wrong", role: "alert" });
  }

  element(name) {
    return this.all.get(name).element;
  }

  // By name; what is empty is null.
  read() {
    return Object.fromEntries([...this.all].map(([name, one]) => [name, one.value]));
  }

  write(values) {
    for (const [name, one] of this.all) if (name in values) one.value = values[name];
  }

  // Where the API's words belong: beside a field, else over the buttons. Answers the field's element, if any.
  refuse(message, aliases = {}) {
    this.clear();
    const [name, words] = faultOf(message, [...this.all.keys(), ...Object.keys(aliases)]);
    const one = this.all.get(aliases[name] ?? name);
    if (one) {
      one.refuse(sentence(words));
      one.input.closest("details")?.setAttribute("open", "");
      one.focus();
    } else {
      this.wrong.textContent = sentence(words);
      this.wrong.scrollIntoView({ block: "nearest" });
    }
    return one?.element ?? null;
  }

  // The same in one sentence, by the field's label.
  worded(message, aliases = {}) {
    const [name, words] = faultOf(message, [...this.all.keys(), ...Object.keys(aliases)]);
    const one = this.all.get(aliases[name] ?? name);
    return one ? `${one.label}: ${words}.` : sentence(words);
  }

  clear() {
    this.wrong.textContent = "";
    for (const one of this.all.values()) one.refuse("");
  }

  forgetSecrets() {
    for (const one of this.all.values()) if (one.kind === "secret") one.value = "";
  }
}

class FieldOf {
  constructor({ name, label, hint, kind, options, titles, value, placeholder }) {
    const id = `field-${name.replaceAll(".", "-")}-${(number += 1)}`;
    Object.assign(this, { kind, label });
    const words = h("small", { class: "soft", id: `${id}-hint`, text: hint });
    this.wrong = h("small", { class: "wrong", id: `${id}-wrong`, role: "alert" });
    this.input = BUILD[kind]({ id, label, options, titles, described: `${id}-hint ${id}-wrong` });
    if (placeholder) this.input.placeholder = placeholder;
    this.input.dataset.name = name;
    if (kind === "secret") this.input.autocomplete = "new-password";
    const title = kind === "many" ? null : h("label", { for: id, text: label });
    this.element = h(
      "div",
      { class: `field ${kind}` },
      ...(kind === "flag" ? [this.input, title] : [title, this.input]),
      words,
      this.wrong,
    );
    if (kind === "many") this.element.firstElementChild.setAttribute("role", "group");
    this.value = value;
  }

  get value() {
    return typed(this.kind, READ[this.kind](this.input));
  }

  set value(value) {
    WRITE[this.kind](this.input, value);
  }

  refuse(words) {
    this.wrong.textContent = words;
    const control = this.input.matches("fieldset") ? this.input.querySelector("input") : this.input;
    if (words) control?.setAttribute("aria-invalid", "true");
    else control?.removeAttribute("aria-invalid");
  }

  focus() {
    const control = this.input.matches("fieldset") ? this.input.querySelector("input") : this.input;
    control?.focus();
  }
}

// A field of a module's own, not of a model.
export const plainField = (name, label, more = {}) => ({
  name,
  label,
  hint: "",
  kind: "text",
  options: [],
  titles: [],
  value: "",
  ...more,
});
