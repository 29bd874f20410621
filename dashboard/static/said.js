// What was done, said in passing: a line at the corner that screen readers read too. And small parts of forms.
import { h } from "./format.js";

const BUSY = ["aria-busy", "aria-disabled"];
const LASTS = 6_000;

export function said(text, type = "success") {
  const toast = h(
    "div",
    { class: "toast", "data-type": type },
    h("span", { text }),
    h("button", { type: "button", class: "icon", "aria-label": "Dismiss", text: "×", onclick: () => toast.remove() }),
  );
  // In a dialog that is open the rest of the page is hidden from everybody: it is said there.
  const host = [...document.querySelectorAll("dialog[open] .toasts")].at(-1) ?? document.getElementById("said");
  host.append(toast);
  if (type !== "error") setTimeout(() => toast.remove(), LASTS);
}

export const button = (text, onclick, options = {}) =>
  h("button", { type: "button", class: "button", text, onclick: busy(onclick), ...options });

// Not pressed twice while it works; what is refused is said.
export const busy = (act) => async (event) => {
  const pressed = event.currentTarget;
  if (pressed.getAttribute("aria-busy") === "true") return;
  // Seen and heard to take no press now; `disabled` would also take the focus away.
  for (const name of BUSY) pressed.setAttribute(name, "true");
  try {
    await act(event);
  } catch (refusal) {
    said(refusal.message, "error");
  } finally {
    for (const name of BUSY) pressed.setAttribute(name, "false");
  }
};

// For what cannot be undone: the first press asks, the second does it.
export function twice(text, question, act, options = {}) {
  const one = button(
    text,
    async (event) => {
      if (one.dataset.asked !== "yes") {
        one.dataset.asked = "yes";
        one.textContent = question;
        setTimeout(reset, 5_000);
        return;
      }
      reset();
      await act(event);
    },
    options,
  );
  const reset = () => {
    one.dataset.asked = "";
    one.textContent = text;
  };
  return one;
}

// A secret that is shown this once.
export function secretOnce(title, secret, words) {
  const copy = navigator.clipboard
    ? button("Copy", () => navigator.clipboard.writeText(secret).then(() => said("Copied")))
    : null;
  const box = h(
    "div",
    { class: "once", role: "group", "aria-label": title },
    h("b", { text: title }),
    h("code", { text: secret }),
    h("small", { text: words }),
    h(
      "div",
      { class: "buttons" },
      copy,
      button("I have it", () => box.remove()),
    ),
  );
  return box;
}

// A press is a click only if what was pressed is still there when it is let go: until then its place is not built anew.
const held = { by: null, waiting: new Map() };
const onWindow = (name, notify) => globalThis.addEventListener?.(name, notify, true); // node's own tests have no window
onWindow("pointerdown", ({ target }) => (held.by = target));
for (const end of ["pointerup", "pointercancel", "blur"]) onWindow(end, () => setTimeout(letGo));

function letGo() {
  held.by = null;
  const waiting = [...held.waiting.values()];
  held.waiting.clear();
  for (const draw of waiting) draw();
}

// Builds anew only what changed, and keeps the focus where it was.
export function redraw(host, key, build) {
  if (held.by && host.contains(held.by)) return void held.waiting.set(host, () => redraw(host, key, build));
  held.waiting.delete(host);
  const text = JSON.stringify(key);
  if (host.dataset.drawn === text) return undefined;
  host.dataset.drawn = text;
  const focused = host.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  host.replaceChildren(...build());
  if (focused) host.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  return undefined;
}

// `load` when the element comes into view and every so often while it is; a failure is drawn by `failed`.
export function whileShown(host, load, { every = 0, failed }) {
  let timer = null;
  let shown = false;
  const again = async () => {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        await load();
        host.dataset.loaded = "yes";
      } catch (refusal) {
        failed(refusal);
      }
    }
    // One timer, however many of these end at once.
    clearTimeout(timer);
    if (every && shown) timer = setTimeout(again, every);
  };
  new IntersectionObserver((entries) => {
    const now = entries.at(-1).isIntersecting;
    if (now && !shown) {
      shown = true;
      again();
    }
    shown = now;
    if (!now) clearTimeout(timer);
  }).observe(host);
  return again;
}
