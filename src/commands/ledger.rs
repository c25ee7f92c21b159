//! `runsheet notice status`, `resolve` and `export`: what the ledger says, and what a person decides.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::load::{HistoryFrom, Loaded, StatusFrom, load};
use super::{campaign, report};
use crate::cli::{ExportFormat, Global};
use crate::config::{Mailing, Sending};
use crate::diagnostic::{counted, suggest, thousands};
use crate::notice::ledger::{State, verify};
use crate::notice::{address, mailbox};
use crate::world::ledger::sqlite::InFile;
use crate::world::ledger::store::Store;
use crate::world::ledger::{self, Ledger, Standing};
use crate::world::smtp::Secret;
use crate::world::{disk, environment, process};

/// A mailing that the project declares.
pub fn declared<'a>(loaded: &'a Loaded, name: &str) -> Result<&'a Mailing> {
    let mailings = &loaded.project.config.mailings;
    mailings.iter().find(|mailing| mailing.id.value == name).ok_or_else(|| {
        let help = suggest(name, mailings.iter().map(|mailing| mailing.id.value.as_str()));
        let help = help.unwrap_or_else(|| "what is sent is one of [[mailings]] in runsheet.toml".to_owned());
        anyhow!("there is no mailing `{name}`\nhelp: {help}")
    })
}

/// A secret from the environment, a file or a command.
pub fn secret(loaded: &Loaded, given: Option<String>, file: Option<&Path>, command: &[String]) -> Result<Option<Secret>> {
    if given.is_some() {
        return Ok(given.map(Secret));
    }
    if let Some(file) = file {
        return disk::read_secret(&loaded.root.join(file)).map(|secret| Some(Secret(secret)));
    }
    if command.is_empty() {
        return Ok(None);
    }
    process::first_line(command, &loaded.root).map(|secret| Some(Secret(secret)))
}

/// The address of a ledger in PostgreSQL, if one is configured.
fn url(loaded: &Loaded) -> Result<Option<Secret>> {
    let sending = loaded.project.config.sending.as_ref();
    let file = sending.and_then(|sending| sending.ledger_url_file.as_deref());
    let command = sending.map(|sending| sending.ledger_url_command.as_slice()).unwrap_or_default();
    secret(loaded, environment::ledger_url(), file, command)
}

/// The file of the ledger: as configured, else in the user's state folder, one for each site.
fn file(loaded: &Loaded) -> Result<PathBuf> {
    let config = &loaded.project.config;
    if let Some(Sending { ledger: Some(path), .. }) = &config.sending {
        if path.as_os_str() == "postgres" {
            bail!(
                "the ledger is in PostgreSQL, and nobody says where\nhelp: set RUNSHEET_LEDGER_URL, or `ledger_url_file` or `ledger_url_command` in [smtp]"
            );
        }
        let path = loaded.root.join(path);
        for folder in [".runsheet", "public", "outbox", "content"] {
            if path.starts_with(loaded.root.join(folder)) {
                bail!(
                    "the ledger cannot lie in {folder}/, which is {}\nhelp: leave out `ledger` in [smtp]: it is then in your state folder",
                    if folder == "content" { "published" } else { "replaced by builds" }
                );
            }
        }
        return Ok(path);
    }
    let folder = environment::state_folder()
        .context("there is no place for the ledger: neither XDG_STATE_HOME nor HOME is set\nhelp: name a file by `ledger` in [smtp]")?;
    let site = if config.site.base_url.is_empty() { &config.site.title } else { &config.site.base_url };
    let words = site.trim_start_matches("https://").trim_start_matches("http://").to_ascii_lowercase();
    let slug: String = words.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let slug: String = slug.trim_matches('-').chars().take(40).collect();
    let hash = blake3::hash(site.as_bytes()).to_hex();
    Ok(folder.join("runsheet").join(format!("{slug}-{}.sqlite", &hash[..8])))
}

/// The ledger, to send by it.
pub fn to_send(loaded: &Loaded) -> Result<Box<dyn Store>> {
    match url(loaded)? {
        Some(Secret(url)) => ledger::connect(&url),
        None => Ok(Box::new(InFile::to_send(&file(loaded)?)?)),
    }
}

