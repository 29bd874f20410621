// The starred settings: what is in force, where it comes from, and the way back to the environment's.
import { Fields, plainField } from "../static/fields.js";
import { button, redraw, said, whileShown } from "../static/said.js";
import { h, moment } from "../static/format.js";
import { call } from "../static/api.js";
import { component } from "../static/component.js";

const ORIGIN = { operator: "set here", environment: "from the environment", default: "as Spout comes" };

class LiveSettings {
  constructor(host, params) {
    this.labels = params.get("labels");
    this.rows = h("div", { class: "settings-list" }, h("p", { class: "soft", text: "Reading…" }));
    this.forms = new Map();
    host.replaceChildren(this.rows, ...(params.get("fixed").length ? [elsewhere(params.get("fixed"))] : []));
    this.again = whileShown(host, () => this.read(), {
      failed: (refusal) =>
        redraw(this.rows, refusal.message, () => [h("p", { class: "empty", text: refusal.message })]),
    });
  }

  async read() {
    this.show((await call("GET", "settings")).settings);
  }

  show(settings) {
    redraw(this.rows, settings, () => settings.map((one) => this.row(one)));
  }

  row(setting) {
    const { name } = setting;
    const [label, unit] = this.labels[name] ?? [name, ""];
    const fields = new Fields([
      plainField(name, label, { hint: unit, value: setting.value === null ? "off" : String(setting.value) }),
    ]);
    const { input } = fields.all.get(name);
    if (name === "SPOUT_TIMEZONE") offerZones(input);
    const origin = [
      ORIGIN[setting.comes_from] ?? setting.comes_from,
      setting.changed_at && setting.comes_from === "operator" ? moment(Date.parse(setting.changed_at)) : "",
    ];
    const back =
      setting.comes_from === "operator"
        ? button(`Back to ${setting.without ?? "off"}`, () => this.set(fields, setting, null), {
            "data-key": `back-${name}`,
          })
        : null;
    return h(
      "form",
      { class: "setting", onsubmit: (event) => event.preventDefault() },
      fields.element(name),
      h("p", { class: "soft", text: `${origin.filter(Boolean).join(", ")} · ${name}` }),
      h(
        "div",
        { class: "buttons" },
        button("Save", () => this.set(fields, setting, input.value.trim()), {
          type: "submit",
          "data-key": name,
          "aria-label": `Save: ${label}`,
        }),
        name === "SPOUT_TIMEZONE" ? this.proposed(setting, input) : null,
        back,
      ),
      fields.wrong,
    );
  }

  proposed(setting, input) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || zone === setting.value) return null;
    return h("button", {
      type: "button",
      class: "button",
      text: `This browser's: ${zone}`,
      onclick: () => {
        input.value = zone;
        input.focus();
      },
    });
  }

  async set(fields, setting, value) {
    fields.clear();
    const { name } = setting;
    const [label] = this.labels[name] ?? [name];
    try {
      const { settings } = await call("PATCH", "settings", { [name]: value });
      const now = settings.find((one) => one.name === name);
      said(value === null ? `${label}: back to ${now.value ?? "off"}` : `${label}: now ${now.value ?? "off"}`);
      this.show(settings);
    } catch (refusal) {
      fields.refuse(refusal);
    }
  }
}

function offerZones(input) {
  const list = h(
    "datalist",
    { id: "zones" },
    ...(Intl.supportedValuesOf?.("timeZone") ?? []).map((value) => h("option", { value })),
  );
  input.setAttribute("list", list.id);
  input.after(list);
}

const elsewhere = (groups) =>
  h(
    "details",
    { class: "elsewhere" },
    h("summary", { text: "What is set in the environment only, and why" }),
    ...groups.map(({ title, why, names }) =>
      h("p", {}, h("b", { text: `${title}: ` }), `${why}. `, h("code", { text: names.join(", ") })),
    ),
  );

export function mount(host, params) {
  return new LiveSettings(host, params);
}
export const render = component(mount);
