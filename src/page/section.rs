//! Headings of a run sheet: their times, their owners, and the purpose of the part below them.

use std::collections::BTreeMap;

use super::entry::Track;
use super::heading::Heading;
use super::html::Writer;
use super::task;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::schedule::{self, Found, Place, Timing, Unit, recurrence};
use crate::source::Span;

/// The writer's position in a run sheet: the headings above, with level and title.
#[derive(Debug, Default)]
pub struct Section(Vec<(u8, String, Track)>);

impl Section {
    /// The track of the headings above this level.
    fn above(&self, level: u8) -> Track {
        self.0.iter().rfind(|(above, ..)| *above < level).map_or(Track::Main, |(_, _, track)| *track)
    }

    pub(super) fn path(&self) -> String {
        self.0.iter().map(|(_, label, _)| label.as_str()).collect::<Vec<_>>().join("/")
    }

    pub(super) fn track(&self) -> Track {
        self.0.last().map_or(Track::Main, |(_, _, track)| *track)
    }
}

impl Writer<'_, '_, '_> {
    /// The track that begins with a heading, if it differs from the one before.
    pub(super) fn begins_track(&self, level: u8, text: &str) -> Option<Track> {
        if !self.is_run_sheet() {
            return None;
        }
        self.track_named(text).filter(|track| *track != self.finds.section.above(level))
    }

    /// The track that a heading names. With a time relative to T-0, such as `T-2d: Review the rollback plan`, it is work
    /// on the way forward: the time of the way back is unknown in advance.
    fn track_named(&self, text: &str) -> Option<Track> {
        let is_planned = || matches!(schedule::heading::read(text, self.context.offset_unit), Found::Timing(_));
        Track::from_title(text).filter(|track| *track != Track::Reverse || !is_planned())
    }

    /// A heading of a run sheet with everything it specifies.
    pub(super) fn sheet_heading(&mut self, level: u8, text: &str, anchor: String, span: Span, at: usize) -> Heading {
        let track = self.track_named(text).unwrap_or_else(|| self.finds.section.above(level));
        self.finds.section.0.retain(|(above, ..)| *above < level);
        let mut timing = self.timing(text, track, at);
        // Without a time, an owner may be anywhere in the text.
        let untimed = if timing.is_none() { task::tail(text, self.context.roles).filter(|(kept, _)| !kept.is_empty()) } else { None };
        let owner = match &untimed {
            Some((_, tail)) => tail.owner.clone(),
            None => timing.as_mut().and_then(|timing| heading_owner(timing, self.context.roles)),
        };
        let bare = untimed.as_ref().map_or(text, |(kept, _)| kept);
        let label = timing.as_ref().map(|timing| timing.label.as_str()).filter(|label| !label.is_empty()).unwrap_or(bare);
        self.finds.section.0.push((level, task::normal(label), track));
        self.finds.open.clear();
        let every = if timing.is_none() { recurrence::read(text) } else { None };
        Heading { timing, owner, track, every, path: self.finds.section.path(), ..Heading::plain(level, text, anchor, span) }
    }

    fn timing(&mut self, text: &str, track: Track, at: usize) -> Option<Timing> {
        // `R+0:10` is written like `T+0:10`; such offsets count only on a way back, so that `R+D budget` elsewhere is ordinary text.
        let from_decision = if track == Track::Reverse { from_decision(text, self.context.offset_unit) } else { None };
        if from_decision.is_some() {
            return from_decision;
        }
        match schedule::heading::read(text, self.context.offset_unit) {
            Found::Nothing => None,
            Found::Timing(timing) => Some(timing),
            Found::Hint(error) => {
                self.report(Diagnostic::new(rule::OFFSET_UNIT, error.message()).maybe_help(error.help()), at);
                None
            }
            Found::Error(error) => {
                self.report(Diagnostic::new(rule::BAD_OFFSET, error.message()).maybe_help(error.help()), at);
                None
            }
        }
    }
}

/// Reads a heading whose offset counts from the decision to go back.
fn from_decision(text: &str, unit: Option<Unit>) -> Option<Timing> {
    let mut written = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let begins = text[at..].starts_with("R+") && !text[..at].ends_with(char::is_alphanumeric);
        written.push(if begins { 'T' } else { letter });
    }
    if written == text {
        return None;
    }
    let Found::Timing(mut timing) = schedule::heading::read(&written, unit) else { return None };
    timing.start = timing.start.from_decision();
    timing.end = timing.end.map(schedule::Offset::from_decision);
    Some(timing)
}

/// The owner in the metadata of a heading. After a leading offset, it is removed from the label.
fn heading_owner(timing: &mut Timing, roles: &BTreeMap<String, String>) -> Option<String> {
    if timing.place == Place::Lead
        && let Some((label, tail)) = task::tail(&timing.label, roles)
    {
        timing.label = label.to_owned();
        timing.estimate = tail.estimate.or(timing.estimate.take());
        return tail.owner;
    }
    let joined = format!("({})", timing.tail.join("; "));
    if let Some((_, tail)) = task::tail(&joined, roles)
        && tail.owner.is_some()
    {
        return tail.owner;
    }
    timing.tail.iter().find(|part| roles.contains_key(&part.to_lowercase())).map(|part| part.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_back_have_a_clock_of_their_own() {
        let check = |text: &str, start: &str, label: &str| {
            let timing = from_decision(text, Some(Unit::Minutes)).unwrap();
            assert_eq!((timing.start.to_string().as_str(), timing.label.as_str()), (start, label), "{text}");
        };
        check("R+0:10: Export the delta", "R+10m", "Export the delta");
        check("Export (R+1h, ~5m)", "R+1h", "Export");
        check("2. R+0:30: Copy", "R+30m", "Copy");
        check("R+10 to R+20: Watch", "R+10m", "Watch");
        assert!(from_decision("R+D budget", None).is_none());
        assert!(from_decision("Road R+", None).is_none());
        assert!(from_decision("R+10: no unit", None).is_none());
    }
}
