//! Names of anchors and of pages.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

/// The anchors of one page, made as GitHub makes them: lower case, spaces to hyphens, other marks
/// dropped, a number after repeated ones.
#[derive(Debug, Default)]
pub struct Anchors(BTreeMap<String, usize>);

impl Anchors {
    /// The anchor of the next heading with this text. Never empty.
    pub fn next(&mut self, text: &str) -> String {
        let slug = github(text);
        let slug = if slug.is_empty() { "section".to_owned() } else { slug };
        let mut anchor = slug.clone();
        while self.0.contains_key(&anchor) {
            let count = self.0.entry(slug.clone()).or_insert(0);
            *count += 1;
            anchor = format!("{slug}-{count}");
        }
        self.0.insert(anchor.clone(), 0);
        anchor
    }

    /// Reserves an anchor given by hand; `false` if it is already used.
    pub fn claim(&mut self, anchor: &str) -> bool {
        self.0.insert(anchor.to_owned(), 0).is_none()
    }
}

/// GitHub's slug of a heading text, before numbers are added.
pub fn github(text: &str) -> String {
    text.trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c if c.is_alphanumeric() || is_mark(c) => Some(c),
            _ => None,
        })
        .collect()
}

/// Combining marks belong to their letter (U+0300 and the like; the blocks that headings use).
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{0900}'..='\u{0903}' | '\u{093A}'..='\u{094F}' | '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}' | '\u{200D}' | '\u{20D0}'..='\u{20FF}' | '\u{FE0F}')
}

/// The part of a page's address made from a file or folder name: lower case, `_` and spaces to hyphens,
/// marks that addresses cannot contain dropped. The same for all Unicode forms of the name.
pub fn address(name: &str) -> String {
    let mut slug = String::new();
    let one_form = if name.is_ascii() { name.to_ascii_lowercase() } else { name.nfc().collect::<String>().to_lowercase() };
    for c in one_form.chars() {
        match c {
            ' ' | '_' | '-' if slug.ends_with('-') => {}
            ' ' | '_' | '-' => slug.push('-'),
            '.' => slug.push('.'),
            c if c.is_alphanumeric() => slug.push(c),
            _ => {}
        }
    }
    let slug = slug.trim_matches(['-', '.']).to_owned();
    if slug.is_empty() { "page".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_those_of_github() {
        let check = |text: &str, expected: &str| assert_eq!(github(text), expected, "{text}");
        check("T-48h: Preparation", "t-48h-preparation");
        check("Step 1: Freeze (T+0:00)", "step-1-freeze-t000");
        check("T-0 — Cutover", "t-0--cutover");
        check("What's `new` & old?", "whats-new--old");
        check("Köln 東京", "köln-東京");
        check("snake_case stays", "snake_case-stays");
        check("🔻 Go", "-go");
    }

    #[test]
    fn repeated_headings_get_numbers() {
        let mut anchors = Anchors::default();
        let made: Vec<String> = ["A", "A", "A-1", "A", "", "???", "__proto__"].iter().map(|text| anchors.next(text)).collect();
        assert_eq!(made, ["a", "a-1", "a-1-1", "a-2", "section", "section-1", "__proto__"]);
    }

    #[test]
    fn addresses_are_plain() {
        assert_eq!(address("CUTOVER_CHECKLIST"), "cutover-checklist");
        assert_eq!(address("a  b"), "a-b");
        assert_eq!(address("con:*?"), "con");
        assert_eq!(address("??"), "page");
        assert_eq!(address("Cafe\u{301}"), "caf\u{e9}");
    }
}
