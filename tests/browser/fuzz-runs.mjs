// Opens run files that nobody would write: changed at random from a good one. What is refused has changed nothing and says why; what is
// opened is a run that can be shown, reported and opened again.
//
// Usage: node fuzz-runs.mjs RUNSHEET [SECONDS [SEED]]    With 0 seconds one round only
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { show } from "./page.mjs";
import { sourcesWithWords } from "./words.mjs";

const [program, seconds = "60", seed = String(Date.now() % 1e9)] = process.argv.slice(2);
if (!program) {
  console.error("usage: node fuzz-runs.mjs RUNSHEET [SECONDS [SEED]]");
  process.exit(2);
}

/** A sheet with all that can be recorded. */
const PROJECT = new URL("../cases/sheet-at-work/", import.meta.url).pathname;

/** Pseudo-random numbers from a seed. */
let state = Number(seed) >>> 0 || 1;
function below(limit) {
  state ^= state << 13;
  state >>>= 0;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return state % limit;
}
const one = (list) => list[below(list.length)];

const folder = mkdtempSync(join(tmpdir(), "runsheet-fuzz-runs-"));
for (const part of ["runsheet.toml", "content"]) cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
execFileSync(resolve(program), ["--offline", "build", "--site-only", "-q"], { cwd: folder });
const html = readFileSync(join(folder, "public/sheet.html"), "utf8");
rmSync(folder, { recursive: true });

const kept = show(html), source = sourcesWithWords(resolve(program));
process.on("exit", () => rmSync(source, { recursive: true }));
const { items, blanks } = await import(`${source}/sheet/plan.js`);
await import(`${source}/run/main.js`);
const { open } = await import(`${source}/run/archive.js`);
const { initials, say } = await import(`${source}/run/operator.js`);
const { csv, report } = await import(`${source}/run/report.js`);
const page = await import(`${source}/run/run.js`);
const { boxes, itemOf } = await import(`${source}/run/page.js`);

/** A run in which each kind of thing has been recorded, as a file. */
function good() {
  initials.value = "AB";
  page.start("live");
  for (const key of boxes.keys()) page.act("tick", key, { on: true });
  for (const item of items) {
    if (item.kind === "choice") page.act("choice", item.id, { answer: item.answers[0], decider: "lead" });
    if (item.kind === "alarm") page.act("alarm", item.id, { on: true, reason: "so many errors" });
  }
  for (const { id } of blanks) page.act("field", id, "17");
  page.act("undo", page.lastOwn().id);
  page.act("reverse", "", { reason: "back" });
  const { run, log, snapshots } = page.state, { site, event } = JSON.parse(document.querySelector("#SHEET").textContent);
  return { format: "runsheet-run", version: 1, site, event: event.id, run, exported: 0, snapshots: [...snapshots.values()], log };
}
function forget() {
  kept.clear();
  page.refresh();
}
const first = good(), KINDS = [...new Set(first.log.map(({ kind }) => kind))];
if (KINDS.length < 7) throw new Error(`the sample's run has only ${KINDS}`);

/** All places in a value: what holds each, and its name there. */
function places(value, found = []) {
  for (const name of Object.keys(value)) {
    found.push([value, name]);
    if (Object(value[name]) === value[name]) places(value[name], found);
  }
  return found;
}
const ODD = [
  null, true, false, 0, -1, 1.5, 1e300, -1e300, 8e12, 9007199254740993, "", " ", "\0\u001b[2J", "\u202e", "=1+1", "＝1+1", "@x", "-7200", "<b>x</b>",
  "| a | b |\n|---|", "`x`", "__proto__", "constructor", "toString", "x".repeat(4000), "x".repeat(4001), [], {}, [[]], [null], { length: 5 },
  "start", "end", "undo", "tick", "choice", "alarm", "field", "round", "reverse", "n0", "n1", "n9999", "n99999", "live", "2027-02-13T02:00:00Z",
];
const ROUNDS = ["@n1", "@n99999", "@+1800", "@-7200", "@+9e99", "@+999999999999999", "@-999999999999999", "@+NaN", "@", "@+Infinity", "@1d"];
function value() {
  const made = one(ODD);
  return Object(made) === made ? structuredClone(made) : made;
}
/** A file that differs from the good one in a few places. */
function changed() {
  const file = structuredClone(first);
  for (let left = 1 + below(6); left > 0; left -= 1) {
    const [within, name] = one(places(file)), any = one(file.log), entry = Object(any) === any && any;
    switch (below(8)) {
      case 0: delete within[name]; break;
      case 1: within[name] = value(); break;
      case 2: Object.defineProperty(within, one(["__proto__", "constructor", name]), { value: value(), enumerable: true, configurable: true, writable: true }); break;
      case 3: if (Array.isArray(file.log)) file.log.push({ ...entry, id: `x${below(50)}`, item: String(entry?.item) + one(ROUNDS) }); break;
      case 4: if (entry) entry.parents = [one(file.log)?.id, entry.id]; break;
      case 5: if (entry) entry.item = one(file.log)?.item; break;
      case 6: if (entry) entry.kind = one(KINDS); break;
      default: if (entry) entry.at = one([1, -1, 0, 8e12, 7.9e12, 1e15, Date.now(), 1.5]);
    }
    if (!Array.isArray(file.log) || !file.log.length || Object(file.log) !== file.log) return file;
  }
  return file;
}

