//! What the search shows of a page: a small file for each page.

use super::passage::Passage;

/// The most bytes of a page's text that are available for excerpts.
const MOST_TEXT: usize = 20_000;

/// A file of the index: a script that passes its content to the page, so that it also loads from disk.
pub fn script(name: &str, write: impl FnOnce(&mut String)) -> String {
    let mut file = String::with_capacity(8192);
    file.push_str("runsheetSearch(\"");
    file.push_str(name);
    file.push_str("\",");
    write(&mut file);
    file.push_str(")\n");
    file
}

/// A page: its title, its address, the titles above it, its passages.
pub fn fragment(name: &str, title: &str, route: &str, above: &[String], passages: &[Passage]) -> String {
    script(name, |json| {
        json.push('[');
        string(title, json);
        json.push(',');
        string(route, json);
        json.push(',');
        string(&above.join(" / "), json);
        let mut left = MOST_TEXT;
        for passage in passages {
            let text = passage.text.trim_end();
            let text = &text[..text.floor_char_boundary(left)];
            left -= text.len();
            for part in [&passage.anchor, passage.heading.trim_end(), text] {
                json.push(',');
                string(part, json);
            }
        }
        json.push(']');
    })
}

/// A text as a JSON string that cannot close any element around it.
pub fn string(text: &str, json: &mut String) {
    json.push('"');
    let mut from = 0;
    while let Some(at) = next_special(text.as_bytes(), from) {
        json.push_str(&text[from..at]);
        from = at + 1;
        match text.as_bytes()[at] {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            byte => json.push_str(&format!("\\u{byte:04x}")),
        }
    }
    json.push_str(&text[from..]);
    json.push('"');
}

/// The position of the next byte, from `from` on, that has to be escaped.
fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 32;
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'<' | 0..=0x1F);
    // Blocks are checked as a whole, which processors do in a few steps.
    let is_clean = |block: &&[u8]| !block.iter().fold(false, |found, byte| found | is_special(byte));
    let clean = bytes[from..].chunks(BLOCK).take_while(is_clean).count();
    let start = bytes.len().min(from + BLOCK * clean);
    bytes[start..].iter().position(is_special).map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_no_script() {
        let text = "</script><!-- \"\\\n\u{1} é";
        let mut json = String::new();
        string(text, &mut json);
        assert_eq!(json, "\"\\u003c/script>\\u003c!-- \\\"\\\\\\n\\u0001 é\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn a_long_page_is_cut_between_characters() {
        let passage = |text: String| Passage { anchor: "a".to_owned(), heading: "H".to_owned(), text };
        let file = fragment("d/0", "T", "t.html", &[], &[passage("é".repeat(15_000)), passage("more".to_owned())]);
        let json = file.strip_prefix("runsheetSearch(\"d/0\",").and_then(|rest| rest.strip_suffix(")\n")).unwrap();
        let parts: Vec<String> = serde_json::from_str(json).unwrap();
        assert_eq!((parts.len(), parts[5].len(), parts[8].as_str()), (9, 20_000, ""));
    }
}
