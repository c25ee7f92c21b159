// On paper everything is unfolded but the desk.
import { all } from "../elements.js";

let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = all("main details:not([open], .timeline-table, .files)");
  for (const one of unfolded) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of unfolded) one.open = false;
});
