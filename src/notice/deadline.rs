//! When a mailing may be sent: its own time, the earliest and the latest, and how they relate to the present.

use jiff::{Timestamp, Zoned};

use super::stage::Stage;
use crate::config::{Event, Mailing};
use crate::schedule::Offset;
use crate::text::counted;

/// The times of a mailing on the clock of its event.
#[derive(Clone, Debug)]
pub struct Times {
    /// `when`, otherwise T-0, with the words for it.
    pub due: (Zoned, String),
    /// The earliest time, if there is one.
    pub first: Option<(Zoned, String)>,
    /// The latest time; `None` if neither the mailing nor its stage sets one.
    pub last: Option<(Zoned, String)>,
}

/// How the present relates to a mailing's times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    Early,
    InTime,
    /// There is no latest time, and its own time has passed by more than [`PATIENCE`]: a person decides.
    Stale,
    /// Its content is no longer true.
    Late,
}

/// For this many seconds after its time, a mailing without a latest time is sent without asking.
const PATIENCE: i64 = 3600;

impl Times {
    /// The times of a mailing. `None` if its event has no T-0, or a time is out of range; both are reported elsewhere.
    pub fn new(mailing: &Mailing, stage: Option<Stage>, event: &Event) -> Option<Times> {
        let clock = event.clock.as_ref()?;
        let at = |offset: &Offset| Some((clock.at(offset).ok()?, offset.to_string()));
        let due = match &mailing.when {
            Some(when) => at(&when.value)?,
            None => (clock.t0().clone(), "T-0".to_owned()),
        };
        let first = mailing.not_before.as_ref().or(mailing.when.as_ref()).and_then(|offset| at(&offset.value));
        let last = match &mailing.not_after {
            Some(offset) => at(&offset.value).map(|(time, offset)| (time, format!("`not_after`, {offset}"))),
            None => stage.and_then(|stage| end_of(stage, event)),
        };
        Some(Times { due, first, last })
    }

    /// The same for a notice that postpones an event: it stays true until the announced beginning, even if T-0 has been moved since.
    pub fn until_the_announced(mut self, t0: Timestamp) -> Times {
        let zone = self.due.0.time_zone().clone();
        self.last = Some((t0.to_zoned(zone), "the announced T-0".to_owned()));
        self
    }

    pub fn judge(&self, now: Timestamp) -> Timing {
        if self.first.as_ref().is_some_and(|(first, _)| now < first.timestamp()) {
            return Timing::Early;
        }
        match &self.last {
            Some((last, _)) if now > last.timestamp() => Timing::Late,
            None if now.as_second() > self.due.0.timestamp().as_second().saturating_add(PATIENCE) => Timing::Stale,
            _ => Timing::InTime,
        }
    }
}

/// Until when a notice of a stage is true.
fn end_of(stage: Stage, event: &Event) -> Option<(Zoned, String)> {
    let clock = event.clock.as_ref()?;
    let (time, words) = match stage {
        // By then an announced event has begun, or a postponed one would have.
        Stage::Scheduled | Stage::Reminder | Stage::Postponed => (clock.t0().clone(), "T-0"),
        Stage::InProgress | Stage::Delayed | Stage::Verifying => (event.end()?, "the end of the window"),
        Stage::Completed | Stage::RolledBack => (clock.at(&Offset::parse("T+7d").ok()?).ok()?, "T+7d"),
    };
    Some((time, format!("{words}, because its stage is `{}`", stage.name())))
}

/// The distance between two moments, in words: `9 days 2 h`, `3 h 5 min`, `40 s`.
pub fn distance(from: Timestamp, to: Timestamp) -> String {
    let seconds = from.as_second().abs_diff(to.as_second());
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = match (days, hours, minutes) {
        (0, 0, 0) => vec![format!("{seconds} s")],
        (0, 0, _) => vec![format!("{minutes} min")],
        (0, _, 0) => vec![format!("{hours} h")],
        (0, ..) => vec![format!("{hours} h"), format!("{minutes} min")],
        (_, 0, _) => vec![counted(days, "day", "days")],
        _ => vec![counted(days, "day", "days"), format!("{hours} h")],
    };
    parts.join(" ")
}

