//! The site: everything that depends on several files. Links are resolved, times computed, addresses assigned.

mod aliases;
mod files;
mod hosting;
mod links;
mod look;
pub mod nav;
mod notices;
mod reserved;
mod sent;
mod taken;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rayon::prelude::*;

use crate::config::{Config, Event};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::highlight::{Code, Highlights};
use crate::inputs::{History, Inputs};
use crate::language::{Language, Languages};
use crate::page::{Body, Heading, Hole, Kind, Publish, link, slug};
use crate::project::Page;
use crate::project::{CONTENT, Project};
use crate::rule;
use crate::schedule::moment;
use crate::sheet::{self, Sheet};
use crate::source::RelPath;
use crate::status::{self, Overview};
use crate::text::address::encode_path;
use crate::text::html::escaped;
use crate::text::suggest;
use crate::theme::Theme;
use taken::{Taken, folded};

pub use aliases::Redirect;
pub use hosting::{CHANGES, FEED, SITEMAP};
pub use look::LookLinks;
pub use nav::{Crumb, Section};

/// An address below the site's root, such as `docs/cutover-checklist.html`.
pub type Route = String;

/// The content of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The page of this number.
    Page(usize),
    /// The folder of this number, which has no page of its own.
    Section(usize),
    /// A file below `content/` or the theme's `static/`, copied as it is.
    Asset(RelPath),
    /// A text file of the theme, by its published name.
    Static(String),
    NotFound,
    /// The redirect page for the alias of this number.
    Redirect(usize),
    /// The calendar of the run sheet of this number.
    Calendar(usize),
    /// The script that keeps run sheets for offline use.
    Worker,
    BadgeSvg,
    BadgeJson,
    /// The site map for search engines.
    Sitemap,
    /// Rules for search engines.
    Robots,
    /// The feed of sent notices.
    Feed,
    /// The feed of pages that were changed last.
    Changes,
    /// Headers and redirects as Netlify and Cloudflare Pages read them.
    Headers,
    Redirects,
    /// An empty file that makes GitHub Pages publish every file.
    NoJekyll,
    /// The file that marks our own output.
    Marker,
}

/// The file that marks an output folder as ours.
pub const MARKER: &str = ".runsheet-site";

/// The entry point of the search: the only file of its index with a fixed name.
pub const SEARCH_MANIFEST: &str = "search/index.js";

/// The page for missing addresses, under the name that hosts look for.
const NOT_FOUND: &str = "404.html";

/// A page on the site.
pub struct SitePage {
    pub page: Arc<Page>,
    pub route: Route,
    /// Addresses of its links, by number, relative to the site's root; `None` for broken links.
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
    /// The day on which its review was due, if that day has passed.
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
    /// Its HTML, after running the tags of the template.
    pub fn body(&self) -> &Body {
        self.made.as_ref().unwrap_or(&self.page.body)
    }

    /// The headings on the page: a template may leave some out.
    pub fn headings(&self) -> impl Iterator<Item = &Heading> {
        let left_out = self.left_out();
        self.page.headings.iter().filter(move |heading| !left_out.contains(&*heading.anchor))
    }

    /// Anchors that the page would have if its template left nothing out. The title is above the body.
    fn left_out(&self) -> BTreeSet<&str> {
        let Some(made) = &self.made else { return BTreeSet::new() };
        let (all, made) = (ids(&self.page.body.html), ids(&made.html));
        let is_left_out = |anchor: &&str| {
            let id = escaped(anchor);
            all.contains(&*id) && !made.contains(&*id)
        };
        self.page.headings.iter().map(|heading| &*heading.anchor).filter(is_left_out).collect()
    }

    /// The numbers of the links on the page: a template may leave some out; any other page has all of them.
    fn links_made(&self) -> Option<BTreeSet<usize>> {
        let number = |(_, hole): &(usize, Hole)| if let Hole::Link(number) = hole { Some(*number) } else { None };
        Some(self.made.as_ref()?.holes.iter().filter_map(number).collect())
    }
}

/// The values of all `id` attributes in our own HTML.
fn ids(html: &str) -> BTreeSet<&str> {
    html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
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
    /// The languages that pages and notices can be in.
    pub languages: Languages,
    /// The targets of the links of `[look]`.
    pub look: LookLinks,
    pub status: Option<Overview>,
    /// Code highlighted so far; the rest is highlighted when it is rendered.
    pub highlights: Highlights,
    /// The project's folder in its repository: empty, or ending in `/`.
    pub repository_folder: String,
    /// Shown in the footer if the caller fixed the time of the build.
    pub built_at: Option<Timestamp>,
    pub diagnostics: Diagnostics,
}

