//! Recipients: a table read as a stream, each row checked before anything is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use lettre::Address;

use super::address::{self, Rules};
use super::table::{Format, Row, Table};
use crate::config::Columns;
use crate::diagnostic::{Diagnostic, is_bidi_control, suggest};
use crate::schedule::zone;
use crate::source::RelPath;

/// One row: the address, and every column as it stands.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub address: Address,
    /// The line in the file, from 1.
    pub line: u64,
    pub columns: Arc<[String]>,
    /// One for each column; that of `email` is the address as it was written.
    pub values: Vec<String>,
    /// For places: `None` if the file is no CSV.
    delimiter: Option<u8>,
}

impl Recipient {
    /// A recipient that is in no table, such as the sample.
    pub fn of(address: Address, fields: &BTreeMap<String, String>) -> Recipient {
        let columns = fields.keys().cloned().collect::<Vec<_>>().into();
        Recipient { address, line: 1, columns, values: fields.values().cloned().collect(), delimiter: None }
    }

    /// The value of a column; `None` if there is no such column or it is empty.
    pub fn get(&self, column: &str) -> Option<&str> {
        let index = self.columns.iter().position(|known| known == column)?;
        Some(self.values[index].trim()).filter(|value| !value.is_empty())
    }

    /// The columns that are not empty, with their values, without white space around them.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.columns.iter().zip(&self.values).map(|(column, value)| (column.as_str(), value.trim()));
        fields.filter(|(_, value)| !value.is_empty())
    }

    /// Where a column stands in its line, in characters from 1, as far as its row is written plainly.
    pub fn place(&self, column: &str) -> usize {
        let index = self.columns.iter().position(|known| known == column).unwrap_or(0);
        field_column(&self.values, index, self.delimiter)
    }
}

/// Longest value and most columns that are taken.
const MOST_FIELD: usize = 64 << 10;
const MOST_COLUMNS: usize = 256;

/// Reads recipients row by row.
pub struct Recipients<R> {
    rows: Table<R>,
    path: RelPath,
    columns: Arc<[String]>,
    email: usize,
    zone: Option<usize>,
    lang: Option<usize>,
    rules: Rules,
    seen: Seen,
    /// Zones that were found good: a table has few.
    zones: BTreeSet<String>,
    /// Of each column, whether a message may hold its values.
    shown: Vec<bool>,
}

/// The addresses that stood in the table before.
#[derive(Default)]
pub struct Seen {
    /// By hash of the address, of which 96 bits are enough for any table: the line, and a part of the hash of the other values.
    rows: BTreeMap<[u8; 12], (u32, u32)>,
    /// Rows that say the same again.
    pub repeated: u64,
    /// Rows of one address whose other values differ: the earlier line and the later row.
    pub differing: Vec<(u64, Recipient)>,
    pub more_differing: u64,
}

/// So many rows with a fault are named.
pub const MOST_NAMED: usize = 20;

impl<R: Read> Recipients<R> {
    /// Holds the columns of a table against the rules and the names that the mailing gives them.
    pub fn open(rows: Table<R>, path: &RelPath, names: &Columns, rules: Rules) -> Result<Recipients<R>, Vec<Diagnostic>> {
        let columns = named(rows.columns(), path, names)?;
        let index = |name: &str| columns.iter().position(|column| column == name);
        let (Some(email), zone, lang) = (index("email"), index("zone"), index("lang")) else { return Err(Vec::new()) };
        let shown = vec![true; columns.len()];
        let (path, columns) = (path.clone(), columns.into());
        Ok(Recipients { rows, path, columns, email, zone, lang, rules, seen: Seen::default(), zones: BTreeSet::new(), shown })
    }

