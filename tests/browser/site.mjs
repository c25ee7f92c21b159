// Shows every page of a built site to Chromium: no fault of accessibility, no error, nothing from elsewhere, no sideways scrolling.
//
// Usage: node site.mjs PUBLIC_FOLDER
//
// The pages of the reference are of one form, a page a code: one in eight of them is looked at, and all with PAGES=all in the environment.
import { readdir, readFile } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import axe from "axe-core";
import { ABOUT_COLOUR, listen, openBrowser, serve, several, tester } from "./browser.mjs";

const CHECKLIST = "docs/cutover-checklist.html";
const WIDTHS = [320, 360];
const SIZE = { width: 1280, height: 800 };

if (process.argv.length !== 3) {
  console.error("usage: node site.mjs PUBLIC_FOLDER");
  process.exit(2);
}
const folder = resolve(process.argv[2]);
const files = (await readdir(folder, { recursive: true })).map((file) => file.split(sep).join("/"));
const isOfRule = (page) => /^reference\/[a-z-]+\/(?!index\.html)/.test(page);
const pages = files
  .filter((file) => file.endsWith(".html"))
  .sort()
  .filter((page, at) => process.env.PAGES === "all" || !isOfRule(page) || at % 8 === 0);
const server = await serve(folder);
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await openBrowser();
const { test, failures } = tester();
try {
  await test("the site has pages, the checklist among them", async (faults) => {
    if (!pages.includes(CHECKLIST)) faults.push(`${CHECKLIST} is not among ${pages.length} pages`);
  });
  await several(pages, (page) => test(page, (faults) => look(page, faults)));
  await test("the checklist's boxes and fields have names", namesOfFields);
  await test("the checklist without JavaScript", withoutScript);
  await test("the checklist printed to PDF", printed);
  await test("the checklist opened as a file", openedAsFile);
  await test("a run of the checklist opened as a file", runFromDisk);
  await test("what a page weighs", weights);
} finally {
  await browser.close();
  server.close();
}
if (failures()) {
  console.log(`browser: ${failures()} failed`);
  process.exitCode = 1;
} else {
  console.log(`browser: ${pages.length} pages in light and dark, and the checklist: all good`);
}

/** Opens a page in a browser of its own, and closes that in the end. */
async function inPage(address, options, faults, run) {
  const context = await browser.newContext({ viewport: SIZE, ...options });
  try {
    const page = await context.newPage();
    listen(page, new URL(address).protocol === "file:" ? "file://" : origin, faults);
    const answer = await page.goto(address, { waitUntil: "load" });
    if (answer && !answer.ok()) faults.push(`${address}: ${answer.status()}`);
    await run(page);
  } finally {
    await context.close();
  }
}

async function look(path, faults) {
  await inPage(`${origin}/${path}`, { colorScheme: "light" }, faults, async (page) => {
    // The policy keeps script elements out; what the debugger evaluates is let through.
    await page.evaluate(axe.source);
    await accessible(page, "light", faults);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 640 });
      const wide = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth <= clientWidth) return null;
        const beyond = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > clientWidth + 0.5);
        return { scrollWidth, elements: beyond.slice(0, 3).map((one) => one.outerHTML.slice(0, 160)) };
      });
      if (wide) faults.push(`at ${width} px the page is ${wide.scrollWidth} px wide: ${wide.elements.join("\n")}`);
    }
    await accessible(page, `light, ${WIDTHS.at(-1)} px`, faults);
    await page.emulateMedia({ colorScheme: "dark" });
    await accessible(page, `dark, ${WIDTHS.at(-1)} px`, faults, ABOUT_COLOUR);
    await page.setViewportSize(SIZE);
    await accessible(page, "dark", faults, ABOUT_COLOUR);
  });
}

async function accessible(page, where, faults, runOnly) {
  const { violations, passes } = await page.evaluate((runOnly) => axe.run(document, { runOnly, resultTypes: ["violations"] }), runOnly);
  if (!passes.length) faults.push(`axe, ${where}: it has looked at nothing`);
  for (const violation of violations) {
    const places = violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")}: ${node.failureSummary}`);
    faults.push(`axe, ${where}: ${violation.id} (${violation.nodes.length}): ${violation.help}\n${places.join("\n")}`);
  }
}

