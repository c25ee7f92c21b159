//! The text part of a notice, written from its Markdown: lists as `-`, links as `text <address>`,
//! tables as `label: value`.

use pulldown_cmark::{BlockQuoteKind, Event, Tag, TagEnd};

use super::wrapped::CODE_LINE;
use crate::language::Language;
use crate::page::html::alert;
use crate::page::link::{self, Target};
use crate::page::markdown::{Placed, block, end_of, mark, plain_text, raw_html, run_end};
use crate::page::{Body, Hole, raw, tags};

/// The longest name of a column, in bytes: it is written before each of its cells.
const LONGEST: usize = 400;

/// Writes events as text. `first_link` is the number of the first link to a file of the project.
pub fn write(events: &[Placed], first_link: usize, language: &Language) -> Body {
    let mut writer = Writer { body: Body::default(), indent: Vec::new(), next_link: first_link, bullet: None, language };
    writer.blocks(events);
    writer.body
}

struct Writer<'a> {
    body: Body,
    /// The prefix of each line, by level.
    indent: Vec<String>,
    next_link: usize,
    /// The bullet for the next line, which replaces the indent of its level.
    bullet: Option<(usize, String)>,
    language: &'a Language,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.body.html.push_str(text);
    }

    fn begin_line(&mut self) {
        let bullet = self.bullet.take();
        for level in 0..self.indent.len() {
            match &bullet {
                Some((depth, bullet)) if *depth == level => self.body.html.push_str(bullet),
                _ => self.body.html.push_str(&self.indent[level]),
            }
        }
    }

    /// An item without text consists only of its bullet.
    fn finish_bullet(&mut self) {
        if self.bullet.is_some() {
            self.begin_line();
            self.push("\n");
        }
    }

    fn end_block(&mut self) {
        self.push("\n\n");
    }

    /// Writes blocks one below the other.
    fn blocks(&mut self, events: &[Placed]) {
        let mut at = 0;
        while at < events.len() {
            at = self.block(events, at);
        }
    }

    /// Writes the block that begins at `at`, or a run of text in place of a block; returns where the next one begins.
    fn block(&mut self, events: &[Placed], at: usize) -> usize {
        let end = end_of(events, at);
        let inner = &events[(at + 1).min(end)..end];
        match &events[at].0 {
            Event::Start(Tag::Paragraph) => self.paragraph(inner),
            Event::Start(Tag::Heading { .. }) => self.heading(inner),
            Event::Start(Tag::List(first)) => self.list(inner, *first),
            Event::Start(Tag::DefinitionList) => self.blocks_ended_by("\n\n", inner),
            Event::Start(Tag::DefinitionListTitle) => self.blocks_ended_by("\n", inner),
            Event::Start(Tag::DefinitionListDefinition) => self.indented("    ", inner),
            Event::Start(Tag::BlockQuote(kind)) => self.quote(*kind, inner),
            Event::Start(Tag::CodeBlock(_)) => self.code(inner),
            Event::Start(Tag::Table(_)) => self.table(inner),
            Event::Start(Tag::HtmlBlock) => self.html_block(inner),
            Event::Start(Tag::FootnoteDefinition(name)) => self.item(" ".repeat(4), format!("[{name}] "), inner),
            Event::Rule => self.rule(),
            Event::Start(
                Tag::Emphasis
                | Tag::Strong
                | Tag::Strikethrough
                | Tag::Superscript
                | Tag::Subscript
                | Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::Item
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell
                | Tag::MetadataBlock(_),
            )
            | Event::Text(_)
            | Event::Code(_)
            | Event::InlineHtml(_)
            | Event::TaskListMarker(_)
            | Event::SoftBreak
            | Event::HardBreak => return self.tight_line(events, at),
            // These have no text form, or are not enabled: see `markdown::options`.
            Event::End(_) | Event::Html(_) | Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
        end + 1
    }

    fn paragraph(&mut self, words: &[Placed]) {
        self.begin_line();
        self.inlines(words);
        self.end_block();
    }

    /// Sets only words in capitals: case matters in addresses, code and variables.
    fn heading(&mut self, inner: &[Placed]) {
        self.begin_line();
        let words = plain_text(inner);
        let only_words = inner.iter().all(|(event, _)| matches!(event, Event::Text(_) | Event::SoftBreak));
        if only_words && !tags::holds_mark(&words) {
            self.push(&words.to_uppercase());
        } else {
            self.inlines(inner);
        }
        self.end_block();
    }

    /// A run of text without a paragraph, as in a tight list; returns where it ends.
    fn tight_line(&mut self, events: &[Placed], at: usize) -> usize {
        let end = run_end(events, at, events.len()).max(at + 1);
        self.begin_line();
        self.inlines(&events[at..end]);
        self.push("\n");
        end
    }

    fn blocks_ended_by(&mut self, end: &str, events: &[Placed]) {
        self.blocks(events);
        if !self.body.html.ends_with(end) {
            self.push("\n");
        }
    }

    fn indented(&mut self, indent: &str, events: &[Placed]) {
        self.indent.push(indent.to_owned());
        self.blocks(events);
        self.indent.pop();
    }

    /// Blocks after a bullet, a number or a footnote's name.
    fn item(&mut self, indent: String, bullet: String, events: &[Placed]) {
        self.indent.push(indent);
        self.bullet = Some((self.indent.len() - 1, bullet));
        self.blocks(events);
        self.finish_bullet();
        self.indent.pop();
    }

    fn quote(&mut self, kind: Option<BlockQuoteKind>, events: &[Placed]) {
        self.indent.push("> ".to_owned());
        if let Some(title) = kind.map(|kind| self.language.text(&format!("page.{}", alert(kind)))) {
            self.begin_line();
            self.push(&format!("{}\n", title.to_uppercase()));
        }
        self.blocks(events);
        self.indent.pop();
    }

    fn code(&mut self, inner: &[Placed]) {
        let code = plain_text(inner);
        for line in tags::in_code(&code).lines() {
            self.push(CODE_LINE);
            self.begin_line();
            self.push("    ");
            self.push(line);
            self.push("\n");
        }
        self.push("\n");
    }

    /// A template statement, or the author's text, as text.
    fn html_block(&mut self, inner: &[Placed]) {
        let html = raw_html(inner);
        if let Some(tag) = tags::block(&html) {
            return self.push(&format!("{tag}\n"));
        }
        let shown = raw::as_text(&html);
        for line in shown.lines().filter(|line| !line.trim().is_empty()) {
            self.begin_line();
            self.push(line);
            self.push("\n");
        }
        self.push("\n");
    }

    fn rule(&mut self) {
        self.begin_line();
        self.push("----");
        self.end_block();
    }

    fn list(&mut self, items: &[Placed], first: Option<u64>) {
        let mut number = first;
        let mut at = 0;
        while at < items.len() {
            let end = end_of(items, at);
            let bullet = match &mut number {
                Some(number) => {
                    let bullet = format!("{number}. ");
                    *number += 1;
                    bullet
                }
                None => "- ".to_owned(),
            };
            self.item(" ".repeat(bullet.len()), bullet, items.get(at + 1..end).unwrap_or_default());
            at = end + 1;
        }
        if !self.body.html.ends_with("\n\n") {
            self.push("\n");
        }
    }

    fn table(&mut self, events: &[Placed]) {
        let mut headers: Vec<String> = Vec::new();
        let mut column = 0;
        let mut at = 0;
        let mut in_head = false;
        while at < events.len() {
            match &events[at].0 {
                Event::Start(Tag::TableHead) => in_head = true,
                Event::End(TagEnd::TableHead) => in_head = false,
                Event::Start(Tag::TableRow) => column = 0,
                Event::End(TagEnd::TableRow) => self.push("\n"),
                Event::Start(Tag::TableCell) => {
                    let end = end_of(events, at);
                    let inner = &events[at + 1..end];
                    if in_head {
                        headers.push(Some(header(inner)).filter(|header| header.len() <= LONGEST).unwrap_or_default());
                    } else {
                        self.begin_line();
                        if let Some(header) = headers.get(column).filter(|header| !header.trim().is_empty()) {
                            self.push(&format!("{header}: "));
                        }
                        self.inlines(inner);
                        self.push("\n");
                        column += 1;
                    }
                    at = end;
                }
                // The content of a cell is written with the cell.
                Event::Start(_) | Event::End(_) | Event::Text(_) | Event::Code(_) | Event::Rule | mark!() => {}
            }
            at += 1;
        }
        self.push("\n");
    }

    fn inlines(&mut self, events: &[Placed]) {
        let mut at = 0;
        while at < events.len() {
            match &events[at].0 {
                Event::Text(text) => self.push(text),
                Event::Code(code) => self.push(&tags::in_code(code)),
                Event::SoftBreak => self.push(" "),
                Event::HardBreak => {
                    self.push("\n");
                    self.begin_line();
                }
                Event::InlineHtml(html) => match raw::as_text(html).as_str() {
                    "\n" => {
                        self.push("\n");
                        self.begin_line();
                    }
                    shown => self.push(shown),
                },
                Event::FootnoteReference(name) => self.push(&format!(" [{name}]")),
                Event::Start(Tag::Link { dest_url, .. }) => {
                    let end = end_of(events, at);
                    self.link(dest_url, &events[at + 1..end]);
                    at = end;
                }
                Event::TaskListMarker(done) => self.push(if *done { "[x] " } else { "[ ] " }),
                Event::Start(Tag::Image { dest_url, .. }) => {
                    let end = end_of(events, at);
                    // Pictures count among the page's links.
                    if let Target::Internal { .. } = link::classify(dest_url) {
                        self.next_link += 1;
                    }
                    self.push(&plain_text(&events[at + 1..end]));
                    at = end;
                }
                // Only the words inside these marks remain.
                Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Superscript | Tag::Subscript) => {}
                // Not part of running text, or not enabled.
                Event::Start(block!()) | Event::End(_) | Event::Html(_) | Event::InlineMath(_) | Event::DisplayMath(_) | Event::Rule => {}
            }
            at += 1;
        }
    }

    fn link(&mut self, target: &str, words: &[Placed]) {
        let text = plain_text(words);
        let shown = |url: &str| url.strip_prefix("mailto:").unwrap_or(url) == text;
        if tags::holds_mark(target) {
            let leads = tags::can_lead(target);
            // An address that is its own link text is written so that it can be followed.
            if text == target && leads {
                let address = tags::in_link(target);
                return self.push(address.strip_prefix("mailto:").unwrap_or(&address));
            }
            self.inlines(words);
            if leads {
                self.push(&format!(" <{}>", tags::in_link(target)));
            }
            return;
        }
        match link::classify(target) {
            Target::External(url) if shown(&url) => self.push(url.strip_prefix("mailto:").unwrap_or(&text)),
            Target::External(url) => {
                self.inlines(words);
                let url = url.strip_prefix("mailto:").unwrap_or(&url);
                self.push(&format!(" <{url}>"));
            }
            Target::Internal { .. } => {
                self.inlines(words);
                self.push(" <");
                self.body.holes.push((self.body.html.len(), Hole::Link(self.next_link)));
                self.next_link += 1;
                self.push(">");
            }
            Target::Refused(_) => self.inlines(words),
        }
    }
}

