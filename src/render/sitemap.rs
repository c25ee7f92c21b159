//! What search engines read: the map of the site, and where it is.

use serde_json::{Value, json};
use tera::Context;

use super::absolute;
use crate::project::CONTENT;
use crate::site::{SITEMAP, Site, Target};
use crate::theme::Theme;

/// Every page with its address and the day of its last change. What leads elsewhere and what is missing are no pages.
pub fn sitemap(site: &Site, theme: &Theme) -> Result<String, tera::Error> {
    let pages: Vec<Value> = site
        .routes
        .iter()
        .filter_map(|(route, target)| {
            let changed = match target {
                Target::Page(index) => site.pages[*index].changed,
                // The list of a folder changes with what is in it.
                Target::Section(index) => {
                    let folder = format!("{CONTENT}/{}/", site.sections[*index].folder);
                    site.pages.iter().filter(|page| page.page.path.as_str().starts_with(&folder)).filter_map(|page| page.changed).max()
                }
                _ => return None,
            };
            Some(json!({ "url": absolute(site, route), "changed": changed.map(|at| at.strftime("%Y-%m-%d").to_string()) }))
        })
        .collect();
    let mut context = Context::new();
    context.insert("pages", &pages);
    theme.render("sitemap.xml", &context)
}

pub fn robots(site: &Site, theme: &Theme) -> Result<String, tera::Error> {
    let mut context = Context::new();
    context.insert("sitemap", &absolute(site, SITEMAP));
    theme.render("robots.txt", &context)
}
