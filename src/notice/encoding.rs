//! Faults in the bytes of a table, given the encoding that its mailing names.

use std::io::{self, BufRead, BufReader, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::UTF_8;

use super::table::MOST_ROW;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::RelPath;
use crate::text::encoding::{Encoding, looks_like_utf16};
use crate::text::{counted, visible};

fn misfit(path: &RelPath, line: usize, message: String, help: String) -> Diagnostic {
    Diagnostic::new(rule::BAD_ENCODING, message).at_line(path, line, 1).help(help)
}

/// Reports first bytes that contradict the encoding with which a table is read.
pub fn beginning_fault(beginning: &[u8], encoding: Encoding, path: &RelPath) -> Option<Diagnostic> {
    let read_as = encoding.name();
    if let Some((marked, _)) = encoding_rs::Encoding::for_bom(beginning) {
        let is_right = marked == encoding.known || encoding.any_order && marked != UTF_8;
        let name = if marked == UTF_8 { "utf-8" } else { "utf-16" };
        let message = format!("the table is {name} by its byte order mark, but is read as {read_as}");
        let help = match name {
            "utf-8" => "remove `encoding` from the mailing".to_owned(),
            _ => "set `encoding = \"utf-16\"` in the mailing, or save the table as UTF-8".to_owned(),
        };
        return (!is_right).then(|| misfit(path, 1, message, help));
    }
    if encoding.is_utf16() {
        let message = format!("the table is not {read_as}: it has no byte order mark and no zero byte");
        let help = "remove `encoding` from the mailing, or set it to the encoding of the table".to_owned();
        return (!beginning.is_empty() && !beginning.contains(&0)).then(|| misfit(path, 1, message, help));
    }
    looks_like_utf16(beginning).map(|_| {
        let message = format!("the table looks like utf-16, but is read as {read_as}");
        misfit(path, 1, message, "set `encoding = \"utf-16\"` in the mailing, or save the table as UTF-8".to_owned())
    })
}

/// Reads a whole table to find out whether it is in another encoding. If so, one fault says so and names the likely encoding.
///
/// If only a few rows of a UTF-8 table are something else, these are faults of the rows: then this returns `None`.
pub fn table_fault(reader: impl Read, beginning: &[u8], encoding: Encoding, path: &RelPath) -> io::Result<Option<Diagnostic>> {
    if let Some(fault) = beginning_fault(beginning, encoding, path) {
        return Ok(Some(fault));
    }
    if encoding.is_utf16() {
        return Ok(None);
    }
    let mut look = Look::default();
    each_line(reader, |number, line| look.add(number, line))?;
    if !encoding.is_utf8() {
        let first = look.first_right.filter(|_| look.wrong == 0);
        let lines = counted(look.right, "line shows", "lines show");
        let message = format!("the table is utf-8, as {lines}, but is read as {}", encoding.name());
        return Ok(first.map(|line| misfit(path, line, message, "remove `encoding` from the mailing".to_owned())));
    }
    Ok(look.fault(path))
}

/// Calls a function for every line, without its end.
fn each_line(reader: impl Read, mut take: impl FnMut(usize, &[u8])) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(128 << 10, reader);
    let (mut carried, mut number, mut after_cr) = (Vec::new(), 1, false);
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            take(number, &carried);
            return Ok(());
        }
        let mut rest = buffer;
        if after_cr && rest[0] == b'\n' {
            rest = &rest[1..];
        }
        after_cr = buffer.last() == Some(&b'\r');
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            if carried.is_empty() {
                take(number, &rest[..end]);
            } else {
                carried.extend_from_slice(&rest[..end]);
                take(number, &carried);
                carried.clear();
            }
            number += 1;
            let is_pair = rest[end] == b'\r' && rest.get(end + 1) == Some(&b'\n');
            rest = &rest[end + 1 + usize::from(is_pair)..];
        }
        // A line that never ends is a fault of its row.
        carried.extend_from_slice(&rest[..rest.len().min(MOST_ROW.saturating_sub(carried.len()))]);
        let length = buffer.len();
        reader.consume(length);
    }
}

