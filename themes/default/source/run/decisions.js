// What people do at a sheet, with the questions that come before it is recorded.
import { write } from "../elements.js";
import { isMain, isStep, items, sheet } from "../sheet/plan.js";
import { time } from "./clock.js";
import { ask } from "./dialog.js";
import { say } from "./operator.js";
import { itemOf, words } from "./page.js";
import { act, render, state } from "./run.js";
import { alarmsOf, counts, countsElsewhere, doneAt, openGate, read, tripped, wordsOf } from "./state.js";
import { told } from "./words.js";

const REASON = ["reason", "Reason"];
const decider = (item) => ["decider", "Decided by", item?.decider || items.find((one) => one.decider)?.decider];

/** Behind a gate that nobody has passed, only with a reason. */
function pastGate(item) {
  const gate = openGate(state);
  if (!isMain(item.in) || items.indexOf(item) <= gate) return [];
  return [`An earlier gate is not passed: “${items[gate].in.title || ""}”.`, ["why", "Reason to go past the gate"]];
}

export function tick(key, box) {
  const on = box.checked, item = itemOf(key);
  // It is ticked when that is recorded.
  box.checked = !on;
  const below = items.filter((other) => items[other.parent] === item && isStep(other) && !doneAt(state, other)).length;
  const doubts = [below && `Open below it: ${below}.`, ...pastGate(item)], record = (asked) => act("tick", key, { on, ...asked });
  if (on && doubts.some(Boolean)) ask("Tick all the same?", "Tick", [words.get(item.id), ...doubts], record);
  else record();
}

export function choose(item, answer) {
  render();
  const title = `${answer}: ${item.in.title || words.get(item.id)}`;
  ask(title, "Record", [decider(item), ...pastGate(item)], (asked) => act("choice", item.id, { answer, ...asked }));
}

/** Trips an alarm, or clears it, of this page or of another, even if it is gone from its sheet. */
export function turn(key) {
  const entry = tripped(state, key), on = !entry, verb = on ? "Trip" : "Clear", name = on ? words.get(key) : wordsOf(state, entry);
  ask(verb + " this alarm?", verb, [name, REASON, decider(itemOf(key))], (asked) =>
    act("alarm", on ? key : entry.item, { on, ...asked }, state.cells.get("alarm:" + key), entry));
}

/** Its times count from its beginning, so that it begins once. */
function isBack() {
  const back = read(state, "reverse");
  if (back) write(say, `The reverse track is on: ${told(state, back)}. Only “Undo” takes that back.`);
  return back;
}
export function reverse() {
  if (isBack()) return;
  const no = items.find((item) => (item.no_return || (item.answers && item.in.no_return)) && doneAt(state, item));
  const passed = no && `The point of no return is passed (${no.in.title}, ${time(doneAt(state, no))}). `
    + "What was written since must be carried back.";
  const yes = "Start the reverse track";
  ask(yes + "?", yes, ["Its times count from now.", passed, REASON, decider()], (asked) => isBack() || act("reverse", "", asked));
}

export function finish() {
  const pages = [[sheet.title, ...counts(state)], ...countsElsewhere(state)];
  ask("End this run?", "End run", [
    ...alarmsOf(state).map(({ entry }) => `ALARM, not cleared: “${wordsOf(state, entry)}”.`),
    ...pages.map(([title, done, total]) =>
      `${title}: ` + (total == null ? "what is open there cannot be counted here: look there first." : `${done} of ${total} done, ${total - done} open.`)),
    "Sheets that nobody opened in this run are not counted.",
    "This cannot be undone: the sheets can then be read and exported, not changed.",
  ], () => act("end", ""));
}
