//! The data of a sheet for the page's script: JSON in the page, written at build time.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Sheet, decider, owner};
use crate::config::{Event, Mode};
use crate::page::entry::{self, Track};
use crate::page::{ItemKind, blank};
use crate::project::Page;
use crate::schedule::{Offset, Origin, Part, Unit, zone};

/// Everything that the script of a sheet needs besides the page itself. Times are seconds since 1970.
#[derive(Debug, Serialize)]
pub struct Data<'p> {
    /// A short hash of the site, which keeps sheets of different sites apart.
    pub site: String,
    pub page: &'p str,
    pub title: &'p str,
    /// A hash of everything else: equal sheets have equal versions.
    pub version: String,
    pub event: Option<EventData<'p>>,
    pub date: DateWords<'p>,
    pub roles: std::collections::BTreeMap<&'p str, &'p str>,
    pub sections: Vec<SectionData<'p>>,
    pub items: Vec<ItemData<'p>>,
    pub blanks: Vec<BlankData<'p>>,
}

/// How the page's script writes a day: with `{0}` for the day, and `{1}` for the month.
#[derive(Debug, Serialize)]
pub struct DateWords<'p> {
    pub day: String,
    pub months: &'p [String],
}

#[derive(Debug, Serialize)]
pub struct EventData<'p> {
    pub id: &'p str,
    pub name: &'p str,
    pub mode: &'static str,
    pub t0: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<&'p str>,
    /// The offsets of the zone, each with its first second and its abbreviation. Outside the table, times are shown in UTC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offsets: Vec<(i64, i32, String)>,
    pub end: Option<i64>,
}

/// A heading.
#[derive(Debug, Default, Serialize)]
pub struct SectionData<'p> {
    pub anchor: &'p str,
    pub title: &'p str,
    pub path: &'p str,
    pub level: u8,
    pub track: Track,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<i64>,
    /// On the way back: seconds after the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_shift: Option<Shift>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'p str>,
    #[serde(skip_serializing_if = "is_false")]
    pub no_return: bool,
}

/// An offset in parts, signed: calendar days, business days, seconds that elapse.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shift {
    pub days: i64,
    pub business: i64,
    pub seconds: i64,
}

#[derive(Debug, Default, Serialize)]
pub struct ItemData<'p> {
    pub id: &'p str,
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<i64>,
    /// Ids; absent if it waits for the item before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<&'p str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    #[serde(skip_serializing_if = "is_false")]
    pub done: bool,
    /// A task whose words mark a decision: everything after it waits for it.
    #[serde(skip_serializing_if = "is_false")]
    pub gate: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub named: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub no_return: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub rounds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decider: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

#[derive(Debug, Serialize)]
pub struct BlankData<'p> {
    pub id: &'p str,
    pub kind: blank::Kind,
    pub label: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub var: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<usize>,
    #[serde(skip_serializing_if = "is_false")]
    pub named: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A sheet as JSON that is safe inside HTML, because it contains no `<`, `>` or `&`; and its version, a hash of all its content.
pub fn json(page: &Page, sheet: &Sheet, event: Option<&Event>, site: &str, route: &str) -> (String, String) {
    let data = Data {
        site: hash(site, 8),
        page: route,
        title: &page.title,
        version: String::new(),
        event: event.map(|event| event_data(event, sheet)),
        date: DateWords {
            day: page.language.fill("date.day", &[("day", "{0}"), ("month", "{1}")]),
            months: page.language.list("date.months"),
        },
        roles: event.map(|event| event.roles.iter().map(|(key, title)| (key.as_str(), title.as_str())).collect()).unwrap_or_default(),
        sections: (0..page.headings.len()).map(|index| section(page, sheet, index)).collect(),
        items: (0..page.items.len()).map(|index| item(page, sheet, event, index)).collect(),
        blanks: page.blanks.iter().map(blank_data).collect(),
    };
    // The texts of items are in the page, so they count too.
    let texts: Vec<&str> = page.items.iter().map(|item| item.text.as_str()).collect();
    let json = serde_json::to_string(&data).unwrap_or_default();
    let version = hash(&format!("{json}{}", texts.join("\n")), 12);
    let json = json.replacen(NO_VERSION, &format!("\"version\":\"{version}\""), 1);
    (json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"), version)
}

/// A placeholder for the version; quotes in texts are escaped, so it occurs nowhere else.
const NO_VERSION: &str = "\"version\":\"\"";

fn hash(text: &str, length: usize) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..length].to_owned()
}

