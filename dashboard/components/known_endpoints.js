// The endpoints as the API last answered them, for every part of a page that names them.
import { call } from "../static/api.js";

const watchers = [];
export const known = { endpoints: null };

let asked = 0;
let taken = 0;
// Several parts of a page ask: an answer is dropped only where one that was asked for later is there already.
export async function load() {
  const mine = (asked += 1);
  const { endpoints } = await call("GET", "endpoints");
  if (mine < taken) return;
  taken = mine;
  known.endpoints = endpoints;
  for (const notify of watchers) notify(endpoints);
}

// A call about one endpoint. Where it is no more, that is said by its name: nobody knows its id.
export async function callOf({ id, name }, method, rest = "", body = null) {
  try {
    return await call(method, `endpoints/${id}${rest}`, body);
  } catch (refusal) {
    if (refusal.status === 404) refusal.message = `${name} was removed meanwhile`;
    throw refusal;
  }
}

// The bell of one whale. Of what stands by now: another page may have rung another one since.
export async function follow(endpoint, prediction, on) {
  const { follows } = await callOf(endpoint, "GET");
  const others = follows.filter((one) => one !== prediction);
  await callOf(endpoint, "PATCH", "", { follows: on ? [...others, prediction] : others });
}

export function onEndpoints(notify) {
  watchers.push(notify);
  if (known.endpoints) notify(known.endpoints);
}

export const nameOf = (id) => known.endpoints?.find((one) => one.id === id)?.name ?? "removed since";
