// What Python says in passing: pn.state.notifications.success("Saved").
import { component } from "../static/component.js";
import { h } from "../static/format.js";

export function mount(host, params) {
  host.className = "toasts";
  host.setAttribute("role", "status");
  host.setAttribute("aria-live", "polite");
  params.receive((message) => {
    if (message.clear) return void host.replaceChildren();
    const toast = h(
      "div",
      { class: "toast", "data-type": message.type, role: message.type === "error" ? "alert" : null },
      h("span", { text: message.message }),
      h("button", { type: "button", class: "icon", "aria-label": "Dismiss", text: "×", onclick: () => toast.remove() }),
    );
    host.append(toast);
    if (message.duration) setTimeout(() => toast.remove(), message.duration);
    return undefined;
  });
}
export const render = component(mount);
