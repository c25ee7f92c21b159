//! Times on a page: in the words of its language, always with the zone's abbreviation and its distance from UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::Language;
use crate::schedule::moment::{datetime_attribute, long_zone, time as clock};
use crate::text::html::escape;

impl Language {
    /// Writes a moment as an element, in the words given.
    pub fn time(&self, at: &Zoned, words: &str, html: &mut String) {
        html.push_str(&format!("<time datetime=\"{}\"{}>", datetime_attribute(at), self.mark("date")));
        escape(words, html);
        html.push_str("</time>");
    }

    /// A moment in full: `Thu 12 Feb 2026, 02:00 GMT (UTC+0)`.
    pub fn long(&self, at: &Zoned) -> String {
        format!("{}, {} {}", self.date(at.date()), clock(at), long_zone(at))
    }

    /// Two moments, with the date and the zone of the second only where they differ.
    pub fn range(&self, start: &Zoned, end: &Zoned) -> String {
        let (first_zone, last_zone) = (long_zone(start), long_zone(end));
        let is_same_zone = first_zone == last_zone;
        if start == end && is_same_zone {
            return self.long(start);
        }
        let first_zone = if is_same_zone { String::new() } else { format!(" {first_zone}") };
        let last_date = if start.date() == end.date() { String::new() } else { format!("{}, ", self.date(end.date())) };
        let first = format!("{}, {}{first_zone}", self.date(start.date()), clock(start));
        self.fill("date.range", &[("start", &first), ("end", &format!("{last_date}{} {last_zone}", clock(end)))])
    }

    /// A day with its weekday: `Thu 12 Feb 2026`.
    pub fn date(&self, date: Date) -> String {
        self.dated("date.date", "date.months", date, self.weekday_name(date))
    }

    /// A day in words: `12 February 2026`.
    pub fn long_day(&self, date: Date) -> String {
        self.dated("date.long_day", "date.long_months", date, "")
    }

    /// A day without its year: `12 Feb`.
    pub fn day(&self, date: Date) -> String {
        self.dated("date.day", "date.months", date, "")
    }

    /// A day without its year, with its weekday: `Thu 12 Feb`.
    pub fn weekday(&self, date: Date) -> String {
        format!("{} {}", self.weekday_name(date), self.day(date))
    }

    fn weekday_name(&self, date: Date) -> &str {
        &self.list("date.weekdays")[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
    }

    /// A moment in UTC, without its year: `12 Feb 02:00 UTC`.
    pub fn utc(&self, at: Timestamp) -> String {
        let at = at.to_zoned(TimeZone::UTC);
        format!("{} {} UTC", self.day(at.date()), at.strftime("%H:%M"))
    }

    fn dated(&self, form: &str, months: &str, date: Date, weekday: &str) -> String {
        let month = &self.list(months)[usize::from(date.month().unsigned_abs()) - 1];
        self.fill(form, &[("weekday", weekday), ("day", &date.day().to_string()), ("month", month), ("year", &date.year().to_string())])
    }
}
