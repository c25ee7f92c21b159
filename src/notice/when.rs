//! Times for people: a moment in the zone and the words of its reader.

use jiff::Zoned;

use crate::schedule::{moment, zone};

/// How much of a moment is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Date,
    Time,
    DateTime,
    /// To a second moment; both dates are named where they differ.
    Range,
}

impl Form {
    pub fn parse(text: &str) -> Result<Form, String> {
        match text {
            "date" => Ok(Form::Date),
            "time" => Ok(Form::Time),
            "datetime" => Ok(Form::DateTime),
            "range" => Ok(Form::Range),
            _ => Err(format!("`{text}` is no form of a time: use \"date\", \"time\", \"datetime\" or \"range\"")),
        }
    }
}

/// The languages that times can be written in.
pub const LANGUAGES: [&str; 1] = ["en"];

/// Writes a moment in a zone. Zone and offset are always named, but for a date alone.
pub fn write(start: &Zoned, end: Option<&Zoned>, zone_name: &str, lang: &str, form: Form) -> Result<String, String> {
    if !LANGUAGES.contains(&lang) {
        return Err(format!("times cannot be written in `{lang}`: there is {}", LANGUAGES.join(", ")));
    }
    let zone = zone::zone(zone_name).map_err(|error| {
        let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}{help}", error.message())
    })?;
    let start = start.with_time_zone(zone.clone());
    Ok(match form {
        Form::Date => start.strftime("%A %-d %B %Y").to_string(),
        Form::Time => {
            let long = moment::long(&start);
            long.split_once(", ").map_or(long.clone(), |(_, time)| time.to_owned())
        }
        Form::DateTime => moment::long(&start),
        Form::Range => {
            let end = end.ok_or("a range needs an end: give the event a `window`, or say `to=`")?;
            moment::range(&start, &end.with_time_zone(zone))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let start: Zoned = "2027-02-13T02:00[Europe/London]".parse().unwrap();
        let end: Zoned = "2027-02-13T05:00[Europe/London]".parse().unwrap();
        let check = |zone: &str, form: Form, expected: &str| {
            assert_eq!(write(&start, Some(&end), zone, "en", form).as_deref(), Ok(expected));
        };
        check("Europe/London", Form::Date, "Saturday 13 February 2027");
        check("Europe/London", Form::DateTime, "Sat 13 Feb 2027, 02:00 GMT (UTC+0)");
        check("Europe/London", Form::Time, "02:00 GMT (UTC+0)");
        check("America/New_York", Form::DateTime, "Fri 12 Feb 2027, 21:00 EST (UTC-5)");
        check("Europe/London", Form::Range, "Sat 13 Feb 2027, 02:00 to 05:00 GMT (UTC+0)");
        assert!(write(&start, None, "Mars/Phobos", "en", Form::Date).is_err());
        assert!(write(&start, None, "UTC", "tlh", Form::Date).unwrap_err().contains("en"));
    }
}
