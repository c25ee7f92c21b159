//! `range-gap`, `range-overlap`: phases that leave time between them, or overlap.

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::rule;
use crate::schedule::Origin;
use crate::sheet::plan::{Step, StepKind};
use crate::sheet::rounds::distance;

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    let page = sheet.page;
    let ranges: Vec<&Step> =
        sheet.sheet.steps.iter().filter(|step| step.kind == StepKind::Range && step.offset.origin == Origin::T0).collect();
    for (index, range) in ranges.iter().enumerate() {
        let level = page.headings[range.heading].level;
        // The next range of the same level, unless a higher heading comes first.
        let next = ranges[index + 1..].iter().find(|next| page.headings[next.heading].level <= level);
        let Some(next) = next.filter(|next| page.headings[next.heading].level == level) else { continue };
        let between = page.headings[range.heading + 1..next.heading].iter().any(|heading| heading.level < level);
        let (Some(end), false) = (&range.end_offset, between) else { continue };
        let apart = match (&range.end, &next.start) {
            (Some(end), Some(start)) => start.timestamp().as_second() - end.timestamp().as_second(),
            _ => next.offset.rough_seconds() - end.rough_seconds(),
        };
        // A point between the two may fill the gap.
        let steps = &sheet.sheet.steps;
        let between =
            steps.partition_point(|step| step.heading <= range.heading)..steps.partition_point(|step| step.heading < next.heading);
        let is_filled = steps[between].iter().any(|step| step.kind != StepKind::Recurring && page.headings[step.heading].level == level);
        let span = page.headings[next.heading].span.clone();
        let above = Place::Span(super::first_line(sheet.source, &page.headings[range.heading].span));
        let length = distance(apart.abs()).trim_start_matches("T+").to_owned();
        if apart < 0 {
            let message = format!("this range starts {length} before the range above it ends, at {end}");
            let diagnostic = Diagnostic::new(rule::RANGE_OVERLAP, message).at(&page.path, super::first_line(sheet.source, &span));
            let diagnostic = diagnostic.help("start one where the other ends");
            diagnostics.push(diagnostic.related(&page.path, above, "the range above it"));
        } else if apart > 0 && !is_filled {
            let message = format!("nothing is planned for {length} before this range: the range above it ends at {end}");
            let diagnostic = Diagnostic::new(rule::RANGE_GAP, message).at(&page.path, super::first_line(sheet.source, &span));
            let diagnostic = diagnostic.help("start one where the other ends, or add a heading for the time between them");
            diagnostics.push(diagnostic.related(&page.path, above, "the range above it"));
        }
    }
}
