//! Content that a value of a recipient table must not have.

use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::text::is_bidi_control;

/// The longest value.
const MOST_FIELD: usize = 64 << 10;

/// Reports a byte of a value that is not UTF-8.
pub fn byte_fault(column: &str, byte: Option<usize>) -> Option<Diagnostic> {
    let message = format!("column `{column}` is not UTF-8 at byte {}", byte?);
    Some(Diagnostic::new(rule::BAD_ENCODING, message).help("retype the character, or export the table again as UTF-8"))
}

/// Reports content that no value may have, in any column.
pub fn value_fault(column: &str, value: &str) -> Option<Diagnostic> {
    if value.len() > MOST_FIELD {
        return Some(Diagnostic::new(rule::TOO_LARGE, format!("column `{column}` contains more than 64 KiB")));
    }
    if let Some(c) = value.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        let message = format!("column `{column}` contains the control character U+{:04X}", u32::from(c));
        return Some(Diagnostic::new(rule::CONTROL_CHARACTER, message).help("use a single line of text"));
    }
    if let Some(c) = value.chars().find(|c| is_bidi_control(*c) || is_blank(*c, value)) {
        let message = format!("column `{column}` contains the invisible character U+{:04X}", u32::from(c));
        return Some(Diagnostic::new(rule::INVISIBLE_CHARACTER, message).help("remove it: it can make a text look like a different one"));
    }
    if value.contains('\u{FFFD}') {
        let message = format!("column `{column}` contains U+FFFD, which replaces a lost character");
        return Some(Diagnostic::new(rule::BAD_ENCODING, message).help("export the table again as UTF-8"));
    }
    if value.contains("=?") && value.contains("?=") {
        let message = format!("column `{column}` contains an encoded word");
        return Some(Diagnostic::new(rule::ENCODED_WORD, message).help("replace it with the text that it encodes"));
    }
    if value.contains(crate::text::private_use::is_private_use) {
        let message = format!("column `{column}` contains a private-use character");
        return Some(Diagnostic::new(rule::CONTROL_CHARACTER, message).help("remove it: fonts do not show it"));
    }
    None
}

/// Characters that show nothing and join nothing: zero-width spaces, and filler letters. The tags (U+E0020 to
/// U+E007F) may only follow a flag, where they stand for a part of a country.
fn is_blank(c: char, value: &str) -> bool {
    let is_filler = matches!(c, '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{2800}');
    is_filler
        || matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}' | '\u{34F}')
        || matches!(c, '\u{E0000}'..='\u{E007F}') && !value.contains('\u{1F3F4}')
}

/// A value in visible form: invisible characters are shown by number.
pub fn shown(value: &str) -> String {
    let is_seen = |c: char| c == ' ' || !(c.is_whitespace() || is_unseen(c, value));
    value.chars().map(|c| if is_seen(c) { c.to_string() } else { format!("⟦U+{:04X}⟧", u32::from(c)) }).collect()
}

/// Invisible characters, which are shown by number.
pub fn is_unseen(c: char, value: &str) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FFFD}') || is_bidi_control(c) || is_blank(c, value)
}
