//! What a status server said at one time, in our own words.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kuma::CLOCK_SKEW;
use super::{Fault, Settings};
use crate::schedule::{moment, years};
use crate::text::acts_on_screen;

/// The version of the kept file that this program reads and writes.
pub const SNAPSHOT_VERSION: u32 = 1;

/// What a status server said at one time; kept between builds as the last good answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The version of this form.
    pub version: u32,
    /// The base address that answered.
    pub source: String,
    /// The status page that was read.
    pub slug: String,
    /// The title of the status page.
    pub title: String,
    /// When the server was asked.
    pub fetched_at: Timestamp,
    /// When the newest beat was measured.
    pub as_of: Option<Timestamp>,
    /// The monitors of the page, in the order of the page.
    pub components: Vec<Component>,
    /// The incidents shown on the page.
    pub incidents: Vec<Incident>,
    /// The maintenances running on the page.
    pub maintenances: Vec<Maintenance>,
    /// What was odd about the answer, for a person to read.
    pub notes: Vec<String>,
}

/// One monitor of a status page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// The id the server gives it.
    pub id: String,
    /// Its name, as data.
    pub name: String,
    /// The group it stands in on the page.
    pub group: Option<String>,
    /// Whether it summarises other monitors; then it is not counted beside them.
    pub is_summary: bool,
    /// Its state; unknown when its last beat is too old.
    pub state: State,
    /// The state of a last beat that is too old to count.
    pub last_state: Option<State>,
    /// When its last beat was measured.
    pub as_of: Option<Timestamp>,
    /// The share of the last 24 hours it was up, 0 to 1.
    pub uptime_24h: Option<f64>,
}

/// A message pinned to a status page; its body is untrusted Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Its title, as data.
    pub title: String,
    /// How it is coloured there: info, warning, danger, primary, light or dark.
    pub style: String,
    /// Its text, as data.
    pub body: String,
    /// When it was posted.
    pub created: Option<Timestamp>,
}

/// A maintenance of a status page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Its title, as data.
    pub title: String,
    /// Its text, as data.
    pub body: String,
    /// When it begins, where the server says so.
    pub start: Option<Timestamp>,
    /// When it ends, where the server says so.
    pub end: Option<Timestamp>,
    /// Whether it is running.
    pub running: bool,
}

/// The state of one monitor, or of all together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It works.
    Up,
    /// A part of it works.
    Degraded,
    /// It does not work.
    Down,
    /// It fails, but is tried again before it counts as down.
    Pending,
    /// It is being worked on.
    Maintenance,
    /// Unknown.
    #[default]
    Unknown,
}

impl Snapshot {
    /// Reads a kept snapshot; texts are sanitised again, because the file may come from anywhere.
    pub fn from_json(json: &str) -> Result<Snapshot, Fault> {
        let reason = |reason: String| Fault::BadSnapshot { reason };
        let mut snapshot: Snapshot = serde_json::from_str(json).map_err(|error| reason(plain_line(&error.to_string(), 200)))?;
        if snapshot.version != SNAPSHOT_VERSION {
            return Err(reason(format!("its version is {}, not {SNAPSHOT_VERSION}", snapshot.version)));
        }
        snapshot.make_plain();
        Ok(snapshot)
    }

    /// The text to keep; the same snapshot gives the same bytes.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a snapshot holds only texts, times and finite numbers");
        json.push('\n');
        json
    }

    /// Whether this is a snapshot of the page the settings name.
    pub fn is_of(&self, settings: &Settings) -> bool {
        self.source == settings.source() && self.slug == settings.slug
    }

    pub(super) fn make_plain(&mut self) {
        let in_range = |time: Option<Timestamp>| time.filter(|time| years::hold(*time));
        // A beat dated later than the request would look fresh until then.
        let fetched_at = self.fetched_at;
        let measured = |time: Option<Timestamp>| in_range(time).filter(|time| time.duration_since(fetched_at) <= CLOCK_SKEW);
        self.as_of = measured(self.as_of);
        self.title = plain_line(&self.title, 200);
        for component in &mut self.components {
            component.id = plain_line(&component.id, 60);
            component.name = plain_line(&component.name, 200);
            component.group = component.group.as_ref().map(|group| plain_line(group, 200));
            component.as_of = measured(component.as_of);
            component.uptime_24h = component.uptime_24h.filter(|share| (0.0..=1.0).contains(share));
        }
        for incident in &mut self.incidents {
            incident.title = plain_line(&incident.title, 200);
            incident.created = in_range(incident.created);
            incident.style = plain_line(&incident.style, 20);
            incident.body = plain_text(&incident.body, 10_000);
        }
        for maintenance in &mut self.maintenances {
            maintenance.start = in_range(maintenance.start);
            maintenance.end = in_range(maintenance.end);
            maintenance.title = plain_line(&maintenance.title, 200);
            maintenance.body = plain_text(&maintenance.body, 10_000);
        }
        for note in &mut self.notes {
            *note = plain_line(note, 400);
        }
    }
}

