// Runs the sample's cutover in Chromium as its operators would: a night with two browsers, a lost network, an edited sheet and a moved T-0.
//
// Usage: node run.mjs RUNSHEET PROJECT_FOLDER [NAMES]    Only the tests whose names match
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import axe from "axe-core";
import { fill } from "../../themes/default/source/run/command.js";
import { ABOUT_COLOUR, listen, openBrowser, serve, withoutWorker } from "./browser.mjs";

const run = promisify(execFile);
const [program, project, wanted = ""] = process.argv.slice(2);
if (!project) {
  console.error("usage: node run.mjs RUNSHEET PROJECT_FOLDER [NAMES]");
  process.exit(2);
}
const SHEET = "docs/cutover-checklist.html";
// The sample's T-0 is 2027-02-13T02:00Z.
const T0 = Date.UTC(2027, 1, 13, 2);
const at = (minutes) => new Date(T0 + minutes * 60_000);

const folder = await mkdtemp(join(tmpdir(), "runsheet-run-"));
for (const part of ["content", "themes", "examples", "docker", "runsheet.toml", "compose.production.yaml"]) {
  await cp(join(project, part), join(folder, part), { recursive: true });
}
const checklist = join(folder, "content/docs/CUTOVER_CHECKLIST.md");
const config = join(folder, "runsheet.toml");
const first = { checklist: await readFile(checklist, "utf8"), config: await readFile(config, "utf8") };
const build = () => run(resolve(program), ["--offline", "build", "--site-only", "-q"], { cwd: folder });
const edit = async (path, from, to) => {
  const text = await readFile(path, "utf8");
  if (!text.includes(from)) throw new Error(`the sample no longer holds ${from}`);
  await writeFile(path, text.replace(from, to));
};
async function restore() {
  await writeFile(checklist, first.checklist);
  await writeFile(config, first.config);
  await build();
}
await build();

const server = await serve(join(folder, "public"));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await openBrowser();
let failed = 0;

/** Opens the sheet in a profile of its own at a time of the night, and says how the test went. */
async function test(name, steps, { time = at(-30), options = {}, script, ignore = [], hash = "", address = `${origin}/${SHEET}` } = {}) {
  if (!new RegExp(wanted).test(name)) return;
  const faults = [];
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  try {
    if (script) await context.addInitScript(script);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    listen(page, new URL(address).origin, faults);
    await page.clock.install({ time });
    await page.goto(address + hash);
    await steps(page, (fine, what) => (typeof fine === "function" ? eventually(fine, what, faults) : fine || faults.push(what)), context);
  } catch (error) {
    faults.push(error.message.slice(0, 900));
  }
  await context.close();
  const told = faults.filter((fault) => !ignore.some((part) => fault.includes(part)));
  console.log(`${told.length ? "FAILED" : "ok"}  ${name}`);
  for (const fault of told) console.log(`        ${fault.replaceAll("\n", "\n        ")}`);
  if (told.length) failed += 1;
}

/** For what the page shows by itself after a moment: looks until it is so, and says what is seen if it never is. */
async function eventually(look, what, faults) {
  const end = Date.now() + 20_000;
  while (!(await look())) {
    if (Date.now() > end) return faults.push(typeof what === "string" ? what : await what());
    await new Promise((later) => setTimeout(later, 50));
  }
}

// What an operator sees and does. Each is over when the page has done it: a machine is faster than a hand.
const task = (page, words) => page.locator("li.task", { hasText: words }).last();
const box = (page, words) => task(page, words).locator("> input");
const stamp = (page, words) => task(page, words).locator("> .task-body > .stamp").first();
const blank = (page, id) => page.locator(`[data-blank="${id}"]`);
const desk = (page) => page.locator("#DESK");
/** The script of runs is there, and has shown the run. */
const isShown = (page) => page.locator("main .stamp").first().waitFor({ state: "attached" });
/** Files, the log and owners are folded away. */
async function unfold(page) {
  const fold = desk(page).locator("details").first();
  if (await fold.evaluate((one) => one.open)) return;
  await fold.locator("> summary").click();
  await desk(page).locator("details[open] button").first().waitFor();
}
async function press(page, words) {
  if (/Export|Steps|Report|Open a run|Print/.test(String(words))) await unfold(page);
  await desk(page).getByRole("button", { name: words }).first().click();
}
async function start(page, who, kind = "Start live run") {
  await page.locator(".initials").fill(who);
  await page.locator(".initials").blur();
  await press(page, kind);
  await desk(page).getByText(`by ${who}`).waitFor();
}
/** Trips the first stop condition, or clears it there. */
async function turn(page, yes, reason) {
  await page.locator("li.alarm").first().getByRole("button").click();
  await answer(page, yes, reason, "lead");
}
async function answer(page, yes, ...values) {
  const dialog = page.locator("dialog[open]");
  for (const [index, value] of values.entries()) if (value !== null) await dialog.locator("input").nth(index).fill(value);
  await dialog.getByRole("button", { name: yes, exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
}
async function cancel(page) {
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
}
async function fillIn(page, id, value) {
  await blank(page, id).fill(value);
  await blank(page, id).blur();
}
/** Decides at the gate below a heading. */
async function decide(page, heading, value, decider = "lead") {
  const gate = page.locator(`h2:has-text("${heading}"), h3:has-text("${heading}")`).locator("xpath=following::fieldset[1]");
  await gate.getByLabel(value, { exact: true }).click();
  await answer(page, "Record", decider);
}
async function download(page, name) {
  const [file] = await Promise.all([page.waitForEvent("download"), press(page, name)]);
  return readFile(await file.path(), "utf8");
}
async function open(page, file) {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), press(page, "Open a run file")]);
  await desk(page).locator(".desk-say").evaluate((one) => (one.textContent = ""));
  await chooser.setFiles({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(file) });
  await desk(page).locator(".desk-say").getByText(/^Opened|^File refused/).waitFor();
}
const text = (locator) => locator.innerText();
const has = async (locator, words) => (await text(locator)).includes(words);
async function reload(page) {
  await page.reload();
  await isShown(page);
}

/** The run as far as both browsers need it: at work, gates 1 and 2 decided. */
async function atWork(page, who = "AB") {
  await start(page, who);
  await decide(page, "Gate 1: continue", "GO");
  await decide(page, "Gate 2: start", "GO");
}

