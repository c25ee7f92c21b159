// How much work a run file is to the page of a run sheet, of 1, 2, 4 and 8 times its size: opened, and at each tick behind that.
//
// Usage: node run_file.mjs RUNSHEET    One line of JSON for each file and size: {kind, size, bytes, open, tick, listed}
//
// The numbers are milliseconds of the processor that the page's own thread has used, as Chromium counts them. `listed` is a tick while
// the log is unfolded. It needs tests/browser: npm ci.
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openBrowser, serve, withoutWorker } from "../../tests/browser/browser.mjs";

const [program, ...wanted] = process.argv.slice(2);
if (!program) {
  console.error("usage: node run_file.mjs RUNSHEET [KIND …]");
  process.exit(2);
}
const SIZES = [1, 2, 4, 8];

const many = (count, make) => Array.from({ length: count }, (_, number) => make(number));
const id = (number, letter) => letter + number.toString(36);

/** Entries that each continue the one before it of their item. */
function history(count, items, one) {
  return many(count, (number) => ({
    ...one,
    id: id(number, "e"),
    at: one.at + number,
    item: items[number % items.length],
    value: { on: number % 2 === 0 },
    parents: number < items.length ? [] : [id(number - items.length, "e")],
  }));
}

/** As many items as there are tenths of the events. */
const elsewhere = (size) => many(size / 10, (number) => id(number, "x"));
const idsOf = (file, kind) => file.snapshots[0].entries.filter((item) => item.kind === kind).map((item) => item.id);

// What is added to the file of a run that has begun, by how much there is of it; `one` is an entry of its tick.
const KINDS = {
  // What the page takes for itself.
  "nothing": [0, () => ({ log: [] })],
  "events of this sheet": [3500, (size, file, one) => ({ log: history(size, idsOf(file, "task"), one) })],
  "events of items that nobody knows": [2500, (size, file, one) => ({ log: history(size, elsewhere(size), one) })],
  "events of another sheet": [2500, (size, file, one) => ({ log: history(size, elsewhere(size), { ...one, page: "other.html" }) })],
  "an earlier version of the sheet, by its items": [600, (size, file, one) => ({
    snapshots: [version(file, "earlier", size)],
    log: [{ ...one, id: "earlier1", version: "earlier" }],
  })],
  "earlier versions of the sheet": [60, (size, file, one) => ({
    snapshots: many(size, (number) => version(file, id(number, "v"), 60)),
    log: many(size, (number) => ({ ...one, id: id(number, "w"), version: id(number, "v") })),
  })],
  "values of one field, side by side": [1000, (size, file, one) => ({
    log: many(size, (number) =>
      ({ ...one, id: id(number, "f"), kind: "field", item: idsOf(file, "blank")[0], value: id(number, "v"), parents: [] })),
  })],
  "what was taken back": [1000, (size, file, one) => ({
    log: many(size, (number) => ({ ...one, id: id(number, "u"), kind: "undo", item: id(number - 1, "u"), value: null, parents: [] })),
  })],
};

/** The sheet with items that have other words now. */
function version(file, name, size) {
  const [sheet] = file.snapshots, [first] = sheet.entries;
  const entries = many(size, (number) => ({ ...first, id: id(number, name), text: `${first.text} as it was before ${number * 7919}` }));
  return { ...sheet, version: name, entries };
}

const folder = mkdtempSync(join(tmpdir(), "runsheet-growth-"));
execFileSync(resolve(program), ["init", join(folder, "project")], { stdio: "ignore" });
appendFileSync(join(folder, "project/content/checklist.md"), many(200, (number) => `\n- [ ] One more thing to do, of many: ${number} (ops)`).join(""));
execFileSync(resolve(program), ["--root", join(folder, "project"), "--offline", "--quiet", "build", "--site-only"]);
const server = await serve(join(folder, "project/public"));
const browser = await openBrowser();

async function measure(kind, size, make) {
  const context = await browser.newContext({ acceptDownloads: true });
  await context.addInitScript(withoutWorker);
  const page = await context.newPage();
  page.setDefaultTimeout(600_000);
  const developer = await context.newCDPSession(page);
  await developer.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => (await developer.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value * 1000;
  const cost = async (work) => {
    const before = await spent();
    await work();
    return Math.round(((await spent()) - before) * 10) / 10;
  };
  await page.goto(`http://127.0.0.1:${server.address().port}/checklist.html`);
  await page.locator(".initials").fill("AB");
  await page.locator(".initials").blur();
  await page.locator("#DESK .start").first().click();
  await page.locator("#DESK").getByText("by AB").waitFor();
  const boxes = page.locator("li.task > input");
  const tick = async (number) => {
    await boxes.nth(number).evaluate((one) => one.click());
    const dialog = page.locator("dialog[open]");
    if (await dialog.count()) await dialog.getByRole("button").first().click();
  };
  await tick(0);
  await page.locator("#DESK details").first().locator("> summary").click();
  const exported = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export run" }).first().click();
  const stream = await (await exported).createReadStream();
  const file = JSON.parse(Buffer.concat(await stream.toArray()).toString());
  const more = make(size, file, file.log.find((one) => one.kind === "tick"));
  const whole = { ...file, log: [...file.log, ...more.log], snapshots: [...file.snapshots, ...(more.snapshots ?? [])] };
  const buffer = Buffer.from(JSON.stringify(whole, null, 1));
  await page.locator("#DESK details").first().locator("> summary").click();
  const open = await cost(async () => {
    await page.locator("#DESK input[type=file]").setInputFiles({ name: "run.json", mimeType: "application/json", buffer });
    await page.locator(".desk-say").getByText(/^Opened|is refused/).waitFor();
  });
  const said = await page.locator(".desk-say").textContent();
  const ticks = async () => (await cost(() => tick(1)) + await cost(() => tick(2))) / 2;
  const folded = await ticks();
  await page.locator("#DESK details").first().locator("> summary").click();
  await page.locator("#DESK details ol li").first().waitFor();
  const listed = await ticks();
  console.log(JSON.stringify({ kind, size, bytes: buffer.length, open, tick: folded, listed, said }));
  await context.close();
}

for (const [kind, [least, make]] of Object.entries(KINDS)) {
  if (wanted.length && !wanted.some((part) => kind.includes(part))) continue;
  for (const times of least ? SIZES : [1]) await measure(kind, least * times, make);
}
await browser.close();
server.close();
rmSync(folder, { recursive: true });
