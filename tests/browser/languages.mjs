// Shows a project in German, French, Spanish and Arabic to Chromium: its words, `lang` and `dir`, dates, and which side things are on; no fault of
// accessibility, nothing wider than a phone. A run is worked in German from its start to its report.
//
// Usage: node languages.mjs RUNSHEET [PICTURES]    Pictures if a folder is named
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import axe from "axe-core";
import { listen, openBrowser, serve, tester } from "./browser.mjs";

const [program, pictures] = process.argv.slice(2);
if (!program) {
  console.error("usage: node languages.mjs RUNSHEET [PICTURES]");
  process.exit(2);
}
const ARABIC = new URL("languages/ar.toml", import.meta.url).pathname;

/** What each language shows: words of the frame, of a run sheet and its desk, how a day is written, and the groups that stay English. */
const LANGUAGES = {
  de: {
    frame: ["Menü", "Suche", "Auf dieser Seite", "Verantwortlich: ops", "Kopieren"],
    sheet: ["ab Sa., 10. Jan. 2026, 03:00 CET (UTC+1)", "Punkt ohne Wiederkehr:", "Der Plan", "Echten Lauf starten"],
    reviewed: "3. März 2026", english: 0,
  },
  fr: {
    frame: ["Menu", "Rechercher", "Sur cette page", "Responsable\u00a0: ops", "Copier"],
    sheet: ["à partir de sam. 10 janv. 2026, 03:00 CET (UTC+1)", "Point de non-retour\u00a0:", "Le plan", "Démarrer en réel"],
    reviewed: "3 mars 2026", english: 0,
  },
  es: {
    frame: ["Menú", "Buscar", "En esta página", "Responsable: ops", "Copiar"],
    sheet: ["from sáb, 10 ene 2026, 03:00 CET (UTC+1)", "Point of no return:", "Iniciar ejecución real"],
    reviewed: "3 de marzo de 2026", english: 10,
  },
  ar: {
    frame: ["القائمة", "بحث", "في هذه الصفحة", "المسؤول: ops", "نسخ"],
    sheet: ["السبت 10 يناير 2026, 03:00 CET (UTC+1)", "Point of no return:", "ابدأ فعليًا"],
    reviewed: "3 مارس 2026", english: 10,
  },
};

const PAGE = `---
owner: ops
reviewed: 2026-03-03
---

# Guide

> [!NOTE]
> Read this first.

| Name | Value |
| --- | --: |
| a | 1 |

## Commands

\`\`\`sh
echo one
\`\`\`

## More

A footnote[^1]. [English](english.md)

[^1]: Here.
`;

const SHEET = `---
kind: run-sheet
owner: lead
---

# Cutover

## T-0: Move

### Step 1: Copy (T+0:00, 20m)

- [ ] Copy rows <!-- id: copy -->
- [ ] Rows: _____ <!-- kind: integer -->

### Gate 1: point of no return (T+0:30, 10m)

Decision: [ ] GO [ ] NO-GO

## T+1h onward: Watch

Every 20 minutes:

- [ ] Look at load

### Rollback triggers

- Errors over 2 % for 10 min

## Rollback procedure

### Copy back (R+10)

- [ ] Copy back
`;

const config = (language) => `[site]
title = "Move"
language = "${language}"
base_url = "https://docs.example/"
[events.move]
t0 = 2026-01-10T02:00:00
time_zone = "Europe/Berlin"
window = "3h"
`;

async function build(language) {
  const folder = await mkdtemp(join(tmpdir(), `runsheet-${language}-`));
  await mkdir(join(folder, "content"));
  await mkdir(join(folder, "themes/default/languages"), { recursive: true });
  if (language === "ar") await cp(ARABIC, join(folder, "themes/default/languages/ar.toml"));
  await writeFile(join(folder, "runsheet.toml"), config(language));
  await writeFile(join(folder, "content/guide.md"), PAGE);
  await writeFile(join(folder, "content/english.md"), "---\nlang: en\n---\n\n# English\n\nWords.\n");
  await writeFile(join(folder, "content/sheet.md"), SHEET.replace("T-0: Move", "T+1h to T+2h: Move"));
  await promisify(execFile)(resolve(program), ["--offline", "build", "--site-only", "-q", "--now", "2026-01-01T00:00:00Z"], { cwd: folder });
  return folder;
}

