// The desk: which run this is, how far it is, and what can be done with it.
import { all, goTo, phrase, write } from "../elements.js";
import { cut, event, toMs } from "../sheet/plan.js";
import { nameOfRun } from "./archive.js";
import { time, zoneName } from "./clock.js";
import { finish, reverse } from "./decisions.js";
import "./files.js";
import { desk, press } from "./operator.js";
import { words } from "./page.js";
import { act, isRunning, lastOwn, onRender, start, state } from "./run.js";
import { counts } from "./state.js";
import { boxOf } from "./tasks.js";
import { lateBy, modeOf, sentence } from "./words.js";

const [head] = all(".desk-head", desk), starts = all(".start", desk), none = head.dataset.none;
/** Alarms are spoken once, when they are tripped; of all else on top only what is written. */
export const [alert, banners, line] = all("#ALERT, .banners, .progress-line");
/** `signs` are what of them stays in view. */
export const [signs, mode, progress, bar, late, next, jump] = line.children;
let planned, timer = 0;

const undo = press("undo", () => act("undo", lastOwn().id)), reverseButton = press("reverse", reverse), endButton = press("end", finish);
jump.onclick = () => goTo(boxOf(planned));
for (const press of starts) {
  press.onclick = () => {
    if (!isRunning()) start(press.value);
  };
}
// What a link or the keyboard goes to is not hidden below it.
new ResizeObserver(() => {
  document.documentElement.style.scrollPaddingTop = line.offsetHeight ? `${line.offsetHeight + 12}px` : "";
}).observe(line);

onRender((shown, now, gate, plan) => {
  const { start } = state, kind = start?.value.mode || "", name = start && nameOfRun(state), live = isRunning(), last = live && lastOwn();
  for (const one of starts) one.hidden = live;
  reverseButton.hidden = endButton.hidden = !live;
  undo.hidden = !last;
  if (last) write(undo, phrase("%%button.undo entry%%", cut(sentence(state, last))));
  desk.className = kind;
  mode.className = "mode " + kind;
  line.hidden = !start;
  if (start) write(mode, modeOf(start).toUpperCase());
  for (const one of all("[data-run]")) write(one, shown.start ? name : "______");
  write(head, start
    ? phrase(live ? "%%run.head run time by zone%%" : "%%run.ended_head run time by zone%%", name, time(start.at), start.by, zoneName())
    : none);
  const limit = plan.end > toMs(event.end) && time(toMs(event.end));
  const end = plan.end && phrase(limit ? "%%run.end_over time limit%%" : "%%run.end_at time%%", time(plan.end), limit);
  write(late, [plan.late >= 60000 && lateBy(plan.late), end].filter(Boolean).join(" · "));
  planned = plan.next;
  write(next, planned ? words.get(planned.id) : "");
  next.href = `#${planned?.kind}:${planned?.id}`;
  next.hidden = !planned;

  const [done, total] = counts(state);
  bar.max = total;
  bar.value = done;
  // At most once a second, for screen readers
  timer ||= setTimeout(() => {
    timer = 0;
    write(progress, phrase("%%run.progress done total%%", ...counts(state)));
  }, progress.textContent ? 1000 : 0);
});
