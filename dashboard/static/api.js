// Calls of the API by a page: with its login and its token. What is typed goes this way alone, never into a document of
// Bokeh's. Where the API wants the password again, it is asked for and the call is made once more.
import { h } from "./format.js";

class Refused extends Error {
  // `faults`: each value that is refused, { name, words }.
  constructor(status, { code, message }, { faults = [], demo = false } = {}) {
    super(message);
    Object.assign(this, { status, code, faults, demo });
  }
}

// Answers what the API answered, null for 204.
export async function call(method, path, body = null) {
  try {
    return await attempt(method, path, body);
  } catch (refusal) {
    if (refusal.code === "confirm_password") await passwordAgain();
    // A page that slept has a session that ended; reading its address begins another, where nobody logs in.
    else if (refusal.code === "forbidden") await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
    else throw refusal;
    return attempt(method, path, body);
  }
}

async function attempt(method, path, body) {
  const headers = { Prefer: "faults" };
  const token = document.querySelector('meta[name="spout-page"]')?.content;
  if (token) headers["X-Spout-Page"] = token;
  const isFile = body instanceof Blob;
  if (body !== null && !isFile) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(new URL(`api/v1/${path}`, document.baseURI), {
      method,
      headers,
      cache: "no-store",
      body: body === null || isFile ? body : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, { code: "away", message: "The appliance does not answer. Nothing is lost: try again." });
  }
  if (answer.status === 204) return null;
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  if (answer.status === 401)
    throw new Refused(401, { code: "logged_out", message: "Your login has ended. Reload the page to log in again." });
  const error = found.error ?? { code: "unreadable", message: `The answer cannot be read (${answer.status}).` };
  throw new Refused(answer.status, error, found);
}

// One question at a time, however many calls wait for it.
let asking = null;
function passwordAgain() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

function ask() {
  const input = h("input", {
    id: "again",
    type: "password",
    autocomplete: "current-password",
    "aria-describedby": "again-why again-wrong",
  });
  const wrong = h("small", { class: "wrong", id: "again-wrong", role: "alert" });
  const dialog = h(
    "dialog",
    { class: "ask", "aria-labelledby": "again-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "again-title", text: "Your password, once more" }),
      h("p", {
        class: "soft",
        id: "again-why",
        text: "This tab has been open for a while. Keys, the password, backups and where alerts go are changed only by you.",
      }),
      h("div", { class: "field" }, h("label", { for: "again", text: "Password" }), input, wrong),
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "button primary", type: "submit", text: "Go on" }),
        h("button", { class: "button", type: "button", text: "Cancel", onclick: () => dialog.close() }),
      ),
    ),
  );
  document.body.append(dialog);
  return new Promise((good, bad) => {
    let confirmed = false;
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await attempt("POST", "confirm", { password: input.value });
        confirmed = true;
        dialog.close();
      } catch (refusal) {
        wrong.textContent = refusal.message;
        input.setAttribute("aria-invalid", "true");
        input.select();
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (confirmed) good();
      else bad(new Refused(403, { code: "not_confirmed", message: "Not done: the password was not typed." }));
    });
    dialog.showModal();
  });
}