fn seconds(at: &jiff::Zoned) -> i64 {
    at.timestamp().as_second()
}

fn event_data<'p>(event: &'p Event, sheet: &Sheet) -> EventData<'p> {
    let clock = event.clock.as_ref();
    let offsets = offsets(event, sheet);
    EventData {
        id: &event.id,
        name: &event.name,
        mode: if event.mode == Mode::Rehearsal { "rehearsal" } else { "live" },
        t0: clock.map(|clock| seconds(clock.t0())),
        zone: clock.and_then(|clock| clock.t0().time_zone().iana_name()).or(event.time_zone.as_deref()),
        offsets,
        end: event.end().as_ref().map(seconds),
    }
}

/// How long before and after a sheet's plan the page knows the zone's offsets.
const MARGIN: SignedDuration = SignedDuration::from_hours(400 * 24);
/// For an event without a date: how many years before and after the database release.
const PREVIEW: (i16, i16) = (1, 10);

/// The offsets of the event's zone around everything that the sheet plans. Outside this period the page falls back to UTC, so it
/// never shows a time that nobody has worked out.
fn offsets(event: &Event, sheet: &Sheet) -> Vec<(i64, i32, String)> {
    let found = match (&event.clock, &event.time_zone) {
        (Some(clock), _) => Some(clock.t0().time_zone().clone()),
        (None, Some(name)) => zone::zone(name).ok(),
        (None, None) => None,
    };
    let Some(found) = found else { return Vec::new() };
    let (from, until) = match &event.clock {
        Some(clock) => {
            let end = event.end();
            let planned = sheet.steps.iter().flat_map(|step| [&step.start, &step.end]).flatten();
            let (first, last) = planned.chain(&end).fold((clock.t0(), clock.t0()), |(first, last), at| (first.min(at), last.max(at)));
            (
                first.timestamp().saturating_sub(MARGIN).unwrap_or(Timestamp::MIN),
                last.timestamp().saturating_add(MARGIN).unwrap_or(Timestamp::MAX),
            )
        }
        None => {
            let year = zone::tzdata().get(..4).and_then(|year| year.parse::<i16>().ok()).unwrap_or(2026);
            let first_of = |year: i16| jiff::civil::date(year, 1, 1).to_zoned(TimeZone::UTC).map(|day| day.timestamp());
            (first_of(year - PREVIEW.0).unwrap_or(Timestamp::MIN), first_of(year + PREVIEW.1).unwrap_or(Timestamp::MAX))
        }
    };
    let known = zone::stretches(&found, from, until).into_iter().map(|one| (one.from.as_second(), one.offset, one.name));
    known.chain([(until.as_second(), 0, "UTC".to_owned())]).collect()
}

fn section<'p>(page: &'p Page, sheet: &'p Sheet, index: usize) -> SectionData<'p> {
    let heading = &page.headings[index];
    let step = sheet.step_at(index).filter(|_| heading.timing.is_some());
    let reverse = step.filter(|step| step.offset.origin == Origin::Decision);
    SectionData {
        anchor: &heading.anchor,
        title: heading.name(),
        path: &heading.path,
        level: heading.level,
        track: heading.track,
        offset: step.map(|step| step.offset.to_string()),
        start: step.and_then(|step| step.start.as_ref()).map(seconds),
        end: step.and_then(|step| step.end.as_ref()).map(seconds),
        after: reverse.map(|step| step.offset.rough_seconds()),
        shift: step.filter(|_| reverse.is_none()).map(|step| shift(&step.offset)),
        end_shift: step.filter(|_| reverse.is_none()).and_then(|step| step.end_offset.as_ref()).map(shift),
        estimate: heading.timing.as_ref().and_then(|timing| timing.estimate.as_ref()).and_then(|length| length.seconds()),
        owner: heading.owner.as_deref(),
        no_return: sheet.no_return.as_ref().is_some_and(|found| found.heading == index && found.item.is_none()),
    }
}