/// The ledger, to read it. `None` if there is none.
pub fn to_read(loaded: &Loaded) -> Result<Option<Box<dyn Store>>> {
    match url(loaded)? {
        Some(Secret(url)) => ledger::connect(&url).map(Some),
        None => Ok(InFile::to_read(&file(loaded)?)?.map(|store| Box::new(store) as Box<dyn Store>)),
    }
}

/// The ledger of a mailing's campaign, if it was ever sent.
fn of(loaded: &Loaded, mailing: &Mailing, store: Box<dyn Store>) -> Result<Option<(Ledger, crate::notice::ledger::Plan)>> {
    let (campaign, _) =
        campaign::campaign_of(loaded, mailing).with_context(|| format!("the mailing `{}` has no notice or no event", mailing.id.value))?;
    let mut ledger = Ledger::new(store, &campaign.name(), &ledger::sender(), Duration::ZERO);
    Ok(ledger.plan()?.map(|plan| (ledger, plan)))
}

/// The recipients whom a mailing has reached.
pub fn reached(loaded: &Loaded, name: &str) -> Result<BTreeSet<String>> {
    let mailing = declared(loaded, name)?;
    let found = match to_read(loaded)? {
        Some(store) => of(loaded, mailing, store)?,
        None => None,
    };
    let Some((mut ledger, _)) = found else { bail!("the mailing `{name}` was not sent yet, so it has reached nobody") };
    let rows = ledger.rows()?;
    Ok(rows.into_iter().filter(|row| row.state == State::Accepted).map(|row| row.key).collect())
}

/// What a person should see of the recipients: those refused, in doubt and deferred, at most so many.
pub fn troubles(rows: &[Standing], most: usize) -> Vec<String> {
    let troubled: Vec<&Standing> =
        rows.iter().filter(|row| matches!(row.state, State::Refused | State::InDoubt | State::Deferred)).collect();
    let mut lines: Vec<String> = troubled
        .iter()
        .take(most)
        .map(|row| {
            let reply = if row.reply.code == 0 { row.reply.text.clone() } else { row.reply.to_string() };
            format!("  {}  {}  {}", row.key, row.state.name(), crate::diagnostic::visible(&reply)).trim_end().to_owned()
        })
        .collect();
    if troubled.len() > most {
        lines.push(format!("  and {} more: `runsheet notice export` has them all", thousands((troubled.len() - most) as u64)));
    }
    lines
}

