// The backups that lie beside the data: last night's, and one more now.
import { button, redraw, said, whileShown } from "../static/said.js";
import { h, moment } from "../static/format.js";
import { call } from "../static/api.js";
import { component } from "../static/component.js";
import { newest } from "../static/paging.js";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

class BackupList {
  constructor(host) {
    this.read = newest(
      () => call("GET", "backups"),
      (found) => this.draw(found),
    );
    this.list = h("ul", { class: "plainlist" }, h("li", { class: "soft", text: "Reading…" }));
    this.wrong = h("p", { class: "wrong", role: "alert" });
    host.replaceChildren(
      this.list,
      h("p", {
        class: "soft",
        text: "One is made each night; the newest three are kept. Copy them to another disk: spout restore FILE brings one back.",
      }),
      this.wrong,
      h(
        "div",
        { class: "buttons" },
        button("Make a backup now", () => this.make(), { class: "button primary" }),
      ),
    );
    whileShown(host, () => this.read(), { failed: (refusal) => (this.wrong.textContent = refusal.message) });
  }

  draw({ backups, directory }) {
    const none = [h("li", { class: "empty", text: "None yet: the first one comes tonight." })];
    redraw(this.list, backups, () => (backups.length ? backups.map((one) => row(one, directory)) : none));
  }

  async make() {
    this.wrong.textContent = "";
    try {
      const made = await call("POST", "backups", {});
      said(`A backup is made: ${made.name}, ${megabytes(made.bytes)}`);
      await this.read();
    } catch (refusal) {
      this.wrong.textContent = refusal.message;
    }
  }
}

const row = ({ name, bytes, made_at: at }, directory) =>
  h(
    "li",
    {},
    h("b", {}, h("time", { datetime: at, text: moment(Date.parse(at)) })),
    h("small", { text: megabytes(bytes) }),
    h("code", { text: `${directory}/${name}` }),
  );

export function mount(host) {
  return new BackupList(host);
}
export const render = component(mount);
