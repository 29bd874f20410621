// Filters live in the page's address: a view can be shared, and survives a reload.
import { component } from "../static/component.js";
import { h, plural, words } from "../static/format.js";
import { on, publish, store } from "../static/page_feed.js";
import { filter, withSearch } from "../static/whales.js";

const URGENCY = { low: 0, medium: 1, high: 2 };
const FIELDS = ["status", "urgency", "min", "entity", "text"];

class Filters {
  constructor(form, changed) {
    this.form = form;
    this.changed = changed;
    this.flows = new Set();
    this.chips = form.querySelector(".chips");
    for (const [flow, [mark, name]] of Object.entries(words.flows)) {
      this.chips.append(
        h(
          "button",
          {
            type: "button",
            class: `chip ${flow}`,
            "data-flow": flow,
            "aria-pressed": "false",
            onclick: () => this.flip(flow),
          },
          h("i", { "aria-hidden": "true", text: mark }),
          name,
        ),
      );
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => this.set());
    this.clearing = form.querySelector("#clear");
    this.clearing.addEventListener("click", () => this.clear());
    addEventListener("popstate", () => {
      this.read();
      this.changed();
    });
    const toggle = form.querySelector("#filters-toggle");
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
    const put = (name, value) => {
      if (value) asked.set(name, value);
      else asked.delete(name);
    };
    put("flow", [...this.flows].join(","));
    for (const name of FIELDS) put(name, this.form.elements[name].value.trim());
    history.replaceState(history.state, "", withSearch(asked));
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
    for (const chip of this.chips.children)
      chip.setAttribute("aria-pressed", String(this.flows.has(chip.dataset.flow)));
    this.clearing.hidden = !this.active;
  }

  get active() {
    return this.flows.size > 0 || FIELDS.some((name) => this.form.elements[name].value.trim());
  }

  test() {
    const value = Object.fromEntries(FIELDS.map((name) => [name, this.form.elements[name].value.trim().toLowerCase()]));
    const least = value.min === "" ? null : Number(value.min) * 1e8;
    const { flows } = this;
    return (row) =>
      (flows.size === 0 || flows.has(row.flow)) &&
      (!value.status || row.status === value.status) &&
      (!value.urgency || (row.urgency && URGENCY[row.urgency] >= URGENCY[value.urgency])) &&
      (least === null || Number.isNaN(least) || row.counted >= least) &&
      (!value.entity || row.names.some((name) => name.toLowerCase().includes(value.entity))) &&
      (!value.text || haystack(row).includes(value.text));
  }

  count(hidden) {
    const output = this.form.querySelector("output");
    const text = this.active ? `${plural(hidden, "whale")} hidden by the filters` : "";
    if (output.textContent !== text) output.textContent = text;
  }

  entities(names) {
    const list = this.form.querySelector("datalist");
    const sorted = [...names].sort();
    const text = sorted.join("\n");
    if (text === this.named) return;
    this.named = text;
    list.replaceChildren(...sorted.map((name) => h("option", { value: name })));
  }
}

const haystack = (row) =>
  [
    row.txid,
    row.id,
    ...row.names,
    row.from ?? "unlabelled",
    row.to ?? "unlabelled",
    words.flows[row.flow][1],
    row.words ?? "",
    row.note ?? "",
    row.height ?? "",
    ...row.flags.map(([name]) => name),
  ]
    .join(" ")
    .toLowerCase();

const FORM = `<form class="filters" id="filters" role="search" aria-label="Filter the whales">
  <button type="button" id="filters-toggle" aria-expanded="false">Filters</button>
  <div class="chips" role="group" aria-label="Flow"></div>
  <label><span>Status</span><select name="status"><option value="">any status</option><option value="pending">waiting</option><option value="confirmed">confirmed</option><option value="replaced">replaced</option><option value="dropped">dropped</option></select></label>
  <label><span>Urgency</span><select name="urgency"><option value="">any urgency</option><option value="low">low or more</option><option value="medium">medium or more</option><option value="high">high</option></select></label>
  <label><span>At least, BTC</span><input name="min" type="number" min="0" step="any" inputmode="decimal" placeholder="≥ BTC"></label>
  <label><span>Entity</span><input name="entity" list="entities" placeholder="entity" autocomplete="off" spellcheck="false"><datalist id="entities"></datalist></label>
  <label class="wide"><span>Text</span><input name="text" type="search" placeholder="txid, name, mark" autocomplete="off" spellcheck="false"></label>
  <button type="button" id="clear" hidden>Clear</button>
  <output id="hidden-by-filters" aria-live="polite"></output>
</form>`;

// The address is the truth; Python is told, and may set.
export function mount(host, params) {
  host.innerHTML = FORM; // constant, nothing from outside
  const filters = new Filters(host.firstElementChild, () => changed());
  const mirror = () => {
    params.set("flow", [...filters.flows]);
    for (const name of FIELDS) params.set(name, filters.form.elements[name].value);
  };
  const take = () => {
    filter.test = filters.test();
    filter.active = filters.active;
    mirror();
  };
  const changed = () => {
    take();
    publish(new Set(["filters"]));
    counted();
  };
  const counted = () => {
    const all = [...store.rows.values()];
    filters.count(all.filter((row) => !filter.test(row)).length);
    filters.entities(new Set(all.flatMap((row) => row.names)));
  };
  for (const name of FIELDS) {
    params.on(name, (value) => {
      if (filters.form.elements[name].value === value) return;
      filters.form.elements[name].value = value;
      filters.set();
    });
  }
  params.on("flow", (flows) => {
    if ([...flows].join() === [...filters.flows].join()) return;
    filters.flows = new Set(flows);
    filters.set();
  });
  take();
  if (filter.active) publish(new Set(["filters"])); // tables that were drawn before
  on(["rows"], counted);
}
export const render = component(mount);
