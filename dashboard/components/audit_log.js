// What was changed, when and by whom; newest first.
import { button, redraw, whileShown } from "../static/said.js";
import { h, moment } from "../static/format.js";
import { call } from "../static/api.js";
import { component } from "../static/component.js";
import { listed } from "../static/tables.js";

const PAGE = 50;
const whose = (who) => who.replace(/^session:.*/, "a page").replace(/^key:/, "key ");

class AuditLog {
  constructor(host) {
    this.cursors = [null];
    this.list = h("div", {}, h("p", { class: "soft", text: "Reading…" }));
    this.newer = button("Newer", () => this.turn(-1), { hidden: true });
    this.older = button("Older", () => this.turn(1), { hidden: true });
    host.replaceChildren(this.list, h("div", { class: "pages" }, this.newer, this.older));
    this.again = whileShown(host, () => this.read(), {
      failed: (refusal) =>
        redraw(this.list, refusal.message, () => [h("p", { class: "empty", text: refusal.message })]),
    });
  }

  turn(step) {
    if (step < 0) this.cursors.pop();
    else this.cursors.push(this.next);
    return this.again();
  }

  async read() {
    const cursor = this.cursors.at(-1);
    const page = await call("GET", `audit?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    this.next = page.page_info.next_cursor;
    this.newer.hidden = this.cursors.length < 2;
    this.older.hidden = !page.page_info.has_next;
    listed(this.list, "lines log", page.changes.map(line), "Nothing was changed yet.");
  }
}

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