/// Resolves a project into a site.
pub fn resolve(project: &Project, inputs: &Inputs, theme: &Theme, built_at: Option<Timestamp>) -> Site {
    let mut diagnostics = project.diagnostics.clone();
    let config = project.config.clone();
    let published = project.pages.iter().filter(|page| is_published(page));
    let published: Vec<&Arc<Page>> = published.filter(|page| has_short_address(page, &mut diagnostics)).collect();
    let sections = nav::sections(&published, theme.languages.site());
    let mut taken = Taken::default();
    let mut routes = page_routes(&published, &sections, &mut taken, &mut diagnostics);
    files::add_files(&mut routes, &mut taken, inputs, theme, &config, &published, &mut diagnostics);
    let overview = overview(inputs, &config, theme.languages.site(), &mut diagnostics);
    let index = links::Index::new(project, inputs, &routes, &published, &config);
    let look = look::resolve(&config, &index, &routes, &mut diagnostics);
    let resolved: Vec<(SitePage, Diagnostics)> = published.par_iter().map(|page| site_page(page, &index, inputs, &config)).collect();
    let mut pages = Vec::with_capacity(resolved.len());
    for (page, faults) in resolved {
        pages.push(page);
        diagnostics.extend(faults);
    }
    for page in project.pages.iter().filter(|page| !is_published(page)) {
        links::resolve(page, &index, &mut diagnostics);
    }
    notices::check_names(project, &mut diagnostics);
    files::add_sheets(&mut routes, &mut taken, &pages, &published, &config, &mut diagnostics);
    let redirects = aliases::add(&mut routes, &mut taken, &pages, &mut diagnostics);
    if inputs.history == History::Shallow {
        diagnostics.push(shallow_history());
    }
    let mut site = Site {
        config,
        pages,
        folders: nav::Folders::new(&sections),
        sections,
        routes,
        redirects,
        languages: theme.languages.clone(),
        look,
        status: overview,
        highlights: Highlights::default(),
        repository_folder: inputs.repository_folder.clone(),
        built_at,
        diagnostics,
    };
    site.run_templates();
    site.show_notices(project, theme);
    let mut routes = std::mem::take(&mut site.routes);
    hosting::add(&mut routes, &mut taken, &site);
    site.routes = routes;
    // All addresses are known now.
    let mut diagnostics = std::mem::take(&mut site.diagnostics);
    links::check_made(&site, &mut diagnostics);
    links::check_own(
        project,
        &site.config,
        || links::Index::new(project, inputs, &site.routes, &published, &site.config),
        &mut diagnostics,
    );
    site.diagnostics = diagnostics;
    site
}

