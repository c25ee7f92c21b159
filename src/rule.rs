//! The codes of diagnostics, and which of them stop a merge: no level lets one of those pass.

use std::collections::BTreeSet;

use crate::diagnostic::{CheckLevel, Diagnostic, Severity};
use crate::project::{self, Project};
use crate::source::{Inputs, RelPath};

/// What an error of a code stops, whatever its level says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// Nothing: its level counts everywhere.
    Nothing,
    /// A merge, where it is found in a file that holds a notice which is sent. Elsewhere its level counts.
    InNotices,
    /// A merge, unless it is found on a page that holds no such notice: in `runsheet.toml`, in a table, in the layout of mails.
    OffPages,
    /// A merge, if there is one: the file was not understood, and may be a notice.
    Unread,
    /// A merge, wherever it is found. No level is taken.
    Merge,
}

use Stops::{InNotices, Merge, Nothing, OffPages, Unread};

/// All codes, sorted. A code that is missing here stops a merge.
const RULES: [(&str, Stops); 115] = [
    ("after-cycle", Nothing),
    ("alarm-threshold", Nothing),
    ("ambiguous-time", Nothing),
    ("asset-type", Nothing),
    ("bad-address", Merge),
    ("bad-alias", Nothing),
    ("bad-clock", OffPages),
    ("bad-encoding", Unread),
    ("bad-language", Merge),
    ("bad-message", Merge),
    ("bad-name", Nothing),
    ("bad-offset", OffPages),
    ("bad-row", Merge),
    ("bad-value", OffPages),
    ("bad-zone", OffPages),
    ("bare-time", InNotices),
    ("bidi-control", Nothing),
    ("blank-eaten", Nothing),
    ("broken-anchor", InNotices),
    ("broken-link", InNotices),
    ("broken-reference", Nothing),
    ("contacts-blank", Nothing),
    ("contract", Nothing),
    ("control-character", Merge),
    ("dead-link", Nothing),
    ("duplicate-column", Merge),
    ("duplicate-id", Nothing),
    ("duplicate-name", OffPages),
    ("duplicate-recipient", Merge),
    ("empty-field", Merge),
    ("empty-table", Merge),
    ("encoded-word", Merge),
    ("escaped-backtick", Nothing),
    ("external-image", Nothing),
    ("fence", Nothing),
    ("fence-words", Nothing),
    ("file-too-large", Nothing),
    ("filler-value", Merge),
    ("front-matter", Unread),
    ("gate-missing", Nothing),
    ("invisible-character", Merge),
    ("link-uncertain", Nothing),
    ("long-subject", Nothing),
    ("low-contrast", Nothing),
    ("lying-link", Nothing),
    ("missing-action", Nothing),
    ("missing-column", Merge),
    ("missing-key", OffPages),
    ("missing-secret", Merge),
    ("missing-table", Merge),
    ("missing-translation", Nothing),
    ("mixed-script", Merge),
    ("mojibake", Merge),
    ("mojibake-on-page", Nothing),
    ("more-bad-rows", Merge),
    ("no-recipients", Nothing),
    ("no-subject", InNotices),
    ("no-such-recipient", Merge),
    ("no-suppressions", Merge),
    ("no-t0", Merge),
    ("offset-unit", Nothing),
    ("open-quote", Merge),
    ("other-duration", Nothing),
    ("other-event", InNotices),
    ("path-collision", Nothing),
    ("placeholder", Merge),
    ("placeholder-on-page", Nothing),
    ("possible-filler", Nothing),
    ("private-file", Nothing),
    ("private-use", Nothing),
    ("range-gap", Nothing),
    ("range-overlap", Nothing),
    ("raw-html", Nothing),
    ("relative-link", InNotices),
    ("review-overdue", Nothing),
    ("round-count", Nothing),
    ("shallow-history", Nothing),
    ("slot-too-short", Nothing),
    ("special-file", Nothing),
    ("status-monitor", Nothing),
    ("status-unreachable", Nothing),
    ("step-owner", Nothing),
    ("step-verification", Nothing),
    ("symlink", Nothing),
    ("tag-in-code", Merge),
    ("tag-in-heading", Nothing),
    ("template-render", OffPages),
    ("template-syntax", OffPages),
    ("text-and-number", InNotices),
    ("time-without-zone", Nothing),
    ("toml-syntax", Unread),
    ("too-deep", InNotices),
    ("too-large", Merge),
    ("too-many-tags", Merge),
    ("two-boxes", Nothing),
    ("unclosed-tag", InNotices),
    ("undated-notice", Nothing),
    ("undefined-variable", Merge),
    ("unknown-after", Nothing),
    ("unknown-argument", InNotices),
    ("unknown-event", OffPages),
    ("unknown-key", OffPages),
    ("unknown-language", Nothing),
    ("unknown-notice", Merge),
    ("unknown-stage", InNotices),
    ("unknown-theme", OffPages),
    ("unread-metadata", Nothing),
    ("unread-time", Nothing),
    ("unsafe-filter", InNotices),
    ("unsafe-link", Nothing),
    ("unused-template", Nothing),
    ("vague-word", Nothing),
    ("variable-typo", Nothing),
    ("wrong-type", OffPages),
    ("yaml-syntax", Unread),
];

