//! The judgement of a snapshot: one state and one line of words.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::kuma::CLOCK_SKEW;
use super::{Component, Incident, Maintenance, Settings, Snapshot, State};
use crate::language::Language;

/// What the project shows of the state of its services.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Overview {
    /// The state of all together.
    pub state: State,
    /// The state of all together when it was last known, if that is too long ago.
    pub last_known: Option<State>,
    /// The state in words, such as "Maintenance (3 down)".
    pub headline: String,
    /// How many monitors are in which state.
    pub counts: Counts,
    /// When the newest beat was measured.
    pub as_of: Option<Timestamp>,
    /// That time in words, such as "as of 22 Nov 14:05 UTC".
    pub as_of_words: Option<String>,
    /// How old that was when this was judged, such as "3 h".
    pub age_words: Option<String>,
    /// Whether the newest beat is too old to say anything about now.
    pub is_stale: bool,
    /// The age in seconds past which the state says nothing about now.
    pub stale_after_seconds: i64,
    /// Where readers see the live page.
    pub page_url: Option<String>,
    /// The monitors shown, in the order of the page.
    pub components: Vec<Component>,
    /// The incidents shown on the page.
    pub incidents: Vec<Incident>,
    /// The maintenances running on the page.
    pub maintenances: Vec<Maintenance>,
    /// Entries of `include` that name no monitor of the page.
    pub missing: Vec<String>,
}

/// How many monitors are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub up: usize,
    pub degraded: usize,
    pub down: usize,
    pub pending: usize,
    pub maintenance: usize,
    pub unknown: usize,
}

/// Judges a snapshot at `now`; without one, or with one too old or of another page, the status is unknown.
pub fn overview(snapshot: Option<&Snapshot>, settings: &Settings, now: Timestamp, language: &Language) -> Overview {
    let is_usable = |snapshot: &&Snapshot| snapshot.is_of(settings) && now.duration_since(snapshot.fetched_at) <= settings.max_age;
    let Some(snapshot) = snapshot.filter(is_usable) else {
        return nothing_known(settings, language);
    };
    let (at_fetch, missing) = chosen(snapshot, settings);
    let as_of = at_fetch.iter().filter_map(|component| component.as_of).max();
    let is_ahead = snapshot.fetched_at.duration_since(now) > CLOCK_SKEW;
    let is_stale = is_ahead || as_of.is_none_or(|time| now.duration_since(time) > settings.stale_after);

    let at_now = at_fetch.iter().cloned().map(|component| component.seen_at(now, settings.stale_after));
    let components: Vec<Component> = at_now.collect();
    let (last_known, last_words) = verdict(Counts::new(&at_fetch), language);
    let (state, headline) = match is_stale {
        false => verdict(Counts::new(&components), language),
        true if last_known == State::Unknown => (State::Unknown, language.text("status.unknown").to_owned()),
        true => (State::Unknown, language.fill("status.last_known", &[("state", &last_words)])),
    };
    Overview {
        state,
        last_known: Some(last_known).filter(|last| is_stale && *last != State::Unknown),
        headline,
        counts: Counts::new(&components),
        as_of,
        as_of_words: as_of.map(|time| as_of_words(time, now, language)),
        age_words: as_of.map(|time| age_words(now.duration_since(time))),
        is_stale,
        components,
        incidents: snapshot.incidents.clone(),
        maintenances: snapshot.maintenances.clone(),
        missing,
        ..nothing_known(settings, language)
    }
}

impl Counts {
    /// Counts monitors; one that summarises others counts only if it is worse than they are, or if there are no others.
    pub fn new(components: &[Component]) -> Counts {
        let mut counts = Counts::default();
        let singles = components.iter().filter(|component| !component.is_summary);
        singles.for_each(|component| counts.add(component.state));
        if counts.total() == 0 {
            components.iter().for_each(|component| counts.add(component.state));
        } else if counts.up == counts.total() {
            let worse = components.iter().filter(|component| component.is_summary && component.state != State::Up);
            worse.for_each(|component| counts.add(component.state));
        }
        counts
    }

    /// How many monitors are counted.
    pub fn total(&self) -> usize {
        self.up + self.degraded + self.down + self.pending + self.maintenance + self.unknown
    }

    fn add(&mut self, state: State) {
        match state {
            State::Up => self.up += 1,
            State::Degraded => self.degraded += 1,
            State::Down => self.down += 1,
            State::Pending => self.pending += 1,
            State::Maintenance => self.maintenance += 1,
            State::Unknown => self.unknown += 1,
        }
    }

    /// The words, followed by every number that is not good news.
    fn with_rest(&self, words: &str, language: &Language) -> String {
        let numbers = [
            (self.degraded, "status.count_degraded"),
            (self.down, "status.count_down"),
            (self.pending, "status.count_pending"),
            (self.unknown, "status.count_unknown"),
        ];
        let rest = numbers.iter().filter(|(count, _)| *count > 0).map(|(count, key)| language.fill(key, &[("count", &count.to_string())]));
        let rest: Vec<String> = rest.collect();
        let words = language.text(words);
        if rest.is_empty() { words.to_owned() } else { format!("{words} ({})", rest.join(", ")) }
    }
}

