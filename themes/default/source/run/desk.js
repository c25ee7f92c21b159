// The desk: which run this is, how far it is, and what can be done with it.
import { all, button, goTo, make, status, write } from "../elements.js";
import { cut, event, minutes, toMs } from "../sheet/plan.js";
import { nameOfRun } from "./archive.js";
import { time, zoneName } from "./clock.js";
import { finish, reverse } from "./decisions.js";
import { files } from "./files.js";
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
export const alert = make("div", [], { role: "alert" }), banners = make("div.banners");
let planned, timer = 0;

const undo = button("", () => act("undo", lastOwn().id));
const reverseButton = button("Reverse track…", reverse, "danger"), endButton = button("End run…", finish);
for (const press of starts) {
  press.onclick = () => {
    if (!isRunning()) start(press.value);
    // This button is hidden now.
    if (isRunning()) all("summary", files)[0].focus();
  };
}
row.append(undo, reverseButton, endButton);
const line = make("div.progress-line", [mode, progress, bar, late, next, button("Next", () => goTo(boxOf(planned)))]);
desk.after(alert, banners, line);

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
  write(late, [plan.late >= 60000 && `${minutes(plan.late)} min late`, end].filter(Boolean).join(" · "));
  planned = plan.next;
  write(next, planned ? words.get(planned.id) : "");
  next.href = "#stamp:" + planned?.id;
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
