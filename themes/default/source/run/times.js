// The times of a section: planned, forecast, and how much of it is done.
import { all, make, phrase, write } from "../elements.js";
import { isMain, items, minutes, sections, sheet, toMs } from "../sheet/plan.js";
import { full, span, time } from "./clock.js";
import { nameOf } from "./log.js";
import { previewOf } from "./preview.js";
import { onRender, state } from "./run.js";
import { counts } from "./state.js";

for (const when of all("p.when[data-section]")) {
  const part = sections[when.dataset.section], more = make("span.when-run");
  when.append(more);
  onRender((shown, now, gate, plan, back) => {
    // The plan as it was when the run began on this page
    const began = state.log.find((one) => one.page === sheet.page), then = began && state.snapshots.get(nameOf(began));
    const was = then?.sections.find((one) => one.path === part.path)?.start, [done, total] = shown.start ? counts(shown, part) : [];
    const hope = plan.hopes.get(part), shift = hope - toMs(part.start);
    write(more, [
      isMain(part) && previewOf(part),
      back && part.after != null && full(back.at + toMs(part.after)),
      was && was !== part.start && phrase("%%run.was time%%", time(toMs(was))),
      hope && minutes(shift) && phrase("%%run.forecast time shift%%", time(hope), (shift > 0 ? "+" : "−") + span(shift)),
      total && phrase("%%run.progress done total%%", done, total),
      isMain(part) && items.some((item, i) => item.in === part && i > gate) && "%%run.locked%%",
    ].filter(Boolean).join(" · "));
  });
}

// A line before the first heading that is still to come
const line = make("p.now-line");
onRender((shown, now) => {
  const next = shown.start && sections.find((part) => isMain(part) && toMs(part.start) > now);
  const heading = next && document.getElementById(next.anchor);
  if (!heading) return line.remove();
  write(line, phrase("%%run.now_line time%%", time(now)));
  if (line.nextSibling !== heading) heading.before(line);
});
