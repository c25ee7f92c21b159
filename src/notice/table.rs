//! The file of a recipient table: CSV (RFC 4180) or JSON Lines, read row by row.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::encoding;
use super::lines::{Fault as LineFault, PlainLines};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::RelPath;
use crate::text::counted;
use crate::text::encoding::Encoding;

/// The longest row, in bytes.
pub const MOST_ROW: usize = 1 << 20;

/// The format of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Values separated by this byte; the first row names the columns.
    Csv(u8),
    /// One object a line (jsonlines.org).
    JsonLines,
}

impl Format {
    /// The format according to a file's name and first bytes. The delimiter is the one that a first line such as `sep=;` names, otherwise
    /// the most frequent one of comma, semicolon and TAB in the first line.
    pub fn from_file(name: &str, beginning: &[u8]) -> Format {
        let ending = name.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
        if matches!(&*ending, "jsonl" | "ndjson") {
            return Format::JsonLines;
        }
        if let Some(delimiter) = named_delimiter(beginning) {
            return Format::Csv(delimiter);
        }
        let line = first_line(beginning);
        let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
        Format::Csv([b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b','))
    }
}

fn first_line(beginning: &[u8]) -> &[u8] {
    beginning.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or(beginning)
}

/// Excel takes the delimiter from a first line such as `sep=;`, which does not count as a row.
fn named_delimiter(beginning: &[u8]) -> Option<u8> {
    let line = first_line(beginning.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(beginning));
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (name, delimiter) = line.split_at_checked(4)?;
    match delimiter {
        [delimiter] if name.eq_ignore_ascii_case(b"sep=") && delimiter.is_ascii() && *delimiter != b'"' => Some(*delimiter),
        _ => None,
    }
}

/// A row, as many values as there are columns.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    pub values: Vec<String>,
    /// Values that are not UTF-8, with their first wrong byte, from 1. They have U+FFFD there.
    pub broken: Vec<(usize, usize)>,
}

/// A row that cannot be split into values.
#[derive(Debug)]
pub struct Unreadable {
    pub diagnostic: Diagnostic,
    pub line: u64,
    /// The row as written in the file, if it was read.
    pub text: String,
    /// Whether nothing after it can be read.
    pub ends: bool,
}

/// A table that is being read.
pub struct Table<R> {
    source: Source<R>,
    path: RelPath,
    /// As the file names them.
    columns: Vec<String>,
    format: Format,
    /// Of the line that names the columns, from 1.
    header_line: u64,
    /// Set after a fault of the whole table: nothing more is read.
    ended: bool,
}

enum Source<R> {
    Csv(Box<csv::Reader<PlainLines<R>>>),
    JsonLines {
        reader: BufReader<R>,
        line: u64,
        /// The first row, which names the columns.
        first: Option<Row>,
    },
}

impl<R: Read> Table<R> {
    /// Reads what names the columns.
    pub fn open(reader: R, path: &RelPath, format: Format, beginning: &[u8]) -> Result<Table<R>, Diagnostic> {
        if let Some(fault) = encoding::beginning_fault(beginning, Encoding::default(), path) {
            return Err(fault);
        }
        let mut header_line = 1;
        let (source, columns) = match format {
            Format::Csv(delimiter) => {
                let mut lines = PlainLines::new(reader, delimiter);
                if named_delimiter(beginning) == Some(delimiter) {
                    header_line = 2;
                    lines = lines.without_first_line();
                }
                let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(lines);
                let header = rows.headers().map_err(|error| csv_fault(&error, path, header_line))?.clone();
                (Source::Csv(Box::new(rows)), header.iter().map(str::to_owned).collect())
            }
            Format::JsonLines => {
                let mut reader = BufReader::new(reader);
                let mut line = 0;
                let mut columns = Vec::new();
                let first = match next_object(&mut reader, &mut line, path).map_err(|row| row.diagnostic)? {
                    Some(Object(entries)) => {
                        let (names, values) = entries.into_iter().unzip();
                        columns = names;
                        header_line = line;
                        Some(Row { line, values, broken: Vec::new() })
                    }
                    None => None,
                };
                (Source::JsonLines { reader, line, first }, columns)
            }
        };
        Ok(Table { source, path: path.clone(), columns, format, header_line, ended: false })
    }

