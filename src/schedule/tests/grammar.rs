//! The grammar, row by row.

use std::fmt::Write;

use serde_json::Value;

use crate::schedule::{Found, Kind, Place, Timing, Unit, heading, recurrence};

const FIXTURE: &str = include_str!("../../../tests/fixtures/headings.json");

fn fixture(list: &str) -> Vec<Value> {
    let fixture: Value = serde_json::from_str(FIXTURE).expect("the fixture is JSON");
    fixture[list].as_array().expect("the fixture holds lists").clone()
}

/// What was found, in one line.
fn in_words(found: &Found) -> String {
    match found {
        Found::Nothing => "none".to_owned(),
        Found::Timing(timing) => timing_in_words(timing),
        Found::Hint(error) => format!("hint: {error}"),
        Found::Error(error) => format!("error: {error}"),
    }
}

fn timing_in_words(timing: &Timing) -> String {
    let kind = match timing.kind {
        Kind::Point => "point",
        Kind::Range => "range",
        Kind::Open => "open",
        Kind::Deadline => "deadline",
    };
    let mut line = format!("{kind} {}", timing.start);
    let mut add = |text: String| write!(line, "{text}").expect("strings can be written to");
    timing.end.iter().for_each(|end| add(format!("..{end}")));
    (timing.place == Place::Trailing).then(|| add(" trailing".to_owned()));
    (!timing.label.is_empty()).then(|| add(format!(" | {}", timing.label)));
    (!timing.tail.is_empty()).then(|| add(format!(" | tail {}", timing.tail.join(", "))));
    timing.estimate.iter().for_each(|estimate| add(format!(" | takes {estimate}")));
    line
}

/// The fixture's expectation in the same line, without the estimate.
fn expectation_in_words(expect: &Value) -> String {
    let text = |key: &str| expect[key].as_str();
    if expect.is_null() {
        return "none".to_owned();
    }
    if let Some(error) = text("error") {
        return if error.starts_with("hint:") { "hint" } else { "error" }.to_owned();
    }
    let mut line = format!("{} {}", text("kind").expect("a kind"), text("start").expect("a start"));
    text("end").iter().for_each(|end| line += &format!("..{end}"));
    line += if text("where") == Some("paren") { " trailing" } else { "" };
    text("label").iter().filter(|label| !label.is_empty()).for_each(|label| line += &format!(" | {label}"));
    text("tail").iter().for_each(|tail| line += &format!(" | tail {tail}"));
    line
}

#[test]
fn every_heading_of_the_fixture() {
    for row in fixture("offset") {
        let text = row["heading"].as_str().expect("a heading");
        let unit = row["offset_unit"].as_str().map(|unit| Unit::parse(unit).expect("a unit"));
        let words = in_words(&heading::read(text, unit));
        let words = words.split(" | takes").next().unwrap_or_default();
        let expected = expectation_in_words(&row["expect"]);
        let fits =
            if matches!(expected.as_str(), "hint" | "error") { words.starts_with(&format!("{expected}: ")) } else { words == expected };
        assert!(fits, "{text}: {words}, expected {expected}");
    }
}

