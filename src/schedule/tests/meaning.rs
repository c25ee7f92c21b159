//! From T-0 and offsets to instants, row by row.

use jiff::civil::date;

use crate::schedule::{Clock, Offset, moment, years, zone};

/// One row of expected instants: T-0 and its zone, an offset, and the instant.
fn check_at(t0: (&str, &str), offset: &str, expected: &str) {
    let clock = Clock::new(t0.0, Some(t0.1), &[]).expect("the rows hold clocks");
    let offset = Offset::parse(offset).expect("the rows hold offsets");
    let instant = clock.at(&offset).map(|instant| moment::short(&instant)).unwrap_or_else(|error| error.to_string());
    assert_eq!(instant, expected, "{t0:?} {offset}");
}

#[test]
fn instants_around_clock_changes() {
    let london = ("2026-03-29T10:00", "Europe/London");
    check_at(london, "T-0", "Sun 29 Mar 10:00 BST (+01:00)");
    check_at(london, "T-24h", "Sat 28 Mar 09:00 GMT (+00:00)");
    check_at(london, "T-1d", "Sat 28 Mar 10:00 GMT (+00:00)");
    check_at(london, "T-48h", "Fri 27 Mar 09:00 GMT (+00:00)");
    check_at(london, "T-2d", "Fri 27 Mar 10:00 GMT (+00:00)");
    let berlin = ("2026-10-25T01:30", "Europe/Berlin");
    check_at(berlin, "T-0", "Sun 25 Oct 01:30 CEST (+02:00)");
    check_at(berlin, "T+0:45", "Sun 25 Oct 02:15 CEST (+02:00)");
    check_at(berlin, "T+1:15", "Sun 25 Oct 02:45 CEST (+02:00)");
    check_at(berlin, "T+1:45", "Sun 25 Oct 02:15 CET (+01:00)");
    check_at(berlin, "T+2:15", "Sun 25 Oct 02:45 CET (+01:00)");
    check_at(berlin, "T+24h", "Mon 26 Oct 00:30 CET (+01:00)");
    let before_gap = ("2026-03-07T02:30", "America/New_York");
    check_at(before_gap, "T-0", "Sat 7 Mar 02:30 EST (-05:00)");
    check_at(before_gap, "T+1d", "Sun 8 Mar 03:30 EDT (-04:00)");
    check_at(before_gap, "T+2d", "Mon 9 Mar 02:30 EDT (-04:00)");
    let after_fold = ("2026-11-02T01:30", "America/New_York");
    check_at(after_fold, "T-0", "Mon 2 Nov 01:30 EST (-05:00)");
    check_at(after_fold, "T-1d", "Sun 1 Nov 01:30 EDT (-04:00)");
    check_at(after_fold, "T-24h", "Sun 1 Nov 01:30 EST (-05:00)");
    let lord_howe = ("2026-04-05T01:15", "Australia/Lord_Howe");
    check_at(lord_howe, "T-0", "Sun 5 Apr 01:15 +11:00");
    check_at(lord_howe, "T+1h", "Sun 5 Apr 01:45 +10:30");
    check_at(lord_howe, "T+1d", "Mon 6 Apr 01:15 +10:30");
    check_at(lord_howe, "T+24h", "Mon 6 Apr 00:45 +10:30");
    check_at(("2026-02-14T02:30", "Asia/Kolkata"), "T-48h", "Thu 12 Feb 02:30 IST (+05:30)");
    check_at(("2026-10-25T02:30+01:00", "Europe/Berlin"), "T-0", "Sun 25 Oct 02:30 CET (+01:00)");
    check_at(("2026-02-14T02:00", "Europe/London"), "T-1d2h", "Fri 13 Feb 00:00 GMT (+00:00)");
    check_at(("9999-06-01T00:00", "UTC"), "T+9999w", "the time is out of range: T+9999w from 9999-06-01T00:00:00+00:00");
    check_at(("9999-06-01T00:00", "UTC"), "T+9999bd", "the time is out of range: T+9999bd from 9999-06-01T00:00:00+00:00");
    check_at(("9999-12-30T00:00", "UTC"), "T+999:59", "the time is out of range: T+999h59m from 9999-12-30T00:00:00+00:00");
    check_at(("0001-06-01T00:00", "UTC"), "T-9999w", "the time is out of range: T-9999w from 0001-06-01T00:00:00+00:00");
    check_at(("0001-01-02T00:00", "UTC"), "T-1s", "the time is out of range: T-1s from 0001-01-02T00:00:00+00:00");
}

#[test]
fn the_instant_in_another_zone() {
    let clock = Clock::new("2026-02-14T02:30", Some("Asia/Kolkata"), &[]).expect("the clock is sound");
    let instant = clock.at(&Offset::parse("T-48h").expect("an offset")).expect("a near instant");
    let utc = instant.with_time_zone(zone::zone("UTC").expect("a zone"));
    assert_eq!(moment::short(&utc), "Wed 11 Feb 21:00 UTC");
}

