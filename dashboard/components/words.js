// A sentence from Python; as text, so that nothing from outside is ever markup.
import { component } from "../static/component.js";
import { h, say } from "../static/format.js";

export function mount(host, params) {
  const lead = h("p", { class: params.get("lead") ? "lead" : "note", role: "status" });
  const more = h("p", { class: "note" });
  host.replaceChildren(lead, more);
  const write = () => {
    say(lead, params.get("text"));
    say(more, params.get("more"));
    more.hidden = !params.get("more");
    host.dataset.tone = params.get("tone");
    if (params.get("text")) host.dataset.ready = "yes";
  };
  for (const name of ["text", "more", "tone"]) params.on(name, write);
  write();
}
export const render = component(mount);