    /// Lets pass whatever the other columns hold: no message shows it.
    pub fn show_only(&mut self, columns: &BTreeSet<String>) {
        for (index, (column, shown)) in self.columns.iter().zip(&mut self.shown).enumerate() {
            *shown = columns.contains(column) || [Some(self.email), self.zone, self.lang].contains(&Some(index));
        }
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What was found out about repeated addresses.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    fn check(&mut self, row: Row) -> Result<Recipient, Vec<Diagnostic>> {
        let delimiter = if let Format::Csv(delimiter) = self.rows.format() { Some(delimiter) } else { None };
        let Row { line, values } = row;
        let mut faults = Vec::new();
        let place = |index: usize, diagnostic: Diagnostic| {
            let column = field_column(&values, index, delimiter);
            diagnostic.at_line(&self.path, usize::try_from(line).unwrap_or(usize::MAX), column)
        };
        for (index, (column, value)) in self.columns.iter().zip(&values).enumerate() {
            if self.shown[index]
                && let Some(fault) = value_fault(column, value)
            {
                faults.push(place(index, fault));
            }
            if Some(index) == self.lang && !value.trim().is_empty() && !is_language(value.trim()) {
                let message = format!("`{}` is no language", crate::diagnostic::visible(&value.chars().take(40).collect::<String>()));
                faults.push(place(index, Diagnostic::error("bad-language", message).help("write a tag such as `de` or `pt-BR` (BCP 47)")));
            }
            if Some(index) == self.zone && !value.trim().is_empty() && !self.zones.contains(value.trim()) {
                match zone::zone(value.trim()) {
                    Ok(_) => {
                        self.zones.insert(value.trim().to_owned());
                    }
                    Err(error) => faults.push(place(index, Diagnostic::error("bad-zone", error.message()).maybe_help(error.help()))),
                }
            }
        }
        match address::parse_with(&values[self.email], self.rules) {
            Ok(address) if faults.is_empty() => Ok(Recipient { address, line, columns: Arc::clone(&self.columns), values, delimiter }),
            Ok(_) => Err(faults),
            Err(fault) => {
                faults.push(place(self.email, fault));
                Err(faults)
            }
        }
    }
}

impl<R: Read> Iterator for Recipients<R> {
    type Item = Result<Recipient, Vec<Diagnostic>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let recipient = match self.rows.next()? {
                Ok(row) => self.check(row),
                Err(fault) => Err(vec![fault]),
            };
            match recipient {
                Ok(recipient) if self.seen.knows(&recipient, self.email) => {}
                recipient => return Some(recipient),
            }
        }
    }
}

impl Seen {
    /// Whether the recipient stood in the table before; if not, it does now.
    fn knows(&mut self, recipient: &Recipient, email: usize) -> bool {
        let [key @ .., _, _, _, _] = address::hash(&recipient.address).to_le_bytes();
        let mut others = blake3::Hasher::new();
        for (_, value) in recipient.values.iter().enumerate().filter(|(index, _)| *index != email) {
            others.update(value.trim().as_bytes()).update(b"\0");
        }
        let [a, b, c, d, ..] = *others.finalize().as_bytes();
        let others = u32::from_le_bytes([a, b, c, d]);
        let line = u32::try_from(recipient.line).unwrap_or(u32::MAX);
        match self.rows.entry(key) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert((line, others));
                false
            }
            std::collections::btree_map::Entry::Occupied(entry) => {
                let (first, known) = *entry.get();
                if known == others {
                    self.repeated += 1;
                } else if self.differing.len() < MOST_NAMED {
                    self.differing.push((u64::from(first), recipient.clone()));
                } else {
                    self.more_differing += 1;
                }
                true
            }
        }
    }
}

/// Says what differs between a row and an earlier one of the same address.
pub fn difference(first: &Row, second: &Recipient, path: &RelPath) -> Diagnostic {
    let pairs = second.columns.iter().zip(&first.values).zip(&second.values);
    let differing = pairs.filter(|((column, first), second)| **column != "email" && first.trim() != second.trim());
    let shown = |value: &str| crate::diagnostic::visible(&value.chars().take(60).collect::<String>());
    let told: Vec<String> =
        differing.map(|((column, first), second)| format!("`{column}` is `{}` there and `{}` here", shown(first), shown(second))).collect();
    let message = format!("`{}` is in line {} already, but {}", second.address, first.line, told.join(", "));
    let diagnostic = Diagnostic::error("duplicate-recipient", message).at_line(path, usize::try_from(second.line).unwrap_or(usize::MAX), 1);
    diagnostic.help("keep the row that is right: each address gets one message")
}

