//! Offsets: signed distances from T-0, as they are written.

use std::fmt;

use super::magnitude;
use super::written::Written;

/// A signed distance from T-0 as it was written, such as `T-48h`, `T+1h30m`, `T-5bd`; without parts it is T-0 itself.
///
/// On the way back, it is a distance from the decision to go back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Offset {
    pub negative: bool,
    pub parts: Vec<Part>,
    pub origin: Origin,
}

/// What an offset counts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    #[default]
    T0,
    /// The decision to go back: `R+0:10`.
    Decision,
}

/// One amount with its unit, such as `30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    pub amount: Amount,
    pub unit: Unit,
}

/// A decimal number with two places, kept exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount {
    hundredths: u32,
}

/// A unit of distance: weeks, days and business days follow the calendar; hours, minutes and seconds elapse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Weeks,
    Days,
    BusinessDays,
    Hours,
    Minutes,
    Seconds,
}

/// Why a text that looks like an offset or a length is not accepted as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetError {
    message: String,
    help: Option<String>,
}

/// The most seconds by which a zone's clocks have ever been moved at once: a day, where the date line was crossed.
const MOST_MOVED: i64 = 86_400;

impl Offset {
    /// T-0 itself.
    pub const ZERO: Offset = Offset { negative: false, parts: Vec::new(), origin: Origin::T0 };

    /// An offset of these parts; parts of amount zero are dropped, and T-0 has no sign.
    pub fn new(negative: bool, parts: Vec<Part>) -> Offset {
        let parts: Vec<Part> = parts.into_iter().filter(|part| part.amount != Amount::ZERO).collect();
        Offset { negative: negative && !parts.is_empty(), parts, origin: Origin::T0 }
    }

    /// The offset of a moment given in seconds after T-0, or before it if negative: in hours, minutes and seconds.
    pub fn elapsed(seconds: i64) -> Offset {
        let count = seconds.unsigned_abs();
        let part = |count: u64, unit| Part { amount: Amount { hundredths: u32::try_from(count * 100).unwrap_or(u32::MAX) }, unit };
        let parts = [part(count / 3_600, Unit::Hours), part(count / 60 % 60, Unit::Minutes), part(count % 60, Unit::Seconds)];
        Offset::new(seconds < 0, parts.to_vec())
    }

    /// Reads a whole text as an offset, as configurations write it: `T-1h`, `T+0:30`, `T-0`.
    ///
    /// An error if the text is anything else, has no unit, or has units that contradict each other.
    pub fn parse(text: &str) -> Result<Offset, OffsetError> {
        let text = text.trim();
        if text == "T0" {
            return Ok(Offset::ZERO);
        }
        let Some((written, "")) = Written::scan(text)? else {
            return Err(OffsetError::new(format!("invalid offset `{text}`"), "write it like `T-48h`, `T+0:30`, `T-5bd` or `T-0`"));
        };
        written.resolve(None)
    }

    /// The same distance from the decision to go back.
    pub fn from_decision(self) -> Offset {
        Offset { origin: Origin::Decision, ..self }
    }

    /// The distance in seconds, negative before T-0, with every day and business day taken as 24 hours: good for sorting only.
    pub fn rough_seconds(&self) -> i64 {
        let seconds = rough_seconds(&self.parts);
        if self.negative { -seconds } else { seconds }
    }

    /// Whether this offset is later than the other one on every calendar.
    pub fn surely_after(&self, other: &Offset) -> bool {
        if self.counts_business_days() == other.counts_business_days() {
            let (days, other_days) = (self.calendar_seconds(), other.calendar_seconds());
            let (elapsed, other_elapsed) = (self.rough_seconds() - days, other.rough_seconds() - other_days);
            // If they differ only in days, or only in hours, the order is certain.
            let slack = if days == other_days || elapsed == other_elapsed { 0 } else { MOST_MOVED };
            return self.rough_seconds() > other.rough_seconds() + slack;
        }
        // A business day may be any number of days away, so only the sign is certain.
        let side = |offset: &Offset| offset.rough_seconds().signum();
        side(self) > side(other)
    }

