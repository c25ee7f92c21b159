//! The site: what the project's files say together. Links are resolved, times computed, addresses given.

mod links;
mod nav;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tera::Context;
use unicode_normalization::UnicodeNormalization;

use crate::config::{Config, Event};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, suggest};
use crate::notice::engine::{self, Compiled, Layout};
use crate::notice::{Notice, merge, variables};
use crate::page::{Hole, Kind, Page, Publish, slug};
use crate::project::{CONTENT, Project};
use crate::sheet::{self, Sheet};
use crate::source::{Inputs, RelPath};
use crate::status::{self, Overview};
use crate::theme::{Theme, WORKER};

pub use nav::{Crumb, Section};

/// An address below the site's root, such as `docs/cutover-checklist.html`.
pub type Route = String;

/// What is found at a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The page of this number.
    Page(usize),
    /// The folder of this number, where it has no page of its own.
    Section(usize),
    /// A file below `content/` or the theme's `static/`, copied as it is.
    Asset(RelPath),
    /// A text file of the theme.
    Static(String),
    NotFound,
    /// The calendar of the run sheet of this number.
    Calendar(usize),
    /// The script that keeps run sheets for offline use.
    Worker,
    BadgeSvg,
    BadgeJson,
    /// The file by which we know our own output.
    Marker,
}

/// The file by which an output folder is known as ours.
pub const MARKER: &str = ".runsheet-site";

/// A page in its place.
pub struct SitePage {
    pub page: Arc<Page>,
    pub route: Route,
    /// Addresses of its links, by number, relative to the site's root; `None` where there is none.
    pub links: Vec<Option<String>>,
    /// The event whose clock it runs on.
    pub event: Option<String>,
    /// The plan, if it is a run sheet.
    pub sheet: Sheet,
    /// Its notices as the site shows them, in order.
    pub notices: Vec<ShownNotice>,
}

/// A notice on the site: with sample values, or sent.
pub struct ShownNotice {
    pub title: String,
    pub anchor: String,
    pub name: String,
    pub subject: String,
    pub html: String,
}

/// Everything that rendering needs.
pub struct Site {
    pub config: Config,
    pub pages: Vec<SitePage>,
    pub sections: Vec<Section>,
    folders: nav::Folders,
    pub routes: BTreeMap<Route, Target>,
    pub status: Option<Overview>,
    /// Shown in the footer if the caller fixed the time of the build.
    pub built_at: Option<jiff::Timestamp>,
    pub diagnostics: Diagnostics,
}

/// Holds all files together.
pub fn resolve(project: &Project, inputs: &Inputs, theme: &Theme, built_at: Option<jiff::Timestamp>) -> Site {
    let mut diagnostics = project.diagnostics.clone();
    let config = project.config.clone();
    let published: Vec<&Arc<Page>> = project.pages.iter().filter(|page| is_published(page)).collect();
    let sections = nav::sections(&published);
    let mut routes = page_routes(&published, &sections, &mut diagnostics);
    let mut taken: Taken = routes.keys().map(|route| folded(route)).collect();
    add_files(&mut routes, &mut taken, inputs, theme, &config, &mut diagnostics);
    let overview = overview(inputs, &config, &mut diagnostics);
    let index = links::Index::new(project, inputs, &routes, &published, &config);
    let mut pages = Vec::new();
    for page in published {
        let links = links::resolve(page, &index, &mut diagnostics);
        let event = event_of(page, &config, &mut diagnostics);
        let text = inputs.sources.get(&page.path).map_or("", |source| &source.text);
        let sheet = if page.kind == Kind::Checklist { sheet::resolve(page, text, event, &mut diagnostics) } else { Sheet::default() };
        pages.push(SitePage {
            route: index.route(&page.path).unwrap_or_default().to_owned(),
            page: Arc::clone(page),
            links,
            event: event.map(|event| event.id.clone()),
            sheet,
            notices: Vec::new(),
        });
    }
    for page in project.pages.iter().filter(|page| !is_published(page)) {
        links::resolve(page, &index, &mut diagnostics);
    }
    for page in &project.pages {
        links::check_own(page, &index, &config.site.base_url, &mut diagnostics);
    }
    check_notice_names(project, &mut diagnostics);
    add_sheets(&mut routes, &mut taken, &pages, &config, &mut diagnostics);
    let mut site = Site { config, pages, folders: nav::Folders::of(&sections), sections, routes, status: overview, built_at, diagnostics };
    site.show_notices(project, theme);
    site
}

