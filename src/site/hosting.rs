//! Files of a site for hosts and crawlers: rules for hosts, a site map, feeds.

use std::collections::BTreeMap;

use super::taken::Taken;
use super::{Route, Site, Target};
use crate::page::Publish;

/// The feed of sent notices.
pub const FEED: &str = "feed.xml";
/// The feed of pages that were changed last.
pub const CHANGES: &str = "changes.xml";
pub const SITEMAP: &str = "sitemap.xml";
/// Rules for search engines.
const ROBOTS: &str = "robots.txt";

/// Files that are made only if they would have content.
pub const MADE_LATE: [&str; 4] = [FEED, CHANGES, SITEMAP, ROBOTS];

/// Why one of these files, or the calendar of a run sheet, is not made.
pub fn why_not(route: &str) -> &'static str {
    match route {
        FEED => "it needs `base_url`, and a notice with `publish: sent` whose date is known",
        CHANGES => "it needs `base_url`, and a Git history that shows when pages changed",
        SITEMAP | ROBOTS => "it needs `base_url`, and no content file with nearly the same name",
        _ => "a calendar needs an event with a T-0",
    }
}

/// Adds these files. If the project has one of its own, in any case or Unicode form of the name, that one is used.
pub fn add(routes: &mut BTreeMap<Route, Target>, taken: &mut Taken, site: &Site) {
    let mut ours = vec![("_headers", Target::Headers), (".nojekyll", Target::NoJekyll)];
    if !site.redirects.is_empty() {
        ours.push(("_redirects", Target::Redirects));
    }
    // The others contain full addresses.
    if !site.config.site.base_url.is_empty() {
        ours.extend([(SITEMAP, Target::Sitemap), (ROBOTS, Target::Robots)]);
        let is_sent = |notice: &super::ShownNotice| notice.sent_at.is_some();
        if site.pages.iter().any(|page| page.page.front.publish == Publish::Sent && page.notices.iter().any(is_sent)) {
            ours.push((FEED, Target::Feed));
        }
        if site.pages.iter().any(|page| page.changed.is_some()) {
            ours.push((CHANGES, Target::Changes));
        }
    }
    for (route, target) in ours {
        if taken.add(route) {
            routes.insert(route.to_owned(), target);
        }
    }
}
