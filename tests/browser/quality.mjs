// Holds every page of a built site, and of the project that `runsheet init` makes, against html-validate, and one page of each type
// against Lighthouse and the limits of weight.
//
// Usage: node quality.mjs RUNSHEET PUBLIC_FOLDER [RUNS_FOR_PERFORMANCE]
// Speed is judged by the median of 5 runs, or as many as are asked for; fewer than 5 are told and not judged, and 0 are none.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, resolve, sep } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { HtmlValidate } from "html-validate";
import lighthouse from "lighthouse";
import { chromium } from "playwright-core";
import { executable, TYPES, withoutWorker } from "./browser.mjs";

/** Where the project that `runsheet init` makes is served. */
const START = "start/";
/** One page of each type. */
const KINDS = {
  home: "index.html",
  "guide page": "guide/getting-started.html",
  section: "guide/index.html",
  "run sheet": `${START}checklist.html`,
  "long run sheet": "docs/cutover-checklist.html",
  notices: "docs/user-notice-template.html",
  reference: "reference/diagnostics.html",
  "not found": "404.html",
};
/** Stricter than what the guide asks of a server: nothing is allowed but what a page needs. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const LEAST = { accessibility: 1, "best-practices": 1, seo: 1, performance: 0.98 };
const MOST_BYTES = 20 * 1024;
const MOST_SCRIPT = 6 * 1024;
/** The words of the sample's sheet alone are more: what it weighs is told, and judged against no limit. */
const WITHOUT_LIMIT = ["long run sheet"];
/** What a page that is not to be found in a search is not asked. */
const NOT_FOR_SEARCH = { "not found": ["is-crawlable"] };
const BROWSER = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-domain-reliability",
  "--disable-quic",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--no-pings",
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];

if (process.argv.length < 4 || process.argv.length > 5) {
  console.error("usage: node quality.mjs RUNSHEET PUBLIC_FOLDER [RUNS_FOR_PERFORMANCE]");
  process.exit(2);
}
const program = resolve(process.argv[2]);
const runs = Number(process.argv[4] ?? 5);
const project = await mkdtemp(join(tmpdir(), "runsheet-quality-"));
try {
  await promisify(execFile)(program, ["init", join(project, "new")]);
  await promisify(execFile)(program, ["--offline", "build"], { cwd: join(project, "new") });
} catch (error) {
  await rm(project, { recursive: true });
  throw error;
}
/** The folders that are served, by the beginning of their addresses. */
const folders = { [START]: join(project, "new/public"), "": resolve(process.argv[3]) };
const pages = (await Promise.all(Object.entries(folders).map(pagesOf))).flat();
const faults = [];
const server = await serve();
const origin = `http://127.0.0.1:${server.address().port}`;
const port = await freePort();
const browser = await chromium.launch({ executablePath: executable(), args: [...BROWSER, `--remote-debugging-port=${port}`] });
try {
  await valid();
  await nothingInline();
  await weights();
  await scores();
} finally {
  await browser.close();
  server.close();
  await rm(project, { recursive: true });
}
for (const fault of faults) console.log(`FAILED  ${fault}`);
console.log(`quality: ${pages.length} pages, ${faults.length} faults`);
process.exitCode = faults.length ? 1 : 0;

/** The addresses of a folder's pages, without the slash before them. */
async function pagesOf([start, folder]) {
  const files = (await readdir(folder, { recursive: true })).map((file) => file.split(sep).join("/"));
  return files.filter((file) => file.endsWith(".html")).sort().map((file) => start + file);
}

/** html-validate, with the rules of htmlvalidate.json. */
async function valid() {
  const config = JSON.parse(await readFile(new URL("htmlvalidate.json", import.meta.url)));
  const validator = new HtmlValidate(config);
  let found = 0;
  for (const page of pages) {
    const report = await validator.validateString(await readFile(fileOf(`${origin}/${page}`), "utf8"), page);
    for (const { line, column, ruleId, message } of report.results.flatMap((result) => result.messages)) {
      found += 1;
      if (found <= 20) faults.push(`html-validate: ${page}:${line}:${column} ${ruleId}: ${message}`);
    }
  }
  if (found > 20) faults.push(`html-validate: ${found - 20} more`);
  console.log(`html-validate: ${pages.length} pages, ${found} faults`);
}

