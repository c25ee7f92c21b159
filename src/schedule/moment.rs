//! Instants in words: always with the zone's abbreviation and the numeric offset.

use jiff::tz::Offset;
use jiff::{Timestamp, Zoned};

/// An instant in full: `Thu 12 Feb 2026, 02:00 GMT (UTC+0)`.
pub fn long(instant: &Zoned) -> String {
    format!("{}, {} {}", date(instant), time(instant), long_zone(instant))
}

/// An instant without its year: `Thu 12 Feb 02:00 GMT (+00:00)`.
pub fn short(instant: &Zoned) -> String {
    let (name, offset) = (zone_name(instant), numeric(instant.offset()));
    let zone = if name == "UTC" || name == offset { name } else { format!("{name} ({offset})") };
    format!("{} {} {zone}", instant.strftime("%a %-d %b"), time(instant))
}

/// An instant in UTC, without its year: `12 Feb 02:00 UTC`.
pub fn utc(instant: Timestamp) -> String {
    instant.strftime("%-d %b %H:%M UTC").to_string()
}

/// Two instants as a range that names the date and the zone twice only where they differ:
/// `Sat 14 Feb 2026, 02:00 to 05:00 GMT (UTC+0)`.
pub fn range(start: &Zoned, end: &Zoned) -> String {
    if start == end && long_zone(start) == long_zone(end) {
        return long(start);
    }
    let same_zone = long_zone(start) == long_zone(end);
    let first_zone = if same_zone { String::new() } else { format!(" {}", long_zone(start)) };
    let last_date = if start.date() == end.date() { String::new() } else { format!("{}, ", date(end)) };
    format!("{}, {}{first_zone} to {last_date}{} {}", date(start), time(start), time(end), long_zone(end))
}

/// An instant for the `datetime` attribute of HTML: RFC 3339 with a numeric offset, to the second.
pub fn datetime_attribute(instant: &Zoned) -> String {
    // HTML has no offsets with seconds, which zones had before standard time.
    let whole_minutes = instant.offset().seconds() % 60 == 0;
    let offset = if whole_minutes { instant.offset() } else { Offset::UTC };
    let local = offset.to_datetime(instant.timestamp());
    format!("{}{}", local.strftime("%Y-%m-%dT%H:%M:%S"), numeric(offset))
}

fn date(instant: &Zoned) -> String {
    instant.strftime("%a %-d %b %Y").to_string()
}

/// The time of day: `02:00`, with seconds only if there are some.
pub fn time(instant: &Zoned) -> String {
    let format = if instant.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    instant.strftime(format).to_string()
}

/// `GMT (UTC+0)`; `UTC+11` where the zone has no name of letters.
pub fn long_zone(instant: &Zoned) -> String {
    let offset = from_utc(instant.offset());
    match abbreviation(instant) {
        Some(name) if name == "UTC" => name,
        Some(name) => format!("{name} ({offset})"),
        None => offset,
    }
}

/// `GMT`; `+11:00` where the zone has no name of letters.
pub fn zone_name(instant: &Zoned) -> String {
    abbreviation(instant).unwrap_or_else(|| numeric(instant.offset()))
}

/// The zone's abbreviation then, if it is made of letters.
fn abbreviation(instant: &Zoned) -> Option<String> {
    let info = instant.time_zone().to_offset_info(instant.timestamp());
    let name = info.abbreviation();
    name.chars().all(|letter| letter.is_ascii_alphabetic()).then(|| name.to_owned())
}

