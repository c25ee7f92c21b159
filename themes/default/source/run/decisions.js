// What people do at a sheet, with the questions that come before it is recorded.
import { phrase, write } from "../elements.js";
import { isMain, isStep, items, sheet } from "../sheet/plan.js";
import { time } from "./clock.js";
import { ask } from "./dialog.js";
import { say } from "./operator.js";
import { itemOf, words } from "./page.js";
import { act, render, state } from "./run.js";
import { alarmsOf, counts, countsElsewhere, doneAt, openGate, read, tripped, wordsOf } from "./state.js";
import { sentence } from "./words.js";

const REASON = ["reason", "%%run.reason%%"];
const decider = (item) => ["decider", "%%run.decided_by%%", item?.decider || items.find((one) => one.decider)?.decider];

/** Behind a gate that nobody has passed, only with a reason. */
function pastGate(item) {
  const gate = openGate(state);
  if (!isMain(item.in) || items.indexOf(item) <= gate) return [];
  return [phrase("%%run.gate_open gate%%", items[gate].in.title || ""), ["why", "%%run.why%%"]];
}

export function tick(key, box) {
  const on = box.checked, item = itemOf(key);
  // It is ticked when that is recorded.
  box.checked = !on;
  const below = items.filter((other) => items[other.parent] === item && isStep(other) && !doneAt(state, other)).length;
  const doubts = [below && phrase("%%run.open_below count%%", below), ...pastGate(item)], record = (asked) => act("tick", key, { on, ...asked });
  if (on && doubts.some(Boolean)) ask("%%run.tick_anyway%%", "%%button.yes_tick%%", [words.get(item.id), ...doubts], record);
  else record();
}

export function choose(item, answer) {
  render();
  ask(phrase("%%run.answer answer gate%%", answer, item.in.title || words.get(item.id)), "%%button.yes_record%%", [decider(item), ...pastGate(item)], (asked) => act("choice", item.id, { answer, ...asked }));
}

/** Trips an alarm, or clears it, of this page or of another, even if it is gone from its sheet. */
export function turn(key) {
  const entry = tripped(state, key), on = !entry, name = on ? words.get(key) : wordsOf(state, entry);
  const [question, yes] = on ? ["%%run.trip_this%%", "%%button.yes_trip%%"] : ["%%run.clear_this%%", "%%button.yes_clear%%"];
  ask(question, yes, [name, REASON, decider(itemOf(key))], (asked) =>
    act("alarm", on ? key : entry.item, { on, ...asked }, state.cells.get("alarm:" + key), entry));
}

/** Its times count from its beginning, so that it begins once. */
function isBack() {
  const back = read(state, "reverse");
  if (back) write(say, phrase("%%run.reverse_on entry%%", sentence(state, back)));
  return back;
}
export function reverse() {
  if (isBack()) return;
  const no = items.find((item) => (item.no_return || (item.answers && item.in.no_return)) && doneAt(state, item));
  const passed = no && phrase("%%run.no_return_passed step time%%", no.in.title, time(doneAt(state, no)));
  ask("%%run.start_reverse%%", "%%button.yes_reverse%%", ["%%run.reverse_clock%%", passed, REASON, decider()], (asked) => isBack() || act("reverse", "", asked));
}

export function finish() {
  const pages = [[sheet.title, ...counts(state)], ...countsElsewhere(state)];
  ask("%%run.end_this%%", "%%button.yes_end%%", [
    ...alarmsOf(state).map(({ entry }) => phrase("%%run.alarm_open alarm%%", wordsOf(state, entry))),
    ...pages.map(([title, done, total]) =>
      phrase(total == null ? "%%run.page_unknown page%%" : "%%run.page_open page done total open%%", title, done, total, total - done)),
    "%%run.not_counted%%",
    "%%run.end_for_good%%",
  ], () => act("end", ""));
}
