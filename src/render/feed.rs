//! Feeds (RFC 4287): notices that were sent, and pages that were changed last.

use jiff::Timestamp;
use serde::Serialize;
use tera::Context;

use super::{absolute, summary};
use crate::page::{Kind, Publish};
use crate::site::{CHANGES, FEED, Site, SitePage, Target};
use crate::theme::Theme;

/// How many pages are in the feed of changes.
const MOST_CHANGES: usize = 20;

/// A feed that pages link to in their head.
#[derive(Serialize)]
pub struct Link {
    pub title: String,
    pub url: &'static str,
}

#[derive(Serialize)]
struct Entry {
    title: String,
    /// Its address is also its id, so it stays the same when its text changes.
    url: String,
    updated: String,
    summary: Option<String>,
    /// HTML.
    content: Option<String>,
    #[serde(skip)]
    at: Timestamp,
}

/// The feeds that there are.
pub fn links(site: &Site) -> Vec<Link> {
    let is_there = |url: &str, target: Target| site.routes.get(url) == Some(&target);
    let mut links = Vec::new();
    if is_there(FEED, Target::Feed) {
        links.push(Link { title: notices_title(site), url: FEED });
    }
    if is_there(CHANGES, Target::Changes) {
        links.push(Link { title: changes_title(site), url: CHANGES });
    }
    links
}

fn notices_title(site: &Site) -> String {
    site.languages.site().fill("notice.feed", &[("site", &site.config.site.title)])
}

fn changes_title(site: &Site) -> String {
    site.languages.site().fill("notice.changes", &[("site", &site.config.site.title)])
}

/// The notices that were sent, the newest first.
pub fn notices(site: &Site, theme: &Theme) -> Result<String, tera::Error> {
    let sent = site.pages.iter().filter(|page| page.page.front.publish == Publish::Sent);
    let mut entries: Vec<Entry> = sent.flat_map(|page| page.notices.iter().filter_map(|notice| entry(site, page, notice))).collect();
    entries.sort_by(|a, b| (b.at, &a.url).cmp(&(a.at, &b.url)));
    feed(site, theme, &notices_title(site), FEED, &entries)
}

fn entry(site: &Site, page: &SitePage, notice: &crate::site::ShownNotice) -> Option<Entry> {
    let at = notice.sent_at?;
    let address = absolute(site, &page.route);
    let anchor = crate::page::link::encode(&notice.anchor);
    Some(Entry {
        title: legal(&notice.subject),
        url: if page.page.kind == Kind::Notice { address } else { format!("{address}#{anchor}") },
        updated: at.to_string(),
        summary: None,
        content: Some(legal(&notice.html)),
        at,
    })
}

/// The pages that were changed last, the newest first.
pub fn changes(site: &Site, theme: &Theme) -> Result<String, tera::Error> {
    let mut changed: Vec<(Timestamp, &SitePage)> = site.pages.iter().filter_map(|page| Some((page.changed?, page))).collect();
    changed.sort_by(|a, b| (b.0, &a.1.route).cmp(&(a.0, &b.1.route)));
    let entries: Vec<Entry> = changed
        .into_iter()
        .take(MOST_CHANGES)
        .map(|(at, page)| Entry {
            title: legal(&page.page.title),
            url: absolute(site, &page.route),
            updated: at.to_string(),
            summary: summary::of(page).map(|text| legal(&text)),
            content: None,
            at,
        })
        .collect();
    feed(site, theme, &changes_title(site), CHANGES, &entries)
}

fn feed(site: &Site, theme: &Theme, title: &str, route: &str, entries: &[Entry]) -> Result<String, tera::Error> {
    let mut context = Context::new();
    context.insert("title", &legal(title));
    context.insert("author", &legal(&site.config.site.title));
    context.insert("language", &site.config.site.language);
    context.insert("home", &absolute(site, "index.html"));
    context.insert("url", &absolute(site, route));
    // Not the clock: a feed is as new as its newest entry.
    context.insert("updated", &entries.first().map(|entry| entry.updated.as_str()));
    context.insert("entries", entries);
    theme.render("feed.xml", &context)
}

/// The text without characters that XML 1.0 cannot contain in any form (§2.2).
fn legal(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_holds_no_control_characters() {
        assert_eq!(legal("a\u{1}b\u{c}c\td\u{FFFF}e\u{1F600}"), "abc\tde\u{1F600}");
    }
}