await test("a night: start, tick, fill, reconcile, decide, trip, undo, reload, offline, share, end", async (page, is, context) => {
  await box(page, "Set both locks").click();
  is(!(await box(page, "Set both locks").isChecked()), "a box takes a tick without a run");
  await atWork(page);
  is(await has(desk(page), "LIVE"), "the run is not shown as live");

  await page.clock.setSystemTime(at(3));
  await reload(page);
  await box(page, "Set both locks").click();
  is(await has(stamp(page, "Set both locks"), "02:03 AB"), `no time and initials: ${await text(stamp(page, "Set both locks"))}`);
  await fillIn(page, "NEW_IP", "300.1.2.3");
  is((await blank(page, "NEW_IP").getAttribute("aria-invalid")) === "true", "a wrong address is not marked");
  await fillIn(page, "NEW_IP", "203.0.113.10");
  is((await page.locator("var[data-var=NEW_IP]").first().innerText()) === "203.0.113.10", "the address is not in the commands");
  await task(page, "Take the freeze time").getByRole("button", { name: /^Now/ }).click();
  is((await blank(page, "FREEZE_AT").inputValue()) .replace(/\d\dZ$/, "") === "2027-02-13T02:03:", `now gave ${await blank(page, "FREEZE_AT").inputValue()}`);

  const counts = page.locator("table", { hasText: "Source count" });
  const users = counts.locator("tr", { hasText: "users" });
  for (const [index, value] of ["1200", "1197"].entries()) {
    await users.locator("input").nth(index).fill(value);
    await users.locator("input").nth(index).blur();
  }
  is(await has(users.locator("output"), "differs by 3"), `reconciliation says ${await text(users.locator("output"))}`);
  await users.locator("input").nth(1).fill("1200");
  await users.locator("input").nth(1).blur();
  is(await has(users.locator("output"), "match"), "equal counts do not match");

  await page.clock.setSystemTime(at(96));
  await box(page, "On the app host, let readings in").click();
  is(await page.locator("dialog[open]").isVisible(), "an item behind an open gate can be ticked without a word");
  await cancel(page);
  await decide(page, "Gate 3: point of no return", "GO");
  await box(page, "On the app host, let readings in").click();
  is(await box(page, "On the app host, let readings in").isChecked(), "the gate is decided and does not let pass");

  const alarm = page.locator("li.alarm", { hasText: "any hard stop of the table" });
  await alarm.getByRole("button").click();
  await answer(page, "Trip", "Gate 3 was late", "lead");
  is(await has(page.locator(".banner.bad").first(), "Gate 3 was late"), "no banner of the alarm");
  await alarm.getByRole("button").click();
  await answer(page, "Clear", "decided in time after all", "lead");
  is((await page.locator(".banner.bad").count()) === 0, "the banner stays");

  await box(page, "Compare five sensors").click();
  await press(page, /^Undo/);
  is(!(await box(page, "Compare five sensors").isChecked()), "undo took nothing back");
  await reload(page);
  is(await box(page, "Set both locks").isChecked(), "a tick does not outlive a reload");
  is((await blank(page, "NEW_IP").inputValue()) === "203.0.113.10", "a field does not outlive a reload");

  await page.waitForFunction(() => navigator.serviceWorker?.controller);
  await context.setOffline(true);
  await reload(page);
  is(await box(page, "Set both locks").isChecked(), "offline the run is gone");
  await box(page, "Save the prepared change set").click();
  is(await box(page, "Save the prepared change set").isChecked(), "offline nothing can be ticked");
  await page.getByText("Offline: this is the saved copy. Saved for offline use").waitFor();
  await context.setOffline(false);
  const mine = await download(page, "Export run");

  const other = await browser.newContext({ acceptDownloads: true });
  const second = await other.newPage();
  second.setDefaultTimeout(6000);
  await second.clock.install({ time: at(100) });
  await second.goto(`${origin}/${SHEET}`);
  await second.locator(".initials").fill("CD");
  await second.locator(".initials").blur();
  await open(second, mine);
  is(await box(second, "Set both locks").isChecked(), "the second browser does not have the first one's ticks");
  await box(second, "On the operations host, ask every authoritative server").click();
  await fillIn(second, "RELEASE_TAG", "v2.0.1");
  const theirs = await download(second, "Export run");
  await other.close();

  await fillIn(page, "RELEASE_TAG", "v2.0.0");
  await open(page, theirs);
  await open(page, theirs);
  is(await box(page, "On the operations host, ask every authoritative server").isChecked(), "the other's tick is not merged");
  is(await has(stamp(page, "On the operations host, ask every authoritative server"), "CD"), "it does not say whose tick it is");
  is((await has(task(page, "The release under test"), "v2.0.0")) && (await has(task(page, "The release under test"), "v2.0.1")), "two values of one field are not both shown");
  await task(page, "The release under test").getByRole("button", { name: /Keep.*v2\.0\.1/ }).click();
  is((await blank(page, "RELEASE_TAG").inputValue()) === "v2.0.1", "a choice between two values does not hold");
  await open(page, theirs.replaceAll(JSON.parse(theirs).run, "0123456789abcdef"));
  is(/refused/.test(await text(desk(page))), "a file of another run is taken");
  const forged = JSON.parse(theirs);
  forged.log.find((one) => one.kind === "start").value.t0 = 7e15;
  await open(page, JSON.stringify(forged));
  is(/refused/.test(await text(desk(page))), "a file with an impossible date is taken");
  const ticked = JSON.parse(mine).log.find((one) => one.kind === "tick" && one.value.on);
  await open(page, JSON.stringify({ ...JSON.parse(mine), log: [...JSON.parse(mine).log, { ...ticked, id: [ticked.id], value: { on: false } }] }));
  is(/refused/.test(await text(desk(page))), "a file whose ids are no texts is taken");
  const hostile = "<img src=x onerror=document.body.remove()>";
  const told = JSON.parse(theirs);
  told.log.push({ ...told.log.find((one) => one.kind === "field"), id: "hostile1", by: hostile, value: hostile, parents: [] });
  await open(page, JSON.stringify(told));
  is((await page.locator("img[src=x]").count()) === 0 && (await page.locator("body").count()) === 1, "a text of a file becomes markup");
  await reload(page);
  is(await box(page, "Set both locks").isChecked(), "a refused file has changed the run");
  // What a forged file may hold without an end or a name: it must not stop the sheet, and what is tripped can be cleared.
  const forger = JSON.parse(theirs), [begin] = forger.log, loop = { ...begin, at: begin.at + 1, parents: [] };
  const stop = forger.snapshots.flatMap((one) => one.entries).find((one) => one.kind === "alarm").id;
  const reason = { on: true, reason: "forged", decider: "x" };
  await open(page, JSON.stringify({ ...forger, snapshots: [{ ...forger.snapshots[0], version: "old" }] }));
  await open(page, JSON.stringify({ ...forger, snapshots: [], log: [
    begin,
    { ...loop, id: "proto1", version: "old", kind: "tick", item: "constructor", value: { on: true } },
    { ...loop, id: "loop1", kind: "alarm", item: "loop1", value: reason },
    { ...loop, id: "loop2", kind: "undo", item: "loop3", value: null },
    { ...loop, id: "loop3", kind: "undo", item: "loop2", value: null },
    { ...loop, id: "line1\n", kind: "alarm", item: stop, value: reason },
  ] }));
  await reload(page);
  is(await has(desk(page), "LIVE"), "a forged file stops the sheet for good");
  for (let count = 0; count < 2; count += 1) {
    await page.locator(".banner.bad").first().getByRole("button", { name: "Clear" }).click();
    await answer(page, "Clear", "forged", "lead");
  }
  is((await page.locator(".banner.bad").count()) === 0, "a forged alarm cannot be cleared");

  await press(page, "End run");
  await answer(page, "End run");
  is(await has(desk(page), "ended"), "the run does not end");
  await box(page, "Start the old scheduled jobs").click({ force: true });
  is(!(await box(page, "Start the old scheduled jobs").isChecked()), "an ended run can be changed");
  const report = await download(page, "Report");
  for (const part of ["live run", "Gate 3 was late", "v2.0.1", "CD", "AB", "Taken back", "2027"]) is(report.includes(part), `the report lacks ${part}`);
  const table = await download(page, "Steps as CSV");
  is(table.split("\r\n").length > 140 && table.includes("Set both locks"), "the table of steps is not whole");
});

/** How many scripts of runs a page has taken in. */
const scripts = (page) => page.locator('script[src*="/run."]').count();
const alone = {
  options: { permissions: ["clipboard-read", "clipboard-write"] },
  // A worker would bring the script from what it keeps.
  script: withoutWorker,
};
const SCRIPT = /\/assets\/run\./;
async function late(route) {
  await new Promise((later) => setTimeout(later, 400));
  await route.continue();
}
/** Holds the script of runs back until it is let go, however long a machine takes for what is done meanwhile. */
async function hold(page) {
  let letGo;
  const gate = new Promise((done) => (letGo = done));
  await page.route(SCRIPT, async (route) => {
    await gate;
    await route.continue();
  });
  return letGo;
}

