//! The range of years for times and days: 1 to 9999, as people and files with four digits write them.

use jiff::Timestamp;
use jiff::civil::Date;

/// The first instant: before it, some zone has the year 0.
pub const FIRST: Timestamp = Timestamp::constant(-62_135_510_400, 0);
/// The last instant: after it, some zone has the year 10000.
pub const LAST: Timestamp = Timestamp::constant(253_402_207_200, 0);

/// The message for a time outside the range.
pub const HELP: &str = "use a time between 0001-01-02T00:00:00Z and 9999-12-30T22:00:00Z, which are the years 1 to 9999 in every zone";

/// Whether an instant has a year from 1 to 9999 in every zone.
pub fn hold(instant: Timestamp) -> bool {
    (FIRST.as_second()..=LAST.as_second()).contains(&instant.as_second())
}

/// Reads a day such as `2026-11-22`; the error is message and help.
pub fn day(text: &str) -> Result<Date, (String, Option<String>)> {
    let Ok(day) = text.parse::<Date>() else {
        return Err((format!("invalid date `{text}`"), Some("write it as `2026-11-22`".to_owned())));
    };
    match day.year() {
        1..=9999 => Ok(day),
        _ => Err((format!("the date is out of range: {text}"), Some("use a year from 1 to 9999".to_owned()))),
    }
}
