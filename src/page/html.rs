//! Events to HTML, with holes where other files, or the clock, have a say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Zoned;
use pulldown_cmark::{BlockQuoteKind, Event, HeadingLevel, Tag, TagEnd};

use super::blank;
use super::code::Block;
use super::entry::{Blank, Item, Rounds, Track};
use super::link::External;
use super::markdown::{self, Placed, mark, plain_text};
use super::section::Section;
use super::slug::Anchors;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::schedule::moment::datetime_attribute;
use crate::schedule::{Recurrence, Timing, Unit};
use crate::source::{RelPath, Span};
use crate::text::html::escape;

/// HTML with holes in it, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    pub html: String,
    pub holes: Vec<(usize, Hole)>,
}

/// What is put into a body when all files and the clock are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// The address of the page's link number so and so.
    Link(usize),
    /// The times of the page's heading number so and so.
    When(usize),
    /// The boxes of the page's repeated list number so and so.
    Rounds(usize),
    /// The names of the columns that [`Hole::Plan`] fills.
    PlanHead,
    /// The time, owner and length of the page's item number so and so, as columns.
    Plan(usize),
    /// The page's block of code number so and so.
    Code(usize),
}

impl Body {
    /// The HTML with its holes filled.
    pub fn fill(&self, with: impl FnMut(Hole, &mut String)) -> String {
        self.fill_with(64 * self.holes.len(), with)
    }

    /// The HTML with its holes filled; `length` is about how many bytes go into them.
    pub fn fill_with(&self, length: usize, mut with: impl FnMut(Hole, &mut String)) -> String {
        let mut html = String::with_capacity(self.html.len() + length);
        let mut from = 0;
        for (at, hole) in &self.holes {
            html.push_str(&self.html[from..*at]);
            with(*hole, &mut html);
            from = *at;
        }
        html.push_str(&self.html[from..]);
        html
    }

    /// The HTML with each hole as a mark, so that it can pass through a template.
    pub fn with_marks(&self) -> String {
        let mut number = 0;
        self.fill(|_, html| {
            html.push_str(&format!("{HOLE}{number}{HOLE}"));
            number += 1;
        })
    }

    /// A body like this one, from its HTML with marks as a template has left it: parts may be gone or repeated.
    pub fn from_marks(&self, marked: &str) -> Body {
        let mut body = Body::default();
        let mut parts = marked.split(HOLE);
        body.html.push_str(parts.next().unwrap_or(""));
        while let (Some(number), Some(after)) = (parts.next(), parts.next()) {
            if let Some((_, hole)) = number.parse::<usize>().ok().and_then(|number| self.holes.get(number)) {
                body.holes.push((body.html.len(), *hole));
            }
            body.html.push_str(after);
        }
        body
    }
}

/// Stands on both sides of the number of a hole (private use, which no text of a page holds).
const HOLE: char = '\u{F8F0}';

impl Heading {
    /// What it is called: without its offset, number and metadata if it has a time.
    pub fn name(&self) -> &str {
        self.timing.as_ref().map(|timing| timing.label.as_str()).filter(|label| !label.is_empty()).unwrap_or(&self.text)
    }

    /// A heading that says nothing about time.
    pub(super) fn plain(level: u8, text: &str, anchor: String, span: Span) -> Heading {
        Heading {
            level,
            text: text.to_owned(),
            anchor,
            span,
            timing: None,
            owner: None,
            tasks: 0,
            path: String::new(),
            track: Track::Main,
            every: None,
        }
    }
}

/// For whom the HTML is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Page,
    /// A run sheet: boxes can be ticked, blanks filled in, offsets have times.
    RunSheet,
    /// A message: plain elements without anchors, boxes or classes.
    Mail,
}

