//! Recipients: a table read as a stream, each row checked before anything is made of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use lettre::Address;

use super::cells::{byte_fault, is_unseen, value_fault};
use super::columns::named;
use super::rows::{BadRow, RowFault};
use super::seen::{Seen, Sight};
use super::table::{Format, Row, Table, Unreadable};
use crate::config::Columns;
use crate::diagnostic::Diagnostic;
use crate::language::is_tag;
use crate::mail::address::{self, Rules};
use crate::rule;
use crate::schedule::zone;
use crate::source::RelPath;

/// One row: the address, and every column as written.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub address: Address,
    /// The line in the file, from 1.
    pub line: u64,
    pub columns: Arc<[String]>,
    /// One for each column; the value of `email` is the address as written.
    pub values: Vec<String>,
    /// Used for places; `None` if the file is not a CSV.
    delimiter: Option<u8>,
}

impl Recipient {
    /// A recipient that is in no table, such as the sample.
    pub fn new(address: Address, fields: &BTreeMap<String, String>) -> Recipient {
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

    /// The position of a column in its line, in characters from 1, if its row is written plainly.
    pub fn place(&self, column: &str) -> usize {
        let index = self.columns.iter().position(|known| known == column).unwrap_or(0);
        field_column(&self.values, index, self.delimiter)
    }
}

/// The kind of a row.
#[derive(Debug)]
pub enum Entry {
    New(Recipient),
    /// A row equal to an earlier one.
    Again(Recipient),
    /// Without faults, but its address appeared in the table before, with other values.
    Bad(BadRow),
}

impl Entry {
    /// A row that gets a message, as far as the row itself is concerned.
    pub fn recipient(self) -> Option<Recipient> {
        if let Entry::New(recipient) = self { Some(recipient) } else { None }
    }

    /// A row that gets no message, because of its faults.
    pub fn bad(self) -> Option<BadRow> {
        if let Entry::Bad(row) = self { Some(row) } else { None }
    }
}

/// Reads recipients row by row.
pub struct Recipients<R> {
    rows: Table<R>,
    path: RelPath,
    columns: Arc<[String]>,
    /// As the table names them.
    headers: Vec<String>,
    email: usize,
    zone: Option<usize>,
    lang: Option<usize>,
    /// Set if the address column also contains the owners' names: this column is made from it.
    name: Option<usize>,
    rules: Rules,
    seen: Seen,
    /// Zones known to be valid: a table has few.
    zones: BTreeSet<String>,
    /// For each column, whether a message may contain its values.
    shown: Vec<bool>,
}

/// How many faulty rows are named.
pub const MOST_NAMED: usize = 20;

impl<R: Read> Recipients<R> {
    /// Checks the columns of a table against the rules and the names that the mailing maps.
    pub fn open(rows: Table<R>, path: &RelPath, names: &Columns, rules: Rules) -> Result<Recipients<R>, Vec<Diagnostic>> {
        let headers = rows.columns().to_vec();
        let (mut columns, holds_names) = named(&headers, path, names, rows.header_line())?;
        let name = holds_names.then_some(columns.len());
        columns.extend(name.map(|_| "name".to_owned()));
        let index = |name: &str| columns.iter().position(|column| column == name);
        let (zone, lang) = (index("zone"), index("lang"));
        let Some(email) = index("email") else {
            let diagnostic = Diagnostic::new(rule::MISSING_COLUMN, "missing column `email`");
            let line = usize::try_from(rows.header_line()).unwrap_or(usize::MAX);
            return Err(vec![diagnostic.at_line(path, line, 1).help("set it in the mailing, as in `columns = { email = \"E-Mail\" }`")]);
        };
        let shown = vec![true; columns.len()];
        let (path, columns) = (path.clone(), columns.into());
        let (seen, zones) = (Seen::default(), BTreeSet::new());
        Ok(Recipients { rows, path, columns, headers, email, zone, lang, name, rules, seen, zones, shown })
    }

