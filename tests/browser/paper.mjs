// Lays run sheets out as for paper: the columns of tasks, lines to write on, addresses of links, and that nothing runs over.
//
// Usage: node paper.mjs RUNSHEET SITE_FOLDER
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { openBrowser } from "./browser.mjs";

const [program, site] = process.argv.slice(2);
if (!site) {
  console.error("usage: node paper.mjs RUNSHEET SITE_FOLDER");
  process.exit(2);
}
const millimetres = (count) => (count * 96) / 25.4;
// What the margins leave of a sheet, in millimetres.
const PAPERS = { A4: 210 - 28, Letter: 215.9 - 28 };

const small = await mkdtemp(join(tmpdir(), "runsheet-paper-"));
const browser = await openBrowser();
const faults = [];
try {
  await cp(join(dirname(fileURLToPath(import.meta.url)), "../cases/sheet-on-paper"), small, { recursive: true });
  await promisify(execFile)(resolve(program), ["--offline", "build"], { cwd: small });
  for (const [paper, width] of Object.entries(PAPERS)) {
    const size = { width: Math.floor(millimetres(width)), height: 1000 };
    await look(join(resolve(site), "docs/cutover-checklist.html"), size, async (page, is) => {
      await widths(page, is);
      is(await page.locator("main .task > .plan").count() > 50, `${paper}: the tasks of the sample have columns`);
    });
    await look(join(small, "public/sheet.html"), size, async (page, is) => {
      await widths(page, is);
      const head = (await page.locator(".plan-head").first().innerText()).split("\n").join(" ");
      is(head === "Planned Offset Step Owner Est. Actual Initials", `the columns are called "${head}"`);
      const row = await page.locator("main .task > .plan").nth(1).innerText();
      is(row.replace(/\s+/g, " ").trim() === "10 Feb 04:00 9 Feb 22:30 UTC T-3d +2h ops 1 h", `a row says "${row}"`);
      const lists = await page.locator(".link-notes li").allInnerTexts();
      is(lists.join() === "https://example.org/a?with=words&more,https://vendor.example/,https://board.example/", `links lead to ${lists}`);
      const running = await page.locator(".running").innerText();
      is(/^REHEARSAL .* T-0 Sat 13 Feb 2027, 02:00 IST \(UTC\+5:30\), 12 Feb 20:30 UTC · sheet \w+ · run/.test(running), `above each page: ${running}`);
    });
  }
} finally {
  await browser.close();
  await rm(small, { recursive: true, force: true });
}
for (const fault of faults) console.log(`FAILED  ${fault}`);
console.log(`paper: ${faults.length ? `${faults.length} faults` : "all good"}`);
process.exitCode = faults.length ? 1 : 0;

/** Shows a file as it is printed, without and with what a script adds. */
async function look(file, viewport, run) {
  for (const javaScriptEnabled of [false, true]) {
    const context = await browser.newContext({ viewport, javaScriptEnabled });
    const page = await context.newPage();
    await page.emulateMedia({ media: "print" });
    await page.goto(pathToFileURL(file).href);
    await run(page, (holds, words) => holds || faults.push(`${file.split("/").pop()}, ${viewport.width} px: ${words}`));
    await context.close();
  }
}

/** Lines of 4 cm to write on, and nothing wider than the paper or its column. */
async function widths(page, is) {
  const lines = await page.locator("main .blank").evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ width, right }) => ({ width, right })));
  const least = Math.min(...lines.map(({ width }) => width)), most = Math.max(...lines.map(({ right }) => right));
  is(lines.length > 5 && least >= millimetres(40) - 0.5, `a line to write on is ${(least / millimetres(1)).toFixed(1)} mm`);
  const [scrollWidth, clientWidth] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  is(scrollWidth <= clientWidth && most <= clientWidth, `${Math.max(scrollWidth, most)} px are wider than the paper's ${clientWidth}`);
  const over = await page.locator(".plan > *").evaluateAll((cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent));
  is(!over.length, `run out of their column: ${over}`);
}
