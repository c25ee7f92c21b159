// The desk: which run this is, how far it is, and what can be done with it.
import { all, button, goTo, make, status, write } from "../elements.js";
import { cut, event, toMs } from "../sheet/plan.js";
import { nameOfRun } from "./archive.js";
import { span, time, zoneName } from "./clock.js";
import { finish, reverse } from "./decisions.js";
import "./files.js";
import { desk } from "./operator.js";
import { words } from "./page.js";
import { act, isRunning, lastOwn, onRender, start, state } from "./run.js";
import { counts } from "./state.js";
import { boxOf } from "./tasks.js";
import { told } from "./words.js";

const [head] = all(".desk-head", desk), [row] = all(".row", desk), starts = all(".start", desk);
const mode = make("strong"), late = make("span.late"), next = make("a");
const progress = status("progress"), bar = make("progress", [], { value: 0, ariaHidden: "true" });
/** Alarms are spoken once, when they are tripped; of all else on top only what is written. */
export const alert = make("div", [], { role: "alert", id: "ALERT" }), banners = make("div.banners");
/** What of them stays in view. */
export const signs = make("div.signs");
let planned, timer = 0;

const undo = button("", () => act("undo", lastOwn().id));
const reverseButton = button("Reverse track…", reverse, "danger"), endButton = button("End run…", finish);
for (const press of starts) {
  press.onclick = () => {
    if (!isRunning()) start(press.value);
  };
}
row.append(undo, reverseButton, endButton);
const line = make("div.progress-line", [signs, mode, progress, bar, late, next, button("Next", () => goTo(boxOf(planned)))]);
desk.after(alert, banners, line);
// What a link or the keyboard goes to is not hidden below it.
new ResizeObserver(() => {
  document.documentElement.style.scrollPaddingTop = line.offsetHeight ? `${line.offsetHeight + 12}px` : "";
}).observe(line);

onRender((shown, now, gate, plan) => {
  const { start } = state, kind = start?.value.mode || "", name = start && nameOfRun(state), live = isRunning(), last = live && lastOwn();
  for (const one of starts) one.hidden = live;
  reverseButton.hidden = endButton.hidden = !live;
  undo.hidden = !last;
  if (last) write(undo, "Undo: " + cut(told(state, last)));
  desk.className = kind;
  mode.className = "mode " + kind;
  line.hidden = !start;
  write(mode, kind.toUpperCase());
  for (const one of all("[data-run]")) write(one, shown.start ? name : "______");
  write(head, start
    ? `${name}, ${live ? "" : "ended, "}started ${time(start.at)} by ${start.by}. Times: ${zoneName()}`
    : "No run: start one to tick, fill in and decide.");
  const end = plan.end && `end ${time(plan.end)}` + (plan.end > toMs(event.end) ? `, window ${time(toMs(event.end))}` : "");
  write(late, [plan.late >= 60000 && `${span(plan.late)} late`, end].filter(Boolean).join(" · "));
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
    write(progress, counts(state).join(" of ") + " done");
  }, progress.textContent ? 1000 : 0);
});
