// Which pages a question means, the best first.
import { eachPage, likely, similar } from "./words.js";

/** Files of words keep this many pages of a word, the best of them: see src/search/dictionary.rs. */
const MOST_PAGES = 4096;

/** From here on the title has the word: see src/search/count.rs. */
const TITLE = 30;

/** With fewer pages than these, words that are written nearly so are looked for, too. */
const FEW = 6;

/** More than the worth of any page, and more pages than there are. */
const MOST_WORTH = 2 ** 14, MANY = 2 ** 23;

const rarity = (all, count) => Math.log(1 + (all - count + 0.5) / (count + 0.5));

/** What each page is worth for one word of the question, by its number; whether its title has it; and the pages that are worth something. */
async function weigh(index, entries) {
  const worth = new Float32Array(index.pages), titles = new Uint8Array(index.pages), pages = [];
  const exact = entries.find(({ weight }) => weight === 1), most = exact ? rarity(index.pages, exact.count) : Infinity;
  await Promise.all(entries.map(async (entry) => {
    const factor = entry.weight * Math.min(most, rarity(index.pages, entry.count));
    await eachPage(entry, (page, impact) => {
      const score = factor * (impact + 2), known = worth[page];
      if (known >= score) return;
      if (!known) pages.push(page);
      worth[page] = score;
      titles[page] = impact >= TITLE;
    });
  }));
  // Of very frequent words not all pages are kept: a page may have it all the same.
  return { worth, titles, pages, isLoose: entries.some(({ count }) => count > MOST_PAGES) };
}

/** Pages that have all words, or, if there are none, those that have some. */
function rank(lists) {
  const needed = lists.every(({ isLoose }) => isLoose) ? lists : lists.filter(({ isLoose }) => !isLoose);
  const rarest = needed.reduce((one, other) => (other.pages.length < one.pages.length ? other : one));
  const whole = rarest.pages.filter((page) => needed.every(({ worth }) => worth[page]));
  const pages = whole.length ? whole : new Set(lists.flatMap(({ pages }) => pages));
  // One number for each page, as numbers alone are sorted fast: first the missing words, then the worth, then the page.
  const keys = Float64Array.from(pages, (page) => {
    let missing = needed.length, titles = 0, total = 0;
    for (const list of lists) {
      total += list.worth[page];
      titles += list.titles[page];
    }
    for (const { worth } of needed) missing -= worth[page] > 0;
    if (titles === lists.length) total *= 1.5;
    return Math.round((missing * MOST_WORTH + MOST_WORTH - total) * 1024) * MANY + page;
  }).sort().map((key) => key % MANY);
  return { isWhole: whole.length > 0, count: keys.length, pages: keys };
}

/**
 * Answers: pages in order, and for each word of the question the words that were taken for it. Few pages that have the words as they
 * are written are given to `early` before words like them are looked for.
 */
export async function find(index, words, isBeginning, early) {
  const last = words.length - 1, result = () => ({ ...answer, meant: meant.map((entries) => new Set(entries.map(({ word }) => word))) });
  let meant = await Promise.all(words.map((word, at) => likely(index, word, isBeginning && at === last)));
  let answer = rank(await Promise.all(meant.map((entries) => weigh(index, entries))));
  if (!answer.isWhole || answer.count < FEW) {
    if (answer.isWhole) early(result());
    meant = await Promise.all(meant.map(async (entries, at) => {
      const known = new Set(entries.map(({ word }) => word));
      return [...entries, ...(await similar(index, words[at])).filter(({ word }) => !known.has(word))];
    }));
    answer = rank(await Promise.all(meant.map((entries) => weigh(index, entries))));
  }
  return result();
}
