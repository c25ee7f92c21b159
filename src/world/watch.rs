//! Watching a project's sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::{Context, Error, Result};
use crate::project::CONTENT;
use crate::source::FILE_NAME;

/// The quiet time that ends a burst of changes, and the longest burst to wait for.
const QUIET: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(200);

/// The result of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Change,
    Nothing,
    /// Watching has ended.
    End,
}

/// Folders of a project whose files, at any depth, go into the site.
const FOLDERS: [&str; 3] = [CONTENT, "themes", "docker"];

/// A watch over content, themes and configuration.
pub struct Watch {
    root: PathBuf,
    changes: Receiver<Change>,
    watcher: RecommendedWatcher,
    /// Reports a folder that cannot be watched.
    say: Box<dyn Fn(&Error) + Send>,
}

/// What has changed, and whether it may have been replaced by another file or folder.
struct Change {
    path: PathBuf,
    is_another: bool,
}

impl Watch {
    pub fn new(root: &Path, say: impl Fn(&Error) + Send + 'static) -> Result<Watch> {
        let (sender, changes) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            let is_another = matches!(event.kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
            for path in event.paths {
                // The receiver is gone only when the program ends.
                sender.send(Change { path, is_another }).ok();
            }
        })
        .context("cannot watch files")?;
        watcher.watch(root, RecursiveMode::NonRecursive).context("cannot watch the project")?;
        for folder in FOLDERS.map(|folder| root.join(folder)).iter().filter(|folder| folder.is_dir()) {
            watcher.watch(folder, RecursiveMode::Recursive).with_context(|| format!("cannot watch {}", folder.display()))?;
        }
        Ok(Watch { root: root.to_owned(), changes, watcher, say: Box::new(say) })
    }

    /// Waits for the next relevant change, and for the end of its burst; but not longer than `longest`.
    pub fn wait(&mut self, longest: Duration) -> Seen {
        let asked = Instant::now();
        loop {
            let change = match self.changes.recv_timeout(longest.saturating_sub(asked.elapsed())) {
                Ok(change) => change,
                Err(RecvTimeoutError::Timeout) => return Seen::Nothing,
                Err(RecvTimeoutError::Disconnected) => return Seen::End,
            };
            if !matters(&self.root, &change.path) {
                continue;
            }
            let mut others: BTreeSet<&str> = self.replaced(&change).into_iter().collect();
            let started = Instant::now();
            while started.elapsed() < LONGEST {
                match self.changes.recv_timeout(QUIET) {
                    Ok(change) => others.extend(self.replaced(&change)),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Seen::End,
                }
            }
            others.into_iter().for_each(|folder| self.renew(folder));
            return Seen::Change;
        }
    }

    /// The folder that a change may have replaced.
    fn replaced(&self, change: &Change) -> Option<&'static str> {
        FOLDERS.into_iter().find(|folder| change.is_another && change.path == self.root.join(folder))
    }

    /// Watches a folder that appeared, or reappeared, meanwhile: the system watches a folder itself, not its path.
    fn renew(&mut self, folder: &str) {
        let path = self.root.join(folder);
        // If it was not watched before, there is nothing to stop.
        self.watcher.unwatch(&path).ok();
        if path.is_dir()
            && let Err(error) = self.watcher.watch(&path, RecursiveMode::Recursive)
        {
            (self.say)(&Error::new(format!("cannot watch {folder}")).caused_by(&error));
        }
    }
}

/// Ignores changes of our own output, and of editors' private files.
fn matters(root: &Path, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_made = matches!(&*name, "public" | "outbox" | "target") && path.parent() == Some(root);
    let is_private = name.starts_with('.') || name.ends_with('~') || name.ends_with(".swp");
    !is_made && !is_private || name == FILE_NAME
}
