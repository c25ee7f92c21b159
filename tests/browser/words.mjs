// The sources of the theme's scripts with their words put in, as a build does it with the scripts that are made from them: for programs that
// import single modules of them.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("../../themes/default/source", import.meta.url));

/** The English words by their names, as the program prints them: each text and each list of its file is one of JSON, too. */
function words(program) {
  const known = {};
  let group = "";
  for (const line of execFileSync(program, ["schema", "--words"], { encoding: "utf8" }).split("\n")) {
    group = /^\[(\w+)\]$/.exec(line)?.[1] ?? group;
    const [, name, value] = /^(\w+) = (.*)$/.exec(line) ?? [];
    if (name) known[`${group}.${name}`] = JSON.parse(value);
  }
  return known;
}

function put(known, text) {
  return text.replace(/%%(\w+\.\w+)((?: \w+)*)%%/g, (_, name, values) => {
    if (!known[name]) throw new Error(`there is no word ${name}`);
    const numbers = values.trim().split(" ");
    return [known[name]].flat().join("|").replace(/{(\w+)}/g, (_, value) => `{${numbers.indexOf(value)}}`);
  });
}

/** Gives the address of a copy of the sources in a folder of its own. */
export function sourcesWithWords(program) {
  const folder = mkdtempSync(join(tmpdir(), "runsheet-source-")), known = words(program);
  cpSync(SOURCE, folder, { recursive: true });
  for (const file of readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".js"))) {
    const path = join(folder, file);
    writeFileSync(path, put(known, readFileSync(path, "utf8")));
  }
  Object.assign(globalThis, { MARK: {}, MARK_OF_BUTTONS: {} });
  return folder;
}