/// `UTC+0`, `UTC+5:30`, `UTC-3`.
pub fn from_utc(offset: Offset) -> String {
    let (sign, [hours, minutes, seconds]) = clockwise(offset);
    match (minutes, seconds) {
        (0, 0) => format!("UTC{sign}{hours}"),
        (_, 0) => format!("UTC{sign}{hours}:{minutes:02}"),
        _ => format!("UTC{sign}{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// `+00:00`, `+05:30`, `-03:00`.
pub(super) fn numeric(offset: Offset) -> String {
    let (sign, [hours, minutes, seconds]) = clockwise(offset);
    match seconds {
        0 => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

fn clockwise(offset: Offset) -> (char, [u32; 3]) {
    let sign = if offset.is_negative() { '-' } else { '+' };
    let seconds = offset.seconds().unsigned_abs();
    (sign, [seconds / 3600, seconds / 60 % 60, seconds % 60])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Clock;

    fn at(t0: &str, zone: &str) -> Zoned {
        Clock::new(t0, Some(zone), &[]).expect("the rows hold clocks").t0().clone()
    }

    fn check(t0: &str, zone: &str, expected: [&str; 3]) {
        let instant = at(t0, zone);
        assert_eq!([long(&instant), short(&instant), datetime_attribute(&instant)], expected, "{t0} {zone}");
    }

    fn check_range(start: (&str, &str), end: (&str, &str), expected: &str) {
        assert_eq!(range(&at(start.0, start.1), &at(end.0, end.1)), expected);
    }

    #[test]
    #[rustfmt::skip]
    fn instants() {
        check("2026-02-12T02:00", "Europe/London", ["Thu 12 Feb 2026, 02:00 GMT (UTC+0)", "Thu 12 Feb 02:00 GMT (+00:00)", "2026-02-12T02:00:00+00:00"]);
        check("2026-02-12T02:00:05", "Europe/London", ["Thu 12 Feb 2026, 02:00:05 GMT (UTC+0)", "Thu 12 Feb 02:00:05 GMT (+00:00)", "2026-02-12T02:00:05+00:00"]);
        check("2026-07-01T14:00", "America/New_York", ["Wed 1 Jul 2026, 14:00 EDT (UTC-4)", "Wed 1 Jul 14:00 EDT (-04:00)", "2026-07-01T14:00:00-04:00"]);
        check("2026-02-14T02:30", "Asia/Kolkata", ["Sat 14 Feb 2026, 02:30 IST (UTC+5:30)", "Sat 14 Feb 02:30 IST (+05:30)", "2026-02-14T02:30:00+05:30"]);
        check("2026-02-14T02:30", "Australia/Lord_Howe", ["Sat 14 Feb 2026, 02:30 UTC+11", "Sat 14 Feb 02:30 +11:00", "2026-02-14T02:30:00+11:00"]);
        check("2026-02-14T02:30", "America/Sao_Paulo", ["Sat 14 Feb 2026, 02:30 UTC-3", "Sat 14 Feb 02:30 -03:00", "2026-02-14T02:30:00-03:00"]);
        check("2026-02-14T02:30", "UTC", ["Sat 14 Feb 2026, 02:30 UTC", "Sat 14 Feb 02:30 UTC", "2026-02-14T02:30:00+00:00"]);
        check("2026-10-25T02:15+02:00", "Europe/Berlin", ["Sun 25 Oct 2026, 02:15 CEST (UTC+2)", "Sun 25 Oct 02:15 CEST (+02:00)", "2026-10-25T02:15:00+02:00"]);
        check("2026-10-25T02:15+01:00", "Europe/Berlin", ["Sun 25 Oct 2026, 02:15 CET (UTC+1)", "Sun 25 Oct 02:15 CET (+01:00)", "2026-10-25T02:15:00+01:00"]);
        check("1800-01-01T00:00", "Europe/London", ["Wed 1 Jan 1800, 00:00 LMT (UTC-0:01:15)", "Wed 1 Jan 00:00 LMT (-00:01:15)", "1800-01-01T00:01:15+00:00"]);
    }

    #[test]
    #[rustfmt::skip]
    fn ranges() {
        let (london, berlin) = ("Europe/London", "Europe/Berlin");
        check_range(("2026-02-14T02:00", london), ("2026-02-14T05:00", london), "Sat 14 Feb 2026, 02:00 to 05:00 GMT (UTC+0)");
        check_range(("2026-02-14T22:00", london), ("2026-02-15T01:00", london), "Sat 14 Feb 2026, 22:00 to Sun 15 Feb 2026, 01:00 GMT (UTC+0)");
        check_range(("2026-10-25T01:30", berlin), ("2026-10-25T03:30", berlin), "Sun 25 Oct 2026, 01:30 CEST (UTC+2) to 03:30 CET (UTC+1)");
        check_range(("2026-10-24T01:30", berlin), ("2026-10-25T03:30", berlin), "Sat 24 Oct 2026, 01:30 CEST (UTC+2) to Sun 25 Oct 2026, 03:30 CET (UTC+1)");
        check_range(("2026-02-14T02:00", london), ("2026-02-14T02:00", london), "Sat 14 Feb 2026, 02:00 GMT (UTC+0)");
    }
}
