//! Rendering: one route of the site to the bytes of its file. A pure function, used by `build` and `serve` alike.

mod paper;
mod plan;
mod sheet;

pub use plan::calendar;

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;
use tera::Context;

use crate::config::Mode;
use crate::page::html::escape;
use crate::page::{Heading, Hole, Kind, Publish};
use crate::schedule::{Place, moment};
use crate::site::{Section, Site, SitePage, Target};
use crate::source::RelPath;
use crate::status;
use crate::theme::Theme;

/// What a route holds.
#[derive(Debug, PartialEq)]
pub enum Rendered {
    Bytes(Vec<u8>),
    /// A file to be copied as it is.
    File(RelPath),
}

/// Renders a route. A fault of the theme's templates is the error.
pub fn render(site: &Site, theme: &Theme, route: &str) -> Result<Rendered, tera::Error> {
    let Some(target) = site.routes.get(route) else {
        return Err(tera::Error::message(format!("there is no `{route}`")));
    };
    let text = match target {
        Target::Page(index) => page(site, theme, &site.pages[*index])?,
        Target::Section(index) => section(site, theme, &site.sections[*index])?,
        Target::NotFound => not_found(site, theme)?,
        Target::Asset(path) => return Ok(Rendered::File(path.clone())),
        Target::Static(name) => return Ok(Rendered::Bytes(theme.statics.get(name).cloned().unwrap_or_default())),
        Target::Calendar(index) => calendar(site, &site.pages[*index]),
        Target::Worker => sheet::worker(site, theme),
        Target::BadgeSvg => site.status.as_ref().map(status::badge_svg).unwrap_or_default(),
        Target::BadgeJson => site.status.as_ref().map(status::badge_json).unwrap_or_default(),
        Target::Marker => "This folder is written by runsheet. Whatever else is put here is lost at the next build.\n".to_owned(),
    };
    Ok(Rendered::Bytes(text.into_bytes()))
}

/// Where the body of a page goes: it is put in after the template is rendered, so that it is never copied into one.
const BODY_MARK: &str = "\u{F8FF}body\u{F8FF}";

/// The template that makes a route, if one does.
pub fn template_of(site: &Site, route: &str) -> Option<&'static str> {
    match site.routes.get(route)? {
        Target::Page(index) => Some(template(&site.pages[*index]).0),
        Target::Section(_) => Some("section.html"),
        Target::NotFound => Some("404.html"),
        _ => None,
    }
}

/// The template of a page, and what it calls such a page.
fn template(page: &SitePage) -> (&'static str, &'static str) {
    match page.page.kind {
        _ if page.route == "index.html" => ("home.html", "home"),
        Kind::Checklist => ("checklist.html", "checklist"),
        Kind::Notices | Kind::Notice => ("notices.html", "notices"),
        Kind::Page if page.route.ends_with("index.html") => ("section.html", "section"),
        Kind::Page => ("page.html", "page"),
    }
}

fn page(site: &Site, theme: &Theme, page: &SitePage) -> Result<String, tera::Error> {
    let root = root_of(&page.route);
    let is_home = page.route == "index.html";
    let is_index = page.route.ends_with("index.html");
    let (template, kind) = template(page);
    let mut context = base(site, theme, &page.route, &root)?;
    let front = &page.page.front;
    let (previous, next) = if is_index { (None, None) } else { site.neighbours(&page.route) };
    let mut title = String::new();
    escape(&page.page.title, &mut title);
    context.insert(
        "page",
        &json!({
            "title": page.page.title,
            "heading": page.page.title_html.as_ref().unwrap_or(&title),
            "anchor": page.page.headings.first().filter(|heading| heading.level == 1).map(|heading| &heading.anchor),
            "url": page.route,
            "description": front.description.clone().unwrap_or_default(),
            "kind": kind,
            "source": page.page.path.as_str(),
            "edit_url": site.config.site.repository.as_ref().map(|url| format!("{url}/edit/HEAD/{}", page.page.path)),
            "canonical": canonical(site, &page.route),
            "owner": front.owner,
            "reviewed": front.reviewed.map(|date| date.strftime("%-d %B %Y").to_string()),
            "toc": toc(&page.page.headings),
            "breadcrumbs": site.breadcrumbs(&page.route),
            "children": if is_index && !is_home { children(site, &page.route) } else { Vec::new() },
            "next": next,
            "previous": previous,
        }),
    );
    if page.page.kind == Kind::Checklist {
        let event = site.event(page.event.as_deref());
        context.insert("event", &sheet::event_context(event));
        context.insert("sheet", &sheet::context(site, page, event, &root));
    }
    let html = theme.render(template, &context)?;
    Ok(html.replace(BODY_MARK, &body(site, page, &root)))
}