/// Every page is on the site but notices that are never to be.
fn is_published(page: &Page) -> bool {
    !(matches!(page.kind, Kind::Notices | Kind::Notice) && page.front.publish == Publish::Never)
}

/// The route that a page's file gives.
fn route_of(path: &RelPath) -> Route {
    let below = path.below(CONTENT).unwrap_or(path.as_str());
    let (folder, _) = below.rsplit_once('/').unwrap_or(("", below));
    let mut route = nav::folder_route(folder);
    let stem = path.stem();
    if is_index(stem) {
        route.push_str("index.html");
    } else {
        route.push_str(&slug::address(stem));
        route.push_str(".html");
    }
    route
}

/// Files that speak for their folder.
fn is_index(stem: &str) -> bool {
    matches!(stem, "index" | "_index" | "README")
}

fn page_routes(pages: &[&Arc<Page>], sections: &[Section], diagnostics: &mut Diagnostics) -> BTreeMap<Route, Target> {
    let mut routes: BTreeMap<Route, Target> = BTreeMap::new();
    let mut owners: BTreeMap<String, &RelPath> = BTreeMap::new();
    for (index, page) in pages.iter().enumerate() {
        let route = route_of(&page.path);
        if let Some(first) = owners.insert(folded(&route), &page.path) {
            let message = format!("this page and `{first}` would both be `{route}`");
            diagnostics.push(Diagnostic::error("path-collision", message).in_file(&page.path).help("rename one of them"));
            continue;
        }
        routes.insert(route, Target::Page(index));
    }
    for (index, section) in sections.iter().enumerate() {
        routes.entry(section.route.clone()).or_insert(Target::Section(index));
    }
    routes
}

/// The routes that are in use, [`folded`].
type Taken = BTreeSet<String>;

/// Names that some file system takes for the same.
fn folded(route: &str) -> String {
    route.nfc().collect::<String>().to_lowercase()
}

fn add_files(
    routes: &mut BTreeMap<Route, Target>,
    taken: &mut Taken,
    inputs: &Inputs,
    theme: &Theme,
    config: &Config,
    diagnostics: &mut Diagnostics,
) {
    for path in inputs.assets.keys() {
        let Some(below) = path.below(CONTENT) else { continue };
        if !taken.insert(folded(below)) {
            let message = format!("`{below}` is in the output already, under a name that differs in case or form");
            diagnostics.push(Diagnostic::error("path-collision", message).in_file(path).help("rename it"));
            continue;
        }
        routes.insert(below.to_owned(), Target::Asset(path.clone()));
    }
    let mut ours: Vec<(Route, Target)> = Vec::new();
    ours.extend(theme.statics.keys().map(|name| (theme.asset(name).to_owned(), Target::Static(name.clone()))));
    ours.extend(theme.assets.iter().map(|(name, path)| (theme.asset(name).to_owned(), Target::Asset(path.clone()))));
    ours.push(("404.html".to_owned(), Target::NotFound));
    ours.push((MARKER.to_owned(), Target::Marker));
    if config.status.is_some() {
        ours.push(("status/badge.svg".to_owned(), Target::BadgeSvg));
        ours.push(("status/badge.json".to_owned(), Target::BadgeJson));
    }
    add_ours(routes, taken, ours, diagnostics);
}

