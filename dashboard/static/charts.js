// What is in the charts comes from the page's own feed. Every change is made with sync: false, so that nothing goes
// back to a server, and a lost session does not matter.
import { session } from "./session.js";

export class Charts {
  constructor() {
    this.models = new Map();
    this.waiting = [];
    this.always = [];
    addEventListener("spout-session", () => {
      this.models.clear();
      this.document = session.document;
      for (const draw of [...this.waiting.splice(0), ...this.always]) draw();
    });
  }

  // Every session brings new figures: draw into them too.
  each(draw) {
    this.always.push(draw);
  }
  when(draw) {
    if (this.document) draw();
    else if (!this.waiting.includes(draw)) this.waiting.push(draw);
  }

  model(name) {
    if (!this.models.has(name)) this.models.set(name, this.document.get_model_by_name(name));
    return this.models.get(name);
  }

  fill(name, columns) {
    this.model(name)?.setv({ data: columns }, { sync: false }); // eslint-disable-line id-denylist -- Bokeh's name
  }
  set(model, values) {
    model.setv(values, { sync: false });
  }
  range(name, axis, start, end) {
    const range = this.model(name)[`${axis}_range`];
    if (range.start !== start || range.end !== end) this.set(range, { start, end });
  }
  ticks(name, side, ticks) {
    const axis = this.model(name)[side === "x" ? "below" : "left"][0];
    this.set(axis.ticker, { ticks: ticks.map(([at]) => at), minor_ticks: [] });
    this.set(axis, { major_label_overrides: new Map(ticks) });
  }
  renderer(name) {
    return this.model(name);
  }

  // Which point is under the pointer: Bokeh inspects on its own, here in the browser.
  under(name) {
    const source = this.model(name);
    const index = source?.inspected?.indices?.[0];
    return index === undefined ? null : (source.data.id?.[index] ?? null);
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
    timer = setTimeout(() => {
      timer = null;
      if (document.hidden) return;
      due = false;
      last = performance.now();
      draw();
    }, wait);
  };
  new IntersectionObserver(
    (entries) => {
      seen = entries.at(-1).isIntersecting;
      run();
    },
    { rootMargin: "120px" },
  ).observe(host);
  document.addEventListener("visibilitychange", run);
  return () => {
    due = true;
    run();
  };
}

// Nothing to draw: said in the chart's own place, so that empty axes are not taken for a figure.
export function idle(host, words) {
  if (words) host.dataset.idle = words;
  else delete host.dataset.idle;
}

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
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step)
    ticks.push(Number(at.toPrecision(12)));
  return ticks;
}

export function niceLog(low, high) {
  const all = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
    for (const one of [1, 2, 5]) all.push(Number((one * 10 ** power).toPrecision(6)));
  const inside = all.filter((at) => at >= low && at <= high);
  return inside.length > 7 ? inside.filter((at) => /^0?\.?0*1/.test(String(at))) : inside;
}

export const clockTicks = (start, end, most) => {
  const steps = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * 60_000);
  const step = steps.find((one) => (end - start) / one <= most) ?? steps.at(-1);
  const away = new Date(end).getTimezoneOffset() * 60_000;
  const ticks = [];
  for (let at = Math.ceil((start - away) / step) * step + away; at <= end; at += step) {
    ticks.push([
      at,
      step >= 720 * 60_000
        ? new Date(at).toLocaleDateString([], { weekday: "short", day: "numeric" })
        : new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
    ]);
  }
  return ticks;
};