/// The state of all together and its words: a maintenance does not hide what else is wrong.
fn verdict(counts: Counts, language: &Language) -> (State, String) {
    let trouble = counts.degraded + counts.down + counts.pending;
    if counts.unknown == counts.total() {
        return (State::Unknown, language.text("status.unknown").to_owned());
    }
    if counts.maintenance > 0 {
        return (State::Maintenance, counts.with_rest("status.maintenance", language));
    }
    if trouble == 0 && counts.unknown == 0 {
        return (State::Up, language.text("status.up").to_owned());
    }
    if trouble == 0 {
        let numbers = [("up", &*counts.up.to_string()), ("unknown", &*counts.unknown.to_string())];
        return (State::Unknown, language.fill("status.partly_unknown", &numbers));
    }
    if counts.up + counts.degraded > 0 {
        return (State::Degraded, counts.with_rest("status.degraded", language));
    }
    if counts.down == counts.total() {
        return (State::Down, language.text("status.down").to_owned());
    }
    if counts.down > 0 {
        return (State::Down, counts.with_rest("status.none_up", language));
    }
    (State::Pending, counts.with_rest("status.failing", language))
}

/// The monitors that the settings select, and the entries of `include` that match none.
fn chosen(snapshot: &Snapshot, settings: &Settings) -> (Vec<Component>, Vec<String>) {
    let names = |entry: &String, component: &Component| {
        let entry = entry.trim();
        entry == component.id || entry == component.name
    };
    let is_named = |list: &[String], component: &Component| list.iter().any(|entry| names(entry, component));
    let mut components: Vec<Component> = snapshot
        .components
        .iter()
        .filter(|component| settings.include.is_empty() || is_named(&settings.include, component))
        .filter(|component| !is_named(&settings.exclude, component))
        .cloned()
        .collect();
    let is_missing = |entry: &&String| !snapshot.components.iter().any(|component| names(entry, component));
    let missing: Vec<String> = settings.include.iter().filter(is_missing).cloned().collect();
    components.extend(missing.iter().map(|name| absent(name)));
    if !settings.groups {
        components.iter_mut().for_each(|component| component.group = None);
    }
    (components, missing)
}

/// A monitor that the project names and the page lacks: shown as unknown, so that a misspelt name is never green.
fn absent(name: &str) -> Component {
    Component {
        id: String::new(),
        name: name.to_string(),
        group: None,
        is_summary: false,
        state: State::Unknown,
        last_state: None,
        as_of: None,
        uptime_24h: None,
    }
}

fn nothing_known(settings: &Settings, language: &Language) -> Overview {
    Overview {
        headline: language.text("status.unknown").to_owned(),
        is_stale: true,
        stale_after_seconds: settings.stale_after.as_secs(),
        page_url: settings.live_page(),
        ..Overview::default()
    }
}

fn as_of_words(time: Timestamp, now: Timestamp, language: &Language) -> String {
    let utc = |time: Timestamp| time.to_zoned(TimeZone::UTC);
    let (at, now) = (utc(time), utc(now));
    let day = language.day(at.date());
    let day = if at.year() == now.year() { day } else { format!("{day} {}", at.year()) };
    language.fill("status.as_of", &[("time", &format!("{day} {} UTC", at.strftime("%H:%M")))])
}