/// Adds what runsheet itself writes, where no file of the content is, under whatever case or form of the name.
fn add_ours(routes: &mut BTreeMap<Route, Target>, taken: &mut Taken, ours: Vec<(Route, Target)>, diagnostics: &mut Diagnostics) {
    for (route, target) in ours {
        if !taken.insert(folded(&route)) {
            let message = format!("a file of the content would be `{route}`, which is written by runsheet itself");
            diagnostics.push(Diagnostic::error("path-collision", message).help("rename the file or its folder"));
            continue;
        }
        routes.insert(route, target);
    }
}

/// What is published beside run sheets: their calendars, and the script that keeps them.
fn add_sheets(routes: &mut BTreeMap<Route, Target>, taken: &mut Taken, pages: &[SitePage], config: &Config, diagnostics: &mut Diagnostics) {
    let mut ours: Vec<(Route, Target)> = Vec::new();
    for (index, page) in pages.iter().enumerate().filter(|(_, page)| page.page.kind == Kind::Checklist) {
        let event = page.event.as_deref().and_then(|event| config.events.get(event));
        ours.extend(sheet_calendar(page, event).map(|route| (route, Target::Calendar(index))));
    }
    if pages.iter().any(|page| page.page.kind == Kind::Checklist) {
        ours.push((WORKER.to_owned(), Target::Worker));
    }
    add_ours(routes, taken, ours, diagnostics);
}

/// Where the calendar of a run sheet is: beside its page. Without a date there is none.
pub fn sheet_calendar(page: &SitePage, event: Option<&Event>) -> Option<Route> {
    event?.clock.as_ref().filter(|_| page.page.kind == Kind::Checklist)?;
    Some(format!("{}.ics", page.route.strip_suffix(".html")?))
}

fn overview(inputs: &Inputs, config: &Config, diagnostics: &mut Diagnostics) -> Option<Overview> {
    let settings = config.status.as_ref()?;
    let overview = status::overview(inputs.status.snapshot.as_ref(), settings, inputs.now);
    if let Some((message, help)) = &inputs.status.fault {
        let shown = match (&inputs.status.snapshot, &overview.as_of_words) {
            (Some(_), Some(words)) => format!("the last snapshot is shown, {words}"),
            (Some(_), None) => "the last snapshot is shown".to_owned(),
            (None, _) => "`unknown` is shown".to_owned(),
        };
        let diagnostic = Diagnostic::warning("status-unreachable", format!("the status page was not read: {message}; {shown}"));
        diagnostics.push(diagnostic.maybe_help(help.clone()));
    }
    for name in &overview.missing {
        let diagnostic = Diagnostic::warning("status-monitor", format!("the status page has no monitor `{name}`"));
        diagnostics.push(diagnostic.help("`include` in [status] names monitors as the page does"));
    }
    Some(overview)
}

fn event_of<'c>(page: &Page, config: &'c Config, diagnostics: &mut Diagnostics) -> Option<&'c Event> {
    let named = page.front.event.as_ref();
    let event = config.event(named.map(|name| name.value.as_str()));
    if let (Some(name), None) = (named, event) {
        let diagnostic = Diagnostic::error("unknown-event", format!("there is no event `{}`", name.value));
        let help = suggest(&name.value, config.events.keys().map(String::as_str));
        diagnostics.push(diagnostic.at(&page.path, name.span.clone()).maybe_help(help));
    }
    event
}

