import assert from "node:assert/strict";
import test from "node:test";

const { faultOf, faultsOf, faultsSaid, nested, sentence, typed, within } =
  await import("../../dashboard/static/nested.js");

test("names with dots lie within", () => {
  assert.deepEqual(nested({ "a.b": 1, "a.c.d": 2, e: 3 }), { a: { b: 1, c: { d: 2 } }, e: 3 });
});
test("a step that is missing leads to nothing", () => {
  assert.equal(within({ watch: null }, "watch.report.at"), null);
});
test("a number is a number, and what is none stays for the API to refuse", () => {
  assert.deepEqual([typed("number", " 1,5 "), typed("number", "many"), typed("number", "")], [1.5, "many", null]);
  assert.deepEqual([typed("number", "0,125"), typed("number", "1000")], [0.125, 1000]);
});
test("a number that is a thousand to some and one to others is not guessed", () => {
  for (const said of ["1,000", "12,500 BTC", "1.000,5", "1,000,000"]) assert.equal(typed("number", said), said);
});
test("what is wrong goes to the field with the longest name", () => {
  assert.deepEqual(faultOf("rules.entities[0] must not be empty", ["rules", "rules.entities"]), [
    "rules.entities",
    "must not be empty",
  ]);
});
test("a name that only begins like a field is none", () => {
  assert.deepEqual(faultOf("urls are odd", ["url"]), ["", "urls are odd"]);
});
test("a sentence begins large and ends", () => {
  assert.equal(sentence("must be a number"), "Must be a number.");
});
test("all that is wrong goes each to its field", () => {
  assert.deepEqual(faultsOf("url must be given; budget_per_hour must be at least 1", ["url", "budget_per_hour"]), [
    ["url", "must be given"],
    ["budget_per_hour", "must be at least 1"],
  ]);
});
test("a semicolon within a sentence parts nothing", () => {
  assert.deepEqual(faultsOf("address is odd; nothing was imported; kind is unknown", ["address", "kind"]), [
    ["address", "is odd; nothing was imported"],
    ["kind", "is unknown"],
  ]);
});
test("of a line with several values it is said which one is wrong", () => {
  assert.deepEqual(faultOf("watch.net_flow[0].hours must be one of 1, 6, 24", ["watch.net_flow"]), [
    "watch.net_flow",
    "hours must be one of 1, 6, 24",
  ]);
});
test("of several wrong lines of one field each is named", () => {
  const faults = [0, 2].map((at) => ({ name: `watch.net_flow[${at}].hours`, words: "must be 1, 6 or 24" }));
  const said = faultsSaid({ faults }, ["watch.net_flow"]).map(([, words]) => words);
  assert.deepEqual(said, ["line 1: hours must be 1, 6 or 24", "line 3: hours must be 1, 6 or 24"]);
});
test("every fault that the API lists goes to its field, however few its line names", () => {
  const faults = Array.from({ length: 12 }, (_, at) => ({ name: `f${at}`, words: "is missing" }));
  const names = faults.map(({ name }) => name);
  const said = faultsSaid({ message: "f0 is missing; and 11 more", faults }, names);
  assert.deepEqual(
    said,
    names.map((name) => [name, "is missing"]),
  );
});
test("a refusal that lists nothing is read from its line", () => {
  const said = faultsSaid({ message: "name is taken; b must be more", faults: [] }, ["name", "b"]);
  assert.deepEqual(said, [
    ["name", "is taken"],
    ["b", "must be more"],
  ]);
});
