// What was typed, as the API takes it, and its words about what is wrong, back to the field. Pure.

// { "rules.types": [] } -> { rules: { types: [] } }
export function nested(flat) {
  const whole = {};
  for (const [name, value] of Object.entries(flat)) {
    const path = name.split(".");
    const last = path.pop();
    let inside = whole;
    for (const step of path) inside = inside[step] ??= {};
    inside[last] = value;
  }
  return whole;
}

// The value at "rules.types", null where one step is missing.
export const within = (whole, name) => name.split(".").reduce((one, step) => one?.[step] ?? null, whole);

// "1,000" is a thousand to some and one to others, and so is "1.000,5": neither is guessed.
const GROUPED = /^[1-9]\d{0,2},\d{3}(\D|$)|[.,].*[.,]/;

// A number if it is one, else what was typed: then the API says what it must be.
export function typed(kind, raw) {
  if (typeof raw === "string" && kind !== "area") raw = raw.trim();
  if (raw === "" || raw === null) return null;
  if (kind !== "number" || GROUPED.test(raw)) return raw;
  const number = Number(raw.replace(",", "."));
  return Number.isFinite(number) ? number : raw;
}

// "rules.entities[0] must not be empty" -> ["rules.entities", "must not be empty"]; ["", words] if no field is named.
export function faultOf(message, names) {
  const known = [...names].sort((one, other) => other.length - one.length);
  const field = known.find((name) => message.startsWith(name) && /^[\s[.:]/.test(message.slice(name.length)));
  if (!field) return ["", message];
  const [place] = message.slice(field.length).match(/^\S*/);
  const words = message.slice(field.length + place.length).trimStart();
  // Of a line with several values it is said which: "watch.net_flow[0].hours must be 1" -> "hours must be 1".
  const part = place.match(/\.(\w+)$/)?.[1];
  return [field, part ? `${part} ${words}` : words];
}

// All that the API found wrong, each by its field: "a must be more; b.c is missing" -> [["a", "must be more"], …].
export function faultsOf(message, names) {
  const faults = [];
  for (const part of message.split("; ")) {
    const [field, words] = faultOf(part, names);
    // A sentence may have a semicolon of its own: what names no field goes on with what stands before it.
    if (field || !faults.length) faults.push([field, words]);
    else faults.at(-1)[1] += `; ${words}`;
  }
  return faults;
}

// The same of a refusal: the API lists what is wrong, where its line for people says only the first; else of the line.
// What names no field of the form is said once, as a sentence of its own.
export function faultsSaid(said, names) {
  if (typeof said === "string" || !said.faults?.length) return faultsOf(said.message ?? said, names);
  const found = said.faults.map(({ name, words }) => faultOf(`${name} ${words}`.trim(), names));
  const places = said.faults.map(({ name }, at) => name.slice(found[at][0].length).match(/^\[(\d+)\]/)?.[1]);
  // Where several lines of one field are wrong, it is said of each which it is.
  const isOneOfMany = ([field], at) =>
    places[at] && found.some(([other], one) => other === field && places[one] !== places[at]);
  return found.map((one, at) => (isOneOfMany(one, at) ? [one[0], `line ${Number(places[at]) + 1}: ${one[1]}`] : one));
}

// What of `after` is not as in `before`, by its first names: what a PATCH names.
export const changes = (before, after) =>
  Object.fromEntries(
    Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name] ?? null)),
  );

export const sentence = (text) =>
  text ? `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}` : "";
