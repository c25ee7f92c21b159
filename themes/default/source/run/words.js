// What is recorded, in words: for stamps, the log and reports.
import { phrase } from "../elements.js";
import { minutes } from "../sheet/plan.js";
import { span, time } from "./clock.js";
import { split } from "./page.js";
import { gist, planned, read, wordsOf } from "./state.js";
import { wrong } from "./value.js";

/** The kind of a run. */
export const modeOf = ({ value }) => (value.mode === "live" ? "%%run.live%%" : "%%run.rehearsal%%");
export const lateBy = (ms) => phrase("%%run.late length%%", span(ms));

const confirm = (entry) => [phrase("%%run.confirm entry%%", entry), "warn"];
const reasons = ({ decider, reason, why }) =>
  (decider ? phrase("%%run.by_decider decider%%", decider) : "") + (reason ? phrase("%%run.for_reason reason%%", reason) : "")
    + (why ? phrase("%%run.past_gate why%%", why) : "");

/** What there is to say of an item or a blank: words, their class, and an entry where it could be kept. */
export function notesOf(state, kind, key, item, clock = time) {
  const one = read(state, kind, key);
  if (!one) return [];
  const { value, changed, heads } = one, signed = ({ at, by }) => `${clock(at)} ${by}`, who = signed(one);
  if (one.conflict) {
    const kept = new Map(heads.map((head) => [gist(head), head]));
    return [
      [phrase("%%run.conflict entries%%", heads.map((head) => `${gist(head)} ${signed(head)}`).join(", ")), "bad"],
      ...[...kept].map(([words, head]) => [phrase("%%button.keep_answer answer by%%", words, head.by), "", head]),
    ];
  }
  const said = `${who} ${gist(one)}${reasons(value)}`;
  if (kind === "alarm") return [[said, value.on ? "bad" : ""]];
  if (kind === "field") return [changed && ["%%run.confirm_label%%", "warn"], changed && ["%%button.keep%%", "", one], [wrong(item, value), "bad"]];
  if (kind === "choice") return [changed ? confirm(said) : [said, value.why ? "warn" : ""]];
  if (!value.on) return [];
  if (changed) return [confirm(who)];
  const slip = one.at - (planned(state, item, split(key)[1]) || one.at);
  return [
    [who, "stamp-when"], minutes(slip) > 0 && [lateBy(slip), "warn"], value.why && [phrase("%%run.past_gate_note why%%", value.why), "warn"],
  ];
}

/** An entry as a sentence. */
export function sentence(state, entry, clock = time) {
  const { kind, item, at, by } = entry, value = entry.value || "", on = item && wordsOf(state, entry, clock);
  // What took back something that took back something has no end in a forged file.
  const back = kind === "undo" && state.log.find((one) => one.id === item && one.kind !== kind);
  const words = {
    start: "%%run.entry_started who mode%%",
    end: "%%run.entry_ended who%%",
    undo: "%%run.entry_undo who entry%%",
    field: "%%run.entry_field who text item%%",
    choice: "%%run.entry_choice who answer item%%",
    reverse: "%%run.entry_reverse who%%",
    round: "%%run.entry_round who number item%%",
  }[kind] || "%%run.entry_did who what item%%";
  const what = {
    start: modeOf({ value }), undo: back ? sentence(state, back, clock) : on, field: value, round: String(value).slice(1),
  }[kind] ?? gist(entry);
  return phrase(words, `${clock(at)} ${by}`, what, on) + reasons(value);
}

/** The same, with what became of it. */
export const sentenceWithEnd = (state, entry, clock) => sentence(state, entry, clock)
  + (state.undone.has(entry.id) ? "%%run.taken_back%%" : "") + (state.lost.has(entry.id) ? "%%run.gone%%" : "");
