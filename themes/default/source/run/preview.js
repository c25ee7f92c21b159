// No T-0: a preview in this device's zone, never part of a run. Days keep the wall clock, seconds elapse.
import { make } from "../elements.js";
import { event, root, toMs } from "../sheet/plan.js";
import { get, set } from "../sheet/storage.js";
import { full, zoneName } from "./clock.js";
import { desk } from "./operator.js";
import { render } from "./run.js";

let t0 = null;

function shifted({ days, business, seconds }) {
  const day = new Date(t0);
  day.setDate(day.getDate() + days);
  for (let left = Math.abs(business); left;) {
    day.setDate(day.getDate() + Math.sign(business));
    if (day.getDay() % 6) left--;
  }
  return full(day.getTime() + toMs(seconds));
}
export const previewOf = ({ shift, end_shift }) => t0 && shift && shifted(shift) + (end_shift ? " to " + shifted(end_shift) : "");

if (event.t0 === null) {
  const key = root + "?preview", mark = make("p.preview-mark");
  const show = () => {
    t0 = Date.parse(input.value) || null;
    mark.textContent = t0 ? `PREVIEW with T-0 ${full(t0)}, ${zoneName()}` : "";
    set(key, input.value);
  };
  const input = make("input", [], {
    type: "datetime-local",
    value: /^#t0=(\d{4}-\d\d-\d\dT\d\d:\d\d)/.exec(location.hash)?.[1] || get(key) || "",
    onchange: () => {
      show();
      render();
    },
  });
  desk.prepend(mark, make("label", [`No date is set. Preview with T-0 (${zoneName()}) `, input]));
  show();
}
