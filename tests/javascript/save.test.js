import "./page.js";
import assert from "node:assert/strict";
import test from "node:test";

const { csv } = await import("../../dashboard/static/save.js");

test("a cell with a comma or a quote is quoted", () => {
  assert.equal(csv([["a,b", 'say "hi"', "plain"]]), '"a,b","say ""hi""",plain\r\n');
});
test("what a spreadsheet would take for a formula is made harmless", () => {
  assert.equal(csv([["=1+1", "@x", "+cmd", "-5.5"]]), "'=1+1,'@x,'+cmd,-5.5\r\n");
});
