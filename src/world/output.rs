//! Output folders: written aside and swapped in whole, so that readers see either the old one or the new one.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Seek};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use walkdir::WalkDir;

use super::aside::{Aside, Readers};
use super::lock::Locks;
use crate::error::{Context, Result, bail};
use crate::site::MARKER;

/// An output folder that is ours to replace, and the folder beside it that is being filled.
pub struct Output {
    /// What will be replaced.
    target: PathBuf,
    /// Where the new tree is built; on the same file system.
    aside: Aside,
}

/// How a new tree was put into place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// In one step: no reader sees a mixture.
    Swapped,
    /// File by file, as the folder cannot be swapped.
    FileByFile,
}

impl Output {
    /// Makes sure that `target` is ours (it contains `marker`, or only a `.gitignore`, or does not exist) and that nobody else writes
    /// to it, and begins a new tree beside it, into which the caller writes the marker.
    pub fn new(root: &Path, target: &Path, marker: &str, readers: Readers, locks: &mut Locks) -> Result<Output> {
        let target = absolute(target)?;
        refuse_dangerous(root, &target, marker)?;
        let parent = target.parent().context("the output folder has no parent")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let name = target.file_name().context("the output folder has no name")?.to_string_lossy().into_owned();
        locks.take(&target)?;
        refuse_foreign(&target, marker)?;
        remove_leftovers(parent, &name);
        let path = parent.join(format!(".{name}.tmp-{}", std::process::id()));
        let aside = Aside::make(path, readers, fs::symlink_metadata(&target).ok().as_ref())?;
        Ok(Output { target, aside })
    }

    /// What will be replaced.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The new tree, beside it.
    pub fn aside(&self) -> BorrowedFd<'_> {
        self.aside.folder()
    }

    /// Makes a folder of the new tree.
    pub fn make_folder(&self, route: &str) -> Result<()> {
        self.aside.make_folder(Path::new(route))
    }

    /// Writes a file of the new tree.
    pub fn write(&self, route: &str, bytes: &[u8]) -> Result<()> {
        self.aside.write(Path::new(route), bytes)
    }

    /// Copies a file into the new tree.
    pub fn copy(&self, route: &str, from: fs::File) -> Result<()> {
        self.aside.copy(Path::new(route), from)
    }

    /// Renames a folder of the new tree.
    pub fn rename(&self, route: &str, to: &str) -> Result<()> {
        self.aside.rename(Path::new(route), Path::new(to))
    }

    /// Puts the new tree into its place and removes the old one.
    pub fn publish(self) -> Result<Published> {
        let ignore = self.target.join(".gitignore");
        if ignore.is_file() {
            let bytes = fs::read(&ignore).context("cannot keep .gitignore")?;
            self.aside.write(Path::new(".gitignore"), &bytes)?;
        }
        self.aside.complete(fs::symlink_metadata(&self.target).ok().as_ref())?;
        let published = swap(self.aside.path(), &self.target)?;
        self.aside.kept();
        Ok(published)
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    let given = std::path::absolute(path).with_context(|| format!("cannot use {} as output", path.display()))?;
    // `new/../content` must be recognised as `content` before `new` exists.
    let mut path = PathBuf::new();
    for part in given.components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    // Follow links above the target, so that the comparison below, and the lock, use real paths. A missing path has none.
    let above = path.ancestors().skip(1).find_map(|folder| Some((folder, fs::canonicalize(folder).ok()?)));
    Ok(above.and_then(|(folder, real)| Some(real.join(path.strip_prefix(folder).ok()?))).unwrap_or(path))
}

/// Refuses the project, anything above it, its sources, and home folders.
fn refuse_dangerous(root: &Path, target: &Path, marker: &str) -> Result<()> {
    let root = fs::canonicalize(root).context("cannot find the project")?;
    if fs::symlink_metadata(target).is_ok_and(|metadata| metadata.is_symlink()) {
        bail!("the output {} is a symbolic link", target.display(); help: "use the folder itself");
    }
    let sources = ["content", "themes", "src", ".git", "examples"].map(|name| root.join(name));
    // One build writes both the site and the outbox: neither can be inside the other.
    let (public, outbox) = (root.join("public"), root.join("outbox"));
    let is_shared = marker == MARKER && target.starts_with(outbox) || target.starts_with(&public) && *target != public;
    let inside_sources = sources.iter().any(|folder| target.starts_with(folder));
    let home = std::env::home_dir().is_some_and(|home| home == target);
    if root.starts_with(target) || inside_sources || is_shared || home || target.parent().is_none() || target.join(".git").exists() {
        bail!("{} can't be the output, because a build replaces the whole folder", target.display(); help: "choose another folder");
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
        "{} contains files that runsheet did not write: nothing was changed", target.display();
        help: "empty it, or choose another folder"
    );
}

/// Removes trees left by a killed build. We hold the target's lock, so nobody is using them.
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

/// Exchanges the two trees in one step (`renameat2`, Linux 3.15); if that is impossible, file by file.
fn swap(aside: &Path, target: &Path) -> Result<Published> {
    if !target.exists() {
        match fs::rename(aside, target) {
            Ok(()) => return Ok(Published::Swapped),
            Err(error) => return Err(error).with_context(|| format!("cannot create {}", target.display())),
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

/// Updates `target` to the content of `aside`: new files first, pages last, each in one step; then removes files that are gone.
fn sync_in_place(aside: &Path, target: &Path) -> Result<()> {
    // If the file system has no permissions, there are none to keep.
    fs::metadata(aside).and_then(|folder| fs::set_permissions(target, folder.permissions())).ok();
    let mut files: Vec<PathBuf> = files_below(aside);
    files.sort_by_key(|path| (path.extension().is_some_and(|ending| ending == "html"), path.clone()));
    for path in &files {
        let from = aside.join(path);
        let to = target.join(path);
        let mut new = fs::File::open(&from).with_context(|| format!("cannot read {}", from.display()))?;
        if fs::File::open(&to).is_ok_and(|old| is_same(&mut new, old)) {
            continue;
        }
        new.rewind().with_context(|| format!("cannot read {}", from.display()))?;
        let folder = to.parent().unwrap_or(target);
        let rights = fs::metadata(from.parent().unwrap_or(aside)).context("cannot write the output")?.mode();
        let made = fs::DirBuilder::new().recursive(true).mode(rights).create(folder);
        made.with_context(|| format!("cannot create {}", folder.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).context("cannot write the output")?;
        std::io::copy(&mut new, file.as_file_mut()).context("cannot write the output")?;
        fs::set_permissions(file.path(), new.metadata()?.permissions()).context("cannot write the output")?;
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
            // Remove only empty folders.
            fs::remove_dir(entry.path()).ok();
        }
    }
    Ok(())
}

/// Whether two files have the same bytes; `false` if either cannot be read completely.
fn is_same(one: &mut fs::File, other: fs::File) -> bool {
    let length = |file: &fs::File| file.metadata().map(|metadata| metadata.len()).ok();
    if length(one) != length(&other) {
        return false;
    }
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    loop {
        let (Ok(some), Ok(others)) = (one.fill_buf(), other.fill_buf()) else { return false };
        let both = some.len().min(others.len());
        if some[..both] != others[..both] {
            return false;
        }
        if both == 0 {
            return some.len() == others.len();
        }
        one.consume(both);
        other.consume(both);
    }
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
