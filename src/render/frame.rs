//! The data for templates: the frame that all pages share, and the page itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;
use tera::{Context, Value};

use super::toc::{TocEntry, toc};
use super::{POLICY_WITHIN, base_path, body, canonical, feed, root_of, sheet, summary};
use crate::config::{Destination, Mode};
use crate::language::Language;
use crate::page::{Hole, Kind, link};
use crate::schedule::moment;
use crate::site::{Crumb, Section, Site, SitePage, nav};
use crate::status;
use crate::text::html::{escape, escaped};
use crate::theme::Theme;

/// Marks for the page body and the sidebar: they are inserted after the template is rendered, so that they are never copied through it.
const BODY_MARK: &str = "\u{F8FF}body\u{F8FF}";
const NAV_MARK: &str = "\u{F8FF}nav\u{F8FF}";
/// The relative path to the top of the site, while it is unknown.
const ROOT_MARK: &str = "\u{F8FF}root\u{F8FF}";

/// What the pages of a site share, built once.
pub struct Frame<'a> {
    pub(super) site: &'a Site,
    pub(super) theme: &'a Theme,
    /// What is the same on every page of a language, by its tag.
    shared: BTreeMap<String, Context>,
    /// The sidebar of each folder, without marking a current page.
    sidebars: BTreeMap<&'a str, String>,
    /// The path of the site on its host.
    base: String,
}

/// The variable `page` in templates.
#[derive(Default, Serialize)]
struct PageContext<'a> {
    title: &'a str,
    /// The attributes that name its language.
    language: String,
    heading: String,
    anchor: Option<&'a str>,
    url: &'a str,
    description: &'a str,
    kind: &'a str,
    source: Option<&'a str>,
    edit_url: Option<String>,
    canonical: Option<String>,
    owner: Option<&'a str>,
    reviewed: Option<String>,
    changed: Option<Day>,
    overdue: Option<Day>,
    summary: String,
    toc: Vec<TocEntry>,
    breadcrumbs: Vec<Crumb>,
    children: Vec<Child>,
    next: Option<Crumb>,
    previous: Option<Crumb>,
}

#[derive(Serialize)]
struct Day {
    iso: String,
    text: String,
}

impl Day {
    fn new(date: jiff::civil::Date, language: &Language) -> Day {
        Day { iso: date.to_string(), text: language.long_day(date) }
    }
}

