//! The working parts of a run sheet: items to tick, decide or watch, and blanks to fill in.

use super::blank;
use crate::schedule::{Length, Recurrence, Timing, heading};
use crate::source::Span;

/// A task, a choice or a stop condition.
#[derive(Clone, Debug)]
pub struct Item {
    /// The author's id, or one made from section and text; unique on the page.
    pub id: String,
    /// Whether the author gave the id.
    pub named: bool,
    pub kind: ItemKind,
    /// The words of its first line, without metadata and blanks.
    pub text: String,
    /// The number of the heading above it.
    pub section: Option<usize>,
    /// The item it is nested in.
    pub parent: Option<usize>,
    pub owner: Option<String>,
    pub estimate: Option<Length>,
    /// Ids that must be done before it; empty if it waits for nothing, `None` if it waits for the item before it.
    pub after: Option<Vec<String>>,
    /// Whether `Expect:` or `Verify:` says how to check that it worked.
    pub has_outcome: bool,
    /// Whether it contains a block of code.
    pub has_command: bool,
    /// Its own recurrence, or that of its section.
    pub rounds: Option<Recurrence>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    Task {
        /// Ticked in the source: not part of a run.
        done: bool,
    },
    /// One of these answers is chosen; the first one lets the run continue.
    Choice(Vec<String>),
    Alarm(Box<Alarm>),
}

/// A stop condition: not a task, but something that must not happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Who acts if it is tripped.
    pub decider: Option<String>,
    /// When to watch it, if it says so itself.
    pub applies: Option<Timing>,
    /// Whether it has a number to compare with.
    pub has_threshold: bool,
}

/// A field to fill in.
#[derive(Clone, Debug)]
pub struct Blank {
    pub id: String,
    /// Whether the author gave it a name.
    pub named: bool,
    pub kind: blank::Kind,
    /// The variable under which commands use its value.
    pub var: Option<String>,
    pub label: String,
    pub item: Option<usize>,
    pub section: Option<usize>,
    pub limits: blank::Limits,
    pub span: Span,
}

/// A list of items that are repeated round by round.
#[derive(Clone, Debug)]
pub struct Rounds {
    pub section: Option<usize>,
    pub every: Recurrence,
    pub items: Vec<usize>,
    /// Whether it is a single item of an ordinary list.
    pub alone: bool,
}

/// The purpose of the part of a run sheet below a heading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Track {
    #[default]
    Main,
    /// The way back; its offsets count from the decision to go back.
    Reverse,
    /// Stop conditions.
    Alarms,
}

impl Track {
    /// Guesses the purpose from the words of a heading; `None` if they don't show it.
    pub fn from_title(title: &str) -> Option<Track> {
        let title = title.to_lowercase();
        // `Rollback (45 min)` and `Way back: to the old host` are recognised by their first words.
        let name = title.split(['(', ':', '—', '–']).next().unwrap_or("").trim_matches(|c: char| !c.is_alphanumeric());
        if ["rollback", "roll back", "reverse", "way back", "the way back", "fallback"].contains(&name) {
            return Some(Track::Reverse);
        }
        let has = |list: &[&str]| list.iter().any(|words| title.contains(words));
        if has(&[
            "stop condition",
            "stop criteri",
            "rollback trigger",
            "rollback criteri",
            "abort criteri",
            "abort condition",
            "abort trigger",
            "no-go criteri",
            "kill criteri",
        ]) {
            return Some(Track::Alarms);
        }
        has(&[
            "reverse track",
            "reverse plan",
            "reverse procedure",
            "rollback procedure",
            "rollback plan",
            "rollback track",
            "rollback steps",
            "back-out",
            "backout",
            "fallback procedure",
            "fallback plan",
            "fall-back plan",
        ])
        .then_some(Track::Reverse)
    }
}

/// Whether a heading or an item is a gate: `Gate 1: …`, `Go/No-Go (T-1h)`.
pub fn is_gate(text: &str) -> bool {
    let text = text.to_lowercase();
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let named = text.strip_prefix("gate").is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'));
    named || ["go/no-go", "go / no-go", "go-no-go", "go/no go", "go or no-go"].iter().any(|words| text.starts_with(words))
}

/// Whether a heading or an item marks the point of no return.
pub fn is_no_return(text: &str) -> bool {
    text.to_lowercase().contains("point of no return")
}

