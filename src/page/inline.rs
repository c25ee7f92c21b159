//! Running text: emphasis, code, links, pictures.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::body::Hole;
use super::html::{Dialect, Link, Writer};
use super::link::{self, External, Target};
use super::markdown::{block, plain_text};
use super::{blank, tags};
use crate::diagnostic::Diagnostic;
use crate::rule;

impl Writer<'_, '_, '_> {
    /// Writes inline events up to the next block or the end.
    pub(super) fn inlines(&mut self) {
        // An unknown kind of event must not stop the walk.
        let end = self.run_end(self.at, self.events.len()).max(self.at + 1);
        self.inlines_until(end);
    }

    pub(super) fn inlines_until(&mut self, end: usize) {
        while self.at < end {
            self.inline();
        }
    }

    fn inline(&mut self) {
        let at = self.at;
        let events = self.events;
        self.at += 1;
        match &events[at].0 {
            Event::Text(text) => self.text(text, at),
            Event::Code(code) => {
                let span = self.span(at);
                self.finds.code.push(span);
                let code = blank::restore(code);
                self.line.push_str(&code);
                let code = if self.context.dialect == Dialect::Mail { tags::in_code(&code) } else { code };
                self.push("<code>");
                self.code_text(&code);
                self.push("</code>");
            }
            Event::InlineHtml(html) => self.raw_html(html, at, false),
            Event::Html(html) => self.raw_html(html, at, false),
            Event::SoftBreak => {
                self.line.push(' ');
                self.push("\n");
            }
            Event::HardBreak => {
                self.line.push(' ');
                self.push("<br>\n");
            }
            Event::FootnoteReference(name) => self.footnote_reference(name),
            Event::TaskListMarker(done) => self.loose_box(*done),
            Event::Start(Tag::Emphasis) => self.push("<em>"),
            Event::End(TagEnd::Emphasis) => self.push("</em>"),
            Event::Start(Tag::Strong) => self.push("<strong>"),
            Event::End(TagEnd::Strong) => self.push("</strong>"),
            Event::Start(Tag::Strikethrough) => self.push("<del>"),
            Event::End(TagEnd::Strikethrough) => self.push("</del>"),
            Event::Start(Tag::Link { dest_url, title, .. }) => self.link(dest_url, title, at),
            Event::Start(Tag::Image { dest_url, .. }) => self.image(dest_url, at),
            // Links and pictures are closed by the code that opens them; blocks do not belong in running text.
            Event::Start(Tag::Superscript | Tag::Subscript | block!())
            | Event::End(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Rule => {}
        }
    }

    pub(super) fn text(&mut self, text: &str, at: usize) {
        if !self.is_run_sheet() {
            return self.push_text(text);
        }
        let pieces = blank::split(text);
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Some(words) => {
                    self.line.push_str(words);
                    self.push_text(words);
                }
                None => self.blank(at, blank::ends(&pieces[index + 1..])),
            }
        }
    }

    fn link(&mut self, target: &str, title: &str, at: usize) {
        let end = self.end_of(at);
        let target = blank::restore(target);
        let opened = match link::classify(&target) {
            _ if tags::can_lead(&target) => {
                self.push("<a href=\"");
                self.push_text(&link::encode(&tags::in_link(&target)));
                true
            }
            Target::Internal { .. } if tags::holds_mark(&target) => {
                let diagnostic =
                    Diagnostic::new(rule::UNSAFE_LINK, "a link with a template tag must start with a scheme or a tag: no link is made");
                self.report(diagnostic.help("start it with a tag that gives a whole address, or with a scheme such as `https://`"), at);
                false
            }
            Target::External(url) if link::leads_nowhere(&url) => {
                let diagnostic = Diagnostic::new(rule::BROKEN_LINK, format!("the link `{url}` leads nowhere"));
                self.report(diagnostic.help("write the whole address"), at);
                false
            }
            Target::External(url) => {
                if link::is_web(&url) {
                    let span = self.span(at);
                    self.finds.external.push(External { url: url.clone(), span });
                }
                self.push("<a href=\"");
                self.push_text(&link::encode(&url));
                true
            }
            Target::Internal { path, fragment } => {
                let span = self.span(at);
                self.finds.links.push(Link { path, fragment, span, image: false });
                self.push("<a href=\"");
                self.hole(Hole::Link(self.finds.links.len() - 1));
                true
            }
            Target::Refused(scheme) => {
                let diagnostic =
                    Diagnostic::new(rule::UNSAFE_LINK, format!("links to `{scheme}` are not supported: only the text is shown"));
                self.report(diagnostic.help("use http, https, mailto or tel, or a file of the project"), at);
                false
            }
        };
        if opened {
            if !title.is_empty() {
                self.push("\" title=\"");
                self.push_text(&blank::restore(title));
            }
            self.push("\">");
        }
        self.inlines_until(end);
        self.at = end + 1;
        if opened {
            self.push("</a>");
        }
    }

    /// A paragraph with a single picture that has a title becomes a figure, with the title as caption.
    pub(super) fn figure(&mut self, end: usize) -> bool {
        let start = self.at;
        let events = self.events;
        let Event::Start(Tag::Image { dest_url, title, .. }) = &events[start].0 else { return false };
        let is_alone = self.end_of(start) + 1 == end && !title.is_empty() && self.context.dialect != Dialect::Mail;
        if !is_alone || !matches!(link::classify(dest_url), Target::Internal { .. }) {
            return false;
        }
        self.push("<figure>");
        self.at += 1;
        self.image(dest_url, start);
        self.push("<figcaption>");
        self.push_text(title);
        self.push("</figcaption></figure>\n");
        self.at = end + 1;
        true
    }

    fn image(&mut self, target: &str, at: usize) {
        let end = self.end_of(at);
        let alt = blank::restore(&plain_text(&self.events[at..end]));
        self.at = end + 1;
        let Target::Internal { path, fragment } = link::classify(&blank::restore(target)) else {
            let diagnostic = Diagnostic::new(rule::EXTERNAL_IMAGE, "external images are not embedded: the alt text is shown instead");
            self.report(diagnostic.help("put the image in `content/`: pages make no requests to other sites"), at);
            return self.push_text(&alt);
        };
        let span = self.span(at);
        self.finds.links.push(Link { path, fragment, span, image: true });
        if self.context.dialect == Dialect::Mail {
            return self.push_text(&alt);
        }
        self.push("<img src=\"");
        self.hole(Hole::Link(self.finds.links.len() - 1));
        self.push("\" alt=\"");
        self.push_text(&alt);
        self.push("\" loading=\"lazy\">");
    }
}
