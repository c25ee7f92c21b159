//! What a project keeps between runs, in `.runsheet/`: caches, its lock, the last lines of histories.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::folder;
use crate::error::{Context, Result, bail};

/// The version of the folder's content. Later versions write their number into a file; without that file, it is this version.
const VERSION: u32 = 1;
const FILE: &str = ".runsheet/version";
/// The name of the folder in a project.
pub const FOLDER: &str = ".runsheet";

/// Refuses a folder written by a newer program: this one might take its content for damage, and overwrite it.
pub fn refuse_newer(root: &Path) -> Result<()> {
    let Some(text) = read(&root.join(FILE), 64) else { return Ok(()) };
    match String::from_utf8_lossy(&text).trim().parse::<u32>() {
        Ok(version) if version <= VERSION => Ok(()),
        Ok(version) => bail!(
            "{} has version {version}, but this runsheet supports {VERSION}", root.join(".runsheet").display();
            help: "use the runsheet that wrote it, or a newer one; \
             if you remove the folder, `send` no longer notices an old copy of a ledger"
        ),
        Err(_) => bail!("{} is damaged", root.join(FILE).display(); help: "remove it"),
    }
}

/// The folder; created for its owner alone if it does not exist. A team that shares a project may open it to others.
pub fn folder(root: &Path) -> Result<PathBuf> {
    let folder = root.join(FOLDER);
    make_private(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Creates a file in a folder there: whoever may enter the folder may read it, and nobody else.
pub fn new_file(folder: &Path) -> std::io::Result<NamedTempFile> {
    let file = NamedTempFile::new_in(folder)?;
    let rights = fs::metadata(folder)?.mode() & 0o666;
    file.as_file().set_permissions(Permissions::from_mode(rights))?;
    Ok(file)
}

/// Reads a file there, up to `most` bytes. `None` if it does not exist, or cannot be valid.
pub fn read(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    folder::named(path).ok()?.take(most + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= most).then_some(bytes)
}

/// Replaces a file there, whole or not at all; creates its folder.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let written = || -> std::io::Result<()> {
        make_private(folder)?;
        let mut file = new_file(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    written().with_context(|| format!("cannot save {}", path.display()))
}
