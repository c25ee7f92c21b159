//! Uptime Kuma, versions 1.23 and 2: which requests to make, and what its two answers mean.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use super::answer::{
    BeatAnswer, HeartbeatAnswer, IncidentAnswer, Loose, MONITOR_LIMIT, MaintenanceAnswer, MonitorAnswer, PageAnswer, Scalar, SlotAnswer,
};
use super::snapshot::SNAPSHOT_VERSION;
use super::{Component, Fault, Incident, Maintenance, Settings, Snapshot, State, plain_line};
use crate::schedule::years;

/// How far the server's clock may be ahead of ours without a warning.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// The path with the last beats; requested first, because it also answers for unknown pages.
pub fn heartbeat_path(slug: &str) -> String {
    format!("/api/status-page/heartbeat/{slug}")
}

/// The path with the groups, incidents and maintenances of a page.
pub fn page_path(slug: &str) -> String {
    format!("/api/status-page/{slug}")
}

/// Whether an answer with beats names any monitor; if not, the page may be unknown.
pub fn has_beats(heartbeat_json: &[u8]) -> Result<bool, Fault> {
    let heartbeat: HeartbeatAnswer = read(heartbeat_json)?;
    let beats = heartbeat.beats.0.ok_or_else(|| missing("heartbeatList"))?;
    heartbeat.uptimes.0.ok_or_else(|| missing("uptimeList"))?;
    Ok(!beats.is_empty())
}

/// Reads the two answers of a server as its state at `fetched_at`.
pub fn parse(settings: &Settings, page_json: &[u8], heartbeat_json: &[u8], fetched_at: Timestamp) -> Result<Snapshot, Fault> {
    let page: PageAnswer = read(page_json)?;
    let heartbeat: HeartbeatAnswer = read(heartbeat_json)?;
    let config = page.config.and_then(|config| config.0).ok_or_else(|| missing("config"))?;
    if page.groups.0.is_none() {
        return Err(missing("publicGroupList"));
    }
    if heartbeat.beats.0.is_none() {
        return Err(missing("heartbeatList"));
    }
    if heartbeat.uptimes.0.is_none() {
        return Err(missing("uptimeList"));
    }

    let mut reader = Reader { settings, heartbeat, fetched_at, seen: BTreeSet::new(), is_ahead: false };
    let mut components = Vec::new();
    for group in page.groups.into_objects() {
        let name = group.name.text();
        for monitor in group.monitors.into_objects() {
            components.extend(reader.component(&name, &monitor));
        }
        if components.len() > MONITOR_LIMIT {
            return Err(Fault::BadAnswer { reason: format!("it lists more than {MONITOR_LIMIT} monitors") });
        }
    }
    if components.is_empty() {
        return Err(Fault::NoMonitors { slug: settings.slug.clone() });
    }

    let zones = TimeZoneDatabase::bundled();
    let incidents = page.incident.into_objects().chain(page.incidents.into_objects());
    let mut snapshot = Snapshot {
        version: SNAPSHOT_VERSION,
        source: settings.source(),
        slug: settings.slug.clone(),
        title: config.title.text(),
        fetched_at,
        as_of: components.iter().filter_map(|component| component.as_of).max(),
        components,
        incidents: incidents.filter(|incident| incident.active.number() != Some(0.0)).map(incident).collect(),
        maintenances: page.maintenances.into_objects().map(|it| maintenance(it, &zones, fetched_at)).collect(),
        notes: Vec::new(),
    };
    if reader.is_ahead {
        snapshot.notes.push("the status server's clock is ahead of this machine's".into());
    }
    snapshot.make_plain();
    Ok(snapshot)
}

/// The context for reading one monitor after another.
struct Reader<'a> {
    settings: &'a Settings,
    heartbeat: HeartbeatAnswer,
    fetched_at: Timestamp,
    seen: BTreeSet<String>,
    is_ahead: bool,
}

