// An endpoint as the API has it and as the form has it. Pure.
import { nested, within } from "../static/nested.js";

export const KINDS = {
  webhook: { title: "Webhook", words: "signed, for Home Assistant, n8n or a program of your own" },
  telegram: { title: "Telegram", words: "a message on your phone" },
  email: { title: "Email", words: "through your own mail server" },
  apprise: { title: "Another service", words: "ntfy, Gotify, Matrix, Pushover and others" },
  heartbeat: { title: "Heartbeat", words: "calls a monitor while Spout works, so that silence is noticed" },
};
export const TARGET = {
  webhook: ["url", "reach"],
  telegram: ["telegram.token", "telegram.chat_id", "telegram.api_url", "reach"],
  email: [
    ...["email.host", "email.port", "email.security", "email.username", "email.password", "email.from", "email.to"],
    "reach",
  ],
  apprise: ["url", "reach"],
  heartbeat: ["url", "every_minutes", "reach"],
};
export const WHICH = ["rules.min_moved_btc", "rules.min_urgency", "rules.confirmed_only"];
export const WHICH_MORE = ["rules.flow_types", "rules.types", "rules.entities"];
export const WHEN = [
  ...["quiet_hours.from", "quiet_hours.to", "quiet_hours.digest"],
  ...["budget_per_hour", "degraded_after_s", "one_thread"],
];
export const WATCHED = ["watch.fee_under", "watch.fee_over", "watch.net_flow", "watch.report.every", "watch.report.at"];
export const TEXT = ["template", "link"];
export const RULES = [...WHICH, ...WHICH_MORE, ...WHEN, ...WATCHED, ...TEXT];

const SWITCH = { true: true, false: false };

// "500, 24, Binance" -> { btc: 500, hours: 24, entity: "Binance" }; what is no number stays, for the API to refuse.
export function flowOf(line) {
  const [btc, hours, ...name] = line.split(",").map((part) => part.trim());
  const number = (text) => (text && Number.isFinite(Number(text)) ? Number(text) : (text ?? null));
  return { btc: number(btc), hours: number(hours), entity: name.join(", ") || null };
}
const lineOf = ({ btc, hours, entity }) => [btc, hours, entity].filter((part) => part !== null).join(", ");

// What POST and the preview take of what was typed.
export function settingsOf(values) {
  const picked = Object.fromEntries(RULES.map((name) => [name, values[name]]));
  const body = nested(picked);
  const quiet = body.quiet_hours;
  body.quiet_hours = quiet.from === null && quiet.to === null ? null : known(quiet);
  const { watch } = body;
  watch.net_flow = (watch.net_flow ?? []).map(flowOf);
  watch.report = watch.report.every === null && watch.report.at === null ? null : known(watch.report);
  const watches =
    watch.fee_under !== null || watch.fee_over !== null || watch.net_flow.length > 0 || watch.report !== null;
  if (!watches) body.watch = null;
  body.link = SWITCH[body.link] ?? null;
  if (body.degraded_after_s === null) delete body.degraded_after_s;
  return body;
}

// What is missing is said by the API: null would be a value of the wrong kind.
const known = (one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== null));

// What the preview takes: as it would be after saving, with what the endpoint has and the form does not show.
export function previewOf(kind, values, endpoint, kept) {
  const unseen = endpoint ? Object.fromEntries(kept.map((name) => [name, endpoint[name]])) : {};
  return { kind, reach: values.reach, ...unseen, ...settingsOf(values) };
}

function targetOf(kind, values) {
  const picked = Object.fromEntries(TARGET[kind].map((name) => [name, values[name]]));
  const body = nested({ name: values.name, ...picked });
  for (const part of ["email", "telegram"]) if (body[part]) body[part] = known(body[part]);
  return known(body);
}

export const bodyOf = (kind, values) =>
  kind === "heartbeat"
    ? { kind, ...targetOf(kind, values) }
    : { kind, ...targetOf(kind, values), ...settingsOf(values) };

// The form's values of an endpoint as it was answered. Of its address only the host is known: it is typed anew or kept.
export function valuesOf(endpoint) {
  const names = [...RULES, ...Object.values(TARGET).flat(), "name"];
  const values = Object.fromEntries(names.map((name) => [name, within(endpoint, name)]));
  return {
    ...values,
    url: null,
    "email.password": null,
    "telegram.token": null,
    "telegram.api_url": null,
    "quiet_hours.digest": endpoint.quiet_hours ? endpoint.quiet_hours.digest : true,
    "watch.net_flow": (endpoint.watch?.net_flow ?? []).map(lineOf),
    link: endpoint.link === null ? "" : String(endpoint.link),
  };
}

// What PATCH takes: what differs from `before`, an email or a chat by its own parts.
export function changeOf(kind, before, after) {
  const [old, now] = [bodyOf(kind, before), bodyOf(kind, after)];
  const differs = (one, other) => JSON.stringify(one ?? null) !== JSON.stringify(other ?? null);
  const change = {};
  for (const name of Object.keys(now)) {
    if (!differs(now[name], old[name])) continue;
    if (name !== "email" && name !== "telegram") change[name] = now[name];
    else
      change[name] = Object.fromEntries(
        Object.entries(now[name]).filter(([part, value]) => differs(value, old[name]?.[part])),
      );
  }
  if (kind === "email" && before["email.username"] && after["email.username"] === null)
    change.email = { ...change.email, username: null };
  return change;
}

// What was typed, on top of what stands by now: another tab may have saved since the form was opened, and a PATCH puts
// rules, watch and quiet hours whole. `before`: the fields when it was opened; `opened` and `latest`: the endpoint then
// and now. `clashes`: what both changed, each to something else.
export function rebased({ before, typed, opened, latest }) {
  const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
  const [then, now] = [valuesOf(opened), valuesOf(latest)];
  const moved = Object.fromEntries(Object.entries(now).filter(([name, value]) => !same(value, then[name])));
  const mine = Object.fromEntries(Object.entries(typed).filter(([name, value]) => !same(value, before[name])));
  const clashes = Object.keys(mine).filter((name) => name in moved && !same(mine[name], moved[name]));
  // Of an address only the host is answered: what was typed in its place is never the same.
  if ("url" in mine && opened.url !== latest.url) clashes.push("url");
  const base = { ...before, ...moved };
  return { base, values: { ...base, ...mine }, moved, clashes };
}

const isTarget = new Set(["url", "email", "telegram", "reach"]);
export const movesTarget = (change) => Object.keys(change).some((name) => isTarget.has(name));
