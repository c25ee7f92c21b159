//! The reference of diagnostics knows every code that the program can say, and no other.
#![allow(clippy::disallowed_methods, reason = "a test reads the sources")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use runsheet::reference;

/// Places in the code where a diagnostic gets its code.
const BEFORE: [&str; 5] = ["Diagnostic::error(", "Diagnostic::warning(", "Diagnostic::note(", "fault(", "=> ("];

fn used_codes(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            used_codes(&entry, codes);
            continue;
        }
        if entry.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = fs::read_to_string(&entry).expect("a source");
        let text = text.split("#[cfg(test)]").next().expect("code before the tests");
        // Code and text may stand on lines of their own.
        let text =
            text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace("=> {(", "=> (").replace("=> { (", "=> (");
        for before in BEFORE {
            for (at, _) in text.match_indices(before) {
                let rest = text[at + before.len()..].trim_start();
                let Some(code) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
                let is_code = code.contains('-') && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
                let one_word = ["placeholder", "mojibake", "fence", "contract", "symlink"].contains(&code);
                if (is_code && !code.starts_with("--")) || one_word {
                    codes.insert(code.to_owned());
                }
            }
        }
    }
}

#[test]
fn every_code_is_explained() {
    let mut used = BTreeSet::new();
    used_codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
    assert!(used.len() > 40, "{used:?}");
    let known: BTreeSet<String> = reference::codes().into_iter().map(str::to_owned).collect();
    let missing: Vec<&String> = used.difference(&known).collect();
    let unused: Vec<&String> = known.difference(&used).collect();
    assert!(missing.is_empty(), "without an entry in content/reference/: {missing:?}");
    assert!(unused.is_empty(), "in the reference but nowhere in the code: {unused:?}");
}

#[test]
fn an_entry_says_what_to_do() {
    for code in reference::codes() {
        let text = reference::explain(code).expect("an entry");
        assert!(text.starts_with(&format!("## {code}\n")), "{text}");
        assert!(text.lines().count() >= 4, "{code} is hardly explained");
    }
}
