//! `[events.NAME]`: the clock that all documents use.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::maintnote::{self, Impact};
use crate::data::Reader;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::schedule::{self, Clock, ClockError, Length, years};

/// A cutover, a rehearsal, a migration: one T-0 and what belongs to it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its key in the file.
    pub id: String,
    pub name: String,
    /// T-0 in its zone; `None` if it is not fixed yet.
    pub clock: Option<Clock>,
    /// The zone of its wall clocks, if one is named.
    pub time_zone: Option<String>,
    /// T-0 or its zone is invalid, or the end of the window is out of range. That is reported once; consequences are not reported again.
    pub is_faulty: bool,
    /// Zones that times are also shown in, by name.
    pub show_zones: Vec<(String, TimeZone)>,
    /// How long users must expect it to take.
    pub window: Option<Length>,
    pub rollback_duration: Option<Length>,
    pub mode: Mode,
    /// Who does what: key to title, such as `dba` to `Database engineer`.
    pub roles: BTreeMap<String, String>,
    pub vars: BTreeMap<String, String>,
    pub holidays: BTreeSet<Date>,
    /// The impact on users, by the name of a service or component.
    pub affects: BTreeMap<String, Impact>,
    /// Increases when the plan changes.
    pub revision: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Live,
    /// Shown large on every page.
    Rehearsal,
}

impl Event {
    /// The end of the window: T-0 plus its length.
    pub fn end(&self) -> Option<Zoned> {
        self.end_or_fault().ok()?
    }

    /// The latest moment to decide for the way back: the end of the window minus the duration of the way back.
    pub fn rollback_by(&self) -> Option<Zoned> {
        self.rollback_by_or_fault().ok()?
    }

    /// The end of the window; an error if it is out of range.
    pub fn end_or_fault(&self) -> Result<Option<Zoned>, ClockError> {
        let (Some(clock), Some(window)) = (&self.clock, &self.window) else { return Ok(None) };
        clock.after(clock.t0(), window).map(Some)
    }

    /// The latest moment to decide for the way back; an error if it is out of range, `None` if the end of the window is.
    pub fn rollback_by_or_fault(&self) -> Result<Option<Zoned>, ClockError> {
        let (Some(clock), Some(end), Some(length)) = (&self.clock, self.end(), &self.rollback_duration) else { return Ok(None) };
        clock.before(&end, length).map(Some)
    }
}

pub fn read(id: &str, reader: &mut Reader) -> Event {
    let holidays = read_holidays(reader);
    let (clock, time_zone) = read_clock(reader, &holidays);
    let length = |text: &str| Length::parse(text).map_err(|error| (error.message().to_owned(), error.help()));
    let mut event = Event {
        id: id.to_owned(),
        name: reader.text("name").map_or_else(|| id.to_owned(), |text| text.value),
        is_faulty: clock.is_none() && reader.has("t0"),
        clock,
        time_zone,
        show_zones: read_zones(reader),
        window: reader.parsed("window", length),
        rollback_duration: reader.parsed("rollback_duration", length),
        mode: reader.choice("mode", &[("live", Mode::Live), ("rehearsal", Mode::Rehearsal)]).unwrap_or(Mode::Live),
        roles: reader.words("roles").into_iter().map(|(key, text)| (key.name, text)).collect(),
        vars: reader.words("vars").into_iter().map(|(key, text)| (key.name, text)).collect(),
        holidays,
        affects: maintnote::read_affects(reader),
        revision: reader.count("revision", 0..=u64::MAX).unwrap_or(0),
    };
    event.is_faulty |= event.end_or_fault().is_err();
    refuse_out_of_range(reader, "window", event.end_or_fault());
    refuse_out_of_range(reader, "rollback_duration", event.rollback_by_or_fault());
    event
}

/// Reports a length that leads outside the supported years.
fn refuse_out_of_range(reader: &mut Reader, key: &'static str, moment: Result<Option<Zoned>, ClockError>) {
    if let Err(error) = moment
        && let Some(span) = reader.node(key).map(|node| node.span.clone())
    {
        reader.reject(&span, error.message(), error.help());
    }
}

fn read_clock(reader: &mut Reader, holidays: &BTreeSet<Date>) -> (Option<Clock>, Option<String>) {
    let t0 = reader.moment("t0");
    let zone = reader.text("time_zone");
    if let Some(zone) = &zone
        && let Err(error) = schedule::zone::zone(&zone.value)
    {
        let diagnostic = Diagnostic::new(rule::BAD_ZONE, error.message()).at(reader.path(), zone.span.clone());
        reader.diagnostics.push(diagnostic.maybe_help(error.help()));
        return (None, None);
    }
    let zone = zone.map(|zone| zone.value);
    let Some(t0) = t0 else { return (None, zone) };
    let holidays: Vec<Date> = holidays.iter().copied().collect();
    match Clock::new(&t0.value, zone.as_deref(), &holidays) {
        Ok(clock) => (Some(clock), zone),
        Err(error) => {
            let diagnostic = Diagnostic::new(rule::BAD_CLOCK, error.message()).at(reader.path(), t0.span);
            reader.diagnostics.push(diagnostic.maybe_help(error.help()));
            (None, zone)
        }
    }
}

fn read_zones(reader: &mut Reader) -> Vec<(String, TimeZone)> {
    let mut zones = Vec::new();
    for name in reader.texts("show_zones") {
        match schedule::zone::zone(&name.value) {
            Ok(zone) => zones.push((name.value, zone)),
            Err(error) => {
                let diagnostic = Diagnostic::new(rule::BAD_ZONE, error.message()).at(reader.path(), name.span);
                reader.diagnostics.push(diagnostic.maybe_help(error.help()));
            }
        }
    }
    zones
}

fn read_holidays(reader: &mut Reader) -> BTreeSet<Date> {
    let mut holidays = BTreeSet::new();
    for day in reader.texts("holidays") {
        match years::day(&day.value) {
            Ok(date) => {
                holidays.insert(date);
            }
            Err((message, help)) => reader.reject(&day.span, message, help),
        }
    }
    holidays
}
