//! The plan of a run sheet outside its page: a picture of it, and a calendar.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::sheet::site_key;
use crate::config::{Event, Mode};
use crate::schedule::Clock;
use crate::sheet::plan::{Step, StepKind};
use crate::sheet::{Round, calendar, gates, timeline};
use crate::site::{Site, SitePage};

/// The plan of a sheet as a picture with a table; empty without a date.
pub fn timeline(page: &SitePage, event: Option<&Event>) -> String {
    let Some((event, clock)) = event.and_then(|event| Some((event, event.clock.as_ref()?))) else { return String::new() };
    let sheet = &page.sheet;
    let marks = timeline::Marks {
        t0: clock.t0().clone(),
        window_end: event.end(),
        no_return: sheet.no_return.as_ref().and_then(|found| found.at.clone()),
        rollback_by: sheet.rollback_by.clone(),
        language: page.page.language.clone(),
    };
    let top = sheet.steps.iter().map(|step| page.page.headings[step.heading].level).min().unwrap_or(2);
    let gates = gates(&page.page, sheet);
    let entries = sheet.steps.iter().zip(gates).filter_map(|(step, is_gate)| {
        let heading = &page.page.headings[step.heading];
        Some(timeline::Entry {
            title: step.title.clone(),
            anchor: step.id.clone(),
            offset: step.offset.to_string(),
            end_offset: step.end_offset.as_ref().map(ToString::to_string),
            start: step.start.clone()?,
            end: step.end.clone(),
            kind: match step.kind {
                StepKind::Recurring => timeline::Kind::Recurring,
                _ if is_gate => timeline::Kind::Gate,
                StepKind::Deadline => timeline::Kind::Deadline,
                _ if heading.level > top => timeline::Kind::Step,
                _ => timeline::Kind::Phase,
            },
            depth: u8::from(heading.level > top),
            owner: step.owner.clone(),
            rounds: rounds_of(page, step).map_or(0, <[Round]>::len),
        })
    });
    let entries: Vec<timeline::Entry> = entries.collect();
    if entries.is_empty() { String::new() } else { timeline::html(&entries, &marks) }
}

/// The rounds of a recurring step.
fn rounds_of<'s>(page: &'s SitePage, step: &Step) -> Option<&'s [Round]> {
    // Lists are in the order of their headings.
    let from = page.page.rounds.partition_point(|list| list.section < Some(step.heading));
    let mut own = page.page.rounds[from..].iter().take_while(|list| list.section == Some(step.heading));
    let number = from + own.position(|list| !list.alone)?;
    page.sheet.rounds[number].as_deref()
}

/// The calendar of a sheet (RFC 5545).
pub fn calendar(site: &Site, page: &SitePage) -> String {
    let Some(event) = site.event(page.event.as_deref()) else { return String::new() };
    let Some(clock) = &event.clock else { return String::new() };
    let mut entries = Vec::new();
    let language = &page.page.language;
    let base = &site.config.site.base_url;
    let url = |anchor: &str| (!base.is_empty()).then(|| format!("{base}{}#{anchor}", page.route));
    let host = base.split("://").nth(1).and_then(|rest| rest.split('/').next()).filter(|host| !host.is_empty()).unwrap_or("runsheet");
    // An entry keeps its name when its time or title changes, so that calendars update it.
    let uid = |name: &str| {
        let hash = blake3::hash(format!("{}\n{}\n{}\n{name}", site_key(site), event.id, page.page.path).as_bytes()).to_hex();
        format!("{}@{host}", &hash[..24])
    };
    // Headings with the same title are numbered.
    let mut twins: BTreeMap<&str, usize> = BTreeMap::new();
    for (step, is_gate) in page.sheet.steps.iter().zip(gates(&page.page, &page.sheet)) {
        let path = &*page.page.headings[step.heading].path;
        let before = twins.entry(path).or_default();
        let name = |suffix: &str| uid(&format!("step {path} {before}{suffix}"));
        step_entries(page, step, is_gate, &name, &url, &mut entries);
        *before += 1;
    }
    let mark = |name: &str, summary: &str, kind, at: &jiff::Zoned, anchor: Option<&str>| calendar::Entry {
        uid: uid(name),
        summary: summary.to_owned(),
        description: format!("{}\n{}", event.name, language.long(at)),
        start: at.clone(),
        end: None,
        is_busy: false,
        kind,
        url: anchor.and_then(&url),
    };
    if let Some(found) = &page.sheet.no_return
        && let Some(at) = &found.at
    {
        let anchor = page.page.headings[found.heading].anchor.as_str();
        entries.push(mark("no-return", language.text("sheet.no_return"), calendar::Kind::NoReturn, at, Some(anchor)));
    }
    if let Some(at) = &page.sheet.rollback_by {
        entries.push(mark("rollback-by", language.text("sheet.rollback_by"), calendar::Kind::RollbackBy, at, None));
    }
    stop_conditions(page, clock, &uid, &url, &mut entries);
    repeated_items(page, &uid, &url, &mut entries);
    let about = calendar::About {
        name: format!("{}: {}", event.name, page.page.title),
        description: site.config.site.title.clone(),
        revision: event.revision,
        stamp: stamp(site, page, clock),
        rehearsal: event.mode == Mode::Rehearsal,
        language: language.clone(),
    };
    calendar::write(&about, &entries)
}

