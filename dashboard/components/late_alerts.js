// Of one whale, who was told of it and why not: for the operator, so that its form is loaded when it is opened.
import { h } from "../static/format.js";

export class LateAlerts {
  constructor() {
    this.id = null;
  }

  // The same element while the same whale is open: what is typed in it stays when the whale changes.
  of(whale, outputs) {
    if (this.id === whale.prediction_id) return this.element;
    this.id = whale.prediction_id;
    const inside = h("div");
    const details = h(
      "details",
      { "data-name": "Alerts", class: "whale-alerts" },
      h("summary", { text: "Alerts: who was told, and why not" }),
      inside,
    );
    let alerts = null;
    details.addEventListener("toggle", async () => {
      if (!details.open) return;
      try {
        alerts ??= import("./whale_alerts.js").then(({ WhaleAlerts }) => new WhaleAlerts(inside, whale, outputs));
        await (await alerts).read();
      } catch {
        alerts = null; // asked for again when it is opened again
        inside.replaceChildren(
          h("p", { class: "soft", text: "The appliance does not answer: try again in a moment." }),
        );
      }
    });
    this.element = h("div", {}, details, h("div", { class: "toasts", role: "status", "aria-live": "polite" }));
    return this.element;
  }
}
