//! `blank-eaten`: blanks that GitHub and other Markdown renderers would show as a line or as bold text.

use pulldown_cmark::{Event, Tag};

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::{blank, markdown};
use crate::rule;
use crate::source::Span;

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    let text = sheet.body();
    let offset = sheet.source.text.len() - text.len();
    for span in eaten(text) {
        let diagnostic = Diagnostic::new(rule::BLANK_EATEN, "GitHub and other Markdown renderers won't show this blank");
        let diagnostic = diagnostic.at(&sheet.page.path, span.start + offset..span.end + offset);
        diagnostics.push(diagnostic.help("put words before it, as in `Time: _____`, and keep brackets and letters away from it"));
    }
}

/// The places of blanks that plain Markdown reads as something else.
fn eaten(text: &str) -> Vec<Span> {
    let marked = blank::mark(text);
    let blanks: Vec<Span> = runs(&marked);
    let mut found: Vec<Span> = Vec::new();
    let events = markdown::events(text);
    for (event, range) in &events {
        match event {
            // A rule inside a list item, or emphasis without a letter in it.
            Event::Rule => found.extend(blanks.iter().filter(|blank| range.start <= blank.start && blank.end <= range.end).cloned()),
            Event::Start(Tag::Strong | Tag::Emphasis) => {
                let inner = &text[range.clone()];
                let is_blank = inner.starts_with('_') && !inner.trim_matches('_').chars().next().is_some_and(char::is_alphanumeric);
                let touched = blanks.iter().find(|blank| blank.start < range.end && range.start < blank.end);
                if is_blank || touched.is_some_and(|blank| range.start >= blank.start) {
                    found.push(range.clone());
                }
            }
            _ => {}
        }
    }
    found.sort_by_key(|span| span.start);
    found.dedup_by(|later, earlier| later.start < earlier.end);
    found
}

/// The places of the marks in a text.
fn runs(marked: &str) -> Vec<Span> {
    marked.match_indices(blank::MARK).map(|(at, mark)| at..at + mark.len() + blank::fill_length(&marked[at + mark.len()..])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str, expected: usize) {
        assert_eq!(eaten(text).len(), expected, "{text}: {:?}", eaten(text));
    }

    #[test]
    fn what_github_misreads() {
        check_text("- _____\n", 1);
        check_text("(_____) and (_____)\n", 1);
        check_text("Time: __ / __ at __:__\n", 1);
        check_text("Time: _____\n\n_____\n\nsnake_case and __bold__ and _em_\n", 0);
        check_text("- [ ] New IP: _____ <!-- var: X -->\n", 0);
        check_text("| a | b |\n| - | - |\n| _____ | _____ |\n", 0);
        check_text("source _____ target _____\n", 0);
    }
}
