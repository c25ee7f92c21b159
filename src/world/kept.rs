//! What a project keeps between runs, in `.runsheet/`: caches, its lock, the last lines of histories.

use std::fs;
use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Context, Result, bail};

/// The version of all that lies there. A later one writes its number into a file; without that file it is this one.
const VERSION: u32 = 1;
const FILE: &str = ".runsheet/version";

/// Refuses a folder that a newer program has left: it may hold what this one would take for damage, and write over.
pub fn refuse_newer(root: &Path) -> Result<()> {
    let Ok(text) = fs::read_to_string(root.join(FILE)) else { return Ok(()) };
    match text.trim().parse::<u32>() {
        Ok(version) if version <= VERSION => Ok(()),
        Ok(version) => bail!(
            "{} is of version {version}, and this runsheet knows {VERSION}", root.join(".runsheet").display();
            help: "use the runsheet that wrote it, or a newer one; \
             what lies there can be removed, but then `send` no longer notices an old copy of a ledger"
        ),
        Err(_) => bail!("{} is damaged", root.join(FILE).display(); help: "remove it"),
    }
}

/// Replaces a file that lies there, whole or not at all; its folder is made.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    written().with_context(|| format!("cannot keep {}", path.display()))
}
