// The clock on the wall, by the offsets that a page was built with, or else by the device's. The rules of zones that a browser has are often
// older than those, so it is not asked. The worker has no page: it gets the offsets with its question.

import { phrase } from "./elements.js";

/** Which offset is in force at a moment: from when on, how many seconds, and what it is called. */
export function ruleAt(ms, offsets) {
  if (offsets) return offsets.findLast(([from]) => from * 1000 <= ms) || [, 0, "UTC"];
  const here = new Date(ms);
  return [, here.getTimezoneOffset() * -60, String(here).slice(28, 33)];
}
/** Day and time of a clock on the wall, which is given as if it were one in UTC, in the page's words for days. */
export function dayAndTime(wall, { day, months }) {
  const at = new Date(wall);
  return [phrase(day, at.getUTCDate(), months[at.getUTCMonth()]), at.toISOString().slice(-13, -8)];
}
