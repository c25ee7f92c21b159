//! The suppression list: addresses that unsubscribed, or that mail does not reach.

use std::collections::BTreeSet;
use std::io::{BufRead, Read};

use lettre::Address;

use super::encoding;
use super::lines::PlainLines;
use crate::diagnostic::Diagnostic;
use crate::mail::address::{self, Rules};
use crate::rule;
use crate::source::RelPath;
use crate::text::encoding::Encoding;

/// Addresses that get no mailing.
#[derive(Clone, Debug, Default)]
pub struct Suppression {
    addresses: BTreeSet<u128>,
}

/// The longest line that is read.
const MOST_LINE: u64 = 64 << 10;

impl Suppression {
    /// Reads a list with one address at the beginning of each line, so a CSV whose first column is `email` works, too. Line ends are
    /// those of a table. Empty lines, lines that begin with `#` and a first line such as `sep=;` are skipped. Text after the address
    /// may be in any encoding. Returns all faults.
    pub fn read(reader: impl Read, beginning: &[u8], path: &RelPath) -> Result<Suppression, Vec<Diagnostic>> {
        if let Some(fault) = encoding::beginning_fault(beginning, Encoding::default(), path) {
            return Err(vec![fault.help("save the list as UTF-8")]);
        }
        let mut reader = std::io::BufReader::new(PlainLines::new(reader, b','));
        let mut suppression = Suppression::default();
        let mut faults = Vec::new();
        let mut header = 1;
        for number in 1.. {
            let mut bytes = Vec::new();
            let read = reader.by_ref().take(MOST_LINE).read_until(b'\n', &mut bytes);
            let fault = |rule, message: String| Diagnostic::new(rule, message).at_line(path, number, 1);
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    faults.push(fault(rule::BAD_ROW, error.to_string()));
                    break;
                }
            }
            let line = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
            let first = line.split(|byte| matches!(byte, b',' | b';' | b'\t')).next().unwrap_or(line);
            if first.trim_ascii_start().starts_with(b"#") {
                continue;
            }
            let Ok(first) = std::str::from_utf8(first) else {
                faults.push(fault(rule::BAD_ENCODING, "the address is not UTF-8".to_owned()).help("save the list as UTF-8"));
                continue;
            };
            let first = first.trim().trim_matches('"').trim();
            if number == 1 && first.to_ascii_lowercase().starts_with("sep=") {
                header = 2;
                continue;
            }
            if is_empty(&String::from_utf8_lossy(line)) || first.starts_with('#') || (number == header && is_header(first)) {
                continue;
            }
            if first.is_empty() {
                faults.push(
                    fault(rule::BAD_ADDRESS, "the line does not start with an address".to_owned())
                        .help("put the address at the start of the line"),
                );
                continue;
            }
            if first.contains('*') {
                let message = format!("`{}` is not an address: wildcards are not supported", crate::text::visible(first));
                faults.push(fault(rule::BAD_ADDRESS, message).help("write each address on its own line"));
                continue;
            }
            match address::parse_with(first, Rules { unicode: true }) {
                Ok(address) => {
                    suppression.addresses.insert(address::hash(&address));
                }
                Err(wrong) => faults.push(fault(rule::BAD_ADDRESS, wrong.message).help("write one address per line, at its start")),
            }
        }
        if faults.is_empty() { Ok(suppression) } else { Err(faults) }
    }

    pub fn holds(&self, address: &Address) -> bool {
        self.addresses.contains(&address::hash(address))
    }
}

fn is_empty(line: &str) -> bool {
    line.chars().all(|c| c.is_whitespace() || matches!(c, ',' | ';' | '"'))
}

/// `email`, `E-Mail`, `Mail address`.
fn is_header(first: &str) -> bool {
    !first.contains('@') && first.to_lowercase().contains("mail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let path = RelPath::new("left.txt").unwrap();
        let text = "email,since\n# bounced\nA@b.example,2027\n\n\"c@d.example\"\nmuster@kühlhaus.example\n";
        let suppression = Suppression::read(text.as_bytes(), text.as_bytes(), &path).unwrap();
        for address in ["a@B.example", "c@d.example", "muster@xn--khlhaus-n2a.example"] {
            assert!(suppression.holds(&address::parse(address).unwrap()), "{address}");
        }
        assert!(!suppression.holds(&address::parse("x@b.example").unwrap()));
        for text in ["E-Mail,reason\ra@b.example,left\rc@d.example,left\r", "a@b.example\r\n\r\n;;\r\nc@d.example"] {
            let suppression = Suppression::read(text.as_bytes(), text.as_bytes(), &path).unwrap();
            assert!(["a@b.example", "c@d.example"].iter().all(|one| suppression.holds(&address::parse(one).unwrap())), "{text:?}");
        }
        for text in ["a@b.example\n,c@d.example\n", "a@b.example\r\n\"\";c@d.example\r\n"] {
            let faults = Suppression::read(text.as_bytes(), text.as_bytes(), &path).unwrap_err();
            assert_eq!((faults.len(), &faults[0].place), (1, &crate::diagnostic::Place::Line(2, 1)), "{text:?}");
        }
        let faults = Suppression::read("a@b.example\nnobody\n".as_bytes(), b"", &path).unwrap_err();
        assert_eq!(faults[0].place, crate::diagnostic::Place::Line(2, 1));
    }

    #[test]
    fn lists_come_from_spreadsheets() {
        let path = RelPath::new("left.csv").unwrap();
        for list in [
            &b"sep=;\r\nE-Mail;Grund\r\n# \xFC\r\na@b.example;gek\xFCndigt\r\n"[..],
            b"\xEF\xBB\xBFE-Mail,Grund\na@b.example \xC2\xA0,gek\xC3\xBCndigt\n",
        ] {
            let suppression = Suppression::read(list, list, &path).unwrap();
            assert!(suppression.holds(&address::parse("a@b.example").unwrap()), "{list:?}");
        }
        let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain("a@b.example\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let faults = Suppression::read(&*wide, &wide, &path).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.rule.code).collect::<Vec<_>>(), ["bad-encoding"]);
    }
}
