// Edits the sample's checklist at random, as people do during a run, builds each revision, and asks the script which tick goes where.
// No tick may land on another item, and items that nobody touched must keep theirs.
//
// Usage: node edits.mjs RUNSHEET PROJECT_FOLDER [SEED] [REVISIONS]
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { match } from "../../themes/default/source/run/match.js";
import { openBrowser } from "./browser.mjs";

const run = promisify(execFile);
const [program, project, seed = "20270213", revisions = "16"] = process.argv.slice(2);
if (!project) {
  console.error("usage: node edits.mjs RUNSHEET PROJECT_FOLDER [SEED] [REVISIONS]");
  process.exit(2);
}

// A small generator of numbers (mulberry32), so that a failure can be repeated.
let state = Number(seed) >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (count) => Math.floor(random() * count);
const pick = (list) => list[below(list.length)];

const WORDS = ("check compare restart database mirror console gateway operator certificate archive tunnel counter replica "
  + "journal window shift ledger sensor printer folder mailbox invoice warehouse terminal scanner cooling report backup").split(" ");
let uids = 0;

/** The lines of the sheet; each knows which line of the first version it comes from, and what was done to it. */
function read(text) {
  let code = false;
  return text.split("\n").map((words) => {
    const fence = /^\s*```/.test(words);
    if (fence) code = !code;
    return { words, uid: ++uids, code: code || fence, touched: false };
  });
}

const isTask = (line) => !line.code && /^\s*- \[ \] /.test(line.words);
const isTop = (line) => !line.code && /^- \[ \] /.test(line.words);
const isHeading = (line) => !line.code && /^#{2,4} /.test(line.words);

/** The lines of an item: its own, and the indented ones below. */
function block(lines, at) {
  let end = at + 1;
  while (end < lines.length && /^\s+\S/.test(lines[end].words)) end += 1;
  return [at, end];
}

const tops = (lines) => lines.flatMap((line, at) => (isTop(line) ? [at] : []));
const touch = (part) => part.map((line) => ({ ...line, touched: true }));

const EDITS = {
  delete(lines) {
    const [from, to] = block(lines, pick(tops(lines)));
    return [...lines.slice(0, from), ...lines.slice(to)];
  },
  insert(lines) {
    const [, to] = block(lines, pick(tops(lines)));
    const words = Array.from({ length: 4 + below(6) }, () => pick(WORDS)).join(" ");
    const line = { words: `- [ ] ${words} (owner: ops; ~${1 + below(9)}m)`, uid: ++uids, code: false, touched: true };
    return [...lines.slice(0, to), line, ...lines.slice(to)];
  },
  reword(lines) {
    const at = pick(tops(lines));
    const words = lines[at].words.split(" ");
    for (let count = 1 + below(3); count > 0; count -= 1) {
      const place = 3 + below(Math.max(1, words.length - 5));
      if (/[()`[\]<>_]/.test(words[place] ?? "(")) continue;
      if (random() < 0.4) words.splice(place, 1);
      else if (random() < 0.5) words.splice(place, 0, pick(WORDS));
      else words[place] = pick(WORDS);
    }
    const changed = words.join(" ");
    return lines.map((line, index) => (index === at && changed !== line.words ? { ...line, words: changed, touched: true } : line));
  },
  move(lines) {
    const [from, to] = block(lines, pick(tops(lines)));
    const part = touch(lines.slice(from, to));
    const rest = [...lines.slice(0, from), ...lines.slice(to)];
    const [, place] = block(rest, pick(tops(rest)));
    return [...rest.slice(0, place), ...part, ...rest.slice(place)];
  },
  duplicate(lines) {
    const [from, to] = block(lines, pick(tops(lines)));
    // A name may be there once only.
    const part = lines.slice(from, to).map((line) => {
      const words = line.words.replace(/; id: [\w-]+/, "").replace(/<!-- (?:id|var): [\w-]+ -->/g, "");
      return { ...line, words, uid: ++uids, of: line.of ?? line.uid, touched: true };
    });
    const place = random() < 0.5 ? to : block(lines, pick(tops(lines)))[1];
    return [...lines.slice(0, place), ...part, ...lines.slice(place)];
  },
  // What must not move a tick at all.
  retime(lines) {
    const at = pick(tops(lines));
    const words = lines[at].words.replace(/~(\d+)m/, (_, minutes) => `~${Number(minutes) + 1}m`);
    return lines.map((line, index) => (index === at ? { ...line, words } : line));
  },
  rename(lines) {
    const headings = lines.flatMap((line, at) => (isHeading(line) && !/stop|reverse|every|daily|gate|#\w/i.test(line.words) ? [at] : []));
    const at = pick(headings);
    const words = lines[at].words.replace(/([A-Za-z]+)(\s*(\(.*)?)$/, (_, word, rest) => `${word} ${pick(WORDS)}${rest}`);
    return lines.map((line, index) => (index === at ? { ...line, words } : line));
  },
};
const HOW_OFTEN = { delete: 4, insert: 6, reword: 14, move: 3, duplicate: 2, retime: 4, rename: 1 };

function revise(lines) {
  const share = 0.3 + random();
  for (const [name, often] of Object.entries(HOW_OFTEN)) {
    for (let count = Math.round(often * share); count > 0; count -= 1) lines = EDITS[name](lines);
  }
  return lines;
}

/** The checklist alone: other pages would only cost time, and links to them would break. */
async function makeProject() {
  const folder = await mkdtemp(join(tmpdir(), "runsheet-edits-"));
  await mkdir(join(folder, "content"));
  await cp(join(project, "themes"), join(folder, "themes"), { recursive: true });
  const config = await readFile(join(project, "runsheet.toml"), "utf8");
  await writeFile(join(folder, "runsheet.toml"), config.slice(0, config.indexOf("[links]")));
  return folder;
}

const first = read((await readFile(join(project, "content/docs/CUTOVER_CHECKLIST.md"), "utf8"))
  // What an edit may take away must not be named elsewhere.
  .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/; after: [\w-]+/g, ""));
const folder = await makeProject();
const browser = await openBrowser();
let failed = 0;
const fail = (text) => {
  failed += 1;
  if (failed <= 10) console.log(`FAILED  ${text}`);
};

try {
  const page = await browser.newPage();
  const versions = [];
  for (let number = 0; number <= Number(revisions); number += 1) {
    const base = number === 0 ? first : random() < 0.5 ? versions[0].lines : versions.at(-1).lines;
    const lines = number === 0 ? first : revise(base);
    await writeFile(join(folder, "content/checklist.md"), lines.map((line) => line.words).join("\n"));
    await run(resolve(program), ["--offline", "build", "--site-only", "-q"], { cwd: folder });
    await page.goto(pathToFileURL(join(folder, "public/checklist.html")).href);
    const entries = await entriesOf(page);
    const tasks = entries.filter((entry) => entry.kind === "task");
    const written = lines.filter(isTask);
    if (tasks.length !== written.length) fail(`revision ${number}: ${written.length} tasks are written, ${tasks.length} on the page`);
    // The tasks of the page stand in the order of the text.
    const lineOf = new Map(tasks.map((task, index) => [task.id, written[index]]));
    const idOf = new Map(tasks.map((task, index) => [written[index]?.uid, task]));
    versions.push({ lines, entries, lineOf, idOf });
  }

  const sums = { asked: 0, untouched: 0, kept: 0, same: 0, again: 0, lost: 0, guessed: 0 };
  for (const [older, before] of versions.entries()) {
    for (const [newer, after] of versions.entries()) {
      if (older === newer) continue;
      const found = match(before.entries, after.entries);
      judge(older, newer, before, after, found, sums);
    }
  }
  const share = sums.kept / sums.untouched;
  console.log(`edits: seed ${seed}, ${versions.length} revisions, ${sums.asked} ticks asked for: ${sums.same} stay, ${sums.again} again, ${sums.lost} gone; `
    + `of ${sums.untouched} untouched ${(100 * share).toFixed(2)} % stay; ${sums.guessed} of "again" point to another item`);
  if (!(share >= 0.99)) fail(`only ${(100 * share).toFixed(2)} % of the untouched items keep their tick`);
} finally {
  await browser.close();
  await rm(folder, { recursive: true });
}
if (failed) console.log(`edits: ${failed} failed`);
process.exitCode = failed ? 1 : 0;

/** What the page keeps of itself once a run has begun on it: its items and blanks. */
async function entriesOf(page) {
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await page.locator(".initials").fill("AB");
  await page.locator("#DESK button.start").last().click();
  return page.evaluate(() => {
    const key = Object.keys(localStorage).find((one) => one.includes(":@checklist.html@"));
    return JSON.parse(localStorage.getItem(key)).entries;
  });
}

function judge(older, newer, before, after, found, sums) {
  for (const [id, line] of before.lineOf) {
    sums.asked += 1;
    const [to, how] = found[id] ?? [];
    const target = to ? after.lineOf.get(to) : undefined;
    const now = after.idOf.get(line.uid);
    const was = before.entries.find((entry) => entry.id === id);
    if (how === "same") {
      sums.same += 1;
      const there = after.entries.find((entry) => entry.id === to);
      if (there.text !== was.text) fail(`${older}→${newer}: a tick of "${was.text}" stays green on "${there.text}"`);
      // A copy with the same words is the same item for whoever reads both versions, if the original is gone, says
      // something else now, or stands in another section, while the copy stands where the ticked one stood.
      const copied = target?.of === (line.of ?? line.uid) || target?.uid === line.of;
      const copy = copied && (now?.text !== was.text || (there.section === was.section && now.section !== was.section));
      if (target?.uid !== line.uid && !copy) fail(`${older}→${newer}: the tick of "${was.text}" goes to another line`);
    } else if (to) {
      sums.again += 1;
      if (target?.uid !== line.uid) sums.guessed += 1;
    } else {
      sums.lost += 1;
    }
    // Untouched: the line itself was never edited in either, and no twin of it came or went.
    const there = now && after.lineOf.get(now.id);
    const twins = (version) => version.entries.filter((entry) => entry.kind === "task" && entry.text === was.text).length;
    if (there && !line.touched && !there.touched && twins(before) === 1 && twins(after) === 1) {
      sums.untouched += 1;
      if (how === "same" && to === now.id) sums.kept += 1;
      else if (process.env.EDITS_DEBUG) console.log(`LOST ${older}→${newer} ${how} ${was.section} | ${now.section} | ${was.text}`);
    }
  }
}
