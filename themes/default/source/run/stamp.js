// A stamp beside each item says what has been recorded of it, and by whom.
import { button, make, replace } from "../elements.js";
import { act } from "./run.js";

const ID = "stamp:";

/** The stamp that describes an element, still empty. */
export function stampFor(key, element) {
  const id = ID + key;
  element.setAttribute("aria-describedby", id);
  return make("span.stamp", [], { id });
}

/** Writes words with their class; those that come with an entry are a button to keep what it says. */
export function stamp(key, notes) {
  replace(document.getElementById(ID + key), notes.filter((note) => note?.[0]).flatMap(([words, look, entry]) =>
    // What describes a box is read out as one text.
    [entry ? button(words, () => act(entry.kind, key, entry.value)) : make("span." + look, words), " "]));
}
