//! Mailings: recipients read from the world, merged by the core, handed to whoever writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use rayon::prelude::*;

use super::campaign::{Frozen, prepare};
use super::load::{Loaded, MOST_TIME};
use crate::check::Fillers;
use crate::config::{self, Mailing};
use crate::diagnostic::{Diagnostic, Diagnostics, counted};
use crate::notice::Notice;
use crate::notice::address::{self, Rules};
use crate::notice::engine::Rendered;
use crate::notice::filter::Filter;
use crate::notice::merge::Merge;
use crate::notice::message::{Keys, Message};
use crate::notice::recipients::{self, MOST_NAMED, Recipient, Recipients};
use crate::notice::review::Probe;
use crate::notice::shard::Shard;
use crate::notice::suppression::Suppression;
use crate::notice::table::{Format, Table};
use crate::source::RelPath;
use crate::world::disk;

/// What to merge.
#[derive(Clone)]
pub struct Selection<'a> {
    pub mailing: &'a Mailing,
    /// A table other than the mailing's.
    pub recipients: Option<&'a Path>,
    pub only: Option<&'a str>,
    /// A condition over the columns, such as `r.lang == "de"`.
    pub condition: Option<&'a str>,
    pub shard: Option<Shard>,
    pub limit: Option<u64>,
    /// Whether what became of the notice's tags is told, too.
    pub probed: bool,
    /// What the plan says of the messages, if there is one.
    pub frozen: Option<&'a Frozen>,
    /// Without its table it is left out. Whoever names a mailing wants it whole.
    pub may_be_skipped: bool,
}

