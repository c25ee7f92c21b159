//! The clock of an event: from T-0 to the time of each offset.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::fmt::temporal::{Pieces, PiecesOffset, TimeZoneAnnotationKind};
use jiff::tz::{AmbiguousOffset, Offset as UtcOffset, TimeZone};
use jiff::{SignedDuration, Span, Zoned};

use super::length::Length;
use super::moment::numeric;
pub use super::moment::{datetime_attribute, long, range, short};
use super::offset::{Offset, Unit};
use super::years;
pub use super::zone::zone;

/// T-0 of an event, resolved: an instant in a zone with its holidays.
#[derive(Clone, Debug)]
pub struct Clock {
    t0: Zoned,
    holidays: BTreeSet<Date>,
}

/// Why a T-0, or an offset from it, has no instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockError {
    message: String,
    help: Option<String>,
}

impl Clock {
    /// The clock of a T-0 written as wall clock (`2026-02-14T02:00`), as instant (`2026-02-14T02:00:00Z`, `…+01:00`), or
    /// with its zone (`2026-02-14T02:00[Europe/London]`); `zone` is an IANA name.
    ///
    /// An error if the zone is missing, unknown or contradicts the text, if the wall clock does not exist or exists twice, or if
    /// its year is not one of 1 to 9999 in every zone. An offset says which of two wall clocks is meant; it must be one the zone
    /// has then. `Z` fits every zone.
    pub fn new(t0: &str, zone: Option<&str>, holidays: &[Date]) -> Result<Clock, ClockError> {
        let t0 = t0.trim();
        let pieces = Pieces::parse(t0).map_err(|_| unreadable(t0))?;
        let time = pieces.time().ok_or_else(|| unreadable(t0))?;
        let zone = find_zone(t0, &pieces, zone)?;
        let wall = DateTime::from_parts(pieces.date(), time);
        let instant = match pieces.offset() {
            None => only_instant(wall, zone)?,
            Some(PiecesOffset::Zulu) => UtcOffset::UTC.to_timestamp(wall).map_err(|_| out_of_range(t0))?.to_zoned(zone),
            Some(offset) => instant_with(wall, offset.to_numeric_offset(), zone)?,
        };
        if !years::hold(instant.timestamp()) {
            return Err(out_of_range(t0));
        }
        Ok(Clock { t0: instant, holidays: holidays.iter().copied().collect() })
    }

    /// T-0 in its zone.
    pub fn t0(&self) -> &Zoned {
        &self.t0
    }

    /// The instant of an offset; an error if its year is not one of 1 to 9999 in every zone.
    ///
    /// Weeks, days and business days keep the wall clock; then hours, minutes and seconds elapse. A wall clock that does
    /// not exist moves forward by the gap, of one that exists twice the first is taken.
    pub fn at(&self, offset: &Offset) -> Result<Zoned, ClockError> {
        self.shift(&self.t0, offset)
    }

    /// The instant at a distance from any other instant, by the same rules.
    pub fn shift(&self, from: &Zoned, offset: &Offset) -> Result<Zoned, ClockError> {
        self.reach(from, offset, || format!("{offset} from {}", written(from)))
    }

    /// The instant that is a length after another one, by the same rules.
    pub fn after(&self, from: &Zoned, length: &Length) -> Result<Zoned, ClockError> {
        self.reach(from, &length.later(), || format!("{length} after {}", written(from)))
    }

    /// The instant that is a length before another one, by the same rules.
    pub fn before(&self, from: &Zoned, length: &Length) -> Result<Zoned, ClockError> {
        self.reach(from, &length.earlier(), || format!("{length} before {}", written(from)))
    }

    /// The instant at a distance; `words` describe the distance in an error.
    fn reach(&self, from: &Zoned, offset: &Offset, words: impl Fn() -> String) -> Result<Zoned, ClockError> {
        refuse_part_of_day(offset)?;
        self.shifted(from, offset).ok_or_else(|| out_of_range(&words()))
    }

    /// The same; `None` if it is out of range.
    fn shifted(&self, from: &Zoned, offset: &Offset) -> Option<Zoned> {
        let from = if offset.parts.iter().any(|part| part.unit.is_calendar()) {
            let date = self.shift_date(from.date(), offset)?;
            wall(date, from.time(), from.time_zone())?
        } else {
            from.clone()
        };
        from.checked_add(elapsed(offset)).ok().filter(|instant| years::hold(instant.timestamp()))
    }

    /// Whether a date is neither Saturday nor Sunday nor a holiday.
    pub fn is_business_day(&self, date: Date) -> bool {
        !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.holidays.contains(&date)
    }

    /// The date after the calendar units of an offset: weeks and days first, then business days. `None` if it is out of range.
    pub(super) fn shift_date(&self, date: Date, offset: &Offset) -> Option<Date> {
        let days = 7 * whole(offset, Unit::Weeks) + whole(offset, Unit::Days);
        let days = if offset.negative { -days } else { days };
        let mut date = date.checked_add(Span::new().try_days(days).ok()?).ok()?;
        let mut left = whole(offset, Unit::BusinessDays);
        while left > 0 {
            date = if offset.negative { date.yesterday() } else { date.tomorrow() }.ok()?;
            left -= i64::from(self.is_business_day(date));
        }
        Some(date)
    }
}

