// The folded part of the desk: files, the log, the tasks of one owner, past runs, printing. It is made anew when it is opened.
import { all, button, make, replace, write } from "../elements.js";
import { items, sheet } from "../sheet/plan.js";
import { linesOfRuns, open, save } from "./archive.js";
import { desk } from "./operator.js";
import { places } from "./page.js";
import { onRender, render, state } from "./run.js";
import { toldWhole } from "./words.js";

/** So many entries of the log are shown. */
const SHOWN = 200;

function owners() {
  const select = make("select", new Option("all", "")), note = make("span");
  const isOf = (item, name) =>
    !name || !item.owner || item.owner === name || items.some((other) => items[other.parent] === item && isOf(other, name));
  for (const name of [...new Set(items.map(({ owner }) => owner).filter(Boolean))].sort()) {
    select.append(new Option([name, sheet.roles[name]].filter(Boolean).join(": "), name));
  }
  select.onchange = () => {
    let hidden = 0;
    for (const item of items) {
      const place = places.get(item.id);
      if (place.matches(".task")) place.hidden = !isOf(item, select.value);
      if (place.hidden) hidden++;
    }
    write(note, hidden ? `Hidden, of others: ${hidden}` : "");
  };
  return make("div.row", [make("label", ["Tasks of ", select]), note]);
}

/** The newest first; of a long log the rest is in its file. */
function linesOfLog() {
  const more = state.log.length - SHOWN;
  return [
    ...state.log.slice(-SHOWN).reverse().map((one) => make("li", toldWhole(state, one))),
    ...(more > 0 ? [make("li", `and ${more} earlier: Export run`)] : []),
  ];
}

const file = make("input", [], {
  type: "file",
  hidden: true,
  accept: ".json",
  onchange: () => {
    open(file.files[0]);
    file.value = "";
  },
});
const saves = [["Export run", "json"], ["Steps as CSV", "csv"], ["Report", "md"]].map(([words, as]) => button(words, () => save(as)));
const printEmpty = () => {
  render(true);
  print();
};
const runs = make("ul"), log = make("ol");

export const [files] = all(".files", desk);
files.append(
  make("div.row", [
    button("Open a run file…", () => file.click()), ...saves, button("Print", () => print()), button("Print empty", printEmpty), file,
  ]),
  owners(), make("p", "Runs kept in this browser"), runs, make("p", "Log"), log,
);
files.ontoggle = show;

function show() {
  if (!files.open) return;
  for (const one of saves) one.hidden = !state.start;
  replace(runs, linesOfRuns());
  replace(log, linesOfLog());
}
onRender(show);
addEventListener("afterprint", () => render(false));
