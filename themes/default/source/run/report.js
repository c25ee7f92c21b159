// A run as a table and as a report, for those who were not there.
import { phrase } from "../elements.js";
import { blanks, event, items, minutes, sheet, toMs } from "../sheet/plan.js";
import { full, utc, zoneName } from "./clock.js";
import { roundsOf, words } from "./page.js";
import { doneAt, fieldText, offsetOf, planned, read } from "./state.js";
import { modeOf, notesOf, sentence, sentenceWithEnd } from "./words.js";

const COLUMNS = "%%run.columns%%".split("|"), DONE = "%%run.done%%", NOT_TRIPPED = "%%run.not_tripped%%";
const textOf = (notes) => notes.filter((note) => note?.[0] && !note[2]).map(([words]) => words);

/** The blanks of an item that are filled in; without one those that stand elsewhere. */
const filled = (state, item) => blanks.filter((one) => items[one.item] === item && fieldText(state, one.id));

/** A row for each item and round, with its times as `clock` writes them. */
function rows(state, clock) {
  return items.flatMap((item) => roundsOf(item).map((round) => {
    const { id, kind, done, in: part } = item, at = doneAt(state, item, round), due = kind !== "alarm" && planned(state, item, round);
    const notes = textOf(notesOf(state, kind, id + round, item, clock)), one = read(state, kind, id + round);
    if (at && kind === "task") notes[0] = DONE;
    const isOpen = kind !== "alarm" && one?.changed && !one.conflict && (one.value.on || one.value.answer);
    return Object.assign([
      part.title, round ? offsetOf(round) : part.offset, words.get(id), item.owner || part.owner,
      due && clock(due), at && clock(at), at && due && String(minutes(at - due)), at && one.by,
      notes.join(", ") || (done ? "%%run.done_in_source%%" : kind === "alarm" ? NOT_TRIPPED : "%%run.open%%"),
      filled(state, item).map((one) => `${one.label}=${fieldText(state, one.id)}`).join("; "),
    ], { isOpen });
  }));
}

export function csv(state) {
  const cell = (value) => {
    // No formulas from what was typed
    const words = String(value || "").replace(/^(?!-\d+$)[=+\-@＝＋－＠]/, "'$&");
    return /[",\r\n]/.test(words) ? `"${words.replace(/"/g, '""')}"` : words;
  };
  // A time that a spreadsheet computes with has neither T nor Z.
  const table = [
    COLUMNS.map((name, at) => name + (at === 4 || at === 5 ? ", UTC" : "")),
    ...rows(state, (ms) => utc(ms).replace("T", " ").slice(0, -1)),
    ...filled(state).map(({ id, label, in: part }) =>
      [part.title, "", label, "", "", "", "", read(state, "field", id).by, "%%run.field%%", fieldText(state, id)]),
  ];
  return "\ufeff" + table.map((line) => line.map(cell).join(",") + "\r\n").join("");
}

// No markup from what was typed
const safe = (words) => String(words || "").replace(/\s+/g, " ")
  .replace(/[&<>]/g, (c) => `&#${c.charCodeAt()};`).replace(/[\\`*_{}[\]#|~!$@]/g, "\\$&");
const table = (names, lines) =>
  (lines.length ? [names, names.map(() => "---"), ...lines].map((line) => `| ${line.map(safe).join(" | ")} |`) : []);
const bullets = (lines) => lines.map((one) => "- " + safe(one));

/** The report, in Markdown. */
export function report(state) {
  const { log, start } = state, { t0, run } = start.value, end = read(state, "end"), steps = rows(state, full);
  const both = (at) => `${full(at)} (${utc(at)})`, signed = (words, { at, by }) => phrase(words, both(at), by), words = (one) => sentence(state, one, full);
  const entries = (wanted, as = (one) => sentenceWithEnd(state, one, full)) => bullets(log.filter(wanted).map(as));
  const dates = [t0, event.t0].map((one) => (one === null ? "%%run.not_set%%" : both(toMs(one))));
  const fields = blanks.map((blank) => [blank, read(state, "field", blank.id)]).filter(([, one]) => one);
  const parts = {
    "%%run.report_steps%%": table(COLUMNS, steps.filter((row) => row[8] !== NOT_TRIPPED)),
    "%%run.report_fields%%": table("%%run.field_columns%%".split("|"), fields.map(([blank, { value, by, at }]) =>
      [blank.label, value, by, full(at), textOf(notesOf(state, "field", blank.id, blank, full)).join(", ")])),
    "%%run.report_decisions%%": entries((one) => /choice|reverse/.test(one.kind)),
    "%%run.report_alarms%%": entries((one) => one.kind === "alarm"),
    "%%run.report_past_gate%%": entries((one) => one.value?.why),
    "%%run.report_conflicts%%": bullets([...state.cells.keys()].map((key) => read(state, ...key.split(/:(.*)/s)))
      .filter((one) => one?.conflict && one.kind !== "round")
      .map((one) => one.heads.map(words).join(" / "))),
    "%%run.report_confirm%%": bullets(steps.filter((row) => row.isOpen).map((row) => `${row[2]}: ${row[8]}`)),
    "%%run.report_taken_back%%": entries((one) => state.undone.has(one.id), words),
    "%%run.report_gone%%": entries((one) => state.lost.has(one.id), words),
  };
  return [
    `# ${safe(phrase("%%run.report_title sheet mode run%%", sheet.title, modeOf(start), run))}`,
    "",
    ...bullets([
      phrase("%%run.report_times zone%%", zoneName()),
      phrase(dates[0] === dates[1] ? "%%run.report_t0 time%%" : "%%run.report_t0_moved before time%%", ...dates),
      signed("%%run.report_started time by%%", start),
      end ? signed("%%run.report_ended time by%%", end) : "%%run.report_not_ended%%",
      phrase("%%run.report_sheet page version%%", sheet.page, sheet.version),
      phrase("%%run.report_people people%%", [...new Set(log.map(({ by }) => by))].join(", ")),
    ]),
    ...Object.entries(parts).filter(([, lines]) => lines.length).flatMap(([title, lines]) => ["", "## " + title, "", ...lines]),
    "",
  ].join("\n");
}
