import "./page.js";
import assert from "node:assert/strict";
import test from "node:test";
import { Paging, newest } from "../../dashboard/static/paging.js";

const page = (next) => ({ page_info: { next_cursor: next } });
const away = () => Promise.reject(new Error("away"));
function held() {
  let answer, refuse;
  const promise = new Promise((good, bad) => ([answer, refuse] = [good, bad]));
  return { promise, answer, refuse };
}

test("an answer that was overtaken is not taken, nor is its refusal", async () => {
  const [slow, failing] = [held(), held()];
  const answers = [slow.promise, failing.promise, "new"];
  const taken = [];
  const ask = newest(
    () => answers.shift(),
    (one) => taken.push(one),
  );
  const early = [ask(), ask()];
  await ask();
  slow.answer("old");
  failing.refuse(new Error("away"));
  await Promise.all(early);

  assert.deepEqual(taken, ["new"]);
});
test("after a page that failed to come the same page is turned to once more", async () => {
  const asked = [];
  const answers = [() => page("a"), away, () => page("b")];
  const paging = new Paging(
    (cursor) => (asked.push(cursor), answers.shift()()),
    () => {},
  );
  await paging.read();
  paging.turn(1);
  await assert.rejects(paging.read());
  paging.turn(1);
  await paging.read();

  assert.deepEqual(
    [asked, paging.cursors],
    [
      [null, "a", "a"],
      [null, "a"],
    ],
  );
});
test("a look in between asks for the page that is on its way", async () => {
  const asked = [];
  const paging = new Paging(
    async (cursor) => (asked.push(cursor), page("a")),
    () => {},
  );
  await paging.read();
  paging.turn(1);
  await Promise.all([paging.read(), paging.read()]);

  assert.deepEqual(
    [asked, paging.cursors],
    [
      [null, "a", "a"],
      [null, "a"],
    ],
  );
});
test("what is shown is of other filters until an answer comes", async () => {
  const answers = [() => page("a"), away, () => page("a")];
  const paging = new Paging(
    () => answers.shift()(),
    () => {},
  );
  await paging.read();
  paging.restart();
  await assert.rejects(paging.read());
  assert.equal(paging.stale, true);
  await paging.read();
  assert.equal(paging.stale, false);
});

test("a button is out of reach while it works, and says so, and keeps the focus", async () => {
  const { busy } = await import("../../dashboard/static/said.js");
  const has = new Map();
  const button = { getAttribute: (name) => has.get(name), setAttribute: (name, value) => has.set(name, value) };
  const work = held();
  const pressed = busy(() => work.promise)({ currentTarget: button });
  assert.deepEqual([has.get("aria-disabled"), has.has("disabled")], ["true", false]);
  work.answer();
  await pressed;
  assert.equal(has.get("aria-disabled"), "false");
});
test("of two looks at the endpoints the earlier one, late, does not overwrite the later", async () => {
  const known = await import("../../dashboard/components/known_endpoints.js");
  const early = held();
  const answers = [early.promise, Promise.resolve(["new"])];
  globalThis.document.querySelector = () => null;
  globalThis.document.baseURI = "http://127.0.0.1/";
  globalThis.fetch = async () => {
    const endpoints = await answers.shift();
    return { status: 200, ok: true, json: async () => ({ endpoints }) };
  };
  const first = known.load();
  await known.load();
  early.answer(["old"]);
  await first;
  assert.deepEqual(known.known.endpoints, ["new"]);
});
