// Of one whale: each endpoint, what it was sent or what held it back, a bell for the rest of its life, and a label where
// its flow is wrong. For the operator; needs no feed.
import { Fields, plainField } from "../static/fields.js";
import { button, said } from "../static/said.js";
import { call } from "../static/api.js";
import { follow } from "./known_endpoints.js";
import { h } from "../static/format.js";

export class WhaleAlerts {
  constructor(host, whale, outputs) {
    this.id = whale.prediction_id;
    this.txid = whale.txid;
    this.asked = null;
    this.list = h("ul", { class: "answers" });
    host.replaceChildren(this.list, this.correction(outputs));
  }

  async read() {
    const asked = (this.asked = {});
    const lines = await Promise.all([call("GET", `predictions/${this.txid}/alerts`), call("GET", "endpoints")]).then(
      ([whale, { endpoints }]) => this.lines(whale.endpoints, endpoints),
      (refusal) => [h("li", { class: "soft", text: refusal.message })],
    );
    if (asked === this.asked) this.list.replaceChildren(...lines);
  }

  lines(alerts, endpoints) {
    const wordsOf = new Map(alerts.map((one) => [one.endpoint_id, one.words]));
    const some = endpoints.filter((one) => one.kind !== "heartbeat");
    if (!some.length)
      return [h("li", {}, "Nobody is told: ", h("a", { href: "./settings#alerts", text: "add where alerts go" }))];
    return some.map((one) =>
      h(
        "li",
        {},
        h(
          "div",
          {},
          h("b", { text: one.name }),
          h("span", { text: ` ${wordsOf.get(one.id) ?? "was sent nothing of it"}` }),
        ),
        this.bell(one),
      ),
    );
  }

  bell(endpoint) {
    const follows = endpoint.follows.includes(this.id);
    const words = follows ? "Follows it" : "Follow it";
    return button(words, () => this.follow(endpoint, !follows), {
      class: "button small",
      "aria-pressed": String(follows),
      "aria-label": `${words}: ${endpoint.name}`,
    });
  }

  async follow(endpoint, on) {
    await follow(endpoint, this.id, on);
    said(on ? `${endpoint.name} is told all of this whale's life` : `${endpoint.name} goes by its rules again`);
    await this.read();
  }

  correction(outputs) {
    const addresses = [...new Set(outputs.filter((one) => !one.label).map((one) => one.what))];
    const fields = new Fields([
      plainField("address", "Address", {
        hint: "one of this whale's, or another of theirs",
        value: addresses[0] ?? "",
      }),
      plainField("entity", "Whose it is", { hint: "Binance, or your own word" }),
      plainField("private", "Private: it stays on this box", { kind: "flag", value: true }),
    ]);
    const list = h("datalist", { id: "whale-addresses" }, ...addresses.map((value) => h("option", { value })));
    fields.all.get("address").input.setAttribute("list", list.id);
    const add = async () => {
      fields.clear();
      const { address, entity, private: isPrivate } = fields.read();
      try {
        await call("POST", "labels", { address: address ?? "", entity: entity ?? "", private: isPrivate });
        said("The label counts from now on; what was scored already stays as it was said");
        fields.write({ entity: "" });
      } catch (refusal) {
        fields.refuse(refusal);
      }
    };
    return h(
      "details",
      { "data-name": "Correction" },
      h("summary", { text: "This flow is wrong" }),
      h("p", { class: "soft", text: "Say whose an address is: the next whales are told by it." }),
      h("div", { class: "form" }, ...["address", "entity", "private"].map((name) => fields.element(name)), list),
      fields.wrong,
      h("div", { class: "buttons" }, button("Add the label", add)),
    );
  }
}
