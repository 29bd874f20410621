// The inputs of forms by kind: made, read and written. A number stays text: what is wrong with it is for the far side.
import { h } from "./format.js";

const plain =
  (type) =>
  ({ id, described }) =>
    h("input", { id, type, "aria-describedby": described, autocomplete: "off", spellcheck: "false" });
export const BUILD = {
  text: plain("text"),
  secret: plain("password"),
  number: ({ id, described }) =>
    h("input", { id, type: "text", inputmode: "decimal", "aria-describedby": described, autocomplete: "off" }),
  flag: plain("checkbox"),
  one: ({ id, described, options, titles }) =>
    h(
      "select",
      { id, "aria-describedby": described },
      ...options.map((value, at) => h("option", { value, text: titles[at] ?? value })),
    ),
  area: ({ id, described }) =>
    h("textarea", { id, "aria-describedby": described, rows: "5", spellcheck: "false", autocomplete: "off" }),
  lines: ({ id, described }) =>
    h("textarea", { id, "aria-describedby": described, rows: "3", spellcheck: "false", autocomplete: "off" }),
  time: plain("time"),
  day: plain("date"),
  moment: plain("datetime-local"),
  many: ({ described, label, options, titles }) =>
    h(
      "fieldset",
      { "aria-describedby": described },
      h("legend", { text: label }),
      ...options.map((value, at) =>
        h("label", {}, h("input", { type: "checkbox", value }), h("span", { text: titles[at] ?? value })),
      ),
    ),
};
export const READ = {
  text: (input) => input.value,
  secret: (input) => input.value,
  number: (input) => input.value,
  one: (input) => input.value,
  area: (input) => input.value,
  lines: (input) =>
    input.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean),
  time: (input) => input.value,
  day: (input) => input.value,
  moment: (input) => (input.value ? new Date(input.value).toISOString() : ""),
  flag: (input) => input.checked,
  many: (set) => [...set.querySelectorAll("input:checked")].map((one) => one.value),
};
const write = (input, value) => {
  input.value = value ?? "";
};
export const WRITE = {
  text: write,
  secret: write,
  number: write,
  one: write,
  area: write,
  lines: (input, value) => write(input, (value ?? []).join("\n")),
  time: write,
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
