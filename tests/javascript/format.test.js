import "./page.js";
import assert from "node:assert/strict";
import test from "node:test";

const { btc, btcExact, btcShort, duration, feerate, percent, plural } =
  await import("../../dashboard/static/format.js");

test("an amount in a row has two decimals", () => assert.equal(btc(120_480_000_000), "1,204.80"));
test("an amount is shorter the larger it is", () => {
  assert.deepEqual([0, 123_456_789, 1_234_567_890, 123_456_789_000].map(btcShort), ["0", "1.23", "12.3", "1,235"]);
});
test("an exact amount keeps eight places where they matter", () => {
  assert.deepEqual([100_000_000, 123_456_789, -150_000_000].map(btcExact), ["1.00", "1.23456789", "−1.50"]);
});
test("a feerate that nobody knows is a word", () => assert.equal(feerate(null), "unknown"));
test("a feerate has as many places as mean something", () => {
  assert.deepEqual([0.3, 4.25, 18.44, 250.7].map(feerate), ["0.3", "4.25", "18.4", "251"]);
});
test("a chance is never said to be certain", () => {
  assert.deepEqual([0.001, 0.84, 0.999].map(percent), ["under 1 %", "84 %", "over 99 %"]);
});
test("a time is told in the unit that fits", () => {
  assert.deepEqual([48, 540, 6_000, 7_200, 259_200].map(duration), ["48 s", "9 min", "1 h 40", "2 h", "3 days"]);
});
test("one is one, none is no", () => {
  assert.deepEqual(
    [0, 1, 3_000].map((count) => plural(count, "whale")),
    ["no whales", "1 whale", "3,000 whales"],
  );
});