/// What every page knows.
fn base(site: &Site, theme: &Theme, route: &str, root: &str) -> Result<Context, tera::Error> {
    let mut context = Context::new();
    let config = &site.config.site;
    context.insert(
        "site",
        &json!({
            "title": config.title, "description": config.description, "language": config.language,
            "base_url": config.base_url, "repository": config.repository,
        }),
    );
    context.insert("root", root);
    context.insert("base_path", &base_path(&config.base_url));
    context.insert(
        "assets",
        &json!({
            "css": theme.asset("site.css"), "js": theme.asset("site.js"), "icon": theme.asset("icon.svg"), "all": theme.assets_by_name(),
        }),
    );
    let rehearsal = site.config.event(None).filter(|event| event.mode == Mode::Rehearsal).map(|event| &event.name);
    context.insert("rehearsal", &rehearsal);
    let built_at = site.built_at.map(|at| {
        let at = at.to_zoned(TimeZone::UTC);
        json!({ "iso": moment::datetime_attribute(&at), "text": moment::long(&at) })
    });
    context.insert("built_at", &built_at);
    context.insert("status", &site.status.as_ref().map(|overview| status_context(overview, root)));
    let mut nav = Context::new();
    nav.insert("items", &site.entries(route));
    nav.insert("root", root);
    context.insert("nav", &theme.render("nav.html", &nav)?);
    context.insert("content", BODY_MARK);
    context.insert("event", &Option::<()>::None);
    context.insert("sheet", &Option::<()>::None);
    Ok(context)
}

fn status_context(overview: &status::Overview, root: &str) -> serde_json::Value {
    let as_of = overview.as_of.map(|at| at.to_zoned(TimeZone::UTC));
    json!({
        "state": overview.state.to_string(),
        "headline": overview.headline,
        "as_of_iso": as_of.as_ref().map(moment::datetime_attribute),
        "as_of_text": overview.as_of.map(moment::utc),
        "stale": overview.is_stale && overview.as_of.is_some(),
        "stale_after_seconds": overview.stale_after_seconds,
        "page_url": overview.page_url.clone().unwrap_or_else(|| format!("{root}status/badge.svg")),
    })
}

fn section(site: &Site, theme: &Theme, section: &Section) -> Result<String, tera::Error> {
    let root = root_of(&section.route);
    let mut context = base(site, theme, &section.route, &root)?;
    let title = if section.folder.is_empty() { &site.config.site.title } else { &section.title };
    context.insert("page", &plain_page(site, title, &section.route, children(site, &section.route)));
    Ok(theme.render("section.html", &context)?.replace(BODY_MARK, ""))
}

fn not_found(site: &Site, theme: &Theme) -> Result<String, tera::Error> {
    let root = base_path(&site.config.site.base_url);
    let mut context = base(site, theme, "404.html", &root)?;
    context.insert("page", &plain_page(site, "Page not found", "404.html", Vec::new()));
    Ok(theme.render("404.html", &context)?.replace(BODY_MARK, ""))
}

/// A page that no file stands for.
fn plain_page(site: &Site, title: &str, route: &str, children: Vec<Child>) -> serde_json::Value {
    let mut heading = String::new();
    escape(title, &mut heading);
    let breadcrumbs = if route == "404.html" { Vec::new() } else { site.breadcrumbs(route) };
    json!({
        "title": title, "heading": heading, "anchor": null, "url": route, "description": "", "kind": "section", "source": null,
        "edit_url": null, "canonical": canonical(site, route), "owner": null, "reviewed": null, "toc": [],
        "breadcrumbs": breadcrumbs, "children": children, "next": null, "previous": null,
    })
}

#[derive(Serialize)]
struct Child {
    title: String,
    description: String,
    url: String,
}

