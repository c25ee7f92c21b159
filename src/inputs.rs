//! Everything that one run reads: every file of the project, the time, the status, as one value.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::source::{RelPath, Source};
use crate::status::Snapshot;

/// Everything that one run reads. The same inputs give the same output, byte for byte.
///
/// Recipients are the one exception: they are read as a stream and never held whole.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// `runsheet.toml`, Markdown below `content/`, the theme's text files, files that contracts name.
    pub sources: BTreeMap<RelPath, Source>,
    /// Other files below `content/` and a theme's `static/`, with their size in bytes.
    pub assets: BTreeMap<RelPath, u64>,
    /// Every file and folder of the project, for links that point outside `content/`.
    pub listing: BTreeSet<RelPath>,
    /// Files that were skipped, each with the reason.
    pub skipped: Vec<(RelPath, Skipped)>,
    pub now: Timestamp,
    pub status: StatusInput,
    pub history: History,
    /// The project's folder in its Git repository: empty at the top, else such as `docs/cutover/`.
    pub repository_folder: String,
}

impl Inputs {
    /// Inputs with only these files: no other file, no status, no history.
    pub fn new(sources: impl IntoIterator<Item = Source>, now: Timestamp) -> Inputs {
        Inputs {
            sources: sources.into_iter().map(|source| (source.path.clone(), source)).collect(),
            assets: BTreeMap::new(),
            listing: BTreeSet::new(),
            skipped: Vec::new(),
            now,
            status: StatusInput::default(),
            history: History::Unknown,
            repository_folder: String::new(),
        }
    }
}

/// What Git knows of when pages were changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// There is no Git, or no repository that it may read.
    #[default]
    Unknown,
    /// The clone is shallow, so the last change of a page may be missing.
    Shallow,
    /// When each page was last changed, by the clock of the commit's author.
    Known(BTreeMap<RelPath, Timestamp>),
}

impl History {
    /// When a file was last changed.
    pub fn last_change(&self, path: &RelPath) -> Option<Timestamp> {
        match self {
            History::Known(changes) => changes.get(path).copied(),
            History::Unknown | History::Shallow => None,
        }
    }
}

/// Why a file below `content/` was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A symbolic link that leaves the tree, or that points to a folder.
    Symlink,
    /// Not a regular file: a pipe, a socket, a device.
    Special,
    /// A text file that is not UTF-8, with the first wrong byte.
    NotUtf8(usize),
    /// A name that is not UTF-8 or contains a control character.
    Name,
    /// A file that must not be published: recipients, secrets, keys.
    Private,
    /// A file type that is not on the list of types to publish.
    Type,
    /// A text file over the size limit.
    TooLarge,
}

/// What is known of the status page when the run begins.
#[derive(Clone, Debug, Default)]
pub struct StatusInput {
    /// The last good snapshot, just fetched or older.
    pub snapshot: Option<Snapshot>,
    /// Why there is no fresh snapshot: the cause and help.
    pub fault: Option<(String, Option<String>)>,
}
