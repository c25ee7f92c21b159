//! When pages last changed, according to Git: one `git log` for the whole site.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::process;
use crate::inputs::History;
use crate::project::CONTENT;
use crate::schedule::years;
use crate::source::RelPath;

/// Reads when each of these files last changed. Without Git, or without a readable repository, nothing is known.
pub fn read<'a>(root: &Path, files: impl Iterator<Item = &'a RelPath>) -> History {
    let wanted: BTreeSet<&RelPath> = files.collect();
    match is_shallow(root) {
        Some(true) => History::Shallow,
        Some(false) => last_changes(root, wanted).map_or(History::Unknown, History::Known),
        None => History::Unknown,
    }
}

/// `None` if there is no repository.
fn is_shallow(root: &Path) -> Option<bool> {
    let output = git(root).args(["rev-parse", "--is-shallow-repository"]).output().ok()?;
    output.status.success().then(|| output.stdout.trim_ascii() == b"true")
}

/// Walks back through the history until every file was found.
fn last_changes(root: &Path, mut wanted: BTreeSet<&RelPath>) -> Option<BTreeMap<RelPath, Timestamp>> {
    let mut log = git(root);
    log.args(["log", "-z", "--format=/%at", "--name-only", "--relative", "--no-renames", "--no-ext-diff", "--no-textconv", "--", CONTENT]);
    let mut child = log.stdout(Stdio::piped()).spawn().ok()?;
    let mut changes = BTreeMap::new();
    let mut at = None;
    for word in BufReader::new(child.stdout.take()?).split(0) {
        let Ok(word) = word else { break };
        match Word::read(&word) {
            // File paths are relative, so only the time of a commit begins with a slash.
            Some(Word::Time(time)) => at = time,
            Some(Word::File(path)) => {
                if wanted.remove(&path)
                    && let Some(at) = at
                {
                    changes.insert(path, at);
                }
            }
            None => {}
        }
        if wanted.is_empty() {
            child.kill().ok();
            child.wait().ok();
            return Some(changes);
        }
    }
    // A repository without commits, or a broken one.
    child.wait().ok()?.success().then_some(changes)
}

/// A part of the output of `git log`.
#[derive(Debug, PartialEq)]
enum Word {
    /// When the author made a commit.
    Time(Option<Timestamp>),
    File(RelPath),
}

impl Word {
    fn read(word: &[u8]) -> Option<Word> {
        if let Some(seconds) = word.strip_prefix(b"/") {
            let seconds = std::str::from_utf8(seconds).ok().and_then(|seconds| seconds.parse().ok());
            let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
            return Some(Word::Time(time.filter(|time| years::hold(*time))));
        }
        // The first file of a commit is on its own line.
        let path = std::str::from_utf8(word.strip_prefix(b"\n").unwrap_or(word)).ok()?;
        RelPath::new(path).filter(|_| !path.is_empty()).map(Word::File)
    }
}

/// Git, reading only: whatever the repository's configuration says, it starts no other program, prompts for nothing, opens no
/// connection and writes nothing.
fn git(root: &Path) -> Command {
    let mut command = process::program("git");
    command.arg("--no-pager").arg("-C").arg(root);
    for setting in ["core.fsmonitor=false", "log.showSignature=false", "log.follow=false", "log.showRoot=true", "log.diffMerges=off"] {
        command.args(["-c", setting]);
    }
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    // A partial clone would fetch missing objects.
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
    // In a hook, these point to the repository of the hook.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_EXTERNAL_DIFF", "GIT_TRACE"] {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_log() {
        let file = |path: &str| Some(Word::File(RelPath::new(path).unwrap()));
        assert_eq!(Word::read(b"/0"), Some(Word::Time(Some(Timestamp::UNIX_EPOCH))));
        assert_eq!(Word::read(b"/99999999999999"), Some(Word::Time(None)));
        assert_eq!(Word::read(b"/x"), Some(Word::Time(None)));
        assert_eq!(Word::read(b"\ncontent/a b.md"), file("content/a b.md"));
        assert_eq!(Word::read("content/köln.md".as_bytes()), file("content/köln.md"));
        assert_eq!(Word::read(b"content/\xff.md"), None);
        assert_eq!(Word::read(b""), None);
    }
}
