// Which whales are announced, in which words, and why a browser cannot.
import { btc, words } from "../static/format.js";
import { forecastWords, receivers } from "./cells.js";

// Those that wait, are new since the last look and move more than `least` BTC: the largest first.
export const large = (rows, known, least) =>
  rows
    .filter((row) => row.status === "pending" && !known.has(row.id) && row.moved > least * 1e8)
    .sort((a, b) => b.moved - a.moved);

// Title and body; `more`: how many others came with it.
export function announcement(row, more, tip) {
  const said = forecastWords(row, tip);
  const where = `${row.from ?? "unlabelled"} → ${receivers(row)}`;
  const when = [said.what, said.how].filter(Boolean).join(", ");
  return {
    title: `${row.demo ? "Demo: " : ""}${words.flows[row.flow].join(" ")}: ${btc(row.moved)} BTC`,
    body: [where, `waiting · ${when}`, more ? `and ${more} more` : null].filter(Boolean).join("\n"),
  };
}

// Why this browser shows no notification of this page; null if it may.
export function whyNot({ secure, Notification }) {
  if (!secure)
    return (
      "Browsers show notifications only of pages that came over https, or from the machine itself. This page came " +
      "over plain http, so this cannot be turned on here. Sound can, and alerts that Spout sends do not need it."
    );
  if (!Notification) return "This browser has no notifications.";
  if (Notification.permission === "denied")
    return "Notifications of this page are blocked in this browser: allow them in its settings for this address.";
  return null;
}
