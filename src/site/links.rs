//! Links as on GitHub: from file to file, checked, and turned into addresses of the site.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;

use super::{Route, Site, Target, aliases, hosting, nav, route_of};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::inputs::Inputs;
use crate::page::link::{self, decode};
use crate::page::{Kind, Link};
use crate::project::Page;
use crate::project::{CONTENT, Project};
use crate::rule;
use crate::source::{RelPath, Span};
use crate::text::Names;
use crate::text::address::encode_path;

/// Pages by file, each with its route if it is on the site. Most links lead to one, so they are found by a hash.
type Pages<'a> = IndexMap<&'a RelPath, Entry<'a>, BuildHasherDefault<DefaultHasher>>;

struct Entry<'a> {
    page: &'a Page,
    route: Option<&'a str>,
    /// Its anchors, once a link names one.
    anchors: OnceLock<BTreeSet<&'a str>>,
    /// The anchors by similarity, once a link names a missing one.
    near: OnceLock<Names<'a>>,
}

impl<'a> Entry<'a> {
    fn new(page: &'a Page, route: Option<&'a str>) -> Entry<'a> {
        Entry { page, route, anchors: OnceLock::new(), near: OnceLock::new() }
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.page.headings.iter().map(|heading| heading.anchor.as_str())
    }

    fn has_anchor(&self, anchor: &str) -> bool {
        self.anchors.get_or_init(|| self.names().collect()).contains(anchor)
    }

    fn nearest_anchor(&self, anchor: &str) -> Option<&'a str> {
        self.near.get_or_init(|| Names::new(self.names())).nearest(anchor)
    }
}

/// Candidates for a broken link: names, each with the first file of that name. Built when first needed.
struct Known<'a> {
    names: Names<'a>,
    files: BTreeMap<&'a str, &'a RelPath>,
}

impl<'a> Known<'a> {
    fn new(pairs: impl IntoIterator<Item = (&'a str, &'a RelPath)>) -> Known<'a> {
        let mut files = BTreeMap::new();
        for (name, file) in pairs {
            files.entry(name).or_insert(file);
        }
        Known { names: Names::new(files.keys().copied()), files }
    }

    /// The file whose name is so similar to a wrong one that nothing else is likely.
    fn nearest(&self, wrong: &str) -> Option<&'a RelPath> {
        let name = self.names.nearest(wrong).filter(|name| strsim::jaro(&name.to_lowercase(), &wrong.to_lowercase()) > 0.8)?;
        self.files.get(name).copied()
    }
}

/// Possible targets of a link.
pub struct Index<'a> {
    pages: Pages<'a>,
    inputs: &'a Inputs,
    routes: &'a BTreeMap<Route, Target>,
    published: Vec<&'a Page>,
    /// The repository's address, if there is one.
    repository: Option<&'a str>,
    /// Old addresses, and the pages that moved away from there.
    moved: BTreeMap<Route, &'a RelPath>,
    /// The path below which the site is published, such as `/some/path/`.
    base_path: &'a str,
    /// Pages by their addresses.
    addresses: OnceLock<Known<'a>>,
    /// Pages and files by name, for each ending and, under an empty one, for all.
    names: OnceLock<BTreeMap<String, Known<'a>>>,
}

impl<'a> Index<'a> {
    pub fn new(
        project: &'a Project,
        inputs: &'a Inputs,
        routes: &'a BTreeMap<Route, Target>,
        published: &[&'a Arc<Page>],
        config: &'a Config,
    ) -> Index<'a> {
        let published: Vec<&Page> = published.iter().map(|page| &***page).collect();
        let mut pages: Pages = project.pages.iter().map(|page| (&page.path, Entry::new(page, None))).collect();
        for (route, target) in routes {
            if let Target::Page(index) = target {
                pages.insert(&published[*index].path, Entry::new(published[*index], Some(route)));
            }
        }
        let aliases = published.iter().flat_map(|page| page.front.aliases.iter().map(|alias| (aliases::route(&alias.value), &page.path)));
        let moved = aliases.filter_map(|(route, path)| Some((route.ok()?, path))).collect();
        let base_path = base_path(&config.site.base_url);
        Index {
            pages,
            inputs,
            routes,
            published,
            repository: config.site.repository.as_deref(),
            moved,
            base_path,
            addresses: OnceLock::new(),
            names: OnceLock::new(),
        }
    }

