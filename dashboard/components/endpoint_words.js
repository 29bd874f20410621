// How an endpoint and a delivery fare, in words. Pure.
import { clock, duration, integer, moment, plural, share } from "../static/format.js";

// [tone, words] of the one thing that matters most now.
export function stateOf(endpoint, now) {
  const { state } = endpoint;
  if (state.disabled_because) return ["bad", `Spout turned it off: ${state.disabled_because}`];
  if (!endpoint.enabled) return ["off", "Off"];
  if (mutedUntil(endpoint, now)) return ["wait", `Muted until ${until(endpoint.muted_until, now)}`];
  if (state.success_rate_24h === 0) return ["bad", "Nothing arrives"];
  if (state.queued && state.success_rate_24h !== null && state.success_rate_24h < 1) return ["warn", "Trying again"];
  if (!state.last_success_at) return ["wait", "Nothing sent yet"];
  return ["ok", "Works"];
}

export const mutedUntil = (endpoint, now) =>
  endpoint.muted_until && Date.parse(endpoint.muted_until) > now ? endpoint.muted_until : null;

const DAY = 86_400_000;
const until = (at, now) => (Date.parse(at) - now < DAY / 2 ? clock(Date.parse(at)) : moment(Date.parse(at)));

// What is known of it; before the first attempt that is nothing.
export function figuresOf({ state }, now) {
  return [
    state.last_success_at
      ? ["Last success", `${duration((now - Date.parse(state.last_success_at)) / 1000)} ago`]
      : state.success_rate_24h === null
        ? null
        : ["Last success", "none"],
    state.success_rate_24h === null ? null : ["Arrived, 24 h", share(state.success_rate_24h)],
    state.p95_ms === null ? null : ["95 % within", `${integer(state.p95_ms)} ms`],
    state.queued ? ["Waiting", integer(state.queued)] : null,
    state.next_attempt_at ? ["Next try", clock(Date.parse(state.next_attempt_at))] : null,
  ].filter(Boolean);
}

// What it lets through and when it is quiet, in one line; empty where every whale rings at any time.
export function rulesOf(endpoint) {
  const { rules, quiet_hours: quiet, budget_per_hour: budget, watch, follows } = endpoint;
  if (endpoint.kind === "heartbeat") return endpoint.every_minutes ? `every ${endpoint.every_minutes} min` : "";
  return [
    rules.min_moved_btc === null ? "" : `from ${rules.min_moved_btc} BTC`,
    rules.min_urgency ? `urgency ${rules.min_urgency} or more` : "",
    rules.confirmed_only ? "once confirmed" : "",
    rules.flow_types.length ? plural(rules.flow_types.length, "flow") : "",
    rules.types.length ? plural(rules.types.length, "kind of event", "kinds of event") : "",
    rules.entities.length ? `of ${few(rules.entities)}` : "",
    quiet ? `quiet ${quiet.from} to ${quiet.to}` : "",
    budget === null ? "" : `at most ${budget} an hour`,
    watch ? `tells of ${few(watchedBy(watch))} too` : "",
    follows.length ? `follows ${plural(follows.length, "whale")}` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

const watchedBy = ({ fee_under: under, fee_over: over, net_flow: flows, report }) =>
  [(under ?? over ?? null) !== null && "fees", flows.length && "net flow", report && "reports"].filter(Boolean);
const FEW = 3;
const few = (names) =>
  names.length > FEW ? `${names.slice(0, FEW - 1).join(", ")} and ${names.length - FEW + 1} more` : names.join(", ");

// What a test came to, as the API answers it.
export function testWords({ delivered, status_code: status, ms, error }) {
  const took = ms === null ? "" : ` in ${integer(ms)} ms`;
  const code = status === null ? "" : ` (${status})`;
  const why = withoutStatus(error, status);
  return delivered
    ? `Arrived${took}${code}.`
    : `Did not arrive${code}${took ? `, after${took.slice(3)}` : ""}${why ? `: ${why}` : ""}.`;
}

// "answered 500: the bridge is down" beside a 500 says it twice.
const withoutStatus = (error, status) => (error ?? "").replace(new RegExp(`^answered ${status}(: )?`), "");

const HELD = {
  muted: "muted",
  quiet: "quiet hours",
  budget: "over the budget",
  rule: "not in the rules",
  one_thread: "one message a whale",
  degraded_after_s: "the source may come back in time",
  came_back: "the source came back in time",
  restored: "from before a backup was restored",
  disabled: "it was off",
  test: "",
  restart: "Spout was restarted",
};
export const heldWords = (because) => HELD[because] ?? because ?? "";

export const STATUS = {
  waiting: ["wait", "Waiting"],
  delivered: ["ok", "Arrived"],
  failed: ["bad", "Failed"],
  dropped: ["off", "Held back"],
};
export function attemptWords({ status_code: status, ms, error, answer }) {
  const code = status === null ? "no answer" : String(status);
  return [`${code} · ${integer(ms)} ms`, withoutStatus(error, status), error && answer ? `“${answer}”` : ""]
    .filter(Boolean)
    .join(" · ");
}

export const MUTES = [
  [30 * 60, "30 min"],
  [2 * 3600, "2 h"],
  [24 * 3600, "24 h"],
];
