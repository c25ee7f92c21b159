//! Files that contain a secret, and who else could read them.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, fstatfs, fstatvfs};

use super::{disk, process};
use crate::error::{Context, Result, bail};

/// More bytes than any secret has.
const MOST: u64 = 64 << 10;

/// The first line of a file that the configuration names. Nobody else may be able to read it.
pub fn first_line(root: &Path, path: &Path) -> Result<String> {
    let failed = || format!("cannot read {}", path.display());
    let file = disk::open_configured(root, path).with_context(failed)?;
    let metadata = file.metadata().with_context(failed)?;
    if let Some(why) = exposure(&file, &metadata, &root.join(path)) {
        bail!(
            "{} can be {why} (its mode is {:04o})", path.display(), metadata.mode() & 0o7777;
            help: "run chmod 600 {}, or put it in a folder that only you can enter", path.display()
        );
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).with_context(failed)?;
    let line = text.lines().next().unwrap_or("");
    if line.is_empty() {
        bail!("the first line of {} is empty", path.display());
    }
    Ok(line.to_owned())
}

/// How others could read a file; `None` if they cannot.
///
/// Containers get secrets as world-readable files, on a mount of their own that exists only for them.
fn exposure(file: &File, metadata: &Metadata, path: &Path) -> Option<&'static str> {
    if metadata.mode() & 0o077 == 0 || is_shut_away(path) {
        return None;
    }
    if metadata.mode() & 0o022 != 0 {
        return Some("written by others");
    }
    if !is_mounted_secret(file) {
        return Some("read by others, and is not on a read-only in-memory mount, as container secrets are");
    }
    process::others_run_here().then_some("read by others, who run programs in this container")
}

/// Whether one of the parent folders can be entered only by its owner.
fn is_shut_away(path: &Path) -> bool {
    let real = std::fs::canonicalize(path);
    let user = rustix::process::getuid().as_raw();
    let is_shut = |folder: &Path| {
        std::fs::metadata(folder).is_ok_and(|folder| folder.mode() & 0o011 == 0 && (folder.uid() == user || folder.uid() == 0))
    };
    real.is_ok_and(|real| real.ancestors().skip(1).any(is_shut))
}

fn is_mounted_secret(file: &File) -> bool {
    /// `RAMFS_MAGIC` and `TMPFS_MAGIC` of linux/magic.h.
    const IN_MEMORY: [u64; 2] = [0x8584_58f6, 0x0102_1994];
    let is_read_only = fstatvfs(file).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY));
    is_read_only && fstatfs(file).is_ok_and(|mount| u64::try_from(mount.f_type).is_ok_and(|kind| IN_MEMORY.contains(&kind)))
}
