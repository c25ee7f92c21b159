// Searches in Chromium: by keyboard, in light and dark, from the disk; and on 10,000 pages with 20 planted ones.
//
// Usage: node search.mjs PUBLIC_FOLDER
//        node search.mjs --large RUNSHEET_PROGRAM [WORK_FOLDER]    A folder that is kept is used again.
//        node search.mjs --large-untimed RUNSHEET_PROGRAM [WORK_FOLDER]    On a machine that has other things to do: times are told, not judged.
// The large site has 10,000 pages, or PAGES from the environment.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import axe from "axe-core";
import { tokens } from "../../themes/default/source/search/token.js";
import { listen, openBrowser, serve, tester } from "./browser.mjs";
import { files, questions, route } from "./planted.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const SHEET = "docs/cutover-checklist.html";
const LARGE = Number(process.env.PAGES ?? 10_000), SEED = 20261122, FIRST = 3, ENOUGH = 57, MOST_BYTES = 100_000, MOST_MS = 100;

// The parts of the dialog
const dialog = (page) => page.locator("dialog.search");
const input = (page) => dialog(page).locator("input");
const links = (page) => dialog(page).locator(".search-list a");

/** Bytes of all files of the search that the page has loaded, as they are: nothing is compressed here. */
const moved = (page) => page.evaluate(() =>
  performance.getEntriesByType("resource").filter(({ name }) => /\/search[./]/.test(name)).reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0));

const [mode, given, work] = process.argv.slice(2);
const isTimed = mode !== "--large-untimed";
if (!mode || mode.startsWith("--large") !== Boolean(given)) {
  console.error("usage: node search.mjs PUBLIC_FOLDER | --large[-untimed] RUNSHEET_PROGRAM [WORK_FOLDER]");
  process.exit(2);
}
const { test, failures } = tester();
const browser = await openBrowser();
try {
  if (given) await large(resolve(given), work);
  else await small(resolve(mode));
} finally {
  await browser.close();
}
if (failures()) {
  console.log(`search: ${failures()} failed`);
  process.exitCode = 1;
} else {
  console.log("search: all good");
}

/** Asks, and waits for the answer. */
async function ask(page, question) {
  await input(page).fill("");
  await page.waitForFunction(() => document.querySelector(".search-count").textContent === "");
  await input(page).fill(question);
  await page.waitForFunction(() => document.querySelector(".search-count").textContent !== "");
}

async function small(folder) {
  const server = await serve(folder), origin = `http://127.0.0.1:${server.address().port}`;
  const inPage = async (address, options, faults, run) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      listen(page, address.startsWith("file:") ? "file://" : origin, faults);
      await page.goto(address, { waitUntil: "load" });
      await run(page, faults);
    } finally {
      await context.close();
    }
  };
  await test("the script cuts texts as the index does", cutsAlike);
  for (const colorScheme of ["light", "dark"]) {
    await test(`accessible in ${colorScheme}`, (faults) => inPage(`${origin}/${SHEET}`, { colorScheme }, faults, accessible));
  }
  await test("accessible in forced colours", (faults) => inPage(`${origin}/${SHEET}`, { forcedColors: "active" }, faults, accessible));
  await test("by keyboard alone", (faults) => inPage(`${origin}/guide/index.html`, {}, faults, byKeyboard));
  await test("opened as a file", (faults) => inPage(pathToFileURL(join(folder, SHEET)).href, {}, faults, byKeyboard));
  await test("the keys of fields stay theirs", (faults) => inPage(`${origin}/${SHEET}`, {}, faults, inFields));
  await test("loaded only when it is opened", (faults) => inPage(`${origin}/guide/index.html`, {}, faults, onDemand));
  await test("without a script there is no button", (faults) =>
    inPage(`${origin}/guide/index.html`, { javaScriptEnabled: false }, faults, async (page) => {
      if (await page.locator(".search-button").isVisible()) faults.push("the button is seen");
    }));
  await test("texts stay texts", (faults) => inPage(`${origin}/guide/index.html`, {}, faults, staysText));
  await test("it says when it cannot be loaded", (faults) => cannotBeLoaded(folder, faults));
  server.close();
}

async function cutsAlike(faults) {
  for (const [text, expected] of JSON.parse(await readFile(join(HERE, "tokens.json"), "utf8"))) {
    const wanted = expected.map((word) => word.normalize("NFKD")).join("|"), found = tokens(text).join("|");
    if (found !== wanted) faults.push(`${JSON.stringify(text)}: ${found} is not ${wanted}`);
  }
}