/// The form of a language tag: two or three letters, then parts of up to eight (RFC 5646 §2.1).
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split(['-', '_']);
    let primary = parts.next().unwrap_or("");
    (2..=3).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// What no value may hold, whichever its column.
fn value_fault(column: &str, value: &str) -> Option<Diagnostic> {
    if value.len() > MOST_FIELD {
        return Some(Diagnostic::error("too-large", format!("the column `{column}` holds over 64 KiB")));
    }
    if let Some(c) = value.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        let message = format!("the column `{column}` holds the control character U+{:04X}", u32::from(c));
        return Some(Diagnostic::error("control-character", message).help("a value is one line of text"));
    }
    if let Some(c) = value.chars().find(|c| is_bidi_control(*c) || is_blank(*c, value)) {
        let message = format!("the column `{column}` holds the invisible character U+{:04X}", u32::from(c));
        return Some(Diagnostic::error("invisible-character", message).help("take it out: it can make a text look like another"));
    }
    if value.contains('\u{FFFD}') {
        let message = format!("the column `{column}` holds U+FFFD, which stands where a letter was lost");
        return Some(Diagnostic::error("bad-encoding", message).help("export the table again as UTF-8"));
    }
    if value.contains("=?") && value.contains("?=") {
        let message = format!("the column `{column}` holds an encoded word");
        return Some(Diagnostic::error("encoded-word", message).help("write the text itself"));
    }
    if value.contains(crate::page::is_private_use) {
        let message = format!("the column `{column}` holds a character of private use");
        return Some(Diagnostic::error("control-character", message).help("no font shows it: take it out"));
    }
    None
}

/// Characters that show nothing and join nothing: spaces without width, and letters that fill a place. The tags (U+E0020 to
/// U+E007F) stand for a part of a country behind a flag, and nowhere else.
fn is_blank(c: char, value: &str) -> bool {
    let is_filler = matches!(c, '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{2800}');
    is_filler
        || matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}' | '\u{34F}')
        || matches!(c, '\u{E0000}'..='\u{E007F}') && !value.contains('\u{1F3F4}')
}

