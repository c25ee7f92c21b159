// What both browser tests share: Debian's Chromium, and a list of faults.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

export async function openBrowser() {
  if (!existsSync(executablePath)) {
    console.error(`${executablePath} is missing: install it (apt-get install --no-install-recommends chromium), or set CHROMIUM`);
    process.exit(1);
  }
  // Root, as in a container, has no sandbox; the pages are our own.
  const args = process.getuid?.() === 0 ? ["--no-sandbox", "--disable-dev-shm-usage"] : [];
  return chromium.launch({ executablePath, args });
}

/** Notes what a page complains of, and each request that leaves the origin, in `faults`. */
export function listen(page, origin, faults) {
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("requestfailed", (request) => faults.push(`not loaded: ${request.url()}: ${request.failure()?.errorText}`));
  page.on("request", (request) => {
    if (!isOurs(request.url(), origin)) faults.push(`leaves the origin: ${request.url()}`);
  });
  page.on("websocket", (socket) => faults.push(`leaves the origin: ${socket.url()}`));
}

function isOurs(url, origin) {
  return url.startsWith("data:") || url.startsWith(`${origin}/`);
}
