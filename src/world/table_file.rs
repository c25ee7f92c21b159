//! The file of a recipient table, which can be read more than once.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{disk, sink};
use crate::error::{Context, Result};
use crate::mailing::{Selection, Source};
use crate::source::RelPath;
use crate::text::encoding::Encoding;

/// A recipient table, and how it is read.
pub struct TableFile {
    /// The project's folder.
    root: PathBuf,
    /// Its path if the user names it, instead of the configuration.
    named: Option<PathBuf>,
    path: RelPath,
    encoding: Encoding,
}

impl TableFile {
    /// The table of a selection: the one it names, otherwise that of its mailing.
    pub fn new(root: &Path, selection: &Selection) -> TableFile {
        let declared = &selection.mailing.recipients.value;
        let named = selection.recipients.map(Path::to_owned);
        let path = named.as_ref().map_or_else(|| declared.clone(), |file| RelPath::as_named(&file.to_string_lossy()));
        TableFile { root: root.to_owned(), named, path, encoding: selection.mailing.encoding }
    }

    /// Whether a path leads to it.
    pub fn is(&self, path: &Path) -> bool {
        let file = self.named.clone().unwrap_or_else(|| self.root.join(self.path.as_str()));
        matches!((sink::real_path(path), sink::real_path(&file)), (Ok(one), Ok(other)) if one == other)
    }
}

impl Source for TableFile {
    type Reader = File;

    fn path(&self) -> &RelPath {
        &self.path
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn table(&self) -> Result<Option<(Vec<u8>, File)>> {
        let opened = match &self.named {
            Some(file) => disk::open_named_table(file),
            None => disk::open_table(&self.root, &self.path),
        };
        opened.with_context(|| format!("cannot read {}", self.path))
    }

    fn suppressions(&self, path: &RelPath) -> Result<Option<(Vec<u8>, File)>> {
        disk::open_table(&self.root, path).with_context(|| format!("cannot read {path}"))
    }
}
