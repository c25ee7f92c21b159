//! Values and content lines of iCalendar (RFC 5545 §3.1, §3.3).

use std::fmt::Write;

use jiff::Timestamp;

use super::is_bidi_control;

/// An instant as DATE-TIME in UTC, to the second.
pub fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A text on one line, escaped.
pub fn one_line(value: &str) -> String {
    text(&value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A TEXT value: escaped, and without characters that would end its line or are not allowed in it.
pub fn text(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let value = value.replace("\r\n", "\n");
    for c in value.chars() {
        match c {
            '\\' | ',' | ';' => escaped.extend(['\\', c]),
            // Some readers also treat these as the end of a line.
            '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => escaped.push_str("\\n"),
            '\t' => escaped.push(' '),
            c if is_forbidden(c) => {}
            c => escaped.push(c),
        }
    }
    escaped
}

pub fn is_forbidden(c: char) -> bool {
    c.is_control() || is_bidi_control(c)
}

/// A content line, folded to 75 octets: each further line begins with a space, and no letter is split.
pub fn line(file: &mut String, name: &str, value: &str) {
    let mut octets = name.len() + 1;
    let _ = write!(file, "{name}:");
    for c in value.chars() {
        if octets + c.len_utf8() > 75 {
            file.push_str("\r\n ");
            octets = 1;
        }
        file.push(c);
        octets += c.len_utf8();
    }
    file.push_str("\r\n");
}
