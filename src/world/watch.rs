//! Watching a project's sources.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::config::FILE_NAME;
use crate::project::CONTENT;

/// Quiet that ends a burst of changes, and the longest burst that is waited for.
const QUIET: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(200);

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Change,
    Nothing,
    /// The watch is over.
    End,
}

/// A watch over content, themes and configuration.
pub struct Watch {
    changes: Receiver<PathBuf>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub fn begin(root: &Path) -> Result<Watch> {
        let (sender, changes) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths {
                // The other end is gone only when the program ends.
                sender.send(path).ok();
            }
        })
        .context("cannot watch files")?;
        watcher.watch(root, RecursiveMode::NonRecursive).context("cannot watch the project")?;
        for folder in [CONTENT, "themes", "docker"] {
            let folder = root.join(folder);
            if folder.is_dir() {
                watcher.watch(&folder, RecursiveMode::Recursive).with_context(|| format!("cannot watch {}", folder.display()))?;
            }
        }
        Ok(Watch { changes, _watcher: watcher })
    }

    /// Waits for the next change that matters, and for the end of its burst; but not longer than `longest`.
    pub fn wait(&self, longest: Duration) -> Seen {
        let asked = Instant::now();
        loop {
            let path = match self.changes.recv_timeout(longest.saturating_sub(asked.elapsed())) {
                Ok(path) => path,
                Err(RecvTimeoutError::Timeout) => return Seen::Nothing,
                Err(RecvTimeoutError::Disconnected) => return Seen::End,
            };
            if !matters(&path) {
                continue;
            }
            let started = Instant::now();
            while started.elapsed() < LONGEST {
                match self.changes.recv_timeout(QUIET) {
                    Ok(_) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Seen::End,
                }
            }
            return Seen::Change;
        }
    }
}

/// Changes of our own output, and of editors' private files, do not matter.
fn matters(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ours =
        name == "public" || name == "outbox" || name == "target" || name.starts_with('.') || name.ends_with('~') || name.ends_with(".swp");
    !ours || name == FILE_NAME
}