    /// Accepts any content in the other columns, since no message shows it.
    pub fn show_only(&mut self, columns: &BTreeSet<String>) {
        for (index, (column, shown)) in self.columns.iter().zip(&mut self.shown).enumerate() {
            *shown = columns.contains(column) || [Some(self.email), self.zone, self.lang].contains(&Some(index));
        }
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What the table itself calls a column.
    pub fn header(&self, column: &str) -> &str {
        let index = self.columns.iter().position(|known| known == column);
        let index = if index.is_some() && index == self.name { Some(self.email) } else { index };
        index.and_then(|index| self.headers.get(index)).map_or("", |header| header.trim())
    }

    /// A row from the table, with the name taken from its address if the mailing says so.
    pub fn prepared(&self, mut row: Row) -> Row {
        if self.name.is_some() {
            split_name(&mut row.values, self.email);
        }
        row
    }

    /// What was found out about repeated addresses.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    fn check(&mut self, row: Row) -> Entry {
        let delimiter = if let Format::Csv(delimiter) = self.rows.format() { Some(delimiter) } else { None };
        let Row { line, values, broken } = self.prepared(row);
        let mut faults: Vec<(usize, Diagnostic)> = Vec::new();
        for (index, (column, value)) in self.columns.iter().zip(&values).enumerate() {
            let byte = broken.iter().find(|(field, _)| *field == index).map(|(_, byte)| *byte);
            let fault = self.shown[index].then(|| byte_fault(column, byte).or_else(|| value_fault(column, value))).flatten();
            let word = value.trim();
            if let Some(fault) = fault {
                faults.push((index, fault));
            } else if Some(index) == self.lang && !word.is_empty() && !is_tag(word) {
                let message = format!("invalid language `{}`", crate::text::visible(&value.chars().take(40).collect::<String>()));
                faults.push((index, Diagnostic::new(rule::BAD_LANGUAGE, message).help("use a tag such as `de` or `pt-BR` (BCP 47)")));
            } else if Some(index) == self.zone && !word.is_empty() && !self.zones.contains(word) {
                match zone::zone(word) {
                    Ok(_) => {
                        self.zones.insert(word.to_owned());
                    }
                    Err(error) => faults.push((index, Diagnostic::new(rule::BAD_ZONE, error.message()).maybe_help(error.help()))),
                }
            }
        }
        let is_faulty = faults.iter().any(|(index, _)| *index == self.email);
        let cell = &values[self.email];
        // A fault that is already reported is not reported again as a bad address.
        let rest: Cow<str> = if is_faulty { cell.chars().filter(|c| !is_unseen(*c, cell)).collect() } else { cell.into() };
        let address = match address::parse_with(&rest, self.rules) {
            Ok(address) => Some(address),
            Err(mut fault) => {
                if let (Some(_), Some(help)) = (address::named(&rest), &mut fault.help) {
                    let header = crate::text::visible(self.headers[self.email].trim());
                    let columns = format!("columns = {{ email = \"{header}\", name = \"{header}\" }}");
                    help.push_str(&format!("; if all rows are like this, set `{columns}` in the mailing to take both from here"));
                }
                faults.push((self.email, fault));
                None
            }
        };
        let address = address.filter(|_| !is_faulty);
        let sight = address.as_ref().map_or(Sight::New, |address| self.seen.look(address, line, &values, self.email));
        let Some(address) = address.clone().filter(|_| faults.is_empty()) else {
            return Entry::Bad(self.bad_row(line, values, address, faults, delimiter));
        };
        let recipient = Recipient { address, line, columns: Arc::clone(&self.columns), values, delimiter };
        match sight {
            Sight::New => Entry::New(recipient),
            Sight::Same => Entry::Again(recipient),
            Sight::Different => {
                let address = Some(recipient.address.clone());
                Entry::Bad(BadRow { line, faults: Vec::new(), address, stand_in: Some(recipient), ends: false })
            }
        }
    }

    /// A row with its faults in their places, and harmless values where it is wrong.
    fn bad_row(
        &self,
        line: u64,
        mut values: Vec<String>,
        address: Option<Address>,
        faults: Vec<(usize, Diagnostic)>,
        delimiter: Option<u8>,
    ) -> BadRow {
        let number = usize::try_from(line).unwrap_or(usize::MAX);
        let faulty: BTreeSet<usize> = faults.iter().map(|(index, _)| *index).collect();
        let place = |(index, diagnostic): (usize, Diagnostic)| RowFault {
            column: self.columns[index].clone(),
            value: values[index].clone(),
            diagnostic: diagnostic.at_line(&self.path, number, field_column(&values, index, delimiter)),
        };
        let faults = faults.into_iter().map(place).collect();
        for index in faulty.into_iter().filter(|index| *index != self.email) {
            // A zone and a language must be valid; in any other column, any word will do.
            let harmless = if Some(index) == self.zone { "UTC" } else { "x" };
            values[index] = if Some(index) == self.lang { String::new() } else { harmless.to_owned() };
        }
        let columns = Arc::clone(&self.columns);
        let stand_in = address.clone().or_else(|| Address::new("someone", "example.org").ok());
        let stand_in = stand_in.map(|address| Recipient { address, line, columns, values, delimiter });
        BadRow { line, faults, address, stand_in, ends: false }
    }
}

impl<R: Read> Iterator for Recipients<R> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        Some(match self.rows.next()? {
            Ok(row) => self.check(row),
            Err(row) => {
                let Unreadable { diagnostic, line, text, ends } = *row;
                let faults = vec![RowFault { column: String::new(), value: text, diagnostic }];
                Entry::Bad(BadRow { line, faults, address: None, stand_in: None, ends })
            }
        })
    }
}

