//! A merge under way: each row is judged, messages are made side by side, and what becomes of each row is told in their order.

use std::collections::BTreeSet;
use std::io::Read;

use anyhow::{Result, bail};
use rayon::prelude::*;

use super::campaign::prepare;
use super::chosen::Chosen;
use super::load::{Loaded, MOST_TIME};
use super::mailings::{Gate, MergedMessage, Outcome, Selection, Tally};
use super::row_faults::Told;
use super::table_file::{OpenTable, TableFile};
use crate::check::Fillers;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::mail::Keys;
use crate::mail::address::{self, Rules};
use crate::notice::engine::Rendered;
use crate::notice::ledger::LeftOut;
use crate::notice::merge::Merge;
use crate::notice::message::Message;
use crate::notice::recipients::{Entry, Recipient, Recipients};
use crate::notice::review::Probe;
use crate::notice::rows::{BadRow, RowFault};
use crate::rule::{self, Severity};
use crate::source::RelPath;

/// What a good row of the table comes to, before its message is made.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    Taken,
    Suppressed,
    BeyondLimit,
    /// Somebody else's, or nobody's.
    PassedBy,
}

/// A row of the table, before messages are made.
enum Row<'a> {
    Good(Recipient, Turn),
    Bad(BadRow),
    /// Says the same as an earlier one.
    Again(Recipient),
    LeftOut(&'a LeftOut),
}

/// So many messages are made at once.
const AT_ONCE: usize = 256;

/// Reads a table, and merges what is chosen of it.
pub fn run(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
    (table, told): (&TableFile, Told),
    gate: Option<Gate>,
    mut tell: impl FnMut(Outcome) -> Result<()>,
) -> Result<Tally> {
    let broken = |tally: Tally| Tally { incomplete: true, beyond_rows: true, ..tally };
    let fault = table.encoding_fault()?;
    let opened = match fault {
        Some(fault) => Some(Err(fault)),
        None => table.open()?,
    };
    let Some(opened) = opened else {
        diagnostics.push(no_recipients(selection, &table.path));
        return Ok(Tally { skipped: true, ..Tally::default() });
    };
    let rules = Rules { unicode: loaded.site.config.notices.allow_unicode_addresses };
    let rows = opened.map_err(|fault| vec![fault]).and_then(|OpenTable { rows, hash }| {
        Recipients::open(rows, &table.path, &selection.mailing.columns, rules).map(|rows| (rows, hash))
    });
    let (mut rows, hash) = match rows {
        Ok(opened) => opened,
        Err(faults) => {
            diagnostics.extend(faults);
            return Ok(broken(Tally::default()));
        }
    };
    let chosen = Chosen::new(&loaded.root, &loaded.project.config, selection, rows.columns(), diagnostics)?;
    let merge = prepare(loaded, selection.mailing, &table.path, rows.columns(), keys, selection.frozen, diagnostics);
    let shown = merge.as_ref().map(Merge::columns);
    let mut fillers = shown.as_ref().map(|shown| Fillers::new(shown, rows.columns()));
    if let (Told::All(_), Some(fillers)) = (&told, &mut fillers) {
        fillers.tell_all();
    }
    shown.iter().for_each(|shown| rows.show_only(shown));
    let is_broken = merge.is_none() || chosen.is_none();
    let tally = Tally { incomplete: is_broken, beyond_rows: is_broken, ..Tally::default() };
    let mut run = Run { loaded, selection, table, chosen, merge, fillers, told, tally, taken: 0 };
    run.all_rows(&mut rows, gate, diagnostics, &mut tell)?;
    run.tally.table = hash.text();
    run.finish(&rows, diagnostics)
}

/// A merge under way.
struct Run<'a, 's, 't> {
    loaded: &'a Loaded,
    selection: &'s Selection<'s>,
    table: &'s TableFile,
    /// `None` if the list of those who get nothing is faulty.
    chosen: Option<Chosen>,
    /// `None` if no message can be made.
    merge: Option<Merge<'a>>,
    fillers: Option<Fillers>,
    told: Told<'t>,
    tally: Tally,
    /// How many get a message so far.
    taken: u64,
}

