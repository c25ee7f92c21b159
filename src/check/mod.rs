//! Rules about content: files that can be read but would confuse a reader or an operator.

mod asked;
mod backticks;
mod blanks;
mod contacts;
mod contracts;
pub mod external;
mod fences;
mod filled_by_hand;
mod fillers;
mod gates;
pub mod kept_links;
mod left_tags;
pub mod merged;
mod mojibake;
mod notices;
mod outcomes;
mod owners;
mod placeholders;
mod ranges;
mod review;
mod sheets;
mod slots;
mod thresholds;
mod unread;

use std::collections::BTreeSet;

use crate::config::Mailing;
use crate::diagnostic::Diagnostics;
use crate::inputs::Inputs;
use crate::project::Page;
use crate::project::Project;
use crate::site::Site;
use crate::source::{Source, Span};

pub use fillers::Fillers;

/// Every rule over every page, and the contracts.
pub fn run(project: &Project, site: &Site, inputs: &Inputs) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    for page in &project.pages {
        let Some(source) = inputs.sources.get(&page.path) else { continue };
        backticks::check(page, source, &mut diagnostics);
        fences::check(source, &mut diagnostics);
        mojibake::check(page, source, &mut diagnostics);
        notices::check(page, site, source, &mut diagnostics);
        placeholders::check(page, source, project, &mut diagnostics);
        review::check(page, inputs.now, &mut diagnostics);
    }
    sheets::check(site, inputs, &mut diagnostics);
    contracts::check(project, inputs, &mut diagnostics);
    diagnostics
}

/// Reports what must not be sent in the notices of mailings: errors of every build.
pub fn in_merged_notices(project: &Project, inputs: &Inputs, mailings: &[Mailing]) -> Diagnostics {
    let names: BTreeSet<&str> = mailings.iter().map(|mailing| mailing.notice.value.as_str()).collect();
    let mut diagnostics = placeholders::in_merged_notices(project, inputs, mailings);
    for page in &project.pages {
        let Some(source) = inputs.sources.get(&page.path) else { continue };
        for notice in page.notices.iter().filter(|notice| names.contains(notice.name.as_str())) {
            left_tags::check(page, notice, source, &mut diagnostics);
        }
    }
    diagnostics
}

/// Whether a place is in code or in a comment, where no rule about prose applies.
fn in_code(page: &Page, span: &Span) -> bool {
    code_around(page, span).is_some()
}

/// The code, HTML or comment that contains a place.
fn code_around<'p>(page: &'p Page, span: &Span) -> Option<&'p Span> {
    // Code ranges are in the order of the text and do not overlap.
    let next = page.code.get(page.code.partition_point(|code| code.end <= span.start));
    next.filter(|code| code.start < span.end)
}

/// The first line of the text at a place: enough to find it.
fn first_line(source: &Source, span: &Span) -> Span {
    let text = &source.text[span.clone()];
    span.start..span.start + text.find('\n').unwrap_or(text.len())
}

/// The lines of a text, each with the byte where it begins.
fn lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
}