impl<'a> Frame<'a> {
    /// The frame for a few pages: their sidebars are built as needed.
    pub fn new(site: &'a Site, theme: &'a Theme) -> Frame<'a> {
        let languages = site.pages.iter().map(|page| &page.page.language).chain([site.languages.site()]);
        let languages: BTreeMap<&str, &Language> = languages.map(|language| (language.tag(), language)).collect();
        let shared = languages.into_iter().map(|(tag, language)| (tag.to_owned(), shared(site, theme, language))).collect();
        Frame { site, theme, shared, sidebars: BTreeMap::new(), base: base_path(&site.config.site.base_url) }
    }

    /// The frame of a site shown at the root of its host, wherever it will be published.
    pub fn at_root(mut self) -> Frame<'a> {
        "/".clone_into(&mut self.base);
        self.shared.values_mut().for_each(|context| context.insert("base_path", "/"));
        self
    }

    /// The frame for all pages: each folder's sidebar is built once.
    pub fn with_sidebars(site: &'a Site, theme: &'a Theme) -> Frame<'a> {
        let mut frame = Frame::new(site, theme);
        let made = site.sections.iter().filter_map(|section| {
            // A failing template is reported with each page that needs it.
            let sidebar = frame.sidebar(&section.folder, &root_of(&section.route)).ok()?;
            Some((section.folder.as_str(), sidebar))
        });
        frame.sidebars = made.collect();
        frame
    }

    fn sidebar(&self, folder: &str, root: &str) -> Result<String, tera::Error> {
        let mut context = Context::new();
        context.insert("items", &self.site.entries(folder));
        context.insert("root", root);
        self.theme.render("nav.html", &context)
    }

    /// Variables of every page.
    fn context(&self, root: &str, language: &Language) -> Context {
        let mut context = self.shared.get(language.tag()).cloned().unwrap_or_default();
        context.insert("root", root);
        if let Some(overview) = &self.site.status {
            context.insert("status", &status_context(overview, root, language));
        }
        context
    }

    /// A page rendered by a template, with its sidebar and its body.
    fn whole(&self, template: &str, context: &Context, route: &str, root: &str, body: &str) -> Result<String, tera::Error> {
        let html = self.theme.render(template, context)?;
        let folder = self.site.folder(route);
        let known = self.sidebars.get(folder).filter(|_| root == root_of(route));
        let sidebar = match known {
            Some(sidebar) => Cow::Borrowed(sidebar),
            None => Cow::Owned(self.sidebar(folder, root)?),
        };
        Ok(with_parts(&html, &[(NAV_MARK, &with_current(&sidebar, root, route)), (BODY_MARK, &[body]), (ROOT_MARK, &[&escaped(root)])]))
    }

    pub fn page(&self, page: &SitePage) -> Result<String, tera::Error> {
        let site = self.site;
        let root = root_of(&page.route);
        let language = &page.page.language;
        let is_home = page.route == "index.html";
        let is_index = page.route.ends_with("index.html");
        let (template, kind) = template(page);
        let front = &page.page.front;
        let (previous, next) = if is_index { (None, None) } else { site.neighbours(&page.route) };
        let mut context = self.context(&root, language);
        context.insert(
            "page",
            &PageContext {
                title: &page.page.title,
                language: language.attributes(),
                heading: page.page.title_html.clone().unwrap_or_else(|| escaped(&page.page.title)),
                anchor: page.page.title_html.as_ref().and_then(|_| Some(page.page.headings.first()?.anchor.as_str())),
                url: &page.route,
                description: front.description.as_deref().unwrap_or_default(),
                kind,
                source: Some(page.page.path.as_str()),
                edit_url: site.edit_url(&page.page.path),
                canonical: canonical(site, &page.route),
                owner: front.owner.as_deref(),
                reviewed: front.reviewed.map(|date| language.long_day(date)),
                changed: page.changed.map(|at| Day::new(at.to_zoned(TimeZone::UTC).date(), language)),
                overdue: page.overdue_since.map(|date| Day::new(date, language)),
                summary: summary::of(page).unwrap_or_default(),
                toc: toc(page.headings()),
                breadcrumbs: site.breadcrumbs(&page.route, language),
                children: if is_index && !is_home { children(site, &page.route, language) } else { Vec::new() },
                next,
                previous,
            },
        );
        if page.page.kind == Kind::RunSheet {
            let event = site.event(page.event.as_deref());
            context.insert("event", &sheet::event_context(event, language));
            context.insert("sheet", &sheet::context(site, page, event, &root));
        }
        self.whole(template, &context, &page.route, &root, &body::body(site, page, &root))
    }

    pub fn section(&self, section: &Section) -> Result<String, tera::Error> {
        let title = if section.folder.is_empty() { &self.site.config.site.title } else { &section.title };
        let page = PageContext {
            breadcrumbs: self.site.breadcrumbs(&section.route, self.site.languages.site()),
            children: children(self.site, &section.route, self.site.languages.site()),
            ..self.plain(title, &section.route)
        };
        self.plain_page("section.html", &root_of(&section.route), page)
    }

    pub fn not_found(&self) -> Result<String, tera::Error> {
        // It is shown at any address, so it has none of its own.
        let page = PageContext {
            kind: "not-found",
            canonical: None,
            ..self.plain(self.site.languages.site().text("frame.not_found"), "404.html")
        };
        self.plain_page("404.html", &self.base, page)
    }

    /// A page without a source file.
    fn plain_page(&self, template: &str, root: &str, page: PageContext) -> Result<String, tera::Error> {
        let mut context = self.context(root, self.site.languages.site());
        context.insert("page", &page);
        self.whole(template, &context, page.url, root, "")
    }

    fn plain<'p>(&self, title: &'p str, route: &'p str) -> PageContext<'p> {
        PageContext {
            title,
            language: self.site.languages.site().attributes(),
            heading: escaped(title),
            url: route,
            kind: "section",
            canonical: canonical(self.site, route),
            ..PageContext::default()
        }
    }
}