for (const [name, act, said] of [
  ["a tick", (page) => box(page, "Set both locks").click(), "No run: start one to tick"],
  ["a choice", (page) => page.locator("fieldset.gate input").first().click(), "No run: start one to tick"],
  ["a value", (page) => blank(page, "NEW_IP").pressSequentially("1"), "No run: start one to tick"],
  ["a start", (page) => press(page, "Start live run"), "Write your initials first"],
  ["the files", (page) => unfold(page), ""],
  ["a command with a value", (page) => page.locator(".code", { hasText: "--resolve" }).first().getByRole("button").click(), ""],
]) {
  await test(`who only reads loads no script of runs; ${name} does, and nothing gets past it`, async (page, is) => {
    await page.waitForTimeout(300);
    is((await scripts(page)) === 0, "it is loaded without a need");
    await page.evaluate(() => navigator.clipboard.writeText("nothing"));
    await page.route(SCRIPT, late);
    await act(page);
    await page.locator("main .stamp").first().waitFor({ state: "attached" });
    await page.waitForTimeout(300);
    is((await scripts(page)) === 1, `it is loaded ${await scripts(page)} times`);
    is((await page.locator("main :is(.task > input:not([disabled]), .gate input):checked").count()) === 0, "something is ticked");
    is((await blank(page, "NEW_IP").inputValue()) === "", "a value is taken");
    is((await page.evaluate(() => navigator.clipboard.readText())) === "nothing", "a command without its value is copied");
    await is(() => has(desk(page).locator(".desk-say"), said), async () => `it says: ${await text(desk(page).locator(".desk-say"))}`);
    if (name === "the files") await is(() => desk(page).locator("details").first().evaluate((one) => one.open), "the files stay folded");
    if (name === "a command with a value") {
      await is(() => has(page.locator("main"), "has no value"), "it does not say that a value is missing");
    }
  }, alone);
}

await test("the script of runs does not come: it is said, and once it comes the run starts, or goes on", async (page, is) => {
  const say = desk(page).locator(".desk-say");
  await page.route(SCRIPT, (route) => route.abort());
  await page.locator(".initials").fill("AB");
  await press(page, "Start live run");
  await page.getByText("The script for runs could not be loaded").waitFor();
  await page.unroute(SCRIPT);
  let letGo = await hold(page);
  await press(page, "Start live run");
  await press(page, "Start live run");
  letGo();
  await desk(page).getByText("started").waitFor();
  const starts = await page.evaluate(() => Object.values(localStorage).filter((one) => one.includes('"kind":"start"')).length);
  is(starts === 1, `pressed twice while it waits, it starts ${starts} runs`);
  await page.unroute(SCRIPT);
  is(await has(desk(page), "by AB"), `initials from before are gone: ${await text(desk(page))}`);
  await box(page, "Publish the advance notice").click();
  await fillIn(page, "RELEASE_TAG", "v1");

  await page.route(SCRIPT, (route) => route.abort());
  await page.reload();
  await is(() => has(desk(page), "A run is saved in this browser"), "a page without the script looks as if there were no run");
  await is(() => has(say, "could not be loaded"), "it does not say that the script is missing");
  is(!(await desk(page).locator(".start").first().isVisible()), "a second run can be started");
  await page.unroute(SCRIPT);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await desk(page).getByText("by AB").waitFor();
  is(await box(page, "Publish the advance notice").isChecked(), "the tick from before is gone");
  letGo = await hold(page);
  await page.reload({ waitUntil: "domcontentloaded" });
  // Nobody sees yet what is ticked.
  await box(page, "Publish the advance notice").click();
  letGo();
  await page.getByText("Ready. Please press it again.").waitFor();
  is(await box(page, "Publish the advance notice").isChecked(), "what was pressed before the run was seen unticks");
  is(await blank(page, "RELEASE_TAG").inputValue() === "v1", "the value from before is gone");
  await page.unroute(SCRIPT);
  letGo = await hold(page);
  await page.reload({ waitUntil: "domcontentloaded" });
  await blank(page, "RELEASE_TAG").pressSequentially("20", { delay: 5 });
  letGo();
  await page.getByText("Ready. Please press it again.").waitFor();
  await page.keyboard.type("412");
  is(await blank(page, "RELEASE_TAG").inputValue() === "v1", `a part of a value is taken: ${await blank(page, "RELEASE_TAG").inputValue()}`);
  await box(page, "The status page loads from a phone").click();
  await stamp(page, "The status page loads from a phone").getByText("AB").waitFor();
}, { ...alone, ignore: ["ERR_FAILED"] });

await test("a start that failed is not made up for later", async (page, is) => {
  await page.route(SCRIPT, (route) => route.abort());
  await page.locator(".initials").fill("AB");
  await press(page, "Start live run");
  await page.getByText("The script for runs could not be loaded").waitFor();
  await page.unroute(SCRIPT);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.locator("main .stamp").first().waitFor({ state: "attached" });
  await page.waitForTimeout(200);
  is(await has(desk(page), "No run: start one"), `without a press it says: ${await text(desk(page))}`);
  await press(page, "Start live run");
  await desk(page).getByText("by AB").waitFor();
}, { ...alone, ignore: ["ERR_FAILED"] });

await test("what a browser has ticked by itself does not stay", async (page, is) => {
  await page.waitForTimeout(300);
  is((await scripts(page)) === 0, "the script is loaded without a need");
  await box(page, "Publish the advance notice").evaluate((one) => (one.checked = true));
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await page.locator("main .stamp").first().waitFor({ state: "attached" });
  is(!(await box(page, "Publish the advance notice").isChecked()), "it looks done");
}, alone);

await test("another tab starts a run: this one shows it", async (page, is, context) => {
  const other = await context.newPage();
  await other.clock.install({ time: at(-30) });
  await other.goto(`${origin}/${SHEET}`);
  await start(other, "AB");
  await desk(page).getByText("by AB").waitFor();
  await is(() => has(page.locator(".progress-line"), "LIVE"), "it is not shown as live");
});

await test("the site is dead and the browser calls itself online: the saved copy, told as one until the next good answer", async (page, is) => {
  const told = page.getByText("Offline: this is the saved copy");
  await page.waitForFunction(() => navigator.serviceWorker?.controller);
  await page.getByText("Saved for offline use").waitFor();
  is(!(await told.isVisible()), "the first visit is called a copy");
  server.dead = true;
  try {
    await page.reload();
    is(await page.evaluate(() => navigator.onLine), "the browser knows that it is offline: this shows nothing");
    await told.waitFor();
  } finally {
    server.dead = false;
  }
  await page.reload();
  await page.getByText("Saved for offline use").waitFor();
  is(!(await told.isVisible()), "a fresh page is called a copy");
}, { ignore: ["net::ERR_EMPTY_RESPONSE", "not loaded:"] });

await test("what keeps its name is asked for anew, and the last answer is kept", async (page, is) => {
  const calendar = SHEET.replace(/html$/, "ics"), path = join(folder, "public", calendar), before = await readFile(path, "utf8");
  const read = () => page.evaluate((url) => fetch(url).then((answer) => answer.text()), `${origin}/${calendar}`);
  await page.waitForFunction(() => navigator.serviceWorker?.controller);
  is((await read()) === before, "it is not there");
  await writeFile(path, before.replace("VERSION:2.0", "VERSION:2.1"));
  is((await read()).includes("VERSION:2.1"), "the kept one stands before the newer one");
  server.dead = true;
  try {
    is((await read()).includes("VERSION:2.1"), "without the site the last answer is not shown");
  } finally {
    server.dead = false;
    await writeFile(path, before);
  }
}, { ignore: ["net::ERR_EMPTY_RESPONSE", "not loaded:"] });

