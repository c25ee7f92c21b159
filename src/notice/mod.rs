//! Notices: what users are told, written once in Markdown, compiled once, merged with each recipient.

pub mod address;
pub mod engine;
pub mod filter;
pub mod invitation;
pub mod ledger;
mod lines;
pub mod mailbox;
pub mod merge;
pub mod message;
pub mod pace;
pub mod preview;
pub mod quoted;
pub mod recipients;
pub mod reply;
pub mod review;
pub mod shard;
pub mod stage;
pub mod suppression;
pub mod table;
mod text;
pub mod variables;
pub mod when;

use std::collections::BTreeMap;
use std::sync::Arc;

use pulldown_cmark::{Event, HeadingLevel, Tag};

use self::stage::Stage;
use crate::diagnostic::Diagnostic;
use crate::page::html;
use crate::page::markdown::{self, Placed, end_of, plain_text};
use crate::page::marked;
use crate::page::{Body, Context, Dialect, Finds, Kind, tags};
use crate::source::{RelPath, Span};

/// A notice as one file tells it: Markdown written as HTML and as text, its template tags still marks.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Unique in a project.
    pub name: String,
    /// The language of a translation, such as `de`; none for the notice as it is written first.
    pub lang: Option<String>,
    pub stage: Option<Stage>,
    pub title: String,
    pub anchor: String,
    pub path: RelPath,
    /// Its heading, or the beginning of its file.
    pub span: Span,
    /// From its heading to the next notice.
    pub extent: Span,
    pub subject: String,
    pub subject_span: Span,
    pub html: Body,
    pub text: Body,
    /// In which element each statement stands, by the number of its tag.
    pub homes: BTreeMap<usize, usize>,
    /// All template tags of the file.
    pub tags: Arc<[tags::Tag]>,
}

/// Cuts a file into what stands before the first notice, and its notices.
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
    // Only notices are templates: elsewhere a tag is what it looks like.
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
    let page = Context { dialect: Dialect::Page, ..*context };
    let stem = context.path.stem().to_lowercase();
    let (stem, lang) = match stem.rsplit_once('.').filter(|(_, lang)| is_language(lang)) {
        Some((stem, lang)) => (stem.to_owned(), Some(lang.to_owned())),
        None => (stem, None),
    };
    let (title, anchor, span) = match heading {
        Some(events) => {
            html::write(&marked::restore(events, tags), &page, finds);
            let found = finds.headings.last();
            found.map_or_else(Default::default, |heading| (heading.text.clone(), heading.anchor.clone(), heading.span.clone()))
        }
        None => (stem.clone(), finds.anchors.next(&stem), context.offset..context.offset),
    };
    let end = events.last().map_or(span.end, |(_, range)| range.end + context.offset);
    let parts = Parts::find(events);
    let (subject, subject_span) = match &parts.subject {
        Some(range) => {
            let text = plain_text(&events[range.clone()]);
            let text = text.trim_start().trim_start_matches("Subject").trim_start_matches(':').trim();
            let place = events[range.start].1.start + context.offset..events[range.end - 1].1.end + context.offset;
            (text.to_owned(), place)
        }
        None => (String::new(), span.clone()),
    };
    if subject.is_empty() {
        let diagnostic = Diagnostic::error("no-subject", format!("the notice `{title}` has no subject"));
        let help = "write `**Subject:** …` as a paragraph below its heading";
        finds.diagnostics.push(diagnostic.at(context.path, span.clone()).help(help));
    }
    let stage = parts.stage.as_ref().and_then(|(name, at)| {
        let stage = Stage::parse(name);
        if stage.is_none() {
            let known: Vec<&str> = Stage::ALL.into_iter().map(Stage::name).collect();
            let diagnostic = Diagnostic::error("unknown-stage", format!("there is no stage `{name}` of a series"));
            let help = format!("use {}", known.join(", "));
            finds.diagnostics.push(diagnostic.at(context.path, at.start + context.offset..at.end + context.offset).help(help));
        }
        stage
    });
    // A notice that is a file goes by its file's name, one below a `##` by its heading, unless an id is given.
    let by_default = if kind == Kind::Notice { stem } else { anchor.clone() };
    let body = parts.body(events);
    let mail = Context { dialect: Dialect::Mail, ..*context };
    let first_link = finds.links.len();
    let html = html::write(&body, &mail, finds);
    let text = text::write(&body, first_link);
    Notice {
        name: parts.id.unwrap_or(by_default),
        lang,
        stage,
        title,
        anchor,
        path: context.path.clone(),
        extent: span.start..end.max(span.end),
        span,
        subject,
        subject_span,
        homes: marked::homes(&body),
        html,
        text,
        tags: Arc::clone(tags),
    }
}

