// Every page begins here: what it can draw by itself at once, then what nobody reads first, then Panel.
import { mountEarly } from "./component.js";
import { reload, start as startFrame } from "./frame.js";
import { session, written } from "./session.js";
import { state } from "./page_feed.js";

const LONGEST_WAIT = 3_000;
const CHARTS_WITHIN = 15_000;
const parts = [...document.querySelectorAll(".place[data-module]")];

startFrame();
// Drawn, whichever came last: the parts or what they show.
const drawn = () => (document.documentElement.dataset.ready = "yes");
let begun = false;
async function rest() {
  if (begun) return;
  begun = true;
  const came = () => parts.every((one) => one.early);
  const late = setTimeout(() => whenLookedAt(() => (session.document && came()) || reload("no charts")), CHARTS_WITHIN);
  // All at once: over a slow line each import of an import would wait for the one before it.
  for (const href of written.later ?? [])
    document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
  const panel = import("./panel.js");
  await mountEarly(parts.filter((one) => one.dataset.later));
  dispatchEvent(new Event("spout-mounted"));
  if (state.known) drawn();
  else addEventListener("spout-state", drawn, { once: true });
  await (await panel).start();
  if (came()) clearTimeout(late);
}
// A tab that was opened in the background is let be until somebody sees what it lacks.
function whenLookedAt(call) {
  if (!document.hidden) call();
  else document.addEventListener("visibilitychange", () => whenLookedAt(call), { once: true });
}
// Panel's scripts are as large as all else together, times twenty: after the rows, where rows come from the feed.
const afterAFrame = () => (document.hidden ? rest() : requestAnimationFrame(() => setTimeout(rest)));
// The line may not come up, nor a module, nor a frame: charts and forms are there all the same.
setTimeout(rest, LONGEST_WAIT);
await mountEarly(parts.filter((one) => !one.dataset.later));
if (!parts.length) rest();
else if (state.known || document.hidden) afterAFrame();
else addEventListener("spout-state", afterAFrame, { once: true });
