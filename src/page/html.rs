//! Events to HTML: a run of events becomes a body, and findings on the way are collected.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{BlockQuoteKind, Event, Tag};

use super::blank;
use super::body::{Body, Hole};
use super::code::Block;
use super::entry::{Blank, Item, Rounds};
use super::heading::Heading;
use super::link::External;
use super::markdown::{self, Placed, mark};
use super::section::Section;
use super::slug::Anchors;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Language;
use crate::schedule::Unit;
use crate::source::{RelPath, Span};
use crate::text::html::escape;

/// The target of the HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Page,
    /// A run sheet: boxes can be ticked, blanks filled in, offsets have times.
    RunSheet,
    /// A message: plain elements without anchors, boxes or classes.
    Mail,
}

/// A link or an image to a file of the project.
#[derive(Clone, Debug)]
pub struct Link {
    /// The decoded path as written; empty for the page itself.
    pub path: String,
    pub fragment: Option<String>,
    pub span: Span,
    pub image: bool,
}

/// The context for reading a text.
pub struct Context<'a> {
    pub path: &'a RelPath,
    /// Where the text begins in its file.
    pub offset: usize,
    pub dialect: Dialect,
    pub offset_unit: Option<Unit>,
    pub roles: &'a BTreeMap<String, String>,
    /// The language of what the page adds to the text.
    pub language: &'a Language,
    /// Names of variables that are filled in on the page: `$NAME` in code shows their values.
    pub vars: &'a BTreeSet<String>,
    /// Whether the text contains marks of template tags.
    pub tags: bool,
    /// Whether front matter names the page; then only a heading at its very beginning is also its title.
    pub is_named: bool,
}

/// Findings for the page as a whole.
#[derive(Debug, Default)]
pub struct Finds {
    pub headings: Vec<Heading>,
    pub links: Vec<Link>,
    pub external: Vec<External>,
    pub anchors: Anchors,
    /// Code and comments, where no rule about prose applies.
    pub code: Vec<Span>,
    pub diagnostics: Diagnostics,
    /// The title as HTML, if the page begins with one.
    pub title: Option<String>,
    /// Tasks, choices and stop conditions, in the order of the text.
    pub items: Vec<Item>,
    pub blanks: Vec<Blank>,
    pub rounds: Vec<Rounds>,
    pub blocks: Vec<Block>,
    /// Boxes of a page other than a run sheet.
    pub(super) boxes: usize,
    pub(super) section: Section,
    /// The items that the writer is inside, the innermost last.
    pub(super) open: Vec<usize>,
    /// The nesting depth in lists of stop conditions.
    pub(super) list_depth: usize,
    /// Ids in use, each with the next number to try.
    pub(super) ids: BTreeMap<String, usize>,
    pub(super) footnotes: BTreeMap<String, usize>,
}

/// Writes a run of events. Adds to `finds`, so that a page can be written in parts.
pub fn write(events: &[Placed], context: &Context, finds: &mut Finds) -> Body {
    // HTML is up to twice as long as its Markdown, so reserve that much at once.
    let length = events.last().map_or(0, |(_, range)| range.end) - events.first().map_or(0, |(_, range)| range.start);
    let mut writer = Writer {
        events,
        at: 0,
        context,
        finds,
        body: Body { html: String::with_capacity(2 * length), holes: Vec::new() },
        notes: Vec::new(),
        line: String::new(),
        last_blank: None,
        counts_row: false,
        paired: super::raw::paired(events),
        ends: markdown::ends(events),
    };
    while writer.at < events.len() {
        writer.block();
    }
    writer.write_footnotes();
    writer.body
}

pub(super) struct Writer<'a, 'e, 't> {
    pub(super) events: &'e [Placed<'t>],
    pub(super) at: usize,
    pub(super) context: &'a Context<'a>,
    pub(super) finds: &'a mut Finds,
    pub(super) body: Body,
    pub(super) notes: Vec<(String, Body)>,
    /// The text of the line so far, which labels a blank.
    pub(super) line: String,
    /// The blank before this one in the same line or row, if it can be one side of a comparison.
    pub(super) last_blank: Option<(usize, blank::Side)>,
    /// Whether the writer is in a table whose columns contain numbers to compare.
    pub(super) counts_row: bool,
    /// Tags of the author that may pass, by number.
    pub(super) paired: BTreeSet<usize>,
    ends: Vec<usize>,
}

impl<'t> Writer<'_, '_, 't> {
    pub(super) fn push(&mut self, html: &str) {
        self.body.html.push_str(html);
    }

    pub(super) fn push_text(&mut self, text: &str) {
        escape(text, &mut self.body.html);
    }

    pub(super) fn hole(&mut self, hole: Hole) {
        self.body.holes.push((self.body.html.len(), hole));
    }

