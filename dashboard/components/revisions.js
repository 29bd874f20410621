// Every revision of one forecast as a small drawing: which block was expected, as time went on.
import { clock, h, integer, percent, plural } from "../static/format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 440;
const HEIGHT = 96;
const LEFT = 62;

export function revisions(forecasts, whale) {
  if (!forecasts.length)
    return h("p", {
      class: "soft",
      text: "No forecast yet: it is made from the queue, a moment after the whale is seen.",
    });
  const words = sentence(forecasts, whale);
  return h(
    "figure",
    { class: "revisions" },
    forecasts.length > 1 ? drawing(forecasts, whale, words) : null,
    h("figcaption", { class: "soft", text: words }),
    table(forecasts),
  );
}

function sentence(forecasts, whale) {
  const first = forecasts[0];
  const said = first.predicted_block === null ? "over 144 blocks" : `block ${integer(first.predicted_block)}`;
  const times =
    forecasts.length === 1
      ? "It was never revised."
      : `Revised ${plural(forecasts.length - 1, "time")}; the first one is scored.`;
  return `First said: ${said}. ${times}${whale.confirmed_height ? ` It came true in block ${integer(whale.confirmed_height)}.` : ""}`;
}

function drawing(forecasts, whale, words) {
  const blocks = forecasts.map((one) => one.predicted_block ?? one.predicted_at_height + 145);
  const marks = whale.confirmed_height ? [...blocks, whale.confirmed_height] : blocks;
  const low = Math.min(...marks) - 1;
  const high = Math.max(...marks) + 1;
  const start = forecasts[0].at;
  const end = Math.max(forecasts.at(-1).at, start + 1, whale.confirmed_at ? Date.parse(whale.confirmed_at) : 0);
  const x = (at) => LEFT + ((at - start) / (end - start)) * (WIDTH - LEFT - 20);
  const y = (block) => HEIGHT - 20 - ((block - low) / (high - low)) * (HEIGHT - 34);
  const steps =
    forecasts.map((one, index) => `${index ? `H${x(one.at)}V` : `M${x(one.at)} `}${y(blocks[index])}`).join("") +
    `H${x(end)}`;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
    whale.confirmed_height
      ? svg("line", {
          class: "truth",
          x1: LEFT,
          x2: WIDTH - 10,
          y1: y(whale.confirmed_height),
          y2: y(whale.confirmed_height),
        })
      : null,
    svg("path", { class: "said", d: steps }),
    ...forecasts.map((one, index) =>
      svg("circle", { class: index ? "again" : "first", cx: x(one.at), cy: y(blocks[index]), r: index ? 3 : 4.5 }),
    ),
    ...[...new Set([Math.min(...marks), Math.max(...marks)])].map((block) =>
      label(LEFT - 8, y(block) + 4, integer(block), "end"),
    ),
    label(LEFT, HEIGHT - 4, clock(start), "start"),
    label(WIDTH - 10, HEIGHT - 4, clock(end), "end"),
  );
}

function table(forecasts) {
  const row = (one) =>
    h(
      "tr",
      {},
      ...[
        clock(one.at),
        one.predicted_block === null ? "over 144 blocks" : integer(one.predicted_block),
        percent(one.confirmation_probability["1"]),
        percent(one.confirmation_probability["6"]),
      ].map((text) => h("td", { text })),
    );
  return h(
    "details",
    { "data-name": "Revisions" },
    h("summary", { text: "Every revision as a table" }),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Revisions of the forecast" },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h("tr", {}, ...["At", "Block", "Within 1", "Within 6"].map((text) => h("th", { scope: "col", text }))),
        ),
        h("tbody", {}, ...forecasts.map(row)),
      ),
    ),
  );
}

const label = (x, y, text, anchor) => {
  const one = svg("text", { x, y, "text-anchor": anchor });
  one.textContent = text;
  return one;
};
function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter(Boolean));
  return element;
}
