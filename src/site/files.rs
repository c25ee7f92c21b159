//! The files of a site beside its pages: those of `content/`, those of the theme, and those that Runsheet itself writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::taken::{Taken, folded};
use super::{MARKER, NOT_FOUND, Route, SEARCH_MANIFEST, SitePage, Target, sheet_calendar};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::inputs::Inputs;
use crate::language::Language;
use crate::page::Kind;
use crate::project::{CONTENT, Page};
use crate::rule;
use crate::theme::{self, Theme, WORKER};

/// Adds the files of `content/` and of the theme, and what Runsheet itself writes on every site.
pub fn add_files(
    routes: &mut BTreeMap<Route, Target>,
    taken: &mut Taken,
    inputs: &Inputs,
    theme: &Theme,
    config: &Config,
    pages: &[&Arc<Page>],
    diagnostics: &mut Diagnostics,
) {
    for path in inputs.assets.keys() {
        let Some(below) = path.below(CONTENT) else { continue };
        if !taken.add(below) {
            let message = format!("`{below}` is already in the output, under a name that differs in case or form");
            diagnostics.push(Diagnostic::new(rule::PATH_COLLISION, message).in_file(path).help("rename it"));
            continue;
        }
        routes.insert(below.to_owned(), Target::Asset(path.clone()));
    }
    let mut ours: Vec<(Route, Target)> = Vec::new();
    ours.extend(theme_files(theme, config, pages).into_iter().map(|route| (route.clone(), Target::Static(route))));
    ours.extend(theme.assets.iter().map(|(name, path)| (format!("assets/{name}"), Target::Asset(path.clone()))));
    ours.push((NOT_FOUND.to_owned(), Target::NotFound));
    ours.push((MARKER.to_owned(), Target::Marker));
    if config.status.is_some() {
        ours.push(("status/badge.svg".to_owned(), Target::BadgeSvg));
        ours.push(("status/badge.json".to_owned(), Target::BadgeJson));
    }
    add_ours(routes, taken, ours, pages, diagnostics);
    if config.site.search && !taken.add(SEARCH_MANIFEST) {
        report_taken(SEARCH_MANIFEST, routes, pages, diagnostics);
    }
}

/// The text files of the theme that the pages load: in the language of the site, and what pages in others need of them.
fn theme_files(theme: &Theme, config: &Config, pages: &[&Arc<Page>]) -> BTreeSet<Route> {
    let site = theme.languages.site();
    let mut languages: BTreeMap<&str, (&Language, bool)> = BTreeMap::from([(site.file(), (site, true))]);
    for page in pages {
        let (_, has_sheet) = languages.entry(page.language.file()).or_insert((&page.language, false));
        *has_sheet |= page.kind == Kind::RunSheet;
    }
    let is_used = |name: &str, has_sheet: bool| {
        (config.site.search || !theme::SEARCH.contains(&name)) && (has_sheet || !theme::SHEET.contains(&name))
    };
    let files = languages.values().flat_map(|(language, has_sheet)| theme.assets_in(language).iter().map(move |file| (file, *has_sheet)));
    let files = files.filter(|((name, route), has_sheet)| is_used(name, *has_sheet) && theme.statics.contains_key(*route));
    files.map(|((_, route), _)| route.clone()).collect()
}

/// Adds the files that Runsheet itself writes, unless a content file has that name, in any case or Unicode form.
pub fn add_ours(
    routes: &mut BTreeMap<Route, Target>,
    taken: &mut Taken,
    ours: Vec<(Route, Target)>,
    pages: &[&Arc<Page>],
    diagnostics: &mut Diagnostics,
) {
    for (route, target) in ours {
        if !taken.add(&route) {
            report_taken(&route, routes, pages, diagnostics);
            continue;
        }
        routes.insert(route, target);
    }
}

/// Reports which file is in the place of one of Runsheet's own.
fn report_taken(route: &str, routes: &BTreeMap<Route, Target>, pages: &[&Arc<Page>], diagnostics: &mut Diagnostics) {
    let is_there = |other: &str| {
        let (route, other) = (folded(route), folded(other));
        other == route || other.starts_with(&format!("{route}/")) || route.starts_with(&format!("{other}/"))
    };
    let owner = routes.iter().filter(|(other, _)| is_there(other)).find_map(|(_, target)| match target {
        Target::Page(index) => Some(&pages[*index].path),
        Target::Asset(path) => Some(path),
        _ => None,
    });
    let diagnostic =
        Diagnostic::new(rule::PATH_COLLISION, format!("runsheet writes `{route}` itself, and this file would have the same address"));
    let diagnostic = owner.map_or(diagnostic.clone(), |path| diagnostic.in_file(path));
    let help = match route {
        NOT_FOUND => "rename the file; to change that page, add a template `404.html` to your theme",
        _ => "rename the file or its folder",
    };
    diagnostics.push(diagnostic.help(help));
}

/// Files published beside run sheets: their calendars, and the offline script.
pub fn add_sheets(
    routes: &mut BTreeMap<Route, Target>,
    taken: &mut Taken,
    pages: &[SitePage],
    published: &[&Arc<Page>],
    config: &Config,
    diagnostics: &mut Diagnostics,
) {
    let mut ours: Vec<(Route, Target)> = Vec::new();
    for (index, page) in pages.iter().enumerate().filter(|(_, page)| page.page.kind == Kind::RunSheet) {
        let event = page.event.as_deref().and_then(|event| config.events.get(event));
        ours.extend(sheet_calendar(page, event).map(|route| (route, Target::Calendar(index))));
    }
    if pages.iter().any(|page| page.page.kind == Kind::RunSheet) {
        ours.push((WORKER.to_owned(), Target::Worker));
    }
    add_ours(routes, taken, ours, published, diagnostics);
}
