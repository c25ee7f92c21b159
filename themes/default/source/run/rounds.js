// Rounds without an end: rows that somebody has added.
import { all, button, make, phrase } from "../elements.js";
import { split, words } from "./page.js";
import { act, onRender } from "./run.js";
import { addBox } from "./tasks.js";

for (const table of all("table.rounds[data-open]")) {
  const ids = all("tbody tr:first-child [data-item]", table).map((box) => box.dataset.item), [body] = table.tBodies;
  const fixed = [...body.rows], rows = new Map(fixed.map((row) => [row.dataset.round, row])), numberOf = (row) => Number(row.dataset.round.slice(1));
  const next = () => Math.max(...[...body.rows].filter((row) => !row.hidden).map(numberOf)) + 1;
  table.parentNode.after(button("%%button.add_round%%", () => act("round", ids[0], "n" + next(), [])));
  onRender(({ cells }) => {
    // Those that were added, and those in which something is recorded
    const wanted = new Set([...cells].flatMap(([name, heads]) => {
      const [cell, round = ""] = split(name);
      return ids.includes(cell.split(":")[1]) ? heads.map(({ kind, value }) => (kind === "round" ? value : round.slice(1))) : [];
    }));
    for (const [value, row] of rows) row.hidden = !fixed.includes(row) && !wanted.has(value);
    const added = [...wanted].filter((value) => /^n[1-9]\d{0,3}$/.test(value) && !rows.has(value)).map((value) => value.slice(1));
    let [behind] = body.rows;
    for (const number of added.sort((a, b) => a - b)) {
      const value = "n" + number, row = make("tr", make("th", number, { scope: "row" }));
      row.dataset.round = value;
      rows.set(value, row);
      while (behind && numberOf(behind) < number) behind = behind.nextElementSibling;
      body.insertBefore(row, behind);
      for (const id of ids) {
        const box = make("input", [], { type: "checkbox", ariaLabel: phrase("%%run.item_round item number%%", words.get(id), number) });
        row.append(make("td", box));
        addBox(`${id}@${value}`, box);
      }
    }
  });
}
