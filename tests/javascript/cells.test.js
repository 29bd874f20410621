import "./page.js";
import assert from "node:assert/strict";
import test from "node:test";

const { amount, forecastWords, otherFlows, receivers, route } = await import("../../dashboard/components/cells.js");

const BTC = 100_000_000;
const whale = (more) => ({
  flow: "outflow",
  moved: 150 * BTC,
  low: 150 * BTC,
  high: 150 * BTC,
  gross: 150 * BTC,
  is: "certain",
  from: "Kraken",
  to: null,
  split: null,
  forecast: true,
  block: 101,
  p: 0.84,
  eta: 600,
  ...more,
});

test("a whale that may move nothing at all is not said to move 0", () => {
  assert.match(amount(whale({ is: "up_to", low: 0 })).textContent, /perhaps none of it/);
});
test("what a whale is worth stands below its amount, and nothing where no price is known", () => {
  const price = { currency: "EUR", per_btc: 90_000 };

  assert.match(amount(whale({}), price).textContent, /13.5 M EUR/);
  assert.doesNotMatch(amount(whale({}), null).textContent, /EUR/);
});
test("the least that it may move is said where it is something", () => {
  assert.match(amount(whale({ is: "up_to", low: 20 * BTC })).textContent, /perhaps only 20/);
});
test("a batch that is several flows names them all, with what each moves", () => {
  const mixed = whale({ to: "OKX", split: { outflow: 150 * BTC, inter_exchange: 120 * BTC, internal: 0 } });

  assert.deepEqual(otherFlows(mixed), [["inter_exchange", 120 * BTC]]);
  assert.equal(route(mixed).textContent, "▲From exchange ⇄ 120Kraken → OKX and unlabelled");
});
test("a whale of one flow names who receives, and nobody else", () => {
  assert.equal(receivers(whale({ to: "OKX" })), "OKX");
  assert.equal(receivers(whale({})), "unlabelled");
});
test("a forecast counts its blocks from the tip", () => {
  assert.equal(forecastWords(whale({}), 100).what, "Next block");
  assert.equal(forecastWords(whale({}), 98).how, "in 3 · 84 % · ~10 min");
  assert.equal(forecastWords(whale({}), 103).how, "3 blocks late");
});
test("a chance that nobody stated is no number", () => {
  assert.match(forecastWords(whale({ p: null }), 98).how, /≥ 80 %/);
});
test("no forecast is said, with its reason", () => {
  assert.deepEqual(forecastWords({ forecast: false, unforecast: "its fee is not known" }, 1), {
    what: "no forecast",
    how: "its fee is not known",
    strong: false,
  });
});