    /// The line that names the columns.
    pub fn header_line(&self) -> u64 {
        self.header_line
    }

    /// The names of the columns as they are written.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    pub fn format(&self) -> Format {
        self.format
    }

    fn next_row(&mut self) -> Option<Result<Row, Box<Unreadable>>> {
        match &mut self.source {
            Source::Csv(rows) => {
                let mut record = csv::ByteRecord::new();
                let before = self.header_line - 1;
                match rows.read_byte_record(&mut record) {
                    Ok(false) => None,
                    Ok(true) => {
                        let line = line_of(rows, &record) + before;
                        Some(fit_record(record, line, self.columns.len(), self.format, &self.path))
                    }
                    Err(error) => {
                        self.ended = matches!(error.kind(), csv::ErrorKind::Io(_));
                        let line = line_of(rows, &record) + before;
                        let diagnostic = csv_fault(&error, &self.path, line);
                        let line = diagnostic.line().unwrap_or(line);
                        Some(Err(Box::new(Unreadable { diagnostic, line, text: String::new(), ends: self.ended })))
                    }
                }
            }
            Source::JsonLines { reader, line, first } => {
                if let Some(row) = first.take() {
                    return Some(Ok(row));
                }
                match next_object(reader, line, &self.path) {
                    Ok(object) => object.map(|object| fit(object, *line, &self.columns, &self.path)),
                    Err(row) => {
                        self.ended = row.ends;
                        Some(Err(row))
                    }
                }
            }
        }
    }
}

impl<R: Read> Iterator for Table<R> {
    type Item = Result<Row, Box<Unreadable>>;

    /// The next row that is not empty.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.ended {
                return None;
            }
            match self.next_row()? {
                Ok(row) if row.values.iter().all(|value| value.trim().is_empty()) => {}
                row => return Some(row),
            }
        }
    }
}

/// A record as a row: as many values as there are columns. Where a value is not UTF-8, the wrong bytes are replaced.
fn fit_record(record: csv::ByteRecord, line: u64, columns: usize, format: Format, path: &RelPath) -> Result<Row, Box<Unreadable>> {
    let mut broken = Vec::new();
    let values: Vec<String> = match csv::StringRecord::from_byte_record(record) {
        Ok(record) => record.iter().map(str::to_owned).collect(),
        Err(error) => {
            let record = error.into_byte_record();
            for (field, value) in record.iter().enumerate() {
                broken.extend(std::str::from_utf8(value).err().map(|error| (field, error.valid_up_to() + 1)));
            }
            record.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
        }
    };
    if values.len() == columns || values.iter().all(|value| value.trim().is_empty()) {
        return Ok(Row { line, values, broken });
    }
    let message = format!("the row has {}, but the header has {columns}", counted(values.len(), "field", "fields"));
    let help = "put double quotes around values with a delimiter in them, and keep a delimiter for each empty cell";
    let diagnostic = Diagnostic::new(rule::BAD_ROW, message).at_line(path, usize::try_from(line).unwrap_or(usize::MAX), 1).help(help);
    let delimiter = if let Format::Csv(delimiter) = format { char::from(delimiter).to_string() } else { String::new() };
    Err(Box::new(Unreadable { diagnostic, line, text: values.join(&delimiter), ends: false }))
}

/// The line on which the row just read begins: the reader is already past its end.
fn line_of<R: Read>(rows: &csv::Reader<PlainLines<R>>, record: &csv::ByteRecord) -> u64 {
    let within = memchr::memchr_iter(b'\n', record.as_slice()).count();
    rows.position().line().saturating_sub(1 + within as u64).max(1)
}

fn csv_fault(error: &csv::Error, path: &RelPath, line: u64) -> Diagnostic {
    let at = |line: u64| usize::try_from(line).unwrap_or(usize::MAX);
    match error.kind() {
        csv::ErrorKind::Utf8 { err, .. } => {
            let message = format!("the row is not UTF-8: byte {} of field {}", err.valid_up_to() + 1, err.field() + 1);
            Diagnostic::new(rule::BAD_ENCODING, message).at_line(path, at(line), 1).help("export the table again as UTF-8")
        }
        csv::ErrorKind::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<LineFault>()) {
            Some(LineFault::OpenQuote(line)) => {
                let help = "close it with a double quote, and double any quote within a value";
                Diagnostic::new(rule::OPEN_QUOTE, "this double quote is never closed").at_line(path, at(*line), 1).help(help)
            }
            Some(LineFault::TooLong(line)) => too_long(path, *line),
            None => Diagnostic::new(rule::BAD_ROW, error.to_string()).at_line(path, at(line), 1),
        },
        _ => Diagnostic::new(rule::BAD_ROW, error.to_string()).at_line(path, at(line), 1),
    }
}

