//! Private-use characters: marks of our own, meaningless to readers.

use std::borrow::Cow;

/// Private-use characters, which mean nothing to readers and serve as marks here.
pub fn is_private_use(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

/// Such characters begin with a byte from 0xEE on, and few texts contain one.
pub fn may_hold_private_use(text: &str) -> bool {
    // In blocks without an early exit, which is as fast as memory.
    text.as_bytes().chunks(256).any(|block| block.iter().fold(false, |found, byte| found | (*byte >= 0xEE)))
}

/// The text without private-use characters.
pub fn without_private_use(text: &str) -> Cow<'_, str> {
    if !may_hold_private_use(text) || !text.contains(is_private_use) {
        return Cow::Borrowed(text);
    }
    // The replacement has the same number of bytes, so that places stay right.
    let replaced = text.chars().map(|c| match c {
        c if is_private_use(c) && c.len_utf8() == 4 => "\u{FFFD}.".to_owned(),
        c if is_private_use(c) => "\u{FFFD}".to_owned(),
        c => c.to_string(),
    });
    Cow::Owned(replaced.collect())
}
