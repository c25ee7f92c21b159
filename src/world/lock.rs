//! One writer for each output: a lock beside it.

use std::fs::{File, TryLockError, canonicalize, remove_file};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::folder::is_at;
use crate::error::{Context, Result, bail};

/// Held while a file or folder is written; the kernel frees it when the process ends, however it ends.
pub struct Lock {
    #[expect(dead_code, reason = "the lock lasts as long as the file is open")]
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Locks an output, which need not exist yet; its parent folder must.
    pub fn take(place: &Path) -> Result<Lock> {
        Lock::hold(place, |file| match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => bail!("another run is writing to {}", place.display(); help: "wait for it to finish"),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", place.display())),
        })
    }

    /// Waits for the lock of a file that is written in a moment.
    pub fn wait(place: &Path) -> Result<Lock> {
        Lock::hold(place, |file| file.lock().with_context(|| format!("cannot lock {}", place.display())))
    }

    fn hold(place: &Path, lock: impl Fn(&File) -> Result<()>) -> Result<Lock> {
        loop {
            let (file, path) = open(place)?;
            lock(&file)?;
            // The previous holder may have removed the file since it was opened here: then locking it has no effect.
            if is_at(&file, &path) {
                return Ok(Lock { file, path });
            }
        }
    }
}

/// The locks that one run of a project holds, until it ends.
pub struct Locks {
    outbox: PathBuf,
    held: Vec<(PathBuf, Lock)>,
}

impl Locks {
    /// No locks yet, for a run of the project in a folder.
    pub fn new(root: &Path) -> Locks {
        let root = canonicalize(root).unwrap_or_else(|_| root.to_owned());
        Locks { outbox: root.join("outbox"), held: Vec::new() }
    }

    /// Locks an output, by its real path, unless this run already has the lock. A build replaces the outbox whole, so anyone who writes
    /// below it locks all of it.
    pub fn take(&mut self, place: &Path) -> Result<()> {
        let place = if place.starts_with(&self.outbox) { &self.outbox } else { place };
        if !self.held.iter().any(|(held, _)| held == place) {
            self.held.push((place.to_owned(), Lock::take(place)?));
        }
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is held, so that the next process creates its own file.
        remove_file(&self.path).ok();
    }
}

fn open(place: &Path) -> Result<(File, PathBuf)> {
    let name = place.file_name().with_context(|| format!("{} has no name", place.display()))?;
    let path = place.with_file_name(format!(".{}.lock", name.to_string_lossy()));
    let mut options = File::options();
    options.create(true).append(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok((file, path))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_place_has_one_writer_and_nothing_stays_behind() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("public");
        let lock = Lock::take(&place).unwrap();
        let refused = Lock::take(&place).err().unwrap();
        assert_eq!(refused.to_string(), format!("another run is writing to {}", place.display()));
        let _other = Lock::take(&folder.path().join("outbox")).unwrap();
        drop(lock);
        let mut locks = Locks::new(folder.path());
        for place in [&place, &place, &folder.path().join("outbox.mbox")] {
            locks.take(place).unwrap();
        }
        assert!(locks.take(&folder.path().join("outbox/report.csv")).is_err());
        drop(locks);
        assert!(!folder.path().join(".public.lock").exists());
    }

    #[test]
    fn whoever_waits_has_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("record");
        let (inside, passed) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _lock = Lock::wait(&place).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        passed.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(passed.load(Ordering::SeqCst), 800);
    }
}
