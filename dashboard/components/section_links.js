// The page's sections as links; the one that the address names is shown (CSS), and marked here.
import { component } from "../static/component.js";
import { h } from "../static/format.js";

export function mount(host, params) {
  const links = params.get("links").map(([id, title]) => h("a", { href: `#${id}`, text: title }));
  host.replaceChildren(h("div", { class: "sections", role: "navigation", "aria-label": "Sections" }, ...links));
  const mark = () => {
    const asked = links.find((one) => one.hash === location.hash) ?? links[0];
    for (const one of links)
      if (one === asked) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
  };
  addEventListener("hashchange", mark);
  mark();
}
export const render = component(mount);
