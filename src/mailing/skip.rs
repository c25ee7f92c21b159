//! `--skip-bad COUNT`: a mailing without its faulty rows, if there are as many as the user says.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::notice::ledger::LeftOut;
use crate::notice::recipients::MOST_NAMED;
use crate::notice::rows::BadRow;
use crate::rule::Severity;
use crate::text::counted;

/// The lines of the rows that are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    pub rows: BTreeMap<u64, LeftOut>,
    /// The hash of the table that contains them.
    pub table: String,
}

impl Skip {
    /// The option that asks for it.
    pub fn option(&self) -> String {
        format!("--skip-bad {}", self.rows.len())
    }

    /// The first row that is left out, and how many more there are. `None` if there are none.
    pub fn first_of(left_out: &[LeftOut]) -> Option<String> {
        let first: Vec<String> = left_out
            .iter()
            .take(3)
            .map(
                |LeftOut { key, line, code }| {
                    if key.contains('@') { format!("{key} (line {line}, {code})") } else { format!("{key} ({code})") }
                },
            )
            .collect();
        let more = left_out.len() - first.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!first.is_empty()).then(|| format!("{}{more}", first.join(", ")))
    }

    /// `46 faulty rows left out`
    pub fn text(count: u64) -> String {
        format!("{} left out", counted(count, "faulty row", "faulty rows"))
    }
}

/// The rows of a survey that have an error, and faults outside rows.
#[derive(Debug, Default)]
pub struct FaultyRows {
    pub rows: BTreeMap<u64, LeftOut>,
    /// Faults of the notice, or of the whole table: the first of these.
    pub others: Vec<Diagnostic>,
}

impl FaultyRows {
    pub fn add(&mut self, row: &BadRow) {
        let errors = || row.faults.iter().map(|fault| &fault.diagnostic).filter(|fault| fault.severity == Severity::Error);
        let is_other = |fault: &&Diagnostic| row.ends || fault.line().is_none();
        let room = MOST_NAMED.saturating_sub(self.others.len());
        self.others.extend(errors().filter(is_other).take(room).cloned());
        // A row without faults repeats an address with other values: it comes again with the differences.
        if errors().next().is_some() {
            self.rows.entry(row.line).and_modify(|known| known.add(row)).or_insert_with(|| LeftOut::new(row));
        }
    }
}
