import "./page.js";
import assert from "node:assert/strict";
import test from "node:test";

const draft = await import("../../dashboard/components/endpoint_draft.js");
const words = await import("../../dashboard/components/endpoint_words.js");

const NOW = Date.parse("2026-11-27T12:00:00Z");
const empty = Object.fromEntries(
  [...draft.RULES, ...Object.values(draft.TARGET).flat(), "name"].map((name) => [name, null]),
);
const typed = (more) => ({ ...empty, name: "Phone", reach: "public", "quiet_hours.digest": true, ...more });
const state = {
  last_success_at: null,
  success_rate_24h: null,
  p95_ms: null,
  queued: 0,
  next_attempt_at: null,
  disabled_because: null,
};
const endpoint = (more = {}) => ({
  ...{ id: "e1", name: "Phone", kind: "webhook", url: "https://host/***", email: null, telegram: null },
  ...{ reach: "public", enabled: true, muted_until: null, quiet_hours: null, budget_per_hour: null, one_thread: true },
  ...{
    rules: { types: [], flow_types: [], entities: [], min_moved_btc: null, min_urgency: null, confirmed_only: false },
  },
  ...{ template: null, link: null, degraded_after_s: 300, watch: null, every_minutes: null, state },
  ...more,
});

test("what was left empty is no quiet hours and nothing watched", () => {
  const body = draft.bodyOf("webhook", typed({ url: "https://host/a" }));
  assert.deepEqual([body.quiet_hours, body.watch, body.link], [null, null, null]);
});
test("half of the quiet hours is sent, for the API to say what is missing", () => {
  assert.deepEqual(draft.settingsOf(typed({ "quiet_hours.from": "22:00" })).quiet_hours, {
    from: "22:00",
    digest: true,
  });
});
test("a net flow is a line of BTC, hours and a name", () => {
  assert.deepEqual(draft.flowOf("500, 24, Binance"), { btc: 500, hours: 24, entity: "Binance" });
  assert.deepEqual(draft.flowOf("500, 24"), { btc: 500, hours: 24, entity: null });
  assert.equal(draft.flowOf("many, 24").btc, "many");
});
test("an endpoint that was opened and not touched changes nothing", () => {
  const values = draft.valuesOf(endpoint({ quiet_hours: { from: "22:00", to: "07:00", digest: false }, link: false }));
  assert.deepEqual(draft.changeOf("webhook", values, { ...values }), {});
});
test("only what differs is changed, and an address that was not typed anew stays", () => {
  const values = draft.valuesOf(endpoint());
  assert.deepEqual(draft.changeOf("webhook", values, { ...values, budget_per_hour: 30 }), { budget_per_hour: 30 });
});
test("of a chat only its changed part is sent, so that the token stays", () => {
  const values = draft.valuesOf(endpoint({ kind: "telegram", url: null, telegram: { chat_id: "42", api_url: null } }));
  const change = draft.changeOf("telegram", values, { ...values, "telegram.chat_id": "43" });
  assert.deepEqual(change, { telegram: { chat_id: "43" } });
  assert.equal(draft.movesTarget(change), true);
});
test("a user name that was emptied is taken away", () => {
  const email = { host: "h", port: 25, security: "none", username: "u", from: "a@b.c", to: "d@e.f" };
  const values = draft.valuesOf(endpoint({ kind: "email", url: null, email }));
  assert.deepEqual(draft.changeOf("email", values, { ...values, "email.username": null }).email, { username: null });
});
test("what matters most of an endpoint is said", () => {
  const said = (more) => words.stateOf(endpoint(more), NOW)[1];
  assert.equal(said({ state: { ...state, disabled_because: "410 Gone" } }), "Spout turned it off: 410 Gone");
  assert.match(said({ muted_until: "2026-11-27T14:00:00Z" }), /^Muted until/);
  assert.equal(said({ muted_until: "2026-11-27T11:00:00Z" }), "Nothing sent yet");
  assert.equal(said({ state: { ...state, success_rate_24h: 0 } }), "Nothing arrives");
});
test("a test that failed says what was answered and after how long", () => {
  const result = { delivered: false, status_code: 500, ms: 12, error: "answered 500" };
  assert.equal(words.testWords(result), "Did not arrive (500), after 12 ms.");
  assert.equal(
    words.testWords({ ...result, error: "answered 500: too busy" }),
    "Did not arrive (500), after 12 ms: too busy.",
  );
});

