//! A tree that is filled beside its final place, and notices if another program interferes meanwhile.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags, fchmod, fstat, mkdirat, openat, renameat, syncfs};
use rustix::io::Errno;
use walkdir::WalkDir;

use super::folder::is_at;
use crate::error::{Context, Error, Result, error};

/// Who may read the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever the umask allows; access to the folder itself stays as in the tree that it replaces.
    Everybody,
    /// Only the user, because it contains names and addresses.
    Owner,
}

impl Readers {
    fn of_folders(self) -> Mode {
        Mode::from_raw_mode(if self == Readers::Owner { 0o700 } else { 0o777 })
    }

    fn of_files(self) -> Mode {
        Mode::from_raw_mode(if self == Readers::Owner { 0o600 } else { 0o666 })
    }
}

/// A folder that is being filled. It is removed unless its tree is kept.
pub struct Aside {
    path: PathBuf,
    /// Everything is written below the open folder and not below its path: if somebody removes it, all further writes fail.
    folder: OwnedFd,
    readers: Readers,
    /// The folders created so far. If one is missing nevertheless, somebody else has removed it.
    made: Mutex<BTreeSet<PathBuf>>,
    files: AtomicUsize,
    kept: bool,
}

impl Aside {
    /// Creates the folder. With `like`, it gets the permissions of the folder that it will replace.
    pub fn make(path: PathBuf, readers: Readers, like: Option<&Metadata>) -> Result<Aside> {
        let failed = || format!("cannot create {}", path.display());
        mkdirat(CWD, &path, readers.of_folders()).map_err(io::Error::from).with_context(failed)?;
        let folder = openat(CWD, &path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        let folder = folder.map_err(|error| if error == Errno::NOENT { vanished(&path) } else { io::Error::from(error).into() });
        let folder = folder.with_context(failed)?;
        let aside = Aside { path, folder, readers, made: Mutex::default(), files: AtomicUsize::new(0), kept: false };
        if let Some(like) = like.filter(|_| readers == Readers::Everybody) {
            aside.take_after(like)?;
        }
        Ok(aside)
    }

    /// Files created below the folder get its group if the old folder was set up for that (setgid).
    fn take_after(&self, old: &Metadata) -> Result<()> {
        let own = fstat(&self.folder).map_err(io::Error::from).context("cannot read the new output")?;
        // Only a member of a group can give a folder to it. If the group may do no more than everybody else, nothing is lost.
        let is_needed = old.mode() & 0o2000 != 0 || old.mode() >> 3 & 0o7 != old.mode() & 0o7;
        if own.st_gid != old.gid()
            && let Err(error) = fchown(&self.folder, None, Some(old.gid()))
            && is_needed
        {
            return Err(error).with_context(|| {
                error!(
                    "cannot keep the group {} of the folder being replaced", old.gid();
                    help: "build as a member of that group, or give the folder to one of yours (chgrp)"
                )
            });
        }
        self.set_mode(old.mode() | 0o700)
    }

    fn set_mode(&self, mode: u32) -> Result<()> {
        let set = fchmod(&self.folder, Mode::from_raw_mode(mode & 0o7777)).map_err(io::Error::from);
        set.context("cannot set the rights of the output")
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder's present path.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Writes a new file.
    pub fn write(&self, route: &Path, bytes: &[u8]) -> Result<()> {
        self.create(route)?.write_all(bytes).with_context(|| format!("cannot write {}", route.display()))
    }

    /// Copies a file, which may be larger than memory.
    pub fn copy(&self, route: &Path, mut from: File) -> Result<()> {
        let copied = io::copy(&mut from, &mut self.create(route)?);
        copied.map(drop).with_context(|| format!("cannot write {}", route.display()))
    }

    /// Creates a new file, and the folders above it.
    fn create(&self, route: &Path) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || openat(&self.folder, route, flags, self.readers.of_files()).map_err(io::Error::from);
        let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        // Most folders exist already: asking for each file would cost more than writing it.
        let opened = match open() {
            Err(error) if is_missing(&error) => {
                self.make_folder(route.parent().unwrap_or(Path::new("")))?;
                open()
            }
            opened => opened,
        };
        let file = opened.map_err(|error| if is_missing(&error) { vanished(&self.path) } else { error.into() });
        let file = file.with_context(|| format!("cannot write {}", route.display()))?;
        self.files.fetch_add(1, Ordering::Relaxed);
        Ok(File::from(file))
    }

    /// Makes a folder and those above it.
    pub fn make_folder(&self, route: &Path) -> Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<&Path> =
            route.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !made.contains(*folder)).collect();
        for folder in missing.into_iter().rev() {
            match mkdirat(&self.folder, folder, self.readers.of_folders()) {
                Ok(()) => {}
                Err(Errno::NOENT) => return Err(vanished(&self.path)),
                Err(error) => return Err(io::Error::from(error)).with_context(|| format!("cannot create {}", folder.display())),
            }
            made.insert(folder.to_owned());
        }
        Ok(())
    }

    /// Renames a folder.
    pub fn rename(&self, route: &Path, to: &Path) -> Result<()> {
        self.make_folder(to.parent().unwrap_or(Path::new("")))?;
        let renamed = renameat(&self.folder, route, &self.folder, to).map_err(io::Error::from);
        renamed.with_context(|| format!("cannot write {}", to.display()))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        *made = std::mem::take(&mut *made)
            .into_iter()
            .map(|folder| folder.strip_prefix(route).map(|below| to.join(below)).unwrap_or(folder))
            .collect();
        Ok(())
    }

    /// Syncs everything to disk, and checks that everything is there. `like`: the folder that it replaces.
    pub fn complete(&self, like: Option<&Metadata>) -> Result<()> {
        let found = WalkDir::new(&self.path).into_iter().filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_type().is_file()));
        let (found, written) = (found.count(), self.files.load(Ordering::Relaxed));
        if !is_at(&self.folder, &self.path) || found != written {
            return Err(vanished(&self.path));
        }
        // One call for the whole tree: after a power cut no file may be found empty under its new name.
        syncfs(&self.folder).map_err(io::Error::from).context("cannot sync the output")?;
        match like {
            Some(old) if self.readers == Readers::Everybody => self.set_mode(old.mode()),
            _ => Ok(()),
        }
    }

    /// The new tree is in its place: removes what is now at its own path, which is the old tree or the source of a copy.
    pub fn kept(mut self) {
        self.kept = true;
        fs::remove_dir_all(&self.path).ok();
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Anything else that was put there is not ours.
        if !self.kept && is_at(&self.folder, &self.path) {
            fs::remove_dir_all(&self.path).ok();
        }
    }
}

fn vanished(path: &Path) -> Error {
    error!(
        "another program changed {} while it was being written", path.display();
        help: "keep other programs out of it, and run this again; the previous content is unchanged"
    )
}