/// `advance.de.md` is `advance.md` in German: two letters (ISO 639-1).
fn is_language(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The parts of a notice that are no body: its id and its subject.
struct Parts {
    id: Option<String>,
    /// As it is written, and where.
    stage: Option<(String, Span)>,
    /// The comment that says both.
    id_range: Option<std::ops::Range<usize>>,
    subject: Option<std::ops::Range<usize>>,
}

impl Parts {
    fn find(events: &[Placed]) -> Parts {
        let mut parts = Parts { id: None, stage: None, id_range: None, subject: None };
        let mut at = 0;
        while at < events.len() {
            match &events[at].0 {
                Event::Start(Tag::HtmlBlock) => {
                    let end = end_of(events, at);
                    let told = told(&events[at..end]);
                    if !told.is_empty() && parts.id_range.is_none() {
                        for (key, value) in told {
                            match key {
                                Told::Id => parts.id = Some(value),
                                Told::Stage => parts.stage = Some((value, events[at].1.clone())),
                            }
                        }
                        parts.id_range = Some(at..end + 1);
                    }
                    at = end;
                }
                Event::Start(Tag::Paragraph) => {
                    let end = end_of(events, at);
                    let is_subject = matches!(events.get(at + 1), Some((Event::Start(Tag::Strong), _)))
                        && matches!(events.get(at + 2), Some((Event::Text(text), _)) if text.trim_start().starts_with("Subject"));
                    if is_subject && parts.subject.is_none() {
                        parts.subject = Some(at..end + 1);
                    }
                    at = end;
                }
                _ => {}
            }
            at += 1;
        }
        parts
    }

    /// The events of the body: without id and subject, and without rules around them.
    fn body<'t>(&self, events: &[Placed<'t>]) -> Vec<Placed<'t>> {
        let outside = |at: &usize| ![&self.subject, &self.id_range].into_iter().flatten().any(|range| range.contains(at));
        let mut body: Vec<Placed> = (0..events.len()).filter(outside).map(|at| events[at].clone()).collect();
        let rules = body.iter().take_while(|(event, _)| matches!(event, Event::Rule)).count();
        body.drain(..rules);
        while matches!(body.last(), Some((Event::Rule, _))) {
            body.pop();
        }
        body
    }
}

/// What a comment says of its notice.
enum Told {
    Id,
    Stage,
}

/// `<!-- id: advance, stage: scheduled -->`, or one of the two. Any other comment says nothing.
fn told(events: &[Placed]) -> Vec<(Told, String)> {
    let html = markdown::raw_html(events);
    let Some(text) = html.trim().strip_prefix("<!--").and_then(|text| text.strip_suffix("-->")) else { return Vec::new() };
    let mut told = Vec::new();
    for entry in text.split(',') {
        let Some((key, value)) = entry.split_once(':') else { return Vec::new() };
        let value = value.trim();
        let legal = !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
        match key.trim() {
            "id" if legal => told.push((Told::Id, value.to_owned())),
            "stage" if legal => told.push((Told::Stage, value.to_owned())),
            _ => return Vec::new(),
        }
    }
    told
}
