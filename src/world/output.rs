//! Output folders: written aside and swapped in whole, so that a reader sees the old one or the new one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use walkdir::WalkDir;

use crate::error::{Context, Result, bail};
use crate::site::MARKER;

/// An output folder that is ours to replace, and the folder beside it that is being filled.
pub struct Output {
    /// What will be replaced.
    target: PathBuf,
    /// Where the new tree is made; on the same file system.
    aside: PathBuf,
    done: bool,
}

/// How a new tree came into its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// In one step: no reader sees a mixture.
    Swapped,
    /// File by file, as the folder cannot be swapped.
    FileByFile,
}

/// Held while a build writes; a second one is told so.
pub struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] fs::File);

impl Lock {
    /// Takes the project's lock; the kernel frees it when the process ends, however it ends.
    pub fn take(root: &Path) -> Result<Lock> {
        let folder = root.join(".runsheet");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join("lock");
        let file = fs::File::options().create(true).append(true).open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(fs::TryLockError::WouldBlock) => bail!("another build of this project is at work"; help: "wait for it to end"),
            Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }
}

impl Output {
    /// Makes sure that `target` is ours (it holds `marker`, or nothing but a `.gitignore`, or is not there) and
    /// begins a new tree beside it.
    pub fn new(root: &Path, target: &Path, marker: &str) -> Result<Output> {
        let target = absolute(target)?;
        refuse_dangerous(root, &target, marker)?;
        refuse_foreign(&target, marker)?;
        let parent = target.parent().context("the output folder has no parent")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        let name = target.file_name().context("the output folder has no name")?.to_string_lossy().into_owned();
        remove_leftovers(parent, &name);
        let aside = parent.join(format!(".{name}.tmp-{}", std::process::id()));
        fs::create_dir(&aside).with_context(|| format!("cannot make {}", aside.display()))?;
        fs::write(aside.join(marker), "").context("cannot write the output")?;
        Ok(Output { target, aside, done: false })
    }

    /// The path at which a file of the new tree is written; its folder is made.
    pub fn place(&self, route: &str) -> Result<PathBuf> {
        let path = self.aside.join(route);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        Ok(path)
    }

    /// Writes a file of the new tree.
    pub fn write(&self, route: &str, bytes: &[u8]) -> Result<()> {
        // Most folders are there already: to ask for each file would cost more than to write it.
        let written = match fs::write(self.aside.join(route), bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => fs::write(self.place(route)?, bytes),
            written => written,
        };
        written.with_context(|| format!("cannot write {route}"))
    }

    /// Copies a file into the new tree.
    pub fn copy(&self, route: &str, from: &Path) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.write(route, &bytes)
    }

    /// Gives a file or folder of the new tree another name.
    pub fn rename(&self, route: &str, to: &str) -> Result<()> {
        fs::rename(self.place(route)?, self.place(to)?).with_context(|| format!("cannot write {to}"))
    }

    /// Puts the new tree into its place and removes the old one.
    pub fn publish(mut self) -> Result<Published> {
        let ignore = self.target.join(".gitignore");
        if ignore.is_file() {
            fs::copy(&ignore, self.aside.join(".gitignore")).context("cannot carry .gitignore over")?;
        }
        // One call for the whole tree: after a power cut no file may be found empty under its new name.
        let folder = fs::File::open(&self.aside).context("cannot open the new output")?;
        rustix::fs::syncfs(&folder).context("cannot sync the output")?;
        let published = swap(&self.aside, &self.target)?;
        self.done = true;
        fs::remove_dir_all(&self.aside).ok();
        Ok(published)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.done {
            fs::remove_dir_all(&self.aside).ok();
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    let given = std::path::absolute(path).with_context(|| format!("cannot use {} as output", path.display()))?;
    // `new/../content` must be seen as `content` before `new` is made.
    let mut path = PathBuf::new();
    for part in given.components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    // The target itself may be missing, but links above it are followed, so that the comparison below is of real places.
    let parent = path.parent().and_then(|parent| fs::canonicalize(parent).ok());
    match (parent, path.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.join(name)),
        _ => Ok(path),
    }
}

