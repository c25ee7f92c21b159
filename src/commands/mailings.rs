//! Mailings: recipients read from the world, merged by the core, handed to whoever writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use jiff::Zoned;
use rayon::prelude::*;

use super::load::{Loaded, MOST_TIME};
use crate::config::{self, Event, Mailing};
use crate::diagnostic::{Diagnostic, Diagnostics, suggest};
use crate::notice::Notice;
use crate::notice::address::{self, Rules};
use crate::notice::engine::Rendered;
use crate::notice::filter::Filter;
use crate::notice::invitation::{Invitation, Method};
use crate::notice::merge::{Merge, Version};
use crate::notice::message::{Campaign, Keys, Message, Posting};
use crate::notice::recipients::{self, MOST_NAMED, Recipient, Recipients};
use crate::notice::review::Probe;
use crate::notice::shard::Shard;
use crate::notice::stage::Stage;
use crate::notice::suppression::Suppression;
use crate::notice::table::{Format, Table};
use crate::page::Page;
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
}

impl<'a> Selection<'a> {
    /// All recipients of a mailing.
    pub fn all(mailing: &'a Mailing) -> Selection<'a> {
        Selection { mailing, recipients: None, only: None, condition: None, shard: None, limit: None, probed: false }
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

/// A notice of the project by its name, with its page: as it is written first, and its translations behind it.
pub fn find_notices<'a>(loaded: &'a Loaded, name: &str) -> Vec<(&'a Page, &'a Notice)> {
    let pages = loaded.project.pages.iter();
    let all = pages.flat_map(|page| page.notices.iter().map(move |notice| (&**page, notice)));
    let mut found: Vec<_> = all.filter(|(_, notice)| notice.name == name).collect();
    found.sort_by_key(|(_, notice)| notice.lang.clone());
    found
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
    let chosen = Chosen::new(loaded, selection, rows.columns(), diagnostics)?;
    let merge = prepare(loaded, selection.mailing, &source.path, rows.columns(), keys, diagnostics);
    let mut faults = RowFaults::new(&source.path);
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
            let Some(chosen) = &chosen else { continue };
            if !chosen.takes(&recipient)? {
                continue;
            }
            if chosen.suppression.holds(&recipient.address) {
                batch.push((recipient, Turn::Suppressed));
            } else {
                let is_within = selection.limit.is_none_or(|limit| taken < limit);
                taken += u64::from(is_within);
                batch.push((recipient, if is_within { Turn::Taken } else { Turn::BeyondLimit }));
            }
        }
        faulty |= faults.rows > 0;
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
        diagnostics.push(Diagnostic::error("no-recipients", "the table has no recipients").at_line(&source.path, 1, 1));
        faulty = true;
    }
    faults.finish(diagnostics);
    outcome.incomplete = faulty;
    if let Some(only) = selection.only.filter(|_| outcome.written + outcome.suppressed == 0 && !faulty) {
        let diagnostic = Diagnostic::error("no-such-recipient", format!("`{only}` is not among the recipients"));
        diagnostics.push(diagnostic.in_file(&source.path));
    }
    Ok(outcome)
}

/// Who of a table gets a message.
struct Chosen {
    suppression: Suppression,
    only: Option<u128>,
    filter: Option<Filter>,
    shard: Option<Shard>,
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
        Ok(suppression.map(|suppression| Chosen { suppression, only, filter, shard: selection.shard }))
    }

    fn takes(&self, recipient: &Recipient) -> Result<bool> {
        if self.only.is_some_and(|only| only != address::hash(&recipient.address)) {
            return Ok(false);
        }
        if self.shard.is_some_and(|shard| !shard.holds(&recipient.address)) {
            return Ok(false);
        }
        let Some(filter) = &self.filter else { return Ok(true) };
        filter.takes(recipient).map_err(|message| anyhow!("`--where` fails on line {}: {message}", recipient.line))
    }
}