impl Component {
    /// The state in words, with the last known one where the beat is too old.
    pub fn words(&self) -> String {
        match (self.last_state, self.as_of) {
            (Some(last), Some(time)) => format!("{} (last {last} at {})", self.state, moment::utc(time)),
            (Some(last), None) => format!("{} (last {last})", self.state),
            _ => self.state.to_string(),
        }
    }

    /// The same monitor as seen at a later time: a beat older than `stale_after` says nothing about now.
    pub(super) fn seen_at(mut self, now: Timestamp, stale_after: jiff::SignedDuration) -> Component {
        let is_fresh = self.as_of.is_some_and(|time| now.duration_since(time) <= stale_after);
        if is_fresh || self.state == State::Unknown {
            return self;
        }
        self.last_state = Some(self.state);
        self.state = State::Unknown;
        self
    }
}

impl State {
    /// All states, best first.
    pub const ALL: [State; 6] = [State::Up, State::Degraded, State::Down, State::Pending, State::Maintenance, State::Unknown];
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            State::Up => "up",
            State::Degraded => "degraded",
            State::Down => "down",
            State::Pending => "pending",
            State::Maintenance => "maintenance",
            State::Unknown => "unknown",
        })
    }
}

/// A text from outside as one line of at most `limit` characters, without anything that affects the reader's screen.
pub fn plain_line(text: &str, limit: usize) -> String {
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    // The dropped part may follow a space.
    let shown = spaced.replace(is_left_out, "");
    cut(shown.trim(), limit)
}

/// A text from outside, cut to `limit` characters, without anything that affects the reader's screen except line ends.
pub fn plain_text(text: &str, limit: usize) -> String {
    cut(&text.replace('\t', " ").replace(|c| c != '\n' && is_left_out(c), ""), limit)
}

/// The first characters of a text, with a mark if there are more.
fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn is_left_out(c: char) -> bool {
    let is_invisible = matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    acts_on_screen(c) || is_invisible || matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_plain() {
        let check = |text: &str, expected: &str| assert_eq!(plain_line(text, 12), expected, "{text:?}");
        check("Web front", "Web front");
        check(" a\r\n\tb\u{2028}c ", "a   b c");
        check("\u{1b}[31mred\u{7f}\u{9b}", "[31mred");
        check("a\u{202e}gpj.exe\u{200b}\u{feff}", "agpj.exe");
        check("\u{200b} a \u{feff}", "a");
        check("<script>&amp;", "<script>&amp…");
        check("Zürich “q” 👩‍🚒", "Zürich “q” 👩…");
        assert_eq!(plain_text("a\r\nb\tc", 9), "a\nb c");
    }

    #[test]
    fn a_kept_snapshot_is_read_back_or_refused() {
        let snapshot = Snapshot { version: SNAPSHOT_VERSION, source: "https://a.example".into(), slug: "x".into(), ..Snapshot::default() };
        assert_eq!(Snapshot::from_json(&snapshot.to_json()), Ok(snapshot.clone()));

        let check = |json: &str, expected: &str| {
            let fault = Snapshot::from_json(json).expect_err("not a snapshot");
            assert!(fault.to_string().contains(expected), "{fault}");
        };
        check("", "EOF");
        check("{}", "missing field");
        check(&"[".repeat(5000), "invalid type");
        check(&snapshot.to_json().replace("\"version\": 1", "\"version\": 2"), "version is 2, not 1");
        check(&snapshot.to_json().replace("\"title\"", "\"titel\""), "unknown field `titel`");
    }

    #[test]
    fn an_old_beat_says_what_it_last_said() {
        let time: Timestamp = "2026-11-22T14:05:00Z".parse().expect("a time");
        let component = Component {
            id: "1".into(),
            name: "Web".into(),
            group: None,
            is_summary: false,
            state: State::Up,
            last_state: None,
            as_of: Some(time),
            uptime_24h: None,
        };
        let after = |minutes| {
            let limit = jiff::SignedDuration::from_mins(15);
            component.clone().seen_at(time + jiff::SignedDuration::from_mins(minutes), limit).words()
        };
        assert_eq!(after(15), "up");
        assert_eq!(after(16), "unknown (last up at 22 Nov 14:05 UTC)");
    }
}
