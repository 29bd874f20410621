// Forms of a page without a session: fields as Python described them (`dashboard/forms.py`, `described`), what is wrong
// beside each, and what was typed kept until it is safe.
import { BUILD, READ, WRITE } from "./inputs.js";
import { faultsSaid, sentence, typed } from "./nested.js";
import { h, plural } from "./format.js";

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

  // Where the API's words belong: beside each field, else over the buttons. Answers the first field's element, if any.
  // `said`: a refusal of the API, or words of ours.
  refuse(said, aliases = {}) {
    this.clear();
    const beside = new Map();
    const rest = [];
    for (const [name, words] of this.faults(said, aliases)) {
      const one = this.all.get(name);
      if (one) beside.set(one, [...(beside.get(one) ?? []), sentence(words)]);
      else rest.push(sentence(words));
    }
    for (const [one, words] of beside) {
      one.refuse(words.join(" "));
      one.input.closest("details")?.setAttribute("open", "");
    }
    if (beside.size > 1) rest.push(`${plural(beside.size, "field")} above cannot be taken as they stand.`);
    this.wrong.textContent = rest.join(" ");
    // The first one as the form shows them.
    const first = [...beside.keys()].sort((one, other) => before(one.element, other.element))[0];
    if (first) first.focus();
    else this.wrong.scrollIntoView({ block: "nearest" });
    return first?.element ?? null;
  }

  // The same in sentences, by the fields' labels.
  worded(said, aliases = {}) {
    return this.faults(said, aliases)
      .map(([name, words]) => (this.all.has(name) ? `${this.all.get(name).label}: ${words}.` : sentence(words)))
      .join(" ");
  }

  faults(said, aliases) {
    const known = [...this.all.keys(), ...Object.keys(aliases)];
    return faultsSaid(said, known).map(([name, words]) => [aliases[name] ?? name, words]);
  }

  clear() {
    this.wrong.textContent = "";
    for (const one of this.all.values()) one.refuse("");
  }

  forgetSecrets() {
    for (const one of this.all.values()) if (one.kind === "secret") one.value = "";
  }
}

const before = (one, other) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1);

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