    /// The parts of the distance that keep the wall clock.
    fn calendar_seconds(&self) -> i64 {
        let parts: Vec<Part> = self.parts.iter().filter(|part| part.unit.is_calendar()).copied().collect();
        if self.negative { -rough_seconds(&parts) } else { rough_seconds(&parts) }
    }

    fn counts_business_days(&self) -> bool {
        self.parts.iter().any(|part| part.unit == Unit::BusinessDays)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return formatter.write_str(if self.origin == Origin::T0 { "T-0" } else { "R+0" });
        }
        let sign = match (self.origin, self.negative) {
            (Origin::T0, false) => "T+",
            (Origin::T0, true) => "T-",
            (Origin::Decision, false) => "R+",
            (Origin::Decision, true) => "R-",
        };
        formatter.write_str(sign)?;
        self.parts.iter().try_for_each(|part| write!(formatter, "{part}"))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.amount, self.unit.symbol())
    }
}

impl Amount {
    /// Zero.
    pub const ZERO: Amount = Amount { hundredths: 0 };

    /// A whole number.
    pub fn whole(number: u16) -> Amount {
        Amount { hundredths: u32::from(number) * 100 }
    }

    /// A decimal number from its digits before and after the point; `None` unless they are 1 to 4 and 0 to 2 digits.
    pub(super) fn from_digits(whole: &str, fraction: &str) -> Option<Amount> {
        let fits = (1..=4).contains(&whole.len()) && fraction.len() <= 2;
        let hundredths = fits.then(|| format!("{whole}{fraction:0<2}"))?.parse().ok()?;
        Some(Amount { hundredths })
    }

    /// The number times 100.
    pub fn hundredths(self) -> u32 {
        self.hundredths
    }

    /// Whether there is nothing after the decimal point.
    pub fn is_whole(self) -> bool {
        self.hundredths.is_multiple_of(100)
    }

    /// The number multiplied, limited to the largest value.
    pub fn times(self, factor: u32) -> Amount {
        Amount { hundredths: self.hundredths.saturating_mul(factor) }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.hundredths / 100, self.hundredths % 100);
        match (fraction, fraction % 10) {
            (0, _) => write!(formatter, "{whole}"),
            (_, 0) => write!(formatter, "{whole}.{}", fraction / 10),
            _ => write!(formatter, "{whole}.{fraction:02}"),
        }
    }
}

impl Unit {
    /// The unit a word names, such as `min`, `h` or `business days`, in any case; `None` for other words and for `M`.
    pub fn parse(text: &str) -> Option<Unit> {
        let text = text.trim();
        let (unit, rest) = magnitude::unit(text)?;
        (rest.is_empty() && text != "M").then_some(unit)
    }

    /// The short form offsets are printed with.
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Weeks => "w",
            Unit::Days => "d",
            Unit::BusinessDays => "bd",
            Unit::Hours => "h",
            Unit::Minutes => "m",
            Unit::Seconds => "s",
        }
    }

    /// Whether the unit keeps the wall clock rather than counting elapsed time.
    pub fn is_calendar(self) -> bool {
        self < Unit::Hours
    }

    /// The length in seconds where no clock changes.
    pub(super) fn seconds(self) -> i64 {
        match self {
            Unit::Weeks => 7 * 24 * 3600,
            Unit::Days | Unit::BusinessDays => 24 * 3600,
            Unit::Hours => 3600,
            Unit::Minutes => 60,
            Unit::Seconds => 1,
        }
    }
}

impl OffsetError {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> OffsetError {
        OffsetError { message: message.into(), help: Some(help.into()) }
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

impl fmt::Display for OffsetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for OffsetError {}

/// The parts together in seconds, rounded down, with every day and business day taken as 24 hours.
pub(super) fn rough_seconds(parts: &[Part]) -> i64 {
    parts.iter().map(|part| i64::from(part.amount.hundredths) * part.unit.seconds()).sum::<i64>() / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        match Offset::parse(text) {
            Ok(offset) => {
                assert_eq!(offset.to_string(), expected, "{text}");
                assert_eq!(Offset::parse(expected).as_ref(), Ok(&offset), "{text} again");
            }
            Err(error) => assert_eq!(format!("! {error}"), expected, "{text}"),
        }
    }