/// The template of a page, and its name for the kind of page.
pub fn template(page: &SitePage) -> (&'static str, &'static str) {
    match page.page.kind {
        _ if page.route == "index.html" => ("home.html", "home"),
        Kind::RunSheet => ("checklist.html", "checklist"),
        Kind::Notices | Kind::Notice => ("notices.html", "notices"),
        Kind::Page if page.route.ends_with("index.html") => ("section.html", "section"),
        Kind::Page => ("page.html", "page"),
    }
}

/// The page with its marks replaced, wherever the template has put them.
fn with_parts(html: &str, known: &[(&str, &[&str])]) -> String {
    let length: usize = known.iter().flat_map(|(_, parts)| *parts).map(|part| part.len()).sum();
    let mut whole = String::with_capacity(html.len() + length);
    let mut from = 0;
    for at in memchr::memmem::find_iter(html.as_bytes(), "\u{F8FF}") {
        let found = known.iter().find(|(mark, _)| html[at..].starts_with(mark));
        if let Some((mark, parts)) = found.filter(|_| at >= from) {
            whole.push_str(&html[from..at]);
            whole.extend(parts.iter().copied());
            from = at + mark.len();
        }
    }
    whole.push_str(&html[from..]);
    whole
}

/// The sidebar in which the link to the page itself is marked as current, in parts.
fn with_current<'s>(sidebar: &'s str, root: &str, route: &str) -> [&'s str; 3] {
    let link = format!("href=\"{}\"", escaped(&format!("{root}{route}")));
    match memchr::memmem::find(sidebar.as_bytes(), link.as_bytes()) {
        Some(at) => [&sidebar[..at + link.len()], " aria-current=\"page\"", &sidebar[at + link.len()..]],
        None => [sidebar, "", ""],
    }
}

/// Values that are the same on every page.
fn shared(site: &Site, theme: &Theme, language: &Language) -> Context {
    let mut context = Context::new();
    insert_words(&mut context, language);
    let config = &site.config.site;
    context.insert(
        "site",
        &json!({
            "title": config.title, "description": config.description, "language": language.tag(),
            "mark": nav::mark(site.languages.site(), language),
            "base_url": config.base_url, "repository": config.repository, "search": config.search,
            "policy": POLICY_WITHIN,
        }),
    );
    context.insert("base_path", &base_path(&config.base_url));
    context.insert("feeds", &feed::links(site));
    context.insert(
        "assets",
        &json!({
            "css": theme.asset("site.css", language), "js": theme.asset("site.js", language), "icon": theme.asset("icon.svg", language),
            "all": theme.assets_in(language),
        }),
    );
    context.insert("look", &look_context(site));
    let rehearsal = site.config.event(None).filter(|event| event.mode == Mode::Rehearsal).map(|event| &event.name);
    context.insert("rehearsal", &rehearsal);
    let built_at = site.built_at.map(|at| {
        let at = at.to_zoned(TimeZone::UTC);
        json!({ "iso": moment::datetime_attribute(&at), "text": language.long(&at) })
    });
    context.insert("built_at", &built_at);
    context.insert("content", BODY_MARK);
    context.insert("nav", NAV_MARK);
    for absent in ["status", "event", "sheet"] {
        context.insert(absent, &Option::<()>::None);
    }
    context
}

/// Gives templates the words of a language: as HTML, as text for attributes, and what marks elements of each group.
pub fn insert_words(context: &mut Context, language: &Language) {
    let safe = |texts: BTreeMap<String, String>| texts.into_iter().map(|(key, html)| (key, Value::safe_string(&html))).collect();
    let words: BTreeMap<String, BTreeMap<String, Value>> =
        language.all_html().into_iter().map(|(group, texts)| (group, safe(texts))).collect();
    let marks: BTreeMap<String, Value> = language.all_marks().into_iter().map(|(group, mark)| (group, Value::safe_string(mark))).collect();
    context.insert_value("words", words.into());
    context.insert("plain", &language.all_plain());
    context.insert_value("marks", marks.into());
}

