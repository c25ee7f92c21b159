//! Notices to users: written once in Markdown, compiled once, merged with each recipient.

pub mod brake;
pub mod campaign;
pub mod cells;
pub mod columns;
pub mod complaint;
pub mod deadline;
pub mod encoding;
pub mod engine;
pub mod exported;
pub mod filter;
pub mod history;
pub mod invitation;
pub mod ledger;
mod lines;
pub mod mailbox;
pub mod merge;
pub mod message;
pub mod pace;
mod parts;
pub mod preview;
pub mod quoted;
pub mod recipients;
pub mod repeats;
pub mod reply;
pub mod review;
pub mod rows;
pub mod seal;
pub mod seen;
pub mod shard;
pub mod stage;
pub mod suppression;
pub mod table;
mod text;
pub mod trial;
pub mod variables;
pub mod when;
mod wrapped;

use std::collections::BTreeMap;
use std::sync::Arc;

use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};

use self::parts::Parts;
use self::stage::Stage;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Language;
use crate::page::html;
use crate::page::markdown::{self, Placed, end_of, plain_text};
use crate::page::marked;
use crate::page::{Body, Context, Dialect, Finds, Kind, tags};
use crate::rule;
use crate::source::{RelPath, Span};

/// A notice from one file: Markdown as HTML and as text, with its template tags still as marks.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Unique in a project.
    pub name: String,
    /// The language of a translation, such as `de` or `pt-BR`; `None` for the original.
    pub lang: Option<String>,
    /// The language that it is written in.
    pub language: Language,
    pub stage: Option<Stage>,
    pub title: String,
    pub anchor: String,
    pub path: RelPath,
    /// Its heading, or the beginning of its file.
    pub span: Span,
    /// From its heading to the next notice; the whole file if the file is one notice.
    pub extent: Span,
    pub subject: String,
    pub subject_span: Span,
    pub html: Body,
    pub text: Body,
    /// The element that contains each tag, by the number of the tag.
    pub element_of_tag: BTreeMap<usize, usize>,
    /// All template tags of the file.
    pub tags: Arc<[tags::Tag]>,
}

/// Splits a file into the part before the first notice, and its notices.
pub fn split(text: &str, kind: Kind, context: &Context, finds: &mut Finds) -> (Body, Vec<Notice>) {
    let source = tags::mark(text, context.path, context.offset, &mut finds.diagnostics);
    let events = marked::read(&source, context.path, context.offset, &mut finds.diagnostics);
    let tags: Arc<[tags::Tag]> = source.tags.as_slice().into();
    let level = if kind == Kind::Notices { HeadingLevel::H2 } else { HeadingLevel::H1 };
    let headings = markdown::headings(&events, level);
    let page = Context { dialect: Dialect::Page, ..*context };
    let mut notices = Vec::new();
    if kind == Kind::Notice {
        let heading = headings.first().map(|range| &events[range.clone()]);
        let before = headings.first().map_or(0, |range| range.start);
        let after = headings.first().map_or(0, |range| range.end);
        let body: Vec<Placed> = events[..before].iter().chain(&events[after..]).cloned().collect();
        notices.push(read(kind, heading, &body, &tags, context, finds));
        return (Body::default(), notices);
    }
    let intro_end = headings.first().map_or(events.len(), |range| range.start);
    // Only notices are templates: elsewhere a tag is plain text.
    let intro = html::write(&marked::restore(&events[..intro_end], &tags), &page, finds);
    for (index, range) in headings.iter().enumerate() {
        let end = headings.get(index + 1).map_or(events.len(), |next| next.start);
        notices.push(read(kind, Some(&events[range.clone()]), &events[range.end..end], &tags, context, finds));
    }
    (intro, notices)
}

