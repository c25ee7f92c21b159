// Makes themes/default/static from themes/default/source: modules joined, names shortened, spaces and comments dropped.
// The result is checked in, so that a build of Runsheet needs no Node.
//
// Usage: node build.mjs [--check]    With --check it writes nothing, and fails if the checked-in files differ from the result.
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const source = join(root, "themes/default/source"), made = join(root, "themes/default/static");
const check = process.argv.includes("--check");

// Properties used only by the scripts themselves: they get short names. None of them may be a name used in the sheet's
// data, in browser storage, in a run file, in a form, or by the browser itself.
const OWN = `
  above beside grams near parts phrase score spots whole words
  cells changed conflict heads how isSure lost undone
  hopes late next skipped isOpen
  element markup plain stuck
`.trim().split(/\s+/);

/** Fails if one of these properties is also used elsewhere. */
async function guard(names) {
  const data = await readFile(join(root, "src/sheet/data.rs"), "utf8"), log = await readFile(join(source, "run/log.js"), "utf8");
  const foreign = [...data.matchAll(/pub (?:r#)?(\w+):/g), ...log.matchAll(/(\w+):/g), ...log.matchAll(/"([^"]*)"/g)]
    .flatMap(([, one]) => one.split(" "));
  const builtIn = Object.getOwnPropertyNames(globalThis).flatMap((name) => [globalThis[name], globalThis[name]?.prototype])
    .flatMap((one) => (Object(one) === one ? Object.getOwnPropertyNames(one) : []));
  const known = names.filter((name) => builtIn.includes(name) || foreign.includes(name));
  if (known.length) throw new Error(`themes/default/source: ${known.join(", ")} cannot be shortened: others know it by its name`);
}

async function style(name) {
  const made = await build({ entryPoints: [join(source, name)], minify: true, write: false, target: "es2022" });
  return made.outputFiles[0].text;
}

/** What marks elements that a script makes, if its words are English in another language; `buttons` are a group of their own in a run. */
const marks = (group, buttons = group) => ({ MARK: `"%%mark ${group}%%"`, MARK_OF_BUTTONS: `"%%mark ${buttons}%%"` });

async function script(entry, ...groups) {
  const joined = await build({
    entryPoints: [join(source, entry)],
    define: marks(...groups),
    bundle: true,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    minifySyntax: true,
    mangleProps: new RegExp(`^(${OWN.join("|")})$`),
    write: false,
  });
  const safe = { passes: 4, inline: 1, lhs_constants: false, hoist_funs: true, conditionals: false };
  // The scripts change no built-in object, and no property access has side effects: so these options are safe, too.
  const compress = { ...safe, pure_getters: true, unsafe: true, unsafe_arrows: true, unsafe_methods: true };
  return (await minify(joined.outputFiles[0].text, { ecma: 2022, toplevel: true, compress })).code + "\n";
}

await guard(OWN);
const files = {
  "site.css": style("site.css"),
  "sheet.css": style("sheet.css"),
  "search.css": style("search.css"),
  "site.js": script("site.js", "frame"),
  "search.js": script("search/main.js", "search"),
  "sheet.js": script("sheet/main.js", "run", "button"),
  "run.js": script("run/main.js", "run", "button"),
  "sheet-worker.js": script("sheet-worker.js", "run"),
};
const stale = [];
for (const [name, content] of Object.entries(files)) {
  const path = join(made, name), text = await content;
  if (!check) await writeFile(path, text);
  else if ((await readFile(path, "utf8").catch(() => "")) !== text) stale.push(name);
}
if (stale.length) {
  const names = stale.join(", ");
  console.error(`themes/default/static: ${names} is not what themes/default/source makes: in scripts/theme, run "npm ci && node build.mjs"`);
  process.exitCode = 1;
}
