//! A run sheet in use: the plan of a page on the clock of its event.
//!
//! [`resolve`] combines a page with a clock: which item waits for which, when each is planned, which rounds a repeated
//! list has, when a stop condition is armed, where the point of no return is. [`data`] is the same for the page in the
//! browser, [`timeline`] as a picture, [`calendar`] for calendars.

pub mod calendar;
pub mod data;
pub mod order;
pub mod plan;
pub mod rounds;
pub mod timeline;

use jiff::Zoned;

use crate::config::Event;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::Item;
use crate::page::entry::{self, ItemKind, Track};
use crate::project::Page;
use crate::rule;
use crate::schedule::recurrence::MOST_ROUNDS;
use crate::schedule::{Clock, ClockError, Timing};
use crate::source::Span;
use plan::{Step, StepKind};

pub use order::Planned;
pub use rounds::Round;

/// The plan of a page.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Timed headings in the order of the document.
    pub steps: Vec<Step>,
    /// For each heading of the page, the number of its step: its own, or that of the nearest heading above.
    pub step_of: Vec<Option<usize>>,
    /// For each heading of the page, the heading that names the owner for it: itself, or the nearest one above that names one.
    pub owner_of: Vec<Option<usize>>,
    /// For each item of the page, what it waits for, and when it is planned.
    pub planned: Vec<Planned>,
    /// For each repeated list of the page, its rounds; `None` if its window has no end.
    pub rounds: Vec<Option<Vec<Round>>>,
    /// The first heading or item with the words "point of no return".
    pub no_return: Option<NoReturn>,
    /// The latest moment to decide for the way back: the end of the window minus the duration of the way back.
    pub rollback_by: Option<Zoned>,
}

/// The point at which the way back changes.
#[derive(Clone, Debug)]
pub struct NoReturn {
    pub heading: usize,
    /// The item, if the words are in an item and not in a heading.
    pub item: Option<usize>,
    pub at: Option<Zoned>,
}

/// When a stop condition is watched; open sides are `None`.
pub type Armed = (Option<Zoned>, Option<Zoned>);

/// Combines a page with the clock of its event.
pub fn resolve(page: &Page, text: &str, event: Option<&Event>, diagnostics: &mut Diagnostics) -> Sheet {
    let clock = event.and_then(|event| event.clock.as_ref());
    let steps = plan::steps(page, text, clock, diagnostics);
    let step_of = steps_of_headings(page, &steps);
    let planned = order::plan(page, &steps, &step_of, clock, diagnostics);
    let rounds: Vec<Option<Vec<Round>>> = page.rounds.iter().map(|list| rounds::of(list, &steps, &step_of, clock)).collect();
    check_rounds(page, &rounds, diagnostics);
    let no_return = no_return(page, &steps, &step_of, &planned);
    check_alarms(page, clock, diagnostics);
    let rollback_by = event.and_then(Event::rollback_by);
    let owner_of = owners_of_headings(page);
    Sheet { steps, step_of, owner_of, planned, rounds, no_return, rollback_by }
}

/// Reports lists that are repeated more often than anybody can tick, or never.
fn check_rounds(page: &Page, rounds: &[Option<Vec<Round>>], diagnostics: &mut Diagnostics) {
    for (list, rounds) in page.rounds.iter().zip(rounds) {
        let (message, help) = match rounds.as_ref().map(Vec::len) {
            Some(0) => (
                format!("no round falls into this window: every {}", list.every),
                "change the window or the interval: there is nothing to tick",
            ),
            Some(MOST_ROUNDS) => (
                format!("only the first {MOST_ROUNDS} rounds are shown: every {}", list.every),
                "use a longer interval or a shorter window",
            ),
            _ => continue,
        };
        let Some(item) = list.items.first() else { continue };
        diagnostics.push(Diagnostic::new(rule::ROUND_COUNT, message).at(&page.path, page.items[*item].span.clone()).help(help));
    }
}

/// Reports stop conditions whose period is out of range.
fn check_alarms(page: &Page, clock: Option<&Clock>, diagnostics: &mut Diagnostics) {
    let Some(clock) = clock else { return };
    for item in &page.items {
        let ItemKind::Alarm(alarm) = &item.kind else { continue };
        let Some(Timing { start, end, .. }) = &alarm.applies else { continue };
        for error in [Some(start), end.as_ref()].into_iter().flatten().filter_map(|offset| clock.at(offset).err()) {
            diagnostics.push(not_reached(&error, page, &item.span));
        }
    }
}

/// The place of a moment that could not be computed.
fn not_reached(error: &ClockError, page: &Page, span: &Span) -> Diagnostic {
    Diagnostic::new(rule::BAD_OFFSET, error.message()).at(&page.path, span.clone()).maybe_help(error.help())
}