fn check_notice_names(project: &Project, diagnostics: &mut Diagnostics) {
    let mut names: BTreeMap<&str, &Notice> = BTreeMap::new();
    for notice in project.pages.iter().flat_map(|page| &page.notices) {
        if let Some(first) = names.insert(&notice.name, notice) {
            let message = format!("there is a notice `{}` already, in {}", notice.name, first.path);
            let diagnostic = Diagnostic::error("duplicate-name", message).at(&notice.path, notice.span.clone());
            diagnostics.push(diagnostic.help("give it a name of its own: `<!-- id: NAME -->` below its heading"));
        }
    }
    for mailing in &project.config.mailings {
        if !names.contains_key(mailing.notice.value.as_str()) {
            let message = format!("there is no notice `{}`", mailing.notice.value);
            let help = suggest(&mailing.notice.value, names.keys().copied());
            let path = crate::config::path();
            diagnostics.push(Diagnostic::error("unknown-notice", message).at(&path, mailing.notice.span.clone()).maybe_help(help));
        }
    }
}

impl Site {
    pub fn event(&self, id: Option<&str>) -> Option<&Event> {
        id.and_then(|id| self.config.events.get(id))
    }

    /// Compiles every notice, checks what it uses, and writes those that the site shows.
    fn show_notices(&mut self, project: &Project, theme: &Theme) {
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        for page in project.pages.iter().filter(|page| !page.notices.is_empty()) {
            let event = self.config.event(page.front.event.as_ref().map(|name| name.value.as_str()));
            let mut shown = Vec::new();
            for notice in &page.notices {
                let Some(compiled) = self.compile(page, notice, event, theme, &mut diagnostics) else { continue };
                let tags = compiled.used(notice);
                let before = diagnostics.count(Severity::Error);
                let scope = merge::scope(&self.config, event, self.config.notices.sample.keys().map(String::as_str));
                variables::check(&tags, &scope, &notice.path, &mut diagnostics);
                if diagnostics.count(Severity::Error) > before || event.is_some_and(|event| event.is_faulty) {
                    continue;
                }
                let context = self.sample_context(event);
                match compiled.render_body(&context) {
                    Ok((subject, html)) => shown.push(ShownNotice {
                        title: notice.title.clone(),
                        anchor: notice.anchor.clone(),
                        name: notice.name.clone(),
                        subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
                        html,
                    }),
                    Err(fault) => {
                        let span = fault.span.unwrap_or(notice.span.clone());
                        diagnostics.push(Diagnostic::error("template-render", fault.message).at(&notice.path, span));
                    }
                }
            }
            if let Some(site_page) = self.pages.iter_mut().find(|site_page| site_page.page.path == page.path) {
                site_page.notices = shown;
            }
        }
        self.diagnostics = diagnostics;
    }

    /// Compiles a notice of a page for an event.
    pub fn compile(
        &self,
        page: &Page,
        notice: &Notice,
        event: Option<&Event>,
        theme: &Theme,
        diagnostics: &mut Diagnostics,
    ) -> Option<Compiled> {
        let layout = Layout { mail: &theme.mail, site_title: &self.config.site.title, language: &self.config.site.language };
        let site_page = self.pages.iter().find(|site_page| site_page.page.path == page.path);
        let mut faults = Vec::new();
        let fill = |hole: Hole, html: &mut String| {
            let Hole::Link(number) = hole else { return };
            let target = site_page.and_then(|site_page| site_page.links.get(number).cloned().flatten());
            let Some(target) = target else { return };
            if target.starts_with("https://") || target.starts_with("http://") {
                html.push_str(&target);
                return;
            }
            if self.config.site.base_url.is_empty() {
                let diagnostic = Diagnostic::error("relative-link", "a mail cannot link to a page whose address is not known");
                let span = page.links[number].span.clone();
                faults.push(diagnostic.at(&page.path, span).help("set `base_url` in [site]"));
            }
            html.push_str(&self.config.site.base_url);
            html.push_str(&target);
        };
        let compiled = engine::compile(notice, &layout, event, fill, diagnostics);
        faults.dedup();
        diagnostics.extend(faults);
        compiled
    }

    /// Variables with the sample values of `[notices]`.
    pub fn sample_context(&self, event: Option<&Event>) -> Context {
        merge::context(self, event, "sample", &self.config.notices.sample)
    }
}
