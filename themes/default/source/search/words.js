// Words of the dictionary: those that are meant by a word of a question.
import { file } from "./files.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const digits = new Uint8Array(128);
for (let at = 0; at < 64; at++) digits[LETTERS.charCodeAt(at)] = at;

/** The most files of words that are read for one word. */
const MOST_FILES = 4;

/** The most files of pages that are read for words that begin like it. */
const MOST_BLOCKS = 3;

/** The most words that are taken for one. */
const MOST_WORDS = 40;

/** Words that share their beginnings, as text: "Adrain,2 Fed,2!". A mark says that the next word's pages are in the next file. */
function readWords(text) {
  let last = "", block = 0, at = 0;
  return text.split(" ").map((entry) => {
    const [rest, count = ""] = entry.slice(1).split(",");
    last = last.slice(0, digits[entry.charCodeAt(0)]) + rest;
    const word = { word: last, count: parseInt(count), block, at: at++ };
    if (count.endsWith("!")) block++, at = 0;
    return word;
  });
}

/** Where a word is, or would be, in the order of others. */
function place(words, word) {
  let low = 0, high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle] <= word) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** A word that is written like this. */
async function exact({ firsts }, word) {
  const number = place(firsts, word);
  const found = (await file(`w/${number}`, readWords)).find((one) => one.word === word);
  return found && { ...found, number };
}

/** All words of one dictionary, `w` or `e`, that begin with some letters; of very many those near to `near`. */
async function range(kind, firsts, start, near = start) {
  const middle = place(firsts, near), names = [middle];
  const last = place(firsts, start + "\u{10FFFF}"), first = place(firsts, start);
  for (let step = 1; step < MOST_FILES; step++) {
    for (const at of [middle + step, middle - step]) {
      if (at >= first && at <= last && names.length < MOST_FILES) names.push(at);
    }
  }
  const files = await Promise.all(names.sort((a, b) => a - b).map(async (number) => {
    const words = await file(`${kind}/${number}`, readWords);
    return words.filter(({ word }) => word.startsWith(start)).map((word) => ({ ...word, number }));
  }));
  return files.flat();
}

/** How many letters must be added, left out, replaced or swapped with the next to make `b` of `a`; more than `most` is `most + 1`. */
export function distance(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before, above, row = [...Array(b.length + 1).keys()];
  for (let i = 1; i <= a.length; i++) {
    [before, above, row] = [above, row, [i]];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] !== b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
  }
  return Math.min(row[b.length], most + 1);
}

/** The word itself, and those that it may be the beginning of. Each has a `weight`. */
export async function likely(index, word, isBeginning) {
  const same = await exact(index, word), taken = same ? [{ ...same, weight: 1 }] : [];
  if (!isBeginning || word.length < 2) return taken;
  const longer = (await range("w", index.firsts, word)).filter((one) => one.word !== word).sort((a, b) => b.count - a.count);
  const blocks = new Set(taken.map(({ number, block }) => `${number}-${block}`));
  for (const one of longer) {
    const block = `${one.number}-${one.block}`;
    if (taken.length >= MOST_WORDS || (blocks.size >= MOST_BLOCKS && !blocks.has(block))) continue;
    blocks.add(block);
    taken.push({ ...one, weight: 0.4 + 0.3 * word.length / one.word.length });
  }
  return taken;
}

/**
 * Words that are nearly it. Of a word of n letters with one fault either the first or the last half is right: so they are looked for
 * by their beginning and by their end.
 */
export async function similar(index, word) {
  const letters = [...word], half = (letters.length - 1) >> 1, most = letters.length < 8 ? 1 : 2;
  if (letters.length < 4 || /\p{N}/u.test(word)) return [];
  const backwards = [...letters].reverse();
  const [begin, end] = await Promise.all([
    range("w", index.firsts, letters.slice(0, half).join(""), word),
    range("e", index.lasts, backwards.slice(0, half).join(""), backwards.join("")),
  ]);
  const near = new Map();
  const weigh = (other) => {
    const far = distance(word, other, most);
    if (far && far <= most) near.set(other, far === 1 ? 0.3 : 0.12);
  };
  for (const one of begin) if (!/\p{N}/u.test(one.word)) weigh(one.word);
  for (const one of end) weigh([...one.word].reverse().join(""));
  // With fewer faults first; one that is far is meant only if none is near.
  const best = Math.max(...near.values()), known = new Map(begin.map((one) => [one.word, one]));
  const taken = [...near].filter(([, weight]) => weight === best).slice(0, 8);
  const found = await Promise.all(taken.map(async ([other, weight]) => {
    const one = known.get(other) || (await exact(index, other));
    return one && { ...one, weight };
  }));
  return found.filter(Boolean);
}

const readLists = (text) => text.split(" ");

/** Shows each page of a word of the dictionary, with what it is worth for it. */
export async function eachPage({ number, block, at }, see) {
  const list = (await file(`p/${number}-${block}`, readLists))[at];
  for (let i = 0, page = 0; i < list.length;) {
    for (let shift = 0, more = 32; more; shift += 5) {
      const digit = digits[list.charCodeAt(i++)];
      more = digit & 32;
      page += (digit & 31) << shift;
    }
    see(page, digits[list.charCodeAt(i++)]);
  }
}