await test("files of three people merge in any order to the same run", async (page, is) => {
  await atWork(page, "A");
  const base = await download(page, "Export run");
  /** What a profile shows after it has opened these files. */
  const profile = async (files, act) => {
    const context = await browser.newContext({ acceptDownloads: true });
    const other = await context.newPage();
    other.setDefaultTimeout(6000);
    await other.clock.install({ time: at(5) });
    await other.goto(`${origin}/${SHEET}`);
    for (const file of files) await open(other, file);
    await act?.(other);
    const shown = await other.evaluate(() => ({
      ticked: [...document.querySelectorAll("li.task > input:checked")].map((one) => one.id),
      stamps: [...document.querySelectorAll(".stamp")].map((one) => one.innerText).filter(Boolean),
      fields: [...document.querySelectorAll("input.blank")].map((one) => one.value),
    }));
    const file = await download(other, "Export run");
    await context.close();
    return { file, shown, log: JSON.parse(file).log.map((one) => JSON.stringify(one)).sort() };
  };
  const by = (who, ...steps) => (other) => steps.reduce((before, step) => before.then(() => step(other)), Promise.resolve()
    .then(() => other.locator(".initials").fill(who)).then(() => other.locator(".initials").blur()));
  const b = await profile([base], by("B", (other) => box(other, "Set both locks").click(), (other) => fillIn(other, "RELEASE_TAG", "v1")));
  const c = await profile([base], by("C", (other) => box(other, "Prove both locks").click(), (other) => fillIn(other, "RELEASE_TAG", "v2"), (other) => box(other, "Set both locks").click()));
  await box(page, "Prove it through the API").click();
  const a = await download(page, "Export run");
  const files = [a, b.file, c.file];
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  const merged = [];
  for (const order of orders) merged.push(await profile(order.map((number) => files[number])));
  const all = new Set(files.flatMap((file) => JSON.parse(file).log.map((one) => one.id)));
  for (const [index, one] of merged.entries()) {
    is(one.log.length === all.size, `order ${orders[index]}: ${one.log.length} of ${all.size} entries`);
    is(JSON.stringify([one.log, one.shown]) === JSON.stringify([merged[0].log, merged[0].shown]), `order ${orders[index]} shows another run`);
  }
  is(merged[0].shown.ticked.length === 3, `${merged[0].shown.ticked.length} of 3 are ticked`);
  const conflict = merged[0].shown.stamps.find((one) => one.includes("Conflict")) ?? "";
  is(conflict.includes("v1") && conflict.includes("v2"), `two values of one field: ${conflict}`);
});

await test("the sheet is edited during the run: exact text stays, changed text is asked again, what is gone is kept in the report", async (page, is) => {
  await atWork(page);
  await box(page, "Set both locks").click();
  await box(page, "Prove both locks").click();
  await box(page, "Prove it through the API").click();
  await box(page, "Run the export").click();
  await page.locator("li.alarm", { hasText: "any hard stop of the table" }).getByRole("button").click();
  await answer(page, "Trip", "Gate 3 was late", "lead");
  is(await has(page.locator("[role=alert]"), "Gate 3 was late"), "a tripped alarm is not spoken");
  await edit(checklist, /- \*\*Lateness\*\*: any hard stop of the table.*\n/.exec(await readFile(checklist, "utf8"))[0], "");
  await edit(checklist, "- [ ] On the word \"freeze\"", "- [ ] Say the number of the step (owner: lead; ~1m)\n- [ ] On the word \"freeze\"");
  await edit(checklist, "two writes that touch no row must fail", "two writes that touch no row have to fail");
  await edit(checklist, /- \[ \] Prove it through the API[\s\S]*?(?=- \[ \] Prove it with the test gateway)/.exec(await readFile(checklist, "utf8"))[0], "");
  await edit(checklist, "### Step 1: Freeze the old platform (T+0:00, ~10m, dba)", "### Step 1: Freeze the old platform (T+0:00, ~12m, dba)");
  await build();
  await reload(page);
  is(await box(page, "Set both locks").isChecked(), "an inserted line moved a tick");
  is(!(await box(page, "Say the number of the step").isChecked()), "a new item is ticked");
  is(!(await box(page, "Prove both locks").isChecked()), "a changed text stays green");
  is(await has(task(page, "Prove both locks"), "confirm again"), "a changed text is not asked again");
  is(await box(page, "Run the export").isChecked(), "an item of another section lost its tick");
  await box(page, "Prove both locks").click();
  is(await box(page, "Prove both locks").isChecked(), "it cannot be confirmed");
  const report = await download(page, "Report");
  is(/No longer on the sheet[\s\S]*Prove it through the API/.test(report), "what is gone is not in the report");
  const banner = page.locator(".banner.bad");
  is(await has(banner, "Gate 3 was late"), "an alarm whose stop condition is gone is no longer shown");
  await banner.getByRole("button", { name: "Clear" }).click();
  await answer(page, "Clear", "the condition was dropped", "lead");
  is((await banner.count()) === 0, "an alarm whose stop condition is gone cannot be cleared");
  await reload(page);
  is((await banner.count()) === 0, "it is back after a reload");
});
await restore();

await test("T-0 is moved during the run: ticks stay, both plans are shown", async (page, is) => {
  await atWork(page);
  await box(page, "Set both locks").click();
  await edit(config, "t0 = 2027-02-13T02:00:00", "t0 = 2027-02-13T03:00:00");
  await build();
  await reload(page);
  is(await box(page, "Set both locks").isChecked(), "the tick is gone");
  is(await has(page.locator(".banner", { hasText: "T-0 has moved" }), "03:00"), "no word of the moved T-0");
  const when = page.locator("h3", { hasText: "Step 3: Export" }).locator("xpath=following-sibling::p[contains(@class,'when')][1]");
  is((await has(when, "03:20")) && (await has(when, "was 02:20")), `planned times: ${await text(when)}`);
});
await restore();

await edit(config, "t0 = 2027-02-13T02:00:00", "t0 = 2027-10-31T00:30:00");
await build();
await test("in the night when the clocks go back, ticks an hour apart are told apart", async (page, is) => {
  await atWork(page);
  await box(page, "Set both locks").click();
  is(await has(stamp(page, "Set both locks"), "01:15 AB"), `first: ${await text(stamp(page, "Set both locks"))}`);
  await page.clock.setSystemTime(Date.UTC(2027, 9, 31, 1, 15));
  await box(page, "Prove both locks").click();
  is(await has(stamp(page, "Prove both locks"), "01:15 GMT AB"), `second: ${await text(stamp(page, "Prove both locks"))}`);
}, { time: Date.UTC(2027, 9, 31, 0, 15) });
await restore();

await test("how late: next step, forecast of later steps and of the end", async (page, is) => {
  await atWork(page);
  for (const words of ["Everyone named in Roles", "Ask all roles for a last"]) await box(page, words).click();
  await page.clock.setSystemTime(at(25));
  await reload(page);
  await box(page, "On the word \"freeze\"").click();
  const when = page.locator("h3", { hasText: "Step 3: Export" }).locator("xpath=following-sibling::p[contains(@class,'when')][1]");
  is(/forecast 02:\d\d \(\+\d+ min\)/.test(await text(when)), `no forecast: ${await text(when)}`);
  is(/\d+ min late/.test(await text(page.locator(".progress-line"))), `it does not say how late it is: ${await text(page.locator(".progress-line"))}`);
  is((await page.locator(".now-line").count()) === 1, "no line for now");
});

