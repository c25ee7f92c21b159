//! A running merge: each row is judged, messages are made in parallel, and the outcomes come out in the order of the rows.

mod judge;
mod reports;

use std::collections::VecDeque;

use rayon::prelude::*;

use super::chosen::Chosen;
use super::row_faults::RowFaults;
use super::source::{self, Bytes, OpenTable, TableHash};
use super::{Materials, MergedMessage, Outcome, Selection, Source, Tally, prepare};
use crate::check::Fillers;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::error::Result;
use crate::mail::address::Rules;
use crate::notice::engine::Rendered;
use crate::notice::ledger::LeftOut;
use crate::notice::merge::Merge;
use crate::notice::message::Message;
use crate::notice::recipients::{Recipient, Recipients};
use crate::notice::repeats::Repeats;
use crate::notice::review::Probe;
use crate::notice::rows::{BadRow, RowFault};
use crate::notice::table::Table;
use crate::rule;
use crate::source::RelPath;

/// How many messages are made at once.
const AT_ONCE: usize = 256;

/// A message, or all reasons why it cannot be made.
pub type Made = Result<(Message, Rendered, Option<Probe>), Vec<RowFault>>;

/// Runs a piece of work under supervision and returns its result: a template may never end.
pub type Watch<'a> = Box<dyn Fn(&str, &dyn Fn() -> Made) -> Made + Sync + 'a>;

/// A gate that lets everyone through.
pub fn everybody(recipients: &[&Recipient]) -> Result<Vec<Option<()>>> {
    Ok(vec![Some(()); recipients.len()])
}

/// What is decided about a good row before its message is made.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    Taken,
    Suppressed,
    BeyondLimit,
    /// Not selected.
    PassedBy,
}

/// A row of the table, before messages are made.
enum Row<'a> {
    Good(Recipient, Turn),
    Bad(BadRow),
    /// It repeats an earlier row.
    Again(Recipient),
    LeftOut(&'a LeftOut),
}

/// The stage of a merge.
enum Phase<R> {
    /// In the rows of the table.
    Rows,
    /// The table is read again, to find what differs between rows of one address.
    Again(Box<Table<Bytes<R>>>, Repeats),
    End,
}

/// A running merge: an iterator over the outcome of each row, in the order of the table.
///
/// Once a fault is found, no more messages come out, but the other rows are still checked. At the end, [`finish`] returns
/// how many there were of each kind, and what to report.
///
/// [`finish`]: Merging::finish
pub struct Merging<'a, S: Source, P, G> {
    source: S,
    selection: &'a Selection<'a>,
    watch: Watch<'a>,
    gate: G,
    /// `None` if there is no readable table.
    rows: Option<Recipients<Bytes<S::Reader>>>,
    hash: TableHash,
    /// `None` if the suppression list is faulty.
    chosen: Option<Chosen>,
    /// `None` if no message can be made.
    merge: Option<Merge<'a>>,
    fillers: Option<Fillers>,
    faults: RowFaults,
    tally: Tally,
    /// How many recipients get a message so far.
    taken: u64,
    phase: Phase<S::Reader>,
    ready: VecDeque<Outcome<'a, P>>,
    /// Diagnostics known before, which are not repeated for a row.
    known: &'a Diagnostics,
    diagnostics: Diagnostics,
}

