// The items and blanks as they stand on the page: read before a run changes anything on it.
import { all } from "../elements.js";
import { byId, isMain, isStep, items, sheet } from "../sheet/plan.js";
import { cleanSnapshot } from "./log.js";

// The key of an item is its id, with "@round" behind it where it is ticked once per round.
export const split = (key) => key.split(/(?=@[^@]*$)/);
export const itemOf = (key) => byId.get(split(key)[0]);

/** Elements by id, boxes by key, words by id. */
export const places = new Map(), boxes = new Map(), words = new Map();
/** What an item is known by, should the sheet be edited during a run. */
const entries = [];

for (const element of all("[data-item], [data-blank]")) {
  const { item, blank, round } = element.dataset, id = item || blank, one = byId.get(id);
  if (!one) continue;
  const box = element.type === "checkbox" ? element : all(":scope.task > input", element)[0];
  if (box) boxes.set(id + (round ? "@" + round : ""), box);
  if (places.has(id)) continue;
  places.set(id, element);
  const text = (blank ? one.label : all(".line", element)[0]?.textContent.trim()) || box?.ariaLabel || element.textContent;
  words.set(id, text.replace(/\s+/g, " ").trim());
  entries.push({ id, kind: blank ? "blank" : one.kind, section: one.in.path || "", text: words.get(id), named: one.named });
}

/** What is behind the id in the keys of an item. */
export const roundsOf = ({ id, rounds }) =>
  (rounds
    ? [...boxes].flatMap(([key, box]) => (key.startsWith(id + "@") && !box.closest("tr[hidden]") ? key.slice(id.length) : []))
    : [""]);
/** What can be done of some items, each with its round; rounds without an end never count. */
export const stepsOf = (items) =>
  items.flatMap((item) => roundsOf(item).filter((round) => round[1] !== "n").map((round) => [item, round]));

const NO = /^(no|no[- ]?go\b.*|hold|stop|abort|roll[- ]?back)\W*$/i;
/** The answer that opens a gate: the first that does not say no. */
export const goOf = ({ answers }) => answers?.find((one) => !NO.test(one));

/** This page as runs keep it. */
export const snapshot = cleanSnapshot({
  ...sheet,
  entries,
  steps: stepsOf(items.filter((item) => isStep(item) && isMain(item.in))).map(([item, round]) => ({ key: item.id + round, go: goOf(item) })),
});
