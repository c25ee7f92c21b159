//! Notices: what users are told, written once in Markdown, compiled once, merged with each recipient.

pub mod brake;
pub mod campaign;
pub mod cells;
pub mod columns;
pub mod deadline;
pub mod encoding;
pub mod engine;
pub mod filter;
pub mod history;
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
pub mod repeats;
pub mod reply;
pub mod review;
pub mod rows;
pub mod seal;
pub mod shard;
pub mod stage;
pub mod suppression;
pub mod table;
mod text;
pub mod trial;
pub mod variables;
pub mod when;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};

use self::stage::Stage;
use crate::diagnostic::{Diagnostic, Place};
use crate::page::html;
use crate::page::markdown::{self, Placed, end_of, plain_text};
use crate::page::marked;
use crate::page::{Body, Context, Dialect, Finds, Kind, tags};
use crate::rule;
use crate::source::{RelPath, Span};

/// A notice as one file tells it: Markdown written as HTML and as text, its template tags still marks.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Unique in a project.
    pub name: String,
    /// The language of a translation, such as `de` or `pt-BR`; none for the notice as it is written first.
    pub lang: Option<String>,
    pub stage: Option<Stage>,
    pub title: String,
    pub anchor: String,
    pub path: RelPath,
    /// Its heading, or the beginning of its file.
    pub span: Span,
    /// From its heading to the next notice; all of a file that is one notice.
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
    let stem = context.path.stem();
    let (stem, lang) = match stem.rsplit_once('.').and_then(|(stem, tag)| Some((stem, language(tag)?))) {
        Some((stem, lang)) => (stem.to_lowercase(), Some(lang)),
        None => (stem.to_lowercase(), None),
    };
    let (title, anchor, span) = match heading {
        Some(events) => {
            html::write(&marked::restore(events, tags), &page, finds);
            let found = finds.headings.last();
            found.map_or_else(Default::default, |heading| (heading.text.clone(), heading.anchor.clone(), heading.span.clone()))
        }
        None => (stem.clone(), finds.anchors.next(&stem), context.offset..context.offset),
    };
    // In a file that is one notice, what stands above its heading is sent, too.
    let begin = events.first().map_or(span.start, |(_, range)| range.start + context.offset);
    let end = events.last().map_or(span.end, |(_, range)| range.end + context.offset);
    let parts = Parts::find(events);
    let place = |range: &Range<usize>| events[range.start].1.start + context.offset..events[range.end - 1].1.end + context.offset;
    let (subject, subject_span) = match parts.subjects.first() {
        Some(range) => {
            let text = plain_text(&events[range.clone()]);
            let text = text.trim_start().trim_start_matches("Subject").trim_start_matches(':').trim();
            (text.to_owned(), place(range))
        }
        None => (String::new(), span.clone()),
    };
    if let Some(first) = parts.subjects.first() {
        let varied = "write one subject, and what varies in it: `**Subject:** {% if … %}…{% else %}…{% endif %}`";
        if marked::open_statements(&events[..first.start], tags) > 0 {
            let message = format!("the subject of `{title}` stands under a condition or in a loop");
            finds.diagnostics.push(Diagnostic::new(rule::UNCLEAR_SUBJECT, message).at(context.path, place(first)).help(varied));
        }
        if events[first.clone()].iter().any(|(event, _)| matches!(event, Event::SoftBreak | Event::HardBreak)) {
            let message = format!("the subject of `{title}` goes on in the next line");
            let diagnostic = Diagnostic::new(rule::UNCLEAR_SUBJECT, message).at(context.path, place(first));
            finds.diagnostics.push(diagnostic.help("leave an empty line below it, or write it in one"));
        }
        for second in &parts.subjects[1..] {
            let diagnostic = Diagnostic::new(rule::UNCLEAR_SUBJECT, format!("`{title}` has a subject already"));
            let diagnostic = diagnostic.at(context.path, place(second)).help(varied);
            finds.diagnostics.push(diagnostic.related(context.path, Place::Span(place(first)), "the first one is here"));
        }
    }
    if subject.is_empty() {
        let diagnostic = Diagnostic::new(rule::NO_SUBJECT, format!("the notice `{title}` has no subject"));
        let help = "write `**Subject:** …` as a paragraph below its heading";
        finds.diagnostics.push(diagnostic.at(context.path, span.clone()).help(help));
    }
    let stage = parts.stage.as_ref().and_then(|(name, at)| {
        let stage = Stage::parse(name);
        if stage.is_none() {
            let known: Vec<&str> = Stage::ALL.into_iter().map(Stage::name).collect();
            let diagnostic = Diagnostic::new(rule::UNKNOWN_STAGE, format!("there is no stage `{name}` of a series"));
            let help = format!("use {}", known.join(", "));
            finds.diagnostics.push(diagnostic.at(context.path, at.start + context.offset..at.end + context.offset).help(help));
        }
        stage
    });
    // A notice that is a file goes by its file's name, one below a `##` by its heading, unless an id is given.
    let by_default = if kind == Kind::Notice { stem } else { anchor.clone() };
    let body = parts.body(events);
    for range in rows_behind_statements(&body) {
        let diagnostic =
            Diagnostic::new(rule::BROKEN_TABLE, "the statement before this line ends the table: its rows would be sent as text");
        let diagnostic = diagnostic.at(context.path, range.start + context.offset..range.end + context.offset);
        finds.diagnostics.push(diagnostic.help("write a list instead: no statement can stand between the rows of a table"));
    }
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
        extent: begin.min(span.start)..end.max(span.end),
        span,
        subject,
        subject_span,
        homes: marked::homes(&body),
        html,
        text,
        tags: Arc::clone(tags),
    }
}

/// Rows of a table that are none, since a statement stands before them.
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

/// The parts of a notice that are no body: its id and its subject.
struct Parts {
    id: Option<String>,
    /// As it is written, and where.
    stage: Option<(String, Span)>,
    /// The comment that says both.
    id_range: Option<Range<usize>>,
    /// All that stand there: one is meant.
    subjects: Vec<Range<usize>>,
}

impl Parts {
    fn find(events: &[Placed]) -> Parts {
        let mut parts = Parts { id: None, stage: None, id_range: None, subjects: Vec::new() };
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
                        && matches!(events.get(at + 2), Some((Event::Text(text), _)) if begins_subject(text));
                    if is_subject {
                        parts.subjects.push(at..end + 1);
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
        let outside = |at: &usize| !self.subjects.iter().chain(&self.id_range).any(|range| range.contains(at));
        let mut body: Vec<Placed> = (0..events.len()).filter(outside).map(|at| events[at].clone()).collect();
        let rules = body.iter().take_while(|(event, _)| matches!(event, Event::Rule)).count();
        body.drain(..rules);
        while matches!(body.last(), Some((Event::Rule, _))) {
            body.pop();
        }
        body
    }
}

/// `Subject`, with or without its colon: `Subject matter` is a beginning as any other.
fn begins_subject(text: &str) -> bool {
    text.trim_start().strip_prefix("Subject").map(str::trim_start).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
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
