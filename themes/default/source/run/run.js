// The run on this page: read from the log, written to it, shown after each change.
import { all, goTo, write } from "../elements.js";
import { event, root, sheet } from "../sheet/plan.js";
import { get, random, set } from "../sheet/storage.js";
import { forecast } from "./forecast.js";
import { load, nameOf, put } from "./log.js";
import { desk, device, initials, say, who } from "./operator.js";
import { snapshot } from "./page.js";
import { fold, openGate, read } from "./state.js";

const nothing = fold(load(""));
/** Without a run it has no start, and nothing is recorded in it. */
export let state = nothing;
export const isRunning = () => state.start && !read(state, "end");

const views = [];
/**
 * Takes what shows a part of the page. At each change all get the same picture: the state that is shown, the present moment, the
 * place of the first open gate, the forecast, and the way back if it has begun.
 */
export const onRender = (view) => views.push(view);

let isEmpty = false;
/** Shows the run, or the sheet as it is without one, until it is called with something else. */
export function render(empty = isEmpty) {
  isEmpty = empty;
  const shown = isEmpty ? nothing : state, now = Date.now();
  const gate = openGate(shown), plan = forecast(shown, now), back = read(shown, "reverse");
  const from = document.activeElement, stamp = from.closest(".stamp"), wasSeen = from.offsetParent;
  for (const view of views) view(shown, now, gate, plan, back);
  // The focus moves to what a stamp describes, or to the desk.
  if (wasSeen && !from.offsetParent) all(stamp ? `[aria-describedby="${stamp.id}"]` : "#DESK summary")[0].focus({ preventScroll: true });
}

export function refresh() {
  const run = get(root), found = fold(load(run));
  state = found.start ? found : nothing;
  if (state.start && !state.snapshots.has(nameOf(snapshot))) put(run, snapshot);
  render();
}

let last = 0;
function record(run, kind, item, value, heads, { page, version }) {
  write(say, "");
  // No two acts of one browser at the same time
  last = Math.max(Date.now(), last + 1);
  const parents = heads.map((one) => one.id);
  put(run, { id: random(), at: last, by: who(), device, page, version, kind, item, value, parents });
  refresh();
}

/** Says what is needed first. */
function refuse(need) {
  write(say, need);
  goTo((who() && all(".start", desk)[0]) || initials);
}
const isSigned = () => who() || refuse("%%run.sign_first%%");
/** Can something be recorded? If not, it says why. */
export const isReady = () =>
  !state.start ? refuse("%%run.start_first%%") : isRunning() ? isSigned() : refuse("%%run.has_ended%%");

export function start(mode) {
  if (!isSigned()) return;
  const run = random();
  set(root, run);
  record(run, "start", "", { run, event: event.id, mode, t0: event.t0, zone: event.zone }, [], sheet);
}
/** Records what follows on all that is known of the item; `of` is the page that the item stands on. */
export function act(kind, item, value = null, heads = read(state, kind, item)?.heads || [], of = sheet) {
  if (isReady()) record(state.run, kind, item, value, heads, of);
  else render();
}
/** What this browser could take back. */
export const lastOwn = () =>
  state.log.findLast((one) => one.device === device && !/start|end|undo/.test(one.kind) && !state.undone.has(one.id));
