// When will the rest be done, if all goes as planned from now?
import { byId, event, isStep, items, sections, toMs } from "../sheet/plan.js";
import { doneAt, read } from "./state.js";

/** What comes next, what was left open, how late it is, when sections begin and when all is done: of a run, or nothing without one. */
export function forecast(state, now) {
  const plan = { skipped: [], hopes: new Map() };
  if (!state.start) return plan;
  const back = read(state, "reverse"), order = [], starts = new Map(), ends = new Map();
  const wanted = new Set(items.filter((item) => isStep(item) && !item.rounds && item.in.track === (back ? "reverse" : "main")));
  // A parent is done after what is nested in it.
  const visit = (parent) => {
    for (const item of wanted) {
      if ((wanted.has(items[item.parent]) && items[item.parent]) !== parent) continue;
      visit(item);
      order.push(item);
    }
  };
  visit(false);
  const done = (item) => doneAt(state, item);
  const needs = (item) => (item.after?.map((id) => byId.get(id)) || [order[order.indexOf(item) - 1]]).filter((one) => wanted.has(one));
  const passed = new Set(order.filter(done));
  // What is added meanwhile is visited, too.
  for (const item of passed) needs(item).forEach((one) => passed.add(one));
  // What was left open before the work that is done now holds nobody up; a stream beside it does.
  plan.skipped = order.filter((item) => passed.has(item) && !done(item));
  const next = plan.next = order.find((item) => !passed.has(item)) || plan.skipped[0];
  if (back || !next) return plan;

  /** Its estimate, or its share of what the section has left for those without one. */
  const span = (item) => {
    const part = item.in, own = order.filter((one) => one.in === part), bare = own.filter((one) => one.estimate == null);
    const left = own.reduce((rest, one) => rest - (one.estimate || 0), part.estimate ?? (part.end - part.start || 0));
    return toMs(item.estimate ?? Math.max(0, left) / bare.length);
  };
  const end = (item) => {
    if (ends.has(item)) return ends.get(item);
    ends.set(item, 0);
    const ready = Math.max(0, ...needs(item).map(end)), begin = Math.max(ready, toMs(item.in.start));
    starts.set(item, begin);
    ends.set(item, done(item) || (passed.has(item) ? ready : Math.max(now, begin + span(item))));
    return ends.get(item);
  };
  order.forEach(end);
  const due = toMs(next.end) || (next.start ? toMs(next.start) + span(next) : toMs(next.in.end));
  if (due) plan.late = end(next) - due;
  sections.forEach((part, number) => {
    const after = sections.findIndex((other, k) => k > number && other.level <= part.level);
    const inside = order.filter((item) => item.section >= number && (after < 0 || item.section < after)), [first] = inside;
    if (part.start == null || !first || inside.some((item) => done(item) || plan.skipped.includes(item))) return;
    const begin = Math.max(starts.get(first), first === next ? now : 0);
    plan.hopes.set(part, begin + toMs(part.start) - toMs(first.in.start ?? part.start));
  });
  const within = order.filter((item) => (item.start ?? item.in.start) < event.end);
  if (within.length) plan.end = Math.max(...within.map(end));
  return plan;
}
