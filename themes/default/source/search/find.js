// Which pages a question means, the best first.
import { eachPage, likely, similar } from "./words.js";

/** Files of words keep this many pages of a word, the best of them: see src/search/dictionary.rs. */
const MOST_PAGES = 4096;

/** From here on the title has the word: see src/search/count.rs. */
const TITLE = 30;

/** With fewer pages than these, words that are written nearly so are looked for, too. */
const FEW = 6;

const rarity = (all, count) => Math.log(1 + (all - count + 0.5) / (count + 0.5));

/** What each page is worth for one word of the question, by its number, and whether its title has it. */
async function weigh(index, entries) {
  const worth = new Float64Array(index.pages), titles = new Uint8Array(index.pages);
  const exact = entries.find(({ weight }) => weight === 1), most = exact ? rarity(index.pages, exact.count) : Infinity;
  await Promise.all(entries.map(async (entry) => {
    const factor = entry.weight * Math.min(most, rarity(index.pages, entry.count));
    await eachPage(entry, (page, impact) => {
      const score = factor * (impact + 2);
      if (worth[page] >= score) return;
      worth[page] = score;
      titles[page] = impact >= TITLE;
    });
  }));
  // Of very frequent words not all pages are kept: a page may have it all the same.
  return { worth, titles, isLoose: entries.some(({ count }) => count > MOST_PAGES) };
}

/** Pages that have all words, or, if there are none, those that have some. */
function rank({ pages }, lists) {
  const needed = lists.every(({ isLoose }) => isLoose) ? lists : lists.filter(({ isLoose }) => !isLoose);
  const has = new Uint8Array(pages), total = new Float64Array(pages), some = [];
  for (let page = 0; page < pages; page++) {
    let titles = 0;
    for (const list of lists) {
      total[page] += list.worth[page];
      titles += list.titles[page];
    }
    for (const { worth } of needed) has[page] += worth[page] > 0;
    if (titles === lists.length) total[page] *= 1.5;
    if (total[page]) some.push(page);
  }
  const whole = some.filter((page) => has[page] === needed.length), ranked = whole.length ? whole : some;
  ranked.sort((a, b) => has[b] - has[a] || total[b] - total[a] || a - b);
  return { isWhole: whole.length > 0, count: ranked.length, pages: ranked };
}

/**
 * Answers: pages in order, and for each word of the question the words that were taken for it. Few pages that have the words as they
 * are written are given to `early` before words like them are looked for.
 */
export async function find(index, words, isBeginning, early) {
  const last = words.length - 1, result = () => ({ ...answer, meant: meant.map((entries) => new Set(entries.map(({ word }) => word))) });
  let meant = await Promise.all(words.map((word, at) => likely(index, word, isBeginning && at === last)));
  let answer = rank(index, await Promise.all(meant.map((entries) => weigh(index, entries))));
  if (!answer.isWhole || answer.count < FEW) {
    if (answer.isWhole) early(result());
    meant = await Promise.all(meant.map(async (entries, at) => {
      const known = new Set(entries.map(({ word }) => word));
      return [...entries, ...(await similar(index, words[at])).filter(({ word }) => !known.has(word))];
    }));
    answer = rank(index, await Promise.all(meant.map((entries) => weigh(index, entries))));
  }
  return result();
}
