//! How messages are stored: names of files, an mbox, cells of a report.

use std::borrow::Cow;

use super::message::Message;

/// A name with number and address. An address is data: only its plain characters reach the path.
pub fn file_name(number: u64, to: &str) -> String {
    let plain: String =
        to.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-' | '+' | '_') { c } else { '_' }).take(120).collect();
    format!("{number:06}-{plain}.eml")
}

/// Whether a file in a folder of messages has a name that Runsheet gave it; mail programs add flags to names in a Maildir.
pub fn is_our_name(name: &str) -> bool {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let is_eml = digits >= 6 && name[digits..].starts_with('-') && name.ends_with(".eml");
    let maildir = name.split(':').next().unwrap_or("");
    is_eml || digits > 0 && maildir[digits.min(maildir.len())..].starts_with('.') && maildir.ends_with(".runsheet")
}

/// A name that is unique in a Maildir and the same in every run (cr.yp.to/proto/maildir.html: time, something unique, host).
pub fn maildir_name(number: u64, message: &Message) -> String {
    let id: String = message.message_id.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    format!("{}.{id}_{number}.runsheet", message.date.as_second())
}

/// LF instead of CRLF, as mail systems store files.
pub fn unix_lines(bytes: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes.len());
    let mut start = 0;
    for end in memchr::memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) == Some(&b'\n')) {
        lines.extend_from_slice(&bytes[start..end]);
        start = end + 1;
    }
    lines.extend_from_slice(&bytes[start..]);
    lines
}

/// A message with its separator line, and the empty line after it (RFC 4155).
/// Lines of `From ` are quoted by `>`, and quoted ones once more (mboxrd), so that every reader can undo it.
pub fn mbox_entry(message: &Message) -> Vec<u8> {
    let mut entry = format!("From {} {}\n", message.from, message.date.strftime("%a %b %e %H:%M:%S %Y")).into_bytes();
    entry.reserve(message.bytes.len() + 64);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', &message.bytes).map(|at| at + 1).chain([message.bytes.len()]) {
        let line = &message.bytes[start..end];
        start = end;
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        if line[quotes..].starts_with(b"From ") {
            entry.push(b'>');
        }
        let (words, end): (&[u8], &[u8]) = line.strip_suffix(b"\r\n").map_or((line, b""), |words| (words, b"\n"));
        entry.extend_from_slice(words);
        entry.extend_from_slice(end);
    }
    if !entry.ends_with(b"\n") {
        entry.push(b'\n');
    }
    entry.push(b'\n');
    entry
}

/// A cell that no spreadsheet takes for a formula: an apostrophe is put before anything that could begin one
/// (OWASP, CSV injection).
pub fn no_formula(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}']) {
        return Cow::Owned(format!("'{cell}"));
    }
    Cow::Borrowed(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &str) -> Message {
        Message {
            to: "a@b.example".to_owned(),
            subject: String::new(),
            message_id: "<12ab@b.example>".to_owned(),
            from: "s@b.example".to_owned(),
            date: "2027-02-11T02:00:00Z".parse().unwrap(),
            calendar: None,
            bytes: bytes.as_bytes().to_vec(),
        }
    }

    #[test]
    fn addresses_cannot_leave_the_folder() {
        assert_eq!(file_name(1, "a@b.example"), "000001-a@b.example.eml");
        assert_eq!(file_name(2, "../../x@b.example"), "000002-.._.._x@b.example.eml");
        assert_eq!(maildir_name(3, &message("")), "1802311200.12abbexample_3.runsheet");
        for ours in ["000001-a@b.example.eml", "1234567-a@b.example.eml", "1802311200.12ab_3.runsheet", "1802311200.12ab_3.runsheet:2,S"] {
            assert!(is_our_name(ours), "{ours}");
        }
        for other in ["mine.eml", "notes.txt", "1-a.eml", "1802311200.M1P2.host", ""] {
            assert!(!is_our_name(other), "{other}");
        }
    }

    #[test]
    fn mbox_quotes_from() {
        let entry = mbox_entry(&message("A: b\r\n\r\nFrom here\r\n>From there\r\nnot From\r\n>>From\r\nx"));
        let expected = "From s@b.example Thu Feb 11 02:00:00 2027\nA: b\n\n>From here\n>>From there\nnot From\n>>From\nx\n\n";
        assert_eq!(String::from_utf8(entry).unwrap(), expected);
        assert_eq!(unix_lines(b"a\r\nb\rc\n"), b"a\nb\rc\n");
    }

    #[test]
    fn cells_are_no_formulas() {
        for cell in ["=HYPERLINK(1)", "+1", "-1", "@SUM", "\tx"] {
            assert!(no_formula(cell).starts_with('\''), "{cell}");
        }
        assert_eq!(no_formula("a=b"), "a=b");
    }
}
