// Panel on this page: its scripts after what the page shows by itself, its roots by name. Panel imports a component's
// module by address, and one constant wrapper as a blob: here without either es-module-shims or blob:. A test compares
// the wrapper with Panel's own source (tests/dashboard/test_panel_contract.py).
import { keepEarly } from "./component.js";
import { line, reload } from "./frame.js";
import { session, written } from "./session.js";

const SLOWEST = 5_000;
const LONGEST_TIMER = 2 ** 31 - 1;

function render(id) {
  const view = window.Bokeh.index.find_one_by_id(id);
  if (view === null) return null;
  // eslint-disable-next-line id-denylist -- Panel's name
  const output = view.render_fn({ view, model: view.model_proxy, data: view.model.data, el: view.container });
  return Promise.resolve(output).then((out) => {
    if (out instanceof Element) view.container.replaceChildren(out);
    view.after_rendered();
  });
}
window.importShim = async (url) =>
  url.startsWith("blob:") ? { default: { render } } : import(new URL(url, document.baseURI));
window.importShim.addImportMap = () => {};

const script = (src) =>
  new Promise((good, bad) => {
    const element = document.createElement("script");
    Object.assign(element, { src: new URL(src, document.baseURI), async: false, onload: good, onerror: bad });
    document.head.append(element);
  });

// A page that needs no Python: one document for all, no session, no token, nothing to lose.
const frozen = written.document
  ? fetch(new URL(written.document, document.baseURI)).then((answer) => answer.json())
  : null;
frozen?.catch(() => {}); // it may fail before it is waited for; then the charts do not come, and `start` sees to that
let token = written.token ?? null;
let connection = null;
let tries = 0;

export async function start() {
  if (!written.scripts?.length) return; // the card of a page that could not be made
  await Promise.all(written.scripts.map(script));
  window.Bokeh.set_log_level?.("warn");
  // Bokeh takes a button held still for 0.3 s for a press, of which no figure here knows, and draws no brush after it.
  window.Bokeh.require("core/ui_gestures").UIGestures.press_threshold = LONGEST_TIMER;
  try {
    await (frozen ? standalone() : connect());
  } catch (error) {
    if (frozen) throw error;
    lost();
  }
}

async function standalone() {
  const { Document } = window.Bokeh.require("document");
  await show(Document.from_json(await frozen));
}

async function connect() {
  const { pull_session } = window.Bokeh.require("client/connection");
  const url = new URL("./ws", new URL(location.pathname.replace(/\/?$/, "/"), location.href));
  url.protocol = url.protocol.replace("http", "ws");
  connection = await pull_session(url.href, token, location.search.slice(1));
  await show(connection.document);
}

async function show(bokeh) {
  session.document = bokeh;
  if (!bokeh.all_roots.some((root) => root.name)) return void broken();
  const nowhere = document.createElement("div");
  const places = bokeh.all_roots.map(
    (root) => document.getElementById(`root-${(root.name ?? "").replace(/^page-/, "")}`) ?? nowhere,
  );
  if (connection) bokeh.on_event("connection_lost", () => lost());
  await window.Bokeh.embed.add_document_standalone(bokeh, nowhere, places);
  watchColours(bokeh);
  document.documentElement.dataset.session = "yes";
  return void dispatchEvent(new Event("spout-session"));
}

// Its composition failed: the words are ours, the traceback is in the log.
function broken() {
  const bar = document.getElementById("line-lost");
  bar.hidden = false;
  bar.textContent = "This page could not be made. The appliance's log says why.";
}

// A lost session is asked for anew: the same one if the server still has it, and drawn again. Never a reload, but for
// a login that has ended.
function lost() {
  document.documentElement.dataset.session = "lost";
  // What is typed meanwhile must not go to a line that is down. And Bokeh's own five tries end here: with a token that
  // has run out they fail, and each of them would say again that the line is lost, and the page be drawn again.
  connection?.close();
  line(false);
  again();
}

function again() {
  tries += 1;
  const wait = Math.min(SLOWEST, 250 * 2 ** Math.min(tries, 5)) * (0.7 + 0.6 * Math.random());
  setTimeout(resume, wait);
}

function askAnew() {
  // Behind a proxy that logs people in, a cookie alone opens nothing: the page shows that it was read.
  const page = document.querySelector('meta[name="spout-page"]')?.content;
  const headers = page ? { "X-Spout-Page": page } : {};
  return fetch(new URL("session", document.baseURI), { method: "POST", body: token, headers, cache: "no-store" });
}

async function resume() {
  try {
    const answer = await askAnew();
    if (answer.status === 401 || answer.status === 403) return void reload("the login has ended");
    if (!answer.ok) throw new Error(String(answer.status));
    ({ token } = await answer.json());
    keepEarly();
    for (const view of [...(session.document?.views_manager?.roots ?? [])]) view.remove();
    await connect();
    tries = 0;
    line(true);
  } catch {
    again();
  }
  return undefined;
}

// Glyphs take their colours from the theme by a tag, "fill:accent": again when the light changes, and when Python
// puts something new in.
function paint() {
  const style = getComputedStyle(document.documentElement);
  for (const model of session.document?._all_models?.values() ?? []) {
    for (const tag of model.tags ?? []) {
      const [what, name] = String(tag).split(":");
      const property = `${what}_color`;
      if (!name || !(property in model.properties)) continue;
      const value = style.getPropertyValue(`--${name.replaceAll("_", "-")}`).trim();
      // A glyph's colour may vary by point, an annotation's is one.
      const varies = model[property] !== null && typeof model[property] === "object";
      model.setv({ [property]: varies ? { value } : value }, { sync: false });
    }
  }
}

function watchColours(bokeh) {
  let due = null;
  let known = bokeh._all_models.size;
  paint();
  bokeh.on_change(() => {
    due ??= setTimeout(() => {
      due = null;
      if (bokeh._all_models.size !== known) paint();
      known = bokeh._all_models.size;
    }, 30);
  });
}
addEventListener("spout-light", () => {
  paint();
  for (const view of window.Bokeh?.index?.all_views?.() ?? []) view.request_repaint?.();
});