impl<'a, S, P, G> Merging<'a, S, P, G>
where
    S: Source,
    G: FnMut(&[&Recipient]) -> Result<Vec<Option<P>>>,
{
    /// Opens the table and prepares what messages are made of. `gate` decides which of some recipients get a message, and returns
    /// a value for each of these; no messages are made for the others. `known` are the diagnostics of the site.
    pub fn new(
        materials: Materials<'a>,
        selection: &'a Selection<'a>,
        source: S,
        watch: Watch<'a>,
        known: &'a Diagnostics,
        gate: G,
    ) -> Result<Merging<'a, S, P, G>> {
        let faults = RowFaults::new(source.path(), Some(selection.command_to_check()));
        let mut merging = Merging {
            source,
            selection,
            watch,
            gate,
            rows: None,
            hash: TableHash::default(),
            chosen: None,
            merge: None,
            fillers: None,
            faults,
            tally: Tally::default(),
            taken: 0,
            phase: Phase::End,
            ready: VecDeque::new(),
            known,
            diagnostics: Diagnostics::default(),
        };
        merging.open(materials)?;
        Ok(merging)
    }

    fn open(&mut self, materials: Materials<'a>) -> Result<()> {
        let (source, selection) = (&self.source, self.selection);
        let opened = match source::encoding_fault(source)? {
            Some(fault) => Some(Err(fault)),
            None => source::open(source)?,
        };
        let Some(opened) = opened else {
            self.diagnostics.push(no_recipients(selection, source.path()));
            self.tally.skipped = true;
            return Ok(());
        };
        let config = &materials.project.config;
        let rules = Rules { unicode: config.notices.allow_unicode_addresses };
        let opened = opened.map_err(|fault| vec![fault]).and_then(|OpenTable { rows, hash }| {
            Recipients::open(rows, source.path(), &selection.mailing.columns, rules).map(|rows| (rows, hash))
        });
        let (mut rows, hash) = match opened {
            Ok(opened) => opened,
            Err(faults) => {
                self.diagnostics.extend(faults);
                (self.tally.incomplete, self.tally.beyond_rows) = (true, true);
                return Ok(());
            }
        };
        self.chosen = Chosen::new(source, config, selection, rows.columns(), &mut self.diagnostics)?;
        self.merge = prepare(materials, selection.mailing, source.path(), rows.columns(), selection.frozen, &mut self.diagnostics);
        if let Some(shown) = self.merge.as_ref().map(Merge::columns) {
            let mut fillers = Fillers::new(&shown, rows.columns());
            if selection.surveyed {
                fillers.report_each();
            }
            self.fillers = Some(fillers);
            rows.show_only(&shown);
        }
        let is_broken = self.merge.is_none() || self.chosen.is_none();
        (self.tally.incomplete, self.tally.beyond_rows) = (is_broken, is_broken);
        (self.rows, self.hash, self.phase) = (Some(rows), hash, Phase::Rows);
        Ok(())
    }

    /// Reads some rows, asks the gate about the selected recipients, and makes their messages.
    fn read(&mut self) -> Result<()> {
        let mut batch = Vec::with_capacity(AT_ONCE);
        while batch.len() < AT_ONCE {
            match self.rows.as_mut().and_then(Iterator::next) {
                Some(entry) => batch.extend(self.judge(entry)?),
                None => {
                    self.phase = Phase::End;
                    break;
                }
            }
        }
        self.tally.incomplete |= batch.iter().any(|row| matches!(row, Row::Bad(_)));
        let passes = self.ask(&mut batch)?;
        let made = self.make(&batch);
        for ((row, pass), made) in batch.into_iter().zip(passes).zip(made) {
            self.conclude(row, pass, made);
        }
        if matches!(self.phase, Phase::End) {
            self.compare()?;
        }
        Ok(())
    }

    /// Asks the gate about the selected recipients. Returns the gate's value for each row that may pass.
    fn ask(&mut self, batch: &mut [Row]) -> Result<Vec<Option<P>>> {
        let is_asked = |row: &Row| matches!(row, Row::Good(_, Turn::Taken));
        let asked: Vec<&Recipient> = batch
            .iter()
            .filter_map(|row| match row {
                Row::Good(recipient, Turn::Taken) => Some(recipient),
                _ => None,
            })
            .collect();
        let mut passes = (self.gate)(&asked)?.into_iter();
        let mut given = Vec::with_capacity(batch.len());
        for row in batch {
            let pass = if is_asked(row) { passes.next().flatten() } else { None };
            if let Row::Good(_, turn) = row
                && *turn == Turn::Taken
                && pass.is_none()
            {
                *turn = Turn::PassedBy;
            }
            given.push(pass);
        }
        Ok(given)
    }

    /// Makes the messages of the selected recipients, and looks for further faults in the other rows.
    fn make(&self, batch: &[Row]) -> Vec<Option<Made>> {
        let Some(merge) = &self.merge else { return batch.iter().map(|_| None).collect() };
        let (is_probed, takes_all, watch) = (self.selection.probed, self.selection.takes_all(), &self.watch);
        let name = format!("making a message of {}", self.selection.mailing.shown());
        let find = |stand_in: &Recipient| Err(merge.faults(stand_in));
        let make = |row: &Row| {
            let made = |recipient: &Recipient| {
                let probe = is_probed.then(|| merge.probe(recipient));
                merge.message(recipient).map(|(message, rendered)| (message, rendered, probe)).map_err(|_| merge.faults(recipient))
            };
            let watched = |work: &dyn Fn() -> Made| Some(watch(&name, work));
            match row {
                Row::Good(recipient, Turn::Taken) => watched(&|| made(recipient)),
                Row::Again(recipient) => watched(&|| find(recipient)),
                Row::Bad(row) if takes_all => row.stand_in.as_ref().and_then(|stand_in| watched(&|| find(stand_in))),
                _ => None,
            }
        };
        batch.par_iter().map(make).collect()
    }

    /// The outcome of a row, after its message was made or not.
    fn conclude(&mut self, row: Row<'a>, pass: Option<P>, made: Option<Made>) {
        match (row, made) {
            (Row::Good(recipient, Turn::Taken), Some(Ok(made))) => self.write(recipient, pass, made),
            (Row::Again(recipient), made) => match made {
                Some(Err(faults)) if !faults.is_empty() => self.refuse(&recipient, faults),
                _ => {
                    self.tally.repeated += 1;
                    self.ready.push_back(Outcome::Repeated(recipient));
                }
            },
            (Row::Good(recipient, _), Some(Err(faults))) => self.refuse(&recipient, faults),
            (Row::Bad(mut row), made) => {
                let more = made.and_then(Result::err).unwrap_or_default();
                row.faults.extend(self.of_the_row(more));
                self.report(row);
            }
            (Row::Good(recipient, Turn::Suppressed), _) => {
                self.tally.suppressed += 1;
                self.ready.push_back(Outcome::Suppressed(recipient));
            }
            (Row::Good(recipient, Turn::BeyondLimit), _) => {
                self.tally.beyond_limit += 1;
                self.ready.push_back(Outcome::BeyondLimit(recipient));
            }
            (Row::LeftOut(left_out), _) => {
                self.tally.left_out += 1;
                self.ready.push_back(Outcome::LeftOut(left_out));
            }
            (Row::Good(recipient, Turn::PassedBy), _) => {
                self.tally.passed_by += 1;
                self.ready.push_back(Outcome::PassedBy(recipient));
            }
            // Messages cannot be made at all.
            (Row::Good(_, Turn::Taken), None) => {}
        }
    }

    fn write(&mut self, recipient: Recipient, pass: Option<P>, (message, rendered, probe): (Message, Rendered, Option<Probe>)) {
        let (Some(merge), Some(pass)) = (self.merge.as_ref().filter(|_| !self.tally.incomplete), pass) else { return };
        self.tally.written += 1;
        if let Some(wanted) = merge.untranslated(&recipient) {
            *self.tally.untranslated.entry(wanted.to_owned()).or_default() += 1;
        }
        let (number, notice) = (self.tally.written, merge.version(&recipient).notice);
        let merged = MergedMessage { number, recipient, message, rendered, notice, probe, pass };
        self.ready.push_back(Outcome::Written(Box::new(merged)));
    }

    /// Collects what was found while a message was made.
    fn refuse(&mut self, recipient: &Recipient, faults: Vec<RowFault>) {
        self.tally.incomplete = true;
        let faults = self.of_the_row(faults);
        if !faults.is_empty() {
            let address = Some(recipient.address.clone());
            self.report(BadRow { line: recipient.line, faults, address, stand_in: None, ends: false });
        }
    }

    /// Reads the rest, and returns what to report.
    pub fn check(mut self) -> Result<(Tally, Diagnostics)> {
        for outcome in &mut self {
            outcome?;
        }
        Ok(self.finish())
    }
}

