//! Times for people: a moment in the zone and language of its reader.

use icu_calendar::{Gregorian, Iso};
use icu_datetime::fieldsets::YMDE;
use icu_datetime::fieldsets::zone::SpecificShort;
use icu_datetime::input::{Date, TimeZoneInfo, ZonedDateTime};
use icu_datetime::{DateTimeFormatterLoadError, FixedCalendarDateTimeFormatter, NoCalendarFormatter};
use icu_locale_core::Locale;
use icu_time::zone::models::AtTime;
use jiff::Zoned;
use jiff_icu::ConvertInto;

use crate::schedule::{moment, zone};

/// How much of a moment is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Date,
    Time,
    DateTime,
    /// Up to a second moment; both dates are shown if they differ.
    Range,
}

impl Form {
    pub fn parse(text: &str) -> Result<Form, String> {
        match text {
            "date" => Ok(Form::Date),
            "time" => Ok(Form::Time),
            "datetime" => Ok(Form::DateTime),
            "range" => Ok(Form::Range),
            _ => Err(format!("unknown form of a time `{text}`: use \"date\", \"time\", \"datetime\" or \"range\"")),
        }
    }
}

/// The languages that times can be written in.
pub const LANGUAGES: [&str; 7] = ["en", "de", "fr", "es", "pt", "nl", "it"];

/// Writes moments in a language. Made once and used often.
pub struct Words {
    /// `None` for English, which is written as on the site.
    foreign: Option<Foreign>,
}

/// The words of the Unicode CLDR.
struct Foreign {
    date: FixedCalendarDateTimeFormatter<Gregorian, YMDE>,
    long_date: FixedCalendarDateTimeFormatter<Gregorian, YMDE>,
    zone: NoCalendarFormatter<SpecificShort>,
}

impl Words {
    /// The words of a language such as `de` or `pt-BR`. An error lists the available languages.
    pub fn from_language(language: &str) -> Result<Words, String> {
        let unknown = || format!("no time formats for `{}`: set `lang` to one of {}", crate::text::visible(language), LANGUAGES.join(", "));
        let primary = language.split(['-', '_']).next().unwrap_or("").to_ascii_lowercase();
        if !LANGUAGES.contains(&&*primary) {
            return Err(unknown());
        }
        if primary == "en" {
            return Ok(Words { foreign: None });
        }
        let locale = Locale::try_from_str(&language.replace('_', "-")).map_err(|_| unknown())?;
        let words = || -> Result<Foreign, DateTimeFormatterLoadError> {
            Ok(Foreign {
                date: FixedCalendarDateTimeFormatter::try_new((&locale).into(), YMDE::medium())?,
                long_date: FixedCalendarDateTimeFormatter::try_new((&locale).into(), YMDE::long())?,
                zone: NoCalendarFormatter::try_new((&locale).into(), SpecificShort)?,
            })
        };
        words().map(|foreign| Words { foreign: Some(foreign) }).map_err(|_| unknown())
    }

    /// Writes a moment in a zone. Zone and offset are always shown, except for a date alone.
    pub fn write(&self, start: &Zoned, end: Option<&Zoned>, zone_name: &str, form: Form) -> Result<String, String> {
        let zone = zone::zone(zone_name).map_err(|error| {
            let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
            format!("{}{help}", error.message())
        })?;
        let start = start.with_time_zone(zone.clone());
        let end = match form {
            Form::Range => Some(end.ok_or("a range needs an end: give the event a `window`, or add `to=`")?.with_time_zone(zone)),
            _ => None,
        };
        if end.as_ref().is_some_and(|end| *end < start) {
            return Err("range ends before it starts: it ends with the event unless you add `to=`".to_owned());
        }
        Ok(match (&self.foreign, end) {
            (None, Some(end)) => moment::range(&start, &end),
            (None, None) => english(&start, form),
            (Some(foreign), Some(end)) => foreign.range(&start, &end),
            (Some(foreign), None) => foreign.moment(&start, form),
        })
    }
}

fn english(start: &Zoned, form: Form) -> String {
    let long = moment::long(start);
    match form {
        Form::Date => start.strftime("%A %-d %B %Y").to_string(),
        Form::Time => long.split_once(", ").map_or(long.clone(), |(_, time)| time.to_owned()),
        Form::DateTime | Form::Range => long,
    }
}

impl Foreign {
    fn moment(&self, moment: &Zoned, form: Form) -> String {
        match form {
            Form::Date => self.long_date.format(&gregorian(moment)).to_string(),
            Form::Time => format!("{} {}", moment::time(moment), self.zone(moment)),
            Form::DateTime | Form::Range => format!("{}, {} {}", self.date(moment), moment::time(moment), self.zone(moment)),
        }
    }

    /// Date and zone are repeated only if they differ. A dash stands for "to" in each of the languages.
    fn range(&self, start: &Zoned, end: &Zoned) -> String {
        let (first_zone, last_zone) = (self.zone(start), self.zone(end));
        if start == end && first_zone == last_zone {
            return self.moment(start, Form::DateTime);
        }
        let first_zone = if first_zone == last_zone { String::new() } else { format!(" {first_zone}") };
        let last_date = if start.date() == end.date() { String::new() } else { format!("{}, ", self.date(end)) };
        let (first, last) = (moment::time(start), moment::time(end));
        format!("{}, {first}{first_zone} – {last_date}{last} {last_zone}", self.date(start))
    }

    fn date(&self, moment: &Zoned) -> String {
        self.date.format(&gregorian(moment)).to_string()
    }