/// The list that `suppress` names. One that is not there is an error: those who left would be mailed.
fn suppression(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Result<Option<Suppression>> {
    let Some(path) = &loaded.site.config.notices.suppress else { return Ok(Some(Suppression::default())) };
    let opened = disk::open_table(&loaded.root.join(path.value.as_str())).with_context(|| format!("cannot read {}", path.value))?;
    let Some((_, file)) = opened else {
        let diagnostic = Diagnostic::error("no-suppressions", format!("there is no file `{}`", path.value));
        let help = "without it those who left would be mailed; an empty file is allowed";
        let diagnostic = diagnostic.at(&config::path(), path.span.clone()).help(help);
        if !diagnostics.iter().any(|known| *known == diagnostic) {
            diagnostics.push(diagnostic);
        }
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
            let message = format!("{more} more row{} refused: {}", if more == 1 { " is" } else { "s are" }, kinds.join(", "));
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
    let message = format!("the mailing `{}` is skipped: there is no file `{path}`", selection.mailing.id.value);
    if selection.recipients.is_some() {
        return Diagnostic::error("no-recipients", message);
    }
    let config = config::path();
    Diagnostic::warning("no-recipients", message).at(&config, selection.mailing.recipients.span.clone())
}

/// Compiles the mailing's notice and checks all that does not depend on a row. `None` if that fails; it is reported.
pub fn prepare<'a>(
    loaded: &'a Loaded,
    mailing: &Mailing,
    path: &RelPath,
    columns: &[String],
    keys: &'a Keys,
    diagnostics: &mut Diagnostics,
) -> Option<Merge<'a>> {
    let site = &loaded.site;
    let config_path = config::path();
    // A notice that does not exist is reported by the site already.
    let found = find_notices(loaded, &mailing.notice.value);
    let (page, _) = *found.first()?;
    let event_name = mailing.event.as_ref().map(|name| name.value.as_str());
    // A mailing that names its event keeps it: its campaign must not depend on the command line.
    let event = match event_name {
        Some(name) => site.config.events.get(name),
        None => site.config.event(page.front.event.as_ref().map(|name| name.value.as_str())),
    };
    let mut fault = |code, message: String, span: crate::source::Span, help: &str| {
        diagnostics.push(Diagnostic::error(code, message).at(&config_path, span).help(help));
    };
    let id = &mailing.id;
    let Some(event) = event else {
        let help = "say `event = \"…\"` in the mailing, or `default_event` in [site]";
        fault("unknown-event", format!("the mailing `{}` has no event", id.value), id.span.clone(), help);
        return None;
    };
    if site.config.notices.from.is_none() {
        fault("missing-key", "mailings need a sender".to_owned(), id.span.clone(), "set `from` in [notices]");
        return None;
    }
    if let Some(unsubscribe) = site.config.notices.unsubscribe.as_ref().filter(|text| text.value.contains("{token}"))
        && keys.unsubscribe.is_none()
    {
        let help = "set RUNSHEET_UNSUBSCRIBE_KEY in the environment: only its holder can make and check tokens";
        fault("missing-secret", "`{token}` needs a key".to_owned(), unsubscribe.span.clone(), help);
        return None;
    }
    if event.is_faulty {
        return None;
    }
    let Some(clock) = &event.clock else {
        let help = "set `t0` and `time_zone` in the event";
        fault("no-t0", format!("the event `{}` has no T-0, so the mailing has no date", event.id), id.span.clone(), help);
        return None;
    };
    let date = match &mailing.when {
        Some(when) => match clock.at(&when.value) {
            Ok(date) => date,
            Err(error) => {
                diagnostics
                    .push(Diagnostic::error("bad-offset", error.message()).at(&config_path, when.span.clone()).maybe_help(error.help()));
                return None;
            }
        },
        None => clock.t0().clone(),
    };
    if let (Some(first), Some(last)) = (mailing.not_before.as_ref().or(mailing.when.as_ref()), &mailing.not_after)
        && let (Ok(first_at), Ok(last_at)) = (clock.at(&first.value), clock.at(&last.value))
        && last_at < first_at
    {
        let message = format!("`not_after` of the mailing `{}` is before `{}`, the first moment to send it", id.value, first.value);
        let diagnostic = Diagnostic::error("bad-value", message).at(&config_path, last.span.clone());
        diagnostics.push(diagnostic.help("make `not_after` the later of the two"));
        return None;
    }
    let site_name = if site.config.site.base_url.is_empty() { &site.config.site.title } else { &site.config.site.base_url };
    let campaign = |mailing: &Mailing, revision: u64| Campaign {
        site: site_name.clone(),
        event: event.id.clone(),
        mailing: mailing.id.value.clone(),
        revision,
    };
    let stage = found[0].1.stage;
    let method = match stage {
        Some(Stage::Scheduled | Stage::Reminder) => Some(Method::Request),
        Some(Stage::RolledBack | Stage::Postponed) => Some(Method::Cancel),
        _ => None,
    };
    let notices = &site.config.notices;
    let invitation =
        method.filter(|_| notices.calendar).and_then(|method| Invitation::of(event, site_name, &site.config.site.base_url, method, &date));
    let mut earlier: Vec<Campaign> =
        before(loaded, mailing, event, stage, &date).into_iter().map(|earlier| campaign(earlier, earlier.revision)).collect();
    earlier.extend((1..mailing.revision).map(|revision| campaign(mailing, revision)));
    let campaign = campaign(mailing, mailing.revision);
    // Faults of the templates themselves are reported by the site already.
    let compile = |(page, notice): &(&'a Page, &'a Notice)| {
        let compiled = site.compile(page, notice, Some(event), &loaded.theme, &mut Diagnostics::default())?;
        Some(Version { notice, compiled })
    };
    let versions: Vec<Version> = found.iter().map(compile).collect::<Option<_>>()?;
    let merge = Merge::new(site, versions, Some(event), Posting { campaign, earlier, date, invitation, notices, keys }, path.clone());
    let mut faults = Diagnostics::default();
    merge.check_columns(&site.config, Some(event), columns, &mut faults);
    let broken = faults.has_errors();
    diagnostics.extend(faults);
    (!broken).then_some(merge)
}

