import "./page.js";
import assert from "node:assert/strict";
import test from "node:test";

const { csvOf } = await import("../../dashboard/components/whale_csv.js");
const { csv } = await import("../../dashboard/static/save.js");
const row = { txid: "ab", status: "pending", flow: "inflow", moved: 51_225_000_000, gross: 51_225_000_000, from: null };

const cell = (rows, name) => rows[1][rows[0].indexOf(name)];

test("an amount stands in full, in BTC", () => {
  assert.equal(cell(csvOf([row]), "Moved BTC"), "512.25000000");
});
test("what is not known is an empty cell", () => {
  assert.equal(cell(csvOf([{ ...row, rate: null }]), "sat/vB"), "");
});
test("a moment is in UTC", () => {
  assert.equal(cell(csvOf([{ ...row, seen: 0 + 1_000 }]), "Seen"), "1970-01-01T00:00:01.000Z");
});
test("what the demo made is called so in the file too", () => {
  assert.equal(cell(csvOf([{ ...row, demo: true }]), "Demo"), "demo");
});
test("a name that a spreadsheet would take for a formula is made harmless", () => {
  assert.match(csv(csvOf([{ ...row, to: "=cmd()" }])), /,'=cmd\(\),/);
});
