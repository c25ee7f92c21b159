//! The calendar of a run sheet: an iCalendar file (RFC 5545) with an event for each entry of the plan.
//!
//! Times are in UTC, so no zone has to be described, and nothing depends on a clock: equal entries give equal bytes.

use jiff::{Timestamp, Zoned};

use crate::language::Language;
use crate::text::icalendar::{is_forbidden, line, one_line, text, utc};

/// An event of the calendar.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Stays the same in every revision; unique within a calendar.
    pub uid: String,
    pub summary: String,
    pub description: String,
    pub start: Zoned,
    pub end: Option<Zoned>,
    /// Whether people are busy meanwhile. Entries that last until the next thing begins, or for a week, must not fill their calendars.
    pub is_busy: bool,
    pub kind: Kind,
    pub url: Option<String>,
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Phase,
    Step,
    Gate,
    Deadline,
    Round,
    StopCondition,
    NoReturn,
    RollbackBy,
}

/// Properties of the whole calendar.
#[derive(Clone, Debug)]
pub struct About {
    pub name: String,
    pub description: String,
    /// A calendar with a higher number replaces the events it had before.
    pub revision: u64,
    pub stamp: Timestamp,
    /// Whether it is a rehearsal, which is marked as such.
    pub rehearsal: bool,
    /// The language of its words.
    pub language: Language,
}

/// An iCalendar file (RFC 5545) with CRLF line ends.
pub fn write(about: &About, entries: &[Entry]) -> String {
    let mut file = String::new();
    let name = titled(about, &about.name);
    line(&mut file, "BEGIN", "VCALENDAR");
    line(&mut file, "VERSION", "2.0");
    line(&mut file, "PRODID", "-//Runsheet//Run sheet//EN");
    line(&mut file, "CALSCALE", "GREGORIAN");
    line(&mut file, "METHOD", "PUBLISH");
    line(&mut file, "NAME", &name);
    line(&mut file, "X-WR-CALNAME", &name);
    // How often subscribers refresh (RFC 7986 §5.7); the second property is Outlook's name for it.
    line(&mut file, "REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    line(&mut file, "X-PUBLISHED-TTL", "PT1H");
    if !about.description.is_empty() {
        line(&mut file, "DESCRIPTION", &text(&about.description));
        line(&mut file, "X-WR-CALDESC", &text(&about.description));
    }
    for entry in entries {
        event(&mut file, about, entry);
    }
    line(&mut file, "END", "VCALENDAR");
    file
}

fn event(file: &mut String, about: &About, entry: &Entry) {
    let summary = titled(about, &entry.summary);
    line(file, "BEGIN", "VEVENT");
    line(file, "UID", &one_line(&entry.uid));
    line(file, "DTSTAMP", &utc(about.stamp));
    // The property is an integer of 32 bits.
    line(file, "SEQUENCE", &about.revision.min(i32::MAX as u64).to_string());
    line(file, "DTSTART", &utc(entry.start.timestamp()));
    // An event without DTEND ends as it starts; a DTEND has to be later, and any length would be invented.
    if let Some(end) = entry.end.as_ref().filter(|end| end.timestamp().as_second() > entry.start.timestamp().as_second()) {
        line(file, "DTEND", &utc(end.timestamp()));
    }
    line(file, "SUMMARY", &summary);
    if !entry.description.is_empty() {
        line(file, "DESCRIPTION", &text(&entry.description));
    }
    if let Some(url) = &entry.url {
        line(file, "URL", &url.chars().filter(|c| !is_forbidden(*c) && !c.is_whitespace()).collect::<String>());
    }
    line(file, "CATEGORIES", &text(about.language.text(entry.kind.category())));
    line(file, "TRANSP", if entry.is_busy { "OPAQUE" } else { "TRANSPARENT" });
    line(file, "STATUS", "CONFIRMED");
    if entry.kind.rings() {
        line(file, "BEGIN", "VALARM");
        line(file, "ACTION", "DISPLAY");
        line(file, "DESCRIPTION", &summary);
        line(file, "TRIGGER", "-PT15M");
        line(file, "END", "VALARM");
    }
    line(file, "END", "VEVENT");
}

impl Kind {
    /// The name of its category, among the words.
    fn category(self) -> &'static str {
        match self {
            Kind::Phase => "sheet.phase",
            Kind::Step => "sheet.step",
            Kind::Gate => "sheet.gate",
            Kind::Deadline => "sheet.deadline",
            Kind::Round => "sheet.round",
            Kind::StopCondition => "sheet.stop_condition",
            Kind::NoReturn => "sheet.no_return",
            Kind::RollbackBy => "sheet.rollback_by",
        }
    }

    /// Whether it has an alarm 15 minutes before.
    fn rings(self) -> bool {
        matches!(self, Kind::Gate | Kind::Deadline | Kind::NoReturn | Kind::RollbackBy)
    }
}

