//! The file of a table of recipients, which can be read more than once.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{disk, sink};
use crate::error::{Context, Result};
use crate::mailing::{Selection, Source};
use crate::source::RelPath;
use crate::text::encoding::Encoding;

/// A table of recipients, and how it is read.
pub struct TableFile {
    /// The project's folder.
    root: PathBuf,
    file: PathBuf,
    path: RelPath,
    encoding: Encoding,
}

impl TableFile {
    /// The table of a selection: the one that it names, else that of its mailing.
    pub fn new(root: &Path, selection: &Selection) -> TableFile {
        let declared = &selection.mailing.recipients.value;
        let (file, path) = match selection.recipients {
            Some(file) => (file.to_owned(), RelPath::as_named(&file.to_string_lossy())),
            None => (root.join(declared.as_str()), declared.clone()),
        };
        TableFile { root: root.to_owned(), file, path, encoding: selection.mailing.encoding }
    }

    /// Whether a path leads to it.
    pub fn is(&self, path: &Path) -> bool {
        matches!((sink::real_path(path), sink::real_path(&self.file)), (Ok(one), Ok(other)) if one == other)
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
        disk::open_table(&self.file).with_context(|| format!("cannot read {}", self.path))
    }

    fn suppressions(&self, path: &RelPath) -> Result<Option<(Vec<u8>, File)>> {
        disk::open_table(&self.root.join(path.as_str())).with_context(|| format!("cannot read {path}"))
    }
}
