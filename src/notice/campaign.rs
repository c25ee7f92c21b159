//! A campaign: one mailing of one site, in one revision. Within it, no recipient is mailed twice.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::Site;

/// The identity of a campaign, whatever the site's title and address and its event are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    pub mailing: String,
    name: String,
    hashed_as: Option<String>,
}

impl Campaign {
    /// The campaign of a mailing. If the site has no `id`, its address or title and the event are part of the name, which changes
    /// with them: such a campaign can be merged but not sent.
    pub fn new(site: &Site, event: &str, mailing: &str, revision: u64) -> Campaign {
        // The separator keeps the parts from running into each other.
        let name = match &site.id {
            Some(id) => serde_json::json!([id, mailing, revision]),
            None => serde_json::json!([site.identity(), event, mailing, revision]),
        };
        Campaign { mailing: mailing.to_owned(), name: name.to_string(), hashed_as: None }
    }

    /// The possible bases of a campaign's Message-IDs and tokens: its name, and its name before the site had an id.
    pub fn names(site: &Site, event: &str, mailing: &str, revision: u64) -> BTreeSet<String> {
        let before = Site { id: None, ..site.clone() };
        let by_title = Site { base_url: String::new(), ..before.clone() };
        [site, &before, &by_title].map(|site| Campaign::new(site, event, mailing, revision).name).into()
    }

    /// The same campaign, begun under another name: its Message-IDs and tokens stay the same.
    pub fn begun_as(self, name: Option<&str>) -> Campaign {
        let hashed_as = name.filter(|name| *name != self.name).map(str::to_owned);
        Campaign { hashed_as, ..self }
    }

    /// Its name in the ledger.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The base of Message-IDs, boundaries and tokens.
    pub fn hashed_as(&self) -> &str {
        self.hashed_as.as_deref().unwrap_or(&self.name)
    }
}

/// The parts of a campaign's name in a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub site: String,
    /// The key of its event: before sites had an id, it was part of the name.
    pub event: Option<String>,
    pub mailing: String,
    pub revision: u64,
}

impl Known {
    /// `None` if it is not the name of a campaign.
    pub fn parse(name: &str) -> Option<Known> {
        let parts: Vec<Value> = serde_json::from_str(name).ok()?;
        let text = |index: usize| parts.get(index).and_then(Value::as_str).map(str::to_owned);
        let number = |index: usize| parts.get(index).and_then(Value::as_u64);
        match parts.len() {
            3 => Some(Known { site: text(0)?, event: None, mailing: text(1)?, revision: number(2)? }),
            4 => Some(Known { site: text(0)?, event: Some(text(1)?), mailing: text(2)?, revision: number(3)? }),
            _ => None,
        }
    }

    /// The name of another campaign of the same site, in the same form.
    pub fn name_of(&self, mailing: &str, revision: u64) -> String {
        match &self.event {
            Some(event) => serde_json::json!([self.site, event, mailing, revision]).to_string(),
            None => serde_json::json!([self.site, mailing, revision]).to_string(),
        }
    }

    /// Whether a mailing of this site had this name before the site had an id: by its public address, or by its title.
    pub fn is_earlier_name_of(&self, base_url: &str, title: &str, event: &str) -> bool {
        let is_of_event = self.event.as_deref() == Some(event);
        let is_site = |name: &str| !name.is_empty() && self.site.trim_end_matches('/').eq_ignore_ascii_case(name.trim_end_matches('/'));
        is_of_event && (is_site(base_url) || is_site(title))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let site = Site { id: Some("our-move-1".to_owned()), base_url: "https://docs.example.org/".to_owned(), ..Site::default() };
        let campaign = Campaign::new(&site, "move", "advance", 2);
        assert_eq!(campaign.name(), "[\"our-move-1\",\"advance\",2]");
        assert_eq!(campaign.hashed_as(), campaign.name());
        let old = "[\"https://docs.example.org/\",\"move\",\"advance\",2]";
        let adopted = campaign.clone().begun_as(Some(old));
        assert_eq!((adopted.name(), adopted.hashed_as()), (campaign.name(), old));
        assert_eq!(Campaign::new(&Site { id: None, ..site.clone() }, "move", "advance", 2).name(), old);
        assert_eq!(campaign.clone().begun_as(Some(campaign.name())), campaign);
        let names = Campaign::names(&Site { id: Some("our-move-1".to_owned()), ..site.clone() }, "move", "advance", 2);
        let expected = [old, "[\"Runsheet\",\"move\",\"advance\",2]", "[\"our-move-1\",\"advance\",2]"];
        assert_eq!(names.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected.into());
        let known = Known::parse(campaign.name()).unwrap();
        assert_eq!((&*known.site, &*known.mailing, known.revision, &known.event), ("our-move-1", "advance", 2, &None));
        assert_eq!(Known::parse(old).unwrap().event.as_deref(), Some("move"));
        assert_eq!(Known::parse(old).unwrap().name_of("done", 1), "[\"https://docs.example.org/\",\"move\",\"done\",1]");
        assert_eq!(known.name_of("done", 1), "[\"our-move-1\",\"done\",1]");
        for other in ["", "campaign", "[]", "[1,2,3]", "[\"a\",\"b\",-1]", "{}", "[\"a\",\"b\",\"c\",1,2]"] {
            assert_eq!(Known::parse(other), None, "{other}");
        }
    }

    #[test]
    fn earlier_names() {
        let check = |name: &str, expected: bool| {
            let is_it = Known::parse(name).unwrap().is_earlier_name_of("https://docs.example.org/", "Our move", "move");
            assert_eq!(is_it, expected, "{name}");
        };
        check("[\"https://docs.example.org/\",\"move\",\"advance\",1]", true);
        check("[\"https://DOCS.example.org\",\"move\",\"advance\",1]", true);
        check("[\"Our move\",\"move\",\"advance\",1]", true);
        check("[\"Our Move 2\",\"move\",\"advance\",1]", false);
        check("[\"Our move\",\"other\",\"advance\",1]", false);
        check("[\"Our move\",\"advance\",1]", false);
    }
}
