//! `runsheet notice export`: the ledger of a mailing as a file, sealed if there is a key; and `verify`, which checks such a file.

use std::path::Path;

use super::ledger::{declared, not_sent, of, secret};
use super::load::{HistoryFrom, StatusFrom, load};
use super::report;
use crate::cli::{ExportFormat, Global};
use crate::config::Config;
use crate::error::{Context, Error, Exit, Result, bail};
use crate::notice::exported::{self, as_csv, as_json, has_history, is_sealed, seal_fault};
use crate::notice::history::{Verified, verify};
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
    report::note(global, &said(&verified, events.len()).context("the ledger was changed outside Runsheet")?);
    Ok(Exit::Done)
}

/// `runsheet notice verify`: checks an export without the ledger, which may be gone or may never have been here.
pub fn verify_file(global: &Global, file: &Path) -> Result<Exit> {
    let text = String::from_utf8(disk::read_named(file)?).ok().with_context(|| format!("{} is not UTF-8", file.display()))?;
    let seal = key_of_seal(global)?;
    let is_sealed = is_sealed(&text)?;
    match seal {
        Some(seal) if is_sealed => match seal_fault(&text, &seal)? {
            None => report::note(global, "seal valid: nothing was changed since the export"),
            Some(fault) => bail!("the seal of {} is invalid: {fault}", file.display()),
        },
        None if is_sealed => bail!(
            "no key to check the seal with";
            help: "set RUNSHEET_SEAL_KEY, or `seal = {{ key_command = [...] }}` in [notices]"
        ),
        _ if has_history(&text) => report::note(global, "no seal: anyone who can write the file can also write a history to match"),
        _ => bail!("{} has no seal: it was exported without a key", file.display()),
    }
    if has_history(&text) {
        let (verified, lines) = exported::verified(&text).with_context(|| format!("not an exported ledger: {}", file.display()))?;
        report::note(global, &said(&verified, lines).with_context(|| format!("the history in {} is invalid", file.display()))?);
    }
    Ok(Exit::Done)
}

/// The key from the environment, otherwise that of the project, if there is one here.
fn key_of_seal(global: &Global) -> Result<Option<Seal>> {
    if environment::seal_key().is_some() || super::load::root(global).is_err() {
        return Ok(environment::seal_key().map(|key| Seal::new(key.as_bytes())));
    }
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    seal(&loaded.root, &loaded.project.config)
}

/// The result for a history of this many lines, in words; an error with the first faults, if it has any.
fn said(verified: &Verified, lines: usize) -> Result<String> {
    if !verified.faults.is_empty() {
        return Err(Error::new(verified.faults.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; ")));
    }
    let holds = format!("history verified: {}, unchanged", counted(lines, "line", "lines"));
    Ok(verified.uncovered.as_deref().map_or(holds.clone(), |what| format!("not covered by the history: {what}\n{holds}")))
}