/// A column's name; a tag in code stays plain text.
fn header(events: &[Placed]) -> String {
    events
        .iter()
        .map(|(event, _)| match event {
            Event::Text(text) => text.to_string(),
            Event::Code(code) => tags::in_code(code),
            Event::Start(_) | Event::End(_) | Event::Rule | mark!() => String::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::wrapped::{WIDTH, lay_out};
    use crate::page::markdown;

    fn check(markdown: &str, expected: &str) {
        assert_eq!(lay_out(&write(&markdown::events(markdown), 0, &Language::default()).html), expected, "{markdown:?}");
    }

    #[test]
    fn markdown_becomes_text() {
        check("# What stops\n\nA **bold** word & `code`.\n", "WHAT STOPS\n\nA bold word & code.\n");
        check("- one\n- two\n  - deep\n\nafter\n", "- one\n- two\n  - deep\n\nafter\n");
        check("1. one\n2. two\n", "1. one\n2. two\n");
        check("- a\n\n- b\n", "- a\n\n- b\n");
        check("[Status](https://s.example)\n", "Status <https://s.example>\n");
        check("https://s.example\n", "https://s.example\n");
        check("[a@b.example](mailto:a@b.example)\n", "a@b.example\n");
        check("| What | When |\n|---|---|\n| Login | 10:00 |\n", "What: Login\nWhen: 10:00\n");
        assert_eq!(lay_out("Mail a@b.example <mailto:a@b.example>.\n"), "Mail a@b.example.\n");
        check("- > quoted\n", "- > quoted\n");
        check("# Straße [Status](https://s.example/Path)\n", "Straße Status <https://s.example/Path>\n");
        check("```\n- a\n\nb\n```\n", "    - a\n\n    b\n");
        check("> quoted\n", "> quoted\n");
        check("- [ ] one\n- [x] two\n", "- [ ] one\n- [x] two\n");
        check("a <b>bold</b><br>word <kbd>x</kbd> <!-- no -->\n", "a <b>bold</b>\nword x\n");
        check("<p>All\ntext</p>\n\n<!-- no -->\n\nafter\n", "<p>All\ntext</p>\n\nafter\n");
        check("a\\\nb\n", "a\nb\n");
    }

    #[test]
    fn long_lines_are_wrapped_with_their_indent() {
        let long = "word ".repeat(30);
        let text = write(&markdown::events(&format!("- {long}")), 0, &Language::default()).html;
        let laid_out = lay_out(&text);
        assert!(laid_out.lines().all(|line| line.len() <= WIDTH), "{laid_out}");
        assert!(laid_out.lines().skip(1).all(|line| line.starts_with("  word")), "{laid_out}");
    }
}
