//! The site: what the project's files say together. Links are resolved, times computed, addresses given.

mod aliases;
mod hosting;
mod links;
mod nav;
mod sent;
mod taken;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rayon::prelude::*;
use tera::Context;

use crate::config::{Config, Event};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, suggest};
use crate::highlight::{Code, Highlights};
use crate::notice::engine::{self, Compiled, Layout};
use crate::notice::{Notice, merge, variables};
use crate::page::{Body, Hole, Kind, Page, Publish, slug};
use crate::project::{CONTENT, Project};
use crate::search;
use crate::sheet::{self, Sheet};
use crate::source::{History, Inputs, RelPath};
use crate::status::{self, Overview};
use crate::theme::{self, Theme, WORKER};

use taken::{Taken, folded};

pub use aliases::Redirect;
pub use hosting::{CHANGES, FEED, SITEMAP};
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
    /// The page at the old address of this number.
    Redirect(usize),
    /// The calendar of the run sheet of this number.
    Calendar(usize),
    /// The script that keeps run sheets for offline use.
    Worker,
    BadgeSvg,
    BadgeJson,
    /// A map of the site for search engines.
    Sitemap,
    /// What search engines may read.
    Robots,
    /// The feed of sent notices.
    Feed,
    /// The feed of pages that were changed last.
    Changes,
    /// Headers and redirects as Netlify and Cloudflare Pages read them.
    Headers,
    Redirects,
    /// An empty file that tells GitHub Pages to publish every file.
    NoJekyll,
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
    /// Its body with its tags run, if it is a template.
    pub made: Option<Body>,
    /// When its file was last changed, where Git knows.
    pub changed: Option<Timestamp>,
    /// The day on which its review was due, if that has passed.
    pub overdue_since: Option<Date>,
}

/// A notice on the site: with sample values, or sent.
pub struct ShownNotice {
    pub title: String,
    pub anchor: String,
    pub name: String,
    pub subject: String,
    pub html: String,
    /// When it was sent, if it is shown as sent and that is known.
    pub sent_at: Option<Timestamp>,
}

impl SitePage {
    /// Its HTML, the tags of a template run.
    pub fn body(&self) -> &Body {
        self.made.as_ref().unwrap_or(&self.page.body)
    }
}

/// Everything that rendering needs.
pub struct Site {
    pub config: Config,
    pub pages: Vec<SitePage>,
    pub sections: Vec<Section>,
    folders: nav::Folders,
    pub routes: BTreeMap<Route, Target>,
    /// Old addresses of pages.
    pub redirects: Vec<Redirect>,
    pub status: Option<Overview>,
    /// Code that is highlighted already; what is missing is made when it is rendered.
    pub highlights: Highlights,
    /// Shown in the footer if the caller fixed the time of the build.
    pub built_at: Option<Timestamp>,
    pub diagnostics: Diagnostics,
}

/// Holds all files together.
pub fn resolve(project: &Project, inputs: &Inputs, theme: &Theme, built_at: Option<Timestamp>) -> Site {
    let mut diagnostics = project.diagnostics.clone();
    let config = project.config.clone();
    let published: Vec<&Arc<Page>> = project.pages.iter().filter(|page| is_published(page)).collect();
    let sections = nav::sections(&published);
    let mut taken = Taken::default();
    let mut routes = page_routes(&published, &sections, &mut taken, &mut diagnostics);
    add_files(&mut routes, &mut taken, inputs, theme, &config, &mut diagnostics);
    check_look(&config, &routes, &mut diagnostics);
    let overview = overview(inputs, &config, &mut diagnostics);
    let index = links::Index::new(project, inputs, &routes, &published, &config);
    let resolved: Vec<(SitePage, Diagnostics)> = published.par_iter().map(|page| site_page(page, &index, inputs, &config)).collect();
    let mut pages = Vec::with_capacity(resolved.len());
    for (page, faults) in resolved {
        pages.push(page);
        diagnostics.extend(faults);
    }
    for page in project.pages.iter().filter(|page| !is_published(page)) {
        links::resolve(page, &index, &mut diagnostics);
    }
    for page in &project.pages {
        links::check_own(page, &index, &config.site.base_url, &mut diagnostics);
    }
    check_notice_names(project, &mut diagnostics);
    add_sheets(&mut routes, &mut taken, &pages, &config, &mut diagnostics);
    let redirects = aliases::add(&mut routes, &mut taken, &pages, &mut diagnostics);
    if inputs.history == History::Shallow {
        diagnostics.push(shallow_history());
    }
    let mut site = Site {
        config,
        pages,
        folders: nav::Folders::of(&sections),
        sections,
        routes,
        redirects,
        status: overview,
        highlights: Highlights::default(),
        built_at,
        diagnostics,
    };
    site.run_templates();
    site.show_notices(project, theme);
    let mut routes = std::mem::take(&mut site.routes);
    hosting::add(&mut routes, &mut taken, &site);
    site.routes = routes;
    site
}