await test("rounds, the way back, owners, copied commands", async (page, is) => {
  await atWork(page);
  await decide(page, "Gate 3: point of no return", "GO");
  await decide(page, "Step 10: Open", "OPEN");
  const round = page.locator("table.rounds").first().locator("tbody tr").nth(1);
  await round.locator("input").first().click();
  is(await round.locator("input").first().isChecked(), "a round cannot be ticked");
  await page.emulateMedia({ media: "print" });
  is(await round.locator(".stamp-when").first().isVisible(), "on paper it is not said when a round was ticked, and by whom");
  await page.emulateMedia({ media: "screen" });
  is(!(await page.locator("table.rounds").first().locator("tbody tr").nth(2).locator("input").first().isChecked()), "another round is ticked too");
  await press(page, "Reverse track");
  is(await has(page.locator("dialog[open]"), "point of no return"), "it does not say that the point of no return is passed");
  await answer(page, "Start the reverse track", "readings are missing", "lead");
  const back = page.locator("h3", { hasText: "R+0:10" }).locator("xpath=following-sibling::p[contains(@class,'when')][1]");
  is(await has(back, "01:40"), `the way back has no times: ${await text(back)}`);
  await unfold(page);
  await desk(page).locator("select").selectOption("comms");
  is(!(await box(page, "Set both locks").isVisible()) && (await box(page, "Ask all roles").isVisible()) === false, "other owners' tasks are shown");
  await desk(page).locator("select").selectOption({ index: 0 });
  await page.evaluate(() => navigator.clipboard.writeText("nothing"));
  const code = page.locator(".code", { hasText: "--resolve" }).first();
  await code.getByRole("button").click();
  await is(() => blank(page, "NEW_IP").evaluate((one) => one === document.activeElement), "the missing field is not shown");
  is((await page.evaluate(() => navigator.clipboard.readText())) === "nothing", "a command without its value is copied");
  await fillIn(page, "NEW_IP", "300.1.2.3");
  await code.getByRole("button").click();
  await page.waitForTimeout(300);
  is((await page.evaluate(() => navigator.clipboard.readText())) === "nothing", "a command with a wrong value is copied");
  const deploy = page.locator(".code", { hasText: "deploy.sh" }).first();
  await fillIn(page, "RELEASE_TAG", "$(touch x) 'y'");
  await deploy.getByRole("button").click();
  await is(() => has(task(page, "The release under test"), "quote $RELEASE_TAG by hand"), "it does not say that the value must be quoted by hand");
  is((await page.evaluate(() => navigator.clipboard.readText())) === "nothing", "a value that only a person can quote is copied");
  await fillIn(page, "RELEASE_TAG", "v2.0.1");
  await deploy.getByRole("button").click();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await is(async () => (await copied()).includes('"refs/tags/v2.0.1" && ./scripts/preflight.sh && ./scripts/deploy.sh "v2.0.1" &&'), async () => `a value is not filled in: ${await copied()}`);
}, { options: { permissions: ["clipboard-read", "clipboard-write"] } });

await test("a value reaches a command as one word, or is not copied", async (page, is) => {
  const hostile = ["a b", "$(touch x)", "`touch x`", "'; touch x; '", "it's", "\"", "\\", "!!", "#x", "*", "~", "x\" y"];
  const commands = ["printf '%s\\n' ", "printf %s\\\\n\t", "# first\nprintf %s ", "# don't\nprintf %s ", "printf %s \"", "printf %s $", "cat <<X\n", "printf %s $(printf %s ",
    "printf %s -- --name=", "printf %s ${A:-", "printf %s "];
  for (const before of commands) {
    for (const value of hostile) {
      for (const behind of ["\n", "\"\n", "'\n", "/end\n"]) {
        const { text: command, stuck } = fill([before, behind], [value]);
        if (command === undefined) { is(stuck === 0, "it does not say which value"); continue; }
        const said = (await run("sh", ["-c", command])).stdout;
        is(said.endsWith(value + behind.trim()), `${command} says ${said}`);
      }
    }
  }
  is(fill(["printf %s ", " ", "\n"], ["a b", "c d"]).text === "printf %s 'a b' 'c d'\n", "two values do not both go in");
  is(fill(["x \"", "\" ", "\n"], ["v1.0", "a b"]).stuck === 1, "behind a quote a value goes in");
  is(fill(["x ", "\n"], [""]).stuck === 0, "a missing value goes in");
});

await test("with the keyboard alone", async (page, is) => {
  const tab = async (wanted, most = 400) => {
    for (let count = 0; count < most; count += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((selector) => document.activeElement.matches(selector), wanted)) return true;
    }
    return false;
  };
  is(await tab(".initials"), "the initials cannot be reached");
  await page.keyboard.type("KB");
  is(await tab("button.start"), "the start cannot be reached");
  await page.keyboard.press("Enter");
  await desk(page).getByText("by KB").waitFor();
  is(await tab("li.task > input"), "no box can be reached");
  const before = await page.evaluate(() => document.activeElement.id);
  await page.keyboard.press("Space");
  is(await page.evaluate((id) => document.getElementById(id).checked, before), "space does not tick");
  await page.keyboard.press("ArrowDown");
  const after = await page.evaluate(() => document.activeElement.id);
  is(after !== before && after.startsWith("task:"), "the arrow does not go to the next box");
  const hidden = await page.evaluate(() => {
    const { left, top, width, height } = document.activeElement.getBoundingClientRect();
    const there = document.elementFromPoint(left + width / 2, top + height / 2);
    return there !== document.activeElement;
  });
  is(!hidden, "the focused box is under something");
});

for (const [name, options] of [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }], ["forced colours", { forcedColors: "active" }], ["320 px", { viewport: { width: 320, height: 640 } }]]) {
  await test(`a running sheet, ${name}: no fault of accessibility, no sideways scrolling`, async (page, is) => {
    await atWork(page);
    await box(page, "Set both locks").click();
    await fillIn(page, "NEW_IP", "wrong");
    await page.locator("li.alarm").first().getByRole("button").click();
    await page.evaluate(axe.source);
    const runOnly = options.colorScheme === "dark" || options.forcedColors ? ABOUT_COLOUR : undefined;
    const look = async (where) => {
      const { violations, passes } = await page.evaluate((runOnly) => axe.run(document, { runOnly, resultTypes: ["violations"] }), runOnly);
      is(passes.length > 0, `axe${where}: it has looked at nothing`);
      for (const { id, help, nodes } of violations) is(false, `axe${where}: ${id} (${nodes.length}): ${help}: ${nodes[0].target} ${nodes[0].failureSummary}`);
    };
    await look(" with a dialog");
    await answer(page, "Trip", "errors above the limit", "lead");
    await look("");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    is(wide <= 0, `the page is ${wide} px too wide`);
    const small = await page.evaluate(() => [...document.querySelectorAll("#DESK button, #DESK select, #DESK input, .task > input, .now, li.alarm button")]
      .filter((one) => one.offsetParent && one.type !== "file" && (one.getBoundingClientRect().width < 24 || one.getBoundingClientRect().height < 24)).map((one) => one.outerHTML.slice(0, 80)));
    is(small.length === 0, `smaller than 24 px: ${small.slice(0, 3).join(" ")}`);
  }, { options });
}

await test("with storage blocked the run goes on in memory, and says so", async (page, is) => {
  await start(page, "NO");
  await box(page, "Publish the advance notice").click();
  is(await box(page, "Publish the advance notice").isChecked(), "nothing can be ticked");
  is(await page.getByText("This browser cannot save the run: export it").isVisible(), "it does not say that nothing is kept");
}, { script: () => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("blocked", "SecurityError"); } }), ignore: ["Service Worker"] });

await test("without a script the sheet reads", async (page, is) => {
  is((await page.locator("li.task").count()) > 100 && (await page.locator(".when time").count()) > 50, "tasks or times are missing");
  is(await has(page.locator("body"), "Ticks are saved only with JavaScript"), "it does not say that ticks are not saved");
}, { options: { javaScriptEnabled: false } });

