// The operator's own labels: what is known of addresses, one by one or from a file.
import { Fields, plainField } from "../static/fields.js";
import { button, busy, redraw, said, twice, whileShown } from "../static/said.js";
import { h, integer, plural } from "../static/format.js";
import { call } from "../static/api.js";
import { component } from "../static/component.js";

const MOST = 50;
const LARGEST = 5_000_000;

class OwnLabels {
  constructor(host, params) {
    this.all = [];
    const kinds = params.get("kinds");
    this.fields = new Fields([
      plainField("address", "Address", { hint: "of any network, or a script in hex" }),
      plainField("entity", "Whose it is", { hint: "a known name brings its kind, like Binance" }),
      plainField("kind", "Kind", { kind: "one", options: ["", ...kinds], titles: ["as known, else other", ...kinds] }),
      plainField("private", "Private: alerts and widgets say “own label” in its place", { kind: "flag", value: true }),
    ]);
    this.search = h("input", {
      type: "search",
      placeholder: "address or name",
      "aria-label": "Find a label",
      oninput: () => this.draw(),
    });
    this.words = h("output", { class: "soft", text: "Reading…" });
    this.list = h("ul", { class: "plainlist" });
    host.replaceChildren(
      h(
        "form",
        { onsubmit: (event) => event.preventDefault() },
        h(
          "div",
          { class: "form" },
          ...["address", "entity", "kind", "private"].map((name) => this.fields.element(name)),
        ),
        this.fields.wrong,
        h(
          "div",
          { class: "buttons" },
          button("Add the label", () => this.add(), { class: "button primary", type: "submit" }),
        ),
      ),
      this.importing(),
      h("div", { class: "find field" }, this.search, this.words),
      this.list,
    );
    this.again = whileShown(host, () => this.read(), {
      failed: (refusal) => (this.words.textContent = refusal.message),
    });
  }

  async read() {
    this.all = (await call("GET", "labels")).labels;
    this.draw();
  }

  draw() {
    const asked = this.search.value.trim().toLowerCase();
    const found = this.all.filter(({ address, entity }) => `${address} ${entity}`.toLowerCase().includes(asked));
    const shown = found.slice(0, MOST);
    this.search.hidden = this.all.length < 6;
    this.words.textContent = this.all.length
      ? `${integer(found.length)} of ${plural(this.all.length, "label")}${found.length > MOST ? `, the first ${MOST}` : ""}`
      : "No label yet. Spout knows some exchanges already; add what only you know.";
    redraw(this.list, shown, () => shown.map((one) => this.row(one)));
  }

  row(label) {
    return h(
      "li",
      {},
      h(
        "div",
        {},
        h("b", { text: label.entity }),
        h("small", {}, ` ${label.kind}${label.private ? " · private" : ""} · `, h("time", { text: label.created_at })),
      ),
      h("code", { text: label.address }),
      twice("Remove", "Really remove?", () => this.remove(label), {
        "aria-label": `Remove the label of ${label.address}`,
        "data-key": label.script,
      }),
    );
  }

  async add() {
    this.fields.clear();
    const { address, entity, kind, private: isPrivate } = this.fields.read();
    try {
      const { labels } = await call("POST", "labels", {
        address: address ?? "",
        entity: entity ?? "",
        kind,
        private: isPrivate,
      });
      said(`${labels[0].entity} is known from now on`);
      this.fields.write({ address: "", entity: "", kind: "" });
      await this.read();
    } catch (refusal) {
      // The API names the address that it cannot read, not the field.
      const { message } = refusal;
      const ofAddress = address && message.startsWith(`${address}: `);
      this.fields.refuse(ofAddress ? `address ${message.slice(address.length + 2)}` : message);
    }
  }

  async remove(label) {
    await call("DELETE", `labels/${encodeURIComponent(label.script)}`);
    said(`The label of ${label.entity} is removed`);
    await this.read();
  }

  importing() {
    const file = h("input", {
      type: "file",
      id: "label-file",
      accept: ".csv,.jsonl,.json,.txt",
      "aria-describedby": "label-file-hint label-file-wrong",
    });
    const wrong = h("small", { class: "wrong", id: "label-file-wrong", role: "alert" });
    const whose = h(
      "select",
      { "aria-label": "Private or not", class: "button" },
      h("option", { value: "", text: "private if a wallet wrote it" }),
      h("option", { value: "true", text: "all private" }),
      h("option", { value: "false", text: "none private" }),
    );
    const send = busy(async () => {
      wrong.textContent = "";
      const [chosen] = file.files;
      if (!chosen) wrong.textContent = "Choose a file first.";
      else if (chosen.size > LARGEST) wrong.textContent = "It is larger than 5 MB: split it.";
      else
        try {
          const { imported, others } = await call(
            "POST",
            `labels/import${whose.value ? `?private=${whose.value}` : ""}`,
            chosen,
          );
          said(
            `${plural(imported, "label")} imported${others ? `; ${plural(others, "line")} about something else left out` : ""}`,
          );
          file.value = "";
          await this.read();
        } catch (refusal) {
          wrong.textContent = refusal.message;
        }
    });
    return h(
      "details",
      { class: "import" },
      h("summary", { text: "Import a file" }),
      h(
        "div",
        { class: "field" },
        h("label", { for: "label-file", text: "CSV, or a wallet's export (BIP-329)" }),
        file,
        h("small", {
          class: "soft",
          id: "label-file-hint",
          text: "at most 5 MB and 100,000 lines; all of it or nothing",
        }),
        wrong,
      ),
      h(
        "div",
        { class: "buttons" },
        whose,
        h("button", { type: "button", class: "button", text: "Import", onclick: send }),
      ),
    );
  }
}

export function mount(host, params) {
  return new OwnLabels(host, params);
}
export const render = component(mount);
