// Links that Python makes, such as a file of what is filtered: [text, address, what it is for screen readers].
import { component } from "../static/component.js";
import { h } from "../static/format.js";

export function mount(host, params) {
  const line = h("p", { class: "links soft" });
  host.replaceChildren(line);
  const write = () =>
    line.replaceChildren(
      params.get("text"),
      ...params
        .get("links")
        .flatMap(([text, href, label]) => [" ", h("a", { href, download: true, text, "aria-label": label })]),
    );
  for (const name of ["text", "links"]) params.on(name, write);
  write();
}
export const render = component(mount);
