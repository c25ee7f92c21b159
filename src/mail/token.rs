//! Tokens that identify a recipient in an unsubscribe link and in a bounce address. Only the key's holder can make and read them.

use std::collections::BTreeSet;

use super::keys::{Keys, hash};

/// The placeholder that a token replaces in an address.
pub const MARK: &str = "{token}";

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the unsubscribe address.
    Unsubscribe,
    /// In the envelope sender, to which bounces return (VERP).
    Bounce,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Unsubscribe, Kind::Bounce];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Unsubscribe => "unsubscribe",
            Kind::Bounce => "bounce",
        }
    }

    /// Its number of digits; a local part has limited room (RFC 5321 §4.5.3.1.1).
    fn length(self) -> usize {
        match self {
            Kind::Unsubscribe => 40,
            Kind::Bounce => 32,
        }
    }

    /// The token of a recipient in a campaign.
    fn of(self, key: &str, campaign: &str, address: &str) -> String {
        let mut token = hash(Some(key), self.name(), campaign, address);
        token.truncate(self.length());
        token
    }
}

/// An address with the recipient's token filled in, if it has the placeholder.
pub fn fill(template: &str, kind: Kind, campaign: &str, address: &str, keys: &Keys) -> Result<String, String> {
    if !template.contains(MARK) {
        return Ok(template.to_owned());
    }
    let key = keys.unsubscribe.as_deref().ok_or("`{token}` needs a key: set RUNSHEET_UNSUBSCRIBE_KEY in the environment")?;
    Ok(template.replace(MARK, &kind.of(key, campaign, address)))
}

/// A dummy as long as the token of a bounce address.
pub fn sample() -> String {
    "0".repeat(Kind::Bounce.length())
}

/// A token whose recipient is wanted.
pub struct Sought {
    /// All candidates: mail systems and browsers add digits of their own.
    words: BTreeSet<String>,
}

impl Sought {
    /// The longest text that is searched.
    pub const MOST: usize = 4096;

    /// The possible tokens in an address, in a link, or in the token alone. `None` if there are none.
    pub fn in_text(text: &str) -> Option<Sought> {
        let text = text.to_ascii_lowercase();
        let mut words = BTreeSet::new();
        for digits in text.split(|c: char| !c.is_ascii_hexdigit()) {
            for length in Kind::ALL.map(Kind::length) {
                words.extend((0..(digits.len() + 1).saturating_sub(length)).map(|start| digits[start..start + length].to_owned()));
            }
        }
        (!words.is_empty()).then_some(Sought { words })
    }

    /// What the token is for, if it belongs to this recipient in this campaign.
    pub fn finds(&self, key: &str, campaign: &str, address: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| self.words.contains(&kind.of(key, campaign, address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_again() {
        let keys = Keys { message_id: None, unsubscribe: Some("key".to_owned()) };
        let made = |template: &str, kind| fill(template, kind, "campaign", "a@b.example", &keys).unwrap();
        let check = |text: &str, expected: Option<Kind>| {
            let found = Sought::in_text(text).and_then(|sought| sought.finds("key", "campaign", "a@b.example"));
            assert_eq!(found, expected, "{text}");
            let other = Sought::in_text(text).and_then(|sought| sought.finds("key", "campaign", "c@b.example"));
            assert_eq!(other, None, "{text}");
        };
        let bounce = made("bounces+{token}@b.example", Kind::Bounce);
        assert!(bounce.len() == "bounces+@b.example".len() + 32 && bounce.bytes().all(|byte| !byte.is_ascii_uppercase()), "{bounce}");
        check(&bounce, Some(Kind::Bounce));
        check(&bounce.to_uppercase(), Some(Kind::Bounce));
        check(&format!("<SRS0=ab12=cd={bounce}>"), Some(Kind::Bounce));
        check(&made("https://b.example/leave?u={token}", Kind::Unsubscribe), Some(Kind::Unsubscribe));
        check(&made("https%3A%2F%2Fb.example%2Fleave%3Fu%3D{token}%26x", Kind::Unsubscribe), Some(Kind::Unsubscribe));
        check(&made("mailto:face{token}feed@b.example", Kind::Unsubscribe), Some(Kind::Unsubscribe));
        check(&made("{token}", Kind::Bounce), Some(Kind::Bounce));
        // A token for one purpose is not valid for the other.
        check(&made("{token}", Kind::Unsubscribe)[..32], None);
        check("bounces@b.example", None);
        check("", None);
        check("äöü{token}", None);
    }
}
