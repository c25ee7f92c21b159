// Shows `runsheet serve` to Chromium: an edit appears by itself, a fault appears as text above the last good page.
//
// Usage: node serve.mjs RUNSHEET_PROGRAM PROJECT_FOLDER
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { listen, openBrowser } from "./browser.mjs";

const NOT_COPIED = [".git", ".env", ".runsheet", "bench", "findings", "fuzz", "outbox", "private", "public", "scripts", "target", "tests"];
const DEADLINE = 30_000;
const PAGE = "content/docs/of-the-test.md";
const NOTICES = "content/docs/USER_NOTICE_TEMPLATE.md";
const FAULTS = "#runsheet-faults";

if (process.argv.length !== 4) {
  console.error("usage: node serve.mjs RUNSHEET_PROGRAM PROJECT_FOLDER");
  process.exit(2);
}
const [program, source] = process.argv.slice(2).map((path) => resolve(path));
const project = await mkdtemp(join(tmpdir(), "runsheet-serve-"));
const undo = [() => rm(project, { recursive: true })];
try {
  await copyProject();
  await writePage("the first words");
  const address = await startServer();
  const browser = await openBrowser();
  undo.push(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE);
  const faults = [];
  listen(page, new URL(address).origin, faults);
  await anEditIsShown(page, address);
  await aFaultIsShown(page, address);
  if (faults.length) throw new Error(faults.join("\n"));
  console.log("serve: edits and faults are shown at once: all good");
} catch (error) {
  console.log(`FAILED  serve: ${error.message}`);
  process.exitCode = 1;
} finally {
  for (const step of undo.reverse()) await step();
}

async function anEditIsShown(page, address) {
  await connected(page, () => page.goto(`${address}docs/of-the-test.html`));
  await page.getByText("the first words").waitFor();
  await connected(page, () => writePage("the second words"));
  await page.getByText("the second words").waitFor();
  if (await page.getByText("the first words").count()) throw new Error("the old words are still there");
  console.log("ok  an edit is shown without a reload by hand");
}

async function aFaultIsShown(page, address) {
  const path = join(project, NOTICES);
  const notices = await readFile(path, "utf8");
  const broken = notices.replace("Hello {{ r.name }},", "Greetings {{ <img src=x id=escaped> r.name,");
  if (broken === notices) throw new Error("the notices have changed: no greeting is found");
  await connected(page, () => page.goto(`${address}docs/user-notice-template.html`));
  await writeFile(path, broken);
  await page.locator(FAULTS).waitFor();
  const text = await page.locator(FAULTS).innerText();
  if (!text.includes("error[") || !text.includes(NOTICES)) throw new Error(`the fault is not told: ${text}`);
  if (!text.includes("<img") || (await page.locator(`${FAULTS} *`).count())) throw new Error("the fault is not shown as text");
  const shown = await page.locator("main").innerText();
  if (!shown.includes("Hello") || shown.includes("Greetings")) throw new Error("the page is not the last good one");
  console.log("ok  a fault is shown as text above the last good page");

  await connected(page, () => writeFile(path, notices.replace("Hello {{ r.name }},", "Greetings {{ r.name }},")));
  await page.locator("main").getByText("Greetings").first().waitFor();
  if (await page.locator(FAULTS).count()) throw new Error("the fault is still shown after it is mended");
  console.log("ok  a mended page is shown again");
}

/** Does something that loads the page, and waits until the loaded page listens for events. */
async function connected(page, load) {
  const listening = page.waitForResponse((response) => response.url().endsWith("/_runsheet/events"));
  await Promise.all([listening, load()]);
}

async function copyProject() {
  const names = (await readdir(source)).filter((name) => !NOT_COPIED.includes(name));
  for (const name of names) await cp(join(source, name), join(project, name), { recursive: true });
}

function writePage(words) {
  return writeFile(join(project, PAGE), `---\ntitle: Of the test\n---\n\n# Of the test\n\nHere are ${words}.\n`);
}

/** Starts the server and gives its address, as it says it. */
async function startServer() {
  const child = spawn(program, ["serve", "--port", "0", "--offline"], { cwd: project, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  undo.push(() => (child.kill(), ended));
  const lines = [];
  const address = new Promise((found) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      lines.push(line);
      const match = /^serving (http:\/\/\S+)/.exec(line);
      if (match) found(match[1]);
    });
  });
  const timer = AbortSignal.timeout(DEADLINE);
  const late = new Promise((resolve) => timer.addEventListener("abort", resolve, { once: true }));
  const said = await Promise.race([address, ended, late]);
  if (typeof said !== "string") throw new Error(`the server does not say where it serves:\n${lines.join("\n")}`);
  return said;
}
