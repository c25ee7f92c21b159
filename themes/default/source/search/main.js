// The search of the site. site.js loads it when it is first opened.
import { all, button, make, phrase, status } from "../elements.js";
import { entry } from "./excerpt.js";
import { file, open } from "./files.js";
import { find } from "./find.js";
import { tokens } from "./token.js";

/** How many pages are shown at once. */
const SHOWN = 6;

const [press] = all("[data-search]");
const root = press.dataset.root;
const input = make("input", [], { type: "search", autocomplete: "off", spellcheck: false, enterKeyHint: "go", maxLength: 200 });
const list = make("ul.search-list"), voice = status("search-count");
const more = button("%%search.more%%", () => show(shown), "search-more");
const dialog = make("dialog.search", [
  make("div.search-top", [make("label", [make("span", "%%frame.search%%"), input]), button("%%frame.close%%", () => dialog.close())]),
  voice, list, more,
], { ariaLabel: "%%frame.search%%" });
let asked = 0, isBusy = false, isStale = false, answer, shown = 0;

const links = () => all("a", list);

function say(words) {
  if (voice.textContent !== words) voice.textContent = words;
}

function clear(words) {
  list.replaceChildren();
  more.hidden = true;
  answer = undefined;
  say(words);
}

/** Adds entries to the list, from this one on. */
async function show(from) {
  const mine = asked, now = answer, pages = [...now.pages.slice(from, from + SHOWN)];
  // In folders of 256: see src/search/mod.rs.
  const fragments = await Promise.all(pages.map((page) => file(`d/${page >> 8}/${page}`)));
  if (mine !== asked || now !== answer) return;
  const made = fragments.map((fragment) => entry(root, fragment, now.meant));
  const at = links().indexOf(document.activeElement);
  if (from) list.append(...made);
  else list.replaceChildren(...made);
  // A late answer does not take the focus away.
  if (!from && at >= 0) (links()[at] ?? input).focus();
  shown = from + made.length;
  more.hidden = shown >= now.count;
  if (from) all("a", made[0])[0].focus();
}

const pagesIn = (count) => phrase(count === 1 ? "%%search.page count%%" : "%%search.pages count%%", count);

function tell({ isWhole, count }, words) {
  if (!count) return say(words > 1 ? "%%search.none%%" : "%%search.no_word%%");
  say(phrase(isWhole ? "%%search.found pages%%" : "%%search.some pages%%", pagesIn(count)));
}

async function ask() {
  const mine = ++asked, text = input.value, words = [...new Set(tokens(text))].slice(0, 8);
  if (!words.length) return clear("");
  try {
    const index = await open(root);
    const take = async (found) => {
      if (mine !== asked) return;
      answer = found;
      await show(0);
    };
    // What fails early fails again below.
    const found = await find(index, words, /[\p{Alphabetic}\p{N}\p{M}]$/u.test(text), (found) => take(found).catch(() => {}));
    await take(found);
    if (mine === asked) tell(found, words.length);
  } catch {
    if (mine === asked) clear("%%search.failed%%");
  }
}

// One question after the other: while one is answered, only the last of what is typed waits.
input.oninput = async () => {
  isStale = true;
  if (isBusy) return;
  isBusy = true;
  while (isStale) {
    isStale = false;
    await ask();
  }
  isBusy = false;
};

dialog.onkeydown = (pressed) => {
  if (pressed.isComposing) return;
  const { key, target } = pressed, places = [input, ...links()], at = places.indexOf(target);
  if (key === "Enter" && target === input) return places[1]?.click();
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!step || at < 0) return;
  pressed.preventDefault();
  places[at + step]?.focus();
};

dialog.onclick = ({ target }) => {
  // The link may lead to a place on this page.
  if (target === dialog || target.closest("a")) dialog.close();
};

function start() {
  dialog.showModal();
  input.select();
}

clear("");
document.body.append(dialog);
open(root).catch(() => {});
// A search without its style can be used, too.
const style = make("link", [], { rel: "stylesheet", href: press.dataset.style });
style.onload = style.onerror = () => {
  press.onclick = start;
  start();
};
document.head.append(style);
