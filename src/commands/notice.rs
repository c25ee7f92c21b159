//! `runsheet notice`: list, preview and merge.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::load::{HistoryFrom, Loaded, StatusFrom, load};
use super::skip::Asked;
use super::{build, check_table, export, identity, ledger, report, send, skip, who};
use crate::cli::{Global, MergeFormat, NoticeCommand, PreviewFormat};
use crate::config::Config;
use crate::config::Mailing;
use crate::diagnostic::Diagnostics;
use crate::error::{Context, Exit, Result, bail};
use crate::mail::Keys;
use crate::mailing::{MergedMessage, Outcome, Selection, Tally, campaign, prepare};
use crate::notice::deadline::{Times, Timing, with_distance};
use crate::notice::ledger::LeftOut;
use crate::notice::message::Message;
use crate::notice::recipients::Recipient;
use crate::notice::review::Review;
use crate::notice::shard::Shard;
use crate::project::Project;
use crate::world::environment;
use crate::world::lock::Locks;
use crate::world::sink::{self, Folder, InFile, InFolder, Output, Sink, Stream, ToStandardOutput};

pub fn run(global: &Global, command: &NoticeCommand) -> Result<Exit> {
    match command {
        NoticeCommand::List => list(global),
        NoticeCommand::Preview { name, to, format, skip_bad } => preview(global, name, to.as_deref(), *format, *skip_bad),
        NoticeCommand::Review { name, recipients, condition, skip_bad } => {
            review(global, name, recipients.as_deref(), condition.as_deref(), *skip_bad)
        }
        NoticeCommand::Check { name, recipients, report } => check_table::run(global, name, recipients.as_deref(), report.as_deref()),
        NoticeCommand::Merge { name, recipients, to, format, condition, only, limit, shard, report, all, skip_bad } => {
            let order = MergeOrder {
                name,
                recipients: recipients.as_deref(),
                to: to.as_deref(),
                format: *format,
                condition: condition.as_deref(),
                only: only.as_deref(),
                limit: *limit,
                shard: *shard,
                report: report.as_deref(),
                all: *all,
                skip_bad: *skip_bad,
            };
            merge(global, &order)
        }
        NoticeCommand::Send { name, recipients, yes, test, only, dry_run, limit, amend, wait, late, in_doubt, skip_bad } => {
            let order = send::SendOrder {
                name,
                recipients: recipients.as_deref(),
                yes: *yes,
                test,
                only: only.as_deref(),
                dry_run: *dry_run,
                limit: *limit,
                amend: *amend,
                wait: *wait,
                late: late.as_deref(),
                in_doubt: *in_doubt,
                skip_bad: *skip_bad,
            };
            send::run(global, &order)
        }
        NoticeCommand::Status { name } => ledger::status(global, name.as_deref()),
        NoticeCommand::Resolve {
            name,
            address,
            all: _,
            all_planned,
            all_refused,
            all_deferred,
            code,
            sent,
            resend,
            cancel: _,
            why,
            who,
        } => {
            let decision = match (sent, resend) {
                (true, _) => ledger::Decision::Sent,
                (_, true) => ledger::Decision::Resend,
                _ => ledger::Decision::Cancel,
            };
            let of = match (all_planned, all_refused, all_deferred, code) {
                (true, ..) => ledger::Concerned::Planned,
                (_, true, ..) => ledger::Concerned::Refused,
                (_, _, true, _) => ledger::Concerned::Deferred,
                (.., Some(_)) => ledger::Concerned::Answered,
                _ => ledger::Concerned::InDoubt,
            };
            let order = ledger::Resolution { name, to: address.as_deref(), of, code: *code, decision, why, who: who.as_deref() };
            ledger::resolve(global, &order)
        }
        NoticeCommand::Who { token, mailing, recipients } => who::run(global, token, mailing.as_deref(), recipients.as_deref()),
        NoticeCommand::Adopt { name, from, apart, why, who } => identity::adopt(global, name, from.as_deref(), *apart, why, who.as_deref()),
        NoticeCommand::Verify { file } => export::verify_file(global, file),
        NoticeCommand::Export { name, format } => export::run(global, name, *format),
    }
}

