//! Rules for the hosts of static sites: headers, redirects, and the pages at old addresses.

use serde_json::json;
use tera::Context;

use super::frame::insert_words;
use super::{base_path, canonical, path_on_host, root_of};
use crate::site::{Redirect, Site, Target};
use crate::text::address::encode_path;
use crate::theme::Theme;

/// What a page may load: its own site and nothing else.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'";

/// The same as a `<meta>`, for hosts that don't send our headers. Only a header can restrict framing. In some browsers, a page opened
/// from disk has no origin, so its files are allowed explicitly; pages from elsewhere cannot load files anyway.
pub const POLICY_WITHIN: &str =
    "default-src 'self' file:; img-src 'self' file: data:; base-uri 'none'; form-action 'none'; object-src 'none'";

/// The headers of every answer.
pub const HEADERS: [(&str, &str); 6] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    (RESOURCE_POLICY, "same-origin"),
];

/// Which origins may load a file (Fetch §3.7).
const RESOURCE_POLICY: &str = "Cross-Origin-Resource-Policy";

/// For files whose names change with their content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// `_headers`, as Netlify and Cloudflare Pages read it.
pub fn headers(site: &Site, theme: &Theme) -> String {
    let base = encode_path(base_path(&site.config.site.base_url));
    let mut text = format!("{base}*\n");
    for (name, value) in HEADERS {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    // Mails and READMEs elsewhere show the badge. Hosts join two values of one header with a comma, and browsers ignore a value like that.
    if site.status.is_some() {
        text.push_str(&format!("{base}status/badge.svg\n  {RESOURCE_POLICY}: cross-origin\n"));
    }
    for route in immutable(site, theme) {
        text.push_str(&format!("{base}{route}\n  Cache-Control: {FOR_EVER}\n"));
    }
    text
}

/// Paths of files that may be cached forever: `assets/*`, unless it contains a file whose name does not depend on its content.
fn immutable(site: &Site, theme: &Theme) -> Vec<String> {
    let is_hashed = |target: &Target| matches!(target, Target::Static(_));
    let assets: Vec<(&String, &Target)> = site.routes.iter().filter(|(route, _)| route.starts_with("assets/")).collect();
    if assets.iter().all(|(_, target)| is_hashed(target)) {
        return vec!["assets/*".to_owned()];
    }
    theme.statics.keys().filter(|route| site.routes.contains_key(*route)).map(|route| encode_path(route.clone())).collect()
}

/// `_redirects`, as Netlify and Cloudflare Pages read it. A folder is listed with and without its `/`.
///
/// Cloudflare shows `x.html` at `/x`, so if both exist, `/x` is not redirected: that would be a loop.
pub fn redirects(site: &Site) -> String {
    let base = base_path(&site.config.site.base_url);
    let mut text = String::new();
    for Redirect { from, to } in &site.redirects {
        let to = path_on_host(&base, &site.pages[*to].route);
        text.push_str(&format!("{} {to} 301\n", path_on_host(&base, from)));
        if let Some(folder) = from.strip_suffix("/index.html").filter(|folder| !site.routes.contains_key(&format!("{folder}.html"))) {
            text.push_str(&format!("{} {to} 301\n", encode_path(format!("{base}{folder}"))));
        }
    }
    text
}

/// The page at an old address.
pub fn redirect(site: &Site, theme: &Theme, redirect: &Redirect) -> Result<String, tera::Error> {
    let page = &site.pages[redirect.to];
    let mut context = Context::new();
    let config = &site.config.site;
    context.insert("site", &json!({ "title": config.title, "policy": POLICY_WITHIN }));
    context.insert(
        "page",
        &json!({
            "title": page.page.title,
            "language": page.page.language.attributes(),
            "url": format!("{}{}", root_of(&redirect.from), encode_path(&page.route)),
            "canonical": canonical(site, &page.route),
        }),
    );
    insert_words(&mut context, &page.page.language);
    theme.render("redirect.html", &context)
}
