// Tasks to tick, decisions to take, and alarms to trip.
import { all, button, phrase, write } from "../elements.js";
import { byId, isMain, items, toMs } from "../sheet/plan.js";
import { time } from "./clock.js";
import { choose, tick, turn } from "./decisions.js";
import { boxes, itemOf, places, split, words } from "./page.js";
import { isRunning, onRender } from "./run.js";
import { stamp, stampFor } from "./stamp.js";
import { doneAt, read, tripped } from "./state.js";
import { notesOf } from "./words.js";

export function addBox(key, box) {
  const host = box.parentNode, [line = box] = all(":scope > .task-body > .line", host), item = itemOf(key);
  boxes.set(key, box);
  line.after(stampFor(key, box));
  box.disabled = item.done;
  if (item.done) return;
  box.onchange = () => tick(key, box);
  onRender((shown, now, gate) => {
    const at = doneAt(shown, item, split(key)[1]);
    box.checked = at;
    stamp(key, notesOf(shown, "task", key, item));
    if (!host.matches(".task")) return;
    host.classList.toggle("locked", Boolean(items.indexOf(item) > gate && isMain(item.in) && isRunning()));
    // For paper
    host.dataset.at = at ? time(at) : "";
    host.dataset.by = at ? read(shown, "task", key).by : "";
  });
}
for (const [key, box] of boxes) addBox(key, box);

function addChoice(item, element) {
  const { id } = item, inputs = all("input", element);
  element.id = "choice:" + id;
  element.append(stampFor(id, element));
  for (const radio of inputs) radio.onchange = () => choose(item, radio.value);
  onRender((shown) => {
    const one = read(shown, "choice", id);
    for (const radio of inputs) radio.checked = one?.isSure && one.value.answer === radio.value;
    stamp(id, notesOf(shown, "choice", id));
    element.classList.toggle("decided", Boolean(one));
  });
}

function addAlarm({ id, from, until }, element) {
  const press = button("", () => turn(id));
  element.append(stampFor(id, press), press);
  onRender((shown, now) => {
    const on = Boolean(tripped(shown, id));
    write(press, on ? "%%button.clear%%" : "%%button.trip%%");
    press.ariaLabel = phrase(on ? "%%button.clear_alarm alarm%%" : "%%button.trip_alarm alarm%%", words.get(id));
    element.classList.toggle("tripped", on);
    const armed = shown.start && now < toMs(from) ? phrase("%%run.armed_from time%%", time(toMs(from))) : until && now > toMs(until) && "%%run.over%%";
    stamp(id, [...notesOf(shown, "alarm", id), [armed, ""]]);
  });
}

for (const [id, element] of places) {
  const item = byId.get(id);
  if (item.kind === "choice") addChoice(item, element);
  if (item.kind === "alarm") addAlarm(item, element);
}

/** The first box or answer of an item, or the next open one. */
export function boxOf({ id } = {}) {
  const first = boxes.get(id) || (id && all("input", places.get(id))[0]);
  return [first, ...boxes.values()].find((box) => box?.offsetParent && !box.disabled && !box.checked) || first;
}

// With the arrows, or j and k, from box to box
document.addEventListener("keydown", (pressed) => {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[pressed.key];
  if (!step || pressed.target.type !== "checkbox" || pressed.ctrlKey || pressed.metaKey) return;
  const seen = all("main [type=checkbox]").filter((box) => box.offsetParent && !box.disabled);
  pressed.preventDefault();
  seen[seen.indexOf(pressed.target) + step]?.focus();
});
