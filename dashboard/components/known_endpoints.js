// The endpoints as the API last answered them, for every part of a page that names them.
import { call } from "../static/api.js";

const watchers = [];
export const known = { endpoints: null };

export async function load() {
  known.endpoints = (await call("GET", "endpoints")).endpoints;
  for (const notify of watchers) notify(known.endpoints);
  return known.endpoints;
}

export function onEndpoints(notify) {
  watchers.push(notify);
  if (known.endpoints) notify(known.endpoints);
}

export const nameOf = (id) => known.endpoints?.find((one) => one.id === id)?.name ?? "removed since";
