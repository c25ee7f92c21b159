// Blanks to fill in, counts to compare, and commands that the values go into.
import { all, button, goTo, phrase, write } from "../elements.js";
import { blanks, byId } from "../sheet/plan.js";
import { utc } from "./clock.js";
import { fill } from "./command.js";
import { places } from "./page.js";
import { act, isReady, isRunning, onRender, render, state } from "./run.js";
import { stamp, stampFor } from "./stamp.js";
import { fieldText, read } from "./state.js";
import { compare, SAME, wrong } from "./value.js";
import { notesOf } from "./words.js";

/** A value that can be used: neither in conflict nor wrong. */
function sureText(state, blank) {
  const one = blank && read(state, "field", blank.id);
  return one && !one.conflict && !wrong(blank, one.value) ? one.value : "";
}

function addField(blank, input) {
  const { id, label } = blank;
  const note = (value) => value !== fieldText(state, id) && act("field", id, value);
  let was;
  /** Not over what is being written. */
  const show = (shown = state) => {
    const value = fieldText(shown, id);
    if (was === undefined || input.value === was || document.activeElement !== input) input.value = was = value;
  };
  input.onblur = () => show();
  input.onchange = () => note(input.value.trim());
  input.onclick = input.onkeydown = ({ key = " " }) => { if (!isRunning() && key.length === 1) isReady(); };
  if (blank.kind === "time") {
    input.after(Object.assign(button("%%button.now%%", () => note(utc(Date.now())), "now"), { ariaLabel: phrase("%%button.now_for field%%", label) }));
  }
  input.after(stampFor(id, input));
  onRender((shown) => {
    const value = fieldText(shown, id);
    show(shown);
    input.readOnly = !isRunning();
    input.ariaInvalid = Boolean(wrong(blank, value));
    stamp(id, notesOf(shown, "field", id, blank));
  });
}
for (const blank of blanks) if (places.has(blank.id)) addField(blank, places.get(blank.id));

for (const output of all("output.match")) {
  onRender((shown) => {
    const words = compare(...output.dataset.pair.split(" ").map((id) => sureText(shown, byId.get(id))));
    write(output, words);
    output.className = "match " + (words === SAME ? "good" : words && "bad");
  });
}

const fills = all("var.fill").map((element) => {
  const plain = element.title = element.textContent, blank = blanks.find((one) => one.var === element.dataset.var);
  onRender((shown) => write(element, sureText(shown, blank) || plain));
  return { element, plain, blank };
});

document.addEventListener("runsheet:copy", ({ detail: copy }) => {
  const here = fills.filter(({ element, blank }) => blank && copy.code.contains(element));
  if (!here.length) return;
  for (const { element } of here) element.textContent = "\0";
  const words = copy.code.textContent.split("\0"), values = here.map(({ blank }) => sureText(state, blank));
  // Puts the values back.
  render();
  const { text, stuck } = fill(words, values);
  copy.text = text;
  if (stuck === undefined) return;
  const { plain, blank: { id } } = here[stuck];
  copy.refusal = phrase(values[stuck] ? "%%run.quote_by_hand name%%" : "%%run.no_value name%%", plain);
  stamp(id, [[copy.refusal, "bad"]]);
  goTo(places.get(id));
});
