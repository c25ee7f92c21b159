// Takes the pictures of the README anew, of the sample as the program makes it: a live run one hour after T-0, the same on a phone, and a notice.
//
// Usage: node scripts/pictures.mjs RUNSHEET    In the root of the repository, after `npm ci` in tests/browser
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openBrowser, serve } from "../tests/browser/browser.mjs";

const program = process.argv[2];
if (!program) {
  console.error("usage: node scripts/pictures.mjs RUNSHEET");
  process.exit(2);
}
const [BEFORE, LATE, ONE_HOUR_IN] = ["01:55", "02:25", "03:05"].map((time) => new Date(`2027-02-13T${time}:00Z`));
const folder = mkdtempSync(join(tmpdir(), "runsheet-pictures-"));
execFileSync(resolve(program), ["--offline", "build", "--site-only", "-q", "--now", "2027-02-12T18:00:00Z", "--out", join(folder, "public")]);
const server = await serve(join(folder, "public")), origin = `http://127.0.0.1:${server.address().port}`;
const browser = await openBrowser();

/** Ticks a task, or passes a gate. */
async function work(page, input) {
  await input.evaluate((one) => one.click());
  const dialog = page.locator("dialog[open]");
  if (!await dialog.count()) return;
  await dialog.locator("input").first().fill("lead");
  await dialog.locator("button").first().click();
}

/** A run in which all is done up to the cutover, whose first tasks were late. */
async function run(viewport, name) {
  const page = await browser.newPage({ viewport, deviceScaleFactor: 1.5 });
  await page.clock.install({ time: BEFORE });
  await page.goto(`${origin}/docs/cutover-checklist.html`, { waitUntil: "load" });
  await page.locator(".initials").fill("AB");
  await page.locator(".initials").blur();
  await page.locator("#DESK .start").last().click();
  await page.locator(".desk-head", { hasText: "AB" }).waitFor();
  const heading = page.locator("h3", { hasText: "Step 1" }).first();
  const before = heading.locator("xpath=preceding::*[self::li[contains(@class,'task')] or self::fieldset]//input[@type='checkbox' or (@type='radio' and not(ancestor::label/preceding-sibling::label))]");
  for (const input of (await before.all())) if (await input.isEnabled() && !await input.isChecked()) await work(page, input);
  await page.clock.setSystemTime(LATE);
  const boxes = heading.locator("xpath=following::li[contains(@class,'task')]/input");
  for (const at of [0, 1, 2]) await work(page, boxes.nth(at));
  await page.clock.setSystemTime(ONE_HOUR_IN);
  await page.clock.runFor(61000);
  await page.evaluate(() => document.activeElement.blur());
  await heading.evaluate((one) => scrollTo(0, one.getBoundingClientRect().top + scrollY - 130));
  await page.waitForTimeout(300);
  await page.screenshot({ path: `docs/pictures/${name}.png` });
  await page.close();
}
await run({ width: 1280, height: 800 }, "checklist");
await run({ width: 390, height: 844 }, "checklist-phone");
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 });
await page.goto(`${origin}/docs/user-notice-template.html`, { waitUntil: "load" });
await page.locator("article.notice").first().evaluate((one) => one.scrollIntoView());
await page.screenshot({ path: "docs/pictures/notice.png" });
await browser.close();
server.close();
rmSync(folder, { recursive: true });
