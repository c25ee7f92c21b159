//! Recurrences: work that is repeated within a window.

use std::fmt;

use jiff::Zoned;
use jiff::civil::Time;

use super::clock::{self, Clock};
use super::heading::skip_decoration;
use super::magnitude::{self, MARKS, digits, word};
use super::offset::{Amount, Offset, Part, Unit};

/// The most rounds that a recurrence yields; a list of this length may be incomplete.
pub const MOST_ROUNDS: usize = 200;

/// A recurrence such as `Every 15 minutes` or `Daily at 09:00`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recurrence {
    /// The distance from round to round, never zero.
    pub every: Part,
    /// The wall clock of each round, only with a calendar unit.
    pub at: Option<Time>,
}

/// Reads a heading or an item that starts with a recurrence; otherwise `None`.
pub fn read(text: &str) -> Option<Recurrence> {
    let (every, rest) = rhythm(skip_decoration(text))?;
    let (at, rest) = match at_time(rest) {
        Some((time, rest)) => (Some(time), rest),
        None => (None, rest),
    };
    let rest = rest.trim_start_matches(MARKS).trim_start();
    let complete = rest.is_empty() || rest.starts_with([':', '—', '–', '(']);
    let sensible = every.amount != Amount::ZERO && magnitude::check_whole(every).is_ok() && (at.is_none() || every.unit.is_calendar());
    (complete && sensible).then_some(Recurrence { every, at })
}

impl Recurrence {
    /// The rounds of a window, both ends included: counted from its start, or at the wall clock given, at most
    /// [`MOST_ROUNDS`]. Rounds on business days skip weekends and holidays.
    pub fn rounds(&self, clock: &Clock, start: &Zoned, end: &Zoned) -> Vec<Zoned> {
        let round = |number: u32| match self.at {
            Some(time) => self.round_at(clock, start, time, number),
            None => clock.shift(start, &self.distance(number)).ok(),
        };
        let works = |round: &Zoned| self.every.unit != Unit::BusinessDays || clock.is_business_day(round.date());
        let rounds = (0..).map_while(round).take_while(|round| round <= end).filter(works).take(MOST_ROUNDS);
        let mut rounds: Vec<Zoned> = rounds.collect();
        // A zone that crosses the date line skips a day: its round moves to the next day.
        rounds.dedup();
        rounds
    }

    fn round_at(&self, clock: &Clock, start: &Zoned, time: Time, number: u32) -> Option<Zoned> {
        let today = clock::wall(start.date(), time, start.time_zone())?;
        let first = if today < *start { start.date().tomorrow().ok()? } else { start.date() };
        let date = clock.shift_date(first, &self.distance(number))?;
        clock::wall(date, time, start.time_zone())
    }

    fn distance(&self, number: u32) -> Offset {
        let part = Part { amount: self.every.amount.times(number), unit: self.every.unit };
        Offset::new(false, vec![part])
    }
}

impl fmt::Display for Recurrence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.every)?;
        match self.at {
            Some(at) => write!(formatter, " at {:02}:{:02}", at.hour(), at.minute()),
            None => Ok(()),
        }
    }
}

/// Reads `Hourly`, `Every day`, `each 15 min`.
fn rhythm(text: &str) -> Option<(Part, &str)> {
    let (name, rest) = word(text);
    let unit = match name.to_ascii_lowercase().as_str() {
        "hourly" => Unit::Hours,
        "daily" => Unit::Days,
        "weekly" => Unit::Weeks,
        "every" | "each" => return repeated(rest),
        _ => return None,
    };
    Some((Part { amount: Amount::whole(1), unit }, rest))
}

fn repeated(text: &str) -> Option<(Part, &str)> {
    let text = text.strip_prefix(char::is_whitespace)?.trim_start();
    let (amount, rest) = magnitude::number(text).unwrap_or((Amount::whole(1), text));
    let name = rest.trim_start();
    let (unit, rest) = magnitude::unit(name)?;
    let letters = name.len() - rest.len();
    // Without a number, one letter is a name: `Every D: drive`.
    let named = letters == 1 && name.len() == text.len();
    let ambiguous = &name[..letters] == "M";
    (!named && !ambiguous).then_some((Part { amount, unit }, rest))
}

