//! The order of the items: what each waits for, and when it is planned.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use jiff::Zoned;

use super::{is_main, not_reached, track_of};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::page::{Item, ItemKind};
use crate::project::Page;
use crate::rule;
use crate::schedule::{Clock, Length, Offset};
use crate::sheet::plan::Step;
use crate::text::Names;

/// What an item waits for, and when it is planned.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// The numbers of the items that must be done before.
    pub after: Vec<usize>,
    pub start: Option<Zoned>,
    pub end: Option<Zoned>,
}

/// Plans all items. Unknown names and cycles are reported.
pub fn plan(page: &Page, steps: &[Step], step_of: &[Option<usize>], clock: Option<&Clock>, diagnostics: &mut Diagnostics) -> Vec<Planned> {
    let mut planned: Vec<Planned> = Vec::with_capacity(page.items.len());
    let mut before: Option<usize> = None;
    let meant = LazyCell::new(|| Meant::new(page));
    for (index, item) in page.items.iter().enumerate() {
        let mut after = Vec::new();
        match &item.after {
            Some(names) => names.iter().for_each(|name| after.extend(meant.find(item, name, diagnostics))),
            None if in_order(item) => {
                after.extend(before.filter(|before| track_of(page, &page.items[*before]) == track_of(page, item)));
            }
            None => {}
        }
        if in_order(item) {
            before = Some(index);
        }
        planned.push(Planned { after, start: None, end: None });
    }
    if report_cycle(page, &planned, diagnostics) {
        return planned;
    }
    let Some(clock) = clock else { return planned };
    let plan = Plan::new(page, steps, step_of, clock);
    for index in 0..page.items.len() {
        plan.place(&mut planned, index, diagnostics);
    }
    // A nested item is part of the one above it.
    for index in 0..page.items.len() {
        if let Some(parent) = page.items[index].parent {
            let (start, end) = (planned[parent].start.clone(), planned[parent].end.clone());
            (planned[index].start, planned[index].end) = (start, end);
        }
    }
    planned
}

/// Whether an item has a place in the order: not part of another one, not repeated, not a stop condition.
pub fn in_order(item: &Item) -> bool {
    item.parent.is_none() && item.rounds.is_none() && !matches!(item.kind, ItemKind::Alarm(_))
}

/// Whether an item is ticked in the source: it takes no time in a run.
pub fn is_done(item: &Item) -> bool {
    item.kind == ItemKind::Task { done: true }
}

/// The possible meanings of a name in `after:`, collected once per page.
struct Meant<'p> {
    page: &'p Page,
    ids: BTreeMap<&'p str, usize>,
    /// The headings by their texts in small letters.
    headings: Vec<(String, usize)>,
    /// For each heading, the last item in the order directly below it.
    last: Vec<Option<usize>>,
    named: Names<'p>,
}

impl<'p> Meant<'p> {
    fn new(page: &'p Page) -> Meant<'p> {
        let mut last = vec![None; page.headings.len()];
        let mut ids = BTreeMap::new();
        for (index, item) in page.items.iter().enumerate() {
            ids.entry(&*item.id).or_insert(index);
            if let Some(section) = item.section.filter(|_| in_order(item)) {
                last[section] = Some(index);
            }
        }
        let mut headings: Vec<(String, usize)> =
            page.headings.iter().enumerate().map(|(index, heading)| (heading.text.to_lowercase(), index)).collect();
        headings.sort();
        let named = Names::new(page.items.iter().filter(|item| item.named).map(|item| &*item.id));
        Meant { page, ids, headings, last, named }
    }

    /// The item that a name means: an id, or the last item below a heading such as `Step 3`.
    fn find(&self, item: &Item, name: &str, diagnostics: &mut Diagnostics) -> Option<usize> {
        let found = self.ids.get(name).copied().or_else(|| self.last_below(self.heading(name)?));
        if found.is_none() {
            let diagnostic = Diagnostic::new(rule::UNKNOWN_AFTER, format!("no item of this page has the id `{name}`"));
            let help = self.named.suggest(name);
            let help = help.unwrap_or_else(|| "give that item an id: `(id: NAME)`, or name its heading: `after: Step-3`".to_owned());
            diagnostics.push(diagnostic.at(&self.page.path, item.span.clone()).help(help));
        }
        found
    }

    /// The first heading that a name means.
    fn heading(&self, name: &str) -> Option<usize> {
        let number = name.to_lowercase().replace('-', " ");
        let from = self.headings.partition_point(|(text, _)| *text < number);
        let begins = self.headings[from..].iter().map_while(|(text, index)| Some((text.strip_prefix(&number)?, *index)));
        let whole = begins.filter(|(rest, _)| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '.'));
        whole.map(|(_, index)| index).min()
    }

    fn last_below(&self, heading: usize) -> Option<usize> {
        let level = self.page.headings[heading].level;
        let end = heading + 1 + self.page.headings[heading + 1..].iter().take_while(|below| below.level > level).count();
        self.last[heading..end].iter().rev().flatten().next().copied()
    }
}

