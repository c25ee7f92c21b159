//! The status of the services: fetched, or the last good one from `.runsheet/`.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{kept, kuma};
use crate::config::Config;
use crate::error::{Result, error};
use crate::inputs::StatusInput;
use crate::status::{Settings, Snapshot, settle};

/// The known status: fetched now, or with `offline` only read from the last time.
pub fn read(root: &Path, config: &Config, now: Timestamp, offline: bool) -> Result<StatusInput> {
    let Some(settings) = &config.status else { return Ok(StatusInput::default()) };
    let last_good = last_good(root, settings);
    if offline {
        return Ok(StatusInput { snapshot: last_good, fault: None });
    }
    let settled = match settle(kuma::fetch(root, settings, now), last_good, settings) {
        Ok(settled) => settled,
        Err(fault) => {
            let error = error!("cannot read the status page, and [status] has `on_error = \"fail\"`: {}", fault.message());
            return Err(error.maybe_help(fault.help()));
        }
    };
    if settled.is_new
        && let Some(snapshot) = &settled.snapshot
    {
        kept::replace(&cache(root), snapshot.to_json().as_bytes())?;
    }
    let fault = settled.warning.map(|fault| (fault.message(), fault.help().map(str::to_owned)));
    Ok(StatusInput { snapshot: settled.snapshot, fault })
}

fn cache(root: &Path) -> PathBuf {
    root.join(".runsheet/status.json")
}

/// More bytes than a snapshot of the longest accepted answer.
const MOST_KEPT: u64 = 16 << 20;

fn last_good(root: &Path, settings: &Settings) -> Option<Snapshot> {
    let text = String::from_utf8(kept::read(&cache(root), MOST_KEPT)?).ok()?;
    Snapshot::from_json(&text).ok().filter(|snapshot| snapshot.is_of(settings))
}
