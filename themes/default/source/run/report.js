// A run as a table and as a report, for those who were not there.
import { blanks, event, items, minutes, sheet, toMs } from "../sheet/plan.js";
import { full, utc, zoneName } from "./clock.js";
import { roundsOf, words } from "./page.js";
import { doneAt, fieldText, offsetOf, planned, read } from "./state.js";
import { notesOf, told, toldWhole } from "./words.js";

const columns = (zone) => ["Section", "Offset", "Item", "Owner", "Planned" + zone, "Done" + zone, "Slip, min", "By", "State", "Fields"];
const textOf = (notes) => notes.filter((note) => note?.[0] && !note[2]).map(([words]) => words);

/** The blanks of an item that are filled in; without one those that stand elsewhere. */
const filled = (state, item) => blanks.filter((one) => items[one.item] === item && fieldText(state, one.id));

/** A row for each item and round, with its times as `clock` writes them. */
function rows(state, clock) {
  return items.flatMap((item) => roundsOf(item).map((round) => {
    const { id, kind, done, in: part } = item, at = doneAt(state, item, round), due = kind !== "alarm" && planned(state, item, round);
    const notes = textOf(notesOf(state, kind, id + round, item, clock));
    if (at && kind === "task") notes[0] = "done";
    return [
      part.title, round ? offsetOf(round) : part.offset, words.get(id), item.owner || part.owner,
      due && clock(due), at && clock(at), at && due && String(minutes(at - due)), at && read(state, kind, id + round).by,
      notes.join(", ") || (done ? "done in the source" : kind === "alarm" ? "not tripped" : "open"),
      filled(state, item).map((one) => `${one.label}=${fieldText(state, one.id)}`).join("; "),
    ];
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
    columns(", UTC"),
    ...rows(state, (ms) => utc(ms).replace("T", " ").slice(0, -1)),
    ...filled(state).map(({ id, label, in: part }) =>
      [part.title, "", label, "", "", "", "", read(state, "field", id).by, "field", fieldText(state, id)]),
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
  const { log, start } = state, { mode, t0, run } = start.value, end = read(state, "end"), steps = rows(state, full);
  const both = (at) => `${full(at)} (${utc(at)})`, moment = ({ at, by }) => `${both(at)} by ${by}`, words = (one) => told(state, one, full);
  const entries = (wanted, as = (one) => toldWhole(state, one, full)) => bullets(log.filter(wanted).map(as));
  const dates = [t0, event.t0].map((one) => (one === null ? "not set" : both(toMs(one))));
  const fields = blanks.map((blank) => [blank, read(state, "field", blank.id)]).filter(([, one]) => one);
  const parts = {
    Steps: table(columns(""), steps.filter((row) => row[8] !== "not tripped")),
    Fields: table(["Field", "Value", "By", "Time", "Note"], fields.map(([blank, { value, by, at }]) =>
      [blank.label, value, by, full(at), textOf(notesOf(state, "field", blank.id, blank, full)).join(", ")])),
    Decisions: entries((one) => /choice|reverse/.test(one.kind)),
    Alarms: entries((one) => one.kind === "alarm"),
    "Past a gate": entries((one) => one.value?.why),
    Conflicts: bullets([...state.cells.keys()].map((key) => read(state, ...key.split(/:(.*)/s)))
      .filter((one) => one?.conflict && one.kind !== "round")
      .map((one) => one.heads.map(words).join(" / "))),
    "Confirm again": bullets(steps.filter((row) => /confirm again/.test(row[8])).map((row) => `${row[2]}: ${row[8]}`)),
    "Taken back": entries((one) => state.undone.has(one.id), words),
    "No longer on the sheet": entries((one) => state.lost.has(one.id), words),
  };
  return [
    `# ${safe(`${sheet.title}: ${mode} run ${run}`)}`,
    "",
    ...bullets([
      `Times: ${zoneName()}`,
      `T-0: ${[...new Set(dates)].join(", moved to ")}`,
      `Started: ${moment(start)}`,
      `Ended: ${end ? moment(end) : "not yet"}`,
      `Sheet: ${sheet.page}, version ${sheet.version}`,
      `Took part: ${[...new Set(log.map(({ by }) => by))].join(", ")}`,
    ]),
    ...Object.entries(parts).filter(([, lines]) => lines.length).flatMap(([title, lines]) => ["", "## " + title, "", ...lines]),
    "",
  ].join("\n");
}
