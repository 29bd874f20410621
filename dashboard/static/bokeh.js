// The charts' frames come from Bokeh's session; what is in them comes from the page's own feed. Every change is
// made with sync: false, so that nothing goes back to the server and a lost session does not matter.
const LONGEST_WAIT = 15_000;
const session = JSON.parse(document.getElementById("charts-session").textContent);

export class Charts {
  constructor() {
    this.models = new Map();
    this.waiting = [];
    // A tab that is opened unseen gets no picture yet, and what opens its session does not keep for long.
    if (document.hidden) this.load();
  }

  // After the tables are there: Bokeh's script is as large as all else together, times twenty.
  load() {
    if (this.start) return;
    this.start = performance.now();
    const script = document.createElement("script");
    script.src = new URL(session.library, document.baseURI);
    script.addEventListener("load", () => this.embed());
    document.head.append(script);
    this.look();
  }

  embed() {
    const roots = Object.fromEntries(session.roots.map((name) => [name, name]));
    window.Bokeh.embed.embed_items({}, [{ token: session.token, roots, root_ids: session.roots, use_for_title: false }]);
  }

  look() {
    const document_ = window.Bokeh?.documents?.[0];
    if (document_?.roots().length) return void this.found(document_);
    // A first connection that fails says nothing at all: only a reload helps.
    if (performance.now() - this.start > LONGEST_WAIT && !document.hidden) return void dispatchEvent(new CustomEvent("spout-reload", { detail: "no charts" }));
    setTimeout(() => this.look(), 60);
    return undefined;
  }

  found(document_) {
    this.document = document_;
    for (const draw of this.waiting.splice(0)) draw();
  }

  when(draw) { if (this.document) draw(); else if (!this.waiting.includes(draw)) this.waiting.push(draw); }

  model(name) {
    if (!this.models.has(name)) this.models.set(name, this.document.get_model_by_name(name));
    return this.models.get(name);
  }

  fill(name, columns) { this.model(name)?.setv({ data: columns }, { sync: false }); }
  set(model, values) { model.setv(values, { sync: false }); }
  range(name, axis, start, end) {
    const range = this.model(name)[`${axis}_range`];
    if (range.start !== start || range.end !== end) this.set(range, { start, end });
  }
  ticks(name, side, ticks) {
    const axis = this.model(name)[side === "x" ? "below" : "left"][0];
    this.set(axis.ticker, { ticks: ticks.map(([at]) => at), minor_ticks: [] });
    this.set(axis, { major_label_overrides: new Map(ticks) });
  }
  renderer(name) { return this.model(name); }

  // Which point is under the pointer: Bokeh inspects on its own, here in the browser.
  under(name) {
    const source = this.model(name);
    const index = source?.inspected?.indices?.[0];
    return index === undefined ? null : source.data.id?.[index] ?? null;
  }

  repaint() {
    if (!window.Bokeh?.index) return;
    for (const view of window.Bokeh.index.all_views()) view.request_repaint?.();
  }
}

// Draw at most every two seconds, and only what is in sight.
export function calm(host, draw) {
  let due = true;
  let seen = false;
  let timer = null;
  let last = -Infinity;
  const run = () => {
    if (!due || !seen || document.hidden || timer) return;
    const wait = Math.max(0, last + 2_000 - performance.now());
    timer = setTimeout(() => { timer = null; if (document.hidden) return; due = false; last = performance.now(); draw(); }, wait);
  };
  new IntersectionObserver((entries) => { seen = entries.at(-1).isIntersecting; run(); }, { rootMargin: "120px" }).observe(host);
  document.addEventListener("visibilitychange", run);
  return () => { due = true; run(); };
}

// Nothing to draw: said in the chart's own place, so that empty axes are not taken for a figure.
export function idle(host, words) { if (words) host.dataset.idle = words; else delete host.dataset.idle; }

export const colours = () => {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name.replaceAll("_", "-")}`).trim();
};

// Round numbers between two ends, at most `most` of them.
export function nice(low, high, most) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(1, most - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) ticks.push(Number(at.toPrecision(12)));
  return ticks;
}

export function niceLog(low, high) {
  const all = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) for (const one of [1, 2, 5]) all.push(Number((one * 10 ** power).toPrecision(6)));
  const inside = all.filter((at) => at >= low && at <= high);
  return inside.length > 7 ? inside.filter((at) => /^0?\.?0*1/.test(String(at))) : inside;
}

export const clockTicks = (start, end, most) => {
  const steps = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * 60_000);
  const step = steps.find((one) => (end - start) / one <= most) ?? steps.at(-1);
  const away = new Date(end).getTimezoneOffset() * 60_000;
  const ticks = [];
  for (let at = Math.ceil((start - away) / step) * step + away; at <= end; at += step) {
    ticks.push([at, step >= 720 * 60_000 ? new Date(at).toLocaleDateString([], { weekday: "short", day: "numeric" }) : new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })]);
  }
  return ticks;
};