/// Puts a page into its place: its links, its event, its plan.
fn site_page(page: &Arc<Page>, index: &links::Index, inputs: &Inputs, config: &Config) -> (SitePage, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let links = links::resolve(page, index, &mut diagnostics);
    let event = event_of(page, config, &mut diagnostics);
    let text = inputs.sources.get(&page.path).map_or("", |source| &source.text);
    let sheet = if page.kind == Kind::Checklist { sheet::resolve(page, text, event, &mut diagnostics) } else { Sheet::default() };
    let page = SitePage {
        route: index.route(&page.path).unwrap_or_default().to_owned(),
        page: Arc::clone(page),
        links,
        event: event.map(|event| event.id.clone()),
        sheet,
        notices: Vec::new(),
        made: None,
        changed: inputs.history.last_change(&page.path),
        overdue_since: page.front.overdue_since(inputs.now),
    };
    (page, diagnostics)
}

/// The files that `[look]` names must be on the site.
fn check_look(config: &Config, routes: &BTreeMap<Route, Target>, diagnostics: &mut Diagnostics) {
    for file in [&config.look.logo, &config.look.font_file].into_iter().flatten() {
        if !matches!(routes.get(file.value.as_str()), Some(Target::Asset(_))) {
            let files = routes.iter().filter(|(_, target)| matches!(target, Target::Asset(_))).map(|(route, _)| route.as_str());
            let help = suggest(file.value.as_str(), files).unwrap_or_else(|| "put the file below `content/`".to_owned());
            let diagnostic = Diagnostic::error("broken-link", format!("there is no file `{CONTENT}/{}`", file.value));
            diagnostics.push(diagnostic.at(&crate::config::path(), file.span.clone()).help(help));
        }
    }
}

