//! What holds for every text that may say when something happens.

use std::sync::OnceLock;

use jiff::SignedDuration;
use runsheet::schedule::{Clock, Found, Length, Offset, Unit, heading, moment, recurrence, years};

/// Zones with other rules each: none, half an hour of summer, a whole day left out, two hours of summer, abolished.
const ZONES: [&str; 6] = ["UTC", "Australia/Lord_Howe", "Pacific/Apia", "Antarctica/Troll", "Africa/Casablanca", "Europe/London"];
/// The longest window that rounds are counted in.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Reads the first line as T-0, the second as its zone, and each of the others as whatever may hold a time.
pub fn times(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let (t0, zone) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let holidays: Vec<_> = lines.clone().filter_map(|line| years::day(line).ok()).collect();
    for day in &holidays {
        assert!((1..=9999).contains(&day.year()), "the year of {day}");
    }
    let zones = ZONES.into_iter().chain([zone]).filter_map(|zone| Clock::new(t0, Some(zone), &holidays).ok());
    for clock in zones.chain(Clock::new(t0, None, &holidays).ok()).chain([usual().clone()]) {
        shown(&clock);
        lines.clone().for_each(|line| read(line, &clock));
    }
}

fn usual() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(|| Clock::new("2027-03-28T00:30", Some("Europe/London"), &[]).expect("the clock is right"))
}

fn shown(clock: &Clock) {
    let t0 = clock.t0();
    assert!(years::hold(t0.timestamp()), "{t0} is out of the years");
    let words =
        [moment::long(t0), moment::short(t0), moment::utc(t0.timestamp()), moment::range(t0, t0), moment::time(t0), moment::long_zone(t0)];
    assert!(words.iter().all(|words| !words.is_empty()), "{words:?}");
    let attribute = moment::datetime_attribute(t0);
    let again: jiff::Timestamp = attribute.parse().unwrap_or_else(|error| panic!("{attribute} of {t0}: {error}"));
    // HTML knows no offset with seconds, as clocks had before there were zones.
    assert!(again.duration_since(t0.timestamp()).abs() < SignedDuration::from_mins(1), "{attribute} of {t0}");
}

fn read(text: &str, clock: &Clock) {
    if let Ok(offset) = Offset::parse(text) {
        judge(&offset, clock, text);
    }
    if let Ok(length) = Length::parse(text) {
        assert!(length.seconds().is_none_or(|seconds| seconds >= 0), "{text:?} is {length}");
        assert_eq!(Length::parse(&length.to_string()), Ok(length.clone()), "{text:?}");
        let (after, before) = (clock.after(clock.t0(), &length), clock.before(clock.t0(), &length));
        assert!(after.is_ok_and(|after| after >= *clock.t0()) || !fits(&length, clock), "{length} after {}", clock.t0());
        assert!(before.map_or(true, |before| before <= *clock.t0()), "{length} before {}", clock.t0());
    }
    if let Some(found) = recurrence::read(text) {
        let end = clock.t0().checked_add(WEEK).unwrap_or_else(|_| clock.t0().clone());
        let rounds = found.rounds(clock, clock.t0(), &end);
        assert!(rounds.windows(2).all(|two| two[0] < two[1]), "the rounds of {text:?} from {}: {rounds:?}", clock.t0());
        assert!(rounds.iter().all(|round| round >= clock.t0() && *round <= end), "the rounds of {text:?} from {}", clock.t0());
        assert!(!found.to_string().is_empty(), "{text:?}");
    }
    for unit in [None, Some(Unit::Minutes), Some(Unit::Days), Some(Unit::BusinessDays)] {
        match heading::read(text, unit) {
            Found::Nothing => {}
            Found::Hint(error) | Found::Error(error) => assert!(!error.message().is_empty(), "{text:?}"),
            Found::Timing(timing) => {
                judge(&timing.start, clock, text);
                timing.end.iter().for_each(|end| judge(end, clock, text));
                let is_of_text = timing.label.split_whitespace().all(|word| text.contains(word));
                assert!(is_of_text, "the label {:?} of {text:?}", timing.label);
            }
        }
    }
    let _ = Length::estimate(text).map(|length| length.to_string());
}

/// An offset is written as it is read, and lies on its side of T-0.
fn judge(offset: &Offset, clock: &Clock, text: &str) {
    assert_eq!(Offset::parse(&offset.to_string()), Ok(offset.clone()), "{text:?}");
    let seconds = offset.rough_seconds();
    assert!(if offset.negative { seconds <= 0 } else { seconds >= 0 }, "{offset} is {seconds} s");
    match clock.at(offset) {
        Ok(at) => {
            assert!(years::hold(at.timestamp()), "{offset} is {at}");
            assert!(if offset.negative { at <= *clock.t0() } else { at >= *clock.t0() }, "{offset} from {} is {at}", clock.t0());
            if offset.parts.iter().all(|part| !part.unit.is_calendar()) {
                let passed = at.timestamp().duration_since(clock.t0().timestamp());
                assert!((passed - SignedDuration::from_secs(seconds)).abs() <= SignedDuration::from_secs(1), "{offset} is {passed:?}");
            }
        }
        Err(error) => assert!(!error.message().is_empty(), "{offset}"),
    }
}

/// Whether what is a length after T-0 is sure to be a time: it has no part of a day, and the last years are far.
fn fits(length: &Length, clock: &Clock) -> bool {
    let is_whole = length.parts.iter().all(|part| !part.unit.is_calendar() || part.amount.is_whole());
    is_whole && clock.t0().year() < 5000
}
