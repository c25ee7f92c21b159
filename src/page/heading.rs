//! Headings: their anchors, the page title, and the data kept for each heading.

use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};

use super::blank;
use super::body::Hole;
use super::entry::Track;
use super::html::{Dialect, Writer};
use super::markdown::plain_text;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::schedule::{Recurrence, Timing};
use crate::source::Span;
use crate::text::html::escaped;

/// A heading of a page.
#[derive(Clone, Debug)]
pub struct Heading {
    pub level: u8,
    /// Its visible text, as it was written.
    pub text: String,
    pub anchor: String,
    pub span: Span,
    /// On a run sheet: its time.
    pub timing: Option<Timing>,
    pub owner: Option<String>,
    /// Tasks below it, up to the next heading.
    pub tasks: usize,
    /// On a run sheet: its title and those of the headings above, without offsets. When the sheet is edited, this shows which items
    /// belong together.
    pub path: String,
    pub track: Track,
    /// On a run sheet: its recurrence, such as `Every 15 minutes`.
    pub every: Option<Recurrence>,
}

impl Heading {
    /// Its title: without offset, number and metadata if it has a time.
    pub fn name(&self) -> &str {
        self.timing.as_ref().map(|timing| timing.label.as_str()).filter(|label| !label.is_empty()).unwrap_or(&self.text)
    }

    /// A heading without a time.
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

impl Writer<'_, '_, '_> {
    pub(super) fn heading(&mut self, level: HeadingLevel, id: Option<&str>) {
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
        // In print, such a part begins on a new page.
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
        self.push("\" aria-label=\"");
        self.push_text(&self.context.language.fill("page.link_to", &[("title", text.trim())]));
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

    /// If front matter names the page, only comments may precede its `#` title; otherwise pictures and words may, but no heading.
    /// The title is never inside a list or a quote.
    fn is_title(&self, start: usize) -> bool {
        let is_comment = |event: &Event| matches!(event, Event::Html(_) | Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock));
        let before = || self.events[..start].iter().map(|(event, _)| event);
        let opened = before().filter(|event| matches!(event, Event::Start(_))).count();
        let closed = before().filter(|event| matches!(event, Event::End(_))).count();
        opened == closed && (!self.context.is_named || before().all(is_comment))
    }

    /// The first heading of a page is its title: the theme shows it above the page.
    fn title(&mut self, text: String, anchor: String, start: usize, end: usize) {
        let outer = std::mem::take(&mut self.body);
        self.inlines_until(end);
        self.at = end + 1;
        let title = std::mem::replace(&mut self.body, outer);
        if title.holes.is_empty() {
            self.finds.title = Some(title.html);
        } else {
            self.finds.title = Some(escaped(text.trim()));
        }
        let span = self.span(start);
        self.finds.headings.push(Heading::plain(1, text.trim(), anchor, span));
    }

    fn anchor(&mut self, text: &str, id: Option<&str>, at: usize) -> String {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return self.finds.anchors.next(text) };
        if !self.finds.anchors.claim(id) {
            let diagnostic = Diagnostic::new(rule::DUPLICATE_ID, format!("duplicate id on this page: `{id}`"));
            let first = self.finds.headings.iter().find(|heading| heading.anchor == id).map(|heading| heading.span.clone());
            self.report(
                diagnostic.help("give one of them a different id: links would lead to the first").first(self.context.path, first),
                at,
            );
        }
        id.to_owned()
    }
}
