//! `runsheet notice export`: the ledger of a mailing for others to keep, sealed if there is a key, and `verify`, which checks one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ledger::{declared, not_sent, of, secret};
use super::load::{HistoryFrom, StatusFrom, load};
use super::report;
use crate::cli::{ExportFormat, Global};
use crate::config::Config;
use crate::error::{Context, Error, Exit, Result, bail};
use crate::notice::history::{Event, Standing, verify};
use crate::notice::ledger::{Plan, State};
use crate::notice::mailbox;
use crate::notice::reply::Reply;
use crate::notice::seal::Seal;
use crate::text::{counted, visible};
use crate::world::{disk, environment};

/// The key that seals exports, if one is configured.
fn seal(root: &Path, config: &Config) -> Result<Option<Seal>> {
    let notices = &config.notices;
    let key = secret(root, environment::seal_key(), notices.seal.key_file.as_deref(), &notices.seal.key_command)?;
    Ok(key.map(|key| Seal::new(key.0.as_bytes())))
}

pub fn run(global: &Global, name: &str, format: ExportFormat) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = declared(&loaded.project.config, name)?;
    let Some((mut ledger, plan)) = of(&loaded.root, &loaded.project, mailing)? else {
        return Err(not_sent(&loaded.root, &loaded.project, mailing)?);
    };
    let (rows, events) = ledger.snapshot()?;
    let seal = seal(&loaded.root, &loaded.project.config)?;
    report::data(&match format {
        ExportFormat::Csv => as_csv(&rows, &events, seal.as_ref())?,
        ExportFormat::Json => as_json(&plan, &rows, &events, seal.as_ref())?,
    })?;
    let verified = verify(&plan, &events, &rows);
    if verified.faults.is_empty() {
        report::note(global, &history_text(events.len(), verified.uncovered.as_deref()));
        return Ok(Exit::Done);
    }
    bail!("somebody has changed the ledger: {}", first_five(&verified.faults))
}

/// The columns of an export.
const HEADER: [&str; 7] = ["email", "state", "code", "reply", "deferred", "at", "message_id"];

/// One row a recipient. With a key the last column seals each row together with all before it.
fn as_csv(rows: &[Standing], events: &[Event], seal: Option<&Seal>) -> Result<String> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut header = HEADER.to_vec();
    header.extend(seal.map(|_| "seal"));
    table.write_record(header)?;
    let mut at: BTreeMap<&str, &str> = BTreeMap::new();
    for event in events {
        let last = at.entry(event.key.as_str()).or_insert("");
        *last = (*last).max(&event.at);
    }
    // A table that was cut off has another number of rows.
    let mut before = seal.map_or_else(String::new, |seal| seal.row(&rows.len().to_string(), &HEADER.map(str::to_owned)));
    for row in rows {
        let code = if row.reply.code == 0 { String::new() } else { row.reply.code.to_string() };
        let tries = row.tries.to_string();
        let at = at.get(row.key.as_str()).copied().unwrap_or("");
        let cells = [&row.key, row.state.name(), &code, &row.reply.text, &tries, at, &row.message_id].map(mailbox::no_formula);
        let mut cells: Vec<String> = cells.iter().map(|cell| cell.clone().into_owned()).collect();
        if let Some(seal) = seal {
            before = seal.row(&before, &cells);
            cells.push(before.clone());
        }
        table.write_record(cells)?;
    }
    Ok(String::from_utf8_lossy(&table.into_inner().context("cannot write the table")?).into_owned())
}

/// An export as JSON: the plan, the recipients and the whole history.
#[derive(Serialize, Deserialize)]
struct Exported<'a> {
    campaign: Cow<'a, str>,
    begun_as: Option<Cow<'a, str>>,
    plan: Cow<'a, str>,
    frozen: Timestamp,
    subject: Cow<'a, str>,
    amended: i64,
    recipients: Vec<ExportedRow<'a>>,
    history: Cow<'a, [Event]>,
}

#[derive(Serialize, Deserialize)]
struct ExportedRow<'a> {
    email: Cow<'a, str>,
    state: Cow<'a, str>,
    code: u16,
    reply: Cow<'a, str>,
    deferred: i64,
    message_id: Cow<'a, str>,
    content: Cow<'a, str>,
}

fn as_json(plan: &Plan, rows: &[Standing], events: &[Event], seal: Option<&Seal>) -> Result<String> {
    let row = |row: &Standing| ExportedRow {
        email: row.key.clone().into(),
        state: row.state.name().into(),
        code: row.reply.code,
        reply: row.reply.text.clone().into(),
        deferred: row.tries,
        message_id: row.message_id.clone().into(),
        content: row.hash.clone().into(),
    };
    let mut whole = serde_json::to_value(Exported {
        campaign: plan.campaign.as_str().into(),
        begun_as: plan.begun_as.as_deref().map(Cow::from),
        plan: plan.hash.as_str().into(),
        frozen: plan.frozen,
        subject: plan.subject.as_str().into(),
        amended: plan.amended,
        recipients: rows.iter().map(row).collect(),
        history: events.into(),
    })?;
    if let Some(seal) = seal {
        whole["seal"] = serde_json::json!({"algorithm": "HMAC-SHA256", "mac": seal.text(&whole.to_string())});
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&whole)?))
}

