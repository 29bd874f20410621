// A chart as picture, a table as CSV: saved as files, and copied where the browser has a clipboard for the page, which
// it has not over plain http from another machine.
import { h } from "./format.js";

// A cell that a spreadsheet would take for a formula is put in quotes with an apostrophe before it, as the export does.
export function csv(rows) {
  const cell = (value) => {
    const text = String(value ?? "");
    const safe = /^[=+\-@\t\r]/.test(text) && !/^-?[\d.,]+$/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

// What stands in the rows of a table element.
export const cellsOf = (table) => [...table.querySelectorAll("tr")].map((row) => texts(row));
const texts = (row) => [...row.children].map((cell) => cell.textContent);

function save(name, address) {
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

const button = (text, label, onclick) =>
  h("button", { type: "button", class: "plain", text, "aria-label": label, onclick });

// Says for a moment on the button itself how it went.
async function copied(event, item) {
  const pressed = event.currentTarget;
  const text = pressed.textContent;
  pressed.textContent = await navigator.clipboard.write([item]).then(
    () => "copied",
    () => "refused by the browser",
  );
  setTimeout(() => (pressed.textContent = text), 2_000);
}

function drawing(figure) {
  const view = window.Bokeh?.index.find_one(figure());
  return view ? view.export("png", true).canvas : null;
}

function savePng(name, figure) {
  return button("PNG", `Save ${name} as PNG`, () => {
    const canvas = drawing(figure);
    if (canvas) save(`spout-${name}.png`, canvas.toDataURL("image/png"));
  });
}

function copyPng(name, figure) {
  const png = () =>
    new Promise((good, bad) => drawing(figure)?.toBlob((blob) => (blob ? good(blob) : bad()), "image/png"));
  return button("PNG", `Copy ${name} as PNG`, (event) => copied(event, new ClipboardItem({ "image/png": png() })));
}

// `rows()`: the table, its head first; `figure()`: the Bokeh model, undefined while it is not there. Either alone will do.
export function saveButtons(name, { rows = null, figure = null }) {
  const text = () => csv(rows());
  const saving = [
    figure && savePng(name, figure),
    rows &&
      button("CSV", `Save ${name} as CSV`, () =>
        save(`spout-${name}.csv`, `data:text/csv;charset=utf-8,${encodeURIComponent(text())}`),
      ),
  ];
  const copying = canCopy() && [
    " · Copy as ",
    figure && copyPng(name, figure),
    rows && button("CSV", `Copy ${name} as CSV`, (event) => copied(event, new ClipboardItem({ "text/plain": text() }))),
  ];
  return h("p", { class: "save soft" }, "Save as ", ...[...saving, ...(copying || [])].filter(Boolean));
}

const canCopy = () => window.isSecureContext && Boolean(navigator.clipboard?.write) && "ClipboardItem" in window;
