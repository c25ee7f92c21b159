//! `escaped-backtick`: code whose backticks were escaped on the way, so that it is now text.

use super::in_code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Page;
use crate::rule;
use crate::source::Source;

pub fn check(page: &Page, source: &Source, diagnostics: &mut Diagnostics) {
    let text = &source.text;
    let places: Vec<usize> = text.match_indices("\\`").map(|(at, _)| at).filter(|at| !in_code(page, &(*at..at + 2))).collect();
    // An opening and a closing backtick belong together and give one diagnostic.
    let mut at = 0;
    while at < places.len() {
        let start = places[at];
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let close = places.get(at + 1).filter(|close| **close < line_end);
        let end = close.map_or(start + 2, |close| close + 2);
        let diagnostic = Diagnostic::new(rule::ESCAPED_BACKTICK, "escaped backticks: this is text, not code");
        diagnostics.push(diagnostic.at(&source.path, start..end).help("remove the `\\` before the backticks"));
        at += if close.is_some() { 2 } else { 1 };
    }
}
