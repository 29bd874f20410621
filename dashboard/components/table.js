// A table of fixed-height rows of which only those in sight exist. Streaming never moves what is being read:
// rows that come in above are made up for in the same paint. One animation of the container, one per new row.
import { h } from "../static/format.js";

const BEYOND = 4;

export class Table {
  constructor(host, { label, columns, fill, open, most }) {
    Object.assign(this, { host, columns, fill, open, most });
    this.rows = [];
    this.at = new Map();
    this.shown = new Map();
    this.selected = null;
    this.focused = null;
    const head = h(
      "div",
      { class: "row head", role: "row" },
      ...columns.map((name) => h("span", { role: "columnheader", text: name })),
    );
    this.sizer = h("div", { class: "sizer", role: "presentation" });
    this.body = h("div", { class: "rows", role: "rowgroup" }, this.sizer);
    this.empty = h("p", { class: "empty", hidden: true });
    this.grid = h(
      "div",
      { class: "grid-table", role: "grid", "aria-label": label, "aria-colcount": columns.length },
      h("div", { role: "rowgroup" }, head),
      this.body,
    );
    host.replaceChildren(this.grid, this.empty);
    this.body.addEventListener("scroll", () => this.paint(), { passive: true });
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("keydown", (event) => this.pressed(event));
    this.body.addEventListener("focusin", (event) => {
      this.focused = event.target.closest("[data-id]")?.dataset.id ?? this.focused;
    });
    new ResizeObserver(() => this.measured()).observe(this.body);
    this.measured();
  }

  get quiet() {
    return document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  measured() {
    const height = parseFloat(getComputedStyle(this.host).getPropertyValue("--row-height")) || 56;
    if (height === this.height && this.painted) return void this.paint();
    this.height = height;
    for (const element of this.shown.values()) element.remove();
    this.shown.clear();
    this.resize();
    this.paint();
  }

  // `rows`: in order; `words`: what to say when there are none.
  show(rows, words) {
    const anchor = this.anchor();
    const old = this.at;
    this.rows = rows;
    this.at = new Map(rows.map((row, index) => [row.id, index]));
    this.resize();
    this.empty.hidden = rows.length > 0;
    this.grid.hidden = rows.length === 0;
    if (!rows.length && this.empty.textContent !== words) this.empty.textContent = words;
    this.grid.setAttribute("aria-rowcount", rows.length + 1);
    let shift = 0;
    if (anchor && this.at.has(anchor.id)) {
      const top = this.at.get(anchor.id) * this.height - anchor.offset;
      shift = top - this.body.scrollTop;
      // At the very top the new ones are shown coming in; further down nothing may move.
      if (anchor.atTop && shift > 0) this.slide(Math.min(shift, this.height * 3));
      else if (Math.abs(shift) > 0.5) this.body.scrollTop = top;
    }
    this.paint(old.size ? old : null);
  }

  anchor() {
    if (!this.rows.length) return null;
    const top = this.body.scrollTop;
    const atTop = top < this.height / 2;
    const index = Math.min(this.rows.length - 1, Math.floor(top / this.height));
    // Prefer the row in hand, if it is in sight: it is what the reader looks at.
    const held = this.at.get(this.focused);
    const keep = held !== undefined && !atTop && Math.abs(held - index) < 20 ? held : index;
    return { id: this.rows[keep].id, offset: keep * this.height - top, atTop };
  }

  resize() {
    const all = this.rows.length * this.height;
    this.sizer.style.height = `${all}px`;
    this.body.style.height = `${Math.min(all, this.most() * this.height)}px`;
  }

  slide(by) {
    if (this.quiet) return;
    this.sizer.animate([{ transform: `translateY(${-by}px)` }, { transform: "none" }], {
      duration: 260,
      easing: "cubic-bezier(.2,.7,.2,1)",
    });
  }

  paint(before = null) {
    this.painted = true;
    const top = this.body.scrollTop;
    const first = Math.max(0, Math.floor(top / this.height) - BEYOND);
    const last = Math.min(this.rows.length, Math.ceil((top + this.body.clientHeight) / this.height) + BEYOND);
    const wanted = new Set();
    for (let index = first; index < last; index += 1) wanted.add(this.rows[index].id);
    // The row in hand is kept, though out of sight: the keyboard's place must not vanish.
    if (this.at.has(this.focused) && this.shown.get(this.focused)?.contains(document.activeElement))
      wanted.add(this.focused);
    for (const [id, element] of this.shown)
      if (!wanted.has(id)) {
        element.remove();
        this.shown.delete(id);
      }
    for (const id of wanted) this.put(this.rows[this.at.get(id)], before !== null && !before.has(id));
    this.reachable();
  }

  put(row, fresh) {
    let element = this.shown.get(row.id);
    if (!element) {
      element = h("div", { class: "row", role: "row", "data-id": row.id, tabindex: "-1" });
      this.shown.set(row.id, element);
      this.sizer.append(element);
      if (fresh && !this.quiet) element.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 320 });
      if (fresh) {
        element.classList.add("fresh");
        setTimeout(() => element.classList.remove("fresh"), 8_000);
      }
    }
    if (element.drawn !== row) {
      element.drawn = row;
      element.dataset.flow = row.flow;
      element.dataset.status = row.status;
      element.replaceChildren(
        ...this.fill(row).map((cell) => {
          cell.setAttribute("role", "gridcell");
          return cell;
        }),
      );
    }
    const index = this.at.get(row.id);
    // Not by `top`: then each whale that comes in would lay out all rows below it anew.
    const place = `0px ${index * this.height}px`;
    if (element.place !== place) {
      element.place = element.style.translate = place;
      element.setAttribute("aria-rowindex", index + 2);
    }
    element.setAttribute("aria-selected", String(row.id === this.selected));
  }

  // Exactly one row is reached by Tab; the arrows do the rest.
  reachable() {
    const held =
      this.at.has(this.focused) && this.shown.has(this.focused)
        ? this.focused
        : this.rows[Math.min(this.rows.length - 1, Math.ceil(this.body.scrollTop / this.height))]?.id;
    for (const [id, element] of this.shown) element.tabIndex = id === held ? 0 : -1;
  }

  // Draw what depends on more than the row (the tip, the light) again.
  refill() {
    for (const element of this.shown.values()) element.drawn = null;
    this.paint();
  }
  select(id) {
    this.selected = id;
    this.paint();
  }
  element(id) {
    return this.shown.get(id) ?? null;
  }

  clicked(event) {
    const id = event.target.closest("[data-id]")?.dataset.id;
    if (id && !event.target.closest("a")) this.open(id);
  }

  pressed(event) {
    const index = this.at.get(this.focused);
    if (index === undefined) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return void this.open(this.focused);
    }
    const page = Math.max(1, Math.floor(this.body.clientHeight / this.height) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[
      event.key
    ];
    if (step === undefined) return;
    event.preventDefault();
    this.go(Math.max(0, Math.min(this.rows.length - 1, index + step)));
  }

  go(index) {
    const top = index * this.height;
    if (top < this.body.scrollTop) this.body.scrollTop = top;
    else if (top + this.height > this.body.scrollTop + this.body.clientHeight)
      this.body.scrollTop = top + this.height - this.body.clientHeight;
    this.focused = this.rows[index].id;
    this.put(this.rows[index], false);
    this.paint();
    this.shown.get(this.focused)?.focus({ preventScroll: true });
  }
}
