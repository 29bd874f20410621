// A card for each component and source: state, since when, how fast it answers.
import { age, h, integer } from "../static/format.js";
import { on, store } from "../static/page_feed.js";
import { component } from "../static/component.js";

const fact = (name, value) => (value === null ? [] : [h("dt", { text: name }), h("dd", {}, value)]);

function card(one) {
  return h(
    "article",
    { class: "part", "data-tone": one.tone },
    h("h3", {}, h("i", { "aria-hidden": "true" }), h("span", { text: one.name }), h("b", { text: one.status })),
    h(
      "dl",
      {},
      ...fact("for", one.since ? age(one.since) : null),
      ...fact("answers in", one.latency === null ? null : `${one.latency} ms`),
      ...fact("reconnects", one.reconnects),
      ...fact("circuit breaker", one.breaker),
      ...fact("first to see", one.first?.[1] ? `${integer(one.first[0])} of ${integer(one.first[1])}` : null),
    ),
    one.words ? h("p", { text: one.words }) : null,
  );
}

export function mount(host) {
  host.className = "parts";
  host.id = "components";
  on(["components"], () => {
    const { lines, words } = store.parts.components;
    const note = document.getElementById("components-words");
    if (note) note.textContent = words;
    host.replaceChildren(...lines.map(card));
  });
}
export const render = component(mount);