/// Takes the name out of a cell such as `Name <local@domain>`, and appends it to the other values.
fn split_name(values: &mut Vec<String>, email: usize) {
    let (name, address) = address::named(&values[email]).unwrap_or_else(|| (String::new(), values[email].clone()));
    values[email] = address;
    values.push(name);
}

/// The column, in characters from 1, where a value begins in its line, if its row is written plainly.
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
        let table = Table::open(text, &path, Format::from_file(name, text), text).map_err(|fault| vec![fault])?;
        Recipients::open(table, &path, &names, Rules::default())
    }

    fn codes(text: &str) -> Vec<&'static str> {
        codes_of("r.csv", text.as_bytes())
    }

    fn codes_of(name: &str, bytes: &[u8]) -> Vec<&'static str> {
        match rows(name, bytes, &[]) {
            Err(faults) => faults.iter().map(|fault| fault.rule.code).collect(),
            Ok(rows) => faults(rows).map(|fault| fault.rule.code).collect(),
        }
    }

    fn faults<'t>(rows: Recipients<&'t [u8]>) -> impl Iterator<Item = Diagnostic> + 't {
        rows.filter_map(Entry::bad).flat_map(|row| row.faults).map(|fault| fault.diagnostic)
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
        let recipient = rows("r.jsonl", b"{\"email\": \"a@b.example\", \"n\": 12345678901234567890.50}", &[])
            .unwrap()
            .find_map(Entry::recipient)
            .unwrap();
        assert_eq!(recipient.fields().collect::<Vec<_>>(), [("email", "a@b.example"), ("n", "12345678901234567890.50")]);
    }

    #[test]
    fn columns_are_named_by_the_mailing() {
        let text = b"E-Mail;First name;Sprache\na@b.example;Sample;de\n";
        let recipient = rows("r.csv", text, &[("email", "e-mail"), ("name", "First name"), ("lang", "Sprache")]).unwrap();
        let recipient = recipient.map(Entry::recipient).next().unwrap().unwrap();
        assert_eq!((recipient.get("name"), recipient.get("lang")), (Some("Sample"), Some("de")));
        let faults = rows("r.csv", text, &[("email", "Mail")]).err().unwrap();
        assert_eq!(faults.iter().map(|fault| fault.rule.code).collect::<Vec<_>>(), ["missing-column"]);
    }

    #[test]
    fn what_no_message_shows_may_hold_anything() {
        let text = b"email,name,notes\na@b.example,x,\"two\nlines\"\nc@d.example,\"two\nlines\",\n";
        let mut rows = rows("r.csv", text, &[]).unwrap();
        rows.show_only(&BTreeSet::from(["name".to_owned()]));
        assert_eq!(rows.map(|row| row.recipient().is_some()).collect::<Vec<_>>(), [true, false]);
    }

    /// What each row is, by its line.
    fn kinds(text: &str, names: &[(&str, &str)]) -> (Vec<String>, Vec<(u64, u64)>) {
        let mut rows = rows("r.csv", text.as_bytes(), names).unwrap();
        let kinds = rows.by_ref().map(|row| match row {
            Entry::New(recipient) => format!("{} new", recipient.line),
            Entry::Again(recipient) => format!("{} again", recipient.line),
            Entry::Bad(row) => {
                format!("{} bad {}", row.line, row.faults.iter().map(|fault| fault.diagnostic.rule.code).collect::<String>())
            }
        });
        (kinds.collect(), rows.seen().differing.clone())
    }

    #[test]
    fn a_repeated_address_is_taken_once() {
        let (kinds, differing) = kinds("email,name\na@B.example,x\na@b.example,x\n\nA@b.example,x\n", &[]);
        assert_eq!((kinds, differing), (vec!["2 new".to_owned(), "3 again".to_owned(), "5 again".to_owned()], vec![]));
    }

    #[test]
    fn a_repeated_address_with_other_values_is_bad() {
        let of = |text: &str| kinds(text, &[]);
        let (kinds, differing) = of("email,name,zone\na@b.example,x,UTC\na@b.example,y,UTC\na@b.example,x,UTC\n");
        assert_eq!((kinds, differing), (["2 new", "3 bad ", "4 again"].map(str::to_owned).to_vec(), vec![(2, 3)]));
        // A row that is faulty anyway counts, too: otherwise its repetition would show only after it is fixed.
        let (kinds, differing) = of("email,zone\na@b.example,Mars/Phobos\na@b.example,UTC\nc@d.example,UTC\nc@d.example,Mars/Phobos\n");
        assert_eq!(kinds, ["2 bad bad-zone", "3 bad ", "4 new", "5 bad bad-zone"]);
        assert_eq!(differing, [(2, 3), (4, 5)]);
    }

    #[test]
    fn one_column_may_hold_names_and_addresses() {
        let text = "Contact,Name\nSample Person <a@b.example>,other\nc@d.example,other\n\"Person, Sample <e@f.example>\",\n";
        let names = [("email", "Contact"), ("name", "Contact")];
        let rows = rows("r.csv", text.as_bytes(), &names).unwrap();
        assert_eq!((rows.header("name"), rows.header("email")), ("Contact", "Contact"));
        let read: Vec<Recipient> = rows.filter_map(Entry::recipient).collect();
        let shown: Vec<_> = read.iter().map(|one| (one.address.to_string(), one.get("name"))).collect();
        let expected = [("a@b.example", Some("Sample Person")), ("c@d.example", None), ("e@f.example", Some("Person, Sample"))];
        assert_eq!(shown, expected.map(|(address, name)| (address.to_owned(), name)));
        assert_eq!(codes("Contact\nSample Person <a@b.example>\n"), ["missing-column"]);
    }

    #[test]
    fn what_is_wrong_in_a_cell_is_told_once() {
        assert_eq!(codes("email,name\na@b.example\u{200b},x\n"), ["invisible-character"]);
        assert_eq!(codes("email,name\nab\u{200b}.example,x\n"), ["invisible-character", "bad-address"]);
        assert_eq!(codes("email,zone,lang\nx,Mars/Phobos,k\n"), ["bad-zone", "bad-language", "bad-address"]);
        assert_eq!(codes("email,lang\na@b.example,d\u{200b}e\n"), ["invisible-character"]);
        let text = b"email,name,zone\nx@,\xFF,UTC\n";
        let row = rows("r.csv", text, &[]).unwrap().find_map(Entry::bad).unwrap();
        let faults: Vec<_> =
            row.faults.iter().map(|fault| (fault.column.as_str(), fault.value.as_str(), fault.diagnostic.rule.code)).collect();
        assert_eq!(faults, [("name", "\u{FFFD}", "bad-encoding"), ("email", "x@", "bad-address")]);
        assert_eq!(row.stand_in.unwrap().values, ["x@", "x", "UTC"]);
    }

    #[test]
    fn excel_names_the_delimiter() {
        for head in ["sep=;", "\"sep=;\"", "SEP=;", "\u{feff}sep=;"] {
            for end in ["\n", "\r\n", "\r"] {
                let text = [head, "email;a,b,c,d", "a@b.example;x", "bad;y", ""].join(end);
                let rows = rows("r.csv", text.as_bytes(), &[]).unwrap();
                assert_eq!(rows.columns(), ["email", "a,b,c,d"], "{head} {end:?}");
                let places: Vec<_> = faults(rows).map(|fault| fault.place).collect();
                assert_eq!(places, [crate::diagnostic::Place::Line(4, 1)], "{head} {end:?}");
            }
        }
        let faults = rows("r.csv", b"sep=;\nmail;x\n", &[]).err().unwrap();
        assert_eq!(faults[0].place, crate::diagnostic::Place::Line(2, 1));
    }

    #[test]
    fn places_name_the_line() {
        let lines = |text: &str| {
            let rows = rows("r.csv", text.as_bytes(), &[]).unwrap();
            faults(rows).map(|fault| fault.place).collect::<Vec<_>>()
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
        let fault = faults(rows).next().unwrap();
        assert_eq!(fault.place, crate::diagnostic::Place::Line(2, 15));
    }
}