/// The mailings of the same series that were sent before one, oldest first.
fn before<'a>(loaded: &'a Loaded, mailing: &Mailing, event: &Event, stage: Option<Stage>, date: &Zoned) -> Vec<&'a Mailing> {
    let (Some(stage), Some(clock)) = (stage, &event.clock) else { return Vec::new() };
    let mut before: Vec<(Zoned, &Mailing)> = Vec::new();
    for other in loaded.project.config.mailings.iter().filter(|other| other.id.value != mailing.id.value) {
        let Some((page, notice)) = find_notices(loaded, &other.notice.value).first().copied() else { continue };
        let event_name = other.event.as_ref().or(page.front.event.as_ref()).map(|name| name.value.as_str());
        if loaded.site.config.event(event_name).is_none_or(|other| other.id != event.id) {
            continue;
        }
        let at = other.when.as_ref().map_or_else(|| Ok(clock.t0().clone()), |when| clock.at(&when.value));
        if let (Ok(at), true) = (at, notice.stage.is_some_and(|other| stage.follows(other)))
            && at < *date
        {
            before.push((at, other));
        }
    }
    before.sort_by(|(a, _), (b, _)| a.cmp(b));
    before.into_iter().map(|(_, mailing)| mailing).collect()
}

/// The mailing of a name, or one made up for a notice that no mailing sends.
pub fn find_mailing(loaded: &Loaded, name: &str) -> Result<Mailing> {
    let mailings = &loaded.project.config.mailings;
    if let Some(mailing) = mailings.iter().find(|mailing| mailing.id.value == name) {
        return Ok(mailing.clone());
    }
    if !find_notices(loaded, name).is_empty() {
        let span = 0..0;
        let named = |value: String| crate::data::Spanned { value, span: span.clone() };
        return Ok(Mailing {
            id: named(name.to_owned()),
            notice: named(name.to_owned()),
            event: None,
            recipients: crate::data::Spanned { value: RelPath::new("recipients.csv").expect("a plain path"), span: span.clone() },
            columns: config::Columns::new(),
            when: None,
            not_before: None,
            not_after: None,
            revision: 1,
        });
    }
    let notices = loaded.project.pages.iter().flat_map(|page| &page.notices).map(|notice| notice.name.as_str());
    let known: BTreeSet<&str> = mailings.iter().map(|mailing| mailing.id.value.as_str()).chain(notices).collect();
    let help = suggest(name, known).map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    anyhow::bail!("there is no mailing and no notice `{name}`{help}")
}