/// Codes that had two severities and are two codes now: the old one stops a merge, the other has a level.
const SPLIT: [(&str, &str); 5] = [
    ("filler-value", "possible-filler"),
    ("mojibake", "mojibake-on-page"),
    ("placeholder", "placeholder-on-page"),
    ("too-large", "file-too-large"),
    ("undefined-variable", "variable-typo"),
];

/// All codes with what they stop, sorted.
pub fn all() -> impl Iterator<Item = (&'static str, Stops)> {
    RULES.into_iter()
}

/// What an error of a code stops.
pub fn stops(code: &str) -> Stops {
    RULES.binary_search_by_key(&code, |(code, _)| code).map_or(Merge, |at| RULES[at].1)
}

/// Why a code cannot have a level, and what to do instead. `None`: it can.
pub fn refuse(code: &str, level: CheckLevel) -> Option<(String, String)> {
    if let Some((old, new)) = SPLIT.iter().find(|(old, _)| *old == code) {
        let message = format!("`{old}` is two codes now: `{old}` always stops a merge, and `{new}` can have a level");
        return Some((message, format!("write `{new}`, or remove this level")));
    }
    let is_refused = stops(code) == Merge && level != CheckLevel::Error;
    is_refused.then(|| {
        let message = format!("`{code}` stops a merge, and no level changes that");
        (message, "remove this level and fix what is reported, or it would be mailed".to_owned())
    })
}

/// What a run makes messages of.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    /// Files that hold a notice which is sent.
    files: BTreeSet<RelPath>,
    /// Pages that hold none, and files of themes but the layout of mails.
    others: BTreeSet<RelPath>,
    /// Whether anything is merged at all.
    is_any: bool,
}

impl Merged {
    /// `notices`: the names of those that are sent.
    pub fn of(project: &Project, inputs: &Inputs, notices: &BTreeSet<&str>) -> Merged {
        let holders = project.pages.iter().filter(|page| page.notices.iter().any(|notice| notices.contains(&*notice.name)));
        let files: BTreeSet<RelPath> = holders.map(|page| page.path.clone()).collect();
        let known = || project.pages.iter().flat_map(|page| &page.notices).map(|notice| notice.name.as_str());
        let is_lost = notices.iter().any(|name| !known().any(|known| known == *name));
        let is_other = |path: &&RelPath| {
            // A page may be a fault away from being the notice that is missing.
            project::is_page(path) && !is_lost && !files.contains(*path) || path.below("themes").is_some() && path.name() != "mail.html"
        };
        let others = inputs.sources.keys().filter(is_other).cloned().collect();
        Merged { files, others, is_any: !notices.is_empty() }
    }

    /// Whether a diagnostic stops a merge whatever its level is.
    pub fn is_stopped_by(&self, diagnostic: &Diagnostic) -> bool {
        let is_in = |files: &BTreeSet<RelPath>| diagnostic.path.as_ref().is_some_and(|path| files.contains(path));
        diagnostic.severity == Severity::Error
            && match stops(diagnostic.code) {
                Nothing => false,
                InNotices => is_in(&self.files),
                OffPages => self.is_any && !is_in(&self.others),
                Unread => self.is_any,
                Merge => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    #[test]
    fn every_code_says_what_it_stops() {
        let codes: Vec<&str> = all().map(|(code, _)| code).collect();
        assert!(codes.is_sorted());
        assert_eq!(codes, reference::codes(), "a code of the reference is not in the table of rules, or the other way round");
    }

    #[test]
    fn the_reference_says_what_no_level_changes() {
        for (code, stops) in all() {
            let says = reference::explain(code).is_some_and(|entry| entry.contains("Severity: error; no level changes it"));
            assert_eq!(says, stops == Merge, "{code}");
        }
    }

    #[test]
    fn what_was_split_is_in_the_table() {
        for (old, new) in SPLIT {
            assert_eq!((stops(old), stops(new)), (Merge, Nothing), "{old}");
        }
        assert_eq!(stops("no-such-code"), Merge);
    }

    #[test]
    fn levels_of_what_stops_a_merge_are_refused() {
        let refused = |code: &str, level| refuse(code, level).is_some();
        assert!(refused("bad-address", CheckLevel::Warn) && refused("tag-in-code", CheckLevel::Off));
        assert!(!refused("bad-address", CheckLevel::Error));
        assert!(!refused("broken-link", CheckLevel::Off) && !refused("no-recipients", CheckLevel::Off));
        let (message, _) = refuse("placeholder", CheckLevel::Error).unwrap();
        assert!(message.contains("`placeholder`") && message.contains("`placeholder-on-page`"), "{message}");
    }
}