async function accessible(page, where, faults) {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  if (!passes.length) faults.push(`axe, ${where}: it has looked at nothing`);
  for (const { id, help, nodes } of violations) faults.push(`axe, ${where}: ${id}: ${help}: ${nodes[0].html}`);
}

const picture = (page, name) => pictures && page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
const { test, failures } = tester();
const browser = await openBrowser();

for (const [language, { frame, sheet, reviewed, english }] of Object.entries(LANGUAGES)) {
  const folder = await build(language), server = await serve(join(folder, "public")), origin = `http://127.0.0.1:${server.address().port}`;
  const isRightToLeft = language === "ar";

  async function shown(path, faults, look) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    listen(page, origin, faults);
    await page.goto(`${origin}/${path}`, { waitUntil: "load" });
    const [lang, dir] = await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);
    if (lang !== (path === "english.html" ? "en" : language)) faults.push(`${path}: lang is ${lang}`);
    if (dir !== (isRightToLeft && path !== "english.html" ? "rtl" : "")) faults.push(`${path}: dir is ${dir}`);
    await look(page);
    await accessible(page, path, faults);
    await picture(page, `${language}-${path}`);
    await page.setViewportSize({ width: 360, height: 640 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) faults.push(`${path}: at 360 px it is ${wide} px too wide`);
    await accessible(page, `${path} at 360 px`, faults);
    await picture(page, `${language}-${path}-360`);
    await page.close();
  }
  const has = async (page, all, faults) => {
    const text = await page.locator("body").evaluate((one) => one.textContent.replace(/[\u2212]/g, "-"));
    for (const words of all) if (!text.includes(words)) faults.push(`it does not say “${words}”`);
  };

  await test(`${language}: a page`, (faults) => shown("guide.html", faults, async (page) => {
    await has(page, [...frame, reviewed], faults);
    const marked = await page.locator("#SITE-NAV [lang=en]").evaluateAll((all) => all.map((one) => one.outerHTML));
    // The link of the sidebar to the page in English.
    if (marked.length !== 1 || !marked[0].includes("english.html")) faults.push(`in English: ${marked.join("\n")}`);
    const [nav, main] = await Promise.all(["#SITE-NAV", "main"].map((one) => page.locator(one).boundingBox()));
    if ((nav.x > main.x) !== isRightToLeft) faults.push(`the sidebar is at ${nav.x}, the page at ${main.x}`);
    const [note] = await page.locator(".alert").evaluateAll((all) => all.map((one) => getComputedStyle(one).borderRightWidth));
    if ((note !== "0px") !== isRightToLeft) faults.push(`the note has a border of ${note} on its right`);
    const code = await page.locator("pre").evaluate((one) => getComputedStyle(one).direction);
    if (code !== "ltr") faults.push(`code is written ${code}`);
  }));
  await test(`${language}: a page in English`, (faults) => shown("english.html", faults, (page) => has(page, ["Menu", "Search", "Home"], faults)));
  await test(`${language}: 404`, (faults) => shown("404.html", faults, async (page) => {
    const said = await page.locator("h1").textContent();
    if (said === "Page not found") faults.push(`it says ${said}`);
  }));
  await test(`${language}: a run sheet`, (faults) => shown("sheet.html", faults, async (page) => {
    await has(page, sheet, faults);
    const marked = page.locator("main [lang=en]:not(bdi)"), count = await marked.count();
    if (english ? count < english : count) faults.push(`${count} parts are marked as English`);
    for (const dir of await marked.evaluateAll((all) => all.map((one) => one.getAttribute("dir")))) if (dir !== "ltr") faults.push(`English words have dir ${dir}`);
  }));
  if (language === "ar") {
    await test("ar: the script's words are English, its buttons Arabic", (faults) => inRun(origin, "ابدأ فعليًا", faults, async (page) => {
      await page.locator("#DESK button[name=end]").click();
      const dialog = page.locator("dialog[open]");
      const [about, cancel] = [await dialog.locator("h2").evaluate((one) => one.outerHTML), await dialog.locator("button").last().evaluate((one) => one.outerHTML)];
      if (!/lang="en" dir="ltr"/.test(about) || !about.includes("End this run?")) faults.push(about);
      if (/lang=/.test(cancel) || !cancel.includes("إلغاء")) faults.push(cancel);
      await accessible(page, "the dialog", faults);
    }));
  }
  if (language === "de") await test("de: a run from its start to its report", (faults) => germanRun(origin, faults));
  server.close();
  await rm(folder, { recursive: true });
}