/// The parts of an offset with its sign.
fn shift(offset: &Offset) -> Shift {
    let sign = if offset.negative { -1 } else { 1 };
    let of = |unit: Unit, parts: &[Part]| -> i64 {
        let hundredths = parts.iter().filter(|part| part.unit == unit).map(|part| i64::from(part.amount.hundredths()));
        hundredths.sum()
    };
    let of = |unit| of(unit, &offset.parts);
    Shift {
        days: sign * (of(Unit::Weeks) * 7 + of(Unit::Days)) / 100,
        business: sign * of(Unit::BusinessDays) / 100,
        seconds: sign * (of(Unit::Hours) * 3_600 + of(Unit::Minutes) * 60 + of(Unit::Seconds)) / 100,
    }
}

fn item<'p>(page: &'p Page, sheet: &'p Sheet, event: Option<&Event>, index: usize) -> ItemData<'p> {
    let item = &page.items[index];
    let planned = &sheet.planned[index];
    let (kind, done) = match item.kind {
        ItemKind::Task { done } => ("task", done),
        ItemKind::Choice(_) => ("choice", false),
        ItemKind::Alarm(_) => ("alarm", false),
    };
    let (from, until) = sheet.armed(item, event.and_then(|event| event.clock.as_ref()));
    let alarm_decider = match &item.kind {
        ItemKind::Alarm(alarm) => alarm.decider.as_deref(),
        _ => None,
    };
    ItemData {
        id: &item.id,
        kind,
        section: item.section,
        owner: owner(page, sheet, item).filter(|_| kind != "alarm"),
        estimate: item.estimate.as_ref().and_then(|length| length.seconds()),
        after: item.after.as_ref().map(|_| planned.after.iter().map(|other| page.items[*other].id.as_str()).collect()),
        parent: item.parent,
        done,
        gate: kind == "task" && !done && item.rounds.is_none() && entry::is_gate(&item.text),
        named: item.named,
        no_return: sheet.no_return.as_ref().is_some_and(|found| found.item == Some(index)),
        rounds: item.rounds.is_some(),
        start: planned.start.as_ref().map(seconds),
        end: planned.end.as_ref().map(seconds),
        answers: if let ItemKind::Choice(answers) = &item.kind { answers.iter().map(String::as_str).collect() } else { Vec::new() },
        decider: alarm_decider.or_else(|| decider(page, sheet, item).filter(|_| kind != "task")),
        from: from.as_ref().map(seconds),
        until: until.as_ref().map(seconds),
    }
}

fn blank_data(blank: &crate::page::Blank) -> BlankData<'_> {
    BlankData {
        id: &blank.id,
        kind: blank.kind,
        label: &blank.label,
        var: blank.var.as_deref(),
        item: blank.item,
        section: blank.section,
        named: blank.named,
        min: blank.limits.min,
        max: blank.limits.max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_come_apart() {
        let of = |text| shift(&Offset::parse(text).unwrap());
        assert_eq!(of("T-1w2d3h"), Shift { days: -9, business: 0, seconds: -10_800 });
        assert_eq!(of("T+1.5h"), Shift { days: 0, business: 0, seconds: 5_400 });
        assert_eq!(of("T-5bd"), Shift { days: 0, business: -5, seconds: 0 });
        assert_eq!(of("T-0"), Shift::default());
    }
}
