// What all parts of a page share: one feed, one store, and who wants to receive of what.
import { Feed } from "./feed.js";
import { line, sameProgram, status } from "./frame.js";
import { setNow } from "./format.js";
import { Store } from "./store.js";
import { written } from "./session.js";

export const store = new Store();
// `first`: ids of the whales of the first state; what came after it is new, whoever was not there yet to hear of it.
export const state = { known: false, tip: null, price: null, first: null };
const listeners = [];

// `names`: parts of the page state ("rows", "status", "totals" …); message at once if the state is there.
export function on(names, notify) {
  listeners.push([new Set(names), notify]);
  if (state.known) notify(new Set(names), []);
}

export function publish(changed, ended = []) {
  for (const [names, notify] of listeners) if ([...changed].some((name) => names.has(name))) notify(changed, ended);
}

function received(changed, ended) {
  if (changed.has("status")) {
    status(store.parts.status);
    sameProgram(store.parts.status.assets);
    state.tip = store.parts.status.tip;
    state.price = store.parts.status.price ?? null;
  }
  publish(changed, ended);
}

export const feed = new Feed(written.channel ?? "status", {
  onState(message) {
    setNow(message.now);
    state.known = true;
    state.first ??= new Set(message.rows.map((row) => row.id));
    const { parts, moved } = store.replace(message);
    received(new Set([...parts, "rows"]), moved);
    dispatchEvent(new Event("spout-state"));
  },
  onChange(message) {
    setNow(message.now);
    const { parts, rowsChanged, ended } = store.change(message);
    if (rowsChanged) parts.add("rows");
    received(parts, ended);
  },
  onWhale: (message) => dispatchEvent(new CustomEvent("spout-whale", { detail: message })),
  onLine: line,
});