impl Alarm {
    /// Parses a stop condition: `… > 5 % for 15 min. Decides: lead. Applies: T-0 to T+2h`.
    pub fn read(text: &str) -> Alarm {
        let field = |name: &str| {
            let at = text.to_lowercase().find(name)?;
            // Lower case may change the length of the text; then the fields are not looked for.
            let rest = text.get(at + name.len()..)?;
            let end = rest.find(['.', ';', ',']).unwrap_or(rest.len());
            Some(rest[..end].trim().to_owned()).filter(|value| !value.is_empty())
        };
        let applies = text.find("Applies:").map(|at| text[at + "Applies:".len()..].trim().trim_end_matches('.'));
        let applies = applies.and_then(|words| match heading::read(words, None) {
            crate::schedule::Found::Timing(timing) => Some(timing),
            _ => None,
        });
        let condition = &text[..text.find("Applies:").unwrap_or(text.len())];
        Alarm { decider: field("decides:").or_else(|| field("decider:")), applies, has_threshold: has_threshold(condition) }
    }
}

const NUMBERS: [&str; 12] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// Whether a number is compared with something: `> 5 %`, `≥ 2`, `10 min`, `more than 3`.
fn has_threshold(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().enumerate().any(|(index, word)| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '%' | '>' | '<' | '≥' | '≤' | '='));
        let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let signs = bare.trim_start_matches(['>', '<', '≥', '≤', '=', '~']);
        let compared = signs.len() < bare.len() && (is_number(signs) || words.get(index + 1).is_some_and(|next| is_number(next)));
        let unit_follows = || {
            let next = words.get(index + 1).map_or("", |next| next.trim_end_matches(['.', ',', ';', ':', ')']));
            ["%", "min", "minute", "minutes", "h", "hour", "hours", "s", "sec", "second", "seconds"].contains(&next)
        };
        let has_unit = is_number(bare) && (bare.ends_with('%') || bare.ends_with("ms") || ends_with_unit(bare) || unit_follows());
        let in_words = || NUMBERS.contains(&bare.to_lowercase().as_str());
        let spelled = (is_number(bare) || in_words())
            && index >= 1
            && ["than", "over", "above", "below", "under", "least", "most", "exceeds", "any"]
                .contains(&words[index - 1].to_lowercase().as_str());
        // `3 wrong invoices` counts, but `500 errors` probably names a status code.
        let counted = index == 0 && bare.parse().is_ok_and(|number: u32| !(400..600).contains(&number));
        compared || has_unit || spelled || counted
    })
}

fn ends_with_unit(word: &str) -> bool {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ':'));
    matches!(unit, "s" | "m" | "min" | "h" | "d" | "x" | "k" | "GB" | "MB" | "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_tell_the_track() {
        assert_eq!(Track::from_title("Rollback Triggers"), Some(Track::Alarms));
        assert_eq!(Track::from_title("Stop conditions"), Some(Track::Alarms));
        assert_eq!(Track::from_title("Rollback Procedure"), Some(Track::Reverse));
        assert_eq!(Track::from_title("Reverse track"), Some(Track::Reverse));
        assert_eq!(Track::from_title("🔙 Rollback (45 min)"), Some(Track::Reverse));
        assert_eq!(Track::from_title("Rollback: to the old host"), Some(Track::Reverse));
        assert_eq!(Track::from_title("Rollback window"), None);
        assert_eq!(Track::from_title("Rollback options"), None);
    }

    #[test]
    fn gates() {
        for text in ["Gate 1: proceed", "Go/No-Go (T-1h)", "GO/NO-GO: DNS switch", "Gate: start", "🚦 Gate 2"] {
            assert!(is_gate(text), "{text}");
        }
        for text in ["Gateways online", "Gather logs", "Open the gate", "gate-keeper", "Going live"] {
            assert!(!is_gate(text), "{text}");
        }
    }

    #[test]
    fn alarms() {
        let alarm =
            Alarm::read("Errors: ≥ 2 % of ≥ 500 requests answer 5xx in 10 min. Reads: infra. Decides: lead. Applies: T+2:15 to T+24h");
        assert_eq!(alarm.decider.as_deref(), Some("lead"));
        assert!(alarm.applies.is_some() && alarm.has_threshold);
        for text in [
            "Error rate >5% for 10 min",
            "more than 3 customers call",
            "Import takes over 2 hours",
            "Latency above 500ms",
            "≥ 1 row differs",
            "3 wrong invoices",
            "More than five customers cannot log in",
        ] {
            assert!(Alarm::read(text).has_threshold, "{text}");
        }
        for text in ["Data looks wrong", "Step 3 fails", "Critical bug found", "Logins fail. Applies: T-0 to T+2h", "HTTP 500 errors"] {
            assert!(!Alarm::read(text).has_threshold, "{text}");
        }
    }
}