impl<'a, S, P, G> Iterator for Merging<'a, S, P, G>
where
    S: Source,
    G: FnMut(&[&Recipient]) -> Result<Vec<Option<P>>>,
{
    type Item = Result<Outcome<'a, P>>;

    fn next(&mut self) -> Option<Result<Outcome<'a, P>>> {
        loop {
            if let Some(outcome) = self.ready.pop_front() {
                return Some(Ok(outcome));
            }
            match self.phase {
                Phase::Rows => {
                    if let Err(error) = self.read() {
                        self.phase = Phase::End;
                        return Some(Err(error));
                    }
                }
                Phase::Again(..) => match self.next_pair() {
                    Some(pair) => self.report_pair(pair),
                    None => self.phase = Phase::End,
                },
                Phase::End => return None,
            }
        }
    }
}

fn no_recipients(selection: &Selection, path: &RelPath) -> Diagnostic {
    let place = |diagnostic: Diagnostic| diagnostic.at(&crate::source::configuration(), selection.mailing.recipients.span.clone());
    let id = &selection.mailing.id.value;
    if selection.may_be_skipped {
        return place(Diagnostic::new(rule::NO_RECIPIENTS, format!("skipped the mailing `{id}`: file not found: `{path}`")));
    }
    if selection.recipients.is_some() || !selection.mailing.is_declared {
        return Diagnostic::new(rule::MISSING_TABLE, format!("file not found: `{path}`")).in_file(path);
    }
    place(Diagnostic::new(rule::MISSING_TABLE, format!("recipient table of `{id}` not found: `{path}`")))
}