/// A heading of a page.
#[derive(Clone, Debug)]
pub struct Heading {
    pub level: u8,
    /// Its visible text, as it was written.
    pub text: String,
    pub anchor: String,
    pub span: Span,
    /// On a run sheet: what it says about time.
    pub timing: Option<Timing>,
    pub owner: Option<String>,
    /// Tasks below it, up to the next heading.
    pub tasks: usize,
    /// On a run sheet: what it and the headings above are called, without offsets. It says which items belong together
    /// when the sheet is edited.
    pub path: String,
    pub track: Track,
    /// On a run sheet: its rhythm, such as `Every 15 minutes`.
    pub every: Option<Recurrence>,
}

/// A link or an image to a file of the project.
#[derive(Clone, Debug)]
pub struct Link {
    /// Decoded path as it was written; empty for the page itself.
    pub path: String,
    pub fragment: Option<String>,
    pub span: Span,
    pub image: bool,
}

/// What a text is read with.
pub struct Context<'a> {
    pub path: &'a RelPath,
    /// Where the text begins in its file.
    pub offset: usize,
    pub dialect: Dialect,
    pub offset_unit: Option<Unit>,
    pub roles: &'a BTreeMap<String, String>,
    /// Names of values that are filled in on the page: `$NAME` in code shows them.
    pub vars: &'a BTreeSet<String>,
    /// Whether the text holds marks of template tags.
    pub tags: bool,
    /// Whether the front matter names the page, so that only a heading at its very beginning is its title too.
    pub is_named: bool,
}

/// What was found on the way, for the page as a whole.
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
    /// What is worked on, in the order of the text.
    pub items: Vec<Item>,
    pub blanks: Vec<Blank>,
    pub rounds: Vec<Rounds>,
    pub blocks: Vec<Block>,
    /// Boxes of a page that is no run sheet.
    pub(super) boxes: usize,
    pub(super) section: Section,
    /// The items that the writer is in, the innermost last.
    pub(super) open: Vec<usize>,
    /// How deep in lists of the stop conditions it is.
    pub(super) list_depth: usize,
    /// Ids that are taken, each with the next number to try.
    pub(super) ids: BTreeMap<String, usize>,
    pub(super) footnotes: BTreeMap<String, usize>,
}

