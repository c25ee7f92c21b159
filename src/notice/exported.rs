//! An export of a ledger: a file to hand over, sealed if there is a key. It can be checked alone, even when the ledger is gone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::history::{Event, Standing, Verified, verify};
use super::ledger::{Plan, State};
use super::mailbox;
use super::reply::Reply;
use super::seal::Seal;
use crate::error::{Context, Result};
use crate::text::visible;

/// The columns of an export.
const HEADER: [&str; 7] = ["email", "state", "code", "reply", "deferred", "at", "message_id"];

/// A ledger as a table (RFC 4180), one row per recipient. With a key, the last column seals each row together with all rows before it.
pub fn as_csv(rows: &[Standing], events: &[Event], seal: Option<&Seal>) -> Result<String> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut header = HEADER.to_vec();
    header.extend(seal.map(|_| "seal"));
    table.write_record(header)?;
    let mut at: BTreeMap<&str, &str> = BTreeMap::new();
    for event in events {
        let last = at.entry(event.key.as_str()).or_insert("");
        *last = (*last).max(&event.at);
    }
    // If rows are cut off, their number no longer matches.
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

/// A complete ledger as JSON: the plan, the recipients and the history. With a key, its last member seals the text of all others.
pub fn as_json(plan: &Plan, rows: &[Standing], events: &[Event], seal: Option<&Seal>) -> Result<String> {
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
        whole["seal"] = sealed(&whole, seal);
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&whole)?))
}

/// Whether a text is an export with the whole history, which only JSON can contain.
pub fn has_history(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Checks an export's plan and recipients against its history, without the ledger; also returns the number of lines.
pub fn verified(text: &str) -> Result<(Verified, usize)> {
    let Exported { campaign, begun_as, plan, frozen, subject, amended, recipients, history } = serde_json::from_str(text)?;
    let plan = Plan {
        campaign: campaign.into_owned(),
        hash: plan.into_owned(),
        frozen,
        subject: subject.into_owned(),
        amended,
        begun_as: begun_as.map(Cow::into_owned),
    };
    let rows = recipients.iter().map(standing).collect::<Result<Vec<Standing>>>()?;
    Ok((verify(&plan, &history, &rows), history.len()))
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

/// Whether a text is an export with a seal.
pub fn is_sealed(text: &str) -> Result<bool> {
    if has_history(text) {
        return Ok(serde_json::from_str::<serde_json::Value>(text).context("invalid JSON")?.get("seal").is_some());
    }
    Ok(csv::Reader::from_reader(text.as_bytes()).headers().context("invalid CSV")?.iter().next_back() == Some("seal"))
}

/// Why the seal of an export is invalid; `None` if it is valid.
pub fn seal_fault(text: &str, seal: &Seal) -> Result<Option<String>> {
    if has_history(text) { json_fault(text, seal) } else { csv_fault(text, seal) }
}

fn json_fault(text: &str, seal: &Seal) -> Result<Option<String>> {
    let mut whole: serde_json::Value = serde_json::from_str(text).context("invalid JSON")?;
    // Other readers would accept either value of a repeated name.
    if serde_json::to_string_pretty(&whole)?.trim() != text.replace("\r\n", "\n").trim() {
        return Ok(Some("its form differs from that of an export".to_owned()));
    }
    let has = whole.as_object_mut().and_then(|whole| whole.remove("seal"));
    let is_it = has.is_some_and(|has| has == sealed(&whole, seal));
    Ok((!is_it).then(|| "its content was changed, or it was sealed with a different key".to_owned()))
}

/// The seal of an export: how it was made, and the code over everything else.
fn sealed(rest: &serde_json::Value, seal: &Seal) -> serde_json::Value {
    serde_json::json!({"algorithm": "HMAC-SHA256", "mac": seal.text(&rest.to_string())})
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
                0 => "rows or columns were removed or changed, or it was sealed with a different key".to_owned(),
                _ => format!("row {} was changed", index + 2),
            }));
        }
    }
    // Without rows, nothing was sealed.
    Ok(rows.is_empty().then(|| "it has no rows".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(seal: &Seal) -> (String, String) {
        let frozen = "2027-01-01T00:00:00Z".parse().unwrap();
        let plan = Plan { campaign: "c".to_owned(), hash: "p".to_owned(), frozen, subject: "S".to_owned(), amended: 0, begun_as: None };
        let row = Standing {
            key: "a@b.example".to_owned(),
            message_id: "<1@b.example>".to_owned(),
            hash: "content".to_owned(),
            state: State::Planned,
            tries: 0,
            is_given_up: false,
            reply: Reply::new(0, ""),
        };
        (as_json(&plan, std::slice::from_ref(&row), &[], Some(seal)).unwrap(), as_csv(&[row], &[], Some(seal)).unwrap())
    }

    #[test]
    fn a_seal_covers_all_and_what_it_was_made_with() {
        let seal = Seal::new(b"key");
        let (json, csv) = exported(&seal);
        for text in [&json, &csv] {
            assert!(is_sealed(text).unwrap());
            assert_eq!(seal_fault(text, &seal).unwrap(), None, "{text}");
            assert_eq!(seal_fault(&text.replace("\r\n", "\n"), &seal).unwrap(), None, "other ends of lines");
            assert!(seal_fault(text, &Seal::new(b"another")).unwrap().is_some());
        }
        for (from, to) in [("HMAC-SHA256", "none"), ("\"S\"", "\"T\""), ("planned", "claimed"), ("\"mac\": \"", "\"mac\": \"0")] {
            let changed = json.replace(from, to);
            assert!(changed != json && seal_fault(&changed, &seal).unwrap().is_some(), "{from} as {to}");
        }
        assert!(seal_fault(&csv.replace("planned", "claimed"), &seal).unwrap().is_some());
    }

    #[test]
    fn an_export_verifies_itself() {
        let (json, csv) = exported(&Seal::new(b"key"));
        assert!(has_history(&json) && !has_history(&csv));
        let (verified, lines) = verified(&json).unwrap();
        assert_eq!((verified.faults.len(), lines), (0, 0));
        assert!(verified.uncovered.is_some_and(|what| what.contains("1 recipient")), "no line vouches for it");
        assert!(super::verified(&json.replace("planned", "\\u001b[31m")).unwrap_err().to_string().contains("⟦U+001B⟧"));
        assert!(super::verified(&csv).is_err());
    }
}
