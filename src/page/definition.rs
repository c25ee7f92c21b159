//! Definitions of links, as in `[name]: https://…`, and references to undefined names.

use std::cell::LazyCell;

use pulldown_cmark::{BrokenLink, CowStr, Event, LinkType, RefDefs, Tag, TagEnd};

use super::blank;
use super::markdown::Placed;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::source::{RelPath, Span};
use crate::text::Names;

/// Text that was meant as a link or a footnote but does not work as one: Markdown shows it as text.
#[derive(Debug, Default)]
pub struct Undefined {
    found: Vec<(Broken, Span)>,
    /// Names that the text defines.
    pub defined: Vec<String>,
}

#[derive(Debug)]
enum Broken {
    /// `[a][b]` or `[b][]`, where nothing defines `b`.
    Reference(String),
    /// `[^1]` without the text of the note.
    Footnote(String),
    /// `[a](my page.md)`, or `[a] (page.md)`, with the address.
    Link(String),
}

/// The names that a text defines, in order. Needed only if the text has two adjacent pairs of brackets, which may refer to one.
pub fn names(text: &str, definitions: &RefDefs) -> Vec<String> {
    if !text.contains("][") {
        return Vec::new();
    }
    let mut names: Vec<String> = definitions.iter().map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

impl Undefined {
    /// Records `[a][b]` and `[b][]`, and `[a]` with an address after it; any other lone `[a]` is ordinary text. Never makes a link.
    pub fn note<'t>(&mut self, link: &BrokenLink, text: &str) -> Option<(CowStr<'t>, CowStr<'t>)> {
        let span = link.span.clone();
        if matches!(link.link_type, LinkType::Reference | LinkType::Collapsed) {
            self.found.push((Broken::Reference(blank::restore(&link.reference)), span));
        } else if let Some((address, length)) = text.get(span.end..).and_then(address_behind) {
            self.found.push((Broken::Link(address.to_owned()), span.start..span.end + length));
        }
        None
    }

    /// Records `word[^a]` in running text: if the note had a text, the parser would make a mention of it.
    pub fn note_footnotes(&mut self, events: &[Placed], text: &str) {
        if !text.contains("[^") {
            return;
        }
        let mut is_code = false;
        for (event, range) in events {
            match event {
                Event::Start(Tag::CodeBlock(_)) => is_code = true,
                Event::End(TagEnd::CodeBlock) => is_code = false,
                // If the text is written differently, it contains an escape.
                Event::Text(words) if !is_code && text.get(range.clone()) == Some(&**words) => {
                    let mentions = mentions(words).map(|(at, name)| (name.to_owned(), range.start + at));
                    self.found.extend(
                        mentions.map(|(name, at)| (at..at + name.len() + 3, name)).map(|(span, name)| (Broken::Footnote(name), span)),
                    );
                }
                _ => {}
            }
        }
    }

    /// Reports each of them; `offset` is where the text begins in its file.
    pub fn report(&self, path: &RelPath, offset: usize, diagnostics: &mut Diagnostics) {
        let defined = LazyCell::new(|| Names::new(self.defined.iter().map(String::as_str)));
        for (broken, span) in &self.found {
            let (message, help) = match broken {
                Broken::Reference(name) => {
                    let near = defined.nearest(name).map(|near| format!("did you mean `{near}`?"));
                    let define = || format!("define it with a line such as `[{name}]: page.md`, or put the brackets in `code`");
                    (format!("`[{name}]` is not defined on this page, so it is not a link"), near.unwrap_or_else(define))
                }
                Broken::Footnote(name) => {
                    (format!("the footnote `[^{name}]` has no text on this page"), format!("add a line such as `[^{name}]: Words.`"))
                }
                Broken::Link(address) if address.contains(' ') => {
                    (format!("`({address})` contains a space, so it is not a link"), format!("put it in angle brackets: `(<{address}>)`"))
                }
                Broken::Link(address) => {
                    (format!("there is a space before `({address})`, so it is not a link"), "remove the space".to_owned())
                }
            };
            let diagnostic = Diagnostic::new(rule::BROKEN_REFERENCE, message);
            diagnostics.push(diagnostic.at(path, span.start + offset..span.end + offset).help(help));
        }
    }
}

