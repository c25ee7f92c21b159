// Which pages a question means, the best first.
import { likely, pages, similar } from "./words.js";

/** Files of words keep this many pages of a word, the best of them: see src/search/dictionary.rs. */
const MOST_PAGES = 4096;

/** From here on the title has the word: see src/search/count.rs. */
const TITLE = 30;

/** With fewer pages than these, words that are written nearly so are looked for, too. */
const FEW = 6;

const rarity = (all, count) => Math.log(1 + (all - count + 0.5) / (count + 0.5));

/** What each page is worth for one word of the question. */
async function weigh(index, entries) {
  const worth = new Map(), exact = entries.find(({ weight }) => weight === 1);
  const most = exact ? rarity(index.pages, exact.count) : Infinity;
  await Promise.all(entries.map(async (entry) => {
    const factor = entry.weight * Math.min(most, rarity(index.pages, entry.count));
    for (const [page, impact] of await pages(entry)) {
      const score = factor * (impact + 2), known = worth.get(page);
      if (!known || known.score < score) worth.set(page, { score, inTitle: impact >= TITLE });
    }
  }));
  // Of very frequent words not all pages are kept: a page may have it all the same.
  return { worth, isLoose: entries.some(({ count }) => count > MOST_PAGES) };
}

/** Pages that have all words, or, if there are none, those that have some. */
function rank(lists) {
  const found = new Map();
  const needed = lists.every(({ isLoose }) => isLoose) ? lists : lists.filter(({ isLoose }) => !isLoose);
  for (const list of lists) {
    for (const [page, { score, inTitle }] of list.worth) {
      const sum = found.get(page) || { page, has: 0, score: 0, titles: 0 };
      sum.has += needed.includes(list);
      sum.score += score;
      sum.titles += inTitle;
      found.set(page, sum);
    }
  }
  const all = [...found.values()], whole = all.filter(({ has }) => has === needed.length);
  const ranked = whole.length ? whole : all;
  for (const one of ranked) if (one.titles === lists.length) one.score *= 1.5;
  ranked.sort((a, b) => b.has - a.has || b.score - a.score || a.page - b.page);
  return { isWhole: whole.length > 0, count: ranked.length, pages: ranked.map(({ page }) => page) };
}

/** Answers: pages in order, and for each word of the question the words that were taken for it. */
export async function find(index, words, isBeginning) {
  const last = words.length - 1;
  let meant = await Promise.all(words.map((word, at) => likely(index, word, isBeginning && at === last)));
  let answer = rank(await Promise.all(meant.map((entries) => weigh(index, entries))));
  if (!answer.isWhole || answer.count < FEW) {
    meant = await Promise.all(meant.map(async (entries, at) => {
      const known = new Set(entries.map(({ word }) => word));
      return [...entries, ...(await similar(index, words[at])).filter(({ word }) => !known.has(word))];
    }));
    answer = rank(await Promise.all(meant.map((entries) => weigh(index, entries))));
  }
  return { ...answer, meant: meant.map((entries) => new Set(entries.map(({ word }) => word))) };
}
