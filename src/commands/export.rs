//! `runsheet notice export`: the ledger of a mailing for others to keep, sealed if there is a key, and `verify`, which checks a seal.

use std::collections::BTreeMap;
use std::path::Path;

use super::ledger::{declared, not_sent, of, secret};
use super::load::{HistoryFrom, StatusFrom, load};
use super::report;
use crate::cli::{ExportFormat, Global};
use crate::config::Config;
use crate::error::{Context, Exit, Result, bail};
use crate::notice::history::{Event, Standing, verify};
use crate::notice::ledger::Plan;
use crate::notice::mailbox;
use crate::notice::seal::Seal;
use crate::text::counted;
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
    if let Some(what) = verified.uncovered {
        report::note(global, &format!("not covered by the history: {what}"));
    }
    if verified.faults.is_empty() {
        report::note(global, &format!("history verified: {}, unchanged", counted(events.len(), "line", "lines")));
        return Ok(Exit::Done);
    }
    let shown: Vec<&str> = verified.faults.iter().take(5).map(String::as_str).collect();
    bail!("somebody has changed the ledger: {}", shown.join("; "))
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

/// The plan, the recipients and the whole history.
fn as_json(plan: &Plan, rows: &[Standing], events: &[Event], seal: Option<&Seal>) -> Result<String> {
    let recipients: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            serde_json::json!({"email": row.key, "state": row.state.name(), "code": row.reply.code, "reply": row.reply.text,
                "deferred": row.tries, "message_id": row.message_id, "content": row.hash})
        })
        .collect();
    let mut whole = serde_json::json!({
        "campaign": plan.campaign, "begun_as": plan.begun_as, "plan": plan.hash, "frozen": plan.frozen.to_string(), "subject": plan.subject,
        "amended": plan.amended, "recipients": recipients, "history": events,
    });
    if let Some(seal) = seal {
        whole["seal"] = serde_json::json!({"algorithm": "HMAC-SHA256", "mac": seal.text(&whole.to_string())});
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&whole)?))
}

/// `runsheet notice verify`
pub fn verify_file(global: &Global, file: &Path) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let text = String::from_utf8(disk::read_named(file)?).with_context(|| format!("{} is not UTF-8", file.display()))?;
    let Some(seal) = seal(&loaded.root, &loaded.project.config)? else {
        // What is not sealed has nothing that a key could check.
        let any = Seal::new(b"");
        if seal_fault(&text, &any)?.as_deref() == Some(NO_SEAL) {
            bail!("{} has no seal: it was exported without a key", file.display());
        }
        bail!(
            "there is no key to check a seal with";
            help: "set RUNSHEET_SEAL_KEY, or `seal = {{ key_command = [...] }}` in [notices]"
        )
    };
    match seal_fault(&text, &seal)? {
        None => {
            report::note(global, "the seal holds: nothing was changed since it was exported");
            Ok(Exit::Done)
        }
        Some(fault) => bail!("the seal of {} does not hold: {fault}", file.display()),
    }
}

const NO_SEAL: &str = "there is none";

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
    let Some(mac) = sealed.as_ref().and_then(|seal| seal["mac"].as_str()) else { return Ok(Some(NO_SEAL.to_owned())) };
    Ok((seal.text(&whole.to_string()) != mac).then(|| "something in it was changed, or it was sealed with another key".to_owned()))
}

fn csv_fault(text: &str, seal: &Seal) -> Result<Option<String>> {
    let mut table = csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
    let mut header: Vec<String> = table.headers().context("invalid CSV")?.iter().map(str::to_owned).collect();
    if header.pop().as_deref() != Some("seal") {
        return Ok(Some(NO_SEAL.to_owned()));
    }
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