impl Reader<'_> {
    /// The monitor with its last beat; nothing if it was already listed in another group.
    fn component(&mut self, group: &str, monitor: &MonitorAnswer) -> Option<Component> {
        let id = monitor.id.text();
        if !id.is_empty() && !self.seen.insert(id.clone()) {
            return None;
        }
        let beats = self.heartbeat.beats.0.as_ref();
        let beat = beats.and_then(|beats| beats.get(&id)).and_then(|last| last.0.as_ref());
        let state = beat.map_or(State::Unknown, state);
        let time = beat.and_then(|beat| utc(&beat.time));
        let is_ahead = time.is_some_and(|time| time.duration_since(self.fetched_at) > CLOCK_SKEW);
        self.is_ahead |= is_ahead;
        let share = self.heartbeat.uptimes.0.as_ref().and_then(|shares| shares.get(&format!("{id}_24")));
        let component = Component {
            id,
            name: monitor.name.text(),
            group: Some(group.to_string()).filter(|group| !group.is_empty()),
            is_summary: monitor.kind.text() == "group",
            state,
            last_state: None,
            as_of: if is_ahead { Some(self.fetched_at) } else { time },
            uptime_24h: beat.and(share).and_then(Scalar::number),
        };
        Some(component.seen_at(self.fetched_at, self.settings.stale_after))
    }
}

fn state(beat: &BeatAnswer) -> State {
    match beat.status.number() {
        Some(0.0) => State::Down,
        Some(1.0) => State::Up,
        Some(2.0) => State::Pending,
        Some(3.0) => State::Maintenance,
        _ => State::Unknown,
    }
}

fn incident(incident: IncidentAnswer) -> Incident {
    Incident { title: incident.title.text(), style: incident.style.text(), body: incident.content.text(), created: utc(&incident.created) }
}

/// A maintenance with the slot that runs at `now`, or else the next one.
fn maintenance(maintenance: MaintenanceAnswer, zones: &TimeZoneDatabase, now: Timestamp) -> Maintenance {
    let zone = zones.get(&maintenance.timezone.text()).ok();
    let slots = maintenance.slots.into_objects().map(|slot: SlotAnswer| {
        let wall = |scalar: &Scalar| zone.as_ref().and_then(|zone| time_in(scalar, zone));
        (wall(&slot.start), wall(&slot.end))
    });
    let (start, end) = slots.into_iter().find(|(_, end)| end.is_none_or(|end| end > now)).unwrap_or_default();
    let status = maintenance.status.text();
    Maintenance {
        title: maintenance.title.text(),
        body: maintenance.description.text(),
        start,
        end,
        running: status.is_empty() || status == "under-maintenance",
    }
}

fn utc(scalar: &Scalar) -> Option<Timestamp> {
    time_in(scalar, &TimeZone::UTC)
}

/// A time with a zone mark, or a wall time in `zone`.
fn time_in(scalar: &Scalar, zone: &TimeZone) -> Option<Timestamp> {
    let Scalar::Text(text) = scalar else {
        return None;
    };
    if text.len() > 40 {
        return None;
    }
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()?.timestamp(),
    };
    years::hold(time).then_some(time)
}

fn read<T: for<'a> serde::Deserialize<'a>>(json: &[u8]) -> Result<T, Fault> {
    match json.trim_ascii_start().first() {
        None => {
            return Err(Fault::NotJson { got: "an empty answer".into() });
        }
        Some(b'<') => return Err(Fault::NotJson { got: "HTML".into() }),
        Some(_) => {}
    }
    let answer: Loose<T> =
        serde_json::from_slice(json).map_err(|error| Fault::BadAnswer { reason: plain_line(&error.to_string(), 200) })?;
    answer.0.ok_or_else(|| Fault::BadAnswer { reason: "it is not an object".into() })
}

