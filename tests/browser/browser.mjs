// What the browser tests share: Debian's Chromium, a server of files, and a list of faults.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Where the browser is; without one there is nothing to test. */
export function executable() {
  if (!existsSync(executablePath)) {
    console.error(`${executablePath} is missing: install it (apt-get install --no-install-recommends chromium), or set CHROMIUM`);
    process.exit(1);
  }
  return executablePath;
}

export async function openBrowser() {
  // Root, as in a container, has no sandbox; the pages are our own.
  const args = process.getuid?.() === 0 ? ["--no-sandbox", "--disable-dev-shm-usage"] : [];
  // Without a graphics card its process only costs time.
  return chromium.launch({ executablePath: executable(), args: [...args, "--disable-gpu-compositing", "--in-process-gpu"] });
}

/** What the guide has servers send, without pictures in addresses of data. */
const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'";
export const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".png": "image/png",
  ".ics": "text/calendar; charset=utf-8",
};

/** A server of a folder's files, as strict as the real one. Set `dead`, and it answers nobody. */
export async function serve(folder) {
  const server = createServer(async (request, response) => {
    if (server.dead) return request.socket.destroy();
    const headers = { "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff" };
    try {
      const path = join(folder, decodeURIComponent(new URL(request.url, "http://127.0.0.1").pathname));
      if (!path.startsWith(folder + sep)) throw new Error("outside");
      const bytes = await readFile(path);
      response.writeHead(200, { ...headers, "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return server;
}

/** Notes what a page complains of, and each request that leaves the origin, in `faults`. */
export function listen(page, origin, faults) {
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    // A browser that goes on to another page gives up the icon, which it loads beside the page, and the stream of serve's events.
    const isGivenUp = why === "net::ERR_ABORTED" && /\/icon\.[0-9a-f]+\.svg$|\/_runsheet\/events$/.test(request.url());
    if (!isGivenUp) faults.push(`not loaded: ${request.url()}: ${why}`);
  });
  page.on("request", (request) => {
    if (!isOurs(request.url(), origin)) faults.push(`leaves the origin: ${request.url()}`);
  });
  page.on("websocket", (socket) => faults.push(`leaves the origin: ${socket.url()}`));
}

function isOurs(url, origin) {
  return url.startsWith("data:") || url.startsWith(`${origin}/`);
}

/** For axe's `runOnly`: all that it asks of colours. Its other rules find the same in light and dark. */
export const ABOUT_COLOUR = ["color-contrast", "link-in-text-block"];

/** For `addInitScript`: a page without the worker that keeps run sheets, which fetches and answers beside it. */
export function withoutWorker() {
  ServiceWorkerContainer.prototype.register = () => new Promise(() => {});
}

/** Does the same with each of some things, a few at a time: most of the time a page waits. */
export async function several(things, run, atOnce = 4) {
  const left = [...things];
  const one = async () => {
    while (left.length) await run(left.shift());
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** A test of faults: what it finds is written into a list and said; `failures()` tells how many tests found some. */
export function tester() {
  let failed = 0;
  const test = async (name, run) => {
    const faults = [];
    try {
      await run(faults);
    } catch (error) {
      faults.push(error.message);
    }
    console.log(`${faults.length ? "FAILED" : "ok"}  ${name}`);
    for (const fault of faults) console.log(`        ${fault.replaceAll("\n", "\n        ")}`);
    if (faults.length) failed += 1;
  };
  return { test, failures: () => failed };
}