/// The pages and folders directly below a folder's page.
fn children(site: &Site, route: &str) -> Vec<Child> {
    let Some(section) = site.sections.iter().find(|section| section.route == route) else { return Vec::new() };
    let mut children: Vec<((i64, String), Child)> = Vec::new();
    for index in &section.pages {
        let page = &site.pages[*index];
        if page.page.front.nav == Some(false) {
            continue;
        }
        let description = page.page.front.description.clone().unwrap_or_default();
        let child = Child { title: page.page.title.clone(), description, url: page.route.clone() };
        children.push(((page.page.front.weight, page.page.title.clone()), child));
    }
    for below in site.sections_below(&section.folder) {
        let description = below.index.and_then(|index| site.pages[index].page.front.description.clone()).unwrap_or_default();
        let child = Child { title: below.title.clone(), description, url: below.route.clone() };
        children.push(((below.weight, below.title.clone()), child));
    }
    children.sort_by(|a, b| a.0.cmp(&b.0));
    children.into_iter().map(|(_, child)| child).collect()
}

/// The way from a route to the top of the site.
fn root_of(route: &str) -> String {
    "../".repeat(route.matches('/').count())
}

/// The path of the site on its host; ends with `/`.
fn base_path(base_url: &str) -> String {
    let after_host = base_url.split_once("://").map_or("", |(_, rest)| rest);
    after_host.find('/').map_or_else(|| "/".to_owned(), |at| after_host[at..].to_owned())
}

fn canonical(site: &Site, route: &str) -> Option<String> {
    let base_url = &site.config.site.base_url;
    let route = route.strip_suffix("index.html").unwrap_or(route);
    (!base_url.is_empty()).then(|| crate::page::link::encode(&format!("{base_url}{route}")))
}

fn body(site: &Site, page: &SitePage, root: &str) -> String {
    let mut html = page.page.body.fill(|hole, html| match hole {
        Hole::Link(number) => {
            let Some(address) = page.links.get(number).cloned().flatten() else { return };
            // A place on the same page is reached without its file's name.
            if let Some(fragment) = address.strip_prefix(&page.route).filter(|rest| rest.starts_with('#')) {
                return escape(fragment, html);
            }
            if !address.starts_with("https://") && !address.starts_with("http://") {
                html.push_str(root);
            }
            escape(&address, html);
        }
        Hole::When(heading) => sheet::when(site, page, heading, html),
        Hole::Rounds(list) => sheet::rounds(page, list, html),
        Hole::PlanHead => html.push_str(paper::HEAD),
        Hole::Plan(item) => paper::plan(page, item, site.event(page.event.as_deref()), html),
    });
    if page.page.kind == Kind::Checklist {
        html = paper::with_link_notes(html);
    }
    for notice in &page.notices {
        let flag = match page.page.front.publish {
            Publish::Template => "Template, shown with sample values",
            Publish::Sent | Publish::Never => "Sent, shown as the sample recipient gets it",
        };
        // The title of a notice that is a page stands above it already.
        if page.page.kind == Kind::Notice {
            html.push_str("<article class=\"notice\">");
        } else {
            html.push_str("<article class=\"notice\" id=\"");
            escape(&notice.anchor, &mut html);
            html.push_str("\"><h2>");
            escape(&notice.title, &mut html);
            html.push_str("</h2>\n");
        }
        html.push_str(&format!("<p class=\"notice-flag\">{flag}</p>\n<dl class=\"notice-head\"><dt>Subject</dt><dd>"));
        escape(&notice.subject, &mut html);
        html.push_str("</dd><dt>Name</dt><dd><code>");
        escape(&notice.name, &mut html);
        html.push_str("</code></dd></dl>\n<div class=\"notice-body\">\n");
        let scroller = "<div class=\"table-scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table>";
        html.push_str(&notice.html.replace("<table>", scroller).replace("</table>", "</table></div>"));
        html.push_str("</div></article>\n");
    }
    html
}

#[derive(Serialize)]
struct TocEntry {
    title: String,
    anchor: String,
    level: u8,
    children: Vec<TocEntry>,
}

/// Headings of the second and third level, the third below the second.
fn toc(headings: &[Heading]) -> Vec<TocEntry> {
    let mut entries: Vec<TocEntry> = Vec::new();
    for heading in headings.iter().filter(|heading| matches!(heading.level, 2 | 3)) {
        // What stands in the final parenthesis is shown below the heading.
        let title = match &heading.timing {
            Some(timing) if timing.place == Place::Trailing => timing.label.clone(),
            _ => heading.text.clone(),
        };
        let entry = TocEntry { title, anchor: heading.anchor.clone(), level: heading.level, children: Vec::new() };
        match entries.last_mut() {
            Some(parent) if heading.level == 3 => parent.children.push(entry),
            _ => entries.push(entry),
        }
    }
    // A list of one says nothing.
    if entries.len() == 1 && entries[0].children.is_empty() {
        entries.clear();
    }
    entries
}
