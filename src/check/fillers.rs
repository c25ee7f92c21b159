//! Values that stand in a table where there is none: what a program writes when it has nothing to write.

use std::collections::{BTreeMap, BTreeSet};

use super::placeholders;
use crate::diagnostic::{Diagnostic, Diagnostics, counted, visible};
use crate::notice::merge::Merge;
use crate::notice::recipients::Recipient;
use crate::notice::variables;
use crate::source::RelPath;

/// What databases and people write for nothing. Some of these are names of people, too.
const NOTHING: [&str; 14] = ["NULL", "null", "Null", "None", "none", "nil", "NIL", "NaN", "undefined", "N/A", "n/a", "-", "--", "?"];

/// What spreadsheets write where a formula failed, in some languages: `#N/A`, `#REF!`, `#WERT!`, `#NOM?`.
fn is_failed(value: &str) -> bool {
    let Some(name) = value.strip_prefix('#') else { return false };
    let letters = name.trim_end_matches(['!', '?']);
    let is_name = letters.len() >= 2 && letters.chars().all(|c| c.is_uppercase() || matches!(c, '/' | '0'));
    is_name && (letters.len() < name.len() || matches!(name, "N/A" | "NA" | "NV" | "N/D" | "NB" | "ND"))
}

/// Looks for them in the columns that a notice shows.
pub struct Fillers {
    /// Where these columns stand in a row.
    shown: Vec<usize>,
    /// By column and value: the first place, and how many rows.
    found: BTreeMap<(usize, String), (usize, usize, u64)>,
}

impl Fillers {
    pub fn new(merge: &Merge, columns: &[String]) -> Fillers {
        let tags = merge.versions.iter().flat_map(|version| version.compiled.used(version.notice));
        let mut names: BTreeSet<String> = tags.flat_map(variables::used).collect();
        // It also stands in the header `To`.
        names.insert("r.name".to_owned());
        let is_shown = |column: &String| column != "email" && names.contains(&format!("r.{column}"));
        let shown = columns.iter().enumerate().filter(|(_, column)| is_shown(column)).map(|(index, _)| index).collect();
        Fillers { shown, found: BTreeMap::new() }
    }

    /// Looks at a row. What nobody may be sent is a fault of the row; what may be right is told at the end.
    pub fn look(&mut self, recipient: &Recipient, path: &RelPath) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for index in &self.shown {
            let (column, value) = (&recipient.columns[*index], recipient.values[*index].trim());
            let line = usize::try_from(recipient.line).unwrap_or(usize::MAX);
            if is_failed(value) || placeholders::is_one(value) {
                let message = format!("`{column}` holds `{}`, and the notice uses it", visible(value));
                let diagnostic = Diagnostic::error("filler-value", message).at_line(path, line, recipient.place(column));
                faults.push(diagnostic.help("write what is meant, or leave the field empty"));
            } else if NOTHING.contains(&value) {
                let first = || (line, recipient.place(column), 0);
                self.found.entry((*index, value.to_owned())).or_insert_with(first).2 += 1;
            }
        }
        faults
    }

    /// Tells what was found besides faults, each value once.
    pub fn finish(self, columns: &[String], path: &RelPath, diagnostics: &mut Diagnostics) {
        for ((index, value), (line, place, rows)) in self.found {
            let rows = counted(rows, "row", "rows");
            let message = format!("`{}` holds `{value}` in {rows}, and the notice uses it", columns[index]);
            let diagnostic = Diagnostic::warning("filler-value", message).at_line(path, line, place);
            diagnostics.push(diagnostic.help("leave a field empty where there is no value: a `default` in the notice stands there then"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_failed;

    #[test]
    fn failed_formulas() {
        for failed in ["#N/A", "#NV", "#REF!", "#DIV/0!", "#NAME?", "#WERT!", "#ÜBERLAUF!"] {
            assert!(is_failed(failed), "{failed}");
        }
        for other in ["", "#", "#1", "#!", "#OK", "#Hello!", "# A!", "N/A"] {
            assert!(!is_failed(other), "{other}");
        }
    }
}
