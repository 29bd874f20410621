import "./page.js";
import assert from "node:assert/strict";
import test from "node:test";

const { announcement, large, whyNot } = await import("../../dashboard/components/announcing.js");

const row = (id, btc, more = {}) => ({ id, status: "pending", flow: "inflow", moved: btc * 1e8, ...more });
const nothing = new Set();

test("what moves more than the amount is announced, the largest first", () => {
  const ids = large([row("a", 600), row("b", 499), row("c", 900)], nothing, 500).map((one) => one.id);
  assert.deepEqual(ids, ["c", "a"]);
});
test("what was there before is not announced", () => {
  assert.deepEqual(large([row("a", 600)], new Set(["a"]), 500), []);
});
test("what moves just the amount is not announced: it is more than, as for a whale", () => {
  assert.deepEqual(large([row("a", 500)], nothing, 500), []);
});
test("what has ended is not announced", () => {
  assert.deepEqual(large([row("a", 600, { status: "confirmed" })], nothing, 500), []);
});
test("what the demo made is called so", () => {
  assert.match(announcement(row("a", 600, { demo: true, from: null, to: "Kraken" }), 0, 1).title, /^Demo: /);
});
test("several at once are one announcement, which says how many", () => {
  assert.match(announcement(row("a", 600, { from: null, to: "Kraken" }), 3, 1).body, /and 3 more$/);
});
test("over plain http it is said why there are none", () => {
  assert.match(whyNot({ secure: false, Notification: { permission: "default" } }), /plain http/);
});
test("a browser that blocks them is told from one that has none", () => {
  assert.match(whyNot({ secure: true, Notification: { permission: "denied" } }), /blocked/);
  assert.match(whyNot({ secure: true }), /has no notifications/);
});
test("where they may be shown nothing stands against it", () => {
  assert.equal(whyNot({ secure: true, Notification: { permission: "default" } }), null);
});