/// Statistics about the non-ASCII bytes of a table.
#[derive(Default)]
struct Look {
    /// Lines with non-ASCII letters that are UTF-8, and lines that are not.
    right: u64,
    wrong: u64,
    first_right: Option<usize>,
    /// The first line that is not UTF-8, and the place of the wrong byte.
    first_wrong: Option<(usize, Vec<u8>, usize)>,
    detector: Option<EncodingDetector>,
    /// Single bytes among ASCII letters: those that are letters in Mac OS Roman, and those that are letters in Windows-1252.
    macintosh: u64,
    windows: u64,
}

impl Look {
    fn add(&mut self, number: usize, line: &[u8]) {
        if line.is_ascii() {
            return;
        }
        let Err(error) = std::str::from_utf8(line) else {
            self.right += 1;
            self.first_right.get_or_insert(number);
            return;
        };
        self.wrong += 1;
        self.first_wrong.get_or_insert_with(|| (number, line.to_vec(), error.valid_up_to()));
        let detector = self.detector.get_or_insert_with(|| EncodingDetector::new(Iso2022JpDetection::Deny));
        detector.feed(line, false);
        detector.feed(b"\n", false);
        for at in (0..line.len()).filter(|at| !line[*at].is_ascii()) {
            let is_high = |at: Option<usize>| at.and_then(|at| line.get(at)).is_some_and(|byte| !byte.is_ascii());
            let is_letter = |at: Option<usize>| at.and_then(|at| line.get(at)).is_some_and(u8::is_ascii_alphabetic);
            let (before, behind) = (at.checked_sub(1), Some(at + 1));
            if !is_high(before) && !is_high(behind) && (is_letter(before) || is_letter(behind)) {
                self.macintosh += u64::from(line[at] < 0xA0);
                self.windows += u64::from(line[at] >= 0xC0);
            }
        }
    }

    fn fault(mut self, path: &RelPath) -> Option<Diagnostic> {
        let (number, line, at) = self.first_wrong.take().filter(|_| self.wrong > self.right)?;
        let looks_like = self.guess();
        let others = if self.wrong > 1 { format!(" and {}", counted(self.wrong - 1, "other", "others")) } else { String::new() };
        let name = looks_like.name().to_ascii_lowercase();
        let shown = around(&line, at, looks_like);
        let message = format!("the table is not UTF-8: line {number}{others}; it looks like {name}, where this line reads `{shown}`");
        let help = format!("if `{shown}` is right, set `encoding = \"{name}\"` in the mailing; otherwise export the table again as UTF-8");
        Some(misfit(path, number, message, help))
    }

    fn guess(&self) -> &'static encoding_rs::Encoding {
        let guess = self.detector.as_ref().map_or(encoding_rs::WINDOWS_1252, |detector| detector.guess(None, Utf8Detection::Deny));
        if guess.is_single_byte() && self.macintosh > self.windows { encoding_rs::MACINTOSH } else { guess }
    }
}