impl<'s> Run<'_, 's, '_> {
    fn all_rows<R: Read>(
        &mut self,
        rows: &mut Recipients<R>,
        mut gate: Option<Gate>,
        diagnostics: &mut Diagnostics,
        tell: &mut impl FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        let mut ended = false;
        while !ended {
            let mut batch = Vec::with_capacity(AT_ONCE);
            while batch.len() < AT_ONCE && !ended {
                match rows.next() {
                    Some(entry) => batch.extend(self.judge(entry, rows, diagnostics)?),
                    None => ended = true,
                }
            }
            self.tally.incomplete |= batch.iter().any(|row| matches!(row, Row::Bad(_)));
            if let Some(gate) = &mut gate {
                ask(gate, &mut batch)?;
            }
            let made = self.make(&batch);
            for (row, made) in batch.into_iter().zip(made) {
                self.tell(row, made, rows, diagnostics, tell)?;
            }
        }
        Ok(())
    }

    /// Decides what a row comes to. `None`: nothing more.
    fn judge<R: Read>(&mut self, entry: Entry, rows: &Recipients<R>, diagnostics: &mut Diagnostics) -> Result<Option<Row<'s>>> {
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
            Entry::Again(recipient) if self.selection.takes_all() => return self.look_again(recipient, rows, diagnostics).map(Some),
            Entry::Again(_) => {
                self.tally.repeated += 1;
                return Ok(None);
            }
            Entry::Bad(mut row) => {
                self.tally.beyond_rows |= row.ends;
                if let Some(stand_in) = row.stand_in.as_mut().filter(|_| self.selection.takes_all()) {
                    let (faults, warnings) = look(&mut self.fillers, stand_in, &self.table.path);
                    row.faults.extend(faults.into_iter().chain(warnings));
                }
                return Ok(Some(Row::Bad(row)));
            }
        };
        let Some(chosen) = &mut self.chosen else { return Ok(None) };
        if !chosen.takes(&recipient)? {
            self.tally.not_chosen += 1;
            return Ok(None);
        }
        if chosen.suppression.holds(&recipient.address) {
            return Ok(Some(Row::Good(recipient, Turn::Suppressed)));
        }
        let recipient = match self.without_fillers(recipient, rows, diagnostics)? {
            Ok(recipient) => recipient,
            Err(row) => return Ok(Some(Row::Bad(row))),
        };
        let is_within = self.selection.limit.is_none_or(|limit| self.taken < limit);
        self.taken += u64::from(is_within);
        Ok(Some(Row::Good(recipient, if is_within { Turn::Taken } else { Turn::BeyondLimit })))
    }

    /// A row that repeats a wrong one is wrong, too: whoever mends only the first would have two that differ.
    fn look_again<R: Read>(&mut self, recipient: Recipient, rows: &Recipients<R>, diagnostics: &mut Diagnostics) -> Result<Row<'s>> {
        let is_suppressed = self.chosen.as_ref().is_some_and(|chosen| chosen.suppression.holds(&recipient.address));
        if is_suppressed {
            return Ok(Row::Again(recipient));
        }
        Ok(self.without_fillers(recipient, rows, diagnostics)?.map_or_else(Row::Bad, Row::Again))
    }

    /// A recipient whose values are meant, as far as that can be seen.
    fn without_fillers<R: Read>(
        &mut self,
        mut recipient: Recipient,
        rows: &Recipients<R>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Result<Recipient, BadRow>> {
        let whole = recipient.clone();
        let (faults, warnings) = look(&mut self.fillers, &mut recipient, &self.table.path);
        let (line, address) = (recipient.line, Some(recipient.address.clone()));
        if !faults.is_empty() {
            let faults = faults.into_iter().chain(warnings).collect();
            return Ok(Err(BadRow { line, faults, address, stand_in: Some(recipient), ends: false }));
        }
        if !warnings.is_empty() {
            self.add(BadRow { line, faults: warnings, address, stand_in: None, ends: false }, rows, diagnostics)?;
        }
        Ok(Ok(whole))
    }

    /// Makes the messages of those whose turn it is, and looks for what else is wrong with the others.
    fn make(&self, batch: &[Row]) -> Vec<Option<Made>> {
        let Some(merge) = &self.merge else { return batch.iter().map(|_| None).collect() };
        let name = format!("making a message of {}", self.selection.mailing.shown());
        let find = |stand_in: &Recipient| Err(merge.faults(stand_in));
        let make = |row: &Row| {
            let made = |recipient: &Recipient| {
                let probe = self.selection.probed.then(|| merge.probe(recipient));
                merge.message(recipient).map(|(message, rendered)| (message, rendered, probe)).map_err(|_| merge.faults(recipient))
            };
            let watched = |work: &dyn Fn() -> Made| Some(self.loaded.watchdog.watch(&name, MOST_TIME, work));
            match row {
                Row::Good(recipient, Turn::Taken) => watched(&|| made(recipient)),
                Row::Again(recipient) => watched(&|| find(recipient)),
                Row::Bad(row) if self.selection.takes_all() => row.stand_in.as_ref().and_then(|stand_in| watched(&|| find(stand_in))),
                _ => None,
            }
        };
        batch.par_iter().map(make).collect()
    }

    fn tell<R: Read>(
        &mut self,
        row: Row,
        made: Option<Made>,
        rows: &Recipients<R>,
        diagnostics: &mut Diagnostics,
        tell: &mut impl FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        match (row, made) {
            (Row::Good(recipient, Turn::Taken), Some(Ok((message, rendered, probe)))) => {
                let Some(merge) = self.merge.as_ref().filter(|_| !self.tally.incomplete) else { return Ok(()) };
                self.tally.written += 1;
                if let Some(wanted) = merge.untranslated(&recipient) {
                    *self.tally.untranslated.entry(wanted.to_owned()).or_default() += 1;
                }
                let (number, notice) = (self.tally.written, merge.version(&recipient).notice);
                tell(Outcome::Written(MergedMessage {
                    number,
                    recipient: &recipient,
                    message: &message,
                    rendered: &rendered,
                    notice,
                    probe,
                }))?;
            }
            (Row::Again(recipient), made) => match made {
                Some(Err(faults)) if !faults.is_empty() => self.add_faults(&recipient, faults, rows, diagnostics)?,
                _ => {
                    self.tally.repeated += 1;
                    tell(Outcome::Repeated(&recipient))?;
                }
            },
            (Row::Good(recipient, _), Some(Err(faults))) => self.add_faults(&recipient, faults, rows, diagnostics)?,
            (Row::Bad(mut row), made) => {
                let more = made.and_then(Result::err).unwrap_or_default();
                row.faults.extend(self.of_the_row(more, diagnostics));
                self.add(row, rows, diagnostics)?;
            }
            (Row::Good(recipient, Turn::Suppressed), _) => {
                self.tally.suppressed += 1;
                tell(Outcome::Suppressed(&recipient))?;
            }
            (Row::Good(recipient, Turn::BeyondLimit), _) => {
                self.tally.beyond_limit += 1;
                tell(Outcome::BeyondLimit(&recipient))?;
            }
            (Row::LeftOut(left_out), _) => {
                self.tally.left_out += 1;
                tell(Outcome::LeftOut(left_out))?;
            }
            (Row::Good(_, turn), _) => self.tally.passed_by += u64::from(turn == Turn::PassedBy),
        }
        Ok(())
    }

    /// Adds what was found while a message was made.
    fn add_faults<R: Read>(
        &mut self,
        recipient: &Recipient,
        faults: Vec<RowFault>,
        rows: &Recipients<R>,
        diagnostics: &mut Diagnostics,
    ) -> Result<()> {
        self.tally.incomplete = true;
        let faults = self.of_the_row(faults, diagnostics);
        if faults.is_empty() {
            return Ok(());
        }
        let address = Some(recipient.address.clone());
        self.add(BadRow { line: recipient.line, faults, address, stand_in: None, ends: false }, rows, diagnostics)
    }

    /// A fault that the sample shows too is no matter of one recipient, and one of the notice is none of a row.
    fn of_the_row(&mut self, faults: Vec<RowFault>, diagnostics: &Diagnostics) -> Vec<RowFault> {
        let is_known =
            |fault: &Diagnostic| diagnostics.iter().any(|known| known.place == fault.place && fault.message.starts_with(&known.message));
        self.tally.beyond_rows |= faults.iter().any(|fault| fault.diagnostic.path.as_ref() != Some(&self.table.path));
        faults.into_iter().filter(|fault| !is_known(&fault.diagnostic)).collect()
    }

    fn add<R: Read>(&mut self, mut row: BadRow, rows: &Recipients<R>, diagnostics: &mut Diagnostics) -> Result<()> {
        for fault in &mut row.faults {
            fault.column = rows.header(&fault.column).to_owned();
        }
        self.told.add(row, diagnostics)
    }

    /// Says what shows only when all rows were read.
    fn finish<R: Read>(mut self, rows: &Recipients<R>, diagnostics: &mut Diagnostics) -> Result<Tally> {
        let path = &self.table.path;
        let skip = self.selection.skip;
        if skip.is_some_and(|skip| skip.table != self.tally.table) {
            bail!("{path} changed while it was read\nhelp: run it again");
        }
        let is_left_out =
            |(first, later): &(u64, u64)| skip.is_some_and(|skip| skip.rows.contains_key(first) && skip.rows.contains_key(later));
        let differing: Vec<(u64, u64)> = rows.seen().differing.iter().filter(|pair| !is_left_out(pair)).copied().collect();
        self.told.add_repeats(&differing, rows, self.table, diagnostics)?;
        let mut tally = self.tally;
        tally.incomplete |= !differing.is_empty();
        if tally.rows == 0 {
            diagnostics.push(Diagnostic::new(rule::EMPTY_TABLE, "the table has no recipients").at_line(path, 1, 1));
            (tally.incomplete, tally.beyond_rows) = (true, true);
        }
        if let Told::User(faults) = &self.told {
            faults.finish(diagnostics);
        }
        if let Some(fillers) = self.fillers.filter(|_| matches!(self.told, Told::User(_))) {
            fillers.finish(rows.columns(), path, diagnostics);
        }
        let nobody = |message: String| Diagnostic::new(rule::NO_SUCH_RECIPIENT, message).in_file(path);
        let is_faulty = tally.incomplete;
        if let Some(only) = self.selection.only.filter(|_| tally.written + tally.suppressed == 0 && !is_faulty) {
            let key = address::parse(only).map(|address| address::key(&address)).unwrap_or_default();
            let left_out = skip.and_then(|skip| skip.rows.values().find(|row| row.key == key));
            diagnostics.push(nobody(match left_out {
                Some(LeftOut { line, code, .. }) => format!("`{only}` is left out: its row in line {line} is faulty ({code})"),
                None => format!("`{only}` is not among the recipients"),
            }));
            tally.incomplete = true;
        }
        if let Some(condition) = self.selection.condition.filter(|_| self.chosen.is_some_and(|chosen| !chosen.is_met) && !is_faulty) {
            let help = "see how the table writes it: `de` is another text than `DE`";
            diagnostics.push(nobody(format!("`{condition}` is true of no recipient")).help(help));
            tally.incomplete = true;
        }
        Ok(tally)
    }
}