fn read(
    kind: Kind,
    heading: Option<&[Placed]>,
    events: &[Placed],
    tags: &Arc<[tags::Tag]>,
    context: &Context,
    finds: &mut Finds,
) -> Notice {
    let (stem, lang) = translation(context.path);
    let (title, anchor, span) = match heading {
        Some(events) => {
            let page = Context { dialect: Dialect::Page, ..*context };
            html::write(&marked::restore(events, tags), &page, finds);
            let found = finds.headings.last();
            found.map_or_else(Default::default, |heading| (heading.text.clone(), heading.anchor.clone(), heading.span.clone()))
        }
        None => (stem.clone(), finds.anchors.next(&stem), context.offset..context.offset),
    };
    // In a file that is one notice, text above its heading is sent, too.
    let begin = events.first().map_or(span.start, |(_, range)| range.start + context.offset);
    let end = events.last().map_or(span.end, |(_, range)| range.end + context.offset);
    let parts = Parts::find(events);
    let (subject, subject_span) = parts.subject(events, context.offset).unwrap_or_else(|| (String::new(), span.clone()));
    parts.check_subjects(&title, events, tags, context, &mut finds.diagnostics);
    if subject.is_empty() {
        let diagnostic = Diagnostic::new(rule::NO_SUBJECT, format!("the notice `{title}` has no subject line"));
        let help = "add `**Subject:** …` as a paragraph below its heading";
        finds.diagnostics.push(diagnostic.at(context.path, span.clone()).help(help));
    }
    let stage = parts.stage(context, &mut finds.diagnostics);
    // A notice that is a whole file is named after its file, one below a `##` after its heading, unless it has an id.
    let by_default = if kind == Kind::Notice { stem } else { anchor.clone() };
    let body = parts.body(events);
    check_tables(&body, context, &mut finds.diagnostics);
    let mail = Context { dialect: Dialect::Mail, ..*context };
    let first_link = finds.links.len();
    let html = html::write(&body, &mail, finds);
    let text = text::write(&body, first_link, context.language);
    Notice {
        name: parts.id.unwrap_or(by_default),
        lang,
        language: context.language.clone(),
        stage,
        title,
        anchor,
        path: context.path.clone(),
        extent: begin.min(span.start)..end.max(span.end),
        span,
        subject,
        subject_span,
        element_of_tag: marked::element_of_tag(&body),
        html,
        text,
        tags: Arc::clone(tags),
    }
}

/// Reports rows that a statement has cut off from their table.
fn check_tables(body: &[Placed], context: &Context, diagnostics: &mut Diagnostics) {
    for range in rows_behind_statements(body) {
        let diagnostic = Diagnostic::new(
            rule::BROKEN_TABLE,
            "the template statement before this line ends the table, so these rows would be sent as text",
        );
        let diagnostic = diagnostic.at(context.path, range.start + context.offset..range.end + context.offset);
        diagnostics.push(diagnostic.help("use a list instead: table rows can't have statements between them"));
    }
}

/// Lines that look like table rows but are not, because a statement precedes them.
fn rows_behind_statements(events: &[Placed]) -> Vec<Span> {
    let is_statement = |event: &Event| matches!(event, Event::Html(html) if tags::block(html).is_some());
    let before = |at: usize| events[..at].iter().rev().map(|(event, _)| event);
    let follows = |at: usize| {
        let mut before = before(at).skip_while(|event| matches!(event, Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock)));
        before.next().is_some_and(is_statement)
    };
    let is_row = |at: usize| {
        let text = plain_text(&events[at..end_of(events, at)]);
        let line = text.lines().next().unwrap_or("").trim();
        line.starts_with('|') && line.len() > 1 && line.ends_with('|')
    };
    let paragraphs = (0..events.len()).filter(|at| matches!(events[*at].0, Event::Start(Tag::Paragraph)));
    paragraphs.filter(|at| follows(*at) && is_row(*at)).map(|at| events[at].1.clone()).collect()
}

/// A file's name without its language, in lower case, and the language if it is a translation.
pub fn translation(path: &RelPath) -> (String, Option<String>) {
    let stem = path.stem();
    match stem.rsplit_once('.').and_then(|(stem, tag)| Some((stem, language(tag)?))) {
        Some((stem, lang)) => (stem.to_lowercase(), Some(lang)),
        None => (stem.to_lowercase(), None),
    }
}

/// `advance.de.md` is `advance.md` in German, `advance.pt-BR.md` in the Portuguese of Brazil, `advance.zh-Hant.md` in traditional Chinese:
/// two letters (ISO 639-1), and a script or a region or both behind them (RFC 5646 §2.1, written as in its §2.1.1).
fn language(tag: &str) -> Option<String> {
    let mut parts = tag.split('-');
    let primary = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_lowercase()))?;
    let mut language = primary.to_owned();
    for part in parts {
        let is_of = |length: usize, of: fn(&u8) -> bool| part.len() == length && part.as_bytes().iter().all(of);
        language.push('-');
        if is_of(4, u8::is_ascii_alphabetic) {
            language.push_str(&part[..1].to_ascii_uppercase());
            language.push_str(&part[1..].to_ascii_lowercase());
        } else if is_of(2, u8::is_ascii_alphabetic) || is_of(3, u8::is_ascii_digit) {
            language.push_str(&part.to_ascii_uppercase());
        } else {
            return None;
        }
    }
    Some(language)
}
