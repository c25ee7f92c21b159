// What is shown of a page that was found: where on it the words stand, with the words marked. Texts stay texts.
import { make } from "../elements.js";
import { LONGEST, tokens, written } from "./token.js";

/** How long an excerpt is, and what of it stands before the first hit, in characters. */
const LENGTH = 200, BEFORE = 60;

/** Where in a text words of the question stand: from, to, and the numbers of these words. */
function hits(text, meant) {
  // Most texts are ASCII, whose words are found and read much quicker.
  const isPlain = /^[\0-\x7F]*$/.test(text), found = [];
  for (const { 0: word, index } of isPlain ? text.matchAll(/[a-z\d]+/gi) : written(text)) {
    const known = isPlain ? [word.toLowerCase().slice(0, LONGEST)] : tokens(word);
    if (!known.some((one) => meant.some((words) => words.has(one)))) continue;
    const numbers = [...meant.keys()].filter((number) => known.some((one) => meant[number].has(one)));
    found.push({ from: index, to: index + word.length, numbers });
  }
  return found;
}

const kinds = (found) => new Set(found.flatMap(({ numbers }) => numbers)).size;

/** A part of a text with its hits marked. */
function marked(text, found, from = 0, to = text.length) {
  const parts = [];
  let at = from;
  for (const hit of found.filter((one) => one.from >= from && one.to <= to)) {
    parts.push(text.slice(at, hit.from), make("mark", text.slice(hit.from, hit.to)));
    at = hit.to;
  }
  return [...parts, text.slice(at, to)];
}

/** The part of a text where most words of the question stand near to each other. */
function excerpt(text, found) {
  let best = 0, most = 0;
  for (const { from } of found) {
    const near = kinds(found.filter((one) => one.from >= from && one.to <= from + LENGTH - BEFORE));
    if (near > most) [best, most] = [from, near];
  }
  // From a word's beginning to a word's end.
  const from = best > BEFORE ? best - BEFORE + text.slice(best - BEFORE, best).search(/\s|$/) : 0;
  let to = text.length;
  if (to > from + LENGTH) {
    const cut = text.slice(0, from + LENGTH).search(/\s\S*$/);
    to = cut > best ? cut : from + LENGTH;
  }
  return [from ? "… " : "", ...marked(text, found, from, to), to < text.length ? " …" : ""];
}

/** A page as an entry of the list. */
export function entry(root, [title, route, above, ...rest], meant) {
  const passages = [];
  for (let at = 0; at < rest.length; at += 3) {
    const [anchor, heading, text] = rest.slice(at, at + 3), head = hits(heading, meant), body = hits(text, meant);
    passages.push({ anchor, heading, text, head, body, score: kinds([...head, ...body]) + kinds(head) / 2 });
  }
  const best = passages.reduce((best, one) => (one.score > best.score ? one : best));
  const titleHits = hits(title, meant), isInTitle = kinds(titleHits) >= best.score;
  const target = !isInTitle && best.anchor ? "#" + encodeURIComponent(best.anchor) : "";
  return make("li", make("a", [
    above && make("small", above),
    make("strong", marked(title, titleHits)),
    target && make("span.search-heading", marked(best.heading, best.head)),
    make("span.search-text", excerpt(best.text, best.body)),
  ].filter(Boolean), { href: root + route.split("/").map(encodeURIComponent).join("/") + target }));
}
