// The operator's own labels: what is known of addresses, one by one or from a file.
import { Fields, plainField } from "../static/fields.js";
import { button, busy, redraw, said, twice, whileShown } from "../static/said.js";
import { h, integer, plural } from "../static/format.js";
import { call } from "../static/api.js";
import { Paging } from "../static/paging.js";
import { component } from "../static/component.js";

const PAGE = 50;
const TYPED_AFTER = 250;

class OwnLabels {
  constructor(host, params) {
    this.paging = new Paging(
      (cursor) => this.ask(cursor),
      (page) => this.take(page),
    );
    this.largest = params.get("largest_file");
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
      oninput: () => this.searched(),
    });
    this.before = button("Before", () => this.turn(-1), { "aria-label": "Labels before these", hidden: true });
    this.after = button("Next", () => this.turn(1), { "aria-label": "Next labels", hidden: true });
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
      h("div", { class: "pages" }, this.before, this.after),
    );
    this.again = whileShown(host, () => this.read(), {
      failed: (refusal) => this.failed(refusal),
    });
  }

  failed(refusal) {
    this.words.textContent = refusal.message;
    // Labels that were found for something else are no answer.
    if (this.paging.stale) redraw(this.list, [], () => []);
  }

  searched() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.paging.restart();
      this.again();
    }, TYPED_AFTER);
  }

  turn(step) {
    this.paging.turn(step);
    return this.again();
  }

  read() {
    return this.paging.read();
  }

  // One page at a time: there may be 100,000.
  async ask(cursor) {
    const search = this.search.value.trim();
    const asked = new URLSearchParams({ limit: PAGE });
    if (search) asked.set("search", search);
    if (cursor) asked.set("cursor", cursor);
    return { ...(await call("GET", `labels?${asked}`)), search };
  }

  take(page) {
    // The last label of the last page was removed.
    if (!page.labels.length && !this.paging.isFirst) return this.turn(-1);
    return this.draw(page);
  }

  draw({ labels, total_count: total, page_info: page, search }) {
    this.before.hidden = this.paging.isFirst;
    this.after.hidden = !page.has_next;
    this.search.hidden = !search && total < 6;
    this.words.textContent = this.counted(labels.length, total, search);
    redraw(this.list, labels, () => labels.map((one) => this.row(one)));
  }

  counted(shown, total, search) {
    if (!total)
      return search
        ? "No label of yours has this in its name or address."
        : "No label yet. Spout knows some exchanges already; add what only you know.";
    const first = (this.paging.cursors.length - 1) * PAGE;
    const which = shown < total ? `${integer(first + 1)} to ${integer(first + shown)} of ` : "";
    return `${which}${plural(total, "label")}${search ? " found" : ""}`;
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
      this.fields.refuse(refusal);
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
      else if (chosen.size > this.largest)
        wrong.textContent = `It is larger than ${integer(this.largest / 1e6)} MB: split it.`;
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