    /// The route of a page's file.
    pub fn route(&self, path: &RelPath) -> Option<&str> {
        self.pages.get(path)?.route
    }

    /// The page, folder or file that a path means: an address relative to the site's root, and the page if it is one.
    fn find(&self, path: &RelPath) -> Option<(String, Option<&Entry<'a>>)> {
        if let Some(entry) = self.pages.get(path) {
            return Some((entry.route?.to_owned(), Some(entry)));
        }
        let below = if path.as_str() == CONTENT { "" } else { path.below(CONTENT)? };
        // A calendar is beside its sheet and has the name of its file.
        let sheet = path.as_str().strip_suffix(".ics").and_then(|stem| RelPath::new(&format!("{stem}.md")));
        if let Some(Entry { page, route: Some(route), .. }) = sheet.and_then(|sheet| self.pages.get(&sheet))
            && page.kind == Kind::RunSheet
        {
            return Some((format!("{}.ics", route.strip_suffix(".html")?), None));
        }
        let index = format!("{}index.html", nav::folder_route(below));
        if self.is_folder(path) && self.routes.contains_key(&index) {
            let page = self.page_at(&index);
            return Some((index, page));
        }
        let page = match self.routes.get(below) {
            Some(Target::Page(_)) => self.page_at(below),
            Some(_) => None,
            None if self.may_be_made(below) => None,
            None => return None,
        };
        Some((below.to_owned(), page))
    }

    /// Whether a route may belong to a generated file: [`check_made`] checks it once all pages are known.
    fn may_be_made(&self, route: &str) -> bool {
        let is_sheet = |stem: &str| self.page_at(&format!("{stem}.html")).is_some_and(|entry| entry.page.kind == Kind::RunSheet);
        hosting::MADE_LATE.contains(&route) || route.strip_suffix(".ics").is_some_and(is_sheet)
    }

