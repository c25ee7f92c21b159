//! Rendering: one route of the site to the bytes of its file. A pure function, used by `build` and `serve` alike.

pub(crate) mod body;
mod feed;
mod frame;
mod hosting;
mod paper;
mod plan;
mod sheet;
mod sitemap;
mod summary;
mod toc;

pub use frame::Frame;
pub use hosting::{HEADERS, POLICY_WITHIN};
pub use plan::calendar;

use crate::site::{Site, Target};
use crate::source::RelPath;
use crate::status;
use crate::text::address::encode_path;

/// The content of a route.
#[derive(Debug, PartialEq)]
pub enum Rendered {
    Bytes(Vec<u8>),
    /// A file to be copied as it is.
    File(RelPath),
}

impl Frame<'_> {
    /// Renders a route. A fault of the theme's templates is the error.
    pub fn render(&self, route: &str) -> Result<Rendered, tera::Error> {
        let Frame { site, theme, .. } = *self;
        let Some(target) = site.routes.get(route) else {
            return Err(tera::Error::message(format!("there is no `{route}`")));
        };
        let text = match target {
            Target::Page(index) => self.page(&site.pages[*index])?,
            Target::Section(index) => self.section(&site.sections[*index])?,
            Target::NotFound => self.not_found()?,
            Target::Redirect(index) => hosting::redirect(site, theme, &site.redirects[*index])?,
            Target::Sitemap => sitemap::sitemap(site, theme)?,
            Target::Robots => sitemap::robots(site, theme)?,
            Target::Feed => feed::notices(site, theme)?,
            Target::Changes => feed::changes(site, theme)?,
            Target::Headers => hosting::headers(site, theme),
            Target::Redirects => hosting::redirects(site),
            Target::NoJekyll => String::new(),
            Target::Asset(path) => return Ok(Rendered::File(path.clone())),
            Target::Static(name) => return Ok(Rendered::Bytes(theme.statics.get(name).cloned().unwrap_or_default())),
            Target::Calendar(index) => calendar(site, &site.pages[*index]),
            Target::Worker => sheet::worker(site, theme),
            Target::BadgeSvg => site.status.as_ref().map(|overview| status::badge_svg(overview, site.languages.site())).unwrap_or_default(),
            Target::BadgeJson => site.status.as_ref().map(status::badge_json).unwrap_or_default(),
            Target::Marker => "This folder is written by runsheet. Anything else put here is lost at the next build.\n".to_owned(),
        };
        Ok(Rendered::Bytes(text.into_bytes()))
    }
}

/// The template for a route, if it uses one.
pub fn template_of(site: &Site, route: &str) -> Option<&'static str> {
    match site.routes.get(route)? {
        Target::Page(index) => Some(frame::template(&site.pages[*index]).0),
        Target::Section(_) => Some("section.html"),
        Target::NotFound => Some("404.html"),
        _ => None,
    }
}

/// The relative path from a route to the top of the site.
fn root_of(route: &str) -> String {
    "../".repeat(route.matches('/').count())
}

/// The path of the site on its host; ends with `/`.
fn base_path(base_url: &str) -> String {
    let after_host = base_url.split_once("://").map_or("", |(_, rest)| rest);
    after_host.find('/').map_or_else(|| "/".to_owned(), |at| after_host[at..].to_owned())
}

fn canonical(site: &Site, route: &str) -> Option<String> {
    (!site.config.site.base_url.is_empty()).then(|| absolute(site, route))
}

/// The full address of a route. `None` without `base_url`.
fn absolute(site: &Site, route: &str) -> String {
    let base_url = &site.config.site.base_url;
    let base = base_path(base_url);
    format!("{}{}", &base_url[..base_url.len() - base.len()], path_on_host(&base, route))
}

/// The path of a route on its host; for a folder, without its file's name.
fn path_on_host(base: &str, route: &str) -> String {
    let folder = route.strip_suffix("index.html").filter(|rest| rest.is_empty() || rest.ends_with('/'));
    encode_path(format!("{base}{}", folder.unwrap_or(route)))
}
