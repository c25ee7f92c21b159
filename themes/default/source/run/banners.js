// What nobody may overlook: alarms, the way back, a moved T-0, a run that is not kept.
import { all, button, make, phrase, replace } from "../elements.js";
import { event, sheet, toMs } from "../sheet/plan.js";
import { isKept } from "../sheet/storage.js";
import { full, time } from "./clock.js";
import { turn } from "./decisions.js";
import { alert, banners, signs } from "./desk.js";
import { snapshot } from "./page.js";
import { isRunning, onRender } from "./run.js";
import { alarmsOf, wordsOf } from "./state.js";
import { sentence } from "./words.js";

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
    banner("bad", `${name} ${sentence(shown, entry, full)}. `, place, " ", way ? link(way, "%%run.to_reverse%%") : "", " ", press);
  const alarms = tripped.map(({ key, entry }) => bad("%%run.alarm%%", entry,
    lost.has(entry.id) ? "%%run.not_on_sheet%%" : link(`${address(entry.page)}#alarm:${entry.item}`, "%%run.to_alarm%%"),
    isRunning() ? button("%%button.clear%%", () => turn(key)) : ""));
  if (back) others.push(bad("%%run.reverse%%", back));
  if (event.t0 && was && was !== event.t0) {
    others.push(banner("warn", phrase("%%run.t0_moved before now%%", full(toMs(was)), full(toMs(event.t0)))));
  }
  all("#UNKEPT")[0].hidden = isKept;
  const { skipped, skipped: [first] } = plan;
  if (first) others.push(banner("", link(`#${first.kind}:${first.id}`, phrase("%%run.open_before count%%", skipped.length))));
  const names = tripped.map(({ entry }) => wordsOf(shown, entry)), count = names.length;
  replace(signs, [
    count && link("#ALERT", `${phrase(count > 1 ? "%%run.alarms count%%" : "%%run.alarm%%", count)}: ${names.join(" · ")}`),
    back && link(way || "#ALERT", phrase("%%run.reverse_since time%%", time(back.at))),
  ].filter(Boolean));
  replace(alert, alarms);
  replace(banners, others);
});
