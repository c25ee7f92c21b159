// The log of a run: one key for each entry, so that two tabs can write it at the same time.
import { phrase } from "../elements.js";
import { root } from "../sheet/plan.js";
import { get, keys, set } from "../sheet/storage.js";

export const nameOf = ({ page, version }) => page + "@" + version;

// What comes from a file or another tab is foreign: only known fields of known types pass.

export const fail = (what) => {
  throw what;
};
export const text = (value, most = 4000) =>
  typeof value === "string" && value.length <= most ? value.replace(/[\0-\x1f\x7f]/g, " ").trim() : fail("%%run.bad_text%%");
export const list = (value, most) => (Array.isArray(value) && value.length <= most ? value : fail(phrase("%%run.bad_list most%%", most)));
const number = (value) => (value == null ? null : value === +value && Math.abs(value) < 8e12 ? value : fail("%%run.bad_number%%"));
const texts = (value, names) => Object.fromEntries(names.split(" ").map((name) => [name, text(value[name] || "")]));

export function cleanEntry(entry) {
  const { at, value, parents } = entry, { id, kind } = texts(entry, "id kind");
  const isKnown = /^(start|end|undo|tick|choice|alarm|field|round|reverse)$/.test(kind);
  if (!/^\w{1,40}$/.test(id) || !(at > 0) || !isKnown) fail("%%run.broken%%");
  return {
    id,
    at: number(at),
    kind,
    ...texts(entry, "by device page version item"),
    value: /field|round/.test(kind) ? text(value) : /end|undo/.test(kind) ? null
      : { on: value.on === true, t0: number(value.t0), ...texts(value, "run event zone mode why answer decider reason") },
    parents: list(parents, 999).map((one) => text(one)),
  };
}
export const cleanSnapshot = (raw) => ({
  ...texts(raw, "page version title"),
  entries: list(raw.entries, 5000).map((one) => ({ ...texts(one, "id kind section text"), named: one.named === true })),
  sections: list(raw.sections, 2000).map((one) => ({ ...texts(one, "path anchor track title"), start: number(one.start) })),
  // What there is to do; older files do not know it.
  steps: raw.steps && list(raw.steps, 1e5).map((one) => texts(one, "key go")),
});

/** What has been read, by its key, each with its text: a run is read anew at each change, and of that only one key is new. */
const seen = new Map();
export function load(run) {
  const log = new Map(), snapshots = new Map(), start = `${root}:${run}:`;
  for (const key of keys(start)) {
    try {
      const words = get(key), isPage = key[start.length] === "@";
      let [was, one] = seen.get(key) || [];
      if (was !== words) seen.set(key, [words, one = (isPage ? cleanSnapshot : cleanEntry)(JSON.parse(words))]);
      if (isPage) snapshots.set(nameOf(one), one);
      else log.set(one.id, one);
    } catch { /* a broken key must not stop the sheet */ }
  }
  return { run, log, snapshots };
}
export const put = (run, one) => set(`${root}:${run}:${one.id || "@" + nameOf(one)}`, JSON.stringify(one));
