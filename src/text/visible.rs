//! Makes invisible characters visible.

/// The text with control characters made visible, so that a file cannot write to a terminal.
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\n' => vec!['\n'],
            c if acts_on_screen(c) => format!("⟦U+{:04X}⟧", u32::from(c)).chars().collect(),
            c => vec![c],
        })
        .collect()
}

/// Characters that control a screen or reorder text.
pub fn acts_on_screen(c: char) -> bool {
    c.is_control() || is_bidi_control(c)
}

/// Characters that reorder text (Unicode TR 9).
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b"), "a⟦U+001B⟧[31m⟦U+202E⟧b");
    }
}
