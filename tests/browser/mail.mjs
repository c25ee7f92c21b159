// Looks at a mail of each language of every mailing: in an offline checker of mail, and in a browser in light, dark and on a phone.
//
// Usage: node mail.mjs RUNSHEET PROJECT_FOLDER [PICTURES_FOLDER]
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { auditEmail } from "@emailens/engine";
import axe from "axe-core";
import { ABOUT_COLOUR, openBrowser, several } from "./browser.mjs";

const [program, project, pictures] = process.argv.slice(2);
if (!project) {
  console.error("usage: node mail.mjs RUNSHEET PROJECT_FOLDER [PICTURES_FOLDER]");
  process.exit(2);
}
const run = promisify(execFile);
const call = async (...args) => (await run(resolve(program), ["--root", project, "--offline", ...args], { maxBuffer: 1 << 28 })).stdout;
const mailings = [...(await call("notice", "list")).matchAll(/^  mailing (\S+)/gm)].map((found) => found[1]);
const faults = [];
let count = 0;
const browser = await openBrowser();
if (pictures) await mkdir(pictures, { recursive: true });
try {
  const mails = [];
  for (const mailing of mailings) {
    const lines = (await call("notice", "merge", mailing, "--format", "jsonl", "--to", "-")).trim().split("\n");
    const first = new Map();
    for (const mail of lines.map((line) => JSON.parse(line))) {
      const lang = /<html lang="([^"]+)"/.exec(mail.html)[1];
      if (!first.has(lang)) first.set(lang, { mailing: lang === "en" ? mailing : `${mailing}.${lang}`, ...mail });
    }
    mails.push(...first.values());
  }
  count = mails.length;
  await several(mails, async ({ mailing, html, subject }) => {
    const is = (holds, words) => holds || faults.push(`${mailing}: ${words}`);
    const report = auditEmail(html);
    is(report.accessibility.score === 100, `accessibility ${report.accessibility.score}: ${JSON.stringify(report.accessibility.issues)}`);
    is(report.links.totalLinks > 0 && !report.links.issues.length, `links: ${JSON.stringify(report.links.issues)}`);
    is(!report.spam.issues.length, `spam: ${JSON.stringify(report.spam.issues)}`);
    is(!report.size.clipped && html.length < 90 * 1024, `size ${html.length}`);
    is(subject.length <= 70, `a subject of ${subject.length} characters`);
    const page = await browser.newPage();
    const asked = [];
    await page.route("**", (route) => (route.request().url().startsWith("data:") ? route.continue() : (asked.push(route.request().url()), route.abort())));
    await page.setContent(html);
    await page.evaluate(axe.source);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1000, 600, 360]) {
        await page.setViewportSize({ width, height: 900 });
        await look(page, colorScheme, (holds, words) => is(holds, `${colorScheme}, ${width} px: ${words}`));
        if (pictures) await page.screenshot({ path: join(pictures, `${mailing}-${colorScheme}-${width}.png`), fullPage: true });
      }
    }
    is(!asked.length, `it asks for ${asked}`);
    await page.close();
  });
} finally {
  await browser.close();
}
if (!mailings.length) faults.push("there are no mailings");
for (const fault of faults) console.log(`FAILED  ${fault}`);
console.log(`${count} mails of ${mailings.length} mailings in light and dark at three widths: ${faults.length ? `${faults.length} faults` : "all good"}`);
process.exitCode = faults.length ? 1 : 0;

async function look(page, colorScheme, is) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  is(overflow <= 0, `${overflow} px run over`);
  const sheet = await page.locator(".sheet").boundingBox();
  is(sheet.width <= 602, `the column is ${sheet.width} px wide`);
  const color = await page.locator(".sheet").evaluate((sheet) => getComputedStyle(sheet).backgroundColor);
  is(color === (colorScheme === "dark" ? "rgb(28, 33, 39)" : "rgb(255, 255, 255)"), `the sheet is ${color}`);
  // A mail is no page of a site: it has no landmarks and may begin with a greeting.
  const rules = { region: { enabled: false }, "page-has-heading-one": { enabled: false }, "landmark-one-main": { enabled: false } };
  const asked = colorScheme === "dark" ? { runOnly: ABOUT_COLOUR } : { rules };
  const { violations, passes } = await page.evaluate((asked) => axe.run(document, { ...asked, resultTypes: ["violations"] }), asked);
  is(passes.length > (asked.runOnly ? 0 : 5), "axe has looked at nothing");
  for (const { id, help, nodes } of violations) is(false, `axe: ${id}: ${help}: ${nodes[0].html.slice(0, 160)}`);
}
