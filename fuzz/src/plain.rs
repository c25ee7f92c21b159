//! What must hold for every text that people or their programs read.

/// No control characters but those of lines, and nothing that turns the order of text around.
pub fn assert_plain(text: &str, what: &str) {
    let odd = text.chars().find(|c| runsheet::text::acts_on_screen(*c) && !matches!(c, '\n' | '\r' | '\t'));
    assert!(odd.is_none(), "{odd:?} in {what}: {text:?}");
}