/// A name as text, marked if it is a rehearsal.
fn titled(about: &About, name: &str) -> String {
    let name = one_line(name);
    if about.rehearsal { about.language.fill("sheet.rehearsal_of", &[("title", &name)]) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    fn about() -> About {
        let stamp = "2026-11-22T10:00:00Z".parse().unwrap();
        About {
            name: "Cutover".to_owned(),
            description: String::new(),
            revision: 3,
            stamp,
            rehearsal: false,
            language: Language::default(),
        }
    }

    fn entry(kind: Kind) -> Entry {
        Entry {
            uid: "export@cutover".to_owned(),
            summary: "Export".to_owned(),
            description: String::new(),
            start: at("2027-02-13T02:20[Europe/London]"),
            end: Some(at("2027-02-13T02:35[Europe/London]")),
            is_busy: false,
            kind,
            url: None,
        }
    }

    /// The lines of a file, unfolded.
    fn lines(file: &str) -> Vec<String> {
        file.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
    }

    /// The value of a property of the only event.
    fn value(entry: Entry, name: &str) -> Option<String> {
        let file = write(&about(), &[entry]);
        let event = file.split_once("BEGIN:VEVENT\r\n").unwrap().1.to_owned();
        lines(&event).into_iter().find_map(|line| line.strip_prefix(&format!("{name}:")).map(str::to_owned))
    }

    #[test]
    fn whole_file() {
        let mut about = about();
        about.description = "From old to new".to_owned();
        let gate = Entry { end: None, is_busy: true, url: Some("https://docs.example/#gate-3".to_owned()), ..entry(Kind::Gate) };
        let expected = "BEGIN:VCALENDAR VERSION:2.0 PRODID:-//Runsheet//Run_sheet//EN CALSCALE:GREGORIAN METHOD:PUBLISH \
            NAME:Cutover X-WR-CALNAME:Cutover REFRESH-INTERVAL;VALUE=DURATION:PT1H X-PUBLISHED-TTL:PT1H DESCRIPTION:From_old_to_new X-WR-CALDESC:From_old_to_new \
            BEGIN:VEVENT UID:export@cutover DTSTAMP:20261122T100000Z SEQUENCE:3 DTSTART:20270213T022000Z SUMMARY:Export \
            URL:https://docs.example/#gate-3 CATEGORIES:Gate TRANSP:OPAQUE STATUS:CONFIRMED \
            BEGIN:VALARM ACTION:DISPLAY DESCRIPTION:Export TRIGGER:-PT15M END:VALARM END:VEVENT END:VCALENDAR";
        let file = write(&about, std::slice::from_ref(&gate));
        assert_eq!(lines(&file), expected.split(' ').map(|line| line.replace('_', " ")).collect::<Vec<_>>());
        assert_eq!(file, write(&about, &[gate]), "equal entries, equal bytes");
    }

    #[test]
    fn rehearsal_is_said() {
        let file = write(&About { rehearsal: true, ..about() }, &[entry(Kind::Gate)]);
        let marked = lines(&file).into_iter().filter(|line| line.contains(":REHEARSAL: ")).collect::<Vec<_>>();
        let expected = ["NAME:", "X-WR-CALNAME:", "SUMMARY:", "DESCRIPTION:"];
        assert_eq!(marked.iter().map(|line| &line[..=line.find(':').unwrap()]).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn kinds() {
        let check = |kind, category: &str, rings: bool| {
            assert_eq!(value(entry(kind), "CATEGORIES").as_deref(), Some(category));
            assert_eq!(value(entry(kind), "TRANSP").as_deref(), Some("TRANSPARENT"), "{category}");
            let busy = Entry { is_busy: true, ..entry(kind) };
            assert_eq!(value(busy, "TRANSP").as_deref(), Some("OPAQUE"), "{category}");
            assert_eq!(value(entry(kind), "TRIGGER").is_some(), rings, "{category}");
        };
        check(Kind::Phase, "Phase", false);
        check(Kind::Step, "Step", false);
        check(Kind::Gate, "Gate", true);
        check(Kind::Deadline, "Deadline", true);
        check(Kind::Round, "Round", false);
        check(Kind::StopCondition, "Stop condition", false);
        check(Kind::NoReturn, "Point of no return", true);
        check(Kind::RollbackBy, "Latest rollback decision", true);
    }

    #[test]
    fn texts() {
        let check = |summary: &str, expected: &str| {
            let described = Entry { description: summary.to_owned(), ..entry(Kind::Step) };
            assert_eq!(value(described, "DESCRIPTION").as_deref(), Some(expected), "{summary:?}");
        };
        check(r"a, b; c\d: e", r"a\, b\; c\\d: e");
        check("one\r\ntwo\nthree\rfour\u{2028}five", r"one\ntwo\nthree\nfour\nfive");
        check("bell\u{7} nul\0 tab\there \u{202E}turned \u{9F}c1", "bell nul tab here turned c1");
        check(r"\n stays", r"\\n stays");
        let summary = Entry { summary: " two\r\n lines\r\nEND:VEVENT".to_owned(), ..entry(Kind::Step) };
        assert_eq!(value(summary, "SUMMARY").as_deref(), Some("two lines END:VEVENT"));
        let url = Entry { url: Some("https://a.example/\r\nATTENDEE:b c".to_owned()), ..entry(Kind::Step) };
        assert_eq!(value(url, "URL").as_deref(), Some("https://a.example/ATTENDEE:bc"));
    }

    #[test]
    fn folds_at_75_octets_between_letters() {
        for letter in ["a", "é", "老", "🧊"] {
            for count in 0..300 {
                let text = "x".repeat(count % 7) + &letter.repeat(count);
                let file = write(&about(), &[Entry { summary: text.clone(), ..entry(Kind::Step) }]);
                assert!(file.split("\r\n").all(|line| line.len() <= 75), "{letter} {count}");
                assert!(!file.replace("\r\n", "").contains(['\r', '\n']));
                assert!(lines(&file).contains(&format!("SUMMARY:{text}")), "{letter} {count}");
            }
        }
    }

    #[test]
    fn times_are_in_utc_across_clock_changes() {
        let check = |start: &str, expected: &str| {
            let changed = Entry { start: at(start), end: None, ..entry(Kind::Step) };
            assert_eq!(value(changed, "DTSTART").as_deref(), Some(expected), "{start}");
        };
        check("2027-03-28T00:59:59+00:00[Europe/London]", "20270328T005959Z");
        check("2027-03-28T02:00+01:00[Europe/London]", "20270328T010000Z");
        check("2027-10-31T01:30+01:00[Europe/London]", "20271031T003000Z");
        check("2027-10-31T01:30+00:00[Europe/London]", "20271031T013000Z");
        check("2027-03-14T03:00-04:00[America/New_York]", "20270314T070000Z");
        check("2027-11-07T01:30-04:00[America/New_York]", "20271107T053000Z");
        check("2027-11-07T01:30-05:00[America/New_York]", "20271107T063000Z");
        check("2027-02-13T02:30+05:30[Asia/Kolkata]", "20270212T210000Z");
        check("2027-04-04T01:45+11:00[Australia/Lord_Howe]", "20270403T144500Z");
        check("2027-04-04T01:45+10:30[Australia/Lord_Howe]", "20270403T151500Z");
        check("2027-10-03T02:30+11:00[Australia/Lord_Howe]", "20271002T153000Z");
    }

    #[test]
    fn points_have_no_end() {
        let check = |end: Option<&str>, expected: Option<&str>| {
            let ended = Entry { end: end.map(at), ..entry(Kind::Step) };
            assert_eq!(value(ended, "DTEND").as_deref(), expected, "{end:?}");
        };
        check(None, None);
        check(Some("2027-02-13T02:20[Europe/London]"), None);
        check(Some("2027-02-13T02:20:00.5[Europe/London]"), None);
        check(Some("2027-02-13T02:00[Europe/London]"), None);
        check(Some("2027-02-13T02:35[Europe/London]"), Some("20270213T023500Z"));
    }

    #[test]
    fn revisions_stay_in_range() {
        let file = write(&About { revision: u64::MAX, ..about() }, &[entry(Kind::Step)]);
        assert!(file.contains("\r\nSEQUENCE:2147483647\r\n"));
        assert!(!write(&about(), &[]).contains("VEVENT"));
    }
}
