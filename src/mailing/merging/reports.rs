//! What a merge reports: about each faulty row, about rows that differ, and about the whole.

use super::{Merging, Phase};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::error::{Result, bail};
use crate::mail::address;
use crate::mailing::source::{self, OpenTable};
use crate::mailing::{Outcome, Source, Tally};
use crate::notice::ledger::LeftOut;
use crate::notice::recipients::MOST_NAMED;
use crate::notice::repeats::{Pair, Repeats};
use crate::notice::rows::{BadRow, RowFault};
use crate::notice::table::Row;
use crate::rule;

impl<S: Source, P, G> Merging<'_, S, P, G> {
    /// A fault that the sample has, too, does not concern one recipient, and a fault of the notice does not concern a row.
    pub(super) fn of_the_row(&mut self, faults: Vec<RowFault>) -> Vec<RowFault> {
        let is_known = |fault: &Diagnostic| {
            let mut known = self.known.iter().chain(self.diagnostics.iter());
            known.any(|known| known.place == fault.place && fault.message.starts_with(&known.message))
        };
        let path = self.source.path();
        self.tally.beyond_rows |= faults.iter().any(|fault| fault.diagnostic.path.as_ref() != Some(path));
        faults.into_iter().filter(|fault| !is_known(&fault.diagnostic)).collect()
    }

    /// Reports the faults of a row: to a survey, or to the user.
    pub(super) fn report(&mut self, mut row: BadRow) {
        if let Some(rows) = &self.rows {
            row.faults.iter_mut().for_each(|fault| fault.column = rows.header(&fault.column).to_owned());
        }
        if self.selection.surveyed {
            self.ready.push_back(Outcome::Faulty(row));
        } else {
            self.faults.add(row.faults, &mut self.diagnostics);
        }
    }

    /// After all rows: reports rows of one address that differ, for which the table is read once more.
    pub(super) fn compare(&mut self) -> Result<()> {
        let path = self.source.path();
        self.tally.table = self.hash.text();
        let skip = self.selection.skip;
        if skip.is_some_and(|skip| skip.table != self.tally.table) {
            bail!("{path} changed while it was read"; help: "run it again");
        }
        let Some(rows) = &self.rows else { return Ok(()) };
        let is_left_out =
            |(first, later): &(u64, u64)| skip.is_some_and(|skip| skip.rows.contains_key(first) && skip.rows.contains_key(later));
        let differing: Vec<(u64, u64)> = rows.seen().differing.iter().filter(|pair| !is_left_out(pair)).copied().collect();
        if differing.is_empty() {
            return Ok(());
        }
        self.tally.incomplete = true;
        let repeats = if self.selection.surveyed {
            Repeats::new(&differing, rows.columns(), path).with_same()
        } else {
            let named = &differing[..differing.len().min(MOST_NAMED)];
            self.faults.count(rule::DUPLICATE_RECIPIENT, differing.len() - named.len());
            Repeats::new(named, rows.columns(), path)
        };
        let Some(Ok(OpenTable { rows: again, .. })) = source::open(&self.source)? else { bail!("{path} changed while it was read") };
        self.phase = Phase::Again(Box::new(again), repeats);
        Ok(())
    }

    /// The next pair of rows that differ.
    pub(super) fn next_pair(&mut self) -> Option<Pair> {
        let (Phase::Again(again, repeats), Some(rows)) = (&mut self.phase, &self.rows) else { return None };
        for row in again.filter_map(Result::ok) {
            if repeats.is_over(row.line) {
                return None;
            }
            let row: Row = rows.prepared(row);
            if let Some(pair) = repeats.add(&row) {
                return Some(pair);
            }
        }
        None
    }

    /// Reports what differs, for each row of a pair.
    pub(super) fn report_pair(&mut self, pair: Pair) {
        if !self.selection.surveyed {
            return self.diagnostics.push(pair.later.1);
        }
        let column = self.rows.as_ref().map_or("email", |rows| rows.header("email")).to_owned();
        for (line, diagnostic) in pair.first.into_iter().chain([pair.later]) {
            let fault = RowFault { column: column.clone(), value: pair.address.clone(), diagnostic };
            let address = address::parse(&pair.address).ok();
            self.ready.push_back(Outcome::Faulty(BadRow { line, faults: vec![fault], address, stand_in: None, ends: false }));
        }
    }

    /// How many there were of each kind, and what to report, once all rows have come out.
    pub fn finish(mut self) -> (Tally, Diagnostics) {
        let Some(rows) = &self.rows else { return (self.tally, self.diagnostics) };
        let path = self.source.path();
        if self.tally.rows == 0 {
            self.diagnostics.push(Diagnostic::new(rule::EMPTY_TABLE, "the table has no recipients").at_line(path, 1, 1));
            (self.tally.incomplete, self.tally.beyond_rows) = (true, true);
        }
        if !self.selection.surveyed {
            self.faults.finish(&mut self.diagnostics);
            if let Some(fillers) = self.fillers.take() {
                fillers.finish(rows.columns(), path, &mut self.diagnostics);
            }
        }
        if !self.tally.incomplete {
            self.say_nobody();
        }
        (self.tally, self.diagnostics)
    }

    /// Reports a recipient who was named but is not in the table.
    fn say_nobody(&mut self) {
        let nobody = |message: String| Diagnostic::new(rule::NO_SUCH_RECIPIENT, message).in_file(self.source.path());
        let mut found = Vec::new();
        if let Some(only) = self.selection.only.filter(|_| self.tally.written + self.tally.suppressed == 0) {
            let key = address::parse(only).map(|address| address::key(&address)).unwrap_or_default();
            let left_out = self.selection.skip.and_then(|skip| skip.rows.values().find(|row| row.key == key));
            found.push(nobody(match left_out {
                Some(LeftOut { line, code, .. }) => format!("`{only}` was left out, because its row in line {line} is faulty ({code})"),
                None => format!("`{only}` is not a recipient"),
            }));
        }
        let is_met = self.chosen.as_ref().is_none_or(|chosen| chosen.is_met);
        if let Some(condition) = self.selection.condition.filter(|_| !is_met) {
            let help = "check the spelling in the table: `de` differs from `DE`";
            found.push(nobody(format!("no recipient matches `{condition}`")).help(help));
        }
        self.tally.incomplete |= !found.is_empty();
        self.diagnostics.extend(found);
    }
}