test("a loss that still waits has not come back yet", () => {
  assert.equal(words.heldWords("degraded_after_s"), "the source may come back in time");
});
test("a preview counts what the form does not show: the bell on one whale's card", () => {
  const saved = endpoint({ follows: ["whale-1"] });
  const body = draft.previewOf("telegram", draft.valuesOf(saved), saved, ["enabled", "follows"]);
  assert.deepEqual([body.follows, body.enabled, "muted_until" in body], [["whale-1"], true, false]);
});
test("a preview of a new endpoint has nothing but what was typed", () => {
  const body = draft.previewOf("webhook", typed(), null, ["enabled", "follows"]);
  assert.deepEqual(["follows" in body, "enabled" in body], [false, false]);
});
test("what the form does not show is no part of a change, and so stays", () => {
  const values = draft.valuesOf(endpoint({ follows: ["whale-1"], muted_until: "2026-11-27T13:00:00Z" }));
  assert.deepEqual(draft.changeOf("webhook", values, { ...values, name: "Other" }), { name: "Other" });
});
test("half of a report is sent, for the API to say what is missing", () => {
  const { watch } = draft.settingsOf(typed({ "watch.report.at": "08:00" }));
  assert.deepEqual(watch.report, { at: "08:00" });
  assert.deepEqual(draft.settingsOf(typed({ "watch.report.every": "day" })).watch.report, { every: "day" });
});
test("a net flow without its hours is sent, for the API to say so", () => {
  const { watch } = draft.settingsOf(typed({ "watch.net_flow": ["500"] }));
  assert.deepEqual(watch.net_flow, [{ btc: 500, hours: null, entity: null }]);
});

const rules = (more) => ({ ...endpoint().rules, ...more });
const rebasedOn = (opened, latest, mine) => {
  const before = draft.valuesOf(opened);
  return draft.rebased({ before, typed: { ...before, ...mine }, opened, latest });
};
test("what another tab saved meanwhile stays when this one saves another rule", () => {
  const latest = endpoint({ rules: rules({ min_moved_btc: 500 }) });
  const { base, values, clashes } = rebasedOn(endpoint(), latest, { "rules.min_urgency": "high" });
  const change = draft.changeOf("webhook", base, values);
  assert.deepEqual([change.rules.min_moved_btc, change.rules.min_urgency], [500, "high"]);
  assert.deepEqual([Object.keys(change), clashes], [["rules"], []]);
});
test("a rule that both tabs changed is said, unless both mean the same", () => {
  const latest = endpoint({ rules: rules({ min_moved_btc: 500 }) });
  const clashes = (btc) => rebasedOn(endpoint(), latest, { "rules.min_moved_btc": btc }).clashes;
  assert.deepEqual([clashes(400), clashes(500)], [["rules.min_moved_btc"], []]);
});
test("an address typed while another tab moved it is said", () => {
  const latest = endpoint({ url: "https://other/***" });
  assert.deepEqual(rebasedOn(endpoint(), latest, { url: "https://third/a" }).clashes, ["url"]);
});

// The API as a page meets it: what was asked, and what `answer` says to it.
function answering(answer) {
  const asked = [];
  globalThis.document.querySelector = () => null;
  globalThis.document.baseURI = "http://127.0.0.1/";
  globalThis.fetch = async (url, { method, body }) => {
    asked.push([method, body ? JSON.parse(body) : null]);
    const [status, json] = answer(method, url);
    return { status, ok: status < 300, json: async () => json };
  };
  return asked;
}
const known = await import("../../dashboard/components/known_endpoints.js");
test("a bell rung here leaves the one that was rung elsewhere meanwhile", async () => {
  const asked = answering(() => [200, endpoint({ follows: ["theirs"] })]);
  await known.follow(endpoint({ follows: [] }), "mine", true);
  assert.deepEqual(asked.at(-1), ["PATCH", { follows: ["theirs", "mine"] }]);
});
test("an endpoint that was removed elsewhere is named as its owner knows it", async () => {
  answering(() => [404, { error: { code: "not_found", message: "There is no endpoint ep_1" } }]);
  await assert.rejects(
    known.callOf(endpoint({ name: "Home" }), "PATCH", "", {}),
    /^Error: Home was removed meanwhile$/,
  );
});

test("what an endpoint lets through and when it is quiet is said in a line", () => {
  const set = {
    rules: rules({ min_moved_btc: 500, min_urgency: "high", entities: ["A", "B", "C", "D"] }),
    ...{ quiet_hours: { from: "22:00", to: "07:00", digest: true }, budget_per_hour: 3, follows: ["one"] },
    watch: { fee_under: 0, fee_over: null, net_flow: [{ btc: 500, hours: 24 }], report: null },
  };
  assert.equal(
    words.rulesOf(endpoint(set)),
    "from 500 BTC · urgency high or more · of A, B and 2 more · quiet 22:00 to 07:00 · at most 3 an hour" +
      " · tells of fees, net flow too · follows 1 whale",
  );
  assert.equal(words.rulesOf(endpoint({ follows: [] })), "");
});
