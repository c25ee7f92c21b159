//! Aliases: old addresses of pages, each of which redirects to its page's present address.

use std::collections::BTreeMap;

use super::reserved;
use super::taken::{Taken, folded};
use super::{LONGEST_NAME, Route, SitePage, Target};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::link;
use crate::rule;

/// An old address and its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub from: Route,
    /// The page's number.
    pub to: usize,
}

/// Gives every alias of the pages its address, and reports impossible ones.
pub fn add(routes: &mut BTreeMap<Route, Target>, taken: &mut Taken, pages: &[SitePage], diagnostics: &mut Diagnostics) -> Vec<Redirect> {
    let mut redirects: Vec<Redirect> = Vec::new();
    for (to, page) in pages.iter().enumerate() {
        for alias in &page.page.front.aliases {
            let path = &page.page.path;
            let from = match route(&alias.value) {
                Ok(from) => from,
                Err((message, help)) => {
                    diagnostics.push(Diagnostic::new(rule::BAD_ALIAS, message).at(path, alias.span.clone()).help(help));
                    continue;
                }
            };
            if let Some((address, what)) = reserved::kept_for(&from) {
                let message = format!("the alias `{from}` is not available: `{address}` is reserved for {what}");
                let diagnostic = Diagnostic::new(rule::PATH_COLLISION, message).at(path, alias.span.clone());
                diagnostics.push(diagnostic.help("remove the alias, or choose another address"));
                continue;
            }
            if !taken.add(&from) {
                let message = format!("the alias `{from}` {}", owner(routes, pages, &redirects, &from));
                let diagnostic = Diagnostic::new(rule::PATH_COLLISION, message).at(path, alias.span.clone());
                diagnostics.push(diagnostic.help("remove the alias: an address can lead to only one page"));
                continue;
            }
            routes.insert(from.clone(), Target::Redirect(redirects.len()));
            redirects.push(Redirect { from, to });
        }
    }
    redirects
}

/// Why an address is taken.
fn owner(routes: &BTreeMap<Route, Target>, pages: &[SitePage], redirects: &[Redirect], from: &str) -> String {
    let from = folded(from);
    let found = routes.iter().find(|(route, _)| folded(route) == from).map(|(_, target)| target);
    match found {
        Some(Target::Page(index)) => format!("is the address of {}", pages[*index].page.path),
        Some(Target::Redirect(index)) => format!("is already an alias of {}", pages[redirects[*index].to].page.path),
        Some(Target::Section(_)) => "is the page of a folder".to_owned(),
        Some(_) => "is a file of the site".to_owned(),
        None => "would be both a file and a folder".to_owned(),
    }
}

/// The route of an alias; otherwise what is wrong with it, and help.
pub fn route(alias: &str) -> Result<Route, (String, String)> {
    let fault = |wrong: &str, help: &str| Err((format!("the alias `{alias}` {wrong}"), help.to_owned()));
    if alias.contains(['?', '#']) {
        return fault("has a query or a fragment", "write only the path: a static site distinguishes addresses by their paths");
    }
    let link::Target::Internal { path, .. } = link::classify(alias) else {
        return fault("is not a path on this site", "write it from the root of the site, such as `/old/page.html`");
    };
    let path = path.strip_prefix('/').unwrap_or(&path);
    let parts: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    if parts.contains(&"..") {
        return fault("leads out of the site", "write it from the root of the site, without `..`");
    }
    let is_plain = |part: &&str| !part.starts_with('.') && part.len() <= LONGEST_NAME && !part.chars().any(is_odd);
    if !path.is_empty() && !parts.iter().all(|part| !part.is_empty() && is_plain(part)) {
        return fault("can't be an address", "separate names with a single `/`, without a leading `.` or control characters");
    }
    let name = parts.last().copied().unwrap_or_default();
    if path.is_empty() || path.ends_with('/') {
        return Ok(format!("{path}index.html"));
    }
    if name.to_ascii_lowercase().ends_with(".html") {
        return Ok(path.to_owned());
    }
    if name.contains('.') {
        return fault("is not the address of a page", "end it in `.html` or `/`: hosts would not show other files as pages");
    }
    Ok(format!("{path}/index.html"))
}

fn is_odd(c: char) -> bool {
    crate::text::acts_on_screen(c) || matches!(c, '\\' | '?' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_paths_of_pages() {
        let check = |alias: &str, expected: &str| {
            let found = route(alias)
                .unwrap_or_else(|(message, _)| message.rsplit_once("` ").map_or(message.clone(), |(_, wrong)| wrong.to_owned()));
            assert_eq!(found, expected, "{alias:?}");
        };
        check("/old/page.html", "old/page.html");
        check("old.html", "old.html");
        check("OLD.HTML", "OLD.HTML");
        check("old/", "old/index.html");
        check("old", "old/index.html");
        check("/", "index.html");
        check("alte%20Seite.html", "alte Seite.html");
        check("köln.html", "köln.html");
        check("2.0/", "2.0/index.html");
        check("../up.html", "leads out of the site");
        check("a/%2e%2e/b.html", "leads out of the site");
        check("https://a.example/old.html", "is not a path on this site");
        check("//a.example/old.html", "is not a path on this site");
        check("javascript:x", "is not a path on this site");
        check("old.html?x=1", "has a query or a fragment");
        check("old.html#x", "has a query or a fragment");
        check("a%3Fb.html", "can't be an address");
        check("a//b.html", "can't be an address");
        check("./a.html", "can't be an address");
        check(".git/", "can't be an address");
        check("a\\..\\b.html", "can't be an address");
        check("a%00.html", "can't be an address");
        check(&format!("{}/", "x".repeat(300)), "can't be an address");
        check("old.php", "is not the address of a page");
        check("_headers.txt", "is not the address of a page");
        check("_redirects", "_redirects/index.html");
    }
}