/// The columns by the names that notices use: in lower case, or as the mailing says.
fn named(written: &[String], path: &RelPath, names: &Columns) -> Result<Vec<String>, Vec<Diagnostic>> {
    let fault = |code, message: String| Diagnostic::error(code, message).at_line(path, 1, 1);
    let mut faults = Vec::new();
    if written.iter().all(|column| column.trim().is_empty()) {
        return Err(vec![
            fault("missing-column", "the table is empty".to_owned()).help("its first row names the columns, such as `email,name`"),
        ]);
    }
    if written.len() > MOST_COLUMNS {
        return Err(vec![fault("too-large", format!("there are more than {MOST_COLUMNS} columns"))]);
    }
    let mut columns: Vec<String> = written.iter().map(|name| name.trim().to_lowercase()).collect();
    for (name, header) in names {
        match columns.iter().zip(written).position(|(_, column)| column.trim().eq_ignore_ascii_case(header.value.trim())) {
            Some(index) => columns[index].clone_from(name),
            None => {
                let help = suggest(&header.value, written.iter().map(String::as_str));
                let message = format!("there is no column `{}`, which the mailing takes as `{name}`", header.value);
                faults.push(fault("missing-column", message).maybe_help(help));
            }
        }
    }
    if !columns.iter().any(|column| column == "email") && !names.iter().any(|(name, _)| name == "email") {
        let known: Vec<String> = written.iter().take(12).map(|name| format!("`{}`", crate::diagnostic::visible(name.trim()))).collect();
        let help = suggest("email", columns.iter().map(String::as_str)).unwrap_or_else(|| {
            format!("there are {}: name one in the mailing, as in `columns = {{ email = \"E-Mail\" }}`", known.join(", "))
        });
        faults.push(fault("missing-column", "there is no column `email`".to_owned()).help(help));
    }
    // What no notice can name does no harm.
    for (index, column) in columns.iter().enumerate().filter(|(_, column)| is_name(column)) {
        if columns[..index].contains(column) {
            let shown = crate::diagnostic::visible(column);
            faults.push(fault("duplicate-column", format!("the column `{shown}` is there twice")));
        }
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// Whether a notice can name a column, as in `{{ r.first_name }}`.
pub fn is_name(column: &str) -> bool {
    column.starts_with(|c: char| c.is_ascii_alphabetic()) && column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The column, in characters from 1, where a value begins in its line, as far as its row is written plainly.
fn field_column(values: &[String], index: usize, delimiter: Option<u8>) -> usize {
    let Some(delimiter) = delimiter else { return 1 };
    let needs_quotes = |value: &str| value.contains(['"', '\n', '\r', char::from(delimiter)]);
    let width = |value: &str| {
        let quotes = if needs_quotes(value) { 2 + value.matches('"').count() } else { 0 };
        value.chars().count() + quotes
    };
    1 + values.iter().take(index).map(|value| width(value) + 1).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<'t>(name: &str, text: &'t [u8], names: &[(&str, &str)]) -> Result<Recipients<&'t [u8]>, Vec<Diagnostic>> {
        let path = RelPath::new(name).unwrap();
        let spanned = |value: &str| crate::data::Spanned { value: value.to_owned(), span: 0..0 };
        let names = names.iter().map(|(name, header)| ((*name).to_owned(), spanned(header))).collect();
        let table = Table::open(text, &path, Format::of(name, text), text).map_err(|fault| vec![fault])?;
        Recipients::open(table, &path, &names, Rules::default())
    }

    fn codes(text: &str) -> Vec<&'static str> {
        codes_of("r.csv", text.as_bytes())
    }

    fn codes_of(name: &str, bytes: &[u8]) -> Vec<&'static str> {
        match rows(name, bytes, &[]) {
            Err(faults) => faults.iter().map(|fault| fault.code).collect(),
            Ok(rows) => rows.filter_map(Result::err).flatten().map(|fault| fault.code).collect(),
        }
    }

    #[test]
    fn tables_are_read() {
        assert_eq!(codes("email,name\na@b.example,\"Last, First\"\n"), [] as [&str; 0]);
        assert_eq!(codes("\u{feff}email;name\r\na@b.example;x\r\n"), [] as [&str; 0]);
        assert_eq!(codes("email\tname\ra@b.example\tx\r"), [] as [&str; 0]);
        assert_eq!(codes("email,name\na@b.example,\"Evil\r\nBcc: x\"\n"), ["control-character"]);
        assert_eq!(codes("email\nnope\n"), ["bad-address"]);
        assert_eq!(codes("email,zone\na@b.example,Mars/Phobos\n"), ["bad-zone"]);
        assert_eq!(codes("email,zone\na@b.example\n"), ["bad-row"]);
        assert_eq!(codes("email,lang\na@b.example,de-AT\nb@b.example,\nc@b.example,klingon\nd@b.example,de; DROP\n"), ["bad-language"; 2]);
        assert_eq!(codes("mail\nx\n"), ["missing-column"]);
        assert_eq!(codes("email,Email\nx,y\n"), ["duplicate-column"]);
        assert_eq!(codes("email,a-b,,\na@b.example,y,,\n"), [] as [&str; 0]);
        assert_eq!(codes("email,name\na@b.example,=?utf-8?q?x?=\n"), ["encoded-word"]);
        assert_eq!(codes("email,name\na@b.example,x\u{202E}y\n"), ["invisible-character"]);
        assert_eq!(codes(""), ["missing-column"]);
        assert_eq!(codes_of("r.csv", b"\xFF\xFEe\0m\0"), ["bad-encoding"]);
        assert_eq!(codes_of("r.csv", b"email,name\na@b.example,K\xFChl\n"), ["bad-encoding"]);
    }

    #[test]
    fn quotes_and_rows_end() {
        assert_eq!(codes("email,name\na@b.example,\"x\nc@d.example,y\n"), ["open-quote"]);
        let long = format!("email,name\na@b.example,{}\n", "x".repeat(70_000));
        assert_eq!(codes(&long), ["too-large"]);
        let endless = format!("email,name\na@b.example,{}\n", "x".repeat(1 << 21));
        assert_eq!(codes(&endless), ["too-large"]);
        let open = format!("email,name\na@b.example,\"{}", "x\n".repeat(1 << 20));
        assert_eq!(codes(&open), ["open-quote"]);
    }

    #[test]
    fn json_lines_are_read() {
        let read = |text: &str| codes_of("r.jsonl", text.as_bytes());
        assert_eq!(
            read("{\"email\": \"a@b.example\", \"n\": 1, \"b\": true, \"x\": null}\n\n{\"email\": \"c@d.example\"}"),
            [] as [&str; 0]
        );
        assert_eq!(read("{\"email\": \"a@b.example\"}\n{\"email\": \"c@d.example\", \"nmae\": \"x\"}\n"), ["bad-row"]);
        assert_eq!(read("{\"email\": \"a@b.example\", \"email\": \"c@d.example\"}\n"), ["bad-row"]);
        assert_eq!(read("{\"email\": [\"a@b.example\"]}\n"), ["bad-row"]);
        assert_eq!(read("[1]\n{\"email\": \"c@d.example\"}"), ["bad-row"]);
        assert_eq!(read(""), ["missing-column"]);
        let recipient =
            rows("r.jsonl", b"{\"email\": \"a@b.example\", \"n\": 12345678901234567890.50}", &[]).unwrap().next().unwrap().unwrap();
        assert_eq!(recipient.fields().collect::<Vec<_>>(), [("email", "a@b.example"), ("n", "12345678901234567890.50")]);
    }

    #[test]
    fn columns_are_named_by_the_mailing() {
        let text = b"E-Mail;First name;Sprache\na@b.example;Sample;de\n";
        let recipient = rows("r.csv", text, &[("email", "e-mail"), ("name", "First name"), ("lang", "Sprache")]).unwrap().next();
        let recipient = recipient.unwrap().unwrap();
        assert_eq!((recipient.get("name"), recipient.get("lang")), (Some("Sample"), Some("de")));
        let faults = rows("r.csv", text, &[("email", "Mail")]).err().unwrap();
        assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["missing-column"]);
    }

    #[test]
    fn what_no_message_shows_may_hold_anything() {
        let text = b"email,name,notes\na@b.example,x,\"two\nlines\"\nc@d.example,\"two\nlines\",\n";
        let mut rows = rows("r.csv", text, &[]).unwrap();
        rows.show_only(&BTreeSet::from(["name".to_owned()]));
        assert_eq!(rows.map(|row| row.is_ok()).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_repeated_address_is_taken_once() {
        let text = b"email,name\na@B.example,x\na@b.example,x\n\nA@b.example,x\n";
        let mut rows = rows("r.csv", text, &[]).unwrap();
        assert_eq!(rows.by_ref().count(), 1);
        assert_eq!(rows.seen().repeated, 2);
    }

    #[test]
    fn a_repeated_address_with_other_values_is_told() {
        let text = b"email,name,org\na@b.example,x,o\na@b.example,y,o\n";
        let mut rows = rows("r.csv", text, &[]).unwrap();
        assert_eq!(rows.by_ref().count(), 1);
        let (line, second) = &rows.seen().differing[0];
        let first = Row { line: *line, values: ["a@b.example", "x", "o"].map(str::to_owned).to_vec() };
        let told = difference(&first, second, &RelPath::new("r.csv").unwrap());
        assert_eq!(told.message, "`a@b.example` is in line 2 already, but `name` is `x` there and `y` here");
    }

    #[test]
    fn places_name_the_line() {
        let lines = |text: &str| {
            let rows = rows("r.csv", text.as_bytes(), &[]).unwrap();
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
        let rows = rows("r.csv", b"name,email\n\"Last, First\",nope\n", &[]).unwrap();
        let fault = rows.filter_map(Result::err).flatten().next().unwrap();
        assert_eq!(fault.place, crate::diagnostic::Place::Line(2, 15));
    }
}