fn list(global: &Global) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mut text = String::new();
    let mut names: Vec<&str> = Vec::new();
    for notice in loaded.project.pages.iter().flat_map(|page| &page.notices) {
        if !names.contains(&notice.name.as_str()) {
            names.push(&notice.name);
        }
    }
    for name in names {
        let versions = campaign::find_notices(&loaded.project, name);
        let (_, notice) = versions[0];
        let stage = notice.stage.map(|stage| format!(", {}", stage.name())).unwrap_or_default();
        let languages: Vec<&str> = versions[1..].iter().filter_map(|(_, version)| version.lang.as_deref()).collect();
        let languages = if languages.is_empty() { String::new() } else { format!(", also in {}", languages.join(", ")) };
        text.push_str(&format!("{name}  {}  ({}{stage}{languages})\n", notice.title, notice.path));
        for mailing in loaded.project.config.mailings.iter().filter(|mailing| mailing.notice.value == notice.name) {
            text.push_str(&format!(
                "  mailing {}{}, to {}\n",
                mailing.id.value,
                when(&loaded.project, loaded.inputs.now, mailing),
                mailing.recipients.value
            ));
        }
    }
    report::data(&text)?;
    if !loaded.project.config.mailings.is_empty() {
        report::note(global, &format!("now {}", loaded.inputs.now.strftime("%a %-d %b %Y, %H:%M UTC")));
    }
    Ok(Exit::Done)
}

/// The time of a mailing, how far away it is, and whether it is too late.
fn when(project: &Project, now: Timestamp, mailing: &Mailing) -> String {
    let stage = campaign::stage_of(project, mailing);
    let times = campaign::campaign_of(project, mailing).and_then(|(_, event)| Times::new(mailing, stage, event));
    let Some(times) = times else { return String::new() };
    let late = match times.judge(now) {
        Timing::Late | Timing::Stale => ": late",
        Timing::Early | Timing::InTime => "",
    };
    format!(" at {} ({}){late}", with_distance(&times.due.0, now), times.due.1)
}

fn preview(global: &Global, name: &str, to: Option<&str>, format: PreviewFormat, skip_bad: Option<u64>) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    // A mailing of that name comes first, then one that sends the notice of that name.
    let declared = &loaded.project.config.mailings;
    let by_id = declared.iter().find(|mailing| mailing.id.value == name);
    let mailing = match by_id.or_else(|| declared.iter().find(|mailing| mailing.notice.value == name)) {
        Some(mailing) => mailing.clone(),
        None => campaign::find_mailing(&loaded.project, name)?,
    };
    let loaded = loaded.merging(&mailing);
    let mut diagnostics = loaded.site.diagnostics.clone();
    let message = match to {
        Some(address) => message_to(&loaded, &mailing, address, skip_bad, &mut diagnostics)?,
        None => sample_message(&loaded, &mailing, &mut diagnostics)?,
    };
    let failed = report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
    let Some(message) = message.filter(|_| !failed) else { return Ok(Exit::Faults) };
    match format {
        PreviewFormat::Eml => report::data(&String::from_utf8_lossy(&message.0.bytes))?,
        PreviewFormat::Html => report::data(&crate::notice::preview::page(&message.0, &message.1, &loaded.site.config.site.language))?,
        PreviewFormat::Text => {
            let Message { to, subject, message_id, .. } = &message.0;
            report::data(&format!("To: {to}\nSubject: {subject}\nMessage-ID: {message_id}\n\n{}", message.1.text))?;
        }
    }
    Ok(Exit::Done)
}

type Previewed = (Message, crate::notice::engine::Rendered);

