// A value goes into a shell command as data. In doubt nothing is copied.

/**
 * A command out of the words around its values. A value that no shell reads anything into goes in as it is. Any other goes in
 * quotes, unless it holds one, what is before it may change what quotes mean there, or a quote follows: shells differ in that,
 * and only a person can tell. If a value is missing or cannot go in, there is no text but its number.
 */
export function fill(words, values) {
  let [text] = words, before = text;
  for (const [stuck, value] of values.entries()) {
    const behind = words[stuck + 1], isPlain = /^[\w.:/@%+-]+$/.test(value);
    // Lines that are comments for every shell say nothing. The NUL is the place of the value.
    const open = before.replace(/^\s*#[^'"`\\(<]*$/gm, "");
    if (!value || (!isPlain && (/['"`\\#(]|<<|\$[[{\0]/.test(`${open}\0${behind[0]}`) || value.includes("'")))) return { stuck };
    text += (isPlain ? value : `'${value}'`) + behind;
    before += behind;
  }
  return { text };
}