    fn page_at(&self, route: &str) -> Option<&Entry<'a>> {
        let Some(Target::Page(index)) = self.routes.get(route) else { return None };
        self.pages.get(&self.published[*index].path)
    }

    /// The page that moved away from the address that a path means.
    fn moved(&self, path: &RelPath) -> Option<&'a RelPath> {
        let below = path.below(CONTENT).unwrap_or(path.as_str());
        let of_page = (path.ending() == "md").then(|| route_of(path));
        let routes = [Some(below.to_owned()), Some(format!("{below}/index.html")), of_page];
        routes.into_iter().flatten().find_map(|route| self.moved.get(&route).copied())
    }

    fn is_folder(&self, path: &RelPath) -> bool {
        path.as_str() == CONTENT || self.inputs.listing.contains(path) && !self.inputs.sources.contains_key(path)
    }

    /// Help for a link to a path that does not exist.
    fn suggestion(&self, from: &RelPath, link: &Link, path: &RelPath) -> Option<String> {
        let near = match link.path.strip_prefix('/') {
            Some(_) if link.path.starts_with(self.base_path) => self.nearest_file(from, &link.path[self.base_path.len()..]),
            Some(address) => self.nearest_file(from, address),
            None => None,
        };
        let near = near.or_else(|| self.nearest_path(from, path));
        let absolute = || link.path.starts_with('/').then(|| "link to a file, such as `page.md` or `../folder/page.md`".to_owned());
        near.map(|near| format!("did you mean `{near}`?")).or_else(absolute)
    }

    /// The file of the page whose address is similar to a missing one.
    fn nearest_address(&self, address: &str) -> Option<&'a RelPath> {
        let addresses = self.addresses.get_or_init(|| {
            let pages = self.pages.iter().filter_map(|(path, entry)| Some((plain(entry.route?), *path)));
            Known::new(pages.filter(|(address, _)| !address.is_empty()))
        });
        addresses.nearest(plain(address.trim_end_matches(".md")))
    }

    /// The same, as written from another file.
    fn nearest_file(&self, from: &RelPath, address: &str) -> Option<String> {
        self.nearest_address(address).map(|path| relative(from.parent(), path.as_str()))
    }

    /// The page, file or folder that an address below the site's root means: its address, and the page if it is one.
    fn at(&self, address: &str) -> Option<Option<&Entry<'a>>> {
        // Many servers also answer for `page` and `folder`.
        let forms = if address.is_empty() || address.ends_with('/') {
            vec![format!("{address}index.html")]
        } else {
            vec![address.to_owned(), format!("{address}.html"), format!("{address}/index.html")]
        };
        let route = forms.iter().find(|route| self.routes.contains_key(*route))?;
        Some(self.page_at(route))
    }

    /// A file whose name is similar to that of a missing one.
    fn nearest_path(&self, from: &RelPath, path: &RelPath) -> Option<String> {
        let names = self.names.get_or_init(|| {
            let mut pairs: BTreeMap<String, Vec<(&str, &RelPath)>> = BTreeMap::new();
            for file in self.pages.keys().copied().chain(self.inputs.assets.keys()) {
                for ending in BTreeSet::from([String::new(), file.ending()]) {
                    pairs.entry(ending).or_default().push((file.name(), file));
                }
            }
            pairs.into_iter().map(|(ending, pairs)| (ending, Known::new(pairs))).collect()
        });
        let found = names.get(&path.ending())?.nearest(path.name())?;
        Some(relative(from.parent(), found.as_str()))
    }
}

/// The distinctive part of a page's address.
fn plain(route: &str) -> &str {
    route.trim_end_matches("index.html").trim_end_matches(".html").trim_matches('/')
}

/// The address of each link of a page, relative to the site's root. Broken links are reported.
pub fn resolve(page: &Page, index: &Index, diagnostics: &mut Diagnostics) -> Vec<Option<String>> {
    page.links
        .iter()
        .map(|link| match target(&page.path, index.pages.get(&page.path), link, index) {
            Ok(address) => Some(address),
            Err(diagnostic) => {
                diagnostics.push(diagnostic.at(&page.path, link.span.clone()));
                None
            }
        })
        .collect()
}

/// The target of a link in a file other than a page: its address relative to the site's root.
pub fn of_file(from: &RelPath, link: &Link, index: &Index) -> Result<String, Diagnostic> {
    target(from, None, link, index)
}

/// The target of a link in the file `from`, which may be a page.
fn target(from: &RelPath, page: Option<&Entry>, link: &Link, index: &Index) -> Result<String, Diagnostic> {
    if link.path.is_empty() && (link.image || link.fragment.is_none()) {
        return Err(Diagnostic::new(rule::BROKEN_LINK, "the link is empty").help("add the target"));
    }
    if link.path.is_empty() {
        let route = index.route(from).unwrap_or_default();
        return with_fragment(route.to_owned(), page, link.fragment.as_deref());
    }
    let Some(path) = from.join(&link.path) else {
        let message = format!("`{}` leads out of the project", link.path);
        return Err(Diagnostic::new(rule::BROKEN_LINK, message));
    };
    // A path from the root may mean the repository, as on GitHub, or the site.
    let in_content = link.path.starts_with('/').then(|| RelPath::new(&format!("{CONTENT}{}", link.path))).flatten();
    // If `base_url` has a path, an address copied from a browser begins with that path.
    let below_base = link.path.strip_prefix(index.base_path).and_then(|rest| RelPath::new(&format!("{CONTENT}/{rest}")));
    for path in [Some(&path), in_content.as_ref(), below_base.as_ref()].into_iter().flatten() {
        if let Some((address, found)) = index.find(path) {
            if link.image && address.ends_with(".html") {
                let message = format!("`{}` is a page, not an image", link.path);
                return Err(Diagnostic::new(rule::BROKEN_LINK, message).help("remove the `!` to link to it"));
            }
            return with_fragment(address, found, link.fragment.as_deref());
        }
    }
    if index.pages.contains_key(&path) {
        return Err(Diagnostic::new(rule::BROKEN_LINK, format!("`{}` is never published", link.path)));
    }
    outside(from, link, &path, index)
}

