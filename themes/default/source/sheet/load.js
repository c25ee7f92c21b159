// The script of a run is loaded when there is one to show, or when somebody is about to begin one. Most visits only read.
import { all, make, write } from "../elements.js";
import { event, root } from "./plan.js";
import { BY, get } from "./storage.js";

const { run: src } = document.currentScript.dataset;
const [main] = all("main"), [desk] = all("#DESK"), [head, say] = all("p", desk);
/** What was pressed before the script was there; it is pressed again, once, when it is. */
const held = new Set();
let script, isLoaded = false;

export function load() {
  if (script) return;
  const onload = () => {
    isLoaded = true;
    for (const one of held) one.click();
  };
  // Nothing has been done on this page yet, so that a reload loses nothing. A later build may have taken the file away.
  const onerror = () => {
    script = null;
    held.clear();
    write(say, "The script for runs could not be loaded: reload this page, or press again once the network is back.");
  };
  script = make("script", [], { src, onload, onerror });
  document.head.append(script);
}

/** What only a run can answer. A command with values must not be copied without them. */
function isForRun(target) {
  if (target.matches(".copy")) return all(".fill", target.parentNode).length;
  return target.matches("#DESK :is(button, summary), input:not(.initials)");
}
function hold(pressed) {
  if (isLoaded || !isForRun(pressed.target)) return;
  pressed.preventDefault();
  pressed.stopPropagation();
  held.add(pressed.target);
  load();
}
for (const kind of ["click", "beforeinput"]) main.addEventListener(kind, hold, true);
main.addEventListener("focusin", ({ target }) => target.matches("input") && load());
// Another tab has begun a run.
addEventListener("storage", ({ key }) => key === root && load());

desk.hidden = false;
if (get(root)) write(head, "A run is in this browser: it is being loaded.");
// Those who have worked here before, or have a date to try, will need it.
if (get(root) || get(BY) || !event.t0) load();
