import assert from "node:assert/strict";
import test from "node:test";
import { Store } from "../../dashboard/static/store.js";

const row = (id, status = "pending", more = {}) => ({ id, status, ...more });
const state = (...rows) => ({ kind: "snapshot", seq: 0, epoch: "e", now: 1, rows, totals: { whales: rows.length } });

test("a whole state replaces the rows and names its parts", () => {
  const store = new Store();
  const { parts } = store.replace(state(row("a"), row("b")));

  assert.deepEqual([...store.rows.keys()], ["a", "b"]);
  assert.deepEqual([...parts], ["totals"]);
});

test("a patched row is another object, and the rest of it stays", () => {
  const store = new Store();
  store.replace(state(row("a", "pending", { moved: 5 })));
  const before = store.rows.get("a");
  store.change({ patch: { a: { rate: 2 } } });

  assert.notEqual(store.rows.get("a"), before);
  assert.deepEqual(store.rows.get("a"), { id: "a", status: "pending", moved: 5, rate: 2 });
});

test("a patch of a row that is not known is left out", () => {
  const store = new Store();
  store.replace(state(row("a")));
  store.change({ patch: { b: { rate: 2 } } });

  assert.equal(store.rows.has("b"), false);
});

test("a whale that ends is named, so that it can be seen going across", () => {
  const store = new Store();
  store.replace(state(row("a"), row("b")));
  const { ended } = store.change({ patch: { a: { status: "confirmed" } } });

  assert.deepEqual(ended, ["a"]);
});

test("a row that is gone is gone", () => {
  const store = new Store();
  store.replace(state(row("a"), row("b")));
  store.change({ gone: ["a"] });

  assert.deepEqual([...store.rows.keys()], ["b"]);
});
