// One field of a form: its label, its input, what it is for and what is wrong with it, tied together for everybody.
// What was typed and not saved outlives a lost session: it is kept in this tab until the form is saved. A filter's value
// stands in the address instead.
import { component } from "../static/component.js";
import { BUILD, READ, WRITE } from "../static/inputs.js";
import { h } from "../static/format.js";
import { withSearch } from "../static/whales.js";

let number = 0;

export function mount(host, params) {
  const name = params.get("field");
  const id = `field-${name.replaceAll(".", "-")}-${(number += 1)}`;
  const kind = params.get("kind");
  const draft = `spout-draft:${name}`;
  const hint = h("small", { class: "soft", id: `${id}-hint`, text: params.get("hint") });
  const wrong = h("small", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  const input = BUILD[kind]({
    id,
    described: `${id}-hint ${id}-wrong`,
    label: params.get("label"),
    options: params.get("options"),
    titles: params.get("titles"),
  });
  const label = kind === "many" ? null : h("label", { for: id, text: params.get("label") });
  host.className = `field ${kind}`;
  host.replaceChildren(...(kind === "flag" ? [input, label] : [label, input]).filter(Boolean), hint, wrong);
  const read = () => READ[kind](input);
  const addressed = params.get("in_address");
  const inAddress = (value) => {
    const search = new URLSearchParams(location.search);
    if (value === (search.get(name) ?? "")) return;
    if (value) search.set(name, value);
    else search.delete(name);
    search.delete("page");
    history.replaceState(history.state, "", withSearch(search));
  };
  input.addEventListener("change", () => {
    if (addressed) inAddress(read());
    else if (kind !== "secret") sessionStorage.setItem(draft, JSON.stringify(read()));
    params.set("value", read());
  });
  params.on("value", (value) => {
    if (JSON.stringify(read()) !== JSON.stringify(value)) WRITE[kind](input, value);
    if (addressed) inAddress(value ?? "");
  });
  const say = () => {
    wrong.textContent = params.get("error");
    (kind === "many" ? input : host.querySelector("input,select")).setAttribute(
      "aria-invalid",
      String(Boolean(params.get("error"))),
    );
  };
  params.on("error", say);
  params.on("saved", () => sessionStorage.removeItem(draft));
  WRITE[kind](input, params.get("value"));
  const asked = new URLSearchParams(location.search).get(name);
  if (addressed && asked) {
    WRITE[kind](input, asked);
    params.whenAttached(() => params.set("value", asked));
  }
  const kept = addressed ? null : sessionStorage.getItem(draft);
  if (kept !== null) {
    WRITE[kind](input, JSON.parse(kept));
    params.set("value", JSON.parse(kept));
  }
  say();
}

export const render = component(mount);
