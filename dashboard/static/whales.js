// Which whale is open: it stands in the address, and is one step of the browser's history, so Back closes it.
import { publish } from "./page_feed.js";

export const chosen = { open: null };
// What the filters let through; everything where a page has none.
export const filter = { test: () => true, active: false };

// The wall has no card to open.
const hasCard = () => document.querySelector('[data-module="whale_drawer.js"]') !== null;

export function choose(id) {
  if (!hasCard()) return;
  if (!id && history.state?.drawer) history.back();
  else if (id && !chosen.open) history.pushState({ drawer: true }, "", address(id));
  else history.replaceState(history.state, "", address(id));
  opened(id);
}

function opened(id) {
  chosen.open = id;
  publish(new Set(["open"]));
}

function address(id) {
  const asked = new URLSearchParams(location.search);
  if (id) asked.set("whale", id);
  else asked.delete("whale");
  return withSearch(asked);
}

export function withSearch(asked) {
  const search = asked.toString().replaceAll("%2C", ",");
  return search ? `?${search}` : location.pathname;
}

addEventListener("popstate", () => opened(new URLSearchParams(location.search).get("whale")));

// Once all parts are there: the whale that the address names.
export function restore() {
  const asked = new URLSearchParams(location.search).get("whale");
  if (!asked || chosen.open) return;
  if (history.state?.drawer) return void opened(asked); // a reload: the step back is there already
  history.replaceState(null, "", address(null));
  choose(asked);
}
