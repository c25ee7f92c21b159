//! The plan of a run sheet: each timed heading with its offsets and, if T-0 is known, its real times.

use jiff::Zoned;
use serde::{Serialize, Serializer};

use super::not_reached;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::Heading;
use crate::project::Page;
use crate::rule;
use crate::schedule::{Clock, ClockError, Kind, Offset, Origin};
use crate::source::Lines;

/// A step of the plan.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The anchor of its heading.
    pub id: String,
    /// The source file of its page.
    pub page: String,
    pub line: usize,
    pub title: String,
    pub kind: StepKind,
    #[serde(serialize_with = "as_text")]
    pub offset: Offset,
    #[serde(serialize_with = "as_optional_text")]
    pub end_offset: Option<Offset>,
    #[serde(serialize_with = "as_optional_text")]
    pub start: Option<Zoned>,
    #[serde(serialize_with = "as_optional_text")]
    pub end: Option<Zoned>,
    pub owner: Option<String>,
    /// Boxes to tick in it, including those of untimed parts.
    pub tasks: usize,
    /// The number of its heading on the page.
    #[serde(skip)]
    pub heading: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    Point,
    Range,
    Open,
    Deadline,
    Recurring,
}

fn as_text<S: Serializer>(offset: &Offset, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(offset)
}

fn as_optional_text<T: std::fmt::Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// The steps of a page in the order of the document. Offsets without an instant are reported.
pub fn steps(page: &Page, text: &str, clock: Option<&Clock>, diagnostics: &mut Diagnostics) -> Vec<Step> {
    let mut steps = Vec::new();
    let lines = Lines::new(text);
    for (index, heading) in page.headings.iter().enumerate() {
        let line = || lines.line_column(heading.span.start).0;
        steps.extend(timed(page, line, index, clock, diagnostics).or_else(|| recurring(page, line, index, &steps)));
    }
    let ends: Vec<Option<Zoned>> = (0..steps.len()).map(|index| end_of(page, &steps, index, clock, diagnostics)).collect();
    for (step, end) in steps.iter_mut().zip(ends) {
        step.end = end;
    }
    end_recurring(page, &mut steps);
    steps
}

fn timed(page: &Page, line: impl Fn() -> usize, index: usize, clock: Option<&Clock>, diagnostics: &mut Diagnostics) -> Option<Step> {
    let heading = &page.headings[index];
    let timing = heading.timing.as_ref()?;
    // The start of the way back is unknown in advance.
    let clock = clock.filter(|_| timing.start.origin == Origin::T0);
    let mut instant = |offset: &Offset| in_range(clock?.at(offset), page, heading, diagnostics);
    let start = instant(&timing.start);
    let end = timing.end.as_ref().and_then(&mut instant);
    if let (Some(start), Some(end)) = (&start, &end)
        && end < start
    {
        let message = "the range ends before it starts";
        diagnostics.push(Diagnostic::new(rule::BAD_OFFSET, message).at(&page.path, heading.span.clone()));
    }
    let kind = match timing.kind {
        Kind::Point => StepKind::Point,
        Kind::Range => StepKind::Range,
        Kind::Open => StepKind::Open,
        Kind::Deadline => StepKind::Deadline,
    };
    Some(Step {
        id: heading.anchor.clone(),
        page: page.path.to_string(),
        line: line(),
        title: heading.name().to_owned(),
        kind,
        offset: timing.start.clone(),
        end_offset: timing.end.clone(),
        start,
        end,
        owner: heading.owner.clone(),
        tasks: tasks_within(page, index),
        heading: index,
    })
}

/// The instant of a heading; if there is none, the reason is reported.
fn in_range(instant: Result<Zoned, ClockError>, page: &Page, heading: &Heading, diagnostics: &mut Diagnostics) -> Option<Zoned> {
    match instant {
        Ok(instant) => Some(instant),
        Err(error) => {
            diagnostics.push(not_reached(&error, page, &heading.span));
            None
        }
    }
}

/// Ends recurring work with its enclosing step; without such a step it has no part in the plan.
fn end_recurring(page: &Page, steps: &mut Vec<Step>) {
    for index in 0..steps.len() {
        let level = page.headings[steps[index].heading].level;
        if steps[index].kind == StepKind::Recurring && steps[index].end.is_none() {
            let parent =
                steps[..index].iter().rev().find(|step| step.kind != StepKind::Recurring && page.headings[step.heading].level < level);
            steps[index].end = parent.and_then(|parent| parent.end.clone());
        }
    }
    steps.retain(|step| step.kind != StepKind::Recurring || step.end.is_some() || step.end_offset.is_some());
}

/// `Every 15 minutes` below a step that has an end, or may get one.
fn recurring(page: &Page, line: impl Fn() -> usize, index: usize, before: &[Step]) -> Option<Step> {
    let heading = &page.headings[index];
    heading.every.as_ref()?;
    let parent = before.iter().rev().find(|step| step.kind != StepKind::Recurring && page.headings[step.heading].level < heading.level)?;
    // Another section of the parent's level may come in between.
    let outside = page.headings[parent.heading + 1..index].iter().any(|between| between.level <= page.headings[parent.heading].level);
    if outside || parent.end_offset.is_none() && parent.kind != StepKind::Point {
        return None;
    }
    Some(Step {
        id: heading.anchor.clone(),
        line: line(),
        title: heading.text.clone(),
        kind: StepKind::Recurring,
        owner: None,
        tasks: tasks_within(page, index),
        heading: index,
        ..parent.clone()
    })
}

/// Tasks below a heading, up to the next one that is as high or has a time of its own.
fn tasks_within(page: &Page, index: usize) -> usize {
    let level = page.headings[index].level;
    let below = page.headings[index + 1..].iter().take_while(|heading| heading.level > level && heading.timing.is_none());
    page.headings[index].tasks + below.map(|heading| heading.tasks).sum::<usize>()
}

/// The end of a step: that of its range, otherwise by its estimate, otherwise where the next one of its level or above begins.
fn end_of(page: &Page, steps: &[Step], index: usize, clock: Option<&Clock>, diagnostics: &mut Diagnostics) -> Option<Zoned> {
    let step = &steps[index];
    if step.end.is_some() || step.end_offset.is_some() || !matches!(step.kind, StepKind::Point) {
        return step.end.clone();
    }
    let heading = &page.headings[step.heading];
    let start = step.start.as_ref()?;
    if let Some(estimate) = heading.timing.as_ref().and_then(|timing| timing.estimate.as_ref()) {
        return in_range(clock?.after(start, estimate), page, heading, diagnostics);
    }
    let next = steps[index + 1..].iter().find(|next| {
        next.kind != StepKind::Recurring
            && page.headings[next.heading].level <= heading.level
            && next.start.as_ref().is_some_and(|at| at >= start)
    })?;
    next.start.clone()
}