/// For each step, whether it contains a decision: one of its own items is a gate, or its name is and it has no items. Tasks without
/// a decision lock nothing, whatever is above them. Ranges may contain gates but are not gates.
pub fn gates(page: &Page, sheet: &Sheet) -> Vec<bool> {
    let mut has_items = vec![false; sheet.steps.len()];
    let mut decides = vec![false; sheet.steps.len()];
    for item in page.items.iter().filter(|item| is_main(page, item)) {
        if let Some(number) = sheet.step(item) {
            has_items[number] = true;
            decides[number] |= matches!(item.kind, ItemKind::Choice(_)) || entry::is_gate(&item.text);
        }
    }
    let is_named = |number: usize| {
        let step = &sheet.steps[number];
        // The gate of `Gate 2 and last steps` may be further down in it.
        let level = page.headings[step.heading].level;
        let below = sheet.steps[number + 1..].iter().map(|step| &page.headings[step.heading]).take_while(|heading| heading.level > level);
        let is_gate = entry::is_gate(&step.title) || entry::is_gate(&page.headings[step.heading].text);
        is_gate && !below.into_iter().any(|heading| entry::is_gate(&heading.text))
    };
    let is_gate = |(number, step): (usize, &Step)| {
        matches!(step.kind, StepKind::Point | StepKind::Deadline) && (decides[number] || !has_items[number] && is_named(number))
    };
    sheet.steps.iter().enumerate().map(is_gate).collect()
}

/// The step of each heading: its own, or that of the nearest heading above. Recurring work belongs to its window.
fn steps_of_headings(page: &Page, steps: &[Step]) -> Vec<Option<usize>> {
    let mut open: Vec<(u8, usize)> = Vec::new();
    let mut found = Vec::with_capacity(page.headings.len());
    for (index, heading) in page.headings.iter().enumerate() {
        open.retain(|(level, _)| *level < heading.level);
        let own = step_at(steps, index).filter(|own| steps[*own].kind != StepKind::Recurring);
        if let Some(own) = own {
            open.push((heading.level, own));
        }
        found.push(open.last().map(|(_, step)| *step));
    }
    found
}

/// The number of the step that a heading is. Steps are in the order of their headings.
fn step_at(steps: &[Step], heading: usize) -> Option<usize> {
    steps.binary_search_by_key(&heading, |step| step.heading).ok()
}

/// For each heading the nearest one that names an owner: itself, or one above it.
fn owners_of_headings(page: &Page) -> Vec<Option<usize>> {
    let mut open: Vec<(u8, Option<usize>)> = Vec::new();
    let mut found = Vec::with_capacity(page.headings.len());
    for (index, heading) in page.headings.iter().enumerate() {
        open.retain(|(level, _)| *level < heading.level);
        let owner = heading.owner.as_ref().map(|_| index).or_else(|| open.last().and_then(|(_, above)| *above));
        open.push((heading.level, owner));
        found.push(owner);
    }
    found
}

fn no_return(page: &Page, steps: &[Step], step_of: &[Option<usize>], planned: &[Planned]) -> Option<NoReturn> {
    let heading =
        page.headings.iter().position(|heading| heading.track == Track::Main && heading.level > 1 && entry::is_no_return(&heading.text));
    let item = page.items.iter().position(|item| is_main(page, item) && entry::is_no_return(&item.text));
    // A heading contains its items: take whichever comes first in the text.
    match (heading, item) {
        (Some(heading), item) if item.is_none_or(|item| page.items[item].section.is_none_or(|section| section >= heading)) => {
            let at = step_of[heading].and_then(|step| steps[step].start.clone());
            Some(NoReturn { heading, item: None, at })
        }
        (_, Some(item)) => Some(NoReturn { heading: page.items[item].section?, item: Some(item), at: planned[item].start.clone() }),
        _ => None,
    }
}

/// Whether an item is work on the way forward: not a stop condition, and not on the way back.
pub fn is_main(page: &Page, item: &Item) -> bool {
    track_of(page, item) == Track::Main && !matches!(item.kind, ItemKind::Alarm(_))
}

/// The track that an item is on.
pub fn track_of(page: &Page, item: &Item) -> Track {
    item.section.map_or(Track::Main, |section| page.headings[section].track)
}

/// The owner of an item: its own, or that of the item above it, or of the nearest heading.
pub fn owner<'p>(page: &'p Page, sheet: &Sheet, item: &'p Item) -> Option<&'p str> {
    if let Some(owner) = &item.owner {
        return Some(owner);
    }
    if let Some(parent) = item.parent {
        return owner(page, sheet, &page.items[parent]);
    }
    page.headings[sheet.owner_of[item.section?]?].owner.as_deref()
}

/// Who decides: the owner of a choice, or of the page.
pub fn decider<'p>(page: &'p Page, sheet: &Sheet, item: &'p Item) -> Option<&'p str> {
    owner(page, sheet, item).or(page.front.owner.as_deref())
}

impl Sheet {
    /// The number of the step that an item belongs to.
    pub fn step(&self, item: &Item) -> Option<usize> {
        item.section.and_then(|section| self.step_of[section])
    }

    /// The step that a heading is.
    pub fn step_at(&self, heading: usize) -> Option<&Step> {
        step_at(&self.steps, heading).map(|number| &self.steps[number])
    }

    /// When a stop condition is watched: as it says itself, or in the window that contains it.
    pub fn armed(&self, item: &Item, clock: Option<&Clock>) -> Armed {
        let ItemKind::Alarm(alarm) = &item.kind else { return (None, None) };
        let at = |offset| clock.and_then(|clock| clock.at(offset).ok());
        if let Some(Timing { start, end, .. }) = &alarm.applies {
            return (at(start), end.as_ref().and_then(at));
        }
        let step = self.step(item).map(|step| &self.steps[step]);
        step.map_or((None, None), |step| (step.start.clone(), step.end.clone()))
    }
}
