// Filters live in the page's address: a view can be shared, and survives a reload.
import { h, plural, words } from "./format.js";

const URGENCY = { low: 0, medium: 1, high: 2 };
const FIELDS = ["status", "urgency", "min", "entity", "text"];

export class Filters {
  constructor(form, changed) {
    this.form = form;
    this.changed = changed;
    this.flows = new Set();
    this.chips = form.querySelector(".chips");
    for (const [flow, [mark, name]] of Object.entries(words.flows)) {
      this.chips.append(h("button", { type: "button", class: `chip ${flow}`, "data-flow": flow, "aria-pressed": "false", onclick: () => this.flip(flow) },
        h("i", { "aria-hidden": "true", text: mark }), name));
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => this.set());
    document.getElementById("clear").addEventListener("click", () => this.clear());
    addEventListener("popstate", () => { this.read(); this.changed(); });
    const toggle = document.getElementById("filters-toggle");
    toggle.addEventListener("click", () => toggle.setAttribute("aria-expanded", String(form.classList.toggle("open"))));
    this.read();
  }

  flip(flow) {
    if (!this.flows.delete(flow)) this.flows.add(flow);
    this.set();
  }

  read() {
    const asked = new URLSearchParams(location.search);
    this.flows = new Set((asked.get("flow") ?? "").split(",").filter((flow) => flow in words.flows));
    for (const name of FIELDS) this.form.elements[name].value = asked.get(name) ?? "";
    this.dress();
  }

  set() {
    const asked = new URLSearchParams(location.search);
    const put = (name, value) => { if (value) asked.set(name, value); else asked.delete(name); };
    put("flow", [...this.flows].join(","));
    for (const name of FIELDS) put(name, this.form.elements[name].value.trim());
    const search = asked.toString().replaceAll("%2C", ",");
    history.replaceState(history.state, "", search ? `?${search}` : location.pathname);
    this.dress();
    this.changed();
  }

  clear() {
    this.flows.clear();
    for (const name of FIELDS) this.form.elements[name].value = "";
    this.set();
    this.chips.querySelector("button").focus();
  }

  dress() {
    for (const chip of this.chips.children) chip.setAttribute("aria-pressed", String(this.flows.has(chip.dataset.flow)));
    document.getElementById("clear").hidden = !this.active;
  }

  get active() { return this.flows.size > 0 || FIELDS.some((name) => this.form.elements[name].value.trim()); }

  test() {
    const value = Object.fromEntries(FIELDS.map((name) => [name, this.form.elements[name].value.trim().toLowerCase()]));
    const least = value.min === "" ? null : Number(value.min) * 1e8;
    const { flows } = this;
    return (row) =>
      (flows.size === 0 || flows.has(row.flow)) &&
      (!value.status || row.status === value.status) &&
      (!value.urgency || (row.urgency && URGENCY[row.urgency] >= URGENCY[value.urgency])) &&
      (least === null || Number.isNaN(least) || row.moved >= least) &&
      (!value.entity || row.names.some((name) => name.toLowerCase().includes(value.entity))) &&
      (!value.text || haystack(row).includes(value.text));
  }

  told(hidden) {
    const output = document.getElementById("hidden-by-filters");
    const text = this.active ? `${plural(hidden, "whale")} hidden by the filters` : "";
    if (output.textContent !== text) output.textContent = text;
  }

  entities(names) {
    const list = document.getElementById("entities");
    const sorted = [...names].sort();
    if (list.childElementCount !== sorted.length) list.replaceChildren(...sorted.map((name) => h("option", { value: name })));
  }
}

const haystack = (row) => [row.txid, row.id, ...row.names, row.from ?? "unlabelled", row.to ?? "unlabelled", words.flows[row.flow][1], row.words ?? "", row.note ?? "", row.height ?? "", ...row.flags.map(([name]) => name)].join(" ").toLowerCase();