async function inRun(origin, start, faults, work) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
  listen(page, origin, faults);
  await page.goto(`${origin}/sheet.html`, { waitUntil: "load" });
  await page.locator(".initials").fill("AB");
  await page.locator(".initials").blur();
  await page.getByRole("button", { name: start }).click();
  await page.locator(".desk-head", { hasText: "AB" }).waitFor();
  await work(page);
  await page.close();
}

async function germanRun(origin, faults) {
  const is = (fine, what) => fine || faults.push(what);
  await inRun(origin, "Echten Lauf starten", faults, async (page) => {
    const text = (place) => page.locator(place).first().textContent();
    const answer = async (yes, ...values) => {
      const dialog = page.locator("dialog[open]"), title = await dialog.locator("h2").textContent();
      for (const [index, value] of values.entries()) await dialog.locator("input").nth(index).fill(value);
      await dialog.getByRole("button", { name: yes, exact: true }).click();
      await page.locator("dialog").waitFor({ state: "detached" });
      return title;
    };
    is(/^ECHT \w{6}, begonnen .* von AB\. Zeiten: Europe\/Berlin \(CET\)$/.test(await text(".desk-head")), await text(".desk-head"));
    is(/zu spät/.test(await text(".late")), `no word of being late: ${await text(".late")}`);
    await page.locator("li.task > input").first().click();
    await page.locator(".stamp", { hasText: "zu spät" }).first().waitFor();
    is(/^Rückgängig: .* AB hat abgehakt: „Copy rows“$/.test(await text("[name=undo]")), await text("[name=undo]"));
    await page.locator("[data-blank]").first().fill("viele");
    await page.locator("[data-blank]").first().blur();
    await page.getByText("Nur Ziffern").waitFor();
    await page.getByLabel("GO", { exact: true }).click();
    is((await answer("Festhalten", "lead")) === "GO: Gate 1: point of no return", "the question of a decision");
    await page.locator(".alarm button").first().click();
    is((await answer("Auslösen", "Fehler", "lead")) === "Diesen Alarm auslösen?", "the question of an alarm");
    await page.locator("#ALERT", { hasText: "ALARM" }).getByRole("button", { name: "Aufheben…" }).waitFor();
    await accessible(page, "in a run", faults);
    await page.getByRole("button", { name: "Rückweg…" }).click();
    const asked = await text("dialog[open]");
    is(/Der Punkt ohne Wiederkehr ist überschritten/.test(asked), asked);
    is((await answer("Rückweg beginnen", "Fehler", "lead")) === "Den Rückweg beginnen?", "the question of the way back");
    is(/RÜCKWEG/.test(await text(".banners")), await text(".banners"));
    await page.locator("details.files > summary").click();
    const saved = async (name) => {
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name, exact: true }).click()]);
      return readFile(await file.path(), "utf8");
    };
    const table = await saved("Schritte als CSV"), report = await saved("Bericht");
    is(table.startsWith("\ufeffAbschnitt,Abstand,Aufgabe,Wer,\"Geplant, UTC\",\"Erledigt, UTC\""), table.slice(0, 90));
    for (const words of ["# Cutover: echt, Lauf ", "- Begonnen: 1", "## Entscheidungen", "## Alarme", "| Abschnitt | Abstand |"]) is(report.includes(words), `the report lacks ${words}:\n${report}`);
    await page.getByRole("button", { name: "Lauf beenden…" }).click();
    is((await answer("Lauf beenden")) === "Diesen Lauf beenden?", "the question of the end");
    is(/, beendet, begonnen /.test(await text(".desk-head")), await text(".desk-head"));
    const words = await page.locator("#DESK, #ALERT, .banners, .progress-line").evaluateAll((all) => all.map((one) => one.textContent).join(" "));
    const english = [report, table, words].join(" ").match(/\b(the|started|ended|late|done|by|cleared|tripped|ticked|decided|wrote|took|rehearsal|live)\b/g);
    is(!english, `English words: ${english}`);
    await picture(page, "de-run");
  });
}

await browser.close();
if (failures()) {
  console.log(`languages: ${failures()} failed`);
  process.exitCode = 1;
} else {
  console.log(`languages: ${Object.keys(LANGUAGES).join(", ")}: all good`);
}
