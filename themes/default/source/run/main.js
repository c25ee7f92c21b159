// A run of a sheet. Its log is all that is kept; what the page shows is computed from it.
import { isKept } from "../sheet/storage.js";
import "./banners.js";
import "./fields.js";
import { renew } from "./operator.js";
import "./rounds.js";
import { refresh, render, state } from "./run.js";
import "./times.js";

refresh();
setInterval(render, 60000);

// Another tab has written.
let changes = 0;
addEventListener("storage", (event) => {
  renew(event);
  clearTimeout(changes);
  changes = setTimeout(refresh);
});
// The browser shows the page again as it was left.
addEventListener("pageshow", ({ persisted }) => persisted && refresh());
addEventListener("beforeunload", (leave) => {
  if (!isKept && state.start) leave.preventDefault();
});
