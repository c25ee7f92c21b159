// Says so if this browser has other rules for the zone at the times of the plan, or none: what else it shows is then another time.
import { all } from "../elements.js";
import { event } from "./plan.js";

const { zone } = event;

// It costs a browser more than the rest of a sheet, so the sheet comes first.
setTimeout(() => {
  let theirs;
  try {
    theirs = new Intl.DateTimeFormat("sv", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  } catch { /* it does not know the zone */ }
  const differs = ({ dateTime }) => theirs?.format(new Date(dateTime)) !== dateTime.slice(0, 16).replace("T", " ");
  if (all(".when > time").some(differs)) {
    all("#RULES")[0].hidden = false;
  }
}, 500);
