// Buttons of a form: one event each, busy while Python works.
import { component } from "../static/component.js";
import { h } from "../static/format.js";

export function mount(host, params) {
  host.className = "buttons";
  const all = params.get("names").map((name, index) =>
    h("button", {
      type: "button",
      class: index ? "button" : "button primary",
      text: name,
      onclick: () => params.say({ pressed: name }),
    }),
  );
  host.replaceChildren(...all);
  params.on("busy", () => {
    for (const one of all) {
      one.disabled = params.get("busy") === one.textContent;
      one.setAttribute("aria-busy", String(one.disabled));
    }
  });
}
export const render = component(mount);
