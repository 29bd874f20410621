// A Bokeh figure whose values Python holds, with a sentence, and the same as a table to read and to save.
import { component } from "../static/component.js";
import { frame, place } from "../static/chart.js";
import { plainTable, whenOpen } from "../static/tables.js";
import { idle } from "../static/charts.js";
import { say } from "../static/format.js";

export function mount(host, params) {
  const { chart, inside, note, table } = frame(params.get("field"), params.get("label"));
  chart.style.height = `${params.get("tall")}px`;
  host.replaceChildren(chart, note, table);
  place(params, "figure", inside);
  const again = whenOpen(table, (room) => plainTable(room, params.get("head"), params.get("rows")));
  const write = () => {
    say(note, params.get("text"));
    idle(chart, params.get("idle"));
    again();
  };
  for (const name of ["text", "idle", "rows", "head"]) params.on(name, write);
  write();
}
export const render = component(mount);
