// Every page begins here: what it can draw by itself at once, then Panel.
import { mountEarly } from "./component.js";
import { start as startFrame } from "./frame.js";
import { start as startPanel } from "./panel.js";
import { state } from "./page_feed.js";

startFrame();
await mountEarly();
// Drawn, whichever came last: the parts or what they show.
const drawn = () => (document.documentElement.dataset.ready = "yes");
if (state.known) drawn();
else addEventListener("spout-state", drawn, { once: true });
let begun = false;
const begin = () => {
  if (!begun) startPanel();
  begun = true;
};
// Panel's scripts are as large as all else together, times twenty: after the rows, where rows come from the feed.
const drawsFromFeed = document.querySelector(".place[data-module]");
if (!drawsFromFeed || document.hidden || state.known) begin();
else addEventListener("spout-state", () => requestAnimationFrame(() => setTimeout(begin)));