#[test]
fn every_rhythm_of_the_fixture() {
    for row in fixture("recurring") {
        let text = row["text"].as_str().expect("a text");
        let found = recurrence::read(text).map(|recurrence| recurrence.to_string());
        assert_eq!(found.as_deref(), row["expect"].as_str(), "{text}");
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(in_words(&heading::read(text, None)), expected, "{text}");
}

fn check_in_minutes(text: &str, expected: &str) {
    assert_eq!(in_words(&heading::read(text, Some(Unit::Minutes))), expected, "{text}");
}

#[test]
fn points() {
    check("T-48h: Preparation", "point T-48h | Preparation");
    check("T-0", "point T-0");
    check("T-0.", "point T-0");
    check("T-0 (go-live)", "point T-0 | (go-live)");
    check("T-0 cutover day", "point T-0 | cutover day");
    check("**T-0** Go", "point T-0 | Go");
    check("**T-0:** Go", "point T-0 | Go");
    check("**T-0: Go**", "point T-0 | Go");
    check("__T-0__ — `make go`", "point T-0 | `make go`");
    check("**3.** **T-2h** Bridge", "point T-2h | Bridge");
    check("🔻 T-0 — CUTOVER START", "point T-0 | CUTOVER START");
    check("1️⃣ T-2h: Bridge", "point T-2h | Bridge");
    check("② T-2h: Bridge", "point T-2h | Bridge");
    check("3. T-2h: Bridge opens", "point T-2h | Bridge opens");
    check("3.1) T-2h: Bridge opens", "point T-2h | Bridge opens");
    check("Step 3: T-2h: Bridge opens", "point T-2h | Bridge opens");
    check("PHASE 2 — T-2h Bridge opens", "point T-2h | Bridge opens");
    check("Gate: T-1h", "point T-1h");
    check("At T-1h: call", "point T-1h | call");
    check("T+7d: Cutover Complete", "point T+7d | Cutover Complete");
    check("T+1 day: review", "point T+1d | review");
    check("T-2 weeks: announce", "point T-2w | announce");
    check("T-7 Days (December 24)", "point T-7d | (December 24)");
    check("T-7-day notice", "point T-7d | notice");
    check("T-5 business days", "point T-5bd");
    check("T-1 Business Day (Day Before)", "point T-1bd | (Day Before)");
    check("T-minus 3 days: outreach", "point T-3d | outreach");
    check("T-MINUS-7 DAYS (BEFORE LAUNCH)", "point T-7d | (BEFORE LAUNCH)");
    check("T-Minus 0 - final checks", "point T-0 | final checks");
    check("T plus 2 hours: look", "point T+2h | look");
    check("T−0:30 Check-in opens", "point T-30m | Check-in opens");
    check("T+1h30m: Smoke", "point T+1h30m | Smoke");
    check("T+1 h 30 min: Smoke", "point T+1h30m | Smoke");
    check("T+1.5h: Smoke", "point T+1.5h | Smoke");
    check("T-1d2h: Smoke", "point T-1d2h | Smoke");
    check("T+2:30 hours", "point T+2h30m");
    check("T-48H: caps", "point T-48h | caps");
    check("T - 48h: spaced", "point T-48h | spaced");
    check("T-30s: last call", "point T-30s | last call");
    check("T-0 Day one", "point T-0 | one");
    check("T-0 day-one checklist", "point T-0 | day-one checklist");
    check("T-0 — T-Mobile cutover", "point T-0 | T-Mobile cutover");
    check("T-2h 3 hosts", "point T-2h | 3 hosts");
    check("T-2h 30m-long soak", "point T-2h | 30m-long soak");
    check("T-1h: .env and *.example.org", "point T-1h | .env and *.example.org");
    check("T-1h -v flag", "point T-1h | -v flag");
    check("T+0:30 min-max check", "point T+30m | min-max check");
    check("T-2h: Import (~30m, DBA)", "point T-2h | Import (~30m, DBA) | takes 30 min");
    check("T-9999w: very early", "point T-9999w | very early");
    check("T+999:59: very late", "point T+999h59m | very late");
}

#[test]
fn points_in_parentheses() {
    check("Step 1: Freeze Supabase (T+0:00)", "point T-0 trailing | Step 1: Freeze Supabase");
    check("Step 3: Migrate Users (T+0:15)", "point T+15m trailing | Step 3: Migrate Users");
    check("Step 7: Update DNS (T+2:00)", "point T+2h trailing | Step 7: Update DNS");
    check("Import (T+0:30, ~30m, DBA)", "point T+30m trailing | Import | tail ~30m, DBA | takes 30 min");
    check("Import (T+0:30; est: 1h)", "point T+30m trailing | Import | tail est: 1h | takes 1 h");
    check("Import (T+0:30, owner: Ann (DBA, on call))", "point T+30m trailing | Import | tail owner: Ann (DBA, on call)");
    check("Import [T+0:30]:", "point T+30m trailing | Import");
    check("Import (**T+0:30**).", "point T+30m trailing | Import");
    check("Go/No-Go (T-1h)", "point T-1h trailing | Go/No-Go");
    check("GO/NO-GO: DNS switch (T+1:45)", "point T+1h45m trailing | GO/NO-GO: DNS switch");
    check("Sign-off (by T-4h)", "deadline T-4h trailing | Sign-off");
    check("T-203 Discord (T-1h)", "point T-1h trailing | T-203 Discord");
    check("Import (T+0:30) and more", "none");
    check("Import (DBA, T+0:30)", "none");
    check("Import (T+0:30 or so)", "none");
    check("Ticket (T-203)", "hint: no unit in `T-203`");
    check("Import (T-1M)", "error: `1M` can mean one minute or one month");
}

#[test]
fn ranges_open_ends_and_deadlines() {
    check("T+0 to T+2h: Critical Monitoring", "range T-0..T+2h | Critical Monitoring");
    check("T+2 to T+24h: Stabilization", "range T+2h..T+24h | Stabilization");
    check("T+48h to T+7d: Rollback Window", "range T+48h..T+7d | Rollback Window");
    check("T-48h to T-24h (Friday 8 PM — Saturday 8 PM)", "range T-48h..T-24h | (Friday 8 PM — Saturday 8 PM)");
    check("T-48h -> T-24h: Prepare", "range T-48h..T-24h | Prepare");
    check("T-48h–T-24h: Prepare", "range T-48h..T-24h | Prepare");
    check("T-48h..T-24h: Prepare", "range T-48h..T-24h | Prepare");
    check("T-48h - T-24h: Prepare", "range T-48h..T-24h | Prepare");
    check("T-48h until T0: Prepare", "range T-48h..T-0 | Prepare");
    check("**T-48h** to **T-24h**: Prepare", "range T-48h..T-24h | Prepare");
    check("T+48h – T+7d: Watch", "range T+48h..T+7d | Watch");
    check("From T-48h through T-24h", "range T-48h..T-24h");
    check("T-5bd to T-6d: Freeze", "range T-5bd..T-6d | Freeze");
    check("T+0:00 to T+5:00", "range T-0..T+5h");
    check("Phase 1 — Bootstrap (T+0:00 to T+0:45)", "range T-0..T+45m trailing | Phase 1 — Bootstrap");
    check("Pilot execution (T-15min → T+2h)", "range T-15m..T+2h trailing | Pilot execution");
    check("T+120 minutes onward", "open T+120m");
    check("T+24h+", "open T+24h");
    check("T+24h and later: watch", "open T+24h | watch");
    check("After T+24h", "open T+24h");
    check("By T-4h: sign-off", "deadline T-4h | sign-off");
    check("**Before** T-4h: sign-off", "deadline T-4h | sign-off");
}

#[test]
fn bare_numbers() {
    check("T-30: review", "hint: no unit in `T-30`");
    check("T-1000 notes", "hint: no unit in `T-1000`");
    check("T-203 Discord integration", "hint: no unit in `T-203`");
    check("T-Minus-15 Completeness Checklist", "hint: no unit in `T-Minus-15`");
    check("T+10 to T+15 — restore auth", "hint: no unit in `T+10`");
    check("T+2h to T+15: restore", "hint: no unit in `T+15`");
    check("T-4 horas", "hint: no unit in `T-4`");
    check("T-5 day-long soak", "hint: no unit in `T-5`");
    check_in_minutes("T-10 to T0: launch gate", "range T-10m..T-0 | launch gate");
    check_in_minutes("T+10 to T+15 — restore", "range T+10m..T+15m | restore");
    check_in_minutes("T+10 to T+1h: restore", "range T+10m..T+1h | restore");
    check_in_minutes("T-1.5: look", "point T-1.5m | look");
    check_in_minutes("T-30 review", "point T-30m | review");
}

#[test]
fn mistakes() {
    check("T+2h to T+0: wrong", "error: range ends before it starts: `T+2h` to `T-0`");
    check("T-1M: month?", "error: `1M` can mean one minute or one month");
    check("T+0:30 min", "error: `0:30` is hours and minutes, but is followed by `min`");
    check("T-2h1d: odd order", "error: units out of order: `1d` after `2h`");
    check("T-2h to T-1M: month?", "error: `1M` can mean one minute or one month");
    check("T-1.5d: half", "error: `1.5d` is not a whole number of days");
}

const NEAR_MISSES: &str = "
T-shirt sizes | Step T | T-0.3 perf gate | T-M6.3 ablation | T-minus checklist | t+1 forecast | T2 services | T0
T3 — architecture only | Tier T-1 hosts | T-Mobile DNS | AT-48h code | Meet at T-48h or so | T-48hours-late
Rollback Triggers | T+0:75 wrap | R+0:10: Point DNS back | T-SQL scripts | T-rex | T-cell counts | T-bone | T-junction
T-test of means | T-1x hosts | T-48hx | T-48h/T-24h | T-48h_old | T-1000000 | T-12345h | T-1.234h | T-1.h | T+1:5 rollout
T+1000:00 | T+0:30:75 | T+0:300 | T+0:00:000 | T-0x1f | T-0a | T-0-1 | T-1-2 | T-1/2 | T-0:5 | T- | T+ | T | T -
T++1h | T--1h | t-1h | T=0 | T*0 | T_0 | T:0 | T.0 | T~1h | Т-48h in Cyrillic | ST-1h: station | (T-1h) Bridge | [T-1h] Bridge
<T-1h> Bridge | \"T-1h\" quoted | Step T-1h: no separator | Step 3 T-1h | 3 T-1h | 3.T-1h | 1.2 T-1h | by T | Before T-day
Until T-shirts arrive | After-T-1h | BT-1h | é T-1h | T-1é | T-5½h | T-½h | T-１h | T-1hé | T-minus | T-minus-one hour | T minus nothing
T-plus | T-1st day | T-2nd week | T-3rd | T-10% load | T-10€ | T-10x growth | T-1kB | T-5ms latency | T-3months | T-2yr
Latency (T-5ms) | Sizes (T-shirt) | Tier (T-1 hosts) | Draft (see T-1h) | (T-1h
No-go at T-1h | Daily T-1h | T0 to T+2h | T-1h30 min-long | T-30min-offset | T-minus0 | Tminus 1h30
";

#[test]
fn near_misses() {
    let rows: Vec<&str> = NEAR_MISSES.lines().flat_map(|line| line.split(" | ")).filter(|row| !row.is_empty()).collect();
    assert!(rows.len() >= 60, "{}", rows.len());
    for text in rows {
        let found = heading::read(text, None);
        assert!(!matches!(found, Found::Timing(_)), "{text}: {}", in_words(&found));
    }
}

#[test]
fn rhythms() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(recurrence::read(text).map(|found| found.to_string()).as_deref(), expected, "{text}");
    };
    check("🔁 **Every 15 Minutes**: look", Some("15m"));
    check("Every 1.5 hours", Some("1.5h"));
    check("each business day at 9:30 — call", Some("1bd at 09:30"));
    check("Every 1.5 days", None);
    check("Every 0 minutes", None);
    check("Every 5 M", None);
    check("Every month", None);
    check("Hourly at 09:00", None);
    check("Daily at 25:00", None);
    check("Daily at noon", None);
    check("Dailyish", None);
}