/// A file of the project outside the site: it is shown in the repository.
fn outside(from: &RelPath, link: &Link, path: &RelPath, index: &Index) -> Result<String, Diagnostic> {
    if !index.inputs.listing.contains(path) {
        let message = format!("`{}` does not exist", link.path);
        let moved = index.moved(path).map(|now| format!("link to `{}`, where the page has moved", relative(from.parent(), now.as_str())));
        return Err(Diagnostic::new(rule::BROKEN_LINK, message).maybe_help(moved.or_else(|| index.suggestion(from, link, path))));
    }
    if path.below(CONTENT).is_some() {
        let message = format!("`{}` is not published", link.path);
        let help = "link to another file: this is a draft, a private file, or of a type that is not copied";
        return Err(Diagnostic::new(rule::BROKEN_LINK, message).help(help));
    }
    let Some(repository) = index.repository else {
        let message = format!("`{}` is not on the site", link.path);
        let help = "set `repository` in [site] so that such links lead there";
        return Err(Diagnostic::new(rule::BROKEN_LINK, message).help(help));
    };
    if link.image {
        let message = format!("the image `{}` is not below `content/`", link.path);
        return Err(Diagnostic::new(rule::BROKEN_LINK, message).help("move it there, as only that folder is published"));
    }
    let fragment = link.fragment.as_ref().map(|fragment| format!("#{fragment}")).unwrap_or_default();
    let path = encode_path(format!("{}{path}", index.inputs.repository_folder));
    Ok(format!("{}/blob/HEAD/{path}{}", link::encode(repository), link::encode(&fragment)))
}

fn with_fragment(address: String, entry: Option<&Entry>, fragment: Option<&str>) -> Result<String, Diagnostic> {
    let address = link::encode_name(&address);
    let Some(fragment) = fragment else { return Ok(address) };
    // Browsers go to the top for these two.
    let is_top = matches!(fragment, "" | "top");
    if let Some(entry) = entry
        && !is_top
        && !entry.has_anchor(fragment)
    {
        let message = format!("there is no heading `#{fragment}` in {}", entry.page.path);
        let help = entry.nearest_anchor(fragment).map(|nearest| format!("did you mean `#{nearest}`?"));
        return Err(Diagnostic::new(rule::BROKEN_ANCHOR, message).maybe_help(help));
    }
    Ok(format!("{address}#{}", link::encode(fragment)))
}

/// Reports links in pages, in the look and in `[links]` to unpublished addresses of the site itself. Few sites have such links, so
/// the index is built at the first one.
pub fn check_own<'a>(project: &Project, config: &Config, index: impl FnOnce() -> Index<'a>, diagnostics: &mut Diagnostics) {
    let index = LazyCell::new(index);
    let of_pages = project.pages.iter().flat_map(|page| page.external.iter().map(|link| (&page.path, link)));
    let config_path = crate::source::configuration();
    let of_look = config.look.external.iter().map(|link| (&config_path, link));
    for (from, external) in of_pages.chain(of_look) {
        let Some(rest) = link::below(&external.url, &config.site.base_url) else { continue };
        let as_link = |address: &str| {
            let near = index.nearest_file(from, address);
            near.map_or("write it as a link to the file".to_owned(), |near| format!("write it as a link to the file: `{near}`"))
        };
        diagnostics.extend(own_fault(rest, &index, as_link).map(|diagnostic| diagnostic.at(from, external.span.clone())));
    }
    // Notices use these links, so they are full addresses.
    for (name, url) in &config.links {
        let (Some(rest), Some(span)) = (link::below(url, &config.site.base_url), config.link_places.get(name)) else { continue };
        let as_address = |address: &str| match index.nearest_address(address).and_then(|path| index.pages.get(path)?.route) {
            Some(near) => format!("did you mean `{}{near}`?", config.site.base_url),
            None => "create a page for it, or use an address of another site".to_owned(),
        };
        diagnostics.extend(own_fault(rest, &index, as_address).map(|diagnostic| diagnostic.at(&config_path, span.clone())));
    }
}