/// The instant of a date and a wall clock: moved forward if it does not exist, the first one if it exists twice. `None` if it is
/// out of range, at the end of the supported years.
pub(super) fn wall(date: Date, time: Time, zone: &TimeZone) -> Option<Zoned> {
    zone.to_ambiguous_zoned(DateTime::from_parts(date, time)).compatible().ok()
}

impl ClockError {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> ClockError {
        ClockError { message: message.into(), help: Some(help.into()) }
    }

    /// What is wrong, in lower case and without a full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        self.help.clone()
    }
}

impl fmt::Display for ClockError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ClockError {}

fn unreadable(t0: &str) -> ClockError {
    ClockError::new(format!("`{t0}` is not a date with a time"), "write it like `2026-02-14T02:00:00`")
}

fn out_of_range(time: &str) -> ClockError {
    ClockError::new(format!("the time is out of range: {time}"), years::HELP)
}

/// The zone in the text, or else the one given beside it; they must not differ.
fn find_zone(t0: &str, pieces: &Pieces, name: Option<&str>) -> Result<TimeZone, ClockError> {
    let written = match pieces.time_zone_annotation().map(|annotation| annotation.kind()) {
        None => None,
        Some(TimeZoneAnnotationKind::Named(name)) => Some(name.as_str()),
        Some(_) => {
            let help = "write the name of a zone in the brackets, such as `[Europe/London]`";
            return Err(ClockError::new(format!("`{t0}` has an offset in place of a zone"), help));
        }
    };
    match (written, name) {
        (Some(written), Some(name)) if !written.eq_ignore_ascii_case(name) => {
            Err(ClockError::new(format!("`{t0}` is in `{written}`, but the time zone is `{name}`"), "use only one of the two zones"))
        }
        (Some(name), _) | (None, Some(name)) => zone(name),
        (None, None) if pieces.offset() == Some(PiecesOffset::Zulu) => zone("UTC"),
        (None, None) => Err(ClockError::new(format!("no time zone for `{t0}`"), "add the zone of the wall clock, such as `Europe/London`")),
    }
}

/// The instant of a wall clock; an error if it does not exist or exists twice.
fn only_instant(wall: DateTime, zone: TimeZone) -> Result<Zoned, ClockError> {
    let name = zone.iana_name().unwrap_or("the zone").to_owned();
    let instant = |offset: UtcOffset| offset.to_timestamp(wall).map_err(|_| out_of_range(&wall.to_string()));
    let ambiguous = zone.to_ambiguous_zoned(wall);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().map_err(|_| out_of_range(&wall.to_string())),
        AmbiguousOffset::Gap { before, after } => {
            let earlier = written(&instant(after)?.to_zoned(zone.clone()));
            let later = written(&instant(before)?.to_zoned(zone));
            Err(ClockError::new(
                format!("`{wall}` does not exist in `{name}`: the clocks skip it"),
                format!("write `{earlier}` or `{later}`"),
            ))
        }
        AmbiguousOffset::Fold { before, after } => Err(ClockError::new(
            format!("`{wall}` happens twice in `{name}`: the clocks go back"),
            format!("write `{wall}{}` for the first or `{wall}{}` for the second", numeric(before), numeric(after)),
        )),
    }
}

/// The instant of a wall clock with its offset; an error if the zone does not have this offset then.
fn instant_with(wall: DateTime, offset: UtcOffset, zone: TimeZone) -> Result<Zoned, ClockError> {
    let fits = match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset: only } => offset == only,
        AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => offset == before || offset == after,
    };
    let name = zone.iana_name().unwrap_or("the zone").to_owned();
    let instant = offset.to_timestamp(wall).ok().filter(|instant| years::hold(*instant));
    let instant = instant.ok_or_else(|| out_of_range(&format!("{wall}{}", numeric(offset))))?.to_zoned(zone);
    if fits {
        return Ok(instant);
    }
    Err(ClockError::new(
        format!("`{wall}{}` contradicts `{name}`, which has a different offset then", numeric(offset)),
        format!("write `{wall}` to keep the wall-clock time, or `{}` to keep the instant", written(&instant)),
    ))
}

fn written(instant: &Zoned) -> String {
    format!("{}{}", instant.datetime(), numeric(instant.offset()))
}

/// The whole number of a calendar unit in an offset.
fn whole(offset: &Offset, unit: Unit) -> i64 {
    offset.parts.iter().filter(|part| part.unit == unit).map(|part| i64::from(part.amount.hundredths() / 100)).sum()
}

/// An error for an offset with a fraction of a day, which has no fixed length.
fn refuse_part_of_day(offset: &Offset) -> Result<(), ClockError> {
    if offset.parts.iter().all(|part| !part.unit.is_calendar() || part.amount.is_whole()) {
        return Ok(());
    }
    let help = "use whole numbers for calendar units, and write the fraction in hours";
    Err(ClockError::new(format!("`{offset}` has a fraction of a day"), help))
}

fn elapsed(offset: &Offset) -> SignedDuration {
    let elapsing = offset.parts.iter().filter(|part| !part.unit.is_calendar());
    let milliseconds: i64 = elapsing.map(|part| i64::from(part.amount.hundredths()) * 10 * part.unit.seconds()).sum();
    SignedDuration::from_millis(if offset.negative { -milliseconds } else { milliseconds })
}