async function namesOfFields(faults) {
  await inPage(`${origin}/${CHECKLIST}`, {}, faults, async (page) => {
    const session = await page.context().newCDPSession(page);
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const roles = ["checkbox", "radio", "textbox", "searchbox", "spinbutton", "combobox", "listbox", "switch"];
    const fields = nodes.filter((node) => !node.ignored && roles.includes(node.role?.value));
    const nameless = fields.filter((node) => !node.name?.value?.trim());
    if (nameless.length) faults.push(`${nameless.length} of ${fields.length} have no name`);
    // What is folded away has no name to be heard yet.
    const count = await page.locator("main :is(input, select, textarea):not(#DESK *)").count();
    if (!count || fields.length < count) faults.push(`${fields.length} of ${count} fields are seen by a screen reader`);
  });
}

/** From the disk too a run can be started, and outlives a reload. */
async function runFromDisk(faults) {
  const file = pathToFileURL(join(folder, CHECKLIST)).href;
  await inPage(file, {}, faults, async (page) => {
    await page.locator("#DESK .initials").fill("AB");
    await page.locator("#DESK button.start").last().click();
    const box = page.locator("li.task > input").first();
    await box.check();
    await page.reload({ waitUntil: "load" });
    await page.waitForTimeout(300);
    if (!(await box.isChecked())) faults.push("the tick is gone after a reload");
    await page.locator("#DESK summary").first().click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#DESK").getByRole("button", { name: "Report" }).click()]);
    if (!(await readFile(await download.path(), "utf8")).includes("AB")) faults.push("the report says nothing of the tick");
  });
}

async function withoutScript(faults) {
  await inPage(`${origin}/${CHECKLIST}`, { javaScriptEnabled: false }, faults, async (page) => {
    const visible = (selector) => page.locator(selector).filter({ visible: true });
    const times = visible("main time[datetime]");
    const boxes = visible("input[type=checkbox]");
    if ((await times.count()) < 10) faults.push(`${await times.count()} times are seen`);
    if ((await boxes.count()) < 10) faults.push(`${await boxes.count()} boxes are seen`);
    if (!/\d{2}:\d{2}/.test(await times.first().innerText())) faults.push(`"${await times.first().innerText()}" is no time`);
    await boxes.first().check();
    if (!(await page.locator("main noscript p").isVisible())) faults.push("it is not said that ticks are not saved");
  });
}

async function printed(faults) {
  await inPage(`${origin}/${CHECKLIST}`, {}, faults, async (page) => {
    const bytes = await page.pdf({ format: "A4" });
    if (bytes.subarray(0, 5).toString() !== "%PDF-" || bytes.length < 20000) faults.push(`${bytes.length} bytes are no PDF of the page`);
  });
}

async function openedAsFile(faults) {
  const looks = [];
  const file = pathToFileURL(join(folder, CHECKLIST)).href;
  for (const address of [`${origin}/${CHECKLIST}`, file]) {
    await inPage(address, {}, faults, async (page) => {
      if (!(await page.locator("link[rel=stylesheet]").count())) faults.push("the page has no stylesheet");
      looks.push(
        await page.evaluate(() =>
          ["body", "main", "h1", "header"].map((selector) => {
            const { fontFamily, fontSize, backgroundColor, display, padding, margin } = getComputedStyle(document.querySelector(selector));
            return [selector, fontFamily, fontSize, backgroundColor, display, padding, margin].join(" ");
          }),
        ),
      );
    });
  }
  if (looks[0].join() !== looks[1].join()) faults.push(`over HTTP: ${looks[0]}\nas a file: ${looks[1]}`);
}

/** Scripts and styles as they go over the wire, in bytes: every page, a run sheet, and what keeps that for offline use. */
async function weights(faults) {
  const limits = { "site.js search.js": 6144, "search.css": 1024, "sheet.js": 2048, "run.js": 14000, "site.js sheet.js run.js": 17408, "sheet-worker.js": 1536, "site.css sheet.css": 8192 };
  for (const [names, limit] of Object.entries(limits)) {
    let sum = 0;
    for (const name of names.split(" ")) {
      const file = files.find((path) => path === name || new RegExp(`^assets/${name.replace(".", "\\.[0-9a-f]{8}\\.")}$`).test(path));
      if (!file) faults.push(`${name} is not published`);
      else sum += gzipSync(await readFile(join(folder, file)), { level: 9 }).length;
    }
    if (sum > limit) faults.push(`${names}: ${sum} bytes are more than ${limit}`);
    else console.log(`        ${names}: ${sum} of ${limit} bytes`);
  }
}