fn missing(key: &str) -> Fault {
    Fault::BadAnswer { reason: format!("it has no `{key}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"{"config":{},"publicGroupList":[{"name":"Core","monitorList":[{"id":1,"name":"Web"}]}]}"#;
    const BEATS: &str = r#"{"heartbeatList":{"1":[{"status":1,"time":"2026-11-22 14:00:00.000"}]},"uptimeList":{"1_24":1}}"#;

    fn now() -> Timestamp {
        "2026-11-22T14:05:00Z".parse().expect("a time")
    }

    fn parsed(page: &str, beats: &str) -> Result<Snapshot, Fault> {
        parse(&Settings::default(), page.as_bytes(), beats.as_bytes(), now())
    }

    #[test]
    fn a_beat_is_read_leniently_and_never_as_up_by_accident() {
        let check = |beat: &str, expected: &str| {
            let beats = format!(r#"{{"heartbeatList":{{"1":{beat}}},"uptimeList":{{}}}}"#);
            let found = parsed(PAGE, &beats).map_or_else(|fault| fault.to_string(), |it| it.components[0].words());
            assert_eq!(found, expected, "{beat}");
        };
        let time = r#""time":"2026-11-22 14:00:00.000""#;
        check(&format!(r#"[{{"status":1,{time}}}]"#), "up");
        check(&format!(r#"[{{"status":"1",{time}}}]"#), "up");
        check(&format!(r#"[{{"status":1.0,{time},"new":[{{}}]}}]"#), "up");
        check(&format!(r#"[{{"status":false,{time}}}]"#), "down");
        check(&format!(r#"[{{"status":1,{time}}},{{"status":0,{time}}}]"#), "down");
        check(&format!(r#"[{{"status":0,{time}}},{{"status":3,{time}}}]"#), "maintenance");
        check(&format!(r#"[{{"status":1,{time}}},7]"#), "unknown");
        check(&format!(r#"[{{"status":4,{time}}}]"#), "unknown");
        check(&format!(r#"[{{"status":1e300,{time}}}]"#), "unknown");
        check(&format!(r#"[{{"status":"up",{time}}}]"#), "unknown");
        check(&format!(r#"[{{"status":[1],{time}}}]"#), "unknown");
        check(&format!(r#"[{{"status":null,{time}}}]"#), "unknown");
        check(&format!(r#"{{"status":1,{time}}}"#), "unknown");
        check(r#"[{"status":1}]"#, "unknown (last up)");
        check(r#"[{"status":1,"time":1763820000}]"#, "unknown (last up)");
        check(r#"[{"status":1,"time":"2026-11-22 13:49:59"}]"#, "unknown (last up at 22 Nov 13:49 UTC)");
        check(r#"[{"status":1,"time":"2026-11-22T15:00:00+01:00"}]"#, "up");
        check("[]", "unknown");
        check("null", "unknown");
    }

    #[test]
    fn a_broken_answer_is_a_fault() {
        let check = |page: &str, beats: &str, expected: &str| {
            let fault = parsed(page, beats).expect_err("not a status page").to_string();
            assert!(fault.contains(expected), "{fault} has no {expected}");
        };
        check("", BEATS, "got an empty answer");
        check(" <!DOCTYPE html>", BEATS, "got HTML");
        check("[]", BEATS, "it is not an object");
        check("{}", BEATS, "no `config`");
        check(r#"{"config":{},"publicGroupList":7}"#, BEATS, "no `publicGroupList`");
        check(r#"{"config":{},"publicGroupList":[]}"#, BEATS, "lists no monitors");
        check(PAGE, "{}", "no `heartbeatList`");
        check(PAGE, r#"{"heartbeatList":{},"uptimeList":[]}"#, "no `uptimeList`");
        check(PAGE, r#"{"heartbeatList":{"1":[{"status":1e999}]},"uptimeList":{}}"#, "number out of range");
        check(PAGE, "{\"heartbeatList\":{\"\u{1}", "control character");
        let deep = format!(r#"{{"config":{}"#, "[".repeat(1_000_000));
        check(&deep, BEATS, "EOF");
        let wide = format!(r#"{{"config":{{}},"publicGroupList":[{}0]}}"#, "0,".repeat(3000));
        check(&wide, BEATS, "more than 2000 entries");
    }

    #[test]
    fn an_answer_cut_anywhere_never_panics() {
        for end in 0..PAGE.len() {
            assert!(parsed(&PAGE[..end], BEATS).is_err(), "{end}");
        }
        for end in 0..BEATS.len() {
            assert!(parsed(PAGE, &BEATS[..end]).is_err(), "{end}");
            assert!(has_beats(&BEATS.as_bytes()[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn every_value_may_be_of_another_kind() {
        let values = ["7", "-1e40", "true", "null", "\"x\"", "[]", "[[7]]", "{}", "{\"a\":[{}]}", "18446744073709551615"];
        for text in [PAGE, BEATS] {
            for (start, _) in text.match_indices(':') {
                for value in values {
                    let changed = format!("{}{value}{}", &text[..=start], rest_of_value(&text[start + 1..]));
                    let (page, beats) = if text == PAGE { (changed.as_str(), BEATS) } else { (PAGE, changed.as_str()) };
                    if let Ok(snapshot) = parsed(page, beats) {
                        assert_eq!(Snapshot::from_json(&snapshot.to_json()), Ok(snapshot));
                    }
                }
            }
        }
    }

    /// The text after the JSON value with which a text begins.
    fn rest_of_value(text: &str) -> &str {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
        values.next();
        &text[values.byte_offset()..]
    }

    #[test]
    fn names_are_data() {
        let page = r#"{"config":{"title":"\u0000a\u001b[2J"},"publicGroupList":[{"name":"</title><script>","monitorList":
            [{"id":"1","name":"{{ 7*191 }}\r\nX: y\u202e"},{"id":1,"name":"again"},{"name":"no id"}]}]}"#;
        let snapshot = parsed(page, BEATS).expect("two monitors");
        let names: Vec<&str> = snapshot.components.iter().map(|component| component.name.as_str()).collect();
        assert_eq!(names, ["{{ 7*191 }}  X: y", "no id"]);
        assert_eq!(snapshot.components[0].group.as_deref(), Some("</title><script>"));
        assert_eq!(snapshot.title, "a[2J");
        assert_eq!(snapshot.components[1].words(), "unknown");
    }

    #[test]
    fn a_beat_from_the_future_is_taken_as_now_and_noted() {
        let check = |time: &str, expected: &str, notes: usize| {
            let beats = format!(r#"{{"heartbeatList":{{"1":[{{"status":1,"time":"{time}"}}]}},"uptimeList":{{}}}}"#);
            let snapshot = parsed(PAGE, &beats).expect("one monitor");
            let as_of = snapshot.as_of.map(|time| time.to_string());
            assert_eq!((as_of.as_deref(), snapshot.notes.len()), (Some(expected), notes), "{time}");
        };
        check("2026-11-22 14:07:00", "2026-11-22T14:07:00Z", 0);
        check("2026-11-22 14:07:01", "2026-11-22T14:05:00Z", 1);
        check("9999-12-30 22:00:00", "2026-11-22T14:05:00Z", 1);
    }

    #[test]
    fn the_running_slot_of_a_maintenance_is_found_in_its_zone() {
        let check = |slots: &str, zone: &str, expected: [Option<&str>; 2]| {
            let page = PAGE.replace(
                r#"{"config":{}"#,
                &format!(r#"{{"config":{{}},"maintenanceList":[{{"timeslotList":{slots},"timezone":"{zone}"}}]"#),
            );
            let maintenance = parsed(&page, BEATS).expect("a page").maintenances.remove(0);
            let found = [maintenance.start, maintenance.end].map(|time| time.map(|time| time.to_string()));
            assert_eq!(found.each_ref().map(|time| time.as_deref()), expected, "{slots} {zone}");
        };
        let single = r#"[{"startDate":"2026-11-22T15:20","endDate":"2026-11-23T16:20"}]"#;
        check(single, "Europe/Zurich", [Some("2026-11-22T14:20:00Z"), Some("2026-11-23T15:20:00Z")]);
        check(single, "Nowhere/Land", [None, None]);
        let daily = r#"[{"startDate":"2026-11-21T00:00:00.000Z","endDate":"2026-11-21T23:59:00.000Z"},
            {"startDate":"2026-11-22T00:00:00.000Z","endDate":"2026-11-22T23:59:00.000Z"}]"#;
        check(daily, "UTC", [Some("2026-11-22T00:00:00Z"), Some("2026-11-22T23:59:00Z")]);
        check("[]", "UTC", [None, None]);
        check("7", "UTC", [None, None]);
    }
}