pub fn status(global: &Global, name: Option<&str>) -> Result<ExitCode> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailings: Vec<&Mailing> = match name {
        Some(name) => vec![declared(&loaded, name)?],
        None => loaded.project.config.mailings.iter().collect(),
    };
    let mut text = String::new();
    for mailing in mailings {
        let id = &mailing.id.value;
        let found = match to_read(&loaded)? {
            Some(store) => of(&loaded, mailing, store)?,
            None => None,
        };
        let Some((mut ledger, plan)) = found else {
            text.push_str(&format!("{id}  not sent\n"));
            continue;
        };
        let counts = ledger.counts()?;
        text.push_str(&format!(
            "{id}  {} of {} reached: {}\n",
            thousands(counts.get(State::Accepted)),
            thousands(counts.all()),
            counts.text()
        ));
        if name.is_some() {
            text.push_str(&format!(
                "  planned at {}, amended {} times, plan {}\n  {}\n",
                plan.frozen,
                plan.amended,
                plan.hash,
                ledger.place()
            ));
            for line in troubles(&ledger.rows()?, 100) {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    report::data(&text);
    Ok(ExitCode::SUCCESS)
}

/// What a person decides about a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Sent,
    Resend,
    Cancel,
}

pub fn resolve(global: &Global, name: &str, to: Option<&str>, decision: Decision, why: &str, who: Option<&str>) -> Result<ExitCode> {
    if why.trim().is_empty() {
        bail!("--why is empty\nhelp: say how it is known; the ledger keeps it");
    }
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = declared(&loaded, name)?;
    let who = who.map(str::to_owned).or_else(environment::user).context("nobody knows who decides\nhelp: say --who NAME")?;
    let key = to.map(address::parse).transpose().map_err(|message| anyhow!(message))?.map(|address| address::key(&address));
    if to_read(&loaded)?.is_none() {
        bail!("the mailing `{name}` was not sent yet");
    }
    let Some((mut ledger, _)) = of(&loaded, mailing, to_send(&loaded)?)? else { bail!("the mailing `{name}` was not sent yet") };
    // What a sender has left behind that is no more is in doubt.
    ledger.sweep()?;
    let (from, state): (&[State], State) = match (decision, &key) {
        (Decision::Sent, _) => (&[State::InDoubt], State::Accepted),
        (Decision::Resend, None) => (&[State::InDoubt], State::Planned),
        (Decision::Resend, Some(_)) => (&[State::InDoubt, State::Refused, State::Deferred, State::Cancelled], State::Planned),
        (Decision::Cancel, None) => (&[State::InDoubt], State::Cancelled),
        (Decision::Cancel, Some(_)) => (&[State::InDoubt, State::Planned, State::Deferred], State::Cancelled),
    };
    let decided = ledger.resolve(key.as_deref(), from, state, &who, why)?;
    if let ([], Some(key)) = (decided.as_slice(), &key) {
        let row = ledger.rows()?.into_iter().find(|row| row.key == *key);
        match row {
            Some(row) => bail!("{key} is {}: that cannot be changed so", row.state.name()),
            None => bail!("{key} is not among the recipients of `{name}`"),
        }
    }
    report::note(global, &format!("{} now {}", thousands(decided.len() as u64), state.name()));
    Ok(ExitCode::SUCCESS)
}

pub fn export(global: &Global, name: &str, format: ExportFormat) -> Result<ExitCode> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = declared(&loaded, name)?;
    let found = match to_read(&loaded)? {
        Some(store) => of(&loaded, mailing, store)?,
        None => None,
    };
    let Some((mut ledger, plan)) = found else { bail!("the mailing `{name}` was not sent yet") };
    let (rows, events) = ledger.snapshot()?;
    match format {
        ExportFormat::Csv => {
            let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
            table.write_record(["email", "state", "code", "reply", "deferred", "at", "message_id"])?;
            let mut at = std::collections::BTreeMap::new();
            for event in &events {
                let last: &mut &str = at.entry(event.key.as_str()).or_insert("");
                *last = (*last).max(&event.at);
            }
            for row in &rows {
                let code = if row.reply.code == 0 { String::new() } else { row.reply.code.to_string() };
                let tries = row.tries.to_string();
                let at = at.get(row.key.as_str()).copied().unwrap_or("");
                let cells = [&row.key, row.state.name(), &code, &row.reply.text, &tries, at, &row.message_id].map(mailbox::no_formula);
                table.write_record(cells.iter().map(|cell| cell.as_bytes()))?;
            }
            report::data(&String::from_utf8_lossy(&table.into_inner().context("cannot write the table")?));
        }
        ExportFormat::Json => {
            let recipients: Vec<serde_json::Value> = rows
                .iter()
                .map(|row| {
                    serde_json::json!({"email": row.key, "state": row.state.name(), "code": row.reply.code, "reply": row.reply.text,
                        "deferred": row.tries, "message_id": row.message_id, "content": row.hash})
                })
                .collect();
            let whole = serde_json::json!({
                "campaign": plan.campaign, "plan": plan.hash, "frozen": plan.frozen.to_string(), "subject": plan.subject, "amended": plan.amended,
                "recipients": recipients, "history": events,
            });
            report::data(&format!("{}\n", serde_json::to_string_pretty(&whole)?));
        }
    }
    let rows: Vec<(String, State)> = rows.into_iter().map(|row| (row.key, row.state)).collect();
    let faults = verify(&plan.campaign, &events, &rows);
    if faults.is_empty() {
        report::note(global, &format!("{} in the history, and their hashes hold", counted(events.len(), "line", "lines")));
        return Ok(ExitCode::SUCCESS);
    }
    let shown: Vec<&str> = faults.iter().take(5).map(String::as_str).collect();
    bail!("somebody has changed the ledger: {}", shown.join("; "))
}
