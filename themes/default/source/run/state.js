// The state of a run: what its log comes to on this page. It is computed anew after each entry and never kept.
import { phrase } from "../elements.js";
import { cut, event, isMain, isStep, items, sheet, toMs } from "../sheet/plan.js";
import { full } from "./clock.js";
import { nameOf } from "./log.js";
import { match } from "./match.js";
import { boxes, goOf, snapshot, split, stepsOf, words } from "./page.js";

// Tasks are ticked; all else is recorded under its own name.
const keyOf = (kind, id = "") => `${kind === "task" ? "tick" : kind}:${id}`;

export const gist = ({ kind, value }) =>
  kind === "tick" ? (value.on ? "%%run.ticked%%" : "%%run.unticked%%")
    : kind === "alarm" ? (value.on ? "%%run.tripped%%" : "%%run.cleared%%")
      : kind === "choice" ? value.answer : phrase("%%run.quoted text%%", value);

/** Which item is which of another version of the page: found once for each. */
const maps = new WeakMap();

/** The same entries give the same state in any order. One holds until another, not taken back, descends from it. */
export function fold({ run, log: book, snapshots }) {
  const log = [...book.values()].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  const undone = new Set(log.filter((entry) => entry.kind === "undo").map((entry) => entry.item));
  const replaced = new Set(), cells = new Map(), lost = new Set();
  const replace = (entry) => entry?.parents.forEach((id) => replaced.add(id));
  for (const entry of log) if (!undone.has(entry.id)) replace(entry);
  // What is added meanwhile is visited, too.
  for (const id of replaced) replace(book.get(id));

  /** Where an entry belongs on this page: to which item, and if its words are the same. */
  const place = (entry, id) => {
    const { page, version, kind } = entry, then = version !== sheet.version && snapshots.get(nameOf(entry));
    if (/start|end|undo|reverse/.test(kind)) return ["", "same"];
    if (page !== sheet.page) return [page + "\n" + id, "same"];
    if (!then) return words.has(id) ? [id, then === false ? "same" : "changed"] : [];
    if (!maps.has(then)) maps.set(then, match(then.entries, snapshot.entries));
    return maps.get(then)[id] || [];
  };
  for (const entry of log) {
    const { id, kind, page } = entry, [item, round = ""] = split(entry.item);
    let [to, how] = place(entry, item);
    // A round that the plan no longer has is nowhere to be seen.
    if (to == null || (round && page === sheet.page && !boxes.has(to + (round[1] === "n" ? "@n1" : round)))) {
      lost.add(id);
      if (kind !== "alarm") continue;
      // A stop condition that is gone from the sheet still stops the run until it is cleared.
      to = page + "\n" + item;
    }
    const key = keyOf(kind, to + (to && round));
    if (!cells.has(key)) cells.set(key, []);
    if (!undone.has(id) && !replaced.has(id)) cells.get(key).push({ ...entry, how });
  }
  return { run, log, snapshots, undone, lost, cells, start: log.find((entry) => entry.kind === "start") };
}

/** What is recorded of an item or a blank: the entry that counts, all that were written side by side, and what is in doubt. */
export function read(state, kind, id) {
  const heads = state.cells.get(keyOf(kind, id)) || [], head = heads.find((one) => one.how === "same") || heads[0];
  if (!head) return null;
  const conflict = new Set(heads.map(gist)).size > 1, changed = head.how !== "same";
  return { ...head, heads, conflict, changed, isSure: !conflict && !changed };
}
/** When it was done, or nothing. */
export function doneAt(state, item, round = "") {
  const one = read(state, item.kind, item.id + round);
  return one?.isSure && (one.value.on || one.value.answer === goOf(item)) ? one.at : 0;
}
/** The entry that has tripped an alarm. */
export const tripped = (state, key) => read(state, "alarm", key)?.heads.find((one) => one.value.on);
/** The alarms that are tripped, of all pages: each with its key and the entry that tripped it. */
export const alarmsOf = (state) => [...state.cells.keys()].flatMap((name) => {
  const [kind, key] = name.split(/:(.*)/s), entry = kind === "alarm" && tripped(state, key);
  return entry ? [{ key, entry }] : [];
});
export const fieldText = (state, id) => read(state, "field", id)?.value || "";

/** The place of the first gate that nobody has passed yet. */
export function openGate(state) {
  const at = items.findIndex((item) => (item.gate || item.answers) && isMain(item.in) && !doneAt(state, item));
  return at < 0 || !state.start ? Infinity : at;
}

/** When a round is due: by its distance from T-0, if that is a time at all, or as its row says. */
const dueOf = (id, round, due = event.t0 && event.t0 + Number(round.slice(1))) =>
  (Math.abs(due) < 8e12 && toMs(due)) || Date.parse(boxes.get(id + round)?.closest("tr, li").querySelector("time")?.dateTime) || 0;
/** A round by its number, or by its distance from T-0. */
export function offsetOf(round) {
  const way = round[1], rest = round.slice(2), hours = Math.floor(rest / 3600), left = (rest % 3600) / 60;
  if (way === "n") return phrase("%%run.round number%%", rest);
  // Days are days.
  if (isNaN(rest)) return `T${way}${rest}`;
  return rest > 0 ? `T${way}${hours ? hours + "h" : ""}${left ? left + "m" : ""}` : "T-0";
}

/** When it should be done, or nothing. */
export function planned(state, item, round = "") {
  const back = read(state, "reverse"), part = item.in;
  if (round) return dueOf(item.id, round);
  if (part.track !== "reverse") return toMs(item.end || item.start || part.end || part.start);
  return back && part.after != null ? back.at + toMs(part.after + (part.estimate || 0)) : 0;
}

/** How much is done, of how much. The way back counts once it has begun, see `stepsOf`. */
export function counts(state, part) {
  const wanted = items.filter((item) => isStep(item) && (part ? item.in === part : isMain(item.in) || read(state, "reverse")));
  const all = stepsOf(wanted).map(([item, round]) => doneAt(state, item, round));
  return [all.filter(Boolean).length, all.length];
}
/** The same of each other page that the run knows, with its title; of one that was edited, or is of an older file, it is not known. */
export function countsElsewhere(state) {
  const snapshots = [...state.snapshots.values()], pages = new Set([...snapshots, ...state.log].map((one) => one.page));
  pages.delete(sheet.page);
  return [...pages].map((page) => {
    const [one, more] = snapshots.filter((other) => other.page === page), steps = more ? null : one?.steps;
    const isDone = ({ key, go }) => {
      const found = read(state, go ? "choice" : "tick", `${page}\n${key}`);
      return found?.isSure && (go ? found.value.answer === go : found.value.on);
    };
    return [one?.title || page, steps && steps.filter(isDone).length, steps && steps.length];
  });
}

/** The words of an item as they were when the entry was written; behind the heading of a decision, or the time of a round. */
export function wordsOf(state, entry, clock = full) {
  const [id, round] = split(entry.item), then = state.snapshots.get(nameOf(entry)), one = then?.entries.find((one) => one.id === id);
  const due = round && dueOf(id, round), part = entry.kind === "choice" && then?.sections.find(({ path }) => path === one?.section)?.title;
  return [part, due ? clock(due) : round && offsetOf(round), cut(one?.text || words.get(id) || id)].filter(Boolean).join(", ");
}
