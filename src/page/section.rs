//! Headings of a run sheet: when they are, who owns them, and what the part below them is for.

use std::collections::BTreeMap;

use super::entry::Track;
use super::html::{Heading, Writer};
use super::task;
use crate::diagnostic::Diagnostic;
use crate::schedule::{self, Found, Place, Timing, recurrence};
use crate::source::Span;

/// Where in a run sheet the writer is: the headings above, with their level and what they are called.
#[derive(Debug, Default)]
pub struct Section(Vec<(u8, String, Track)>);

impl Section {
    /// Goes below a heading of this level; gives its track.
    fn enter(&mut self, level: u8, text: &str) -> Track {
        self.0.retain(|(above, ..)| *above < level);
        let above = self.0.last().map_or(Track::Main, |(_, _, track)| *track);
        Track::of(text).unwrap_or(above)
    }

    pub(super) fn path(&self) -> String {
        self.0.iter().map(|(_, label, _)| label.as_str()).collect::<Vec<_>>().join("/")
    }

    pub(super) fn track(&self) -> Track {
        self.0.last().map_or(Track::Main, |(_, _, track)| *track)
    }
}

impl Writer<'_, '_, '_> {
    /// The track that begins with a heading, if another one was before it.
    pub(super) fn begins_track(&self, level: u8, text: &str) -> Option<Track> {
        let above = self.finds.section.0.iter().rfind(|(above, ..)| *above < level).map_or(Track::Main, |(_, _, track)| *track);
        Track::of(text).filter(|track| self.is_run_sheet() && *track != above)
    }

    /// A heading of a run sheet with all that it says.
    pub(super) fn sheet_heading(&mut self, level: u8, text: &str, anchor: String, span: Span, at: usize) -> Heading {
        let track = self.finds.section.enter(level, text);
        let mut timing = self.timing(text, track, at);
        let owner = timing.as_mut().and_then(|timing| heading_owner(timing, self.context.roles));
        let label = timing.as_ref().map(|timing| timing.label.as_str()).filter(|label| !label.is_empty()).unwrap_or(text);
        self.finds.section.0.push((level, task::normal(label), track));
        self.finds.open.clear();
        let every = if timing.is_none() { recurrence::read(text) } else { None };
        Heading { timing, owner, track, every, path: self.finds.section.path(), ..Heading::plain(level, text, anchor, span) }
    }

    fn timing(&mut self, text: &str, track: Track, at: usize) -> Option<Timing> {
        // `R+0:10` is written like `T+0:10`; only a way back has such offsets, so that `R+D budget` is none elsewhere.
        if track == Track::Reverse
            && let Some(mut timing) = from_decision(text)
        {
            timing.start = timing.start.from_decision();
            timing.end = timing.end.map(schedule::Offset::from_decision);
            return Some(timing);
        }
        match schedule::heading::read(text, self.context.offset_unit) {
            Found::Nothing => None,
            Found::Timing(timing) => Some(timing),
            Found::Hint(error) => {
                self.report(Diagnostic::warning("offset-unit", error.message()).maybe_help(error.help()), at);
                None
            }
            Found::Error(error) => {
                self.report(Diagnostic::error("bad-offset", error.message()).maybe_help(error.help()), at);
                None
            }
        }
    }
}

/// Reads a heading whose offset counts from the decision to go back.
fn from_decision(text: &str) -> Option<Timing> {
    let place = if text.starts_with("R+") { 0 } else { text.rfind("(R+").map(|open| open + 1)? };
    let mut written = text.to_owned();
    written.replace_range(place..place + 1, "T");
    // A range names its end in the same way: `R+0:10 to R+0:20`.
    let written = written.replace(" R+", " T+");
    match schedule::heading::read(&written, None) {
        Found::Timing(timing) => Some(timing),
        _ => None,
    }
}

/// The owner that the metadata of a heading names. Behind a leading offset it is taken out of the label.
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
        let timing = from_decision("R+0:10: Export the delta").unwrap();
        assert_eq!((timing.start.from_decision().to_string().as_str(), timing.label.as_str()), ("R+10m", "Export the delta"));
        assert_eq!(from_decision("Export (R+1h, ~5m)").unwrap().label, "Export");
        assert!(from_decision("R+D budget").is_none());
        assert!(from_decision("Road R+").is_none());
    }
}