    pub(super) fn peek(&self) -> Option<&Event<'t>> {
        self.events.get(self.at).map(|(event, _)| event)
    }

    /// The place of an event in the file.
    pub(super) fn span(&self, at: usize) -> Span {
        let range = &self.events[at].1;
        range.start + self.context.offset..range.end + self.context.offset
    }

    /// The number of the nearest heading above the writer.
    pub(super) fn section(&self) -> Option<usize> {
        self.finds.headings.len().checked_sub(1)
    }

    pub(super) fn is_run_sheet(&self) -> bool {
        self.context.dialect == Dialect::RunSheet
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic, at: usize) {
        let span = self.span(at);
        self.finds.diagnostics.push(diagnostic.at(self.context.path, span));
    }

    /// The index of the end that belongs to the start at `start`.
    pub(super) fn end_of(&self, start: usize) -> usize {
        self.ends[start]
    }

    /// The end of the running text that begins at `from`.
    pub(super) fn run_end(&self, from: usize, end: usize) -> usize {
        markdown::run_end_by(self.events, from, end, |at| self.ends[at])
    }

    /// Writes a block, or a run of text in place of a block.
    pub(super) fn block(&mut self) {
        let events = self.events;
        let start = self.at;
        let (event, _) = &events[start];
        let Event::Start(tag) = event else {
            return self.stray(event);
        };
        match tag {
            Tag::Paragraph => self.paragraph(),
            Tag::Heading { level, id, .. } => self.heading(*level, id.as_deref()),
            Tag::BlockQuote(kind) => self.quote(*kind),
            Tag::CodeBlock(kind) => self.code_block(kind),
            Tag::List(first) => self.list(*first),
            Tag::Table(columns) => self.table(columns),
            Tag::HtmlBlock => self.html_block(),
            Tag::FootnoteDefinition(name) => self.footnote(name),
            Tag::DefinitionList => self.wrapped("dl"),
            Tag::DefinitionListTitle => self.wrapped("dt"),
            Tag::DefinitionListDefinition => self.wrapped("dd"),
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. } => self.inlines(),
            // Written by the enclosing element, or not enabled: see `markdown::options`.
            Tag::Item | Tag::TableHead | Tag::TableRow | Tag::TableCell | Tag::Superscript | Tag::Subscript | Tag::MetadataBlock(_) => {
                self.at += 1
            }
        }
    }

    fn stray(&mut self, event: &Event) {
        match event {
            Event::Rule => {
                self.at += 1;
                self.push("<hr>\n");
            }
            Event::End(_) => self.at += 1,
            Event::Start(_) | Event::Text(_) | Event::Code(_) | mark!() => self.inlines(),
        }
    }

    /// Writes blocks up to the end at `end`, and moves past it.
    pub(super) fn blocks_until(&mut self, end: usize) {
        while self.at < end {
            self.block();
        }
        self.at = end + 1;
    }

    /// Writes content inside an element of this name.
    fn wrapped(&mut self, element: &str) {
        let end = self.end_of(self.at);
        self.at += 1;
        self.line.clear();
        self.push(&format!("<{element}>"));
        self.blocks_until(end);
        self.push(&format!("</{element}>\n"));
    }

    fn paragraph(&mut self) {
        let end = self.end_of(self.at);
        self.line.clear();
        self.last_blank = None;
        self.at += 1;
        if self.is_run_sheet() && self.choice(end) {
            self.at = end + 1;
            return;
        }
        if self.figure(end) {
            return;
        }
        self.push("<p>");
        self.inlines_until(end);
        self.at = end + 1;
        self.push("</p>\n");
    }

    fn quote(&mut self, kind: Option<BlockQuoteKind>) {
        let end = self.end_of(self.at);
        self.at += 1;
        let alert = kind.map(|kind| (alert(kind), self.context.language.html(&format!("page.{}", alert(kind)))));
        let Some((class, title)) = alert.as_ref().filter(|_| self.context.dialect != Dialect::Mail) else {
            self.push("<blockquote>\n");
            if let Some((_, title)) = alert {
                self.push(&format!("<p><strong>{title}</strong></p>\n"));
            }
            self.blocks_until(end);
            self.push("</blockquote>\n");
            return;
        };
        self.push(&format!("<div class=\"alert alert-{class}\"><p class=\"alert-title\">{title}</p>\n"));
        self.blocks_until(end);
        self.push("</div>\n");
    }

    fn html_block(&mut self) {
        let start = self.at;
        let end = self.end_of(start);
        let html = markdown::raw_html(&self.events[start + 1..end]);
        self.at = end + 1;
        if let Some(tag) = super::tags::block(&html).filter(|_| self.context.tags) {
            self.push(&format!("{tag}\n"));
            return;
        }
        self.raw_html(&html, start, true);
    }
}

/// The class of an alert, which is also the name of its title in the words of a page.
pub(crate) fn alert(kind: BlockQuoteKind) -> &'static str {
    match kind {
        BlockQuoteKind::Note => "note",
        BlockQuoteKind::Tip => "tip",
        BlockQuoteKind::Important => "important",
        BlockQuoteKind::Warning => "warning",
        BlockQuoteKind::Caution => "caution",
    }
}
