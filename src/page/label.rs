//! Brackets with a meaning in Markdown: labels of links, pictures, footnotes and definitions, and boxes.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Parser, Tag};

use super::markdown;
use crate::source::Span;

/// The places of such brackets in a text.
#[derive(Debug, Default)]
pub struct Labels {
    /// Places where one opens.
    opens: BTreeSet<usize>,
    /// Places where one ends: for `[a][b]`, the end of `[b]`.
    ends: BTreeSet<usize>,
}

impl Labels {
    /// Reads a text. `offset` is where it begins in its file: places are counted in the file.
    pub fn read(text: &str, offset: usize) -> Labels {
        let mut labels = Labels::default();
        let parser = Parser::new_ext(text, markdown::options()).into_offset_iter();
        labels.opens.extend(parser.reference_definitions().iter().map(|(_, definition)| definition.span.start + offset));
        for (event, range) in parser {
            match event {
                Event::Start(Tag::Link { .. }) => {
                    labels.ends.insert(range.end + offset);
                    labels.opens.insert(range.start + offset);
                }
                // A `!` precedes its bracket.
                Event::Start(Tag::Image { .. }) => {
                    labels.ends.insert(range.end + offset);
                    labels.opens.insert(range.start + 1 + offset);
                }
                Event::Start(Tag::FootnoteDefinition(_)) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {
                    labels.opens.insert(range.start + offset);
                }
                _ => {}
            }
        }
        labels
    }

    /// Whether a pair of brackets is one.
    pub fn hold(&self, brackets: &Span) -> bool {
        self.opens.contains(&brackets.start) || self.ends.contains(&brackets.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let labels = Labels::read(text, 0);
        let brackets = text.match_indices('[').filter_map(|(open, _)| Some(open..open + text[open..].find(']')? + 1));
        let found: Vec<&str> = brackets.filter(|span| labels.hold(span)).map(|span| &text[span]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn what_markdown_reads() {
        check("[API]\n\n[API]: x.md\n", &["[API]", "[API]"]);
        check("[API] and [b][API]\n\n   [api]: x.md\n", &["[API]", "[b]", "[API]", "[api]"]);
        check("[A  B][]\n\n> [a b]: <x y.md>\n", &["[A  B]", "[a b]"]);
        check("![API](x.png) ![API][P]\n\n[p]: x.png\n", &["[API]", "[API]", "[P]", "[p]"]);
        check("- [X] done[^N]\n\n[^N]: Words.\n", &["[X]", "[^N]", "[^N]"]);
    }

    #[test]
    fn what_it_does_not() {
        check("[API]\n\n    [API]: x.md\n", &[]);
        check("[API]\n[API]: x.md\n", &[]);
        check("`[API]` [b]([LINK])", &["[b]"]);
        check("[see [LINK] now](x.md)", &["[see [LINK]"]);
    }
}