async function accessible(page, faults) {
  await page.locator(".search-button").click();
  await ask(page, "rollback decision");
  await page.evaluate(axe.source);
  for (const width of [1280, 320]) {
    await page.setViewportSize({ width, height: 640 });
    const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    if (!passes.length) faults.push("axe has looked at nothing");
    for (const { id, nodes, help } of violations) faults.push(`axe at ${width} px: ${id}: ${help}: ${nodes[0].html.slice(0, 200)}`);
    const wide = await dialog(page).evaluate((one) => [one.scrollWidth - one.clientWidth, document.documentElement.scrollWidth - innerWidth]);
    if (wide.some((beyond) => beyond > 0)) faults.push(`at ${width} px it is too wide: ${wide}`);
  }
}

async function byKeyboard(page, faults) {
  const expect = (is, words) => is || faults.push(words);
  const focused = () => page.evaluate(() => document.activeElement.closest("dialog.search") && document.activeElement.tagName);
  await page.keyboard.press("/");
  await dialog(page).waitFor();
  expect((await focused()) === "INPUT", `"/" has put the focus on ${await focused()}`);
  expect((await input(page).inputValue()) === "", "the key was written, too");
  await page.keyboard.press("Escape");
  expect(!(await dialog(page).isVisible()), "Escape has not closed it");
  await page.keyboard.press("Control+k");
  await dialog(page).waitFor();
  // At once: each letter by itself is a question of its own, and its answer may be the one that is waited for.
  await page.keyboard.insertText("thresholds");
  await links(page).first().waitFor();
  expect((await dialog(page).locator("mark").count()) > 0, "no hit is marked");
  await page.waitForFunction(() => /^\d+ pages?\.$/.test(document.querySelector(".search-count").textContent));
  await page.keyboard.press("ArrowDown");
  expect((await focused()) === "A", `the arrow has put the focus on ${await focused()}`);
  await page.keyboard.press("ArrowUp");
  expect((await focused()) === "INPUT", `the arrow back has put the focus on ${await focused()}`);
  const target = await links(page).first().evaluate((link) => link.href);
  await page.keyboard.press("Enter");
  await page.waitForURL(target);
  expect(!(await page.locator("dialog[open]").count()), "it is still open");
  const { hash } = new URL(target);
  if (hash) expect(await page.evaluate((id) => !!document.getElementById(id), decodeURIComponent(hash.slice(1))), `there is no ${hash}`);
  // A place on the page that is shown already.
  await page.keyboard.press("/");
  await ask(page, "thresholds");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await dialog(page).waitFor({ state: "hidden" });
}

async function inFields(page, faults) {
  const field = page.locator("#DESK .initials");
  await field.focus();
  await page.keyboard.press("/");
  if ((await field.inputValue()) !== "/") faults.push(`the field holds "${await field.inputValue()}"`);
  if (await dialog(page).count()) faults.push("the search has taken the key");
  await page.locator("li.task > input").first().focus();
  await page.keyboard.press("/");
  await dialog(page).waitFor();
}

async function onDemand(page, faults) {
  const loaded = () => page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => /search/.test(name)));
  if ((await loaded()).length) faults.push(`before it is opened: ${await loaded()}`);
  await page.locator(".search-button").click();
  await ask(page, "offset");
  const names = await loaded();
  if (new Set(names).size !== names.length) faults.push(`loaded twice: ${names}`);
  if (names.length > 20) faults.push(`${names.length} files for one word`);
}

async function staysText(page, faults) {
  await page.locator(".search-button").click();
  await ask(page, "<img src=x onerror=alert(1)> script style");
  const strange = await dialog(page).evaluate((one) => one.querySelectorAll("img, script, style, [onerror]").length);
  if (strange) faults.push(`${strange} elements come from a text`);
  await ask(page, "qqqqqqqqqq");
  const said = await dialog(page).locator(".search-count").textContent();
  if (said !== "No page has this word.") faults.push(said);
}

async function cannotBeLoaded(folder, faults) {
  const place = await mkdtemp(join(tmpdir(), "runsheet-search-"));
  await cp(folder, place, { recursive: true });
  await rm(join(place, "search"), { recursive: true });
  const server = await serve(place), page = await browser.newPage();
  const address = `http://127.0.0.1:${server.address().port}/guide/index.html`;
  await page.goto(address);
  await page.keyboard.press("/");
  await ask(page, "offset");
  const said = await dialog(page).locator(".search-count").textContent();
  if (!said.includes("could not be loaded")) faults.push(said);
  for (const name of await readdir(join(place, "assets"))) if (name.startsWith("search.")) await rm(join(place, "assets", name));
  await page.goto(address);
  await page.keyboard.press("/");
  await page.getByText("The search could not be loaded").waitFor({ timeout: 15_000 });
  await page.close();
  server.close();
  await rm(place, { recursive: true });
}

