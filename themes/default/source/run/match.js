// Which item of an edited page is which of the old one? Never by position. "same" keeps a tick, "changed" asks to confirm it:
// in doubt "changed".

const normal = (words) => words.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

function group(list, nameOf) {
  const groups = new Map();
  for (const one of list) groups.get(nameOf(one))?.push(one) ?? groups.set(nameOf(one), [one]);
  return groups;
}

/** A text with its pairs of letters, counted. */
function withGrams(one) {
  one.grams = new Map();
  for (let i = 1; i < one.text.length; i++) {
    const gram = one.text.slice(i - 1, i + 1);
    one.grams.set(gram, (one.grams.get(gram) || 0) + 1);
  }
  return one;
}
function alike(a, b) {
  let both = 0;
  for (const [gram, count] of a.grams) both += Math.min(count, b.grams.get(gram) || 0);
  return a.text === b.text || (2 * both) / (a.text.length + b.text.length - 2);
}

/** A page's items by section, by words in their section, and by words alone. */
function index(entries) {
  const list = entries.map((entry) => {
    const text = normal(entry.text);
    return withGrams({ ...entry, text, phrase: entry.kind + "\n" + text });
  });
  const parts = group(list, (one) => one.section);
  for (const inside of parts.values()) inside.forEach((one, i) => { one.near = inside[i - 1]?.text + "\n" + inside[i + 1]?.text; });
  return { whole: list, parts, spots: group(list, (one) => one.section + "\n" + one.phrase), words: group(list, (one) => one.phrase) };
}

const label = (path) => path.split("/").pop();

/** Section p of the old page is q of the new one, under another name or in another place. */
function isRenamed(old, now, p, q) {
  if (now.parts.has(p) || old.parts.has(q)) return false;
  const own = old.parts.get(p).filter((one) => old.words.get(one.phrase).length === 1);
  const kept = own.filter((one) => {
    const [there, more] = now.words.get(one.phrase) || [];
    return !more && there?.section === q;
  }).length;
  if (label(p) === label(q) || (kept > 1 && kept * 2 >= own.length)) return true;
  // Reworded, but under the same heading and behind or before the same section.
  const [a, b] = [[old, p], [now, q]].map(([side, path]) => {
    const names = [...side.parts.keys()], at = names.indexOf(path), text = label(path);
    return withGrams({ text, above: path.slice(0, -text.length), beside: [names[at - 1], names[at + 1]] });
  });
  return a.above === b.above && a.beside.some((path, i) => path !== undefined && path === b.beside[i]) && alike(a, b) >= 0.6;
}

/** By the old ids, to which item each belongs now, and how. What is not there is gone. */
export function match(before, after) {
  const found = { __proto__: null }, taken = new Set(), old = index(before), now = index(after);
  const free = (one) => one && !taken.has(one), renamed = (a, b) => isRenamed(old, now, a.section, b.section);
  const pair = (a, b, same) => {
    taken.add(a).add(b);
    found[a.id] = [b.id, same && (!a.named || !b.named || a.id === b.id) ? "same" : "changed"];
  };
  const nearest = (least, where) => {
    const pairs = [], olds = old.whole.filter(free), news = now.whole.filter(free);
    // So many are not reworded one by one: they are asked again.
    if (olds.length * news.length > 1e6) return;
    for (const a of olds) {
      for (const b of news) {
        const score = a.kind === b.kind && where(a, b) ? alike(a, b) : 0;
        if (score >= least) pairs.push({ a, b, score });
      }
    }
    // Of equal pairs the first one on the page
    pairs.sort((x, y) => y.score - x.score);
    for (const { a, b } of pairs) if (free(a) && free(b)) pair(a, b);
  };
  for (const a of old.whole) {
    const b = a.named && now.whole.find((one) => one.named && one.id === a.id && one.kind === a.kind);
    if (free(b)) pair(a, b, a.text === b.text);
  }
  for (const [spot, olds] of old.spots) {
    const news = now.spots.get(spot) || [], right = news.filter(free);
    // Twins are distinguished by their order, as long as nothing beside them has changed.
    const steady = olds.length === news.length && (olds.length === 1 || olds.every((a, i) => a.near === news[i].near));
    olds.filter(free).slice(0, right.length).forEach((a, i) => pair(a, right[i], steady && olds.indexOf(a) === news.indexOf(right[i])));
  }
  for (const [key, [a, more]] of old.words) {
    const [b, other] = now.words.get(key) || [];
    if (!more && !other && free(a) && free(b)) pair(a, b, renamed(a, b));
  }
  nearest(0.6, (a, b) => a.section === b.section || renamed(a, b));
  nearest(0.8, () => true);
  return found;
}
