// What all pages have: the status line, the banners, the light, the ages, and the way back after a loss.
import { age, clock, h, integer, tickAges, words } from "./format.js";

const TONES = { live: "ok", polling: "warn", blocks_only: "warn", blind: "bad" };
const KEY = "spout-reloads";

export function status(told) {
  const pill = document.getElementById("pill-rung");
  const connecting = told.banners.some((banner) => banner.tone === "calm");
  pill.dataset.tone = told.demo ? "demo" : connecting ? "wait" : TONES[told.rung];
  pill.lastElementChild.replaceChildren(told.demo ? "Demo" : told.rung_words,
    told.sources.length ? h("span", { class: "sources", text: ` · ${told.sources.join(", ")}` }) : "",
    told.since ? ` · since ${clock(told.since)}` : "");
  const tip = document.getElementById("pill-tip").lastElementChild;
  if (told.tip === null) tip.textContent = "Block unknown";
  else tip.replaceChildren(`Block ${integer(told.tip)}`, ...(told.tip_at ? [" · ", age(told.tip_at), " ago"] : []));
  const memory = document.getElementById("pill-memory");
  memory.hidden = told.rss === null;
  if (told.rss !== null) {
    memory.lastElementChild.textContent = told.limit ? `${told.rss} of ${told.limit} MB` : `${told.rss} MB`;
    memory.dataset.tone = told.limit && told.rss >= told.limit * 0.8 ? "warn" : "";
  }
  banners(told.banners);
}

let told = "";
function banners(list) {
  const text = JSON.stringify(list);
  if (text === told) return;
  told = text;
  document.getElementById("banners").replaceChildren(...list.map((banner) => h("div", { class: "banner", "data-tone": banner.tone, "data-code": banner.code },
    h("b", { text: banner.title }), h("span", { text: banner.words }), banner.since ? h("small", { "aria-live": "off" }, "for ", age(banner.since)) : null)));
}

export function line(good) {
  const bar = document.getElementById("line-lost");
  document.documentElement.classList.toggle("lost", !good);
  if (good) { clearTimeout(line.timer); line.timer = null; bar.hidden = true; return; }
  line.timer ??= setTimeout(() => {
    bar.hidden = false;
    bar.replaceChildren(h("b", { text: "The appliance does not answer" }), h("span", { text: "What you see is as it was last known. This page asks again by itself and goes on without a reload." }));
  }, 1500);
}

// A reload is the last resort, and never a loop: three in two minutes, then words.
export function reload(why) {
  const times = JSON.parse(sessionStorage.getItem(KEY) ?? "[]").filter((at) => Date.now() - at < 120_000);
  if (times.length >= 3) {
    const bar = document.getElementById("line-lost");
    bar.hidden = false;
    bar.replaceChildren(h("b", { text: "This page cannot get through" }), h("span", { text: `It reloaded three times (${why}). Reload it by hand, or look into the appliance's log.` }));
    return;
  }
  sessionStorage.setItem(KEY, JSON.stringify([...times, Date.now()]));
  location.reload();
}

export function start() {
  document.getElementById("light").addEventListener("click", () => window.spoutLight.toggle());
  addEventListener("spout-reload", (event) => reload(event.detail));
  setInterval(() => { if (!document.hidden) tickAges(); }, 1000);
}

// The program was upgraded under an open page: its scripts are old, so take the new ones.
export function sameProgram(assets) { if (assets && assets !== words.assets) reload("upgraded"); }