#[test]
fn business_days_skip_weekends_and_holidays() {
    let holidays = [date(2026, 4, 3), date(2026, 4, 6)];
    let clock = Clock::new("2026-04-07T10:00", Some("Europe/London"), &holidays).expect("the clock is sound");
    let check = |offset: &str, expected: &str| {
        let instant = clock.at(&Offset::parse(offset).expect("an offset")).expect("a near instant");
        assert_eq!(moment::short(&instant), expected, "{offset}");
    };
    check("T-1bd", "Thu 2 Apr 10:00 BST (+01:00)");
    check("T-5bd", "Fri 27 Mar 10:00 GMT (+00:00)");
    check("T+1bd", "Wed 8 Apr 10:00 BST (+01:00)");
    check("T+4bd", "Mon 13 Apr 10:00 BST (+01:00)");
    check("T-2d1bd", "Thu 2 Apr 10:00 BST (+01:00)");
    check("T-1bd1h", "Thu 2 Apr 09:00 BST (+01:00)");
}

/// One row of T-0 as written: the instant, or the error and its help.
fn check_t0(t0: &str, zone: Option<&str>, expected: &str) {
    let found = match Clock::new(t0, zone, &[]) {
        Ok(clock) => moment::datetime_attribute(clock.t0()),
        Err(error) => format!("{error}; {}", error.help().unwrap_or_default()),
    };
    assert_eq!(found, expected, "{t0} {zone:?}");
}

#[test]
#[rustfmt::skip]
fn t0_as_written() {
    let london = Some("Europe/London");
    check_t0("2026-02-14T02:00:00", london, "2026-02-14T02:00:00+00:00");
    check_t0("2026-02-14 02:00", london, "2026-02-14T02:00:00+00:00");
    check_t0("2026-03-29T00:30:00Z", london, "2026-03-29T00:30:00+00:00");
    check_t0("2026-07-01T00:30:00Z", london, "2026-07-01T01:30:00+01:00");
    check_t0("2026-07-01T00:30:00Z", None, "2026-07-01T00:30:00+00:00");
    check_t0("2026-07-01T00:30+01:00", london, "2026-07-01T00:30:00+01:00");
    check_t0("2026-02-14T02:00[Europe/London]", None, "2026-02-14T02:00:00+00:00");
    check_t0("2026-02-14T02:00[Europe/London]", Some("europe/london"), "2026-02-14T02:00:00+00:00");
    check_t0("2026-10-25T01:30+01:00", london, "2026-10-25T01:30:00+01:00");
    check_t0("2026-10-25T01:30+00:00", london, "2026-10-25T01:30:00+00:00");
    check_t0("2026-03-29T01:30+00:00", london, "2026-03-29T02:30:00+01:00");
    check_t0("2026-03-29T01:30", london, "`2026-03-29T01:30:00` does not exist in `Europe/London`: the clocks skip it; write `2026-03-29T00:30:00+00:00` or `2026-03-29T02:30:00+01:00`");
    check_t0("2026-10-25T01:30", london, "`2026-10-25T01:30:00` happens twice in `Europe/London`: the clocks go back; write `2026-10-25T01:30:00+01:00` for the first or `2026-10-25T01:30:00+00:00` for the second");
    check_t0("2026-02-14T02:00+01:00", london, "`2026-02-14T02:00:00+01:00` contradicts `Europe/London`, which has a different offset then; write `2026-02-14T02:00:00` to keep the wall-clock time, or `2026-02-14T01:00:00+00:00` to keep the instant");
    check_t0("2026-02-14T02:00[Europe/London]", Some("Europe/Berlin"), "`2026-02-14T02:00[Europe/London]` is in `Europe/London`, but the time zone is `Europe/Berlin`; use only one of the two zones");
    check_t0("2026-02-14T02:00+01:00[+01:00]", None, "`2026-02-14T02:00+01:00[+01:00]` has an offset in place of a zone; write the name of a zone in the brackets, such as `[Europe/London]`");
    check_t0("2026-02-14T02:00", None, "no time zone for `2026-02-14T02:00`; add the zone of the wall clock, such as `Europe/London`");
    check_t0("2026-02-14T02:00", Some("Europe/Lodnon"), "unknown time zone `Europe/Lodnon`; did you mean `Europe/London`?");
    check_t0("2026-02-14", london, "`2026-02-14` is not a date with a time; write it like `2026-02-14T02:00:00`");
    check_t0("2026-02-30T02:00", london, "`2026-02-30T02:00` is not a date with a time; write it like `2026-02-14T02:00:00`");
    check_t0("tomorrow", london, "`tomorrow` is not a date with a time; write it like `2026-02-14T02:00:00`");
    for outside in ["9999-12-31T23:59:59", "0001-01-01T23:59", "0000-03-06T02:00", "-000001-03-06T02:00", "0001-01-01T23:59:59Z"] {
        check_t0(outside, Some("UTC"), &format!("the time is out of range: {outside}; {}", years::HELP));
    }
    check_t0("0001-01-02T00:00+00:01", Some("UTC"), &format!("the time is out of range: 0001-01-02T00:00:00+00:01; {}", years::HELP));
    check_t0("10000-01-01T00:00", Some("UTC"), "`10000-01-01T00:00` is not a date with a time; write it like `2026-02-14T02:00:00`");
}

#[test]
fn distances_that_elapse() {
    let check = |seconds: i64, expected: &str| assert_eq!(Offset::elapsed(seconds).to_string(), expected);
    check(0, "T-0");
    check(-330, "T-5m30s");
    check(4_200, "T+1h10m");
    check(86_400, "T+24h");
}