fn too_long(path: &RelPath, line: u64) -> Diagnostic {
    Diagnostic::new(rule::TOO_LARGE, "the row is larger than 1 MiB").at_line(path, usize::try_from(line).unwrap_or(usize::MAX), 1)
}

/// A flat object, in the order of its line.
struct Object(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if entries.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format!("duplicate name `{name}`")));
                    }
                    // A number stays as written: a long one may be an identifier, and `1.50` is a price.
                    let value = match value.get() {
                        "null" => String::new(),
                        text if text.starts_with('"') => serde_json::from_str(text).map_err(serde::de::Error::custom)?,
                        text if text.starts_with(['[', '{']) => {
                            return Err(serde::de::Error::custom(format!("`{name}` is a list or an object, not a value")));
                        }
                        text => text.to_owned(),
                    };
                    entries.push((name, value));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// The object of the next line that is not empty; `line` is moved to it.
fn next_object(reader: &mut impl BufRead, line: &mut u64, path: &RelPath) -> Result<Option<Object>, Box<Unreadable>> {
    let fault = |line: u64, rule, message: String, text: &[u8]| {
        let diagnostic = Diagnostic::new(rule, message).at_line(path, usize::try_from(line).unwrap_or(usize::MAX), 1);
        Box::new(Unreadable { diagnostic, line, text: String::from_utf8_lossy(text).trim_end().to_owned(), ends: false })
    };
    loop {
        let mut bytes = Vec::new();
        *line += 1;
        let read = reader.take(MOST_ROW as u64 + 1).read_until(b'\n', &mut bytes);
        let length = read.map_err(|error| Box::new(Unreadable { ends: true, ..*fault(*line, rule::BAD_ROW, error.to_string(), b"") }))?;
        if length == 0 {
            return Ok(None);
        }
        if length > MOST_ROW {
            return Err(Box::new(Unreadable { diagnostic: too_long(path, *line), line: *line, text: String::new(), ends: true }));
        }
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| *line == 1).unwrap_or(&bytes);
        if text.trim_ascii().is_empty() {
            continue;
        }
        let text = std::str::from_utf8(text).map_err(|error| {
            let message = format!("the row is not UTF-8 at byte {}", error.valid_up_to() + 1);
            let mut row = fault(*line, rule::BAD_ENCODING, message, text);
            row.diagnostic = row.diagnostic.clone().help("export the table again as UTF-8");
            row
        })?;
        return serde_json::from_str(text).map(Some).map_err(|error| {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let message = format!("this line is not a JSON object: {}", error.to_string().replace(&place, ""));
            let mut row = fault(*line, rule::BAD_ROW, message, text.as_bytes());
            let number = usize::try_from(*line).unwrap_or(usize::MAX);
            row.diagnostic = row
                .diagnostic
                .clone()
                .at_line(path, number, error.column().max(1))
                .help("write one object per line, such as `{\"email\": \"name@example.org\"}`");
            row
        });
    }
}

/// The values of an object in the order of the columns; missing ones are empty.
fn fit(object: Object, line: u64, columns: &[String], path: &RelPath) -> Result<Row, Box<Unreadable>> {
    let mut values = vec![String::new(); columns.len()];
    for (name, value) in object.0 {
        let Some(index) = columns.iter().position(|column| *column == name) else {
            let message = format!("`{}` is not in the first row", crate::text::visible(&name));
            let help = "name all columns in the first row, with `null` for empty ones";
            let diagnostic =
                Diagnostic::new(rule::BAD_ROW, message).at_line(path, usize::try_from(line).unwrap_or(usize::MAX), 1).help(help);
            return Err(Box::new(Unreadable { diagnostic, line, text: value, ends: false }));
        };
        values[index] = value;
    }
    Ok(Row { line, values, broken: Vec::new() })
}
