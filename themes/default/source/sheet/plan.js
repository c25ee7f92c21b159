// The plan: what the page was built from, as its data block has it. Nothing of it changes while the page is open.
import { all } from "../elements.js";

const [data] = all("#SHEET");
export const sheet = JSON.parse(data.textContent);
export const { items, blanks, sections } = sheet;
/** A page without an event is one of its own, without a date. */
export const event = sheet.event || { id: sheet.page, t0: null };
/** Under this key the event's present run is named, below it all runs are kept. */
export const root = `runsheet:${sheet.site}:${event.id}`;
export const byId = new Map([...items, ...blanks].map((one) => [one.id, one]));
for (const one of byId.values()) one.in = sections[one.section] || {};

export const isMain = (section) => section.track === "main";
export const isStep = (item) => item.kind !== "alarm" && !item.done;

/** Times of the plan are seconds, those of the clock milliseconds; 0 means no time. */
export const toMs = (seconds) => (seconds || 0) * 1000;
export const minutes = (ms) => Math.round(ms / 60000);
export const cut = (text) => (text.length > 60 ? text.slice(0, 59) + "…" : text);
