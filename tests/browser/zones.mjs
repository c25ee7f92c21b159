// What the script of a run sheet says of moments in many zones, in Node and in Chromium: by the offsets of the page, whatever these two
// know of zones. Where Chromium knows other rules, the page says so.
//
// Usage: node zones.mjs PUBLIC_FOLDER EXPECTED    A JSON file: {page: {zone, usual, moments: [{at, wall, words, name}]}}
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { JSDOM, VirtualConsole } from "jsdom";
import { listen, openBrowser, serve, several, withoutWorker } from "./browser.mjs";

const [folder, list] = process.argv.slice(2);
if (!list) {
  console.error("usage: node zones.mjs PUBLIC_FOLDER EXPECTED");
  process.exit(2);
}
const expected = JSON.parse(readFileSync(list, "utf8")), RUN = "0123456789abcdef";
const faults = [];
let compared = 0;

/** What a browser keeps of a run in which each task was ticked at its moment. */
function kept(sheet, moments) {
  const root = `runsheet:${sheet.site}:${sheet.event.id}`, common = { by: "AB", device: "d", page: sheet.page, version: sheet.version, parents: [] };
  const begun = { id: "begun", at: moments[0].at - 1, kind: "start", item: "", value: { run: RUN, event: sheet.event.id, mode: "live", t0: sheet.event.t0 } };
  const ticks = sheet.items.map(({ id }, index) => ({ id: `tick${index}`, at: moments[index].at, kind: "tick", item: id, value: { on: true } }));
  return [[root, RUN], ...[begun, ...ticks].map((entry) => [`${root}:${RUN}:${entry.id}`, JSON.stringify({ ...common, ...entry })])];
}

/** In a page: presses the two buttons that save a run, and gives what they save. */
function saves() {
  return ["Report", "Steps as CSV"].map((words) => {
    let saved;
    const was = Blob;
    globalThis.Blob = function (parts) { saved = parts.join(""); };
    URL.createObjectURL = () => "#";
    URL.revokeObjectURL = () => {};
    [...document.querySelectorAll("button")].find((one) => one.textContent === words).click();
    globalThis.Blob = was;
    return saved;
  });
}

function compare(engine, zone, [report, csv], { usual, moments }) {
  const isRow = (line) => line.startsWith("| ") && !line.startsWith("| Section") && !line.startsWith("| ---");
  const rows = report.split("## Steps")[1].split("\n## ")[0].split("\n").filter(isRow).map((line) => line.split(" | ").map((cell) => cell.replace(/\\/g, "")));
  if (rows.length !== moments.length) faults.push(`${engine}, ${zone}: ${rows.length} rows for ${moments.length} moments`);
  moments.forEach(({ at, words, name }, index) => {
    const utc = new Date(at).toISOString().slice(0, 19), wanted = words + (name === usual ? "" : ` ${name}`);
    compared += 2;
    if (rows[index]?.[5] !== wanted) faults.push(`${engine}, ${zone}, ${utc}Z: "${rows[index]?.[5]}", and Python says "${wanted}"`);
    const cell = csv.split("\r\n")[index + 1]?.split(",")[5];
    if (cell !== utc.replace("T", " ")) faults.push(`${engine}, ${zone}, ${utc}Z: the table says "${cell}"`);
  });
}

// Node: the script as it is shipped, on a page that nothing draws.
for (const [name, one] of Object.entries(expected)) {
  const html = readFileSync(join(folder, `${name}.html`), "utf8"), sheet = JSON.parse(/id="SHEET"[^>]*>([^<]*)</.exec(html)[1]);
  const script = readFileSync(join(folder, /data-run="([^"]*)"/.exec(html)[1]), "utf8");
  const console = new VirtualConsole().on("jsdomError", (error) => /navigation/.test(error.message) || faults.push(`Node, ${one.zone}: ${error.message}`));
  const { window } = new JSDOM(html, { url: "https://sample.example/", runScripts: "outside-only", virtualConsole: console });
  window.ResizeObserver = class { observe() {} };
  window.setInterval = () => {};
  window.Element.prototype.scrollIntoView = () => {};
  for (const [key, value] of kept(sheet, one.moments)) window.localStorage.setItem(key, value);
  window.eval(script);
  compare("Node", one.zone, window.eval(`(${saves})()`), one);
  window.close();
}

const server = await serve(folder), origin = `http://127.0.0.1:${server.address().port}`, browser = await openBrowser();
let warned = 0;
await several(Object.entries(expected), async ([name, one]) => {
  const context = await browser.newContext();
  await context.addInitScript(withoutWorker);
  const page = await context.newPage(), complaints = [], sheet = JSON.parse(/id="SHEET"[^>]*>([^<]*)</.exec(readFileSync(join(folder, `${name}.html`), "utf8"))[1]);
  listen(page, origin, complaints);
  await page.addInitScript((entries) => entries.forEach(([key, value]) => localStorage.setItem(key, value)), kept(sheet, one.moments));
  await page.goto(`${origin}/${name}.html`);
  await page.getByText("Steps as CSV").waitFor({ state: "attached" });
  compare("Chromium", one.zone, await page.evaluate(saves), one);
  // Its own rules, as any other page of this browser would use them
  const differs = await page.evaluate(([timeZone, moments]) => {
    const clock = new Intl.DateTimeFormat("sv", { timeZone, dateStyle: "short", timeStyle: "short" });
    return moments.some(({ at, wall }) => clock.format(at) !== wall);
  }, [one.zone, one.moments]);
  await page.waitForTimeout(700);
  const isSaid = await page.getByText(`This browser has different rules for ${one.zone}`).isVisible();
  if (differs !== isSaid) faults.push(`Chromium has ${differs ? "other" : "the same"} rules for ${one.zone}, and the page says ${isSaid ? "other" : "nothing"}`);
  warned += isSaid;
  faults.push(...complaints.map((one) => `Chromium, ${name}: ${one}`));
  await context.close();
});
// A zone that no browser knows
{
  const page = await browser.newPage();
  await page.addInitScript(withoutWorker);
  await page.route("**/z5.html", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replaceAll("Europe/London", "Atlantis/Capital") });
  });
  await page.goto(`${origin}/z5.html`);
  await page.getByText("This browser has different rules for Atlantis/Capital: the times here follow tzdata").waitFor();
}
const versions = `Node ${process.version} (tzdata ${process.versions.tz}), Chromium ${browser.version()}`;
await browser.close();
server.close();
for (const fault of faults.slice(0, 40)) console.log(`FAILED  ${fault}`);
console.log(`${versions}: ${compared} comparisons, ${faults.length} faults; Chromium has other rules for ${warned} of the zones, and the page says so`);
process.exit(faults.length || !compared ? 1 : 0);
