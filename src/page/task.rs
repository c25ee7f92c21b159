//! Metadata of a run sheet's item: owner, estimate, attributes, a choice.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use super::blank;
use crate::schedule::{Length, Offset};

/// The last parenthesis of an item or heading, if every part of it is metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    pub owner: Option<String>,
    pub estimate: Option<Length>,
    /// Other keys, such as `after`, as written.
    pub other: Vec<(String, String)>,
}

const KEYS: [&str; 12] = ["owner", "who", "by", "verify", "est", "after", "needs", "not-before", "notify", "expect", "id", "duration"];

/// Words at the beginning of a bullet that describes the task above it.
const ATTRIBUTES: [&str; 7] = ["Expect", "If not", "Owner", "Verify", "Rollback", "Evidence", "Where"];

/// Removes the metadata from the end of a text. `roles` are the keys that the event declares.
pub fn tail<'t>(text: &'t str, roles: &BTreeMap<String, String>) -> Option<(&'t str, Tail)> {
    let trimmed = text.trim_end();
    let inner_end = trimmed.strip_suffix(')')?;
    let open = inner_end.rfind('(')?;
    let mut tail = Tail::default();
    for part in inner_end[open + 1..].split([';', ',']) {
        read_part(part.trim(), roles, &mut tail)?;
    }
    Some((trimmed[..open].trim_end(), tail))
}

fn read_part(part: &str, roles: &BTreeMap<String, String>, tail: &mut Tail) -> Option<()> {
    if let Some(estimate) = part.strip_prefix('~') {
        tail.estimate = Some(Length::parse(estimate.trim()).ok()?);
        return Some(());
    }
    if let Some((key, value)) = part.split_once(':') {
        let (key, value) = (key.trim().to_lowercase(), value.trim());
        if KEYS.contains(&key.as_str()) && !value.is_empty() {
            match key.as_str() {
                "owner" | "who" | "by" => tail.owner = Some(role(value, roles)),
                "est" | "duration" => tail.estimate = Some(Length::parse(value.trim_start_matches('~')).ok()?),
                _ => tail.other.push((key, blank::restore(value))),
            }
            return Some(());
        }
    }
    if roles.contains_key(&part.to_lowercase()) {
        tail.owner = Some(part.to_lowercase());
        return Some(());
    }
    if Offset::parse(part).is_ok() {
        tail.other.push(("at".to_owned(), part.to_owned()));
        return Some(());
    }
    None
}

/// An owner as written; a role gets the event's spelling, so that `DBA` and `dba` are the same.
pub fn role(owner: &str, roles: &BTreeMap<String, String>) -> String {
    let owner = blank::restore(owner);
    let lower = owner.to_lowercase();
    if roles.contains_key(&lower) { lower } else { owner }
}

/// The attribute with which a bullet begins, and the length of that beginning: `Expect: …`.
pub fn attribute(text: &str) -> Option<(&'static str, usize)> {
    ATTRIBUTES.iter().find_map(|name| {
        let head = text.get(..name.len())?;
        let rest = text[name.len()..].strip_prefix(':')?;
        head.eq_ignore_ascii_case(name).then(|| (*name, text.len() - rest.trim_start().len()))
    })
}

/// A line with two or more labelled boxes: `Decision: [ ] GO [ ] NO-GO` is one choice. Returns its name and the answers.
pub fn choice(text: &str) -> Option<(&str, Vec<&str>)> {
    let mut parts = text.split("[ ]");
    let name = parts.next()?.trim().trim_end_matches(':').trim();
    let answers: Vec<&str> = parts.map(str::trim).collect();
    (answers.len() >= 2 && answers.iter().all(|answer| !answer.is_empty())).then_some((name, answers))
}

/// The id of an item: based on its section and text, not its place, so that inserting a line moves no tick.
pub fn id(section: &str, text: &str) -> String {
    blake3::hash(format!("{section}\n{}", normal(text)).as_bytes()).to_hex()[..10].to_owned()
}

/// A text normalised for comparison: NFKC, lower case, single spaces.
pub fn normal(text: &str) -> String {
    let folded = if text.is_ascii() { text.to_ascii_lowercase() } else { text.nfkc().collect::<String>().to_lowercase() };
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> BTreeMap<String, String> {
        BTreeMap::from([("dba".to_owned(), "Database engineer".to_owned())])
    }

    #[test]
    fn only_metadata_is_cut() {
        let roles = roles();
        let (text, found) = tail("Run the import (owner: dba; ~30m; after: export)", &roles).unwrap();
        assert_eq!(text, "Run the import");
        assert_eq!(found.owner.as_deref(), Some("dba"));
        assert_eq!(found.estimate, Length::parse("30m").ok());
        assert_eq!(found.other, [("after".to_owned(), "export".to_owned())]);
        assert!(tail("Checksums match (where applicable)", &roles).is_none());
        assert!(tail("Run it (login, view data)", &roles).is_none());
        assert_eq!(tail("Import (DBA)", &roles).unwrap().1.owner.as_deref(), Some("dba"));
    }

    #[test]
    fn choices_and_attributes() {
        assert_eq!(choice("Decision: [ ] GO [ ] NO-GO [ ] HOLD"), Some(("Decision", vec!["GO", "NO-GO", "HOLD"])));
        assert_eq!(choice("All pass: [ ]"), None);
        assert_eq!(attribute("Expect: `ok`"), Some(("Expect", 8)));
        assert_eq!(attribute("Expected soon"), None);
    }

    #[test]
    fn ids_come_from_the_text() {
        assert_eq!(id("a", "Lower  the TTL"), id("a", "lower the ttl"));
        assert_ne!(id("a", "Lower the TTL"), id("b", "Lower the TTL"));
    }
}