fn message_to(
    loaded: &Loaded,
    mailing: &Mailing,
    address: &str,
    skip_bad: Option<u64>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Previewed>> {
    let keys = environment::keys();
    let mut found = None;
    let all = Selection::all(mailing);
    let Asked::Rows(skip) = skip::asked(loaded, &all, &keys, skip_bad, diagnostics)? else { return Ok(None) };
    let selection = Selection { only: Some(address), limit: Some(1), skip: skip.as_ref(), ..all };
    let mut merging = loaded.merge(&selection, &keys, diagnostics)?;
    for outcome in &mut merging {
        match outcome? {
            Outcome::Written(merged) => found = Some((merged.message, merged.rendered)),
            Outcome::Suppressed(_) => bail!("`{address}` is suppressed and gets no mail"),
            _ => {}
        }
    }
    let (_, more) = merging.finish();
    diagnostics.extend(more);
    Ok(found)
}

/// The notice for the sample recipient of the configuration.
fn sample_message(loaded: &Loaded, mailing: &Mailing, diagnostics: &mut Diagnostics) -> Result<Option<Previewed>> {
    let keys = environment::keys();
    let mut fields = loaded.project.config.notices.sample.clone();
    let address = crate::mail::address::parse(fields.get("email").map_or("sample@example.org", String::as_str));
    let Ok(address) = address else { bail!("invalid `email` in the sample of [notices]") };
    fields.entry("email".to_owned()).or_insert_with(|| address.to_string());
    let columns: Vec<String> = fields.keys().cloned().collect();
    let path = crate::source::configuration();
    let Some(merge) = prepare(loaded.materials(&keys), mailing, &path, &columns, None, diagnostics) else {
        return Ok(None);
    };
    match merge.message(&Recipient::new(address, &fields)) {
        Ok(previewed) => Ok(Some(previewed)),
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            Ok(None)
        }
    }
}

fn review(global: &Global, name: &str, recipients: Option<&Path>, condition: Option<&str>, skip_bad: Option<u64>) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = campaign::find_mailing(&loaded.project, name)?;
    refuse_undeclared(&loaded.project.config, &mailing, recipients)?;
    let loaded = loaded.merging(&mailing);
    let mut diagnostics = loaded.site.diagnostics.clone();
    let keys = environment::keys();
    let all = Selection { recipients, ..Selection::all(&mailing) };
    let skip = skip::asked(&loaded, &all, &keys, skip_bad, &mut diagnostics);
    let Asked::Rows(skip) = skip.with_context(|| format!("cannot review `{name}`"))? else {
        report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
        return Ok(Exit::Faults);
    };
    let selection = Selection { condition, probed: true, skip: skip.as_ref(), ..all };
    let reviewed = look_over(&loaded, &selection, &keys, &mut diagnostics).with_context(|| format!("cannot review `{name}`"))?;
    let (review, dates, tally) = reviewed;
    if report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global) || tally.skipped || tally.incomplete {
        return Ok(Exit::Faults);
    }
    let mut text = build::say_tally(&format!("of {}", mailing.shown()), &tally);
    text.push('\n');
    for date in dates {
        text.push_str(&format!("dated {}\n", date.strftime("%a %-d %b %Y, %H:%M UTC")));
    }
    text.push_str(&review.write(campaign::find_notices(&loaded.project, &mailing.notice.value).into_iter().map(|(_, notice)| notice)));
    report::data(&text)?;
    Ok(Exit::Done)
}

/// Shows what varies over all recipients, and the dates of their messages.
fn look_over(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
) -> Result<(Review, BTreeSet<Timestamp>, Tally)> {
    let (mut review, mut dates) = (Review::default(), BTreeSet::new());
    let mut merging = loaded.merge(selection, keys, diagnostics)?;
    for outcome in &mut merging {
        if let Outcome::Written(merged) = outcome?
            && let MergedMessage { recipient, message, notice, probe: Some(probe), .. } = *merged
        {
            review.add(notice, &recipient, &message, &probe);
            dates.insert(message.date);
        }
    }
    let (tally, found) = merging.finish();
    diagnostics.extend(found);
    Ok((review, dates, tally))
}

