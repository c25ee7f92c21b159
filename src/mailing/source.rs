//! What a merge reads, wherever it comes from: the recipient table, several times, and the suppression list.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use crate::diagnostic::Diagnostic;
use crate::error::{Context, Result};
use crate::notice::encoding;
use crate::notice::table::{Format, Table};
use crate::source::RelPath;
use crate::text::encoding::{Decoded, Encoding};

/// The first bytes of a file, and a reader for the whole file.
pub type Opened<R> = (Vec<u8>, R);

/// What a merge reads.
pub trait Source {
    type Reader: Read;

    /// The table's name in diagnostics.
    fn path(&self) -> &RelPath;

    fn encoding(&self) -> Encoding;

    /// The table from its beginning. `None` if there is none.
    fn table(&self) -> Result<Option<Opened<Self::Reader>>>;

    /// The suppression list, which `suppress` names. `None` if there is none.
    fn suppressions(&self, path: &RelPath) -> Result<Option<Opened<Self::Reader>>>;
}

/// The bytes of a table as UTF-8, hashed on the way.
pub type Bytes<R> = Decoded<Hashed<R>>;

/// A table that is being read, with the hash of what was read of it.
pub struct OpenTable<R> {
    pub rows: Table<Bytes<R>>,
    pub hash: TableHash,
}

/// Opens the table. `None` if there is none; a fault of its beginning is a diagnostic.
pub fn open<S: Source>(source: &S) -> Result<Option<Result<OpenTable<S::Reader>, Diagnostic>>> {
    let (path, encoding) = (source.path(), source.encoding());
    let Some((beginning, reader)) = source.table()? else { return Ok(None) };
    if let Some(fault) = encoding::beginning_fault(&beginning, encoding, path) {
        return Ok(Some(Err(fault)));
    }
    let hash = TableHash::default();
    let reader = encoding.decode(Hashed { reader, hash: hash.clone() }, &beginning);
    let beginning = encoding.beginning(&beginning);
    let format = Format::from_file(path.as_str(), &beginning);
    let table = Table::open(reader, path, format, &beginning);
    Ok(Some(table.map(|rows| OpenTable { rows, hash })))
}

/// Reads the whole table to find out whether it is in another encoding.
pub fn encoding_fault<S: Source>(source: &S) -> Result<Option<Diagnostic>> {
    let path = source.path();
    let Some((beginning, reader)) = source.table()? else { return Ok(None) };
    encoding::table_fault(reader, &beginning, source.encoding(), path).with_context(|| format!("cannot read {path}"))
}

/// The hash of the bytes read so far; after the last row, that of the file.
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
