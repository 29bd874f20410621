// One field of a form: its label, its input, what it is for and what is wrong with it, tied together for everybody.
// What was typed and not saved outlives a lost session: it is kept in this tab until the form is saved. A filter's value
// stands in the address instead.
import { component } from "../static/component.js";
import { h } from "../static/format.js";
import { withSearch } from "../static/whales.js";

let number = 0;

export function mount(host, params) {
  const name = params.get("field");
  const id = `field-${name.replaceAll(".", "-")}-${(number += 1)}`;
  const kind = params.get("kind");
  const draft = `spout-draft:${name}`;
  const hint = h("small", { class: "soft", id: `${id}-hint`, text: params.get("hint") });
  const wrong = h("small", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  const input = BUILD[kind]({ id, name, params, described: `${id}-hint ${id}-wrong` });
  const label = kind === "many" ? null : h("label", { for: id, text: params.get("label") });
  host.className = `field ${kind}`;
  host.replaceChildren(...(kind === "flag" ? [input, label] : [label, input]).filter(Boolean), hint, wrong);
  const read = () => READ[kind](input);
  const addressed = params.get("in_address");
  const inAddress = (value) => {
    const search = new URLSearchParams(location.search);
    if (value === (search.get(name) ?? "")) return;
    if (value) search.set(name, value);
    else search.delete(name);
    search.delete("page");
    history.replaceState(history.state, "", withSearch(search));
  };
  input.addEventListener("change", () => {
    if (addressed) inAddress(read());
    else if (kind !== "secret") sessionStorage.setItem(draft, JSON.stringify(read()));
    params.set("value", read());
  });
  params.on("value", (value) => {
    if (JSON.stringify(read()) !== JSON.stringify(value)) WRITE[kind](input, value);
    if (addressed) inAddress(value ?? "");
  });
  const say = () => {
    wrong.textContent = params.get("error");
    (kind === "many" ? input : host.querySelector("input,select")).setAttribute(
      "aria-invalid",
      String(Boolean(params.get("error"))),
    );
  };
  params.on("error", say);
  params.on("saved", () => sessionStorage.removeItem(draft));
  WRITE[kind](input, params.get("value"));
  const asked = new URLSearchParams(location.search).get(name);
  if (addressed && asked) {
    WRITE[kind](input, asked);
    params.whenAttached(() => params.set("value", asked));
  }
  const kept = addressed ? null : sessionStorage.getItem(draft);
  if (kept !== null) {
    WRITE[kind](input, JSON.parse(kept));
    params.set("value", JSON.parse(kept));
  }
  say();
}

const plain =
  (type) =>
  ({ id, described }) =>
    h("input", { id, type, "aria-describedby": described, autocomplete: "off", spellcheck: "false" });
const BUILD = {
  text: plain("text"),
  secret: plain("password"),
  number: ({ id, described }) =>
    h("input", { id, type: "text", inputmode: "decimal", "aria-describedby": described, autocomplete: "off" }),
  flag: plain("checkbox"),
  one: ({ id, described, params }) =>
    h(
      "select",
      { id, "aria-describedby": described },
      ...params.get("options").map((value, at) => h("option", { value, text: params.get("titles")[at] ?? value })),
    ),
  day: plain("date"),
  moment: plain("datetime-local"),
  many: ({ described, params }) =>
    h(
      "fieldset",
      { "aria-describedby": described },
      h("legend", { text: params.get("label") }),
      ...params
        .get("options")
        .map((value) => h("label", {}, h("input", { type: "checkbox", value }), h("span", { text: value }))),
    ),
};
const READ = {
  text: (input) => input.value,
  secret: (input) => input.value,
  number: (input) => input.value,
  one: (input) => input.value,
  day: (input) => input.value,
  moment: (input) => (input.value ? new Date(input.value).toISOString() : ""),
  flag: (input) => input.checked,
  many: (set) => [...set.querySelectorAll("input:checked")].map((one) => one.value),
};
const write = (input, value) => {
  input.value = value ?? "";
};
const WRITE = {
  text: write,
  secret: write,
  number: write,
  one: write,
  day: write,
  moment: (input, value) => {
    const at = new Date(value || NaN);
    const shifted = new Date(at - at.getTimezoneOffset() * 60_000);
    input.value = Number.isNaN(shifted.getTime()) ? "" : shifted.toISOString().slice(0, 16);
  },
  flag: (input, value) => {
    input.checked = Boolean(value);
  },
  many: (set, value) => {
    for (const one of set.querySelectorAll("input")) one.checked = (value ?? []).includes(one.value);
  },
};
export const render = component(mount);