/// Puts a page on the site: its links, its event, its plan.
fn site_page(page: &Arc<Page>, index: &links::Index, inputs: &Inputs, config: &Config) -> (SitePage, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let links = links::resolve(page, index, &mut diagnostics);
    let event = event_of(page, config, &mut diagnostics);
    let text = inputs.sources.get(&page.path).map_or("", |source| &source.text);
    let sheet = if page.kind == Kind::RunSheet { sheet::resolve(page, text, event, &mut diagnostics) } else { Sheet::default() };
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

fn shallow_history() -> Diagnostic {
    let message = "the Git history of this clone is shallow, so pages don't show when they were last changed";
    Diagnostic::new(rule::SHALLOW_HISTORY, message)
        .help("fetch the whole history: `git fetch --unshallow`, or `fetch-depth: 0` in a workflow")
}

/// Every page is on the site, except notices that must not be published.
fn is_published(page: &Page) -> bool {
    !(matches!(page.kind, Kind::Notices | Kind::Notice) && page.front.publish == Publish::Never)
}

/// The route of a page, from its file's path.
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

/// No file system takes a longer name.
const LONGEST_NAME: usize = 255;

/// Whether each part of a page's address is short enough for a file name; if not, that is reported. `.html` is longer than `.md`, and
/// small letters may be longer than capital ones.
fn has_short_address(page: &Page, diagnostics: &mut Diagnostics) -> bool {
    let longest = route_of(&page.path).split('/').map(str::len).max().unwrap_or(0);
    if longest > LONGEST_NAME {
        let message = format!("the name makes a part of the address too long for a file: {longest} bytes, at most {LONGEST_NAME}");
        diagnostics
            .push(Diagnostic::new(rule::BAD_NAME, message).in_file(&page.path).help("shorten the name of the page or of its folder"));
    }
    longest <= LONGEST_NAME
}

/// Files that are the page of their folder.
fn is_index(stem: &str) -> bool {
    matches!(stem, "index" | "_index" | "README")
}

fn page_routes(pages: &[&Arc<Page>], sections: &[Section], taken: &mut Taken, diagnostics: &mut Diagnostics) -> BTreeMap<Route, Target> {
    let mut routes: BTreeMap<Route, Target> = BTreeMap::new();
    let mut owners: BTreeMap<String, &RelPath> = BTreeMap::new();
    for (index, page) in pages.iter().enumerate() {
        let route = route_of(&page.path);
        if let Some(first) = owners.insert(folded(&route), &page.path) {
            let message = format!("this page and `{first}` would both have the address `{route}`");
            diagnostics.push(Diagnostic::new(rule::PATH_COLLISION, message).in_file(&page.path).help("rename one of them"));
            continue;
        }
        if !taken.add(&route) {
            let message = format!("`{route}` would be both a page and a folder of pages");
            diagnostics.push(Diagnostic::new(rule::PATH_COLLISION, message).in_file(&page.path).help("rename the page or the folder"));
            continue;
        }
        if let Some((address, what)) = reserved::kept_for(&route) {
            let message = format!("this page would have the address `{route}`, but `{address}` is reserved for {what}");
            diagnostics.push(Diagnostic::new(rule::PATH_COLLISION, message).in_file(&page.path).help("rename the page or its folder"));
        }
        routes.insert(route, Target::Page(index));
    }
    check_folders(sections, diagnostics);
    for (index, section) in sections.iter().enumerate() {
        // The folder's page may be there already. If a page blocks the folder, the pages below have reported it.
        if taken.add(&section.route) {
            routes.insert(section.route.clone(), Target::Section(index));
        }
    }
    routes
}

/// Reports sibling folders whose names give the same address: one folder's page could not be reached.
fn check_folders(sections: &[Section], diagnostics: &mut Diagnostics) {
    let mut owners: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for section in sections {
        let above = section.folder.rsplit_once('/').map_or("", |(above, _)| above);
        let Some(first) = owners.insert((above, folded(&section.route)), &section.folder) else { continue };
        let Some(path) = RelPath::new(&format!("{CONTENT}/{}", section.folder)).filter(|_| !section.folder.is_empty()) else { continue };
        let address = section.route.strip_suffix("index.html").unwrap_or(&section.route);
        let message = format!("this folder and `{CONTENT}/{first}` would both have the address `{address}`");
        diagnostics.push(Diagnostic::new(rule::PATH_COLLISION, message).in_file(&path).help("rename one of them"));
    }
}

/// The path of a run sheet's calendar: beside its page. `None` without a date.
pub fn sheet_calendar(page: &SitePage, event: Option<&Event>) -> Option<Route> {
    event?.clock.as_ref().filter(|_| page.page.kind == Kind::RunSheet)?;
    Some(format!("{}.ics", page.route.strip_suffix(".html")?))
}

fn overview(inputs: &Inputs, config: &Config, language: &Language, diagnostics: &mut Diagnostics) -> Option<Overview> {
    let settings = config.status.as_ref()?;
    let overview = status::overview(inputs.status.snapshot.as_ref(), settings, inputs.now, language);
    if let Some((message, help)) = &inputs.status.fault {
        let shown = match (&inputs.status.snapshot, overview.as_of) {
            (Some(_), Some(time)) => format!("showing the last snapshot, as of {}", moment::utc(time)),
            (Some(_), None) => "showing the last snapshot".to_owned(),
            (None, _) => "showing `unknown`".to_owned(),
        };
        let diagnostic = Diagnostic::new(rule::STATUS_UNREACHABLE, format!("cannot read the status page: {message}; {shown}"));
        diagnostics.push(diagnostic.maybe_help(help.clone()));
    }
    for name in &overview.missing {
        let diagnostic = Diagnostic::new(rule::STATUS_MONITOR, format!("the status page has no monitor `{name}`"));
        diagnostics.push(diagnostic.help("in `include` of [status], use the names that the page uses"));
    }
    Some(overview)
}

fn event_of<'c>(page: &Page, config: &'c Config, diagnostics: &mut Diagnostics) -> Option<&'c Event> {
    let named = page.front.event.as_ref();
    let event = config.event(named.map(|name| name.value.as_str()));
    if let (Some(name), None) = (named, event) {
        let diagnostic = Diagnostic::new(rule::UNKNOWN_EVENT, format!("unknown event `{}`", name.value));
        let help = suggest(&name.value, config.events.keys().map(String::as_str));
        diagnostics.push(diagnostic.at(&page.path, name.span.clone()).maybe_help(help));
    }
    event
}

impl Site {
    /// All blocks of code with a language.
    pub fn code(&self) -> impl Iterator<Item = &Code> {
        self.pages.iter().flat_map(|page| &page.page.blocks).map(|block| &block.code)
    }

    /// The page of a file. Pages are in the order of their files.
    pub fn page_of(&self, path: &RelPath) -> Option<&SitePage> {
        let at = self.pages.binary_search_by(|page| page.page.path.cmp(path)).ok()?;
        Some(&self.pages[at])
    }

    /// The address for editing a file, if the repository is known.
    pub fn edit_url(&self, path: &RelPath) -> Option<String> {
        let repository = self.config.site.repository.as_ref()?;
        let path = encode_path(format!("{}{path}", self.repository_folder));
        Some(format!("{}/edit/HEAD/{path}", link::encode(repository)))
    }

    pub fn event(&self, id: Option<&str>) -> Option<&Event> {
        id.and_then(|id| self.config.events.get(id))
    }
}
