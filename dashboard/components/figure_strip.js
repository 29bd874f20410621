// A few figures side by side, each with its name and a note: { label, value, note, tone }.
import { component } from "../static/component.js";
import { h } from "../static/format.js";

export function mount(host, params) {
  const list = h("dl", { class: "figures" });
  host.replaceChildren(list);
  const write = () =>
    list.replaceChildren(
      ...params
        .get("figures")
        .map(({ label, value, note, tone }) =>
          h(
            "div",
            { "data-figure": label, "data-tone": tone || null },
            h("dt", { text: label }),
            h("dd", {}, h("b", { text: value }), note ? h("small", { text: note }) : null),
          ),
        ),
    );
  params.on("figures", write);
  write();
}
export const render = component(mount);
