//! Files for search engines: the site map, and where to find it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use tera::Context;

use super::absolute;
use crate::project::CONTENT;
use crate::site::{SITEMAP, Site, Target};
use crate::theme::Theme;

/// Every page with its address and the day of its last change. Redirects and the page for missing addresses are left out.
pub fn sitemap(site: &Site, theme: &Theme) -> Result<String, tera::Error> {
    let folders = changed_folders(site);
    let pages: Vec<Value> = site
        .routes
        .iter()
        .filter_map(|(route, target)| {
            let changed = match target {
                Target::Page(index) => site.pages[*index].changed,
                Target::Section(index) => folders.get(&*site.sections[*index].folder).copied(),
                _ => return None,
            };
            Some(json!({ "url": absolute(site, route), "changed": changed.map(|at| at.strftime("%Y-%m-%d").to_string()) }))
        })
        .collect();
    let mut context = Context::new();
    context.insert("pages", &pages);
    theme.render("sitemap.xml", &context)
}

/// The last change of each folder below `content/`: its list changes with its content, at any depth.
fn changed_folders(site: &Site) -> BTreeMap<&str, Timestamp> {
    let mut folders = BTreeMap::new();
    for page in &site.pages {
        let below = page.page.path.as_str().strip_prefix(CONTENT).and_then(|path| path.strip_prefix('/'));
        let (Some(path), Some(changed)) = (below, page.changed) else { continue };
        for (end, _) in path.match_indices('/') {
            let newest = folders.entry(&path[..end]).or_insert(changed);
            *newest = changed.max(*newest);
        }
    }
    folders
}

pub fn robots(site: &Site, theme: &Theme) -> Result<String, tera::Error> {
    let mut context = Context::new();
    context.insert("sitemap", &absolute(site, SITEMAP));
    theme.render("robots.txt", &context)
}
