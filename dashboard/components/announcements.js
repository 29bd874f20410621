// Sound, and a notification of the browser, when a whale above an amount begins to wait. Both are off until somebody
// turns them on, in this browser only; while one is on, a tab that is looked away from is told as well.
import { announcement, large, whyNot } from "./announcing.js";
import { chime, wake } from "../static/chime.js";
import { h } from "../static/format.js";
import { choose } from "../static/whales.js";
import { component } from "../static/component.js";
import { feed, on, state, store } from "../static/page_feed.js";

const KEY = "spout-announce";
const OFF = { sound: false, notify: false, least: 500 };

const here = () => whyNot({ secure: window.isSecureContext, Notification: window.Notification });

function kept() {
  try {
    return { ...OFF, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return { ...OFF };
  }
}

class Announcements {
  constructor(host) {
    this.wish = kept();
    this.known = null;
    this.sound = h("input", { type: "checkbox", id: "announce-sound" });
    this.notify = h("input", { type: "checkbox", id: "announce-notify", "aria-describedby": "announce-why" });
    this.least = h("input", { type: "number", id: "announce-least", min: "0", step: "any", inputmode: "decimal" });
    this.said = h("small", { id: "announce-said", role: "status" });
    this.why = h("small", { id: "announce-why" });
    this.bell = h("summary", {
      class: "icon",
      "aria-label": "Sound and notifications",
      title: "Sound and notifications",
    });
    this.bell.append(bellShape());
    host.className = "announce";
    host.replaceChildren(h("details", {}, this.bell, this.panel()));
    this.details = host.firstChild;
    this.sound.addEventListener("change", () => this.turnSound());
    this.notify.addEventListener("change", () => this.turnNotify());
    this.least.value = this.wish.least;
    // Written back once it is taken, and at no other time: somebody may be typing.
    this.least.addEventListener("change", () => {
      this.set({ least: Math.max(0, Number(this.least.value) || 0) });
      this.least.value = this.wish.least;
    });
    this.details.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.details.open = false;
      this.bell.focus();
    });
    document.addEventListener("pointerdown", (event) => {
      if (!this.details.contains(event.target)) this.details.open = false;
      if (this.wish.sound) wake().then(() => this.dress());
    });
    // What was allowed may have been taken back since.
    if (this.wish.notify && window.Notification?.permission !== "granted") this.wish.notify = false;
    this.dress();
    if (this.wish.sound) wake().then(() => this.dress());
  }

  panel() {
    return h(
      "div",
      { class: "card popover", role: "group", "aria-label": "Sound and notifications" },
      h("p", { text: "On this screen, when a whale begins to wait that moves more than" }),
      h("label", { class: "amount" }, this.least, " BTC"),
      h("label", {}, this.sound, " Sound"),
      this.said,
      h("label", {}, this.notify, " Notification of this browser"),
      this.why,
    );
  }

  set(wish) {
    Object.assign(this.wish, wish);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.wish));
    } catch {
      /* a private window forgets: no harm */
    }
    this.dress();
  }

  dress() {
    const refusal = here();
    this.sound.checked = this.wish.sound;
    this.notify.checked = this.wish.notify;
    this.notify.disabled = refusal !== null;
    this.why.textContent = refusal ?? "";
    this.bell.classList.toggle("on", this.wish.sound || this.wish.notify);
    feed.awake = this.wish.sound || this.wish.notify;
    this.sayWhetherAudible();
  }

  async sayWhetherAudible() {
    const good = !this.wish.sound || (await wake());
    this.said.textContent = good ? "" : "The browser keeps this page silent until somebody clicks on it.";
    this.bell.classList.toggle("waits", !good);
  }

  turnSound() {
    this.set({ sound: this.sound.checked });
    if (this.wish.sound) chime(); // so that it is known how it sounds
  }

  async turnNotify() {
    const wished = this.notify.checked && (await window.Notification.requestPermission()) === "granted";
    this.set({ notify: wished });
  }

  received() {
    const rows = [...store.rows.values()];
    const fresh = large(rows, this.known ?? state.first, this.wish.least);
    this.known = new Set(store.rows.keys());
    if (fresh.length) this.announce(fresh[0], fresh.length - 1);
  }

  announce(row, more) {
    if (this.wish.sound) chime();
    if (!this.wish.notify) return;
    const { title, body } = announcement(row, more, state.tip);
    try {
      const shown = new Notification(title, { body, tag: row.id });
      shown.onclick = () => {
        window.focus();
        if (document.getElementById("drawer")) choose(row.id);
      };
    } catch {
      // A phone's browser has them for installed pages only.
      this.set({ notify: false });
      this.why.textContent = "This browser shows notifications of installed pages only.";
    }
  }
}

function bellShape() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true" }))
    svg.setAttribute(name, value);
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", "M4 14h12l-1.4-2V8.6a4.6 4.6 0 0 0-9.2 0V12L4 14Zm4.4 2.2a1.7 1.7 0 0 0 3.2 0");
  for (const [name, value] of Object.entries({ fill: "none", stroke: "currentColor", "stroke-width": 1.5 }))
    path.setAttribute(name, value);
  path.setAttribute("stroke-linejoin", "round");
  svg.append(path);
  return svg;
}

export function mount(host) {
  const announcements = new Announcements(host);
  on(["rows"], () => announcements.received());
}
export const render = component(mount);
