// Times as text, in the zone of the event; without one in that of the device. The rules of zones that a browser has are often older
// than those that the page was built with, so it is not asked.
import { event, minutes, toMs } from "../sheet/plan.js";

/** Which offset is in force at a moment: from when on, how many seconds, and what it is called. */
function ruleAt(ms) {
  if (event.offsets) return event.offsets.findLast(([from]) => toMs(from) <= ms) || [, 0, "UTC"];
  const here = new Date(ms);
  return [, here.getTimezoneOffset() * -60, String(here).slice(28, 33)];
}
const usual = ruleAt(toMs(event.t0) || Date.now())[2];

/** The clock on the wall at a moment, as if it were one in UTC. */
export const wallOf = (ms) => ms + toMs(ruleAt(ms)[1]);
export const zoneName = () => `${event.zone || Intl.DateTimeFormat().resolvedOptions().timeZone} (${usual})`;
// The zone is told where it is not the usual one: when the clocks go back, 01:15 comes twice.
export function full(ms) {
  const name = ruleAt(ms)[2], [, day, month, , clock] = new Date(wallOf(ms)).toUTCString().split(" ");
  return `${+day} ${month} ${clock.slice(0, 5)}` + (name === usual ? "" : " " + name);
}
/** With its date only where that is not today. */
export function time(ms) {
  const words = full(ms), [day] = /\S+ \S+ /.exec(words);
  return full(Date.now()).startsWith(day) ? words.slice(day.length) : words;
}
/** A length in its two largest units. */
export function span(ms) {
  const all = Math.abs(minutes(ms)), parts = [[all / 1440, "d"], [(all / 60) % 24, "h"], [all % 60, "min"]];
  return parts.map(([count, unit]) => [Math.floor(count), unit]).filter(([count]) => count).slice(0, 2).flat().join(" ");
}
export const utc = (ms) => new Date(ms).toISOString().slice(0, -5) + "Z";
