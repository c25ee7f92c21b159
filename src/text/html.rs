//! Text as HTML: characters with a meaning there are escaped.

/// Escapes text for HTML, in elements and in double-quoted attributes.
pub fn escape(text: &str, html: &mut String) {
    escape_but(text, "", html);
}

/// The text escaped for HTML, in elements and in double-quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    escape(text, &mut html);
    html
}

/// Escapes text of an element, where quotes have no meaning.
pub fn escape_element(text: &str, html: &mut String) {
    escape_but(text, "\"", html);
}

/// First bytes of everything that may have to be escaped.
const MARKED: [bool; 256] = {
    let mut marked = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        // Direction control characters begin with 0xD8 or 0xE2, non-ASCII control characters with 0xC2.
        marked[byte] = matches!(byte as u8, b'&' | b'<' | b'>' | b'"' | 0..=8 | 0xB | 0xC | 0xE..=0x1F | 0x7F | 0xC2 | 0xD8 | 0xE2);
        byte += 1;
    }
    marked
};

fn escape_but(text: &str, kept: &str, html: &mut String) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !MARKED[usize::from(byte)] {
            continue;
        }
        let Some(c) = text[at..].chars().next() else { continue };
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' if kept.is_empty() => "&quot;",
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => "\u{FFFD}",
            c if crate::text::is_bidi_control(c) => &format!("⟦U+{:04X}⟧", u32::from(c)),
            _ => continue,
        };
        html.push_str(&text[from..at]);
        html.push_str(escaped);
        from = at + c.len_utf8();
    }
    html.push_str(&text[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_is_escaped() {
        let check = |text: &str, all: &str, element: &str| {
            let (mut first, mut second) = (String::new(), String::new());
            escape(text, &mut first);
            escape_element(text, &mut second);
            assert_eq!((first.as_str(), second.as_str()), (all, element), "{text:?}");
        };
        check("", "", "");
        check("a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;", "a&lt;b&gt;&amp;\"c\"");
        check("ü€\u{0}\u{202E}x\u{061C}", "ü€\u{FFFD}⟦U+202E⟧x⟦U+061C⟧", "ü€\u{FFFD}⟦U+202E⟧x⟦U+061C⟧");
        check("a\u{7f}b\u{9b}c\u{a0}«§", "a\u{FFFD}b\u{FFFD}c\u{a0}«§", "a\u{FFFD}b\u{FFFD}c\u{a0}«§");
        check("“q” …", "“q” …", "“q” …");
    }
}