/// Reads ` at 09:00`.
fn at_time(text: &str) -> Option<(Time, &str)> {
    let (name, rest) = word(text.strip_prefix(char::is_whitespace)?.trim_start());
    if !name.eq_ignore_ascii_case("at") {
        return None;
    }
    let (hour, rest) = digits(rest.strip_prefix(char::is_whitespace)?.trim_start());
    let (minute, rest) = digits(rest.strip_prefix(':')?);
    if hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    Some((time, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(every: &str, zone: &str, t0: &str, window: (&str, &str), expected: &[&str]) {
        let clock = Clock::new(t0, Some(zone), &[]).expect("the rows hold clocks");
        let at = |text| {
            let offset = Offset::parse(text).expect("the rows hold offsets");
            clock.at(&offset).expect("the rows hold near instants")
        };
        let recurrence = read(every).expect("the rows hold recurrences");
        let rounds = recurrence.rounds(&clock, &at(window.0), &at(window.1));
        let rounds: Vec<String> = rounds.iter().map(|round| round.strftime("%d %H:%M %Z").to_string()).collect();
        assert_eq!(rounds, expected, "{every} {window:?}");
    }

    fn count(every: &str, window: (&str, &str)) -> usize {
        let clock = Clock::new("2026-02-14T02:00", Some("Europe/London"), &[]).expect("the clock is sound");
        let at = |text| clock.at(&Offset::parse(text).expect("the rows hold offsets")).expect("the instants are near");
        read(every).expect("the rows hold recurrences").rounds(&clock, &at(window.0), &at(window.1)).len()
    }

    #[test]
    fn counts() {
        assert_eq!(count("Every 15 minutes", ("T-0", "T+2h")), 9);
        assert_eq!(count("Daily", ("T+48h", "T+7d")), 6);
        assert_eq!(count("Hourly", ("T+2h", "T-0")), 0);
        assert_eq!(count("Hourly", ("T-0", "T-0")), 1);
        assert_eq!(count("Every second", ("T-0", "T+1w")), MOST_ROUNDS);
        assert_eq!(count("Every 0.01 s", ("T-0", "T+1h")), MOST_ROUNDS);
        assert_eq!(count("Every 9999 weeks", ("T-0", "T+9999w")), 2);
    }

    #[test]
    fn rounds() {
        let spring = ("Europe/London", "2026-03-28T09:30");
        let autumn = ("Europe/London", "2026-10-25T00:30");
        let friday = ("Europe/London", "2026-02-13T10:00");
        let saturday = ("Europe/London", "2026-02-14T10:00");
        // Samoa had no 30 December 2011.
        let apia = ("Pacific/Apia", "2011-12-29T10:00");
        let check = |every, (zone, t0), window, expected: &[&str]| check(every, zone, t0, window, expected);
        check("Daily at 09:00", spring, ("T-0", "T+3d"), &["29 09:00 BST", "30 09:00 BST", "31 09:00 BST"]);
        check("Daily at 09:30", spring, ("T-0", "T+1d"), &["28 09:30 GMT", "29 09:30 BST"]);
        check("Daily at 01:30", spring, ("T-0", "T+2d"), &["29 02:30 BST", "30 01:30 BST"]);
        check("Daily", spring, ("T-0", "T+24h"), &["28 09:30 GMT", "29 09:30 BST"]);
        check("Hourly", autumn, ("T-0", "T+2h"), &["25 00:30 BST", "25 01:30 BST", "25 01:30 GMT"]);
        check("Every business day", friday, ("T-0", "T+4d"), &["13 10:00 GMT", "16 10:00 GMT", "17 10:00 GMT"]);
        check("Every bd at 09:00", saturday, ("T-0", "T+3d"), &["16 09:00 GMT", "17 09:00 GMT"]);
        check("Daily", apia, ("T-0", "T+4d"), &["29 10:00 -10", "31 10:00 +14", "01 10:00 +14", "02 10:00 +14"]);
        check("Every 2 days at 9:00", friday, ("T-0", "T+4d"), &["14 09:00 GMT", "16 09:00 GMT"]);
    }
}