/// Writes a run of events. What it finds is added to `finds`, so that a page can be written in parts.
pub fn write(events: &[Placed], context: &Context, finds: &mut Finds) -> Body {
    // HTML is up to twice as long as its Markdown: so much is asked for at once.
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
    /// The text of the line so far: the label of a blank.
    pub(super) line: String,
    /// The blank before this one in the same line or row, if it can be one side of a comparison.
    pub(super) last_blank: Option<(usize, blank::Side)>,
    /// Whether the writer is in a table whose columns hold numbers to compare.
    pub(super) counts_row: bool,
    /// Tags of the author that can pass, by number.
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

    /// Where an event stands in the file.
    pub(super) fn span(&self, at: usize) -> Span {
        let range = &self.events[at].1;
        range.start + self.context.offset..range.end + self.context.offset
    }

    /// The number of the heading that the writer is below.
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

    /// Where running text ends that begins at `from`.
    pub(super) fn run_end(&self, from: usize, end: usize) -> usize {
        markdown::run_end_by(self.events, from, end, |at| self.ends[at])
    }

    /// Writes one block, or a run of text where a block could stand.
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
            // Written by what they are in, or not read: see `markdown::options`.
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

    /// Writes blocks up to the end at `end`, and goes past it.
    pub(super) fn blocks_until(&mut self, end: usize) {
        while self.at < end {
            self.block();
        }
        self.at = end + 1;
    }

    /// Writes what is in an element of this name.
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

    fn heading(&mut self, level: HeadingLevel, id: Option<&str>) {
        let start = self.at;
        let end = self.end_of(start);
        let text = blank::restore(&plain_text(&self.events[start..end]));
        let level = level as u8;
        self.at += 1;
        self.line.clear();
        if self.context.dialect == Dialect::Mail {
            self.push(&format!("<h{level}>"));
            self.inlines_until(end);
            self.push(&format!("</h{level}>\n"));
            self.at = end + 1;
            return;
        }
        let anchor = self.anchor(&text, id, start);
        if level == 1 && self.finds.headings.is_empty() && self.is_title(start) {
            return self.title(text, anchor, start, end);
        }
        // On paper such a part begins a page.
        let class = match self.begins_track(level, text.trim()) {
            Some(Track::Alarms) => " class=\"alarms\"",
            Some(Track::Reverse) => " class=\"reverse\"",
            _ => "",
        };
        let digit = char::from(b'0' + level);
        self.push("<h");
        self.body.html.push(digit);
        self.push(class);
        self.push(" id=\"");
        self.push_text(&anchor);
        self.push("\">");
        self.inlines_until(end);
        self.at = end + 1;
        self.push(" <a class=\"anchor\" href=\"#");
        self.push_text(&anchor);
        self.push("\" aria-label=\"Link to: ");
        self.push_text(text.trim());
        self.push("\">#</a></h");
        self.body.html.push(digit);
        self.push(">\n");
        let span = self.span(start);
        let heading = if self.is_run_sheet() {
            self.sheet_heading(level, text.trim(), anchor, span, start)
        } else {
            Heading::plain(level, text.trim(), anchor, span)
        };
        let timed = heading.timing.is_some();
        self.finds.headings.push(heading);
        if timed {
            self.hole(Hole::When(self.finds.headings.len() - 1));
        }
    }

    /// Only comments may stand before the title of a page that has another name; before any other title pictures and words may, but
    /// no heading. It stands in no list and no quote.
    fn is_title(&self, start: usize) -> bool {
        let is_comment = |event: &Event| matches!(event, Event::Html(_) | Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock));
        let before = || self.events[..start].iter().map(|(event, _)| event);
        let opened = before().filter(|event| matches!(event, Event::Start(_))).count();
        let closed = before().filter(|event| matches!(event, Event::End(_))).count();
        opened == closed && (!self.context.is_named || before().all(is_comment))
    }

    /// The first heading of a page is its title: the theme puts it above the page.
    fn title(&mut self, text: String, anchor: String, start: usize, end: usize) {
        let outer = std::mem::take(&mut self.body);
        self.inlines_until(end);
        self.at = end + 1;
        let title = std::mem::replace(&mut self.body, outer);
        if title.holes.is_empty() {
            self.finds.title = Some(title.html);
        } else {
            let mut escaped = String::new();
            escape(text.trim(), &mut escaped);
            self.finds.title = Some(escaped);
        }
        let span = self.span(start);
        self.finds.headings.push(Heading::plain(1, text.trim(), anchor, span));
    }

    fn anchor(&mut self, text: &str, id: Option<&str>, at: usize) -> String {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return self.finds.anchors.next(text) };
        if !self.finds.anchors.claim(id) {
            let diagnostic = Diagnostic::new(rule::DUPLICATE_ID, format!("the id `{id}` is on this page already"));
            let first = self.finds.headings.iter().find(|heading| heading.anchor == id).map(|heading| heading.span.clone());
            self.report(
                diagnostic.help("links would lead to the first one: give one of them another id").first(self.context.path, first),
                at,
            );
        }
        id.to_owned()
    }

    fn quote(&mut self, kind: Option<BlockQuoteKind>) {
        let end = self.end_of(self.at);
        self.at += 1;
        let alert = kind.map(alert);
        let Some((class, title)) = alert.filter(|_| self.context.dialect != Dialect::Mail) else {
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

/// Writes a moment as an element, in the words given.
pub fn time(at: &Zoned, words: &str, html: &mut String) {
    html.push_str(&format!("<time datetime=\"{}\">", datetime_attribute(at)));
    escape(words, html);
    html.push_str("</time>");
}

/// The class and the title of an alert.
pub(crate) fn alert(kind: BlockQuoteKind) -> (&'static str, &'static str) {
    match kind {
        BlockQuoteKind::Note => ("note", "Note"),
        BlockQuoteKind::Tip => ("tip", "Tip"),
        BlockQuoteKind::Important => ("important", "Important"),
        BlockQuoteKind::Warning => ("warning", "Warning"),
        BlockQuoteKind::Caution => ("caution", "Caution"),
    }
}
