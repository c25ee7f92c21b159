// The folded part of the desk: files, the log, the tasks of one owner, past runs, printing. It is made anew when it is opened.
import { all, make, phrase, replace, write } from "../elements.js";
import { items, sheet } from "../sheet/plan.js";
import { linesOfRuns, open, save } from "./archive.js";
import { desk, press } from "./operator.js";
import { places } from "./page.js";
import { onRender, render, state } from "./run.js";
import { sentenceWithEnd } from "./words.js";

/** So many entries of the log are shown. */
const SHOWN = 200;

/** Tasks of others can be hidden. */
function owners() {
  const [select, note] = all("select, .others", files);
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
    write(note, hidden ? phrase("%%run.others_hidden count%%", hidden) : "");
  };
}

/** The newest first; of a long log the rest is in its file. */
function linesOfLog() {
  const more = state.log.length - SHOWN;
  return [
    ...state.log.slice(-SHOWN).reverse().map((one) => make("li", sentenceWithEnd(state, one))),
    ...(more > 0 ? [make("li", phrase("%%run.log_more count%%", more))] : []),
  ];
}

export const [files] = all(".files", desk);
const [file, runs, log] = all("input, ul, ol", files), saves = all("[name=save]", files);
file.onchange = () => {
  open(file.files[0]);
  file.value = "";
};
for (const one of saves) one.onclick = () => save(one.value);
press("open", () => file.click());
press("print", () => print());
press("print-empty", () => {
  render(true);
  print();
});
owners();
files.ontoggle = show;

function show() {
  if (!files.open) return;
  for (const one of saves) one.hidden = !state.start;
  replace(runs, linesOfRuns());
  replace(log, linesOfLog());
}
onRender(show);
addEventListener("afterprint", () => render(false));