/// A notice that no mailing sends has no recipients of its own.
pub fn refuse_undeclared(config: &Config, mailing: &Mailing, recipients: Option<&Path>) -> Result<()> {
    if recipients.is_none() && !mailing.is_declared {
        let id = &mailing.id.value;
        let sends = |other: &&Mailing| other.notice.value == *id;
        let ids: Vec<&str> = config.mailings.iter().filter(sends).map(|other| other.id.value.as_str()).collect();
        match ids.as_slice() {
            [] => bail!("no mailing sends the notice `{id}`"; help: "choose its recipients with --recipients FILE"),
            ids => bail!("`{id}` is a notice, not a mailing"; help: "use the mailing that sends it: {}", ids.join(", ")),
        }
    }
    Ok(())
}

/// The options of `runsheet notice merge`.
#[derive(Clone, Debug)]
pub struct MergeOrder<'a> {
    pub name: &'a str,
    pub recipients: Option<&'a Path>,
    pub to: Option<&'a Path>,
    pub format: Option<MergeFormat>,
    pub condition: Option<&'a str>,
    pub only: Option<&'a str>,
    pub limit: Option<u64>,
    pub shard: Option<Shard>,
    pub report: Option<&'a Path>,
    pub all: bool,
    /// How many faulty rows to leave out.
    pub skip_bad: Option<u64>,
}

fn merge(global: &Global, order: &MergeOrder) -> Result<Exit> {
    let name = order.name;
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = campaign::find_mailing(&loaded.project, name)?;
    refuse_undeclared(&loaded.project.config, &mailing, order.recipients)?;
    let loaded = loaded.merging(&mailing);
    let target = match order.to {
        Some(path) => path.to_owned(),
        None => sink::outbox(&loaded.root)?.join(&mailing.id.value),
    };
    let keys = environment::keys();
    let limit = order.limit.or((!order.all).then_some(loaded.project.config.notices.max_without_all));
    let MergeOrder { recipients, only, condition, shard, .. } = *order;
    let selection = Selection { recipients, only, condition, shard, limit, ..Selection::all(&mailing) };
    let to_standard_output = target == Path::new("-");
    if let Some(report) = order.report {
        refuse_report(report, (!to_standard_output).then_some(&*target))?;
    }
    let mut diagnostics = loaded.site.diagnostics.clone();
    let failed = |diagnostics: Diagnostics, tally: &Tally| {
        let failed = report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
        let failed = failed || tally.skipped || tally.incomplete;
        if failed {
            report::note(global, "nothing was written");
        }
        failed
    };
    let skip = skip::asked(&loaded, &selection, &keys, order.skip_bad, &mut diagnostics);
    let Asked::Rows(skip) = skip.with_context(|| format!("cannot merge `{name}`"))? else {
        failed(diagnostics, &Tally { incomplete: true, ..Tally::default() });
        return Ok(Exit::Faults);
    };
    let selection = Selection { skip: skip.as_ref(), ..selection };
    if to_standard_output {
        // Printed output cannot be taken back, so every message is made once before the first is printed.
        let tally = loaded.check(&selection, &keys, &mut diagnostics);
        let tally = tally.with_context(|| format!("cannot merge `{name}`"))?;
        if failed(std::mem::take(&mut diagnostics), &tally) {
            return Ok(Exit::Faults);
        }
    }
    let mut locks = Locks::new(&loaded.root);
    let mut sink = open_sink(&loaded.root, &target, order.format, &mut locks)?;
    let mut written = order.report.map(|report| sink::Report::new(&loaded.root, report, &mut locks)).transpose()?;
    let merged = pour(&loaded, &selection, &keys, &mut *sink, written.as_mut(), &mut diagnostics);
    let tally = merged.with_context(|| format!("cannot merge `{name}`"))?;
    if to_standard_output {
        if tally.incomplete {
            bail!("the recipient table changed during the merge: the output is incomplete");
        }
    } else if failed(diagnostics, &tally) {
        return Ok(Exit::Faults);
    }
    sink.finish()?;
    if let Some(written) = written {
        written.finish()?;
    }
    let place = if to_standard_output { "to standard output".to_owned() } else { format!("in {}", target.display()) };
    let all = if order.limit.is_none() && tally.beyond_limit > 0 { "; use --all to write all" } else { "" };
    report::note(global, &format!("{}{all}", build::say_tally(&place, &tally)));
    Ok(Exit::Done)
}