    /// The zone's name in the language, such as `MEZ (UTC+1)`; if there is none, the name used locally.
    fn zone(&self, moment: &Zoned) -> String {
        let own = moment::long_zone(moment);
        let zoned: ZonedDateTime<Iso, TimeZoneInfo<AtTime>> = moment.convert_into();
        let name = self.zone.format(&zoned.zone).to_string();
        match own.split_once(" (") {
            // A name with a digit is really an offset.
            Some((_, offset))
                if !name.contains(|c: char| c.is_ascii_digit()) && !name.starts_with("GMT") && agree_on_summer(moment, zoned.zone) =>
            {
                format!("{name} ({offset}")
            }
            _ => own,
        }
    }
}

/// Whether the formatter and the database agree on summer time. The CLDR has its own, older rules: if a zone has given up its
/// clock changes, the CLDR calls the new standard time by the name of the old summer time.
#[expect(deprecated, reason = "a bad database of zones, but the one that the formatter goes by")]
fn agree_on_summer(moment: &Zoned, zone: TimeZoneInfo<AtTime>) -> bool {
    let calculator = icu_time::zone::VariantOffsetsCalculator::new();
    let Some(offsets) = calculator.compute_offsets_from_time_zone_and_name_timestamp(zone.id(), zone.zone_name_timestamp()) else {
        return false;
    };
    let is_summer = moment.time_zone().to_offset_info(moment.timestamp()).dst().is_dst();
    zone.offset() == if is_summer { offsets.daylight } else { Some(offsets.standard) }
}

fn gregorian(moment: &Zoned) -> Date<Gregorian> {
    let date: Date<Iso> = moment.date().convert_into();
    date.to_calendar(Gregorian)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let start: Zoned = "2027-02-13T02:00[Europe/London]".parse().unwrap();
        let end: Zoned = "2027-02-13T05:00[Europe/London]".parse().unwrap();
        let check = |zone: &str, form: Form, expected: &str| {
            assert_eq!(Words::from_language("en").unwrap().write(&start, Some(&end), zone, form).as_deref(), Ok(expected));
        };
        check("Europe/London", Form::Date, "Saturday 13 February 2027");
        check("Europe/London", Form::DateTime, "Sat 13 Feb 2027, 02:00 GMT (UTC+0)");
        check("Europe/London", Form::Time, "02:00 GMT (UTC+0)");
        check("America/New_York", Form::DateTime, "Fri 12 Feb 2027, 21:00 EST (UTC-5)");
        check("Europe/London", Form::Range, "Sat 13 Feb 2027, 02:00 to 05:00 GMT (UTC+0)");
        let reversed = Words::from_language("de").unwrap().write(&end, Some(&start), "Europe/London", Form::Range);
        assert!(reversed.is_err_and(|message| message.contains("before it starts")));
        assert!(Words::from_language("en").unwrap().write(&start, None, "Mars/Phobos", Form::Date).is_err());
        for unknown in ["tlh", "", "ja", "e", "de\n"] {
            assert!(Words::from_language(unknown).err().is_some_and(|message| message.contains("en, de, fr, es, pt, nl, it")), "{unknown}");
        }
    }

    #[test]
    fn languages() {
        let start: Zoned = "2027-02-13T22:00[Europe/London]".parse().unwrap();
        let end: Zoned = "2027-02-14T01:00[Europe/London]".parse().unwrap();
        let check = |language: &str, zone: &str, form: Form, expected: &str| {
            let words = Words::from_language(language).unwrap();
            assert_eq!(words.write(&start, Some(&end), zone, form).as_deref(), Ok(expected), "{language}");
        };
        check("de", "Europe/Berlin", Form::Date, "Samstag, 13. Februar 2027");
        check("de", "Europe/Berlin", Form::Time, "23:00 MEZ (UTC+1)");
        check("de", "Europe/Berlin", Form::Range, "Sa., 13.02.2027, 23:00 – So., 14.02.2027, 02:00 MEZ (UTC+1)");
        check("de-AT", "Europe/Vienna", Form::Time, "23:00 MEZ (UTC+1)");
        check("fr", "Europe/Paris", Form::Date, "samedi 13 février 2027");
        check("fr", "Europe/Paris", Form::DateTime, "sam. 13 févr. 2027, 23:00 CET (UTC+1)");
        check("es", "America/New_York", Form::Range, "sáb, 13 feb 2027, 17:00 – 20:00 EST (UTC-5)");
        check("pt", "America/Sao_Paulo", Form::DateTime, "sáb., 13 de fev. de 2027, 19:00 UTC-3");
        check("pt", "Europe/Lisbon", Form::Date, "sábado, 13 de fevereiro de 2027");
        check("nl", "Europe/Amsterdam", Form::DateTime, "za 13 feb 2027, 23:00 CET (UTC+1)");
        check("it", "UTC", Form::Range, "sab 13 feb 2027, 22:00 – dom 14 feb 2027, 01:00 UTC");
        check("de", "Europe/Kyiv", Form::Time, "00:00 OEZ (UTC+2)");
        check("es", "America/Edmonton", Form::Time, "16:00 CST (UTC-6)");
        check("es", "America/Vancouver", Form::Time, "15:00 MST (UTC-7)");
        check("fr", "America/Winnipeg", Form::Time, "17:00 EST (UTC-5)");
        check("es", "America/Havana", Form::Time, "18:00 CDT (UTC-4)");
        check("en", "Europe/Berlin", Form::Range, "Sat 13 Feb 2027, 23:00 to Sun 14 Feb 2027, 02:00 CET (UTC+1)");
    }
}
