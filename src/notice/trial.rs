//! Marks test messages, so that nobody mistakes one for the notice itself.

use super::engine::Rendered;
use crate::text::html::escape;

/// Marks the subject, text and HTML rendered for a recipient, for sending to a tester.
pub fn mark(rendered: &mut Rendered, mailing: &str, recipient: &str) {
    let lines =
        [format!("TEST of the mailing {mailing}: this message was sent to testers only."), format!("It shows what {recipient} gets.")];
    rendered.subject = format!("[TEST] {}", rendered.subject);
    let rule = "=".repeat(72);
    rendered.text = format!("{rule}\n{}\n{}\n{rule}\n\n{}", lines[0], lines[1], rendered.text);
    let mut words = [String::new(), String::new()];
    for (line, escaped) in lines.iter().zip(&mut words) {
        escape(line, escaped);
    }
    // The mark has its own colours, which are readable in dark mode, too.
    let banner = format!(
        "<div style=\"margin: 0; padding: 12px 16px; background-color: #ffd84d; color: #1c2126; font: 700 15px/1.5 system-ui, sans-serif; text-align: center;\">{}<br>{}</div>",
        words[0], words[1]
    );
    let at = behind_body(&rendered.html);
    rendered.html.insert_str(at, &banner);
}

/// Where the body of a page begins; at its very beginning if there is no body tag.
fn behind_body(html: &str) -> usize {
    let lower = html.to_ascii_lowercase();
    let is_tag = |at: &usize| lower[at + "<body".len()..].starts_with(|c: char| c == '>' || c.is_ascii_whitespace());
    let Some(start) = lower.match_indices("<body").map(|(at, _)| at).find(is_tag) else { return 0 };
    // A `>` in an attribute value does not end a tag.
    let mut quote = None;
    for (at, c) in html[start..].char_indices() {
        match (quote, c) {
            (None, '>') => return start + at + 1,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_marked_everywhere() {
        let html = "<html><BODY style=\"x: '>'\">\n<p>Hello</p></BODY></html>".to_owned();
        let mut rendered = Rendered { subject: "Update".to_owned(), text: "Hello\n".to_owned(), html, is_empty: false };
        mark(&mut rendered, "advance", "o'neil&co@b.example");
        assert_eq!(rendered.subject, "[TEST] Update");
        assert!(rendered.text.starts_with("====") && rendered.text.ends_with("\n\nHello\n"), "{}", rendered.text);
        assert!(rendered.text.contains("It shows what o'neil&co@b.example gets.\n"), "{}", rendered.text);
        assert!(rendered.html.starts_with("<html><BODY style=\"x: '>'\"><div style="), "{}", rendered.html);
        assert!(
            rendered.html.contains("o&#39;neil&amp;co@b.example") || rendered.html.contains("o'neil&amp;co@b.example"),
            "{}",
            rendered.html
        );
        assert!(rendered.text.lines().all(|line| line.len() <= 76));
        for odd in ["", "<bodyguard>", "<body", "ß<body>"] {
            assert!(behind_body(odd) == 0 || odd == "ß<body>", "{odd}");
        }
    }
}
