//! Reports faulty rows: the first ones, and the first of each kind, are shown; the others are counted.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::notice::recipients::MOST_NAMED;
use crate::notice::rows::RowFault;
use crate::rule::{self, Rule};
use crate::source::RelPath;
use crate::text::counted;

/// Faults of rows for the user.
pub struct RowFaults {
    path: RelPath,
    /// The command that lists them all, if there is one.
    names_all: Option<String>,
    rows: usize,
    named: BTreeSet<&'static str>,
    counted: BTreeMap<&'static str, usize>,
}

impl RowFaults {
    pub fn new(path: &RelPath, names_all: Option<String>) -> RowFaults {
        RowFaults { path: path.clone(), names_all, rows: 0, named: BTreeSet::new(), counted: BTreeMap::new() }
    }

    /// Takes the faults of one row, and reports them if it is among the first.
    pub fn add(&mut self, faults: Vec<RowFault>, diagnostics: &mut Diagnostics) {
        if faults.is_empty() {
            return;
        }
        self.rows += 1;
        let is_new = faults.iter().any(|fault| !self.named.contains(fault.diagnostic.rule.code));
        if self.rows <= MOST_NAMED || is_new {
            self.named.extend(faults.iter().map(|fault| fault.diagnostic.rule.code));
            diagnostics.extend(faults.into_iter().map(|fault| fault.diagnostic));
        } else if let Some(fault) = faults.first() {
            self.count(fault.diagnostic.rule, 1);
        }
    }

    /// Counts rows that are not shown.
    pub fn count(&mut self, rule: &'static Rule, rows: usize) {
        if rows > 0 {
            *self.counted.entry(rule.code).or_default() += rows;
        }
    }

    /// Reports how many there are besides those shown.
    pub fn finish(&self, diagnostics: &mut Diagnostics) {
        let more: usize = self.counted.values().sum();
        if more > 0 {
            let kinds: Vec<String> = self.counted.iter().map(|(code, count)| format!("{count} {code}")).collect();
            let message = format!("{} refused: {}", counted(more, "more row", "more rows"), kinds.join(", "));
            let help = self.names_all.as_ref().map(|command| format!("list all of them with `{command}`"));
            diagnostics.push(Diagnostic::new(rule::MORE_BAD_ROWS, message).in_file(&self.path).maybe_help(help));
        }
    }
}
