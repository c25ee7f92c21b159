//! A table of recipients as its file holds it: CSV (RFC 4180) or JSON Lines, read row by row.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::{Fault as LineFault, PlainLines};
use crate::diagnostic::Diagnostic;
use crate::source::RelPath;

/// The longest row, in bytes.
pub const MOST_ROW: usize = 1 << 20;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Values divided by this byte, the first row names the columns.
    Csv(u8),
    /// One object a line (jsonlines.org).
    JsonLines,
}

impl Format {
    /// What the name of a file and its first bytes show: comma, semicolon or TAB, whichever its first line holds most.
    pub fn of(name: &str, beginning: &[u8]) -> Format {
        let ending = name.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
        if matches!(&*ending, "jsonl" | "ndjson") {
            return Format::JsonLines;
        }
        let line = beginning.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or(beginning);
        let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
        Format::Csv([b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b','))
    }
}

/// A row, as many values as there are columns.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    pub values: Vec<String>,
}

/// A table that is being read.
pub struct Table<R> {
    source: Source<R>,
    path: RelPath,
    /// As the file names them.
    columns: Vec<String>,
    format: Format,
    /// Nothing follows what is wrong in the whole.
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
        if beginning.starts_with(&[0xFF, 0xFE]) || beginning.starts_with(&[0xFE, 0xFF]) {
            let diagnostic = Diagnostic::error("bad-encoding", "the table is UTF-16 (bytes 0 and 1 say so)");
            return Err(diagnostic.at_line(path, 1, 1).help("save the table as UTF-8"));
        }
        let (source, columns) = match format {
            Format::Csv(delimiter) => {
                let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(PlainLines::new(reader, delimiter));
                let header = rows.headers().map_err(|error| csv_fault(&error, path, 1))?.clone();
                (Source::Csv(Box::new(rows)), header.iter().map(str::to_owned).collect())
            }
            Format::JsonLines => {
                let mut reader = BufReader::new(reader);
                let mut line = 0;
                let mut columns = Vec::new();
                let first = match next_object(&mut reader, &mut line, path)? {
                    Some(Object(entries)) => {
                        let (names, values) = entries.into_iter().unzip();
                        columns = names;
                        Some(Row { line, values })
                    }
                    None => None,
                };
                (Source::JsonLines { reader, line, first }, columns)
            }
        };
        Ok(Table { source, path: path.clone(), columns, format, ended: false })
    }

    /// The names of the columns as they are written.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    pub fn format(&self) -> Format {
        self.format
    }

    fn next_row(&mut self) -> Option<Result<Row, Diagnostic>> {
        match &mut self.source {
            Source::Csv(rows) => {
                let mut record = csv::StringRecord::new();
                match rows.read_record(&mut record) {
                    Ok(false) => None,
                    Ok(true) => {
                        let line = line_of(rows, &record);
                        Some(Ok(Row { line, values: record.iter().map(str::to_owned).collect() }))
                    }
                    Err(error) => {
                        self.ended = matches!(error.kind(), csv::ErrorKind::Io(_));
                        let line = line_of(rows, &record);
                        Some(Err(csv_fault(&error, &self.path, line)))
                    }
                }
            }
            Source::JsonLines { reader, line, first } => {
                if let Some(row) = first.take() {
                    return Some(Ok(row));
                }
                match next_object(reader, line, &self.path) {
                    Ok(object) => object.map(|object| fit(object, *line, &self.columns, &self.path)),
                    Err(diagnostic) => {
                        self.ended = diagnostic.code == "too-large";
                        Some(Err(diagnostic))
                    }
                }
            }
        }
    }
}

impl<R: Read> Iterator for Table<R> {
    type Item = Result<Row, Diagnostic>;