// Mails cannot go without a date, so this project has none.
await writeFile(config, first.config.slice(0, first.config.indexOf("[links]")).replace(/^(t0|time_zone|show_zones) = .*\n/gm, ""));
await rm(join(folder, "content"), { recursive: true });
await mkdir(join(folder, "content/docs"), { recursive: true });
await writeFile(checklist, first.checklist.replace(/\[([^\]]*)\]\([^)]*\.md[^)]*\)/g, "$1"));
await build();
await test("without T-0 a date can be tried, and it is marked as a preview", async (page, is) => {
  is(await has(page.locator("body"), "PREVIEW"), "a preview is not marked");
  const when = page.locator("h2", { hasText: "T-14d: Announce" }).locator("xpath=following-sibling::p[contains(@class,'when')][1]");
  is(await has(when, "13 Mar 10:00"), `no times: ${await text(when)}`);
  await start(page, "AB");
  const file = JSON.parse(await download(page, "Export run"));
  is(!JSON.stringify(file).includes("2027-03-27") && file.log.find((one) => one.kind === "start").value.t0 === null, "the preview is part of the run");
}, { options: { timezoneId: "Europe/London" }, hash: "#t0=2027-03-27T10:00" });

// A night of two sheets, small enough to have each kind of round, gate and field once. Its T-0 is 2027-03-06T08:00Z.
const small = await mkdtemp(join(tmpdir(), "runsheet-small-"));
const SMALL = `[site]
title = "Small"
[events.e]
name = "E"
t0 = 2027-03-06T08:00:00
time_zone = "Europe/London"
window = "4h"
[events.e.roles]
ops = "Ops"
lead = "Lead"
`;
const A = `---
title: Main sheet
kind: checklist
---
# Main sheet

## T-2h to T-0: Prepare (ops)

- [ ] Every 30 min: look at the queue
- [ ] Prepare it (~10m)

### Hourly

- [ ] Read the lag

## Gate: go or no-go (T-0, lead)

Decision: [ ] NO-GO [ ] GO

## T-0 to T+4h: Move (ops)

- [ ] Move it (~10m)
- [ ] Write down the freeze time: _____ <!-- var: FREEZE -->
- [ ] Write down the tag: _____ <!-- var: TAG -->

## T-5d to T-1d: Before (ops)

### Daily at 09:00

- [ ] Read the log

## T+4h onward: Watch (ops)

- [ ] Hourly: look at the graphs

### Hourly

- [ ] Look at the load

## Stop conditions

- Errors over 2 % for 10 min. Decides: \`lead\`
- Lag over 60 s. Decides: \`lead\`

## Rollback

### R+0: Point back (~10m, ops)

- [ ] Back
`;
const B = `---
title: Network sheet
kind: checklist
---
# Network sheet

## T-0 to T+1h: Network (ops)

- [ ] Route (~10m)

## Gate: net (T+1h, lead)

Decision: [ ] GO [ ] NO-GO
`;
const rebuild = () => run(resolve(program), ["--offline", "build", "-q"], { cwd: small });
const write = (name, words) => writeFile(join(small, name), words);
await mkdir(join(small, "content"));
await write("runsheet.toml", SMALL);
await write("content/a.md", A);
await write("content/b.md", B);
await rebuild();
const other = await serve(join(small, "public"));
const elsewhere = `http://127.0.0.1:${other.address().port}`;
const inSmall = (minutes, options = {}) => ({ time: Date.UTC(2027, 2, 6, 8) + minutes * 60_000, address: `${elsewhere}/a.html`, options });
const PHONE = { viewport: { width: 360, height: 720 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
/** Shoots what is seen, if somebody wants to look. */
const picture = (page, name) => process.env.PICTURES && page.screenshot({ path: join(process.env.PICTURES, `${name}.png`) });
const visible = (locator) => locator.evaluate((one) => {
  const { left, right, top, width, height } = one.getBoundingClientRect();
  return left >= 0 && right <= innerWidth && one.scrollWidth <= one.clientWidth + 1 && one.contains(document.elementFromPoint(left + width / 2, top + height / 2));
});
const lineOf = (report, words) => report.split(/\r?\n/).filter((one) => one.includes(words));
const focused = (page) => page.evaluate(() => document.activeElement.matches("body, html") ? "" : document.activeElement.outerHTML.slice(0, 90));

for (const [look, options] of [["light", PHONE], ["dark", { ...PHONE, colorScheme: "dark" }]]) {
  await test(`on a phone, ${look}, the bar that stays shows how late, the end, tripped alarms and the way back`, async (page, is, context) => {
    await start(page, "AB");
    const line = page.locator(".progress-line");
    await box(page, "Move it").scrollIntoViewIfNeeded();
    await page.evaluate(() => document.querySelector("#stop-conditions").scrollIntoView());
    await is(() => visible(line.locator(".late")), async () => `how late it is does not fit: ${await text(line)}`);
    is(/9 d 50 min late · end 11:00/.test(await text(line)), `a long delay reads ${await text(line)}`);
    await picture(page, `late-${look}`);
    await turn(page, "Trip", "errors");
    const sign = line.locator(".signs a").first();
    is(/ALARM: Errors over 2 %/.test(await text(line)), `the alarm is not in view: ${await text(line)}`);
    await is(() => visible(line), "the line is not in view");
    const tab = await context.newPage();
    await tab.clock.install({ time: Date.UTC(2027, 2, 15, 7) });
    await tab.goto(`${elsewhere}/b.html`);
    await is(() => has(tab.locator(".progress-line"), "ALARM: Errors over 2 %"), "the other sheet's bar says nothing of the alarm");
    await page.locator("li.alarm").nth(1).getByRole("button").click();
    await answer(page, "Trip", "lag", "lead");
    await tab.getByText("2 ALARMS: ").waitFor();
    await tab.close();
    await press(page, "Reverse track");
    await answer(page, "Start the reverse track", "too many errors", "lead");
    await page.evaluate(() => document.querySelector("#rollback").scrollIntoView());
    is(/REVERSE since 07:00/.test(await text(line)), `the way back is not in view: ${await text(line)}`);
    await picture(page, `signs-${look}`);
    await sign.click();
    await is(() => visible(page.locator(".banner.bad").first().getByRole("button")), "the line leads not to what clears it");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    is(wide <= 0, `the page is ${wide} px too wide`);
    await picture(page, `banners-${look}`);
  }, inSmall(9 * 24 * 60 - 60, options));
}

await test("the link to the next step shows all of it", async (page, is) => {
  await start(page, "AB");
  await page.evaluate(() => scrollTo(0, 1e5));
  await page.locator(".progress-line > a").click();
  const places = () => page.evaluate(() => [document.querySelector(".progress-line"), document.querySelector(":target")?.closest("li, fieldset")]
    .map((one, index) => one?.getBoundingClientRect()[index ? "top" : "bottom"]));
  await is(async () => {
    const [bar, top] = await places();
    return top >= bar - 1 && top < 720;
  }, async () => `the bar ends at ${(await places())[0]}, and its top is at ${(await places())[1]}`);
}, inSmall(-60, PHONE));

await test("the end of a run: what is open on each sheet and each alarm is told before", async (page, is) => {
  await start(page, "AB");
  await page.goto(`${elsewhere}/b.html`);
  await box(page, "Route").click();
  await decide(page, "Gate: net", "NO-GO");
  await page.goto(`${elsewhere}/a.html`);
  await turn(page, "Trip", "errors");
  await page.goto(`${elsewhere}/b.html`);
  await press(page, "End run");
  const dialog = page.locator("dialog[open]"), said = await text(dialog);
  is(said.includes("Network sheet: 1 of 2 done, 1 open."), `of this sheet: ${said}`);
  is(/Main sheet: 0 of \d+ done, \d+ open\./.test(said), `of the other sheet: ${said}`);
  is(said.includes("ALARM, not cleared: “Errors over 2 % for 10 min. Decides: lead”"), `of the alarm: ${said}`);
  is(said.includes("cannot be undone"), `of what comes after: ${said}`);
  await cancel(page);
  await write("content/a.md", A.replace("Move it", "Move it all"));
  await rebuild();
  await page.goto(`${elsewhere}/a.html`);
  await page.goto(`${elsewhere}/b.html`);
  await press(page, "End run");
  is((await text(dialog)).includes("Main sheet: cannot be counted here"), `of a sheet that was edited: ${await text(dialog)}`);
  await answer(page, "End run");
  is(/summary/.test(await focused(page)), `the keyboard is at “${await focused(page)}” after the end`);
}, { ...inSmall(5), ignore: ["ERR_ABORTED"] });
await write("content/a.md", A);
await rebuild();

await test("rounds have their own times, and are called by them, before T-0, by days and by number", async (page, is) => {
  await start(page, "AB");
  const queue = task(page, "look at the queue").locator("input"), tables = page.locator("table.rounds");
  const names = await page.locator(".item-rounds input").evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
  is(names.includes("Every 30 min: look at the queue, 06:30") && names.includes("Hourly: look at the graphs, 1"), `names of rounds: ${names}`);
  await queue.nth(1).click();
  await tables.nth(0).locator("tbody input").first().click();
  await tables.nth(1).locator("tbody input").first().click();
  await answer(page, "Tick", "early");
  await tables.nth(2).locator("tbody input").first().click();
  await answer(page, "Tick", "early");
  is(await has(desk(page).getByRole("button", { name: /^Undo/ }), "round 1, Look at the load"), `undo says ${await text(desk(page).getByRole("button", { name: /^Undo/ }))}`);
  const stamps = await page.locator(".item-rounds .stamp, .rounds .stamp").allInnerTexts();
  is(stamps.includes("07:35 AB 1 h 5 min late"), `stamps: ${stamps.filter(Boolean)}`);
  await unfold(page);
  await desk(page).locator("ol li").first().waitFor();
  const log = await text(desk(page).locator("ol"));
  for (const part of ["“06:30, Every 30 min: look at the queue”", "“06:00, Read the lag”", "“1 Mar 09:00, Read the log”"]) is(log.includes(part), `the log lacks ${part}: ${log}`);
  const steps = await download(page, "Steps as CSV"), report = await download(page, "Report");
  is(!/@|round [-+n]/.test(steps + lineOf(report, "AB")), "an internal name is in the table or the report");
  for (const row of ["T-1h30m,Every 30 min: look at the queue,ops,2027-03-06 06:30:00,2027-03-06 07:35:", "T-2h,Read the lag,ops,2027-03-06 06:00:00,",
    "T-0,Read the lag,ops,2027-03-06 08:00:00,", "T-5d,Read the log,ops,2027-03-01 09:00:00,", "round 1,Look at the load,ops,,2027-03-06 07:35:"]) {
    is(steps.includes(row), `the table lacks ${row}: ${lineOf(steps, row.split(",")[1]).join("\n")}`);
  }
  await write("content/a.md", A.replace("## T-2h to T-0", "## T-1h to T-0").replace("## T-5d to", "## T-3d to").replace("## T+4h onward", "## T+4h to T+6h"));
  await rebuild();
  await reload(page);
  const [, gone = ""] = (await download(page, "Report")).split("## No longer on the sheet");
  for (const words of ["06:30, Every 30 min", "06:00, Read the lag", "T-5d, Read the log", "round 1, Look at the load"]) is(gone.includes(words), `not listed as gone: ${words}: ${gone}`);
}, inSmall(-25));
await write("content/a.md", A);
await rebuild();

await write("content/a.md", A.replace("# Main sheet\n", "# Main sheet\n\nThe bridge: _____ <!-- var: BRIDGE -->\n"));
await rebuild();
await test("a spreadsheet takes nothing that was typed for a formula, in whatever width", async (page, is) => {
  await start(page, "AB");
  for (const typed of ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)"]) {
    await fillIn(page, "BRIDGE", typed);
    const steps = await download(page, "Steps as CSV");
    is(steps.includes(`,field,'${typed}\r\n`), `${typed} is ${lineOf(steps, "field")}`);
  }
  await fillIn(page, "BRIDGE", "-12");
  is((await download(page, "Steps as CSV")).includes(",field,-12\r\n"), "a number is none");
}, inSmall(-25));
await write("content/a.md", A);
await rebuild();

await test("a round that was added and taken back is gone, one in which something is ticked stays", async (page, is) => {
  await start(page, "AB");
  const rows = page.locator("table.rounds").nth(2).locator("tbody tr:not([hidden])"), add = page.getByRole("button", { name: "Add a round" });
  await add.click();
  is((await rows.count()) === 5, "no round is added");
  await press(page, /^Undo/);
  is((await rows.count()) === 4, "a round that was taken back stays");
  await add.click();
  await rows.nth(4).locator("input").click();
  await answer(page, "Tick", "early");
  await page.evaluate(() => {
    // Somebody else has taken the round back meanwhile.
    const [key, one] = Object.entries(localStorage).map(([key, one]) => [key, one[0] === "{" && JSON.parse(one)]).filter(([, one]) => one.kind === "round").at(-1);
    const undo = { ...one, id: "undo1", kind: "undo", item: one.id, value: null, at: one.at + 1, parents: [] };
    localStorage.setItem(key.replace(one.id, "undo1"), JSON.stringify(undo));
  });
  await reload(page);
  is((await rows.count()) === 5 && (await rows.nth(4).locator("input").isChecked()), "a tick of a round is gone after a reload");
  is(lineOf(await download(page, "Report"), "round 5").length > 0, "it is not in the report");
}, inSmall(-25));

await test("decisions: no answer that says no opens a gate, and the report names the section and what was taken back", async (page, is) => {
  await start(page, "AB");
  await decide(page, "Gate: go or no-go", "NO-GO");
  await box(page, "Move it").click();
  is(await has(page.locator("dialog[open]"), "An earlier gate is not passed: “Gate: go or no-go”"), "NO-GO opens the gate when it stands first");
  await cancel(page);
  await decide(page, "Gate: go or no-go", "GO");
  await box(page, "Move it").click();
  is(await box(page, "Move it").isChecked(), "GO does not open the gate");
  await press(page, "Reverse track");
  await answer(page, "Start the reverse track", "too late", "lead");
  await page.clock.setSystemTime(Date.UTC(2027, 2, 6, 8, 30));
  await press(page, /^Reverse track/);
  is((await page.locator("dialog[open]").count()) === 0, "the way back can be begun twice");
  is(/The reverse track is on: 08:05 AB started/.test(await text(desk(page).locator(".desk-say"))), `it says: ${await text(desk(page).locator(".desk-say"))}`);
  await press(page, /^Undo/);
  const report = (await download(page, "Report")).split("## Decisions")[1];
  is(report.includes("decided NO-GO at “Gate: go or no-go, Decision NO-GO GO”"), `the section is not named: ${report}`);
  is(/started the reverse track.*\(taken back\)/.test(report), `what was taken back is not marked: ${report}`);
}, inSmall(5));

await test("fields: another tab's value comes, also after the focus; a time has room for its zone", async (page, is, context) => {
  await start(page, "AB");
  await task(page, "freeze time").getByRole("button", { name: /^Now/ }).click();
  const field = blank(page, "FREEZE");
  is(/Z$/.test(await field.inputValue()) && (await field.evaluate((one) => one.scrollWidth <= one.clientWidth)), "the zone of a time is cut off");
  await field.scrollIntoViewIfNeeded();
  await picture(page, "now");
  const tab = await context.newPage();
  await tab.clock.install({ time: Date.UTC(2027, 2, 6, 8, 10) });
  await tab.goto(`${elsewhere}/a.html`);
  await blank(page, "TAG").focus();
  await fillIn(tab, "TAG", "v1");
  await is(async () => (await blank(page, "TAG").inputValue()) === "v1", "a field that has the focus shows an old value");
  await blank(page, "TAG").pressSequentially("5");
  await fillIn(tab, "TAG", "v2");
  await page.waitForTimeout(200);
  is((await blank(page, "TAG").inputValue()) === "v15", "what is being written is taken away");
  await page.keyboard.press("Backspace");
  await blank(page, "TAG").blur();
  await is(async () => (await blank(page, "TAG").inputValue()) === "v2", async () => `after the focus it shows ${await blank(page, "TAG").inputValue()}`);
}, inSmall(5, PHONE));

await test("where the keyboard is after what it pressed has gone, and what describes a box", async (page, is) => {
  await start(page, "AB");
  await box(page, "Prepare it").click();
  const described = await box(page, "Prepare it").evaluate((one) => document.getElementById(one.getAttribute("aria-describedby")).textContent);
  is(/^\d\d:\d\d AB 1 h 55 min late $/.test(described), `a box is described as ${described}`);
  await desk(page).getByRole("button", { name: /^Undo/ }).press("Enter");
  is(/summary/.test(await focused(page)), `after the last undo: “${await focused(page)}”`);
  await turn(page, "Trip", "errors");
  await page.locator(".banner.bad").getByRole("button").click();
  await answer(page, "Clear", "over", "lead");
  is(/summary/.test(await focused(page)), `after an alarm was cleared above: “${await focused(page)}”`);
  await fillIn(page, "TAG", "v1");
  const file = JSON.parse(await download(page, "Export run")), one = file.log.find((entry) => entry.kind === "field");
  await open(page, JSON.stringify({ ...file, log: [...file.log, { ...one, id: "other1", by: "CD", value: "v2" }] }));
  await task(page, "the tag").getByRole("button", { name: /Keep.*v2/ }).focus();
  await page.keyboard.press("Enter");
  is(/data-blank="TAG"/.test(await focused(page)), `after a choice between two values: “${await focused(page)}”`);
}, inSmall(5));

await test("the file of another run is refused by the names that the page uses, with the way out", async (page, is) => {
  await start(page, "AB");
  const file = await download(page, "Export run"), { run: id } = JSON.parse(file);
  await open(page, file.replaceAll(id, "0123456789abcdef"));
  const said = await text(desk(page).locator(".desk-say"));
  is(said.includes(`it belongs to LIVE 012345: end LIVE ${id.slice(0, 6)} here first`), `it says: ${said}`);
}, inSmall(5));

await test("the file of a newer program is refused by its version, one that is none by what it is not", async (page, is) => {
  await start(page, "AB");
  const file = JSON.parse(await download(page, "Export run"));
  for (const [change, words] of [
    [{ version: 2 }, "it has version 2, but this page reads 1: reload the page, or build it with a newer Runsheet"],
    [{ format: "shopping-list" }, "it is not a run file"],
  ]) {
    await open(page, JSON.stringify({ ...file, ...change }));
    await is(async () => (await text(desk(page).locator(".desk-say"))).includes(words), async () => `it says: ${await text(desk(page).locator(".desk-say"))}`);
  }
}, inSmall(5));

await test("a run file that is larger than any is refused with the bound, and nothing has changed", async (page, is) => {
  await start(page, "AB");
  const file = JSON.parse(await download(page, "Export run"));
  for (const [whole, words] of [
    [" ".repeat(20e6) + JSON.stringify(file), "it is over 20 MB, so start a new run"],
    [JSON.stringify({ ...file, log: Array(100_001).fill(0) }), "a list is missing or over 100000"],
    [JSON.stringify({ ...file, snapshots: Array(501).fill(0) }), "a list is missing or over 500"],
  ]) {
    await open(page, whole);
    const said = await text(desk(page).locator(".desk-say"));
    is(said.includes(words) && said.endsWith("Nothing has changed."), `it says: ${said}`);
  }
}, inSmall(5));

/** Counts what a page reads of what it keeps, and which versions of a page it compares by their words. */
function counting() {
  const { parse } = JSON, { normalize } = String.prototype;
  window.work = { read: 0, compared: 0 };
  JSON.parse = (...words) => ((window.work.read += 1), parse(...words));
  String.prototype.normalize = function (form) {
    window.work.compared += 1;
    return normalize.call(this, form);
  };
}
await test("after a long run from elsewhere a tick reads that tick, not the whole run again", async (page, is) => {
  await start(page, "AB");
  await box(page, "Prepare it").click();
  const file = JSON.parse(await download(page, "Export run")), [sheet] = file.snapshots;
  const ticked = file.log.find((one) => one.kind === "tick");
  const long = Array.from({ length: 8000 }, (_, number) => (
    { ...ticked, id: `long${number}`, at: ticked.at - 1, page: number % 2 ? ticked.page : "b.html", item: number % 4 ? `gone${number}` : ticked.item, parents: [] }));
  const versions = Array.from({ length: 20 }, (_, number) => ({ ...sheet, version: `was${number}`, entries: sheet.entries.map((one, k) => ({ ...one, id: `${one.id}${k}`, text: `${one.text} ${number}` })) }));
  const old = versions.map(({ version }, number) => ({ ...ticked, id: `old${number}`, at: ticked.at - 1, version, item: `${ticked.item}1`, parents: [] }));
  await open(page, JSON.stringify({ ...file, snapshots: [sheet, ...versions], log: [...file.log, ...long, ...old] }));
  await is(async () => (await text(desk(page).locator(".desk-say"))) === "Opened: 8020 new in the log.", async () => `it says: ${await text(desk(page).locator(".desk-say"))}`);
  const lines = desk(page).locator("details ol li");
  is((await lines.count()) === 201, `${await lines.count()} lines of the log are shown`);
  is((await text(lines.last())) === "and 7822 earlier: export the run to see all", `the log ends with ${await text(lines.last())}`);
  await page.evaluate(() => (window.work = { read: 0, compared: 0 }));
  await box(page, "Move it").click();
  await answer(page, "Tick", "it is known");
  await is(async () => /AB/.test(await text(stamp(page, "Move it"))), "the tick is not shown");
  const work = await page.evaluate(() => window.work);
  is(work.read > 0 && work.read < 5 && work.compared === 0, `a tick has read ${work.read} texts and compared ${work.compared}`);
}, { ...inSmall(5), script: counting });

await write("runsheet.toml", SMALL.replace(/^t0 = .*\n/m, ""));
await write("content/a.md", A.replace("## T-2h to T-0: Prepare", "## T-1d: Yesterday\n\n- [ ] One\n\n## T-24h: A day before\n\n- [ ] Two\n\n## T-2h to T-0: Prepare"));
await rebuild();
for (const timezoneId of ["Europe/London", "Asia/Kathmandu", "Pacific/Chatham", "America/Los_Angeles"]) {
  for (const [hash, ...expected] of [
    ["#t0=2027-03-29T00:30", "T-0 29 Mar 00:30 BST", "28 Mar 00:30", "27 Mar 23:30"],
    // The clocks leap over it, and the day after.
    ["#t0=2027-03-28T01:30", "T-0 28 Mar 02:30 BST", "27 Mar 01:30", "27 Mar 01:30"],
    // It comes twice.
    ["#t0=2027-10-31T01:30", "T-0 31 Oct 01:30 BST", "30 Oct 01:30 BST", "30 Oct 01:30 BST"],
  ]) {
    await test(`without T-0 a date is one of the event's zone, in ${timezoneId}: ${hash}`, async (page, is) => {
      const when = (heading) => text(page.locator(`h2:has-text("${heading}")`).locator("xpath=following-sibling::p[contains(@class,'when')][1]"));
      const said = [await text(page.locator(".preview-mark")), await when("Yesterday"), await when("A day before")];
      for (const [index, words] of expected.entries()) is(said[index].includes(words), `not ${words}: ${said[index]}`);
    }, { ...inSmall(-24 * 60, { timezoneId }), hash });
  }
}

await browser.close();
server.close();
other.close();
await rm(folder, { recursive: true });
await rm(small, { recursive: true });
console.log(failed ? `run: ${failed} failed` : "run: all good");
process.exitCode = failed ? 1 : 0;