// The large site

async function large(program, kept) {
  const place = kept ? resolve(kept) : await mkdtemp(join(tmpdir(), "runsheet-search-"));
  try {
    await plant(place, program);
    const server = await serve(join(place, "public"));
    await test(`60 questions to ${LARGE} pages`, (faults) => ask60(`http://127.0.0.1:${server.address().port}`, faults));
    server.close();
  } finally {
    if (!kept) await rm(place, { recursive: true });
  }
}

async function plant(place, program) {
  if (!existsSync(join(place, "runsheet.toml"))) {
    const corpus = join(HERE, "../../bench/corpus.py");
    execFileSync("python3", [corpus, "--pages", `${LARGE}`, "--flavor", "runsheet", "--force", place], { stdio: "inherit" });
  }
  await mkdir(join(place, "content/planted"), { recursive: true });
  for (const [name, text] of files) await writeFile(join(place, "content", name), text);
  execFileSync(program, ["--offline", "build"], { cwd: place, stdio: "inherit" });
}

/** The words that other pages have: those of which the corpus is made. */
async function commonWords() {
  const source = await readFile(join(HERE, "../../bench/corpus.py"), "utf8");
  return new Set(source.toLowerCase().match(/[a-z]+/g));
}

async function ask60(origin, faults) {
  const common = await commonWords(), asked = questions((word) => common.has(word), SEED);
  const kinds = [...new Set(asked.map(({ kind }) => kind))];
  const first = kinds.map((kind) => asked.find((one) => one.kind === kind).question);
  for (const question of [...first, "replication lag"]) await firstQuestion(origin, question, faults);
  const page = await browser.newPage();
  listen(page, origin, faults);
  await page.goto(`${origin}/index.html`);
  await page.locator(".search-button").click();
  const found = {};
  let most = 0;
  for (const { kind, question, word, page: number } of asked) {
    const before = await moved(page);
    await ask(page, question);
    most = Math.max(most, (await moved(page)) - before);
    const first = await links(page).evaluateAll((links, count) => links.slice(0, count).map(({ href }) => href.split("#")[0]), FIRST);
    const isFound = first.includes(`${origin}/${route(number)}`);
    found[kind] = (found[kind] ?? 0) + isFound;
    if (!isFound) console.log(`        missed: "${question}" (${kind} of "${word}", ${route(number)})`);
  }
  const sum = Object.values(found).reduce((a, b) => a + b, 0);
  console.log(`        ${sum} of ${asked.length} are among the first ${FIRST}: ${JSON.stringify(found)}`);
  console.log(`        the most that a later question moved: ${most} bytes`);
  if (sum < ENOUGH) faults.push(`${sum} are fewer than ${ENOUGH}`);
  await page.close();
}

/**
 * The first question of a visit: from the event of the key to the list on the screen, in a browser that has nothing of the index
 * but its manifest, which is loaded when the search is opened. The server is warm. The median of five visits counts, for a question of each kind and for two words that thousands of pages have; bytes are those
 * of the script, the style and the index.
 */
async function firstQuestion(origin, question, faults) {
  const times = [];
  let bytes = 0;
  for (let visit = 0; visit < 6; visit++) {
    const context = await browser.newContext(), page = await context.newPage();
    await page.goto(`${origin}/index.html`);
    await page.locator(".search-button").click();
    await dialog(page).waitFor();
    await page.waitForLoadState("networkidle");
    // It waits in the page: a test that looks again and again would take its own time from the page.
    const took = page.evaluate(() => new Promise((done) => {
      const list = document.querySelector(".search-list");
      document.querySelector("dialog.search input").addEventListener("input", ({ timeStamp }) => {
        new MutationObserver(() => requestAnimationFrame(() => done(performance.now() - timeStamp))).observe(list, { childList: true });
      });
    }));
    // Runs when the listener stands.
    await page.evaluate(() => document.activeElement.matches("dialog.search input"));
    await page.keyboard.insertText(question);
    // The first visit warms the server.
    if (visit) times.push(await took);
    else await took;
    bytes = await moved(page);
    await context.close();
  }
  times.sort((a, b) => a - b);
  const milliseconds = Math.round(times[2]);
  console.log(`        the first question, "${question}": ${bytes} bytes, ${milliseconds} ms (${times.map(Math.round).join(", ")})`);
  if (bytes > MOST_BYTES) faults.push(`${bytes} bytes are more than ${MOST_BYTES}`);
  if (isTimed && milliseconds > MOST_MS) faults.push(`${milliseconds} ms are more than ${MOST_MS}`);
}
