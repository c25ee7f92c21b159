// Times as text, in the zone of the event; without one in that of the device.
import { event, minutes, sheet, toMs } from "../sheet/plan.js";
import { dayAndTime, ruleAt } from "../zone.js";

const rule = (ms) => ruleAt(ms, event.offsets), usual = rule(toMs(event.t0) || Date.now())[2];

/** The clock on the wall at a moment, as if it were one in UTC. */
export const wallOf = (ms) => ms + toMs(rule(ms)[1]);
export const zoneName = () => `${event.zone || Intl.DateTimeFormat().resolvedOptions().timeZone} (${usual})`;
// The zone is named only where it is not the usual one: when the clocks go back, 01:15 comes twice.
const parts = (ms) => [...dayAndTime(wallOf(ms), sheet.date), ...(rule(ms)[2] === usual ? [] : [rule(ms)[2]])];
export const full = (ms) => parts(ms).join(" ");
/** With its date only where that is not today. */
export const time = (ms) => parts(ms).slice(parts(ms)[0] === parts(Date.now())[0] ? 1 : 0).join(" ");
/** A length in its two largest units. */
export function span(ms) {
  const all = Math.abs(minutes(ms)), parts = [[all / 1440, "d"], [(all / 60) % 24, "h"], [all % 60, "min"]];
  return parts.map(([count, unit]) => [Math.floor(count), unit]).filter(([count]) => count).slice(0, 2).flat().join(" ");
}
export const utc = (ms) => new Date(ms).toISOString().slice(0, -5) + "Z";