/// Fails if the report would go to standard output, which already has the command's output.
pub fn refuse_dash(report: &Path) -> Result<()> {
    if report == Path::new("-") {
        bail!("the report can't go to standard output"; help: "choose a file with --report FILE");
    }
    Ok(())
}

/// The report must not be inside the output: a folder is replaced whole, and one file cannot be both.
fn refuse_report(report: &Path, target: Option<&Path>) -> Result<()> {
    refuse_dash(report)?;
    let Some(target) = target else { return Ok(()) };
    let report = sink::real_path(report)?;
    let target = std::path::absolute(target).context("invalid path for the messages")?;
    if report.starts_with(&target) || sink::real_path(&target).is_ok_and(|target| report.starts_with(target)) {
        bail!("{} is inside the folder for the messages", report.display(); help: "choose another file with --report");
    }
    Ok(())
}

fn open_sink(root: &Path, target: &Path, format: Option<MergeFormat>, locks: &mut Locks) -> Result<Box<dyn Output>> {
    let is_standard_output = target == Path::new("-");
    let ending = target.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let format = format.unwrap_or(match &*ending {
        _ if is_standard_output => MergeFormat::Mbox,
        "mbox" => MergeFormat::Mbox,
        "jsonl" => MergeFormat::Jsonl,
        _ => MergeFormat::Eml,
    });
    let stream = match format {
        MergeFormat::Eml | MergeFormat::Maildir if is_standard_output => {
            bail!("this format can't go to standard output: use --format mbox or --format jsonl"; help: "to print one message, use `runsheet notice preview NAME --format eml`")
        }
        MergeFormat::Eml => return Ok(Box::new(InFolder::new(root, target, Folder::Eml, locks)?)),
        MergeFormat::Maildir => return Ok(Box::new(InFolder::new(root, target, Folder::Maildir, locks)?)),
        MergeFormat::Mbox => Stream::Mbox,
        MergeFormat::Jsonl => Stream::JsonLines,
    };
    if is_standard_output {
        return Ok(Box::new(ToStandardOutput::new(stream)));
    }
    Ok(Box::new(InFile::new(root, target, stream, locks)?))
}

/// Merges into a sink, and into the report if there is one.
fn pour(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    sink: &mut dyn Sink,
    mut report: Option<&mut sink::Report>,
    diagnostics: &mut Diagnostics,
) -> Result<Tally> {
    let mut merging = loaded.merge(selection, keys, diagnostics)?;
    sink::pour(&mut merging, sink, |outcome| report.as_mut().map_or(Ok(()), |report| add_row(report, outcome)))?;
    let (tally, found) = merging.finish();
    diagnostics.extend(found);
    Ok(tally)
}

/// The row of a recipient in the report.
fn add_row(report: &mut sink::Report, outcome: &Outcome<()>) -> Result<()> {
    if let Outcome::LeftOut(LeftOut { key, line, code }) = outcome {
        let email = if key.contains('@') { key } else { "" };
        return report.add([&line.to_string(), email, "left out", "", "", "", "", code]);
    }
    let (recipient, state, message) = match outcome {
        Outcome::Written(merged) => (&merged.recipient, "written", Some(&merged.message)),
        Outcome::Suppressed(recipient) => (recipient, "suppressed", None),
        Outcome::BeyondLimit(recipient) => (recipient, "beyond the limit", None),
        Outcome::Repeated(recipient) => (recipient, "repeated", None),
        Outcome::LeftOut(_) | Outcome::PassedBy(_) | Outcome::Faulty(_) => return Ok(()),
    };
    let of = |column| recipient.get(column).unwrap_or("");
    let (id, subject) = message.map_or(("", ""), |message| (&*message.message_id, &*message.subject));
    report.add([&recipient.line.to_string(), recipient.address.as_ref(), state, of("lang"), of("zone"), id, subject, ""])
}
