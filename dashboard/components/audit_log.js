// What was changed, when and by whom; newest first.
import { button, redraw, whileShown } from "../static/said.js";
import { h, moment } from "../static/format.js";
import { call } from "../static/api.js";
import { Paging } from "../static/paging.js";
import { component } from "../static/component.js";
import { listed } from "../static/tables.js";

const PAGE = 50;
const whose = (who) => who.replace(/^session:.*/, "a page").replace(/^key:/, "key ");

class AuditLog {
  constructor(host) {
    this.paging = new Paging(ask, (page) => this.draw(page));
    this.list = h("div", {}, h("p", { class: "soft", text: "Reading…" }));
    this.newer = button("Newer", () => this.turn(-1), { hidden: true });
    this.older = button("Older", () => this.turn(1), { hidden: true });
    host.replaceChildren(this.list, h("div", { class: "pages" }, this.newer, this.older));
    this.again = whileShown(host, () => this.paging.read(), {
      failed: (refusal) =>
        redraw(this.list, refusal.message, () => [h("p", { class: "empty", text: refusal.message })]),
    });
  }

  turn(step) {
    this.paging.turn(step);
    return this.again();
  }

  draw(page) {
    this.newer.hidden = this.paging.isFirst;
    this.older.hidden = !page.page_info.has_next;
    listed(this.list, "lines log", page.changes.map(line), "Nothing was changed yet.");
  }
}

const ask = (cursor) => call("GET", `audit?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
const line = ({ at, who, what }) =>
  h(
    "li",
    {},
    h("time", { datetime: at, text: moment(Date.parse(at)) }),
    h("b", { text: whose(who), title: who }),
    h("span", { text: what }),
  );

export function mount(host) {
  return new AuditLog(host);
}
export const render = component(mount);
