//! Lengths: how long something takes.

use std::fmt;

use super::magnitude;
use super::offset::{self, Amount, Offset, OffsetError, Part, Unit};

/// A length without sign, such as `3h`, `45m`, `1h30m`, `3 hours`: a window, the time a rollback takes, an estimate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Length {
    pub parts: Vec<Part>,
}

impl Length {
    /// Reads a whole text as a length; an error if it is anything else or has no unit.
    pub fn parse(text: &str) -> Result<Length, OffsetError> {
        let text = text.trim();
        if let Some((parts, "")) = magnitude::compound(text)? {
            return Ok(Length { parts: Offset::new(false, parts).parts });
        }
        if !text.is_empty() && magnitude::digits(text).1.is_empty() {
            return Err(OffsetError::new(format!("no unit in `{text}`"), format!("write `{text}m`, `{text}h` or `{text}d`")));
        }
        Err(OffsetError::new(format!("invalid duration `{text}`"), "write it like `45m`, `1h30m` or `3 hours`"))
    }

    /// Reads an estimate: `~30m`, `est: 1h`, `takes: 2 hours`; `None` if the text is not one.
    pub fn estimate(text: &str) -> Option<Length> {
        let text = text.trim();
        if let Some(length) = text.strip_prefix('~') {
            return Length::parse(length).ok();
        }
        let (key, length) = text.split_once(':')?;
        let known = ["est", "takes", "duration"].iter().any(|name| key.trim().eq_ignore_ascii_case(name));
        Length::parse(length).ok().filter(|_| known)
    }

    /// The length in seconds, rounded down; a day counts 24 hours and a week seven days, since a length by itself has no
    /// clock. `None` with business days, whose length only a calendar knows.
    pub fn seconds(&self) -> Option<i64> {
        let business_days = self.parts.iter().any(|part| part.unit == Unit::BusinessDays);
        (!business_days).then(|| offset::rough_seconds(&self.parts))
    }

    /// The same distance to a later instant, for [`Clock::shift`](super::Clock::shift).
    pub fn later(&self) -> Offset {
        Offset::new(false, self.parts.clone())
    }

    /// The same distance to an earlier instant, for [`Clock::shift`](super::Clock::shift).
    pub fn earlier(&self) -> Offset {
        Offset::new(true, self.parts.clone())
    }
}

impl fmt::Display for Length {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return formatter.write_str("0 min");
        }
        for (position, part) in self.parts.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(formatter, "{space}{} {}", part.amount, name(*part))?;
        }
        Ok(())
    }
}

fn name(part: Part) -> &'static str {
    let one = part.amount == Amount::whole(1);
    match part.unit {
        Unit::Weeks if one => "week",
        Unit::Weeks => "weeks",
        Unit::Days if one => "day",
        Unit::Days => "days",
        Unit::BusinessDays if one => "business day",
        Unit::BusinessDays => "business days",
        Unit::Hours => "h",
        Unit::Minutes => "min",
        Unit::Seconds => "s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str, seconds: Option<i64>) {
        match Length::parse(text) {
            Ok(length) => {
                assert_eq!((length.to_string().as_str(), length.seconds()), (expected, seconds), "{text}");
                assert_eq!(Length::parse(expected), Ok(length), "{text} again");
            }
            Err(error) => assert_eq!(format!("! {error}"), expected, "{text}"),
        }
    }

    #[test]
    fn lengths() {
        check("3h", "3 h", Some(10_800));
        check("45m", "45 min", Some(2_700));
        check("1h30m", "1 h 30 min", Some(5_400));
        check("3 hours", "3 h", Some(10_800));
        check("1.5h", "1.5 h", Some(5_400));
        check("90 sec", "90 s", Some(90));
        check("1 day", "1 day", Some(86_400));
        check("2d", "2 days", Some(172_800));
        check("1w", "1 week", Some(604_800));
        check("2bd", "2 business days", None);
        check("0m", "0 min", Some(0));
        check("9999w", "9999 weeks", Some(6_047_395_200));
        check("", "! invalid duration ``", None);
        check("soon", "! invalid duration `soon`", None);
        check("-3h", "! invalid duration `-3h`", None);
        check("30", "! no unit in `30`", None);
        check("1M", "! `1M` can mean one minute or one month", None);
        check("30m1h", "! units out of order: `1h` after `30m`", None);
        check("1.5d", "! `1.5d` is not a whole number of days", None);
    }

    #[test]
    fn estimates() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Length::estimate(text).map(|length| length.to_string()).as_deref(), expected, "{text}");
        };
        check("~30m", Some("30 min"));
        check("~ 1h 30m", Some("1 h 30 min"));
        check("est: 1h", Some("1 h"));
        check("Takes: 2 hours", Some("2 h"));
        check("duration:5min", Some("5 min"));
        check("30m", None);
        check("owner: 1h", None);
        check("~soon", None);
    }
}
