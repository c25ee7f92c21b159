//! Values that a program or a person writes into a table when there is no value.

use std::collections::{BTreeMap, BTreeSet};

use super::{filled_by_hand, mojibake};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::notice::recipients::Recipient;
use crate::notice::rows::RowFault;
use crate::rule;
use crate::source::RelPath;
use crate::text::{counted, visible};

/// What databases and people write for "no value". Some of these are also names of people.
const NOTHING: [&str; 14] = ["NULL", "null", "Null", "None", "none", "nil", "NIL", "NaN", "undefined", "N/A", "n/a", "-", "--", "?"];

/// What spreadsheets write for a failed formula, in some languages: `#N/A`, `#REF!`, `#WERT!`, `#NOM?`.
fn is_failed(value: &str) -> bool {
    let Some(name) = value.strip_prefix('#') else { return false };
    let letters = name.trim_end_matches(['!', '?']);
    let is_name = letters.len() >= 2 && letters.chars().all(|c| c.is_uppercase() || matches!(c, '/' | '0'));
    is_name && (letters.len() < name.len() || matches!(name, "N/A" | "NA" | "NV" | "N/D" | "NB" | "ND"))
}

/// Whether a value is another program's variable that was never filled in, such as `{{ first_name }}`.
fn is_variable(value: &str) -> bool {
    let name = value.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or("").trim();
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
}

/// An HTML entity that a program has left in a value, where readers would see it.
fn entity(value: &str) -> Option<&'static str> {
    ["&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;", "&#39;", "&#x27;", "&apos;"].into_iter().find(|entity| value.contains(entity))
}

/// Looks for fillers in the columns that a notice shows.
pub struct Fillers {
    /// The indexes of these columns in a row.
    shown: Vec<usize>,
    /// By column and value: the first place, and how many rows.
    found: BTreeMap<(usize, &'static str), (usize, usize, u64)>,
    /// Whether values that may be right are also reported row by row.
    reports_each: bool,
}

impl Fillers {
    pub fn new(names: &BTreeSet<String>, columns: &[String]) -> Fillers {
        let is_shown = |column: &String| column != "email" && names.contains(column);
        let shown = columns.iter().enumerate().filter(|(_, column)| is_shown(column)).map(|(index, _)| index).collect();
        Fillers { shown, found: BTreeMap::new(), reports_each: false }
    }

    /// Also reports values that may be right row by row, as warnings, and not only once at the end.
    pub fn report_each(&mut self) {
        self.reports_each = true;
    }

    /// Checks a row. A value that must not be sent is a fault of the row; one that may be right is reported at the end.
    pub fn look(&mut self, recipient: &Recipient, path: &RelPath) -> Vec<RowFault> {
        let mut faults = Vec::new();
        for index in &self.shown {
            let (column, value) = (&recipient.columns[*index], recipient.values[*index].trim());
            let line = usize::try_from(recipient.line).unwrap_or(usize::MAX);
            if is_failed(value) || filled_by_hand::is_one(value) || is_variable(value) {
                let message = format!("the notice uses `{column}`, which contains `{}`", visible(value));
                let diagnostic = Diagnostic::new(rule::FILLER_VALUE, message).at_line(path, line, recipient.place(column));
                faults.push(RowFault::new(recipient, column, diagnostic.help("write the real value, or leave the field empty")));
            } else if let Some((wrong, meant)) = mojibake::wrong(value).next() {
                let message = format!("`{column}` contains `{}`, a wrongly decoded `{meant}`", &value[wrong]);
                let diagnostic = Diagnostic::new(rule::MOJIBAKE, message).at_line(path, line, recipient.place(column));
                faults.push(RowFault::new(recipient, column, diagnostic.help("export the table again as UTF-8")));
            } else if let Some(odd) = NOTHING.into_iter().find(|nothing| *nothing == value).or_else(|| entity(value)) {
                let first = || (line, recipient.place(column), 0);
                self.found.entry((*index, odd)).or_insert_with(first).2 += 1;
                if self.reports_each {
                    let message = format!("the notice uses `{column}`, which contains `{odd}`");
                    let diagnostic = Diagnostic::new(rule::POSSIBLE_FILLER, message).at_line(path, line, recipient.place(column));
                    faults.push(RowFault::new(recipient, column, diagnostic.help(way_out(odd))));
                }
            }
        }
        faults
    }

    /// Reports the values that may be right, each once.
    pub fn finish(self, columns: &[String], path: &RelPath, diagnostics: &mut Diagnostics) {
        for ((index, value), (line, place, rows)) in self.found {
            let rows = counted(rows, "row", "rows");
            let message = format!("the notice uses `{}`, which contains `{value}` in {rows}", columns[index]);
            diagnostics.push(Diagnostic::new(rule::POSSIBLE_FILLER, message).at_line(path, line, place).help(way_out(value)));
        }
    }
}

fn way_out(value: &str) -> &'static str {
    match entity(value) {
        Some(_) => "write the character itself: values are not HTML",
        None => "fill it in, or empty the cell so that a `default` in the notice is used",
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
