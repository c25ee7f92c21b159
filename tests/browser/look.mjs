// Shows what a project says of its look to Chromium, in light, in dark and on paper, with files of odd names and a badge above the title.
//
// Usage: node look.mjs RUNSHEET
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { listen, openBrowser, serve } from "./browser.mjs";

const program = process.argv[2];
if (!program) {
  console.error("usage: node look.mjs RUNSHEET");
  process.exit(2);
}
const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg==", "base64");
const NAMES = ["50%.png", "c#.png", "what?.png", "a:b.png", "my picture.png"];
const [LIGHT, DARK] = ["rgb(122, 31, 92)", "rgb(240, 166, 216)"];

const project = await mkdtemp(join(tmpdir(), "runsheet-look-"));
await mkdir(join(project, "content"));
for (const name of NAMES) await writeFile(join(project, "content", name), PICTURE);
await writeFile(join(project, "runsheet.toml"), '[site]\ntitle = "Look"\n[look]\nlogo = "c#.png"\n[look.colors]\naccent = ["#7a1f5c", "#f0a6d8"]\n');
const pictures = NAMES.map((name) => `![${name.slice(0, 1)}](${encodeURIComponent(name)})`).join(" ");
await writeFile(join(project, "content/index.md"),
  `[![badge](my%20picture.png)](https://sample.example/)\n\n# Under a badge\n\n${pictures} [here](#under-a-badge)\n\n| a | b | c |\n|---|:-:|--:|\n| 1 | 2 | 3 |\n`);
await promisify(execFile)(resolve(program), ["--offline", "build", "-q"], { cwd: project });
const server = await serve(join(project, "public"));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await openBrowser();
const faults = [];
const is = (seen, expected, what) => seen === expected || faults.push(`${what}: ${seen}, expected ${expected}`);
try {
  for (const [colorScheme, accent] of [["light", LIGHT], ["dark", DARK]]) {
    const page = await browser.newPage({ colorScheme });
    listen(page, origin, faults);
    await page.goto(`${origin}/index.html`, { waitUntil: "load" });
    const colour = () => page.locator("main a", { hasText: "here" }).evaluate((one) => getComputedStyle(one).color);
    is(await colour(), accent, `a link in ${colorScheme}`);
    is(await page.locator("h1").count(), 1, "titles");
    is(await page.locator("#under-a-badge").count(), 1, "places with the anchor of the title");
    const lost = await page.evaluate(() => [...document.images].filter((one) => !one.naturalWidth).map((one) => one.getAttribute("src")));
    is(lost.join(), "", "pictures that are not shown");
    const sides = await page.locator("td").evaluateAll((all) => all.map((one) => getComputedStyle(one).textAlign).join());
    is(sides, "start,center,right", "the columns");
    // Paper is white, whatever the screen is.
    await page.emulateMedia({ media: "print", colorScheme });
    if ((await colour()) === DARK) faults.push("a link has the colour of the dark on paper");
    await page.close();
  }
} finally {
  await browser.close();
  server.close();
  await rm(project, { recursive: true });
}
console.log(faults.length ? `FAILED  look: ${faults.join("\n        ")}` : "look: all good");
process.exitCode = faults.length ? 1 : 0;
