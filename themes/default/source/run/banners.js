// What nobody may overlook: alarms, the way back, a moved T-0, a run that is not kept.
import { button, make, replace } from "../elements.js";
import { event, sheet, toMs } from "../sheet/plan.js";
import { isKept } from "../sheet/storage.js";
import { full, time } from "./clock.js";
import { turn } from "./decisions.js";
import { alert, banners, signs } from "./desk.js";
import { snapshot } from "./page.js";
import { isRunning, onRender } from "./run.js";
import { alarmsOf, wordsOf } from "./state.js";
import { told } from "./words.js";

// With "./" a page's name from a file cannot be an address of another kind.
const address = (page) => (page === sheet.page ? "" : "./" + "../".repeat(sheet.page.split("/").length - 1) + page);
const banner = (className, ...inside) => make("p.banner " + className, inside);
const link = (href, words) => make("a", words, { href });

onRender((shown, now, gate, plan, back) => {
  const { start, snapshots, lost } = shown, tripped = alarmsOf(shown), others = [], was = start?.value.t0;
  // The way back may stand on another page of the run.
  const [way] = [snapshot, ...snapshots.values()].flatMap(({ page, sections }) =>
    sections.filter((part) => part.track === "reverse").map((part) => `${address(page)}#${part.anchor}`));
  const bad = (name, entry, place = "", press = "") =>
    banner("bad", `${name} ${told(shown, entry, full)}. `, place, " ", way ? link(way, "To the reverse track") : "", " ", press);
  const alarms = tripped.map(({ key, entry }) => bad("ALARM", entry,
    lost.has(entry.id) ? "No longer on the sheet" : link(`${address(entry.page)}#alarm:${entry.item}`, "To the alarm"),
    isRunning() ? button("Clear…", () => turn(key)) : ""));
  if (back) others.push(bad("REVERSE", back));
  if (event.t0 && was && was !== event.t0) {
    others.push(banner("warn", `T-0 has moved: ${full(toMs(was))} when the run began, now ${full(toMs(event.t0))}.`));
  }
  if (!isKept) others.push(banner("warn", "Not kept by this browser: export the run before you close the page."));
  const { skipped, skipped: [first] } = plan;
  if (first) others.push(banner("", link(`#${first.kind}:${first.id}`, `${skipped.length} open before here`)));
  const names = tripped.map(({ entry }) => wordsOf(shown, entry)), count = names.length;
  replace(signs, [
    count && link("#ALERT", `${count > 1 ? count + " ALARMS" : "ALARM"}: ${names.join(" · ")}`),
    back && link(way || "#ALERT", `REVERSE since ${time(back.at)}`),
  ].filter(Boolean));
  replace(alert, alarms);
  replace(banners, others);
});
