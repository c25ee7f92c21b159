//! The last line of each campaign's history that this project has seen, kept beside what is kept between runs.
//!
//! A ledger that does not hold it is older than the last send from here: somebody has brought back a copy.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where they are kept, below the project.
pub const PLACE: &str = ".runsheet/ledger-heads.json";

fn path(root: &Path) -> PathBuf {
    root.join(PLACE)
}

fn read(root: &Path) -> Result<BTreeMap<String, String>> {
    match fs::read_to_string(path(root)) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("cannot read {PLACE}: it is damaged\nhelp: remove it, if the ledger is the newest one")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {PLACE}")),
    }
}

/// The last line of a campaign that was seen from here.
pub fn known(root: &Path, campaign: &str) -> Result<Option<String>> {
    Ok(read(root)?.remove(campaign))
}

/// The campaigns that were sent from here.
pub fn campaigns(root: &Path) -> Result<Vec<String>> {
    Ok(read(root)?.into_keys().collect())
}

/// Keeps the last line of a campaign.
pub fn keep(root: &Path, campaign: &str, head: &str) -> Result<()> {
    let mut heads = read(root)?;
    heads.insert(campaign.to_owned(), head.to_owned());
    let write = || -> Result<()> {
        let folder = root.join(".runsheet");
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(format!("{}\n", serde_json::to_string_pretty(&heads)?).as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path(root))?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {PLACE}"))
}
