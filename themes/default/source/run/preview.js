// No T-0: a preview in the zone of the event, never part of a run. Days keep the wall clock, seconds elapse.
import { all, phrase } from "../elements.js";
import { event, root, toMs } from "../sheet/plan.js";
import { get, set } from "../sheet/storage.js";
import { full, wallOf, zoneName } from "./clock.js";
import { desk } from "./operator.js";
import { render } from "./run.js";

/** T-0 as a clock on the wall. */
let t0;

/** The moment of a clock on the wall: of two the earlier one, and of none the one by which the clocks have just been put on. */
function momentOf(wall) {
  const [before, after] = [-864e5, 864e5].map((by) => wall - (wallOf(wall + by) - wall - by));
  return wallOf(before) !== wall && wallOf(after) === wall ? after : before;
}
function shifted({ days, business, seconds }) {
  const day = new Date(t0);
  day.setUTCDate(day.getUTCDate() + days);
  for (let left = Math.abs(business); left;) {
    day.setUTCDate(day.getUTCDate() + Math.sign(business));
    if (day.getUTCDay() % 6) left--;
  }
  return full(momentOf(day.getTime()) + toMs(seconds));
}
export const previewOf = ({ shift, end_shift }) => t0 && shift && (end_shift ? phrase("%%sheet.to start end%%", shifted(shift), shifted(end_shift)) : shifted(shift));

const [mark, input] = all(".preview-mark, [type=datetime-local]", desk);
if (input) {
  const key = root + "?preview";
  const show = () => {
    t0 = Date.parse(input.value + "Z");
    mark.textContent = t0 ? phrase("%%run.preview time zone%%", full(momentOf(t0)), zoneName()) : "";
    set(key, input.value);
  };
  input.value = /^#t0=(\d{4}-\d\d-\d\dT\d\d:\d\d)/.exec(location.hash)?.[1] || get(key) || "";
  input.onchange = () => {
    show();
    render();
  };
  show();
}
