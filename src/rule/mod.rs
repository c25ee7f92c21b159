//! The rules behind diagnostics, as one table: what a code means, how severe it is, and what it stops.
//!
//! `explain`, the reference of the manual, the rules in SARIF and the levels in the schema of `runsheet.toml` are made from it.

mod table;

use std::fmt;
use std::str::FromStr;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::text::suggest;

pub use table::*;

/// The severity. Errors stop a build; warnings do so with `--deny-warnings`; notes never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// How a rule is treated, if the user can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckLevel {
    Error,
    Warn,
    Off,
}

impl CheckLevel {
    /// The words of `[check] level`.
    pub const WORDS: [&str; 3] = ["error", "warn", "off"];
}

impl FromStr for CheckLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<CheckLevel, ()> {
        match text {
            "error" => Ok(CheckLevel::Error),
            "warn" => Ok(CheckLevel::Warn),
            "off" => Ok(CheckLevel::Off),
            _ => Err(()),
        }
    }
}

/// What an error with a code stops, whatever its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// Nothing: its level always counts.
    Nothing,
    /// A merge, if it is found in a file with a notice that is sent. Elsewhere its level counts.
    InNotices,
    /// A merge, unless it is found on a page without such a notice: so also in `runsheet.toml`, in a table, in the layout of mails.
    OffPages,
    /// Any merge: the file was not understood and may contain a notice, or it is `runsheet.toml`, on which everything depends.
    IfMerged,
    /// A merge, wherever it is found. It accepts no level.
    Merge,
}

impl Stops {
    /// Its page in the reference.
    fn words(self) -> &'static str {
        match self {
            Stops::Nothing => "a [level](../../guide/checks.md#levels) can change it",
            Stops::InNotices => {
                "stops the merge if the file has a notice that is sent; otherwise a [level](../../guide/checks.md#levels) can change it"
            }
            Stops::OffPages => {
                "stops a merge; on a page without a notice that is sent, a [level](../../guide/checks.md#levels) can change it"
            }
            Stops::IfMerged => "stops a merge; if nothing is merged, a [level](../../guide/checks.md#levels) can change it",
            Stops::Merge => "stops every merge; no [level](../../guide/checks.md#levels) can change it",
        }
    }
}

/// The subject of a rule: each area is a folder of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    Configuration,
    Pages,
    Links,
    RunSheets,
    Notices,
    Recipients,
    Site,
}

impl Area {
    pub const ALL: [Area; 7] =
        [Area::Configuration, Area::Pages, Area::Links, Area::RunSheets, Area::Notices, Area::Recipients, Area::Site];

    /// Its title in the reference, and the subject of its rules.
    pub fn title(self) -> (&'static str, &'static str) {
        match self {
            Area::Configuration => ("Configuration", "Rules about `runsheet.toml`, events and the status page."),
            Area::Pages => ("Pages", "Rules about the text and the front matter of a page."),
            Area::Links => ("Links", "Rules about links, in pages and in notices."),
            Area::RunSheets => ("Run sheets", "Rules about times, tasks, owners, gates and blanks."),
            Area::Notices => ("Notices", "Rules about the text of notices and their variables."),
            Area::Recipients => ("Recipients", "Rules about recipient tables, their values, and mailings."),
            Area::Site => ("Site", "Rules about files, addresses and themes."),
        }
    }

    /// Its folder below `content/reference/`.
    pub fn folder(self) -> &'static str {
        match self {
            Area::Configuration => "configuration",
            Area::Pages => "pages",
            Area::Links => "links",
            Area::RunSheets => "run-sheets",
            Area::Notices => "notices",
            Area::Recipients => "recipients",
            Area::Site => "site",
        }
    }
}

/// A rule for documents: a code that never can change its meaning, with one severity and one page of the manual.
pub struct Rule {
    /// Such as `broken-link`.
    pub code: &'static str,
    pub area: Area,
    pub severity: Severity,
    pub stops: Stops,
    /// The version of Runsheet that introduced it.
    pub since: &'static str,
    page: &'static str,
}