/// The value around a byte of a line, read in an encoding.
fn around(line: &[u8], at: usize, encoding: &'static encoding_rs::Encoding) -> String {
    let is_end = |byte: &u8| matches!(byte, b',' | b';' | b'\t' | b'"');
    let begin = line[..at].iter().rposition(is_end).map_or(0, |at| at + 1).max(at.saturating_sub(30));
    let end = line[at..].iter().position(is_end).map_or(line.len(), |length| at + length).min(at + 60);
    let text = encoding.decode_without_bom_handling(&line[begin..end]).0;
    visible(&text.chars().take(60).collect::<String>()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8], name: &str) -> Option<Diagnostic> {
        let encoding = Encoding::parse(name).unwrap();
        table_fault(bytes, &bytes[..bytes.len().min(4096)], encoding, &RelPath::new("r.csv").unwrap()).unwrap()
    }

    fn encoded(text: &str, name: &str) -> Vec<u8> {
        match name {
            "utf-16" => [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
            "utf-16be" => [0xFE, 0xFF].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
            name => encoding_rs::Encoding::for_label(name.as_bytes()).unwrap().encode(text).0.into_owned(),
        }
    }

    const GERMAN: &str = "email,name\na@b.example,Jörg Müller\nc@d.example,Käthe Weiß\n";
    const RUSSIAN: &str = "email,name\na@b.example,Образец Иванович\nc@d.example,Проба Петровна\n";
    const JAPANESE: &str = "email,name\na@b.example,見本の人\nc@d.example,東京の見本\n";

    #[test]
    fn what_a_table_looks_like_is_told() {
        for (text, name) in [
            (GERMAN, "windows-1252"),
            (GERMAN, "macintosh"),
            (RUSSIAN, "windows-1251"),
            (JAPANESE, "shift_jis"),
            ("email,name\na@b.example,K\u{fc}hl\n", "windows-1252"),
        ] {
            let fault = fault(&encoded(text, name), "utf-8").unwrap();
            assert!(fault.message.contains(&format!("it looks like {name}, ")), "{name}: {}", fault.message);
            assert!(fault.help.unwrap().contains(&format!("`encoding = \"{name}\"`")), "{name}");
        }
        let fault = fault(&encoded(GERMAN, "windows-1252"), "utf-8").unwrap();
        assert!(fault.message.contains("UTF-8: line 2 and 1 other;") && fault.message.ends_with("`Jörg Müller`"), "{}", fault.message);
    }

    #[test]
    fn a_few_wrong_rows_are_faults_of_rows() {
        let mut bytes = GERMAN.as_bytes().to_vec();
        assert_eq!(fault(&bytes, "utf-8"), None);
        bytes.extend_from_slice(b"e@f.example,K\xFChl\n");
        assert_eq!(fault(&bytes, "utf-8"), None);
        assert!(fault(b"email\na@b.example\n", "utf-8").is_none());
    }

    #[test]
    fn what_is_declared_has_to_fit() {
        let of = |bytes: &[u8], name: &str| fault(bytes, name).map(|fault| fault.message).unwrap_or_default();
        for name in ["utf-16", "utf-16be", "windows-1252"] {
            assert_eq!(of(&encoded(GERMAN, name), name), "", "{name}");
        }
        assert_eq!(of(&encoded(GERMAN, "utf-16be"), "utf-16"), "");
        assert!(of(&encoded(GERMAN, "utf-16"), "utf-8").contains("is utf-16 by its byte order mark"));
        assert!(of(&encoded(GERMAN, "utf-16"), "utf-16be").contains("but is read as utf-16be"));
        assert!(of(&encoded(GERMAN, "utf-16")[2..], "utf-8").contains("looks like utf-16"));
        assert_eq!(of(&encoded(GERMAN, "utf-16")[2..], "utf-16"), "");
        assert!(of(GERMAN.as_bytes(), "utf-16").contains("is not utf-16"));
        assert!(of(GERMAN.as_bytes(), "windows-1252").contains("is utf-8, as 2 lines show, but is read as windows-1252"));
        assert!(of(format!("\u{feff}{GERMAN}").as_bytes(), "windows-1252").contains("byte order mark"));
        assert_eq!(of(b"", "utf-16"), "");
    }

    #[test]
    fn names_are_taken_or_refused() {
        assert_eq!(Encoding::parse("ISO-8859-1").unwrap().name(), "windows-1252");
        assert_eq!(Encoding::parse("utf-16").unwrap().name(), "utf-16");
        let (message, help) = Encoding::parse("windows-125").unwrap_err();
        assert!(message.contains("unknown encoding `windows-125`") && help.unwrap().contains("windows-125"));
        assert!(Encoding::parse("replacement").is_err() && Encoding::parse("").is_err());
    }

    #[test]
    fn tables_are_decoded_in_any_pieces() {
        struct Drip<'b>(&'b [u8], usize);
        impl Read for Drip<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let length = self.1.min(self.0.len()).min(out.len());
                out[..length].copy_from_slice(&self.0[..length]);
                self.0 = &self.0[length..];
                Ok(length)
            }
        }
        for (text, name) in [(GERMAN, "utf-16"), (GERMAN, "macintosh"), (RUSSIAN, "utf-16be"), (JAPANESE, "shift_jis"), (GERMAN, "utf-8")] {
            let bytes = encoded(text, name);
            for size in [1, 2, 3, 1000] {
                let mut read = String::new();
                let encoding = Encoding::parse(if name == "utf-16be" { "utf-16" } else { name }).unwrap();
                encoding.decode(Drip(&bytes, size), &bytes).read_to_string(&mut read).unwrap();
                assert_eq!(read, text, "{name} {size}");
            }
        }
    }

    #[test]
    fn lines_are_counted_whatever_their_ends() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["email", "", "x", "K\u{fc}hl"].join(end);
            let bytes = encoded(&text, "windows-1252");
            assert!(fault(&bytes, "utf-8").unwrap().message.contains("UTF-8: line 4;"), "{end:?}");
        }
    }
}
