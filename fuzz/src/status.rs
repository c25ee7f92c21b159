//! What holds for every answer of a status server, and for every answer that is kept.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use jiff::{SignedDuration, Timestamp};
use markup5ever_rcdom::RcDom;
use runsheet::language::Language;
use runsheet::status::{Provider, Settings, Snapshot, State, badge_json, badge_svg, has_beats, overview, parse};

use super::plain::assert_plain;

/// What divides the answer about the page from the one about the beats.
const BETWEEN: &str = "\n\n";
/// So much may the clocks of two machines differ.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Reads bytes as the two answers of a server, and as an answer that was kept.
pub fn status(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let settings = Settings {
        provider: Provider::UptimeKuma,
        url: "https://status.example".to_owned(),
        slug: "sample".to_owned(),
        ..Settings::default()
    };
    let now: Timestamp = "2026-11-22T14:05:00Z".parse().expect("a time");
    let (page, beats) = text.split_once(BETWEEN).unwrap_or((&text, ""));
    let _ = has_beats(beats.as_bytes()).map_err(|fault| assert_plain(&fault.to_string(), "a fault"));
    match parse(&settings, page.as_bytes(), beats.as_bytes(), now) {
        Ok(snapshot) => {
            assert_eq!(Snapshot::from_json(&snapshot.to_json()).as_ref(), Ok(&snapshot), "what is kept is what was said");
            judge(&snapshot, &settings, now);
        }
        Err(fault) => assert_plain(&fault.to_string(), "a fault"),
    }
    match Snapshot::from_json(&text) {
        Ok(kept) => {
            assert_eq!(Snapshot::from_json(&kept.to_json()).as_ref(), Ok(&kept), "what is read is kept the same");
            let of_it = Snapshot { source: settings.source(), slug: settings.slug.clone(), ..kept };
            judge(&of_it, &settings, now);
        }
        Err(fault) => assert_plain(&fault.to_string(), "a fault"),
    }
}

fn judge(snapshot: &Snapshot, settings: &Settings, fetched: Timestamp) {
    let words = [&snapshot.title].into_iter().chain(&snapshot.notes);
    let of_parts = snapshot.components.iter().flat_map(|part| [&part.id, &part.name].into_iter().chain(&part.group));
    let of_incidents = snapshot.incidents.iter().flat_map(|one| [&one.title, &one.style, &one.body]);
    let of_maintenances = snapshot.maintenances.iter().flat_map(|one| [&one.title, &one.body]);
    words.chain(of_parts).chain(of_incidents).chain(of_maintenances).for_each(|text| assert_plain(text, "a snapshot"));
    for later in [0, 3, 20, 60 * 24 * 8] {
        let now = fetched + SignedDuration::from_mins(later);
        let shown = overview(Some(snapshot), settings, now, &Language::default());
        if shown.state == State::Up {
            let is_fresh = |time: Timestamp| {
                let age = now.duration_since(time);
                age <= settings.stale_after && age >= -SKEW - SKEW
            };
            let is_up = |part: &&runsheet::status::Component| part.state == State::Up && part.as_of.is_some_and(is_fresh);
            let doubted = snapshot.components.iter().find(|part| !is_up(part));
            assert!(!snapshot.components.is_empty() && doubted.is_none(), "green after {later} min, and {doubted:?}");
        }
        assert!(shown.counts.total() <= shown.components.len(), "more are counted than there are");
        shown.components.iter().for_each(|part| assert_plain(&part.words(), "the words of a part"));
        let picture = badge_svg(&shown, &Language::default());
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(format!("<!DOCTYPE html><title>x</title>{picture}"));
        assert!(dom.errors.borrow().is_empty(), "{:?} in {picture}", dom.errors.borrow());
        let json: serde_json::Value = serde_json::from_str(&badge_json(&shown)).expect("the badge as JSON");
        assert!(json.is_object(), "{json}");
    }
}