/// Never the project, what is above it, its sources, or a home folder.
fn refuse_dangerous(root: &Path, target: &Path, marker: &str) -> Result<()> {
    let root = fs::canonicalize(root).context("cannot find the project")?;
    if fs::symlink_metadata(target).is_ok_and(|metadata| metadata.is_symlink()) {
        bail!("the output {} is a symbolic link", target.display(); help: "name the folder itself");
    }
    let sources = ["content", "themes", "src", ".git", "examples"].map(|name| root.join(name));
    // One build writes both the site and the outbox: neither can lie in the other's folder.
    let (public, outbox) = (root.join("public"), root.join("outbox"));
    let is_shared = marker == MARKER && target.starts_with(outbox) || target.starts_with(&public) && *target != public;
    let inside_sources = sources.iter().any(|folder| target.starts_with(folder));
    let home = std::env::home_dir().is_some_and(|home| home == target);
    if root.starts_with(target) || inside_sources || is_shared || home || target.parent().is_none() || target.join(".git").exists() {
        bail!("{} cannot be the output: a build replaces the whole folder", target.display(); help: "name another one");
    }
    Ok(())
}

fn refuse_foreign(target: &Path, marker: &str) -> Result<()> {
    let entries = match fs::read_dir(target) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot use {} as output", target.display())),
    };
    let names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    if names.iter().any(|name| *name == marker) || names.iter().all(|name| *name == ".gitignore") {
        return Ok(());
    }
    bail!(
        "{} holds files that runsheet did not write: nothing was changed", target.display();
        help: "empty it, or name another folder"
    );
}

/// Trees that a killed build left behind. The lock is ours, so no other build is at work on them.
fn remove_leftovers(parent: &Path, name: &str) {
    let start = format!(".{name}.tmp-");
    for entry in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let file_name = entry.file_name();
        let Some(rest) = file_name.to_str().and_then(|file_name| file_name.strip_prefix(&start)) else { continue };
        if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Exchanges the two trees in one step (`renameat2`, Linux 3.15); where that cannot be, file by file.
fn swap(aside: &Path, target: &Path) -> Result<Published> {
    if !target.exists() {
        match fs::rename(aside, target) {
            Ok(()) => return Ok(Published::Swapped),
            Err(error) => return Err(error).with_context(|| format!("cannot make {}", target.display())),
        }
    }
    match renameat_with(CWD, aside, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Published::Swapped),
        // A mount point, another file system, or a file system that cannot exchange.
        Err(Errno::BUSY | Errno::XDEV | Errno::INVAL | Errno::NOSYS) => {
            sync_in_place(aside, target)?;
            Ok(Published::FileByFile)
        }
        Err(error) => Err(error).with_context(|| format!("cannot replace {}", target.display())),
    }
}

/// Brings `target` to what `aside` holds: new files first, pages last, each in one step; then what is gone is removed.
fn sync_in_place(aside: &Path, target: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> = files_below(aside);
    files.sort_by_key(|path| (path.extension().is_some_and(|ending| ending == "html"), path.clone()));
    for path in &files {
        let from = aside.join(path);
        let to = target.join(path);
        let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            continue;
        }
        let folder = to.parent().unwrap_or(target);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).context("cannot write the output")?;
        std::io::Write::write_all(&mut file, &bytes).context("cannot write the output")?;
        fs::set_permissions(file.path(), fs::metadata(&from)?.permissions()).context("cannot write the output")?;
        file.persist(&to).with_context(|| format!("cannot replace {}", to.display()))?;
    }
    let kept: BTreeSet<&PathBuf> = files.iter().collect();
    for path in files_below(target) {
        if !kept.contains(&path) && path != Path::new(".gitignore") {
            fs::remove_file(target.join(&path)).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    for entry in WalkDir::new(target).min_depth(1).contents_first(true).into_iter().filter_map(Result::ok) {
        if entry.file_type().is_dir() {
            // Only empty folders go.
            fs::remove_dir(entry.path()).ok();
        }
    }
    Ok(())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_type().is_dir())
        .filter_map(|entry| Some(entry.path().strip_prefix(folder).ok()?.to_owned()))
        .collect()
}
