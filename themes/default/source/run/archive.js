// Runs as files: saved, opened, merged; and the runs that this browser keeps.
import { button, make, write } from "../elements.js";
import { cut, event, root, sheet } from "../sheet/plan.js";
import { drop, get, keys, set } from "../sheet/storage.js";
import { full } from "./clock.js";
import { cleanEntry, cleanSnapshot, fail, list, load, nameOf, put, text } from "./log.js";
import { say } from "./operator.js";
import { csv, report } from "./report.js";
import { isRunning, refresh, state } from "./run.js";
import { fold } from "./state.js";

export const nameOfRun = ({ run, start }) => `${start.value.mode.toUpperCase()} ${run.slice(0, 6)}`;

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
    if (file.size > 20e6) fail("it is over 20 MB: start a new run");
    const raw = await file.text().then(JSON.parse).catch(() => fail("it is not JSON"));
    if (raw?.format !== "runsheet-run") fail("it is not a run file");
    if (!(raw.version <= 1)) fail(`it is a run file of version ${cut(text(String(raw.version || "?")))}, and this page knows 1: reload the page, or publish it with a newer Runsheet`);
    if (!/^\w{8,40}$/.test(raw.run)) fail("it names no run");
    const ours = { site: sheet.site, event: event.id };
    for (const name in ours) if (raw[name] !== ours[name]) fail(`it is of the ${name} ${cut(text(raw[name]))}, not ${ours[name]}`);
    const book = load(raw.run), { log, snapshots } = book, before = log.size;
    list(raw.snapshots, 500).map(cleanSnapshot).forEach((one) => take(snapshots, nameOf(one), one));
    list(raw.log, 1e5).map(cleanEntry).forEach((one) => take(log, one.id, one));
    // What cannot be read is not kept.
    const theirs = fold(book);
    if (theirs.start?.value.run !== raw.run) fail("the start of the run is missing");
    if (isRunning() && state.run !== raw.run) {
      fail(`it is of the run ${nameOfRun(theirs)}, and here ${nameOfRun(state)} goes on: end that one to join the other`);
    }
    for (const one of [...snapshots.values(), ...log.values()]) put(raw.run, one);
    set(root, raw.run);
    refresh();
    write(say, `Opened: ${log.size - before} new in the log.`);
  } catch (what) {
    // An error of the browser's own speaks of the script: a value was of another kind.
    write(say, `The file is refused: ${what.stack ? "an entry is broken" : what}. Nothing has changed.`);
  }
}

function lineOf(one) {
  const { run, log, start } = one, name = nameOfRun(one);
  const remove = () => {
    if (!confirm(`Delete ${name} in this browser?`)) return;
    keys(`${root}:${run}:`).forEach(drop);
    if (get(root) === run) drop(root);
    refresh();
  };
  const saves = [button("Export", () => save("json", one)), button("Report", () => save("md", one))];
  return make("li.row", [`${name}, ${full(start.at)}, ${log.length} entries`, ...saves, button("Delete…", remove)]);
}
/** The runs that this browser keeps, but for the one that goes on. */
export function linesOfRuns() {
  const runs = new Set(keys(root + ":").map((key) => key.slice(root.length + 1).split(":")[0]));
  if (isRunning()) runs.delete(state.run);
  return [...runs].map((run) => fold(load(run))).filter((one) => one.start).map(lineOf);
}
