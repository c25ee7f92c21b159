//! Every time is a value or an error: whatever T-0, offset and length are, nothing panics, and results lie in the years 1 to 9999.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
use proptest::prelude::*;

use crate::schedule::years::{self, FIRST, LAST};
use crate::schedule::{Clock, Length, Offset, moment, recurrence};
use crate::text::icalendar;

fn zone_names() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
}

/// All kinds of years, with more of those near the limits.
fn year() -> impl Strategy<Value = i32> {
    let edges = vec![-9999, -1, 0, 1, 2, 1026, 1582, 1846, 1847, 1899, 1900, 1969, 1970, 2037, 2038, 9742, 9998, 9999, 10_000, 99_999];
    prop_oneof![prop::sample::select(edges), -10_000..=10_001, 1800..=2100]
}

/// T-0 as people, or their programs, could write it.
fn t0() -> impl Strategy<Value = String> {
    let day = prop_oneof![Just((1, 1)), Just((1, 2)), Just((12, 30)), Just((12, 31)), (0..=13_u32, 0..=32_u32)];
    let mark = prop::sample::select(vec!["", "", "", "Z", "Z", "+14:00", "-12:00", "+25:59", "-25:59:59", "+99:99"]);
    (year(), day, 0..=24_u32, 0..=60_u32, mark).prop_map(|(year, (month, day), hour, minute, mark)| match year {
        0..=9999 => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}{mark}"),
        _ => format!("{year:+07}-{month:02}-{day:02}T{hour:02}:{minute:02}{mark}"),
    })
}

/// Amounts with units, from zero to more than the limits allow.
fn amounts() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        prop::sample::select(vec!["0", "1", "0.01", "999:59", "9999", "9999.99", "99999", "999999", "18446744073709551616"])
            .prop_map(str::to_owned),
        (0..=20_000_u32).prop_map(|number| number.to_string()),
    ];
    let part = (number, prop::sample::select(vec!["w", "d", "bd", "h", "m", "s", ""]));
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.into_iter().map(|(number, unit)| number + unit).collect())
}

/// Checks a property of every resulting instant.
fn check(instant: &Zoned) {
    assert!(years::hold(instant.timestamp()), "{instant}");
    for zone in ["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Manila", "America/Metlakatla", "Europe/Amsterdam"] {
        let there = instant.with_time_zone(TimeZoneDatabase::bundled().get(zone).expect("the rows hold zones"));
        assert!((1..=9999).contains(&there.year()), "{there}");
        assert_eq!(moment::datetime_attribute(&there).len(), "2026-02-14T02:00:00+00:00".len(), "{there}");
        assert!([moment::long(&there), moment::short(&there), moment::range(instant, &there)].iter().all(|text| !text.is_empty()));
    }
    assert_eq!(icalendar::utc(instant.timestamp()).len(), "20260214T020000Z".len(), "{instant}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_time_is_a_value_or_an_error(
        t0 in t0(),
        zone in prop::sample::select(zone_names()),
        negative in any::<bool>(),
        amounts in amounts(),
        every in amounts(),
    ) {
        let Ok(clock) = Clock::new(&t0, Some(&zone), &[]) else { return Ok(()) };
        check(clock.t0());
        if let Ok(offset) = Offset::parse(&format!("T{}{amounts}", if negative { '-' } else { '+' })) {
            match clock.at(&offset) {
                Ok(instant) => check(&instant),
                Err(error) => prop_assert!(error.to_string().starts_with("the time is out of range: T"), "{error}"),
            }
        }
        let Ok(length) = Length::parse(&amounts) else { return Ok(()) };
        let (before, after) = (clock.before(clock.t0(), &length), clock.after(clock.t0(), &length));
        before.iter().chain(&after).for_each(check);
        prop_assert!(before.is_ok() || after.is_ok(), "no length leads out at both ends");
        let Some(rhythm) = recurrence::read(&format!("Every {every}")) else { return Ok(()) };
        let rounds = rhythm.rounds(&clock, before.as_ref().unwrap_or(clock.t0()), after.as_ref().unwrap_or(clock.t0()));
        rounds.iter().for_each(check);
        prop_assert!(rounds.len() <= recurrence::MOST_ROUNDS);
    }

    #[test]
    fn instants_in_every_zone(zone in prop::sample::select(zone_names()), second in FIRST.as_second()..=LAST.as_second()) {
        let zone = TimeZoneDatabase::bundled().get(&zone).expect("it is listed");
        for instant in [FIRST, LAST, Timestamp::from_second(second).expect("it is between them")] {
            check(&instant.to_zoned(zone.clone()));
        }
    }
}

#[test]
fn the_range_is_as_wide_as_it_can_be() {
    let farthest = |hours: i8| TimeZone::fixed(jiff::tz::Offset::from_hours(hours).expect("a zone may be so far"));
    let year = |instant: Timestamp, hours: i8| instant.to_zoned(farthest(hours)).year();
    assert_eq!([year(FIRST, -24), year(LAST, 24)], [1, 9999]);
    let second = jiff::SignedDuration::from_secs(1);
    assert!(!years::hold(FIRST.checked_sub(second).expect("jiff knows years before 1")));
    assert!(LAST.checked_add(second).is_err(), "jiff knows no later second");
}

#[test]
fn days() {
    let day = |text: &str| years::day(text).map_or_else(|(message, _)| message, |day| day.to_string());
    assert_eq!(day("0001-01-01"), "0001-01-01");
    assert_eq!(day("9999-12-31"), "9999-12-31");
    assert_eq!(day("0000-12-31"), "the date is out of range: 0000-12-31");
    assert_eq!(day("-000001-12-31"), "the date is out of range: -000001-12-31");
    assert_eq!(day("10000-01-01"), "invalid date `10000-01-01`");
    assert_eq!(day("2026-02-30"), "invalid date `2026-02-30`");
}