/** Blocks of data are no scripts. */
async function nothingInline() {
  for (const page of pages) {
    const html = await readFile(fileOf(`${origin}/${page}`), "utf8");
    for (const [tag] of html.matchAll(/<[a-z][^>]*>/gi)) {
      const isScript = /^<script\b/i.test(tag) && !/\ssrc=/i.test(tag) && !/\stype="application\/(ld\+)?json"/i.test(tag);
      if (isScript || /^<style\b/i.test(tag) || /\s(style|on[a-z]+)=/i.test(tag.replaceAll(/"[^"]*"/g, '""'))) {
        faults.push(`${page}: inline: ${tag.slice(0, 120)}`);
      }
    }
  }
}

/** What a first visit loads, packed. */
async function weights() {
  const table = [];
  for (const [kind, path] of Object.entries(KINDS)) {
    const weight = { document: 0, stylesheet: 0, script: 0 };
    const weighed = [];
    const context = await browser.newContext();
    const page = await context.newPage();
    // What a worker keeps is fetched once more, behind the page.
    await page.addInitScript(withoutWorker);
    page.on("request", (request) => {
      if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("data:")) faults.push(`${path}: asks for ${request.url()}`);
    });
    const weigh = async (type, file) => {
      weight[type] += gzipSync(await readFile(file), { level: 9 }).length;
    };
    page.on("response", (response) => {
      const type = response.request().resourceType();
      if (type in weight) weighed.push(weigh(type, fileOf(response.url())));
    });
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(`${path}: ${message.text()}`);
    });
    await page.goto(`${origin}/${path}`, { waitUntil: "networkidle" });
    await context.close();
    await Promise.all(weighed);
    const total = weight.document + weight.stylesheet + weight.script;
    table.push({ kind, html: weight.document, css: weight.stylesheet, script: weight.script, total });
    if (WITHOUT_LIMIT.includes(kind)) continue;
    if (total > MOST_BYTES) faults.push(`${path}: a first visit loads ${total} bytes, ${MOST_BYTES} are the limit`);
    if (weight.script > MOST_SCRIPT) faults.push(`${path}: ${weight.script} bytes of script, ${MOST_SCRIPT} are the limit`);
  }
  console.log("Bytes of a first visit, by gzip -9:");
  console.table(Object.fromEntries(table.map(({ kind, ...rest }) => [kind, rest])));
}

async function scores() {
  const table = {};
  const asked = Object.keys(LEAST).filter((name) => name !== "performance" || runs > 0);
  for (const [kind, path] of Object.entries(KINDS)) {
    const seen = await look(path, asked, NOT_FOR_SEARCH[kind] ?? []);
    if (seen.performance) {
      const all = [seen.performance.score];
      while (all.length < runs) all.push((await look(path, ["performance"], [])).performance.score);
      all.sort();
      seen.performance.score = all[Math.floor(all.length / 2)];
      seen.performance.all = all;
    }
    for (const [name, { score, failed }] of Object.entries(seen)) {
      // A few runs on a machine that has other things to do say nothing about speed.
      const isJudged = name !== "performance" || runs >= 5;
      if (isJudged && !(score >= LEAST[name])) faults.push(`Lighthouse: ${path}: ${name} is ${Math.round(score * 100)}, not ${LEAST[name] * 100}: ${failed.join("; ")}`);
    }
    table[kind] = Object.fromEntries(Object.entries(seen).map(([name, { score }]) => [name, Math.round(score * 100)]));
    if (seen.performance) table[kind]["all runs"] = seen.performance.all.map((score) => Math.round(score * 100)).join(" ");
  }
  console.log(runs ? `Lighthouse, performance as the median of ${runs}:` : "Lighthouse, without performance:");
  console.table(table);
}

/** The scores of a page by category, and what took points away. */
async function look(path, onlyCategories, skipAudits) {
  const result = await lighthouse(`${origin}/${path}`, { port, onlyCategories, skipAudits, logLevel: "error", output: "json" });
  const { categories, audits, runtimeError } = result.lhr;
  if (runtimeError) throw new Error(`Lighthouse: ${path}: ${runtimeError.message}`);
  return Object.fromEntries(
    onlyCategories.map((name) => {
      const counted = categories[name].auditRefs.filter(({ id, weight }) => weight > 0 && audits[id].score !== null && audits[id].score < 1);
      return [name, { score: categories[name].score, failed: counted.map(({ id }) => `${id} (${audits[id].displayValue ?? audits[id].title})`) }];
    }),
  );
}

function fileOf(url) {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const [start, folder] = Object.entries(folders).find(([start]) => name.startsWith(start));
  const path = join(folder, name.slice(start.length));
  if (!path.startsWith(folder + sep)) throw new Error("outside");
  return path;
}

/** A server as the guide describes one: packed, with the policy, hashed names kept for ever. */
async function serve() {
  const server = createServer(async (request, response) => {
    const headers = { "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };
    try {
      const path = fileOf(new URL(request.url, "http://127.0.0.1"));
      const bytes = await readFile(path);
      const isHashed = path.includes(`${sep}assets${sep}`);
      headers["Cache-Control"] = isHashed ? "public, max-age=31536000, immutable" : "no-cache";
      headers["Content-Type"] = TYPES[extname(path)] ?? "application/octet-stream";
      headers["Content-Encoding"] = "gzip";
      response.writeHead(200, headers).end(gzipSync(bytes));
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return server;
}

/** A port on which nobody listens, for Lighthouse to speak to the browser. */
async function freePort() {
  const socket = createSocket();
  await new Promise((ready) => socket.listen(0, "127.0.0.1", ready));
  const { port } = socket.address();
  await new Promise((done) => socket.close(done));
  return port;
}