fn shallow_history() -> Diagnostic {
    let message = "the Git history of this clone is cut off, so pages do not say when they were last changed";
    Diagnostic::note("shallow-history", message).help("fetch the whole history: `git fetch --unshallow`, or `fetch-depth: 0` in a workflow")
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

fn page_routes(pages: &[&Arc<Page>], sections: &[Section], taken: &mut Taken, diagnostics: &mut Diagnostics) -> BTreeMap<Route, Target> {
    let mut routes: BTreeMap<Route, Target> = BTreeMap::new();
    let mut owners: BTreeMap<String, &RelPath> = BTreeMap::new();
    for (index, page) in pages.iter().enumerate() {
        let route = route_of(&page.path);
        if let Some(first) = owners.insert(folded(&route), &page.path) {
            let message = format!("this page and `{first}` would both be `{route}`");
            diagnostics.push(Diagnostic::error("path-collision", message).in_file(&page.path).help("rename one of them"));
            continue;
        }
        if !taken.add(&route) {
            let message = format!("`{route}` would be a page, and a folder with pages in it");
            diagnostics.push(Diagnostic::error("path-collision", message).in_file(&page.path).help("rename the page or the folder"));
            continue;
        }
        routes.insert(route, Target::Page(index));
    }
    check_folders(sections, diagnostics);
    for (index, section) in sections.iter().enumerate() {
        // The page of the folder may be there already.
        taken.add(&section.route);
        routes.entry(section.route.clone()).or_insert(Target::Section(index));
    }
    routes
}

/// Folders side by side whose names give one address: the page of one of them could not be reached.
fn check_folders(sections: &[Section], diagnostics: &mut Diagnostics) {
    let mut owners: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for section in sections {
        let above = section.folder.rsplit_once('/').map_or("", |(above, _)| above);
        let Some(first) = owners.insert((above, folded(&section.route)), &section.folder) else { continue };
        let Some(path) = RelPath::new(&format!("{CONTENT}/{}", section.folder)).filter(|_| !section.folder.is_empty()) else { continue };
        let address = section.route.strip_suffix("index.html").unwrap_or(&section.route);
        let message = format!("this folder and `{CONTENT}/{first}` would both be `{address}`");
        diagnostics.push(Diagnostic::error("path-collision", message).in_file(&path).help("rename one of them"));
    }
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
        if !taken.add(below) {
            let message = format!("`{below}` is in the output already, under a name that differs in case or form");
            diagnostics.push(Diagnostic::error("path-collision", message).in_file(path).help("rename it"));
            continue;
        }
        routes.insert(below.to_owned(), Target::Asset(path.clone()));
    }
    let mut ours: Vec<(Route, Target)> = Vec::new();
    let is_used = |name: &&String| config.site.search || !theme::SEARCH.contains(&name.as_str());
    ours.extend(theme.statics.keys().filter(is_used).map(|name| (theme.asset(name).to_owned(), Target::Static(name.clone()))));
    ours.extend(theme.assets.iter().map(|(name, path)| (theme.asset(name).to_owned(), Target::Asset(path.clone()))));
    ours.push(("404.html".to_owned(), Target::NotFound));
    ours.push((MARKER.to_owned(), Target::Marker));
    if config.status.is_some() {
        ours.push(("status/badge.svg".to_owned(), Target::BadgeSvg));
        ours.push(("status/badge.json".to_owned(), Target::BadgeJson));
    }
    add_ours(routes, taken, ours, diagnostics);
    if config.site.search && !taken.add(search::MANIFEST) {
        report_taken(search::MANIFEST, diagnostics);
    }
}

/// Adds what runsheet itself writes, where no file of the content is, under whatever case or form of the name.
fn add_ours(routes: &mut BTreeMap<Route, Target>, taken: &mut Taken, ours: Vec<(Route, Target)>, diagnostics: &mut Diagnostics) {
    for (route, target) in ours {
        if !taken.add(&route) {
            report_taken(&route, diagnostics);
            continue;
        }
        routes.insert(route, target);
    }
}

fn report_taken(route: &str, diagnostics: &mut Diagnostics) {
    let message = format!("a file of the content would be `{route}`, which is written by runsheet itself");
    diagnostics.push(Diagnostic::error("path-collision", message).help("rename the file or its folder"));
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
    /// All code that has a language.
    pub fn code(&self) -> impl Iterator<Item = &Code> {
        self.pages.iter().flat_map(|page| &page.page.blocks).map(|block| &block.code)
    }

    pub fn event(&self, id: Option<&str>) -> Option<&Event> {
        id.and_then(|id| self.config.events.get(id))
    }

    /// Runs the tags of pages that are templates.
    fn run_templates(&mut self) {
        let mut made = Vec::new();
        let mut diagnostics = Diagnostics::default();
        for (index, page) in self.pages.iter().enumerate() {
            let Some(marks) = &page.page.marks else { continue };
            let event = self.event(page.event.as_deref());
            if event.is_some_and(|event| event.is_faulty) {
                continue;
            }
            let scope = merge::scope(&self.config, event, std::iter::empty());
            let context = merge::context(self, event, "", &BTreeMap::new());
            made.push((index, engine::page(&page.page, marks, event, &scope, &context, &mut diagnostics)));
        }
        for (index, body) in made {
            self.pages[index].made = body;
        }
        self.diagnostics.extend(diagnostics);
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
                let is_sent = page.front.publish == Publish::Sent;
                let sent_at = is_sent.then(|| sent::date(&self.config, page, event, notice)).flatten();
                if is_sent && sent_at.is_none() && !self.config.site.base_url.is_empty() {
                    diagnostics.push(sent::undated(notice));
                }
                let context = self.sample_context(event);
                match compiled.render_body(&context) {
                    Ok((subject, html)) => shown.push(ShownNotice {
                        title: notice.title.clone(),
                        anchor: notice.anchor.clone(),
                        name: notice.name.clone(),
                        subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
                        html,
                        sent_at,
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