/// Mentions of footnotes in a text, with their names: letters and digits, directly after a word. `[^a-z ]` is ordinary text.
fn mentions(words: &str) -> impl Iterator<Item = (usize, &str)> {
    words.match_indices("[^").filter_map(|(at, _)| {
        let (name, _) = words[at + 2..].split_once(']')?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        let is_behind_word = words[..at].chars().next_back().is_some_and(|c| !c.is_whitespace() && c != '(');
        (is_name && is_behind_word).then_some((at, name))
    })
}

const MOST_ADDRESS: usize = 300;

/// The address in parentheses after brackets that form no link, and its length with these: either of a file with a space in its
/// name, or of a page after a space.
fn address_behind(rest: &str) -> Option<(&str, usize)> {
    let (from, is_apart) = if rest.starts_with(" (") { (2, true) } else { (1, false) };
    if !rest[from - 1..].starts_with('(') {
        return None;
    }
    // Longer than any address, so that a page of open parentheses stays cheap.
    let length = rest[from..].char_indices().take(MOST_ADDRESS).find(|(_, c)| matches!(c, ')' | '\n')).map(|(at, _)| at)?;
    let address = &rest[from..from + length];
    if rest[from + length..].starts_with('\n') {
        return None;
    }
    let (path, _) = address.split_once('#').unwrap_or((address, ""));
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_file = (2..=5).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric()) && !path.starts_with(' ');
    let is_meant = if is_apart { ending == "md" && !address.contains(' ') } else { is_file && address.contains(' ') };
    is_meant.then_some((address, from + length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::markdown;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let mut diagnostics = Diagnostics::default();
        let path = RelPath::new("page.md").unwrap();
        markdown::read(text, &path, 0, &mut diagnostics);
        let found: Vec<(&str, String)> = diagnostics
            .iter()
            .map(|diagnostic| {
                let crate::diagnostic::Place::Span(span) = &diagnostic.place else { panic!("no place") };
                (&text[span.clone()], diagnostic.help.clone().unwrap_or_default())
            })
            .collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(place, help)| (*place, &**help)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn two_pairs_of_brackets_must_be_defined() {
        let near = "did you mean `the plan`?";
        check("a [text][the plna] b\n\n[the plan]: plan.md\n", &[("[text][the plna]", near)]);
        check("[The  Plan][] [x][THE PLAN]\n\n[the plan]: plan.md\n", &[]);
        check("[the plna][]\n\n[the plan]: plan.md\n", &[("[the plna]", near)]);
        let define = "define it with a line such as `[b]: page.md`, or put the brackets in `code`";
        check("> - see *[a][b]*\n", &[("[a][b]", define)]);
        check("![a][b]", &[("![a][b]", define)]);
    }

    #[test]
    fn what_was_meant_as_a_link_or_a_note_is_told() {
        let angle = "put it in angle brackets: `(<my page.md#a>)`";
        check("a [b](my page.md#a) c", &[("[b](my page.md#a)", angle)]);
        check("![b](my picture.png)", &[("![b](my picture.png)", "put it in angle brackets: `(<my picture.png>)`")]);
        check("[b] (a.md)", &[("[b] (a.md)", "remove the space")]);
        check("a[^x] b", &[("[^x]", "add a line such as `[^x]: Words.`")]);
    }

    #[test]
    fn ordinary_brackets_are_ordinary_text() {
        for text in [
            "[DATE/TIME]",
            "- [ ] [ ] both",
            "`[a][b]`",
            "    [a][b]\n",
            "[a] [b]",
            "\\[a][b]\\",
            "[a](<my page.md>)",
            "[a](b.md \"my page.md\")",
            "[ops] (see above)",
            "[ops](see the lead.)",
            "[a^1] a[^a b] a[^] `a[^x]` matches [^a] a\\[^x]",
            "a[^x]\n\n[^x]: words",
            "[a](b.md)[]",
            "<!-- [a][b] -->",
        ] {
            check(text, &[]);
        }
    }
}