fn look_context(site: &Site) -> serde_json::Value {
    let look = &site.config.look;
    // Files outside `content/` are linked in the repository.
    let from_root = |address: &String| match address {
        whole if link::is_web(whole) || whole.starts_with('#') => whole.clone(),
        address => format!("{ROOT_MARK}{address}"),
    };
    let links = look.header.iter().zip(&site.look.header).filter_map(|(link, address)| {
        let url = match &link.to {
            Destination::Elsewhere(url) => url.clone(),
            Destination::Here(_) => from_root(address.as_ref()?),
        };
        Some(json!({ "text": link.text, "url": url }))
    });
    let header: Vec<_> = links.collect();
    let footer = look.footer.as_ref().map(|footer| {
        footer.body.fill(|hole, html| {
            let Hole::Link(number) = hole else { return };
            let address = site.look.footer.get(number).and_then(Option::as_ref);
            escape(&address.map(from_root).unwrap_or_default(), html);
        })
    });
    json!({ "logo": look.logo.as_ref().map(|logo| link::encode_name(logo.value.as_str())), "header": header, "footer": footer })
}

fn status_context(overview: &status::Overview, root: &str, language: &Language) -> serde_json::Value {
    let as_of = overview.as_of.map(|at| at.to_zoned(TimeZone::UTC));
    json!({
        "state": overview.state.to_string(),
        "headline": overview.headline,
        "as_of_iso": as_of.as_ref().map(moment::datetime_attribute),
        "as_of_text": overview.as_of.map(|at| language.utc(at)),
        "stale": overview.is_stale && overview.as_of.is_some(),
        "stale_after_seconds": overview.stale_after_seconds,
        "page_url": overview.page_url.clone().unwrap_or_else(|| format!("{root}status/badge.svg")),
    })
}

#[derive(Serialize)]
struct Child {
    title: String,
    description: String,
    url: String,
    /// Attributes that name its language, if that is another one than that of the page which lists it.
    mark: String,
}

/// The pages and folders directly below a folder's page.
fn children(site: &Site, route: &str, language: &Language) -> Vec<Child> {
    let Some(section) = site.sections.iter().find(|section| section.route == route) else { return Vec::new() };
    let mut children: Vec<((i64, String), Child)> = Vec::new();
    for index in &section.pages {
        let page = &site.pages[*index];
        if page.page.front.nav == Some(false) {
            continue;
        }
        let description = page.page.front.description.clone().unwrap_or_default();
        let child =
            Child { title: page.page.title.clone(), description, url: page.route.clone(), mark: nav::mark(&page.page.language, language) };
        children.push(((page.page.front.weight, nav::order(&page.page.title)), child));
    }
    for below in site.sections_below(&section.folder) {
        let description = below.index.and_then(|index| site.pages[index].page.front.description.clone()).unwrap_or_default();
        let child =
            Child { title: below.title.clone(), description, url: below.route.clone(), mark: nav::mark(site.language_of(below), language) };
        children.push(((below.weight, nav::order(&below.title)), child));
    }
    children.sort_by(|a, b| a.0.cmp(&b.0));
    children.into_iter().map(|(_, child)| child).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_where_the_template_wants_them() {
        let html = format!("<a>{NAV_MARK}</a>\u{F8FF} {BODY_MARK}{BODY_MARK}.");
        assert_eq!(with_parts(&html, &[(NAV_MARK, &["n", "", "av"]), (BODY_MARK, &["b"])]), "<a>nav</a>\u{F8FF} bb.");
        assert_eq!(with_parts("", &[(BODY_MARK, &["b"])]), "");
    }

    #[test]
    fn the_page_itself_is_marked() {
        let sidebar = "<a href=\"../a.html\">A</a><a href=\"../b.html\">B</a>";
        let marked = with_current(sidebar, "../", "b.html").concat();
        assert_eq!(marked, "<a href=\"../a.html\">A</a><a href=\"../b.html\" aria-current=\"page\">B</a>");
        assert_eq!(with_current(sidebar, "../", "c.html").concat(), sidebar);
    }
}
