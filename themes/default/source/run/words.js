// What is recorded, in words: for stamps, the log and reports.
import { minutes } from "../sheet/plan.js";
import { span, time } from "./clock.js";
import { split } from "./page.js";
import { gist, planned, read, wordsOf } from "./state.js";
import { wrong } from "./value.js";

const AGAIN = "text changed since, confirm again: ";
const reasons = ({ decider, reason, why }) =>
  (decider ? ` by ${decider}` : "") + (reason ? `: ${reason}` : "") + (why ? `, past a gate: ${why}` : "");

/** What there is to say of an item or a blank: words, their class, and an entry where it could be kept. */
export function notesOf(state, kind, key, item, clock = time) {
  const one = read(state, kind, key);
  if (!one) return [];
  const { value, changed, heads } = one, signed = ({ at, by }) => `${clock(at)} ${by}`, who = signed(one);
  if (one.conflict) {
    const kept = new Map(heads.map((head) => [gist(head), head]));
    return [
      ["Conflict: " + heads.map((head) => `${gist(head)} ${signed(head)}`).join(", "), "bad"],
      ...[...kept].map(([words, head]) => [`Keep ${words} (${head.by})`, "", head]),
    ];
  }
  const said = `${who} ${gist(one)}${reasons(value)}`;
  if (kind === "alarm") return [[said, value.on ? "bad" : ""]];
  if (kind === "field") return [changed && ["label changed, check", "warn"], changed && ["Keep", "", one], [wrong(item, value), "bad"]];
  if (kind === "choice") return [changed ? [AGAIN + said, "warn"] : [said, value.why ? "warn" : ""]];
  if (!value.on) return [];
  if (changed) return [[AGAIN + who, "warn"]];
  const slip = one.at - (planned(state, item, split(key)[1]) || one.at);
  return [[who, "stamp-when"], minutes(slip) > 0 && [`${span(slip)} late`, "warn"], value.why && [`past a gate: ${value.why}`, "warn"]];
}

/** An entry as a sentence. */
export function told(state, entry, clock = time) {
  const { kind, item, at, by } = entry, value = entry.value || "";
  // What took back something that took back something has no end in a forged file.
  const back = kind === "undo" && state.log.find((one) => one.id === item && one.kind !== kind);
  const verb = {
    start: `started the ${value.mode} run`,
    end: "ended the run",
    undo: "took back: ",
    field: `wrote “${value}” in`,
    choice: `decided ${value.answer} at`,
    reverse: "started the reverse track",
    round: `added round ${String(value).slice(1)} to`,
  }[kind] || gist(entry);
  return `${clock(at)} ${by} ${verb}`
    + (back ? told(state, back, clock) : item ? ` “${wordsOf(state, entry, clock)}”` : "")
    + reasons(value);
}

/** The same, with what became of it. */
export const toldWhole = (state, entry, clock) => told(state, entry, clock)
  + (state.undone.has(entry.id) ? " (taken back)" : "") + (state.lost.has(entry.id) ? " (no longer on the sheet)" : "");