    #[test]
    fn offsets_as_configurations_write_them() {
        check("T-0", "T-0");
        check("T+0", "T-0");
        check("T0", "T-0");
        check("T-0h", "T-0");
        check("T-48h", "T-48h");
        check("T-1h", "T-1h");
        check("T+0:30", "T+30m");
        check("T+0:45", "T+45m");
        check("T+5:00", "T+5h");
        check("T+0:00:30", "T+30s");
        check("T+1h5m", "T+1h5m");
        check("T+120m", "T+120m");
        check("T-1 Business Day", "T-1bd");
        check("T-2 working-days", "T-2bd");
        check("T+1.5h", "T+1.5h");
        check("T+0.25h", "T+0.25h");
        check("T+1.50h", "T+1.5h");
        check("T+1.05h", "T+1.05h");
        check("T-1W", "T-1w");
        check("T-1w2d3bd4h5m6s", "T-1w2d3bd4h5m6s");
        check("T-1H30M", "T-1h30m");
        check("T+999:59", "T+999h59m");
        check("T-9999w", "T-9999w");
        check("T\u{a0}−\u{a0}48\u{a0}h", "T-48h");
        check("T minus 3 days", "T-3d");
        check("T-plus-3-days", "T+3d");
        check("  T-1h ", "T-1h");
    }

    #[test]
    fn what_is_not_an_offset() {
        check("", "! invalid offset ``");
        check("1h", "! invalid offset `1h`");
        check("t-1h", "! invalid offset `t-1h`");
        check("T-1h later", "! invalid offset `T-1h later`");
        check("T-1hx", "! invalid offset `T-1hx`");
        check("T-10000h", "! invalid offset `T-10000h`");
        check("T+1.555h", "! invalid offset `T+1.555h`");
        check("T+0:75", "! invalid offset `T+0:75`");
        check("T+1000:00", "! invalid offset `T+1000:00`");
        check("T-30", "! no unit in `T-30`");
        check("T-1M", "! `1M` can mean one minute or one month");
        check("T-30 M", "! `30 M` can mean minutes or months");
        check("T-2h1d", "! units out of order: `1d` after `2h`");
        check("T-2h3h", "! unit given twice: `3h` after `2h`");
        check("T+0:30 min", "! `0:30` is hours and minutes, but is followed by `min`");
        check("T-1.5d", "! `1.5d` is not a whole number of days");
    }

    #[test]
    fn later_on_every_calendar() {
        let after = |one: &str, other: &str| {
            let parse = |text| Offset::parse(text).expect("the rows hold offsets");
            parse(one).surely_after(&parse(other))
        };
        assert!(after("T+2h", "T-0"));
        assert!(after("T-1bd", "T-2bd"));
        assert!(after("T+1bd", "T-6d"));
        assert!(!after("T-5bd", "T-6d"));
        assert!(!after("T-24h", "T-1d"));
        // 25 hours after T-0 is not after the next day at the same time, if the clocks go back in between.
        assert!(!after("T+25h", "T+1d"));
        assert!(!after("T-1d", "T-25h"));
        assert!(after("T+2d", "T+1d") && after("T+25h", "T+24h") && after("T+1d2h", "T+1d1h"));
        assert!(after("T+72h", "T+1d") && !after("T+48h", "T+1d"));
        assert!(after("T+2d1h", "T+1d1h"));
        assert!(!after("T-0", "T-0"));
    }

    #[test]
    fn units_by_name() {
        let units = |text: &str| Unit::parse(text).map(Unit::symbol);
        assert_eq!(units("min"), Some("m"));
        assert_eq!(units("H"), Some("h"));
        assert_eq!(units("Business Days"), Some("bd"));
        assert_eq!(units("M"), None);
        assert_eq!(units("month"), None);
        assert_eq!(units(""), None);
    }
}
