//! `slot-too-short`: steps whose tasks take longer than the time they have.

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::sheet::order;
use crate::sheet::plan::StepKind;
use crate::sheet::rounds::distance;

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    let page = sheet.page;
    // Group the items by step first, so that a long sheet is walked only once.
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); sheet.sheet.steps.len()];
    for (index, item) in page.items.iter().enumerate().filter(|(_, item)| order::in_order(item) && !order::is_done(item)) {
        if let Some(step) = sheet.sheet.step(item) {
            below[step].push(index);
        }
    }
    for (number, step) in sheet.sheet.steps.iter().enumerate().filter(|(_, step)| step.kind != StepKind::Recurring) {
        // On the way back, and without a date, the sum of the estimates replaces the plan.
        let sum: i64 = below[number].iter().filter_map(|index| page.items[*index].estimate.as_ref()?.seconds()).sum();
        let planned = below[number].iter().filter_map(|index| sheet.sheet.planned[*index].end.as_ref()).max();
        let needed = match (&step.start, planned) {
            (Some(start), Some(end)) => end.timestamp().as_second() - start.timestamp().as_second(),
            _ => sum,
        };
        let estimate = order::heading_estimate(page, step).and_then(|length| length.seconds());
        let until_end =
            step.start.as_ref().zip(step.end.as_ref()).map(|(start, end)| end.timestamp().as_second() - start.timestamp().as_second());
        let until_end = until_end.filter(|_| step.end_offset.is_some() || estimate.is_none());
        let Some(slot) = estimate.or(until_end).or_else(|| to_next(sheet, number)).filter(|slot| needed > *slot) else { continue };
        let words = |seconds: i64| if seconds == 0 { "0 min".to_owned() } else { distance(seconds).trim_start_matches("T+").to_owned() };
        let message = format!("the tasks of this step take {}, but the step has {}", words(needed), words(slot));
        let span = super::first_line(sheet.source, &page.headings[step.heading].span);
        let diagnostic = Diagnostic::new(rule::SLOT_TOO_SHORT, message).at(&page.path, span);
        diagnostics.push(diagnostic.help("give the step more time, or let tasks run in parallel with `after: none`"));
    }
}

/// The distance to the next step of the way back.
fn to_next(sheet: &Sheet, number: usize) -> Option<i64> {
    let steps = &sheet.sheet.steps;
    let (step, next) = (&steps[number], steps.get(number + 1)?);
    let same = step.offset.origin == next.offset.origin && step.start.is_none();
    let seconds = next.offset.rough_seconds() - step.offset.rough_seconds();
    (same && seconds > 0 && step.kind == StepKind::Point).then_some(seconds)
}