impl Rule {
    /// The fault in one sentence: the `description` of its page.
    pub fn title(&self) -> &'static str {
        self.page.lines().find_map(|line| line.strip_prefix("description: ")).unwrap_or_default()
    }

    /// Its page of the manual as Markdown, without the front matter.
    pub fn text(&self) -> &'static str {
        self.page.splitn(3, "---\n").nth(2).unwrap_or_default().trim()
    }

    /// The same for a terminal. References to the manual name page and heading; for another code, its name is enough.
    pub fn plain_text(&self) -> String {
        let page_of = |target: &str| {
            let (page, heading) = target.strip_prefix("../../guide/")?.split_once(".md").unwrap_or_default();
            Some(format!(" (manual: {page}{heading})"))
        };
        without_links(self.text(), |target| page_of(target).unwrap_or_default())
    }

    /// The facts below the title of its page: severity, what it stops, and since which version.
    pub fn facts(&self) -> String {
        let severity = self.severity.word();
        format!("Severity: {severity}; {}. Since {}.", self.stops.words(), self.since)
    }
}

/// Markdown in which links are replaced by their words.
pub fn plain(text: &str) -> String {
    without_links(text, |_| String::new())
}

/// Markdown in which links are replaced by their words, each followed by a note made from its target.
fn without_links(text: &str, note: impl Fn(&str) -> String) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut from = 0;
    // Links cannot be nested.
    let mut target = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                plain.push_str(&text[from..range.start]);
                (from, target) = (range.end, Some(dest_url));
            }
            Event::End(TagEnd::Link) => plain.push_str(&target.take().map(|target| note(&target)).unwrap_or_default()),
            Event::Text(_) | Event::Code(_) if target.is_some() => plain.push_str(&text[range]),
            _ => {}
        }
    }
    plain + &text[from..]
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.code == other.code
    }
}

impl Eq for Rule {}

/// The rule of a code.
pub fn find(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code).copied()
}

/// All codes, sorted.
pub fn codes() -> Vec<&'static str> {
    let mut codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    codes.sort_unstable();
    codes
}

/// Rules with two severities that were split: the old code stops a merge, the new one can have a level.
const SPLIT: [(&Rule, &Rule); 5] = [
    (FILLER_VALUE, POSSIBLE_FILLER),
    (MOJIBAKE, MOJIBAKE_ON_PAGE),
    (PLACEHOLDER, PLACEHOLDER_ON_PAGE),
    (TOO_LARGE, FILE_TOO_LARGE),
    (UNDEFINED_VARIABLE, VARIABLE_TYPO),
];

/// Renamed codes: the earlier name, and the rule.
const RENAMED: [(&str, &Rule); 1] = [("yaml-syntax", FRONT_MATTER_SYNTAX)];

/// Why a code is unknown, and which one may be meant.
pub fn unknown(code: &str) -> (String, Option<String>) {
    if let Some((_, rule)) = RENAMED.iter().find(|(earlier, _)| *earlier == code) {
        return (format!("`{code}` is now called `{}`", rule.code), Some(format!("write `{}`", rule.code)));
    }
    (format!("unknown code `{code}`"), suggest(code, codes()))
}

/// Why a rule cannot have a level, and what to do instead. `None` if it can.
pub fn refuse(rule: &Rule, level: CheckLevel) -> Option<(String, String)> {
    if let Some((old, new)) = SPLIT.iter().find(|(old, _)| *old == rule) {
        let (old, new) = (old.code, new.code);
        let message = format!("`{old}` was split: `{old}` always stops a merge, and `{new}` can have a level");
        return Some((message, format!("write `{new}`, or remove this level")));
    }
    let is_refused = rule.stops == Stops::Merge && level != CheckLevel::Error;
    is_refused.then(|| {
        let message = format!("`{}` always stops a merge: no level changes that", rule.code);
        (message, "remove this level, and fix what is reported before it is mailed".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_there_once() {
        let codes = codes();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
        assert!(codes.iter().all(|code| find(code).is_some_and(|rule| rule.code == *code)));
        assert!(find("no-such-code").is_none());
    }

    #[test]
    fn what_was_split_has_a_level_in_one_half() {
        for (old, new) in SPLIT {
            assert_eq!((old.stops, new.stops), (Stops::Merge, Stops::Nothing), "{old:?}");
        }
    }

    #[test]
    fn levels_of_what_stops_a_merge_are_refused() {
        let refused = |rule: &Rule, level| refuse(rule, level).is_some();
        assert!(refused(BAD_ADDRESS, CheckLevel::Warn) && refused(TAG_IN_CODE, CheckLevel::Off));
        assert!(!refused(BAD_ADDRESS, CheckLevel::Error));
        assert!(!refused(BROKEN_LINK, CheckLevel::Off) && !refused(NO_RECIPIENTS, CheckLevel::Off));
        let (message, _) = refuse(PLACEHOLDER, CheckLevel::Error).unwrap();
        assert!(message.contains("`placeholder`") && message.contains("`placeholder-on-page`"), "{message}");
    }
}
