//! The file of a table of recipients, which can be read more than once.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};

use super::mailings::Selection;
use crate::diagnostic::Diagnostic;
use crate::notice::encoding;
use crate::notice::table::{Format, Table};
use crate::source::RelPath;
use crate::text::encoding::{Decoded, Encoding};
use crate::world::{disk, sink};

/// A table of recipients, and how it is read.
pub struct TableFile {
    file: PathBuf,
    /// As diagnostics name it.
    pub path: RelPath,
    encoding: Encoding,
}

/// A table that is being read, with the hash of what was read of it.
pub struct OpenTable {
    pub rows: Table<Decoded<Hashed<File>>>,
    pub hash: TableHash,
}

impl TableFile {
    pub fn of(root: &Path, selection: &Selection) -> TableFile {
        let declared = &selection.mailing.recipients.value;
        let encoding = selection.mailing.encoding;
        match selection.recipients {
            Some(file) => TableFile { file: file.to_owned(), path: RelPath::as_named(&file.to_string_lossy()), encoding },
            None => TableFile { file: root.join(declared.as_str()), path: declared.clone(), encoding },
        }
    }

    /// `None` if there is no such file.
    pub fn open(&self) -> Result<Option<Result<OpenTable, Diagnostic>>> {
        let Some((beginning, file)) = self.file()? else { return Ok(None) };
        if let Some(fault) = encoding::beginning_fault(&beginning, self.encoding, &self.path) {
            return Ok(Some(Err(fault)));
        }
        let hash = TableHash::default();
        let reader = self.encoding.decode(Hashed { reader: file, hash: hash.clone() }, &beginning);
        let beginning = self.encoding.beginning(&beginning);
        let format = Format::from_file(self.path.as_str(), &beginning);
        let table = Table::open(reader, &self.path, format, &beginning);
        Ok(Some(table.map(|rows| OpenTable { rows, hash })))
    }

    /// Whether a path leads to it.
    pub fn is(&self, path: &Path) -> bool {
        matches!((sink::real_path(path), sink::real_path(&self.file)), (Ok(one), Ok(other)) if one == other)
    }

    /// Reads the whole to see whether it is in another encoding.
    pub fn encoding_fault(&self) -> Result<Option<Diagnostic>> {
        let Some((beginning, file)) = self.file()? else { return Ok(None) };
        encoding::table_fault(file, &beginning, self.encoding, &self.path).with_context(|| format!("cannot read {}", self.path))
    }

    fn file(&self) -> Result<Option<(Vec<u8>, File)>> {
        disk::open_table(&self.file).with_context(|| format!("cannot read {}", self.path))
    }
}

/// Of the bytes that were read: after the last row, that of the file.
#[derive(Clone, Default)]
pub struct TableHash(Rc<RefCell<blake3::Hasher>>);

impl TableHash {
    pub fn text(&self) -> String {
        self.0.borrow().finalize().to_hex()[..32].to_owned()
    }
}

/// Bytes that are hashed while they are read.
pub struct Hashed<R> {
    reader: R,
    hash: TableHash,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(out)?;
        self.hash.0.borrow_mut().update(&out[..length]);
        Ok(length)
    }
}
