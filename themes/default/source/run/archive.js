// Runs as files: saved, opened, merged; and the runs that this browser keeps.
import { button, make, phrase, write } from "../elements.js";
import { cut, event, root, sheet } from "../sheet/plan.js";
import { drop, get, keys, set } from "../sheet/storage.js";
import { full } from "./clock.js";
import { cleanEntry, cleanSnapshot, fail, list, load, nameOf, put, text } from "./log.js";
import { say } from "./operator.js";
import { csv, report } from "./report.js";
import { isRunning, refresh, state } from "./run.js";
import { fold } from "./state.js";
import { modeOf } from "./words.js";

/** A run by its kind and the beginning of its name. */
export const nameOfRun = ({ run, start }) => `${modeOf(start).toUpperCase()} ${run.slice(0, 6)}`;

export function save(as, one = state) {
  const { run, log, snapshots } = one;
  const content = as === "csv" ? csv(one) : as === "md" ? report(one) : JSON.stringify({
    format: "runsheet-run",
    version: 1,
    site: sheet.site,
    event: event.id,
    run,
    exported: Date.now(),
    snapshots: [...snapshots.values()],
    log,
  }, null, 1);
  const href = URL.createObjectURL(new Blob([content], { type: "text/" + as }));
  make("a", [], { href, download: `${event.id.replace(/\W+/g, "-")}-${run.slice(0, 6)}.${as}` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60000);
}

/** Two of one name can only be forged. The lesser stays, whichever came first. */
const take = (all, name, one) => JSON.stringify(all.get(name)) <= JSON.stringify(one) || all.set(name, one);

export async function open(file) {
  try {
    if (file.size > 20e6) fail("%%run.too_large%%");
    const raw = await file.text().then(JSON.parse).catch(() => fail("%%run.not_json%%"));
    if (raw?.format !== "runsheet-run") fail("%%run.not_a_run%%");
    if (!(raw.version <= 1)) fail(phrase("%%run.newer version%%", cut(text(String(raw.version || "?")))));
    if (!/^\w{8,40}$/.test(raw.run)) fail("%%run.no_name%%");
    for (const [theirs, ours] of [[raw.site, sheet.site], [raw.event, event.id]]) {
      if (theirs !== ours) fail(phrase("%%run.other_plan theirs ours%%", cut(text(theirs)), ours));
    }
    const book = load(raw.run), { log, snapshots } = book, before = log.size;
    list(raw.snapshots, 500).map(cleanSnapshot).forEach((one) => take(snapshots, nameOf(one), one));
    list(raw.log, 1e5).map(cleanEntry).forEach((one) => take(log, one.id, one));
    // What cannot be read is not kept.
    const theirs = fold(book);
    if (theirs.start?.value.run !== raw.run) fail("%%run.no_start%%");
    if (isRunning() && state.run !== raw.run) {
      fail(phrase("%%run.other_run theirs ours%%", nameOfRun(theirs), nameOfRun(state)));
    }
    for (const one of [...snapshots.values(), ...log.values()]) put(raw.run, one);
    set(root, raw.run);
    refresh();
    write(say, phrase("%%run.opened count%%", log.size - before));
  } catch (what) {
    // An error of the browser's own speaks of the script: a value was of another kind.
    write(say, phrase("%%run.refused why%%", what.stack ? "%%run.broken%%" : what));
  }
}

function lineOf(one) {
  const { run, log, start } = one, name = nameOfRun(one);
  const remove = () => {
    if (!confirm(phrase("%%run.delete_run run%%", name))) return;
    keys(`${root}:${run}:`).forEach(drop);
    if (get(root) === run) drop(root);
    refresh();
  };
  const saves = [button("%%button.export_one%%", () => save("json", one)), button("%%button.report%%", () => save("md", one))];
  return make("li.row", [phrase("%%run.entries run time count%%", name, full(start.at), log.length), ...saves, button("%%button.delete%%", remove)]);
}
/** The runs that this browser keeps, except the one in progress. */
export function linesOfRuns() {
  const runs = new Set(keys(root + ":").map((key) => key.slice(root.length + 1).split(":")[0]));
  if (isRunning()) runs.delete(state.run);
  return [...runs].map((run) => fold(load(run))).filter((one) => one.start).map(lineOf);
}