/// A moment and its distance from the present: `Thu 11 Feb 2027, 02:00 GMT, in 3 days 4 h`.
pub fn with_distance(time: &Zoned, now: Timestamp) -> String {
    let clock = time.strftime("%a %-d %b %Y, %H:%M %Z");
    let apart = distance(now, time.timestamp());
    match time.timestamp().cmp(&now) {
        std::cmp::Ordering::Less => format!("{clock}, {apart} ago"),
        std::cmp::Ordering::Equal => format!("{clock}, now"),
        std::cmp::Ordering::Greater => format!("{clock}, in {apart}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::diagnostic::Diagnostics;
    use crate::source::Source;

    /// The latest time of a mailing with these keys and stage, for an event whose T-0 is 2027-02-13 02:00 UTC and whose window is `window`.
    fn times(keys: &str, stage: Option<Stage>, window: &str) -> Times {
        let text = format!(
            "[events.e]\nt0 = 2027-02-13T02:00:00\ntime_zone = \"UTC\"\n{window}\n\
             [[mailings]]\nid = \"m\"\nnotice = \"n\"\nrecipients = \"r.csv\"\n{keys}\n"
        );
        let mut diagnostics = Diagnostics::default();
        let source = Source { path: crate::source::configuration(), text: text.into() };
        let config = config::parse(&source, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        Times::new(&config.mailings[0], stage, &config.events["e"]).unwrap()
    }

    #[test]
    fn the_stage_says_until_when_words_hold() {
        let check = |keys: &str, stage, window: &str, expected: Option<&str>| {
            let last = times(keys, stage, window).last.map(|(time, _)| time.timestamp().to_string());
            assert_eq!(last.as_deref(), expected, "{keys} {stage:?} {window}");
        };
        let window = "window = \"3h\"";
        for stage in [Stage::Scheduled, Stage::Reminder, Stage::Postponed] {
            check("when = \"T-1d\"", Some(stage), window, Some("2027-02-13T02:00:00Z"));
        }
        for stage in [Stage::InProgress, Stage::Delayed, Stage::Verifying] {
            check("when = \"T-0\"", Some(stage), window, Some("2027-02-13T05:00:00Z"));
            check("when = \"T-0\"", Some(stage), "", None);
        }
        for stage in [Stage::Completed, Stage::RolledBack] {
            check("when = \"T+3h\"", Some(stage), window, Some("2027-02-20T02:00:00Z"));
        }
        check("when = \"T-1d\"", None, window, None);
        check("not_after = \"T-1h\"", Some(Stage::Completed), window, Some("2027-02-13T01:00:00Z"));
    }

    #[test]
    fn the_present_is_judged() {
        let check = |keys: &str, stage, now: &str, expected: Timing| {
            let judged = times(keys, stage, "window = \"3h\"").judge(now.parse().unwrap());
            assert_eq!(judged, expected, "{keys} {stage:?} {now}");
        };
        check("when = \"T-1d\"", Some(Stage::Scheduled), "2027-02-12T01:59:59Z", Timing::Early);
        check("when = \"T-1d\"", Some(Stage::Scheduled), "2027-02-12T02:00:00Z", Timing::InTime);
        check("when = \"T-1d\"\nnot_before = \"T-2d\"", Some(Stage::Scheduled), "2027-02-11T02:00:00Z", Timing::InTime);
        check("when = \"T-1d\"", Some(Stage::Scheduled), "2027-02-13T02:00:00Z", Timing::InTime);
        check("when = \"T-1d\"", Some(Stage::Scheduled), "2027-02-13T02:00:01Z", Timing::Late);
        check("when = \"T-1d\"", None, "2027-02-12T03:00:00Z", Timing::InTime);
        check("when = \"T-1d\"", None, "2027-02-12T03:00:01Z", Timing::Stale);
        check("", None, "2026-01-01T00:00:00Z", Timing::InTime);
        check("", None, "2027-02-22T02:00:00Z", Timing::Stale);
    }

    #[test]
    fn distances() {
        let check = |seconds: i64, expected: &str| {
            let moment = |second| Timestamp::from_second(second).unwrap();
            assert_eq!(distance(moment(0), moment(seconds)), expected);
            assert_eq!(distance(moment(seconds), moment(0)), expected);
        };
        check(0, "0 s");
        check(59, "59 s");
        check(60, "1 min");
        check(3600, "1 h");
        check(3600 * 3 + 300, "3 h 5 min");
        check(86_400, "1 day");
        check(9 * 86_400 + 2 * 3600 + 59, "9 days 2 h");
    }
}
