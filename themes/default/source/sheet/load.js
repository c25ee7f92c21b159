// The script of runs is loaded when there is a run to show, or when somebody is about to begin one. Most visits only read.
import { all, make, write } from "../elements.js";
import { event, root } from "./plan.js";
import { BY, get, set } from "./storage.js";

const { run: src } = document.currentScript.dataset;
export const [desk] = all("#DESK");
const [main] = all("main"), [head] = all(".desk-head"), [say] = all(".desk-say"), [initials] = all(".initials");
/** What was pressed last before the script was there. */
let held;
let script, isLoaded = false;

export function loadRun() {
  if (script) return;
  const isRun = get(root);
  const onload = () => {
    isLoaded = true;
    // It is pressed again, unless there is a run, which nobody has seen yet, or the reader has gone on to something else.
    const again = held && !get(root) && [held, document.body].includes(document.activeElement);
    write(say, held && !again ? "%%run.press_again%%" : "");
    if (again) held.click();
    // What is typed on would be the end of a value.
    else held?.blur();
  };
  // Nothing has been done on this page yet, so that it can be loaded anew. A later build may have taken the file away.
  const onerror = () => {
    script.remove();
    script = null;
    write(say, "%%run.load_failed%%");
    if (isRun) write(head, "%%run.run_not_loaded%%");
    if (held) say.scrollIntoView({ block: "center" });
    // What nobody expects any more is not done when the file comes after all.
    held = null;
  };
  if (isRun) write(head, "%%run.loading_run%%");
  for (const one of all(".start", desk)) one.hidden = isRun;
  script = make("script", [], { src, onload, onerror });
  document.head.append(script);
}

/** What only a run can answer. A command with values must not be copied without them. */
const isForRun = (target) => (target.matches(".copy")
  ? all(".fill", target.parentNode).length > 0
  : target.matches("#DESK :is(button, summary), input:not(.initials)"));
function hold(pressed) {
  if (isLoaded || !isForRun(pressed.target)) return;
  pressed.preventDefault();
  pressed.stopPropagation();
  held = pressed.target;
  write(say, "%%run.loading%%");
  loadRun();
}
for (const kind of ["click", "beforeinput"]) main.addEventListener(kind, hold, true);
main.addEventListener("focusin", ({ target }) => target.matches("input") && loadRun());
initials.onchange = () => set(BY, initials.value.trim());

/** Those who have worked here before, or have a date to try, will need it; what a browser has filled in by itself must go. */
const isNeeded = () =>
  get(root) || get(BY) || !event.t0 || all("main :is(.task, .gate, .rounds) :checked:enabled").length || all(".blank").some((one) => one.value);
const see = () => isNeeded() && loadRun();
// Also when another tab has begun a run, when the browser shows the page again, and when the network is back
for (const kind of ["storage", "pageshow", "online"]) addEventListener(kind, see);
see();
desk.hidden = false;
