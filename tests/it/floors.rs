//! The floors of the program: a module imports only from floors below it.
#![allow(clippy::disallowed_methods, reason = "a test reads the sources")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors from the ground up, and the imports that may run upwards, as ARCHITECTURE lists them.
struct House {
    floors: Vec<String>,
    exceptions: BTreeSet<(String, String)>,
}

impl House {
    fn read(architecture: &str) -> House {
        let section = architecture.split("\n## Floors\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
        let quoted = |line: &str| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let is_numbered = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
        let floors = section.lines().filter(is_numbered).flat_map(|line| quoted(line.split(": ").next().unwrap_or(""))).collect();
        let upward = section.lines().filter_map(|line| line.strip_prefix("- ")).filter(|line| line.contains(" → "));
        let exceptions = upward.map(quoted).filter_map(|names| Some((names.first()?.clone(), names.get(1)?.clone()))).collect();
        House { floors, exceptions }
    }

    fn floor(&self, module: &str) -> Option<usize> {
        self.floors.iter().position(|floor| floor == module)
    }

    /// The faults in the imports of a file that belongs to a module at the top of the crate.
    fn faults(&self, module: &str, text: &str) -> Vec<String> {
        let Some(own) = self.floor(module) else { return vec![format!("{module} stands on no floor")] };
        let mut faults = Vec::new();
        for name in imports(text) {
            match self.floor(&name) {
                None => faults.push(format!("{module} imports {name}, which stands on no floor")),
                Some(other) if other > own && !self.exceptions.contains(&(module.to_owned(), name.clone())) => {
                    faults.push(format!("{module} imports {name}, which stands above it"));
                }
                Some(_) => {}
            }
        }
        faults
    }
}

/// The modules at the top of the crate that a source names: `crate::x::…`, and the names in `use crate::{x, y}`.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0;
                for part in list.split_inclusive([',', '{', '}']) {
                    if depth == 0 {
                        names.insert(word(part.trim_start()));
                    }
                    depth += part.matches('{').count() as i32 - part.matches('}').count() as i32;
                    if depth < 0 {
                        break;
                    }
                }
            }
            None => {
                names.insert(word(rest));
            }
        }
    }
    // Macros and items of the crate itself are not modules.
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()) && name != "self");
    names
}

/// Each source with the module at the top of the crate that it belongs to.
fn sources(folder: &Path, module: Option<&str>, found: &mut Vec<(String, PathBuf)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for entry in entries {
        let stem = entry.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        if entry.is_dir() {
            sources(&entry, Some(module.unwrap_or(stem)), found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") && !entry.ends_with("tests.rs") && stem != "lib" && stem != "main"
        {
            found.push((module.unwrap_or(stem).to_owned(), entry));
        }
    }
}

fn house() -> House {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    House::read(&fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the architecture"))
}

#[test]
fn no_import_runs_upwards() {
    let house = house();
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), None, &mut found);
    let mut faults = Vec::new();
    for (module, path) in &found {
        let text = fs::read_to_string(path).expect("a source");
        faults.extend(house.faults(module, &text).into_iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let modules: BTreeSet<&str> = found.iter().map(|(module, _)| module.as_str()).collect();
    let empty: Vec<&String> = house.floors.iter().filter(|floor| !modules.contains(floor.as_str())).collect();
    assert!(empty.is_empty(), "floors that nothing stands on: {empty:?}");
}

#[test]
fn an_import_that_runs_upwards_is_found() {
    let house = house();
    assert!(house.exceptions.is_empty(), "an exception needs a test of its own here");
    let check = |module: &str, text: &str, faults: usize| assert_eq!(house.faults(module, text).len(), faults, "{module}: {text}");
    check("text", "use crate::page::html;\n", 1);
    check("page", "fn f() { crate::notice::split() }\n", 1);
    check("page", "// see crate::notice\nuse crate::text::{html, visible};\n", 0);
    check("check", "use crate::{config};\nuse crate::{world::{disk, kept}, text};\npub struct A {\n}\n", 1);
    check("site", "#[cfg(test)]\nmod tests { use crate::world::disk; }\n", 0);
    check("nowhere", "", 1);
    check("site", "use crate::nowhere;\n", 1);
}