/// What is wrong with a link to an address of this site; `rest` is the part after the site's own address, `help` the suggestion for
/// a broken address.
fn own_fault(rest: &str, index: &Index, help: impl Fn(&str) -> String) -> Option<Diagnostic> {
    let (address, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let address = decode(address.split('?').next().unwrap_or(""));
    let Some(found) = index.at(&address) else {
        return Some(Diagnostic::new(rule::BROKEN_LINK, format!("`{address}` is not on this site")).help(help(&address)));
    };
    with_fragment(String::new(), found, Some(&decode(fragment))).err()
}

/// Reports links to targets that turned out not to exist: generated files, and headings that a template has left out.
pub fn check_made(site: &Site, diagnostics: &mut Diagnostics) {
    let left_out: BTreeSet<(&str, &str)> =
        site.pages.iter().flat_map(|page| page.left_out().into_iter().map(|anchor| (&*page.route, anchor))).collect();
    let mut check = |path: &RelPath, span: &Span, address: &str| {
        let (route, fragment) = address.split_once('#').unwrap_or((address, ""));
        let is_there = |route: &str| site.routes.contains_key(route);
        let diagnostic = if is_made_late(route) && !is_there(route) && !is_there(&decode(route)) {
            Diagnostic::new(rule::BROKEN_LINK, format!("`{route}` is not generated")).help(hosting::why_not(route))
        } else if !left_out.is_empty() && left_out.contains(&(&*decode(route), &*decode(fragment))) {
            Diagnostic::new(rule::BROKEN_ANCHOR, format!("the template of `{route}` leaves out `#{fragment}`"))
        } else {
            return;
        };
        diagnostics.push(diagnostic.at(path, span.clone()));
    };
    for page in &site.pages {
        let made = page.links_made();
        for (number, (link, address)) in page.page.links.iter().zip(&page.links).enumerate() {
            let Some(address) = address.as_deref() else { continue };
            // Nearly all links lead to pages.
            if (!left_out.is_empty() || is_made_late(address)) && made.as_ref().is_none_or(|made| made.contains(&number)) {
                check(&page.page.path, &link.span, address);
            }
        }
    }
    for (link, address) in site.look.to_own(&site.config.look) {
        check(&crate::source::configuration(), &link.span, address);
    }
}

/// Whether an address belongs to a generated file that exists, or does not exist.
fn is_made_late(address: &str) -> bool {
    let route = address.split('#').next().unwrap_or("");
    hosting::MADE_LATE.contains(&route) || route.ends_with(".ics") && !route.contains("://")
}

/// The path of a web address, from its first `/` on.
fn base_path(base_url: &str) -> &str {
    let rest = base_url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').map_or("/", |slash| &rest[slash..])
}

/// A path as it is written in a file of `folder`.
fn relative(folder: &str, path: &str) -> String {
    let from: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = path.split('/').collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = "../".repeat(from.len() - common);
    format!("{up}{}", to[common..].join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_written_as_links() {
        assert_eq!(relative("content/docs", "content/docs/A.md"), "A.md");
        assert_eq!(relative("content/docs", "content/guide/b.md"), "../guide/b.md");
        assert_eq!(relative("content", "content/guide/b.md"), "guide/b.md");
    }
}
