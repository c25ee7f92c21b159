//! Good answers of other sites, cached between runs in `.runsheet/links.json`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

/// Addresses that answered, each with the time and the address it has moved to for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptLinks {
    version: u32,
    good: BTreeMap<String, Good>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Good {
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<String>,
}

impl KeptLinks {
    /// Reads the file. A damaged file, or one of another version, counts as empty.
    pub fn read(text: &str) -> KeptLinks {
        let kept: Option<KeptLinks> = serde_json::from_str(text).ok();
        kept.filter(|kept| kept.version == VERSION).unwrap_or(KeptLinks { version: VERSION, good: BTreeMap::new() })
    }

    /// The same without answers that are older than `span`, or from the future.
    pub fn fresh(mut self, now: Timestamp, span: SignedDuration) -> KeptLinks {
        self.good.retain(|_, good| good.at <= now && now.duration_since(good.at) < span);
        self
    }

    /// Whether an address answered, and where it has moved.
    pub fn get(&self, address: &str) -> Option<Option<String>> {
        self.good.get(address).map(|good| good.moved.clone())
    }

    /// Keeps a good answer.
    pub fn keep(&mut self, address: &str, moved: Option<String>, now: Timestamp) {
        self.good.insert(address.to_owned(), Good { at: now, moved });
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("it holds only texts, times and a number");
        json + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_answers_hold_for_their_span() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut kept = KeptLinks::read("");
        kept.keep("https://a.example/", Some("https://b.example/".to_owned()), at("2026-11-01T00:00:00Z"));
        kept.keep("https://c.example/", None, at("2026-11-05T00:00:00Z"));
        let again = KeptLinks::read(&kept.to_json());
        assert_eq!(again, kept);
        let week = SignedDuration::from_hours(7 * 24);
        let later = again.fresh(at("2026-11-09T00:00:00Z"), week);
        assert_eq!(later.get("https://a.example/"), None);
        assert_eq!(later.get("https://c.example/"), Some(None));
        assert_eq!(kept.get("https://a.example/"), Some(Some("https://b.example/".to_owned())));
        assert_eq!(kept.clone().fresh(at("2026-10-01T00:00:00Z"), week), KeptLinks::read(""));
        assert_eq!(kept.fresh(at("2026-11-05T00:00:00Z"), SignedDuration::ZERO), KeptLinks::read(""));
    }

    #[test]
    fn a_broken_file_counts_as_empty() {
        for text in ["{", "[]", r#"{"version":2,"good":{}}"#, r#"{"version":1,"good":{"https://a.example/":{"at":"soon"}}}"#] {
            assert_eq!(KeptLinks::read(text), KeptLinks::read(""), "{text}");
        }
    }
}