fn age_words(age: SignedDuration) -> String {
    match age.as_mins() {
        ..1 => "less than 1 min".to_string(),
        minutes @ 1..60 => format!("{minutes} min"),
        minutes @ 60..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::SNAPSHOT_VERSION;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn settings() -> Settings {
        Settings { url: "https://a.example".into(), slug: "x".into(), ..Settings::default() }
    }

    /// A snapshot of 14:05 with one monitor for each word; `+` marks one that sums up others.
    fn snapshot(states: &str) -> Snapshot {
        let as_of = Some(time("2026-11-22T14:05:00Z"));
        let component = |(index, word): (usize, &str)| {
            let (word, is_summary) = word.strip_prefix('+').map_or((word, false), |word| (word, true));
            let state = State::ALL.into_iter().find(|state| state.to_string() == word).expect("a state");
            let name = format!("{word} {index}");
            Component { id: index.to_string(), is_summary, state, as_of, ..absent(&name) }
        };
        Snapshot {
            source: "https://a.example".into(),
            slug: "x".into(),
            fetched_at: time("2026-11-22T14:06:00Z"),
            as_of,
            components: states.split_whitespace().enumerate().map(component).collect(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn green_is_only_all_up() {
        let check = |states: &str, state: State, headline: &str| {
            let overview = overview(Some(&snapshot(states)), &settings(), time("2026-11-22T14:07:00Z"), &Language::default());
            assert_eq!((overview.state, overview.headline.as_str()), (state, headline), "{states}");
        };
        check("", State::Unknown, "Status unknown");
        check("up up", State::Up, "All systems operational");
        check("up unknown", State::Unknown, "Partly unknown (1 up, 1 unknown)");
        check("unknown unknown", State::Unknown, "Status unknown");
        check("up down", State::Degraded, "Partially degraded (1 down)");
        check("up pending", State::Degraded, "Partially degraded (1 pending)");
        check("up degraded", State::Degraded, "Partially degraded (1 degraded)");
        check("degraded", State::Degraded, "Partially degraded (1 degraded)");
        check("down down", State::Down, "All systems down");
        check("down pending unknown", State::Down, "No system up (1 down, 1 pending, 1 unknown)");
        check("pending", State::Pending, "Checks failing (1 pending)");
        check("maintenance up", State::Maintenance, "Maintenance");
        check("maintenance down down down", State::Maintenance, "Maintenance (3 down)");
        check("maintenance unknown", State::Maintenance, "Maintenance (1 unknown)");
        check("+down down up", State::Degraded, "Partially degraded (1 down)");
        check("+up up", State::Up, "All systems operational");
        check("+down up up", State::Degraded, "Partially degraded (1 down)");
        check("+down", State::Down, "All systems down");
    }

    #[test]
    fn an_old_snapshot_says_what_was_last_known_and_then_nothing() {
        let check = |states: &str, now: &str, expected: &str| {
            let overview = overview(Some(&snapshot(states)), &settings(), time(now), &Language::default());
            let words = [Some(overview.headline), overview.as_of_words, overview.age_words];
            let words: Vec<String> = words.into_iter().flatten().collect();
            assert_eq!(format!("{} | {}", overview.state, words.join(" | ")), expected, "{now}");
        };
        let up = "All systems operational | as of 22 Nov 14:05 UTC";
        let last = "unknown | Last known: All systems operational | as of 22 Nov";
        check("up", "2026-11-22T14:05:30Z", &format!("up | {up} | less than 1 min"));
        check("up", "2026-11-22T14:20:00Z", &format!("up | {up} | 15 min"));
        check("up", "2026-11-22T14:20:01Z", &format!("{last} 14:05 UTC | 15 min"));
        check("up", "2026-11-22T17:30:00Z", &format!("{last} 14:05 UTC | 3 h"));
        check("up", "2026-11-29T14:06:00Z", &format!("{last} 14:05 UTC | 7 d"));
        check("up", "2026-11-29T14:06:01Z", "unknown | Status unknown");
        check("up", "2026-11-22T13:00:00Z", &format!("{last} 14:05 UTC | less than 1 min"));
        check("unknown", "2026-11-22T15:00:00Z", "unknown | Status unknown | as of 22 Nov 14:05 UTC | 55 min");
    }

    #[test]
    fn nothing_and_the_wrong_page_are_unknown() {
        let now = time("2026-11-22T14:07:00Z");
        let nothing = overview(None, &settings(), now, &Language::default());
        assert_eq!((nothing.state, nothing.headline.as_str()), (State::Unknown, "Status unknown"));
        assert_eq!(nothing.page_url.as_deref(), Some("https://a.example/status/x"));
        let other = Settings { slug: "y".into(), ..settings() };
        assert_eq!(overview(Some(&snapshot("up")), &other, now, &Language::default()).state, State::Unknown);
    }

    #[test]
    fn a_beat_may_be_too_old_beside_fresh_ones() {
        let mut snapshot = snapshot("up up");
        snapshot.components[1].as_of = Some(time("2026-11-22T13:00:00Z"));
        let overview = overview(Some(&snapshot), &settings(), time("2026-11-22T14:07:00Z"), &Language::default());
        assert_eq!(overview.headline, "Partly unknown (1 up, 1 unknown)");
        assert_eq!(overview.components[1].words(), "unknown (last up at 22 Nov 13:00 UTC)");
    }

    #[test]
    fn a_kept_beat_from_later_than_its_answer_is_none() {
        let mut kept = snapshot("up up");
        kept.version = SNAPSHOT_VERSION;
        kept.components[1].as_of = Some(time("2027-11-22T14:05:00Z"));
        let read = Snapshot::from_json(&kept.to_json()).expect("it is a snapshot");
        let overview = overview(Some(&read), &settings(), time("2026-11-22T14:07:00Z"), &Language::default());
        assert_eq!((overview.state, overview.headline.as_str()), (State::Unknown, "Partly unknown (1 up, 1 unknown)"));
    }

    #[test]
    fn the_project_chooses_monitors_by_name_or_id() {
        let check = |include: &[&str], exclude: &[&str], expected: &str| {
            let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
            let settings = Settings { include: list(include), exclude: list(exclude), ..settings() };
            let overview = overview(Some(&snapshot("up down up")), &settings, time("2026-11-22T14:07:00Z"), &Language::default());
            assert_eq!(overview.headline, expected, "{include:?} {exclude:?}");
        };
        check(&[], &["1"], "All systems operational");
        check(&[], &["down 1"], "All systems operational");
        check(&["0", "down 1"], &[], "Partially degraded (1 down)");
        check(&["0", "up 2"], &[], "All systems operational");
        check(&["0", "upp 2"], &[], "Partly unknown (1 up, 1 unknown)");
        check(&["nothing"], &[], "Status unknown");
        check(&[], &["0", "1", "2"], "Status unknown");
    }
}
