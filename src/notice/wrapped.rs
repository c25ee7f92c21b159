//! The text part of a message, in lines that every reader can show and quote.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

/// Widest line, in columns (RFC 5322 recommends 78 with room for quoting).
pub(super) const WIDTH: usize = 76;

/// Marks a line that is kept as it is (private use; removed when the text is laid out).
pub(super) const CODE_LINE: &str = "\u{F8FE}";

/// Lays out a rendered text: lines of at most 76 columns where words allow it, single empty lines.
pub fn lay_out(text: &str) -> String {
    let mut laid_out = String::with_capacity(text.len() + text.len() / 40);
    let mut empty = true;
    for line in text.lines() {
        if let Some(code) = line.strip_prefix(CODE_LINE) {
            laid_out.push_str(code.trim_end());
            laid_out.push('\n');
            empty = false;
            continue;
        }
        let line = without_echo(line.trim_end());
        if line.is_empty() {
            if !empty {
                laid_out.push('\n');
            }
            empty = true;
            continue;
        }
        empty = false;
        wrap(&line, &mut laid_out);
    }
    laid_out.truncate(laid_out.trim_end().len());
    laid_out.push('\n');
    laid_out
}

/// `a@b <mailto:a@b>` and `https://x <https://x>`, which variables may produce, say the same thing twice.
fn without_echo(line: &str) -> Cow<'_, str> {
    if memchr::memchr(b'<', line.as_bytes()).is_none() {
        return Cow::Borrowed(line);
    }
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find(" <") {
        let Some(close) = rest[open..].find('>').map(|close| open + close) else { break };
        let url = &rest[open + 2..close];
        let address = url.strip_prefix("mailto:").unwrap_or(url);
        kept.push_str(&rest[..open]);
        if !kept.ends_with(address) || address.is_empty() {
            kept.push_str(&format!(" <{address}>"));
        }
        rest = &rest[close + 1..];
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

fn wrap(line: &str, laid_out: &mut String) {
    // No character is wider than its number of bytes, and plain ones are equally wide.
    if line.len() <= WIDTH || !line.is_ascii() && line.width() <= WIDTH {
        laid_out.push_str(line);
        laid_out.push('\n');
        return;
    }
    let (start, hanging) = beginning(line);
    laid_out.push_str(start);
    let mut column = start.width();
    let mut first = true;
    let words = &line[start.len()..];
    let mut begin = 0;
    for end in memchr::memchr_iter(b' ', words.as_bytes()).chain([words.len()]) {
        let word = &words[begin..end];
        begin = end + 1;
        let width = if word.is_ascii() { word.len() } else { word.width() };
        if !first && column + 1 + width > WIDTH {
            laid_out.push('\n');
            laid_out.push_str(&hanging);
            column = hanging.width();
        } else if !first {
            laid_out.push(' ');
            column += 1;
        }
        laid_out.push_str(word);
        column += width;
        first = false;
    }
    laid_out.push('\n');
}

/// The indent, quote marks and bullet of a line, and the prefix of its further lines.
fn beginning(line: &str) -> (&str, String) {
    let quote = line.len() - line.trim_start_matches([' ', '>']).len();
    let rest = &line[quote..];
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let bullet = if rest.starts_with("- ") {
        2
    } else if (1..=3).contains(&digits) && rest[digits..].starts_with(". ") {
        digits + 2
    } else {
        0
    };
    (&line[..quote + bullet], format!("{}{}", &line[..quote], " ".repeat(bullet)))
}
