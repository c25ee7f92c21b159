// Keeps the run sheets for hours without a network. Everything else goes its usual way.
// The program writes a line above this one: SHEETS = { version, pages, files, hashed }, paths from this file's folder.
"use strict";
import { phrase } from "./elements.js";
import { dayAndTime, ruleAt } from "./zone.js";

const FOLDER = new URL("./", self.location).href;
// Other sites may live on the same host: their caches are left alone.
const PREFIX = `runsheet ${FOLDER} `;
const CACHE = PREFIX + SHEETS.version;
const address = (path) => new URL(path, FOLDER).href;
const PAGES = new Set(SHEETS.pages.map(address));
const FILES = new Set(SHEETS.files.map(address));
// A name with a hash stands for the same bytes for ever.
const HASHED = new Set(SHEETS.hashed.map(address));
const PATIENCE = 4000;

async function install() {
  const cache = await caches.open(CACHE);
  // Past the browser's own cache, so that all is of one build. All or nothing.
  await Promise.all([...PAGES, ...FILES, ...HASHED].map(async (url) => {
    const answer = await fetch(url, { cache: HASHED.has(url) ? "default" : "reload" });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    // Browsers refuse a page that was redirected: keep what came in the end.
    await cache.put(url, answer.redirected ? new Response(await answer.blob(), { headers: answer.headers }) : answer);
  }));
  await cache.put(address("sheet-worker.js?saved"), new Response(String(Date.now())));
  await self.skipWaiting();
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function kept(url) {
  return (await caches.open(CACHE)).match(url);
}

// Hosts show a page under shorter addresses, too: "docs/" for docs/index.html, "docs/sheet" for docs/sheet.html.
const named = (url) => [url, `${url}index.html`, `${url}.html`].find((one) => PAGES.has(one));

// Clients that got the saved page and do not know it yet. Browsers report being online in many a dead network.
const copied = new Set();

// The network first: it may have a newer sheet or picture. A slow or broken one must not keep people waiting.
async function fresh(request, url, client) {
  const network = fetch(request);
  const late = new Promise((done) => setTimeout(done, PATIENCE));
  const answer = await Promise.race([network.catch(() => null), late]);
  // A new picture under an old name makes no new list.
  if (answer?.status === 200 && FILES.has(url)) {
    const copy = answer.clone();
    await caches.open(CACHE).then((cache) => cache.put(url, copy)).catch(() => {});
  }
  if (answer && answer.status < 500) return answer;
  const copy = await kept(url);
  if (copy) copied.add(client);
  return copy || network;
}

async function file(request, url) {
  return (await kept(url)) || fetch(request);
}

// Pages ask what is saved, with their words, the offsets of their event's zone, and what they were built from. The moment is written as
// the page writes one: in the zone of its event, or else in that of this device.
async function answer({ source, data: { isOffline, offline, saved, offsets, date, of } }) {
  const ms = Number(await (await kept(address("sheet-worker.js?saved"))).text()), [, offset, name] = ruleAt(ms, offsets);
  const words = phrase(saved, [...dayAndTime(ms + offset * 1000, date), ...(offsets ? [name] : [])].join(" "));
  source.postMessage(`${copied.delete(source.id) || isOffline ? phrase(offline, words) : words} ${of}`);
}

self.addEventListener("message", (event) => event.waitUntil(answer(event)));
self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = request.url.split(/[?#]/)[0];
  if (request.method !== "GET") return;
  if (HASHED.has(url)) event.respondWith(file(request, url));
  else if (named(url) || FILES.has(url)) event.respondWith(fresh(request, named(url) || url, event.resultingClientId));
});
