//! Judges a row before messages are made: whether its recipient is selected, and which faults the row itself has.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Merging, Row, Turn};
use crate::check::Fillers;
use crate::error::Result;
use crate::mailing::Source;
use crate::notice::recipients::{Entry, Recipient};
use crate::notice::rows::{BadRow, RowFault};
use crate::rule::Severity;
use crate::source::RelPath;

impl<'a, S: Source, P, G> Merging<'a, S, P, G> {
    /// Decides what a row results in. `None` at the end.
    pub(super) fn judge(&mut self, entry: Entry) -> Result<Option<Row<'a>>> {
        self.tally.rows += 1;
        let line = match &entry {
            Entry::New(recipient) | Entry::Again(recipient) => recipient.line,
            Entry::Bad(row) => row.line,
        };
        if let Some(left_out) = self.selection.skip.and_then(|skip| skip.rows.get(&line)) {
            return Ok(Some(Row::LeftOut(left_out)));
        }
        let recipient = match entry {
            Entry::New(recipient) => recipient,
            Entry::Again(recipient) if self.selection.takes_all() => return Ok(Some(self.look_again(recipient))),
            Entry::Again(_) => {
                self.tally.repeated += 1;
                return Ok(None);
            }
            Entry::Bad(row) => return Ok(Some(Row::Bad(self.look_further(row)))),
        };
        let Some(chosen) = &mut self.chosen else { return Ok(None) };
        if !chosen.takes(&recipient)? {
            self.tally.not_chosen += 1;
            return Ok(None);
        }
        if chosen.suppression.holds(&recipient.address) {
            return Ok(Some(Row::Good(recipient, Turn::Suppressed)));
        }
        let recipient = match self.without_fillers(recipient) {
            Ok(recipient) => recipient,
            Err(row) => return Ok(Some(Row::Bad(*row))),
        };
        let is_within = self.selection.limit.is_none_or(|limit| self.taken < limit);
        self.taken += u64::from(is_within);
        Ok(Some(Row::Good(recipient, if is_within { Turn::Taken } else { Turn::BeyondLimit })))
    }

    /// A faulty row, with harmless values where it is wrong.
    fn look_further(&mut self, mut row: BadRow) -> BadRow {
        self.tally.beyond_rows |= row.ends;
        if let Some(stand_in) = row.stand_in.as_mut().filter(|_| self.selection.takes_all()) {
            let (faults, warnings) = look(&mut self.fillers, stand_in, self.source.path());
            row.faults.extend(faults.into_iter().chain(warnings));
        }
        row
    }

    /// A row that repeats a faulty one is faulty, too: fixing only the first would leave two that differ.
    fn look_again(&mut self, recipient: Recipient) -> Row<'a> {
        let is_suppressed = self.chosen.as_ref().is_some_and(|chosen| chosen.suppression.holds(&recipient.address));
        if is_suppressed {
            return Row::Again(recipient);
        }
        self.without_fillers(recipient).map_or_else(|row| Row::Bad(*row), Row::Again)
    }

    /// A recipient whose values are correct, as far as can be checked.
    fn without_fillers(&mut self, mut recipient: Recipient) -> Result<Recipient, Box<BadRow>> {
        let (faults, warnings) = look(&mut self.fillers, &mut recipient, self.source.path());
        let (line, address) = (recipient.line, Some(recipient.address.clone()));
        if !faults.is_empty() {
            let faults = faults.into_iter().chain(warnings).collect();
            return Err(Box::new(BadRow { line, faults, address, stand_in: Some(recipient), ends: false }));
        }
        if !warnings.is_empty() {
            self.report(BadRow { line, faults: warnings, address, stand_in: None, ends: false });
        }
        Ok(recipient)
    }
}

/// Placeholders in values are faults, or may be right. Each fault is replaced by a word, so that other faults show.
fn look(fillers: &mut Option<Fillers>, recipient: &mut Recipient, path: &RelPath) -> (Vec<RowFault>, Vec<RowFault>) {
    let found = fillers.as_mut().map(|fillers| fillers.look(recipient, path)).unwrap_or_default();
    let (faults, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(|fault| fault.diagnostic.severity == Severity::Error);
    let faulty: BTreeSet<&str> = faults.iter().map(|fault| fault.column.as_str()).collect();
    let columns = Arc::clone(&recipient.columns);
    for (column, value) in columns.iter().zip(&mut recipient.values).filter(|(column, _)| faulty.contains(column.as_str())) {
        *value = if column == "zone" { "UTC".to_owned() } else { "x".to_owned() };
    }
    (faults, warnings)
}