    /// The next row that holds something.
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

/// The line on which the row that was just read begins: the reader stands behind its end.
fn line_of<R: Read>(rows: &csv::Reader<PlainLines<R>>, record: &csv::StringRecord) -> u64 {
    let within: usize = record.iter().map(|value| value.matches('\n').count()).sum();
    rows.position().line().saturating_sub(1 + within as u64).max(1)
}

fn csv_fault(error: &csv::Error, path: &RelPath, line: u64) -> Diagnostic {
    let at = |line: u64| usize::try_from(line).unwrap_or(usize::MAX);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let message = format!("the row has {len} fields, the header {expected_len}");
            let help = "a value that holds the delimiter stands in double quotes";
            Diagnostic::error("bad-row", message).at_line(path, at(line), 1).help(help)
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            let message = format!("the row is not UTF-8: see byte {} of its field {}", err.valid_up_to() + 1, err.field() + 1);
            Diagnostic::error("bad-encoding", message).at_line(path, at(line), 1).help("save the table as UTF-8")
        }
        csv::ErrorKind::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<LineFault>()) {
            Some(LineFault::OpenQuote(line)) => {
                let help = "close it by a double quote; one within a value is written twice";
                Diagnostic::error("open-quote", "a double quote opens here and is not closed").at_line(path, at(*line), 1).help(help)
            }
            Some(LineFault::TooLong(line)) => too_long(path, *line),
            None => Diagnostic::error("bad-row", error.to_string()).at_line(path, at(line), 1),
        },
        _ => Diagnostic::error("bad-row", error.to_string()).at_line(path, at(line), 1),
    }
}

fn too_long(path: &RelPath, line: u64) -> Diagnostic {
    Diagnostic::error("too-large", "the row holds over 1 MiB").at_line(path, usize::try_from(line).unwrap_or(usize::MAX), 1)
}

/// A flat object in the order of its line.
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
                        return Err(serde::de::Error::custom(format!("`{name}` is there twice")));
                    }
                    // A number stays as it is written: a long one is a name, and `1.50` is a price.
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
fn next_object(reader: &mut impl BufRead, line: &mut u64, path: &RelPath) -> Result<Option<Object>, Diagnostic> {
    let fault =
        |line: u64, code, message: String| Diagnostic::error(code, message).at_line(path, usize::try_from(line).unwrap_or(usize::MAX), 1);
    loop {
        let mut bytes = Vec::new();
        *line += 1;
        let read = reader.take(MOST_ROW as u64 + 1).read_until(b'\n', &mut bytes);
        let length = read.map_err(|error| fault(*line, "bad-row", error.to_string()))?;
        if length == 0 {
            return Ok(None);
        }
        if length > MOST_ROW {
            return Err(too_long(path, *line));
        }
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| *line == 1).unwrap_or(&bytes);
        if text.trim_ascii().is_empty() {
            continue;
        }
        let text = std::str::from_utf8(text).map_err(|error| {
            let message = format!("the row is not UTF-8: see its byte {}", error.valid_up_to() + 1);
            fault(*line, "bad-encoding", message).help("save the table as UTF-8")
        })?;
        return serde_json::from_str(text).map(Some).map_err(|error| {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let message = format!("this line is no object of JSON: {}", error.to_string().replace(&place, ""));
            let diagnostic = Diagnostic::error("bad-row", message);
            let line = usize::try_from(*line).unwrap_or(usize::MAX);
            diagnostic.at_line(path, line, error.column().max(1)).help("write `{\"email\": \"name@example.org\"}`, one a line")
        });
    }
}

/// The values of an object in the order of the columns; one that it lacks is empty.
fn fit(object: Object, line: u64, columns: &[String], path: &RelPath) -> Result<Row, Diagnostic> {
    let mut values = vec![String::new(); columns.len()];
    for (name, value) in object.0 {
        let Some(index) = columns.iter().position(|column| *column == name) else {
            let message = format!("`{}` is not in the first row", crate::diagnostic::visible(&name));
            let diagnostic = Diagnostic::error("bad-row", message).at_line(path, usize::try_from(line).unwrap_or(usize::MAX), 1);
            return Err(diagnostic.help("the first row names all columns; one that is empty there is written as `null`"));
        };
        values[index] = value;
    }
    Ok(Row { line, values })
}