impl<'a> Selection<'a> {
    /// All recipients of a mailing.
    pub fn all(mailing: &'a Mailing) -> Selection<'a> {
        Selection {
            mailing,
            recipients: None,
            only: None,
            condition: None,
            shard: None,
            limit: None,
            probed: false,
            frozen: None,
            may_be_skipped: false,
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub written: u64,
    /// Recipients beyond the limit.
    pub left_out: u64,
    /// Addresses that stood in the table more than once.
    pub repeated: u64,
    /// Recipients who get nothing more.
    pub suppressed: u64,
    /// Recipients whom the selection does not choose.
    pub not_chosen: u64,
    /// How many have to read another language than theirs.
    pub untranslated: BTreeMap<String, u64>,
    /// There is no table of recipients.
    pub skipped: bool,
    /// Something was wrong, so not all messages were made. No level of `[check]` makes that right.
    pub incomplete: bool,
}

/// What became of one recipient.
pub enum Fate<'a> {
    Written(Letter<'a>),
    Suppressed(&'a Recipient),
    BeyondLimit(&'a Recipient),
}

/// A message that was made, with what it was made of.
pub struct Letter<'a> {
    /// From 1, in the order of the table.
    pub number: u64,
    pub recipient: &'a Recipient,
    pub message: &'a Message,
    pub rendered: &'a Rendered,
    pub notice: &'a Notice,
    /// If it was asked for.
    pub probe: Option<Probe>,
}

/// A table of recipients that can be read more than once.
struct Source {
    file: PathBuf,
    /// As diagnostics name it.
    path: RelPath,
}

impl Source {
    fn of(loaded: &Loaded, selection: &Selection) -> Source {
        let declared = &selection.mailing.recipients.value;
        match selection.recipients {
            Some(file) => {
                let path = RelPath::new(&file.to_string_lossy().replace('\\', "/")).unwrap_or_else(|| declared.clone());
                Source { file: file.to_owned(), path }
            }
            None => Source { file: loaded.root.join(declared.as_str()), path: declared.clone() },
        }
    }

    /// `None` if there is no such file.
    fn open(&self) -> Result<Option<Result<Table<File>, Diagnostic>>> {
        let Some((beginning, file)) = disk::open_table(&self.file).with_context(|| format!("cannot read {}", self.path))? else {
            return Ok(None);
        };
        let format = Format::of(self.path.as_str(), &beginning);
        Ok(Some(Table::open(file, &self.path, format, &beginning)))
    }
}

/// What a row of the table comes to, before its message is made.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    Taken,
    Suppressed,
    BeyondLimit,
    /// Somebody else's, or nobody's.
    PassedBy,
}

/// So many messages are made at once.
const AT_ONCE: usize = 256;

/// Merges a mailing: every row is checked, and what becomes of each told, in the order of the table.
///
/// Once a fault is found no more messages are told, but the other rows are still checked.
pub fn merge(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
    tell: impl FnMut(Fate) -> Result<()>,
) -> Result<Outcome> {
    merge_some(loaded, selection, keys, diagnostics, None, tell)
}

/// Says which of some recipients get a message.
pub type Gate<'a> = &'a mut dyn FnMut(&[&Recipient]) -> Result<Vec<bool>>;

/// Merges a mailing for those whom a gate lets through. Messages are made for nobody else.
pub fn merge_some(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
    mut gate: Option<Gate>,
    mut tell: impl FnMut(Fate) -> Result<()>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let source = Source::of(loaded, selection);
    let Some(table) = source.open()? else {
        diagnostics.push(no_recipients(selection, &source.path));
        outcome.skipped = true;
        return Ok(outcome);
    };
    let notices = &loaded.site.config.notices;
    let rules = Rules { unicode: notices.allow_unicode_addresses };
    let rows =
        table.map_err(|fault| vec![fault]).and_then(|table| Recipients::open(table, &source.path, &selection.mailing.columns, rules));
    let mut rows = match rows {
        Ok(rows) => rows,
        Err(faults) => {
            diagnostics.extend(faults);
            outcome.incomplete = true;
            return Ok(outcome);
        }
    };
    let mut chosen = Chosen::new(loaded, selection, rows.columns(), diagnostics)?;
    let merge = prepare(loaded, selection.mailing, &source.path, rows.columns(), keys, selection.frozen, diagnostics);
    let mut faults = RowFaults::new(&source.path);
    let shown = merge.as_ref().map(Merge::columns);
    let mut fillers = shown.as_ref().map(|shown| Fillers::new(shown, rows.columns()));
    shown.iter().for_each(|shown| rows.show_only(shown));
    let mut faulty = merge.is_none() || chosen.is_none();
    let mut rows_read = 0;
    let mut taken = 0;
    let mut ended = false;
    while !ended {
        let mut batch = Vec::with_capacity(AT_ONCE);
        while batch.len() < AT_ONCE {
            let Some(row) = rows.next() else {
                ended = true;
                break;
            };
            rows_read += 1;
            let recipient = match row {
                Ok(recipient) => recipient,
                Err(row) => {
                    faults.add(row, diagnostics);
                    continue;
                }
            };
            let Some(chosen) = &mut chosen else { continue };
            if !chosen.takes(&recipient)? {
                outcome.not_chosen += 1;
                continue;
            }
            if chosen.suppression.holds(&recipient.address) {
                batch.push((recipient, Turn::Suppressed));
            } else {
                let odd = fillers.as_mut().map(|fillers| fillers.look(&recipient, &source.path)).unwrap_or_default();
                if !odd.is_empty() {
                    faults.add(odd, diagnostics);
                    continue;
                }
                let is_within = selection.limit.is_none_or(|limit| taken < limit);
                taken += u64::from(is_within);
                batch.push((recipient, if is_within { Turn::Taken } else { Turn::BeyondLimit }));
            }
        }
        faulty |= faults.rows > 0;
        if let Some(gate) = &mut gate {
            let asked: Vec<&Recipient> = batch.iter().filter(|(_, turn)| *turn == Turn::Taken).map(|(recipient, _)| recipient).collect();
            let mut let_through = gate(&asked)?.into_iter();
            for (_, turn) in batch.iter_mut().filter(|(_, turn)| *turn == Turn::Taken) {
                if !let_through.next().unwrap_or(false) {
                    *turn = Turn::PassedBy;
                }
            }
        }
        let Some(merge) = &merge else { continue };
        let name = format!("making a message of the mailing `{}`", selection.mailing.id.value);
        let make = |(recipient, turn): &(Recipient, Turn)| {
            (*turn == Turn::Taken).then(|| {
                loaded.watchdog.watch(&name, MOST_TIME, || {
                    let probe = selection.probed.then(|| merge.probe(recipient));
                    merge.message(recipient).map(|(message, rendered)| (message, rendered, probe))
                })
            })
        };
        let made: Vec<_> = batch.par_iter().map(make).collect();
        for ((recipient, turn), made) in batch.iter().zip(made) {
            match made {
                Some(Ok((message, rendered, probe))) if !faulty => {
                    outcome.written += 1;
                    if let Some(wanted) = merge.untranslated(recipient) {
                        *outcome.untranslated.entry(wanted.to_owned()).or_default() += 1;
                    }
                    let notice = merge.version(recipient).notice;
                    let letter = Letter { number: outcome.written, recipient, message: &message, rendered: &rendered, notice, probe };
                    tell(Fate::Written(letter))?;
                }
                Some(Ok(_)) => {}
                Some(Err(diagnostic)) => {
                    faulty = true;
                    // A fault that the sample shows too is no matter of this recipient.
                    let is_known = |known: &&Diagnostic| known.place == diagnostic.place && diagnostic.message.starts_with(&known.message);
                    if !diagnostics.iter().any(|known| is_known(&known)) {
                        faults.add(vec![diagnostic], diagnostics);
                    }
                }
                None if *turn == Turn::Suppressed => {
                    outcome.suppressed += 1;
                    tell(Fate::Suppressed(recipient))?;
                }
                None if *turn == Turn::PassedBy => {}
                None => {
                    outcome.left_out += 1;
                    tell(Fate::BeyondLimit(recipient))?;
                }
            }
        }
    }
    outcome.repeated = rows.seen().repeated;
    let differing = explain(rows.seen(), &source)?;
    faulty |= !differing.is_empty();
    diagnostics.extend(differing);
    if rows_read == 0 {
        diagnostics.push(Diagnostic::error("empty-table", "the table has no recipients").at_line(&source.path, 1, 1));
        faulty = true;
    }
    faults.finish(diagnostics);
    if let Some(fillers) = fillers {
        fillers.finish(rows.columns(), &source.path, diagnostics);
    }
    outcome.incomplete = faulty;
    if let Some(only) = selection.only.filter(|_| outcome.written + outcome.suppressed == 0 && !faulty) {
        let diagnostic = Diagnostic::error("no-such-recipient", format!("`{only}` is not among the recipients"));
        diagnostics.push(diagnostic.in_file(&source.path));
        outcome.incomplete = true;
    }
    if let Some(condition) = selection.condition.filter(|_| chosen.is_some_and(|chosen| !chosen.is_met) && !faulty) {
        let diagnostic = Diagnostic::error("no-such-recipient", format!("`{condition}` is true of no recipient"));
        let help = "see how the table writes it: `de` is another text than `DE`";
        diagnostics.push(diagnostic.in_file(&source.path).help(help));
        outcome.incomplete = true;
    }
    Ok(outcome)
}

/// Who of a table gets a message.
struct Chosen {
    suppression: Suppression,
    only: Option<u128>,
    filter: Option<Filter>,
    shard: Option<Shard>,
    /// Somebody meets the condition, in whatever part of the table.
    is_met: bool,
}

impl Chosen {
    /// `None` if the list of those who get nothing is faulty; it is reported.
    fn new(loaded: &Loaded, selection: &Selection, columns: &[String], diagnostics: &mut Diagnostics) -> Result<Option<Chosen>> {
        let filter = match selection.condition {
            Some(condition) => {
                Some(Filter::new(condition, columns).map_err(|message| anyhow!("`--where {condition}` is no condition: {message}"))?)
            }
            None => None,
        };
        let only = match selection.only {
            Some(only) => Some(address::hash(&address::parse(only).map_err(|message| anyhow!(message))?)),
            None => None,
        };
        let suppression = suppression(loaded, diagnostics)?;
        Ok(suppression.map(|suppression| Chosen { suppression, only, filter, shard: selection.shard, is_met: false }))
    }

    fn takes(&mut self, recipient: &Recipient) -> Result<bool> {
        let is_named = self.only.is_none_or(|only| only == address::hash(&recipient.address))
            && self.shard.is_none_or(|shard| shard.holds(&recipient.address));
        // Of the others the condition is asked until somebody meets it.
        let Some(filter) = self.filter.as_ref().filter(|_| is_named || !self.is_met) else { return Ok(is_named) };
        let meets = filter.takes(recipient).map_err(|message| anyhow!("`--where` fails on line {}: {message}", recipient.line))?;
        self.is_met |= meets;
        Ok(is_named && meets)
    }
}

/// The list that `suppress` names. One that is not there is an error: those who left would be mailed.
fn suppression(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Result<Option<Suppression>> {
    let Some(path) = &loaded.site.config.notices.suppress else { return Ok(Some(Suppression::default())) };
    let opened = disk::open_table(&loaded.root.join(path.value.as_str())).with_context(|| format!("cannot read {}", path.value))?;
    let Some((_, file)) = opened else {
        let diagnostic = Diagnostic::error("no-suppressions", format!("there is no file `{}`", path.value));
        let help = "without it those who left would be mailed; an empty file is allowed";
        diagnostics.push(diagnostic.at(&config::path(), path.span.clone()).help(help));
        return Ok(None);
    };
    match Suppression::read(file, &path.value) {
        Ok(suppression) => Ok(Some(suppression)),
        Err(faults) => {
            let mut named = RowFaults::new(&path.value);
            for fault in faults {
                named.add(vec![fault], diagnostics);
            }
            named.finish(diagnostics);
            Ok(None)
        }
    }
}

/// Faults of rows: the first are named, and the first of each kind; the others are counted.
struct RowFaults<'a> {
    path: &'a RelPath,
    rows: usize,
    named: BTreeSet<&'static str>,
    counted: BTreeMap<&'static str, usize>,
}

impl<'a> RowFaults<'a> {
    fn new(path: &'a RelPath) -> RowFaults<'a> {
        RowFaults { path, rows: 0, named: BTreeSet::new(), counted: BTreeMap::new() }
    }

    fn add(&mut self, faults: Vec<Diagnostic>, diagnostics: &mut Diagnostics) {
        self.rows += 1;
        let is_new = faults.iter().any(|fault| !self.named.contains(fault.code));
        if self.rows <= MOST_NAMED || is_new {
            self.named.extend(faults.iter().map(|fault| fault.code));
            diagnostics.extend(faults);
        } else if let Some(fault) = faults.first() {
            *self.counted.entry(fault.code).or_default() += 1;
        }
    }

    fn finish(&self, diagnostics: &mut Diagnostics) {
        let more: usize = self.counted.values().sum();
        if more > 0 {
            let kinds: Vec<String> = self.counted.iter().map(|(code, count)| format!("{count} {code}")).collect();
            let message = format!("{} refused: {}", counted(more, "more row is", "more rows are"), kinds.join(", "));
            diagnostics.push(Diagnostic::error("more-bad-rows", message).in_file(self.path));
        }
    }
}

/// What differs between rows of one address: the table is read once more for the earlier ones.
fn explain(seen: &recipients::Seen, source: &Source) -> Result<Vec<Diagnostic>> {
    if seen.differing.is_empty() {
        return Ok(Vec::new());
    }
    let Some(Ok(table)) = source.open()? else { bail!("{} changed while it was read", source.path) };
    let lines: BTreeSet<u64> = seen.differing.iter().map(|(line, _)| *line).collect();
    let last = lines.iter().next_back().copied().unwrap_or(0);
    let rows = table.filter_map(Result::ok).take_while(|row| row.line <= last).filter(|row| lines.contains(&row.line));
    let first: BTreeMap<u64, _> = rows.map(|row| (row.line, row)).collect();
    let pairs = seen.differing.iter().filter_map(|(line, second)| Some((first.get(line)?, second)));
    let mut told: Vec<Diagnostic> = pairs.map(|(first, second)| recipients::difference(first, second, &source.path)).collect();
    if seen.more_differing > 0 {
        let message = format!("{} more rows repeat an address with other values", seen.more_differing);
        told.push(Diagnostic::error("more-bad-rows", message).in_file(&source.path));
    }
    Ok(told)
}

fn no_recipients(selection: &Selection, path: &RelPath) -> Diagnostic {
    let place = |diagnostic: Diagnostic| diagnostic.at(&config::path(), selection.mailing.recipients.span.clone());
    let id = &selection.mailing.id.value;
    if selection.may_be_skipped {
        return place(Diagnostic::warning("no-recipients", format!("the mailing `{id}` is skipped: there is no file `{path}`")));
    }
    let diagnostic = Diagnostic::error("missing-table", format!("there is no file `{path}` with the recipients of `{id}`"));
    let is_declared = selection.recipients.is_none() && !selection.mailing.recipients.span.is_empty();
    if is_declared { place(diagnostic) } else { diagnostic }
}
