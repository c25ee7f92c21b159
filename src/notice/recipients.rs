//! Recipients: a table read as a stream, each row checked before anything is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use lettre::Address;

use super::address;
use super::lines::PlainLines;
use crate::diagnostic::{Diagnostic, suggest};
use crate::schedule::zone;
use crate::source::RelPath;

/// One row: the address, and every column as it stands.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub address: Address,
    /// By column; `email` is the address as it was written.
    pub fields: BTreeMap<String, String>,
    /// The line in the file, from 1.
    pub line: u64,
}

/// Longest value and most columns that are taken.
const MOST_FIELD: usize = 64 << 10;
const MOST_COLUMNS: usize = 256;

/// Reads recipients row by row.
pub struct Recipients<R> {
    rows: csv::Reader<PlainLines<R>>,
    path: RelPath,
    columns: Vec<String>,
    delimiter: u8,
    seen: BTreeSet<String>,
    /// Addresses that stood in the table before.
    pub repeated: u64,
}

impl<R: Read> Recipients<R> {
    /// Reads the header. `delimiter` is the one that its first line shows, see [`delimiter`].
    pub fn open(reader: R, path: &RelPath, delimiter: u8) -> Result<Recipients<R>, Vec<Diagnostic>> {
        let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(PlainLines::new(reader));
        let header = rows.headers().map_err(|error| vec![read_fault(&error, path, 1)])?.clone();
        let columns: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
        let faults = header_faults(&columns, path);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Recipients { rows, path: path.clone(), columns, delimiter, seen: BTreeSet::new(), repeated: 0 })
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The line on which the row that was just read begins: the reader stands behind its end.
    fn line(&self, record: &csv::StringRecord) -> u64 {
        let within: usize = record.iter().map(|value| value.matches('\n').count()).sum();
        self.rows.position().line().saturating_sub(1 + within as u64).max(1)
    }

    fn check(&self, record: &csv::StringRecord) -> Result<Recipient, Vec<Diagnostic>> {
        let line = self.line(record);
        let mut faults = Vec::new();
        let mut fields = BTreeMap::new();
        let place = |index: usize, diagnostic: Diagnostic| {
            diagnostic.at_line(&self.path, usize::try_from(line).unwrap_or(usize::MAX), field_column(record, index, self.delimiter))
        };
        for (index, (column, value)) in self.columns.iter().zip(record).enumerate() {
            if let Some(c) = value.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
                let message = format!("the column `{column}` holds the control character U+{:04X}", u32::from(c));
                faults.push(place(index, Diagnostic::error("control-character", message).help("a value is one line of text")));
            } else if value.contains("=?") && value.contains("?=") {
                let message = format!("the column `{column}` holds an encoded word");
                faults.push(place(index, Diagnostic::error("encoded-word", message).help("write the text itself")));
            } else if value.len() > MOST_FIELD {
                faults.push(place(index, Diagnostic::error("too-large", format!("the column `{column}` holds over 64 KiB"))));
            }
            if column == "zone"
                && !value.is_empty()
                && let Err(error) = zone::zone(value)
            {
                faults.push(place(index, Diagnostic::error("bad-zone", error.message()).maybe_help(error.help())));
            }
            fields.insert(column.clone(), value.to_owned());
        }
        let index = self.columns.iter().position(|column| column == "email").unwrap_or(0);
        match address::parse(record.get(index).unwrap_or("")) {
            Ok(address) if faults.is_empty() => Ok(Recipient { address, fields, line }),
            Ok(_) => Err(faults),
            Err(message) => {
                let fault = Diagnostic::error("bad-address", message).help("write one plain address, such as `name@example.org`");
                faults.push(place(index, fault));
                Err(faults)
            }
        }
    }
}

impl<R: Read> Iterator for Recipients<R> {
    type Item = Result<Recipient, Vec<Diagnostic>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut record = csv::StringRecord::new();
            match self.rows.read_record(&mut record) {
                Ok(false) => return None,
                Ok(true) if record.iter().all(|value| value.trim().is_empty()) => continue,
                Ok(true) => {}
                Err(error) => {
                    let line = self.line(&record);
                    return Some(Err(vec![read_fault(&error, &self.path, line)]));
                }
            }
            let recipient = self.check(&record);
            if let Ok(recipient) = &recipient
                && !self.seen.insert(address::key(&recipient.address))
            {
                self.repeated += 1;
                continue;
            }
            return Some(recipient);
        }
    }
}