/// A message, or everything that keeps it from being made.
type Made = Result<(Message, Rendered, Option<Probe>), Vec<RowFault>>;

/// Asks a gate about those whose turn it is.
fn ask(gate: &mut Gate, batch: &mut [Row]) -> Result<()> {
    let asked: Vec<&Recipient> = batch
        .iter()
        .filter_map(|row| match row {
            Row::Good(recipient, Turn::Taken) => Some(recipient),
            _ => None,
        })
        .collect();
    let mut let_through = gate(&asked)?.into_iter();
    for row in batch {
        if let Row::Good(_, turn) = row
            && *turn == Turn::Taken
            && !let_through.next().unwrap_or(false)
        {
            *turn = Turn::PassedBy;
        }
    }
    Ok(())
}

/// What stands in place of values: faults, and what may be right. A word is put where there is a fault, to see what else is wrong.
fn look(fillers: &mut Option<Fillers>, recipient: &mut Recipient, path: &RelPath) -> (Vec<RowFault>, Vec<RowFault>) {
    let found = fillers.as_mut().map(|fillers| fillers.look(recipient, path)).unwrap_or_default();
    let (faults, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(|fault| fault.diagnostic.severity == Severity::Error);
    let faulty: BTreeSet<&str> = faults.iter().map(|fault| fault.column.as_str()).collect();
    let columns = std::sync::Arc::clone(&recipient.columns);
    for (column, value) in columns.iter().zip(&mut recipient.values).filter(|(column, _)| faulty.contains(column.as_str())) {
        *value = if column == "zone" { "UTC".to_owned() } else { "x".to_owned() };
    }
    (faults, warnings)
}

fn no_recipients(selection: &Selection, path: &RelPath) -> Diagnostic {
    let place = |diagnostic: Diagnostic| diagnostic.at(&crate::source::configuration(), selection.mailing.recipients.span.clone());
    let id = &selection.mailing.id.value;
    if selection.may_be_skipped {
        return place(Diagnostic::new(rule::NO_RECIPIENTS, format!("the mailing `{id}` is skipped: there is no file `{path}`")));
    }
    if selection.recipients.is_some() || !selection.mailing.is_declared {
        return Diagnostic::new(rule::MISSING_TABLE, format!("there is no file `{path}`")).in_file(path);
    }
    place(Diagnostic::new(rule::MISSING_TABLE, format!("there is no file `{path}` with the recipients of `{id}`")))
}
