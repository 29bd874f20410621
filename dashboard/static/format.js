// Numbers and words as the pages write them. Unknown is a word, never a number.
export const words = JSON.parse(document.getElementById("page-words").textContent);

const two = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const one = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const none = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const btc = (sats) => two.format(sats / 1e8);
// Eight places where they matter (the drawer), without idle zeros beyond two.
export const btcExact = (sats) => {
  const text = (Math.abs(sats) / 1e8).toFixed(8).replace(/0{1,6}$/, "");
  const [whole, part] = text.split(".");
  return `${sats < 0 ? "−" : ""}${none.format(Number(whole))}.${part}`;
};
export const btcShort = (sats) => {
  const coins = Math.abs(sats) / 1e8;
  const text = coins >= 1000 ? none.format(coins) : coins >= 10 ? one.format(coins) : two.format(coins);
  return `${sats < 0 ? "−" : ""}${text}`;
};
export const integer = (number) => none.format(number);
export const feerate = (rate) => {
  if (rate === null || rate === undefined) return "unknown";
  if (rate >= 100) return none.format(rate);
  return rate >= 10 ? one.format(rate) : String(Number(rate.toFixed(2)));
};
export const percent = (p) => {
  if (p >= 0.995) return "over 99 %";
  return p < 0.01 ? "under 1 %" : `${Math.round(p * 100)} %`;
};
export const duration = (seconds) => {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return minutes % 60 ? `${hours} h ${String(minutes % 60).padStart(2, "0")}` : `${hours} h`;
};
export const plural = (number, noun) => (number === 1 ? `1 ${noun}` : `${number === 0 ? "no" : integer(number)} ${noun}s`);
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const moment = (ms) => new Date(ms).toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

// A small builder: every text goes through textContent, so nothing from outside is ever markup.
export function h(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// The appliance's clock, not the browser's, says how old a thing is.
let skew = 0;
export const setNow = (serverMs) => { if (serverMs) skew = serverMs - Date.now(); };
export const now = () => Date.now() + skew;
export const age = (at) => h("time", { class: "age", "data-age": at, datetime: new Date(at).toISOString(), text: duration((now() - at) / 1000) });
export function tickAges(root = document) {
  for (const element of root.querySelectorAll("[data-age]")) {
    const text = duration((now() - Number(element.dataset.age)) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}
