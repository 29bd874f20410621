// Rows by the hundred thousand: one page at a time is asked for, sorted where they are kept.
import { h, integer, moment, say } from "../static/format.js";
import { choose, withSearch } from "../static/whales.js";
import { cellsOf, saveButtons } from "../static/save.js";
import { component } from "../static/component.js";

class PagedTable {
  constructor(host, params) {
    Object.assign(this, { host, params, columns: params.get("columns"), size: params.get("page_size") });
    this.number = 0;
    this.total = 0;
    this.at = place(params.get("sorted_by"));
    this.heads = this.columns.map((column) => this.head(column));
    this.body = h("tbody");
    this.words = h("output", { class: "soft", "aria-live": "polite" });
    this.empty = h("p", { class: "empty", hidden: true, text: params.get("empty") });
    this.steps = this.buttons();
    host.replaceChildren(
      h(
        "div",
        { class: "scroll wide", tabindex: "0", role: "region", "aria-label": params.get("label") },
        h("table", { class: "paged" }, h("thead", {}, h("tr", {}, ...this.heads)), this.body),
        this.empty,
      ),
      h("div", { class: "pages" }, this.steps.first, this.steps.before, this.words, this.steps.next, this.steps.last),
      this.saving(),
    );
    host.dataset.waits = ""; // what stands below the rows would move when they come: it is shown with them
    params.receive((reply) => this.answered(reply));
    params.on("asked_anew", () => this.go(1));
    params.whenAttached(() => this.ask());
  }

  // What stands there; the whole of it is for an export, where a page has one.
  saving() {
    const name = this.params
      .get("label")
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-");
    return saveButtons(name, { rows: () => cellsOf(this.host.querySelector("table")) });
  }

  head({ field, title, kind, sortable }) {
    const sort = () => this.sort(field);
    const inside = sortable
      ? h("button", { type: "button", class: "sorter", "data-field": field, onclick: sort, text: title })
      : h("span", { text: title });
    return h("th", { scope: "col", class: kind || null, "data-field": field }, inside);
  }

  buttons() {
    const step = (text, label, to) =>
      h("button", { type: "button", class: "pager", text, "aria-label": label, onclick: () => this.go(to()) });
    return {
      first: step("«", "First page", () => 1),
      before: step("‹", "Page before", () => this.at.page - 1),
      next: step("›", "Next page", () => this.at.page + 1),
      last: step("»", "Last page", () => this.last),
    };
  }

  get last() {
    return Math.max(1, Math.ceil(this.total / this.size));
  }

  sort(field) {
    this.at.down = this.at.sort === field ? !this.at.down : true;
    this.at.sort = field;
    this.go(1);
  }

  go(page) {
    this.at.page = Math.min(Math.max(1, page), this.last);
    const search = new URLSearchParams(location.search);
    search.set("page", this.at.page);
    search.set("sort", this.at.sort);
    search.set("down", this.at.down ? "1" : "0");
    history.replaceState(history.state, "", withSearch(search));
    this.ask();
  }

  ask() {
    this.number += 1;
    this.host.setAttribute("aria-busy", "true");
    const { page, sort, down } = this.at;
    this.params.say({ id: this.number, offset: (page - 1) * this.size, limit: this.size, sort, down });
  }

  // An answer to a question that was overtaken by the next is dropped.
  answered(reply) {
    if (reply.id !== this.number) return;
    this.total = reply.total;
    if (!reply.rows.length && reply.total) return void this.go(this.last);
    delete this.host.dataset.waits;
    this.body.replaceChildren(...reply.rows.map((row, index) => this.row(row, reply.ids[index])));
    this.empty.hidden = reply.rows.length > 0;
    const first = (this.at.page - 1) * this.size + 1;
    const last = Math.min(reply.total, this.at.page * this.size);
    say(this.words, reply.total ? `${integer(first)}–${integer(last)} of ${integer(reply.total)}` : "");
    for (const head of this.heads) head.setAttribute("aria-sort", this.order(head.dataset.field));
    this.steps.first.disabled = this.steps.before.disabled = this.at.page <= 1;
    for (const step of Object.values(this.steps)) step.hidden = this.last === 1;
    this.steps.last.disabled = this.steps.next.disabled = this.at.page >= this.last;
    this.host.setAttribute("aria-busy", "false");
    this.host.dataset.ready = "yes";
  }

  order(field) {
    if (this.at.sort !== field) return "none";
    return this.at.down ? "descending" : "ascending";
  }

  row(cells, id) {
    const tds = cells.map((cell, index) => {
      const { title, kind } = this.columns[index];
      const text = cell === null ? "unknown" : kind === "time" ? moment(Date.parse(cell)) : cell;
      const shown =
        id && index === 0
          ? h("button", { type: "button", class: "plain", text, onclick: () => choose(id) })
          : h(kind === "time" ? "time" : "span", { text, datetime: kind === "time" ? cell : null });
      return h("td", { class: kind || null, "data-label": title }, shown);
    });
    return h("tr", { "data-id": id ?? null }, ...tds);
  }
}

function place(sort) {
  const asked = new URLSearchParams(location.search);
  return {
    page: Math.max(1, Number(asked.get("page")) || 1),
    sort: asked.get("sort") ?? sort,
    down: asked.get("down") !== "0",
  };
}

export function mount(host, params) {
  return new PagedTable(host, params);
}
export const render = component(mount);
