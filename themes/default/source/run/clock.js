// Times as text, in the zone of the event; without one in that of the device.
import { event, minutes, toMs } from "../sheet/plan.js";

function shape(timeZone) {
  try {
    return new Intl.DateTimeFormat("en-GB",
      { timeZone, day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" });
  } catch {
    // A zone that this browser does not know
    return shape();
  }
}
let format, usual;
/** Made when a time is first told: it takes a browser longer than all else here, and a sheet without a run needs none. */
function form() {
  format ||= shape(event.zone || undefined);
  usual ||= /\S+$/.exec(format.format(toMs(event.t0) || Date.now()))[0];
  return format;
}

export const zoneName = () => `${form().resolvedOptions().timeZone} (${usual})`;
// The zone is told where it is not the usual one: when the clocks go back, 01:15 comes twice.
export const full = (ms) => `${form().format(ms)} `.replace(",", "").replace(` ${usual} `, "").trim();
/** With its date only where that is not today. */
export function time(ms) {
  const [day, month, ...clock] = full(ms).split(" ");
  return full(Date.now()).startsWith(`${day} ${month} `) ? clock.join(" ") : full(ms);
}
/** The clock on the wall at a moment, as if it were one in UTC. */
export const wallOf = (ms) =>
  Date.parse(new Date(ms).toLocaleString("sv", { timeZone: form().resolvedOptions().timeZone }).replace(" ", "T") + "Z");
/** A length in its two largest units. */
export function span(ms) {
  const all = Math.abs(minutes(ms)), parts = [[all / 1440, "d"], [(all / 60) % 24, "h"], [all % 60, "min"]];
  return parts.map(([count, unit]) => [Math.floor(count), unit]).filter(([count]) => count).slice(0, 2).flat().join(" ");
}
export const utc = (ms) => new Date(ms).toISOString().slice(0, -5) + "Z";