/// When each stop condition is watched, if that has an end.
fn stop_conditions(
    page: &SitePage,
    clock: &Clock,
    uid: &impl Fn(&str) -> String,
    url: &impl Fn(&str) -> Option<String>,
    entries: &mut Vec<calendar::Entry>,
) {
    for item in &page.page.items {
        let (Some(start), Some(end)) = page.sheet.armed(item, Some(clock)) else { continue };
        let title = item.text.split([':', '.']).next().unwrap_or(&item.text).trim();
        let anchor = item.section.map(|section| page.page.headings[section].anchor.as_str());
        entries.push(calendar::Entry {
            uid: uid(&format!("alarm {}", item.id)),
            summary: page.page.language.fill("sheet.stop_condition_of", &[("title", title)]),
            description: item.text.clone(),
            start,
            end: Some(end),
            is_busy: false,
            kind: calendar::Kind::StopCondition,
            url: anchor.and_then(url),
        });
    }
}

/// The rounds of single items, such as `Every 30 min: look at the queue`.
fn repeated_items(
    page: &SitePage,
    uid: &impl Fn(&str) -> String,
    url: &impl Fn(&str) -> Option<String>,
    entries: &mut Vec<calendar::Entry>,
) {
    for (list, rounds) in page.page.rounds.iter().zip(&page.sheet.rounds).filter(|(list, _)| list.alone) {
        let Some(item) = list.items.first().map(|item| &page.page.items[*item]) else { continue };
        let anchor = list.section.map(|section| page.page.headings[section].anchor.as_str());
        for round in rounds.iter().flatten() {
            let Some(at) = &round.at else { continue };
            entries.push(calendar::Entry {
                uid: uid(&format!("item {} {}", item.id, round.key)),
                summary: item.text.clone(),
                description: format!("{}, {}", round.offset, page.page.language.long(at)),
                start: at.clone(),
                end: None,
                is_busy: false,
                kind: calendar::Kind::Round,
                url: anchor.and_then(url),
            });
        }
    }
}

/// The date of the calendar, without asking a clock: the time of the build if that is fixed, otherwise the last review of the
/// page, otherwise T-0. A file that changes with each build would look new each time.
fn stamp(site: &Site, page: &SitePage, clock: &Clock) -> jiff::Timestamp {
    let reviewed = || page.page.front.reviewed.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|at| at.timestamp());
    site.built_at.or_else(reviewed).unwrap_or_else(|| clock.t0().timestamp())
}

/// A step, or each of its rounds; `uid` identifies which part of it.
fn step_entries(
    page: &SitePage,
    step: &Step,
    is_gate: bool,
    uid: &impl Fn(&str) -> String,
    url: &impl Fn(&str) -> Option<String>,
    entries: &mut Vec<calendar::Entry>,
) {
    let heading = &page.page.headings[step.heading];
    let language = &page.page.language;
    let line = |key: &str, name: &str, value: &str| format!("\n{}", language.fill(key, &[(name, value)]));
    let owner = step.owner.as_ref().map(|owner| line("sheet.owner_of", "owner", owner)).unwrap_or_default();
    let tasks = if step.tasks > 0 { line("sheet.tasks", "count", &step.tasks.to_string()) } else { String::new() };
    let entry = |uid: String, start: &jiff::Zoned, end: Option<jiff::Zoned>, kind, offset: &str| calendar::Entry {
        uid,
        summary: step.title.clone(),
        description: format!("{offset}, {}{owner}{tasks}", language.long(start)),
        start: start.clone(),
        end,
        is_busy: false,
        kind,
        url: url(&step.id),
    };
    if step.kind == StepKind::Recurring {
        for round in rounds_of(page, step).unwrap_or_default() {
            if let Some(at) = &round.at {
                entries.push(entry(uid(&format!(" {}", round.key)), at, None, calendar::Kind::Round, &round.offset));
            }
        }
        return;
    }
    let Some(start) = &step.start else { return };
    let kind = match step.kind {
        _ if is_gate => calendar::Kind::Gate,
        StepKind::Deadline => calendar::Kind::Deadline,
        StepKind::Range => calendar::Kind::Phase,
        _ => calendar::Kind::Step,
    };
    // A point without an estimate lasts until the next one begins, which may be days later.
    let has_length = step.end_offset.is_some() || heading.timing.as_ref().is_some_and(|timing| timing.estimate.is_some());
    let is_busy = has_length && matches!(kind, calendar::Kind::Step | calendar::Kind::Gate);
    entries.push(calendar::Entry { is_busy, ..entry(uid(""), start, step.end.clone(), kind, &step.offset.to_string()) });
}
