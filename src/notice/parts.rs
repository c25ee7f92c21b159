//! The parts of a notice: its id, stage and subject, and the remaining body.

use std::ops::Range;

use pulldown_cmark::{Event, Tag as Element};

use super::stage::Stage;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::Context;
use crate::page::markdown::{self, Placed, end_of, plain_text};
use crate::page::marked;
use crate::page::tags::Tag;
use crate::rule;
use crate::source::Span;

/// The parts of a notice outside its body: its id, stage and subject.
pub(super) struct Parts {
    pub(super) id: Option<String>,
    /// The subject as written, with its place.
    stage: Option<(String, Span)>,
    /// The comment with id and stage.
    id_range: Option<Range<usize>>,
    /// All subjects found: there should be one.
    subjects: Vec<Range<usize>>,
}

impl Parts {
    pub(super) fn find(events: &[Placed]) -> Parts {
        let mut parts = Parts { id: None, stage: None, id_range: None, subjects: Vec::new() };
        let mut at = 0;
        while at < events.len() {
            match &events[at].0 {
                Event::Start(Element::HtmlBlock) => {
                    let end = end_of(events, at);
                    let labels = labels(&events[at..end]);
                    if !labels.is_empty() && parts.id_range.is_none() {
                        for (label, value) in labels {
                            match label {
                                Label::Id => parts.id = Some(value),
                                Label::Stage => parts.stage = Some((value, events[at].1.clone())),
                            }
                        }
                        parts.id_range = Some(at..end + 1);
                    }
                    at = end;
                }
                Event::Start(Element::Paragraph) => {
                    let end = end_of(events, at);
                    let is_subject = matches!(events.get(at + 1), Some((Event::Start(Element::Strong), _)))
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

    /// The subject and its place, if there is one.
    pub(super) fn subject(&self, events: &[Placed], offset: usize) -> Option<(String, Span)> {
        let range = self.subjects.first()?;
        let text = plain_text(&events[range.clone()]);
        let text = text.trim_start().trim_start_matches("Subject").trim_start_matches(':').trim();
        Some((text.to_owned(), place(events, range, offset)))
    }

    /// Reports a second subject, one inside a condition or loop, or one that continues on the next line.
    pub(super) fn check_subjects(&self, title: &str, events: &[Placed], tags: &[Tag], context: &Context, diagnostics: &mut Diagnostics) {
        let Some((first, others)) = self.subjects.split_first() else { return };
        let place = |range: &Range<usize>| place(events, range, context.offset);
        let varied = "use one subject line and put the variants in it: `**Subject:** {% if … %}…{% else %}…{% endif %}`";
        if marked::open_statements(&events[..first.start], tags) > 0 {
            let message = format!("the subject line of `{title}` is inside a condition or a loop");
            diagnostics.push(Diagnostic::new(rule::UNCLEAR_SUBJECT, message).at(context.path, place(first)).help(varied));
        }
        if events[first.clone()].iter().any(|(event, _)| matches!(event, Event::SoftBreak | Event::HardBreak)) {
            let message = format!("the subject line of `{title}` continues on the next line");
            let diagnostic = Diagnostic::new(rule::UNCLEAR_SUBJECT, message).at(context.path, place(first));
            diagnostics.push(diagnostic.help("add an empty line below it, or write it on one line"));
        }
        for second in others {
            let diagnostic = Diagnostic::new(rule::UNCLEAR_SUBJECT, format!("`{title}` already has a subject line"));
            let diagnostic = diagnostic.at(context.path, place(second)).help(varied);
            diagnostics.push(diagnostic.first(context.path, Some(place(first))));
        }
    }

    /// The stage it names; an unknown stage is reported.
    pub(super) fn stage(&self, context: &Context, diagnostics: &mut Diagnostics) -> Option<Stage> {
        let (name, at) = self.stage.as_ref()?;
        let stage = Stage::parse(name);
        if stage.is_none() {
            let known: Vec<&str> = Stage::ALL.into_iter().map(Stage::name).collect();
            let diagnostic = Diagnostic::new(rule::UNKNOWN_STAGE, format!("unknown stage `{name}`"));
            let help = format!("use {}", known.join(", "));
            diagnostics.push(diagnostic.at(context.path, at.start + context.offset..at.end + context.offset).help(help));
        }
        stage
    }

    /// The events of the body: without id and subject, and without rules at its start and end.
    pub(super) fn body<'t>(&self, events: &[Placed<'t>]) -> Vec<Placed<'t>> {
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

/// The range of some events in the file.
fn place(events: &[Placed], range: &Range<usize>, offset: usize) -> Span {
    events[range.start].1.start + offset..events[range.end - 1].1.end + offset
}

/// Removes `Subject`, with or without its colon: `Subject matter` is an ordinary beginning.
fn begins_subject(text: &str) -> bool {
    text.trim_start().strip_prefix("Subject").map(str::trim_start).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// What a comment declares about its notice.
enum Label {
    Id,
    Stage,
}

/// `<!-- id: advance, stage: scheduled -->`, or one of the two. Any other comment declares nothing.
fn labels(events: &[Placed]) -> Vec<(Label, String)> {
    let html = markdown::raw_html(events);
    let Some(text) = html.trim().strip_prefix("<!--").and_then(|text| text.strip_suffix("-->")) else { return Vec::new() };
    let mut labels = Vec::new();
    for entry in text.split(',') {
        let Some((key, value)) = entry.split_once(':') else { return Vec::new() };
        let value = value.trim();
        let legal = !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
        match key.trim() {
            "id" if legal => labels.push((Label::Id, value.to_owned())),
            "stage" if legal => labels.push((Label::Stage, value.to_owned())),
            _ => return Vec::new(),
        }
    }
    labels
}