/// Reports an item that waits for itself; returns whether there is one.
fn report_cycle(page: &Page, planned: &[Planned], diagnostics: &mut Diagnostics) -> bool {
    // 0: not visited, 1: on the present path, 2: no cycle found.
    let mut seen = vec![0u8; planned.len()];
    for start in 0..planned.len() {
        let mut way: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((index, next)) = way.last_mut() {
            let index = *index;
            if *next == 0 && seen[index] == 2 {
                way.pop();
                continue;
            }
            seen[index] = 1;
            let Some(target) = planned[index].after.get(*next).copied() else {
                seen[index] = 2;
                way.pop();
                continue;
            };
            *next += 1;
            if seen[target] == 1 {
                report(page, &way, target, diagnostics);
                return true;
            }
            if seen[target] == 0 {
                way.push((target, 0));
            }
        }
    }
    false
}

fn report(page: &Page, way: &[(usize, usize)], target: usize, diagnostics: &mut Diagnostics) {
    let from = way.iter().position(|(index, _)| *index == target).unwrap_or(0);
    let circle: Vec<usize> = way[from..].iter().map(|(index, _)| *index).collect();
    let names: Vec<String> = circle.iter().chain([&target]).map(|index| short(&page.items[*index].text)).collect();
    // A cycle always contains a written `after`; the order of the document alone has none.
    let cause = circle.iter().find(|index| page.items[**index].after.is_some()).copied().unwrap_or(target);
    let message = format!("this item waits for itself: {}", names.join(" → "));
    let diagnostic = Diagnostic::new(rule::AFTER_CYCLE, message).at(&page.path, page.items[cause].span.clone());
    let diagnostic = diagnostic.help("an item without `after:` waits for the one before it; `after: none` waits for nothing");
    let others = circle.iter().filter(|index| **index != cause && page.items[**index].after.is_some());
    let place = |index: &usize| Place::Span(page.items[*index].span.clone());
    diagnostics.push(others.fold(diagnostic, |diagnostic, index| diagnostic.related(&page.path, place(index), "it also waits here")));
}

fn short(text: &str) -> String {
    let words: String = text.chars().take(40).collect();
    if words.len() < text.len() { format!("`{}…`", words.trim_end()) } else { format!("`{words}`") }
}

/// Data that planning a page needs repeatedly.
struct Plan<'p> {
    page: &'p Page,
    steps: &'p [Step],
    step_of: &'p [Option<usize>],
    clock: &'p Clock,
    /// For each step, the seconds of a task without an estimate: an equal share of what remains of the step's own estimate.
    shares: Vec<i64>,
}

impl<'p> Plan<'p> {
    fn new(page: &'p Page, steps: &'p [Step], step_of: &'p [Option<usize>], clock: &'p Clock) -> Plan<'p> {
        let mut known = vec![0; steps.len()];
        let mut unknown = vec![0; steps.len()];
        for item in page.items.iter().filter(|item| in_order(item) && !is_done(item)) {
            let Some(step) = item.section.and_then(|section| step_of[section]) else { continue };
            match item.estimate.as_ref().and_then(Length::seconds) {
                Some(seconds) => known[step] += seconds,
                None => unknown[step] += 1,
            }
        }
        let shares = steps.iter().enumerate().map(|(number, step)| {
            let slot = heading_estimate(page, step).and_then(Length::seconds).unwrap_or(0);
            (slot - known[number]).max(0) / i64::max(unknown[number], 1)
        });
        Plan { page, steps, step_of, clock, shares: shares.collect() }
    }

    fn step(&self, item: &Item) -> Option<usize> {
        item.section.and_then(|section| self.step_of[section])
    }

    /// Sets an item's planned times: after the items it waits for, and not before its step begins.
    fn place(&self, planned: &mut [Planned], index: usize, diagnostics: &mut Diagnostics) {
        let item = &self.page.items[index];
        if !in_order(item) || !is_main(self.page, item) {
            return;
        }
        let Some(step) = self.step(item) else { return };
        let Some(begins) = self.steps[step].start.clone() else { return };
        // Only the order within a step shifts the plan: there may be days between steps, and being late is a matter for the forecast.
        let waits = |other: &&usize| item.after.is_some() || self.step(&self.page.items[**other]) == Some(step);
        let ends = planned[index].after.iter().filter(waits).filter_map(|other| planned[*other].end.clone());
        let start = ends.fold(begins, Zoned::max);
        let end = match &item.estimate {
            _ if is_done(item) => Ok(start.clone()),
            Some(estimate) => self.clock.after(&start, estimate),
            None => self.clock.shift(&start, &Offset::elapsed(self.shares[step])),
        };
        let end = end.unwrap_or_else(|error| {
            diagnostics.push(not_reached(&error, self.page, &item.span));
            start.clone()
        });
        planned[index].end = Some(end);
        planned[index].start = Some(start);
    }
}

/// The `~30m` of a step's heading.
pub fn heading_estimate<'p>(page: &'p Page, step: &Step) -> Option<&'p Length> {
    page.headings[step.heading].timing.as_ref()?.estimate.as_ref()
}
