// Rounds without an end: rows that somebody has added.
import { all, button, make } from "../elements.js";
import { words } from "./page.js";
import { act, onRender, state } from "./run.js";
import { read } from "./state.js";
import { addBox } from "./tasks.js";

for (const table of all("table.rounds[data-open]")) {
  const ids = all("tbody tr:first-child [data-item]", table).map((box) => box.dataset.item), [body] = table.tBodies;
  // Not by their count: a round that was taken back leaves a gap.
  const next = () => Number(body.lastElementChild.dataset.round.slice(1)) + 1;
  table.parentNode.after(button("Add a round", () => act("round", ids[0], "n" + next(), [])));
  onRender(() => {
    for (const { value } of ids.flatMap((id) => read(state, "round", id)?.heads || [])) {
      if (!/^n\d{1,4}$/.test(value) || all(`[data-round="${value}"]`, body).length) continue;
      const number = value.slice(1), row = make("tr", make("th", number, { scope: "row" }));
      row.dataset.round = value;
      body.append(row);
      for (const id of ids) {
        const box = make("input", [], { type: "checkbox", ariaLabel: `${words.get(id)}, round ${number}` });
        row.append(make("td", box));
        addBox(`${id}@${value}`, box);
      }
    }
  });
}