/// The delimiter that the first line of a table shows: comma, semicolon or TAB.
pub fn delimiter(beginning: &[u8]) -> u8 {
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or(beginning);
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn header_faults(columns: &[String], path: &RelPath) -> Vec<Diagnostic> {
    let fault = |code, message: String| Diagnostic::error(code, message).at_line(path, 1, 1);
    let mut faults = Vec::new();
    if columns.len() > MOST_COLUMNS {
        faults.push(fault("too-large", format!("there are more than {MOST_COLUMNS} columns")));
        return faults;
    }
    if !columns.iter().any(|column| column == "email") {
        let help = suggest("email", columns.iter().map(String::as_str));
        faults.push(fault("missing-column", "there is no column `email`".to_owned()).maybe_help(help));
    }
    for (index, column) in columns.iter().enumerate() {
        let legal = column.starts_with(|c: char| c.is_ascii_alphabetic()) && column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !legal {
            let help = "letters, digits and `_`, as in `{{ r.first_name }}`";
            faults.push(fault("bad-column", format!("`{column}` cannot be the name of a column")).help(help));
        }
        if columns[..index].contains(column) {
            faults.push(fault("duplicate-column", format!("the column `{column}` is there twice")));
        }
    }
    faults
}

fn read_fault(error: &csv::Error, path: &RelPath, line: u64) -> Diagnostic {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let message = format!("the row has {len} fields, the header {expected_len}");
            let help = "a value that holds the delimiter stands in double quotes";
            Diagnostic::error("bad-row", message).at_line(path, line, 1).help(help)
        }
        csv::ErrorKind::Utf8 { .. } => {
            let help = "save the table as UTF-8";
            Diagnostic::error("bad-encoding", "the row is not UTF-8").at_line(path, line, 1).help(help)
        }
        _ => Diagnostic::error("bad-row", error.to_string()).at_line(path, line, 1),
    }
}

/// The column, in characters from 1, where a field begins in its line, as far as its row is written plainly.
fn field_column(record: &csv::StringRecord, index: usize, delimiter: u8) -> usize {
    let needs_quotes = |value: &str| value.contains(['"', '\n', '\r', char::from(delimiter)]);
    let width = |value: &str| {
        let quotes = if needs_quotes(value) { 2 + value.matches('"').count() } else { 0 };
        value.chars().count() + quotes
    };
    1 + record.iter().take(index).map(|value| width(value) + 1).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        let path = RelPath::new("r.csv").unwrap();
        match Recipients::open(text.as_bytes(), &path, delimiter(text.as_bytes())) {
            Err(faults) => faults.iter().map(|fault| fault.code).collect(),
            Ok(rows) => rows.filter_map(Result::err).flatten().map(|fault| fault.code).collect(),
        }
    }

    #[test]
    fn tables_are_read() {
        assert_eq!(codes("email,name\na@b.example,\"Last, First\"\n"), [] as [&str; 0]);
        assert_eq!(codes("\u{feff}email;name\r\na@b.example;x\r\n"), [] as [&str; 0]);
        assert_eq!(codes("email,name\na@b.example,\"Evil\r\nBcc: x\"\n"), ["control-character"]);
        assert_eq!(codes("email\nnope\n"), ["bad-address"]);
        assert_eq!(codes("email,zone\na@b.example,Mars/Phobos\n"), ["bad-zone"]);
        assert_eq!(codes("email,zone\na@b.example\n"), ["bad-row"]);
        assert_eq!(codes("mail\nx\n"), ["missing-column"]);
        assert_eq!(codes("email,Email\nx,y\n"), ["duplicate-column"]);
        assert_eq!(codes("email,a-b\nx,y\n"), ["bad-column"]);
        assert_eq!(codes("email,name\na@b.example,=?utf-8?q?x?=\n"), ["encoded-word"]);
    }

    #[test]
    fn a_repeated_address_is_taken_once() {
        let path = RelPath::new("r.csv").unwrap();
        let text = "email\na@B.example\na@b.example\n\nA@b.example\n";
        let mut rows = Recipients::open(text.as_bytes(), &path, b',').unwrap();
        assert_eq!(rows.by_ref().count(), 2);
        assert_eq!(rows.repeated, 1);
    }

    #[test]
    fn places_name_the_line() {
        let lines = |text: &str| {
            let path = RelPath::new("r.csv").unwrap();
            let rows = Recipients::open(text.as_bytes(), &path, b',').unwrap();
            rows.filter_map(Result::err).flatten().map(|fault| fault.place).collect::<Vec<_>>()
        };
        let at = |line| vec![crate::diagnostic::Place::Line(line, 1)];
        for end in ["\n", "\r\n", "\r"] {
            assert_eq!(lines(&["email,name", "a@b.example,x", "", "", "bad,y", ""].join(end)), at(5), "{end:?}");
            assert_eq!(lines(&["email,name", "a@b.example,x", "bad,y"].join(end)), at(3), "{end:?}");
            assert_eq!(lines(&["email,name", "", "a@b.example", "c@d.example,x"].join(end)), at(3), "{end:?}");
        }
    }

    #[test]
    fn places_name_the_field() {
        let path = RelPath::new("r.csv").unwrap();
        let rows = Recipients::open("name,email\n\"Last, First\",nope\n".as_bytes(), &path, b',').unwrap();
        let fault = rows.filter_map(Result::err).flatten().next().unwrap();
        assert_eq!(fault.place, crate::diagnostic::Place::Line(2, 15));
    }
}