const said = () => say.textContent;
const keep = () => JSON.stringify(Object.entries(kept).sort());
const read = (file) => open({ size: file.length, text: async () => file });
/** What must hold of a table for spreadsheets, and of a report in Markdown. */
function judge() {
  const table = csv(page.state), told = report(page.state);
  for (const cell of table.slice(1).split(/\r\n|,(?=(?:[^"]*"[^"]*")*[^"]*$)/)) {
    const bare = cell.replace(/^"/, "");
    if (/^[=+\-@＝＋－＠]/.test(bare) && !/^-\d+$/.test(bare)) throw new Error(`a formula in the table: ${cell}`);
  }
  if (/[<>]/.test(told)) throw new Error(`markup in the report: ${/.*[<>].*/.exec(told)[0]}`);
  const widths = new Set(told.split("## Steps")[1]?.split("\n## ")[0].split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.replace(/\\./g, "").split("|").length));
  if (widths.size > 1) throw new Error(`rows of other lengths in the report: ${[...widths]}`);
  if (document.querySelectorAll("main b, script:not([src]):not([type])").length) throw new Error("markup on the page");
  if (Object.keys(Object.prototype).length) throw new Error(`a property of all objects: ${Object.keys(Object.prototype)}`);
}

const counts = { opened: 0, refused: 0 }, reasons = new Map();
const begun = performance.now();
let slowest = 0;
let round = 0;
do {
  const at = state, two = [changed(), changed()].map((file) => JSON.stringify(file));
  try {
    forget();
    const before = keep(), from = performance.now();
    await read(two[0]);
    slowest = Math.max(slowest, performance.now() - from);
    if (/^File refused: /.test(said())) {
      counts.refused += 1;
      if (keep() !== before) throw new Error(`refused, and something has changed: ${said()}`);
      const reason = /^File refused: (.*)\. Nothing has changed\.$/.exec(said())?.[1];
      if (!reason || /undefined|null|function|iterable|property|Cannot|Invalid|\[object/.test(reason.replace(/(it belongs to|version) .*/, ""))) {
        throw new Error(`refused in words of the script: ${said()}`);
      }
      reasons.set(reason.slice(0, 30), (reasons.get(reason.slice(0, 30)) || 0) + 1);
    } else {
      if (!/^Opened: \d+ new/.test(said())) throw new Error(`neither opened nor refused: ${said()}`);
      counts.opened += 1;
      judge();
      const whole = keep();
      await read(two[0]);
      if (!said().startsWith("Opened: 0 new") || keep() !== whole) throw new Error(`opened twice, and it is not the same: ${said()}`);
      // Two that can each be opened are the same run in any order.
      const isOpened = async (file) => {
        await read(file);
        return said().startsWith("Opened");
      };
      const both = (await isOpened(two[1])) && [keep(), csv(page.state)];
      if (both) judge();
      forget();
      const isRight = !both || !(await isOpened(two[1])) || !(await isOpened(two[0])) || String([keep(), csv(page.state)]) === String(both);
      if (!isRight) throw new Error("in another order it is another run");
    }
  } catch (error) {
    console.log(`FAILED  round ${round}, seed ${at}: ${error.stack}`);
    console.log(`Run it again: node tests/browser/fuzz-runs.mjs ${program} 0 ${at}`);
    process.exit(1);
  }
  round += 1;
} while (performance.now() - begun < seconds * 1000);
console.log(`ok  ${round} rounds from seed ${seed} in ${seconds} s: ${counts.opened} files opened, ${counts.refused} refused; the slowest took ${slowest.toFixed(0)} ms`);
for (const [reason, count] of [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 10)) console.log(`        ${count} × ${reason}`);
process.exit((counts.opened && counts.refused) || seconds === "0" ? 0 : 1);