/// `runsheet notice verify`: an export by itself. The ledger may be gone, or may never have been here.
pub fn verify_file(global: &Global, file: &Path) -> Result<Exit> {
    let text = String::from_utf8(disk::read_named(file)?).ok().with_context(|| format!("{} is not UTF-8", file.display()))?;
    let seal = key_of_seal(global)?;
    let is_json = text.trim_start().starts_with('{');
    let is_sealed = is_sealed(&text)?;
    match seal {
        Some(seal) if is_sealed => match seal_fault(&text, &seal)? {
            None => report::note(global, "the seal holds: nothing was changed since it was exported"),
            Some(fault) => bail!("the seal of {} does not hold: {fault}", file.display()),
        },
        None if is_sealed => bail!(
            "there is no key to check a seal with";
            help: "set RUNSHEET_SEAL_KEY, or `seal = {{ key_command = [...] }}` in [notices]"
        ),
        _ if is_json => report::note(global, "it has no seal: whoever can write the file can write a history that fits"),
        _ => bail!("{} has no seal: it was exported without a key", file.display()),
    }
    if is_json {
        let exported: Exported = serde_json::from_str(&text).with_context(|| format!("{} is not an export", file.display()))?;
        report::note(global, &verified(&exported).with_context(|| format!("the history in {} does not hold", file.display()))?);
    }
    Ok(Exit::Done)
}

/// The key of the environment; else of the project, if there is one here.
fn key_of_seal(global: &Global) -> Result<Option<Seal>> {
    if environment::seal_key().is_some() || super::load::root(global).is_err() {
        return Ok(environment::seal_key().map(|key| Seal::new(key.as_bytes())));
    }
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    seal(&loaded.root, &loaded.project.config)
}

/// What the history of an export says of its plan and its recipients, by itself.
fn verified(exported: &Exported) -> Result<String> {
    let Exported { campaign, begun_as, plan, frozen, subject, amended, recipients, history } = exported;
    let plan = Plan {
        campaign: campaign.to_string(),
        hash: plan.to_string(),
        frozen: *frozen,
        subject: subject.to_string(),
        amended: *amended,
        begun_as: begun_as.as_ref().map(ToString::to_string),
    };
    let rows = recipients.iter().map(standing).collect::<Result<Vec<Standing>>>()?;
    let verified = verify(&plan, history, &rows);
    if !verified.faults.is_empty() {
        return Err(Error::new(first_five(&verified.faults)));
    }
    Ok(history_text(history.len(), verified.uncovered.as_deref()))
}

fn standing(row: &ExportedRow) -> Result<Standing> {
    Ok(Standing {
        key: row.email.to_string(),
        message_id: row.message_id.to_string(),
        hash: row.content.to_string(),
        state: State::parse(&row.state).with_context(|| format!("unknown state `{}`", visible(&row.state)))?,
        tries: row.deferred,
        // No line of the history says so.
        is_given_up: false,
        reply: Reply { code: row.code, text: row.reply.to_string() },
    })
}

fn history_text(lines: usize, uncovered: Option<&str>) -> String {
    let verified = format!("history verified: {}, unchanged", counted(lines, "line", "lines"));
    uncovered.map_or(verified.clone(), |what| format!("not covered by the history: {what}\n{verified}"))
}

fn first_five(faults: &[String]) -> String {
    faults.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; ")
}

fn is_sealed(text: &str) -> Result<bool> {
    if text.trim_start().starts_with('{') {
        return Ok(serde_json::from_str::<serde_json::Value>(text).context("invalid JSON")?.get("seal").is_some());
    }
    Ok(csv::Reader::from_reader(text.as_bytes()).headers().context("invalid CSV")?.iter().next_back() == Some("seal"))
}

/// Why a seal does not hold; `None` if it does.
fn seal_fault(text: &str, seal: &Seal) -> Result<Option<String>> {
    if text.trim_start().starts_with('{') { json_fault(text, seal) } else { csv_fault(text, seal) }
}

fn json_fault(text: &str, seal: &Seal) -> Result<Option<String>> {
    let mut whole: serde_json::Value = serde_json::from_str(text).context("invalid JSON")?;
    // A name that stands twice would be read as either by others.
    if serde_json::to_string_pretty(&whole)?.trim() != text.replace("\r\n", "\n").trim() {
        return Ok(Some("it is not written as it was exported".to_owned()));
    }
    let sealed = whole.as_object_mut().and_then(|whole| whole.remove("seal"));
    let mac = sealed.as_ref().and_then(|seal| seal["mac"].as_str()).unwrap_or_default();
    Ok((seal.text(&whole.to_string()) != mac).then(|| "something in it was changed, or it was sealed with another key".to_owned()))
}

fn csv_fault(text: &str, seal: &Seal) -> Result<Option<String>> {
    let mut table = csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
    let mut header: Vec<String> = table.headers().context("invalid CSV")?.iter().map(str::to_owned).collect();
    header.pop();
    let rows: Vec<csv::StringRecord> = table.records().collect::<Result<_, _>>().context("invalid CSV")?;
    let mut before = seal.row(&rows.len().to_string(), &header);
    for (index, row) in rows.iter().enumerate() {
        let mut cells: Vec<String> = row.iter().map(str::to_owned).collect();
        let mac = cells.pop().unwrap_or_default();
        before = seal.row(&before, &cells);
        if mac != before {
            return Ok(Some(match index {
                0 => "rows or columns were cut off or changed, or it was sealed with another key".to_owned(),
                _ => format!("row {} was changed", index + 2),
            }));
        }
    }
    // Without a row there is nothing that was sealed.
    Ok(rows.is_empty().then(|| "it has no rows".to_owned()))
}
