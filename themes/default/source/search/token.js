// Words as the index knows them: src/search/token.rs cuts texts exactly alike.

const LETTER = "[\\p{Alphabetic}\\p{N}]";

/** Han and Kana: each character counts as a word. */
const ALONE = `(?=${LETTER})[\\u2E80-\\u2FDF\\u3005-\\u3007\\u3041-\\u30FF\\u31F0-\\u31FF\\u3400-\\u4DBF\\u4E00-\\u9FFF\\u{20000}-\\u{323AF}]`;

const TOKEN = new RegExp(`${ALONE}|(?:(?!${ALONE})${LETTER})+`, "gu");

/** Words of a text as it is written: with their marks. */
const WRITTEN = new RegExp(`${ALONE}\\p{M}*|(?:(?!${ALONE})[\\p{Alphabetic}\\p{N}\\p{M}])+`, "gu");

export const LONGEST = 32;

/** The words of a text: without marks, in lower case. */
export function tokens(text) {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/ς/g, "σ").replace(/ß/g, "ss");
  return (plain.match(TOKEN) || []).map((token) => [...token].slice(0, LONGEST).join(""));
}

/** The places of the words of a text, as matches. */
export const written = (text) => [...text.matchAll(WRITTEN)];
