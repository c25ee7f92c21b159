//! Sections and navigation: folders become the sidebar and the breadcrumbs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{Route, Site, Target, is_index};
use crate::language::Language;
use crate::page::slug;
use crate::project::CONTENT;
use crate::project::Page;
use crate::project::page::humanise;

/// A folder below `content/`.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its path below `content/`; empty for the top.
    pub folder: String,
    pub route: Route,
    pub title: String,
    pub weight: i64,
    /// The page of the folder.
    pub index: Option<usize>,
    /// Its pages in order, except its own page.
    pub pages: Vec<usize>,
}

/// A page above another.
#[derive(Clone, Debug, Serialize)]
pub struct Crumb {
    pub title: String,
    pub url: Route,
    /// Attributes that name its language, if that is another one than that of the page which it stands on.
    pub mark: String,
}

/// An entry of the sidebar.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub title: String,
    pub url: Route,
    /// Attributes that name its language, if that is not the site's.
    pub mark: String,
    pub open: bool,
    pub children: Vec<Entry>,
}

/// The route of a folder, with a `/` at its end; empty for the top.
pub fn folder_route(folder: &str) -> Route {
    folder.split('/').filter(|part| !part.is_empty()).map(|part| format!("{}/", slug::address(part))).collect()
}

fn folder_of(page: &Page) -> &str {
    let below = page.path.below(CONTENT).unwrap_or("");
    below.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// All folders with pages, and the folders above them, the top first.
pub fn sections(pages: &[&Arc<Page>], language: &Language) -> Vec<Section> {
    let mut folders: BTreeMap<String, Section> = BTreeMap::new();
    for page in pages {
        let mut folder = folder_of(page);
        loop {
            folders.entry(folder.to_owned()).or_insert_with(|| empty(folder, language));
            if folder.is_empty() {
                break;
            }
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    folders.entry(String::new()).or_insert_with(|| empty("", language));
    for (index, page) in pages.iter().enumerate() {
        let Some(section) = folders.get_mut(folder_of(page)) else { continue };
        if is_index(page.path.stem()) {
            section.index = Some(index);
            section.title.clone_from(&page.title);
            section.weight = page.front.weight;
        } else {
            section.pages.push(index);
        }
    }
    for section in folders.values_mut() {
        section.pages.sort_by_cached_key(|index| (pages[*index].front.weight, order(&pages[*index].title)));
    }
    folders.into_values().collect()
}

/// The sort key of a title: its letters without case and accents, numbers by value, and the title itself as a tie-breaker.
pub fn order(title: &str) -> String {
    let mut key = String::with_capacity(2 * title.len() + 8);
    let mut digits = String::new();
    // Nearly all titles are ASCII, and each is in several lists.
    let plain = match title.is_ascii() {
        true => title.to_ascii_lowercase(),
        false => title.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect(),
    };
    for c in plain.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            // A number with more digits is larger; leading zeros don't count.
            let number = digits.trim_start_matches('0');
            key.push_str(&format!("0{:03}{number}", number.len()));
            digits.clear();
        }
        key.push(c);
    }
    key.push_str(title);
    key
}

fn empty(folder: &str, language: &Language) -> Section {
    let name = folder.rsplit('/').next().unwrap_or("");
    let title = if folder.is_empty() { language.text("frame.home").to_owned() } else { humanise(name) };
    Section {
        folder: folder.to_owned(),
        route: format!("{}index.html", folder_route(folder)),
        title,
        weight: 0,
        index: None,
        pages: Vec::new(),
    }
}

/// The attributes of a text in another language than what surrounds it; its direction, too, if that is another one.
pub fn mark(of: &Language, around: &Language) -> String {
    if of.tag() == around.tag() {
        return String::new();
    }
    let turns_back = around.is_right_to_left() && !of.is_right_to_left();
    of.attributes() + if turns_back { " dir=\"ltr\"" } else { "" }
}

/// Sections by folder, and the subsections of each, in order.
#[derive(Debug, Default)]
pub struct Folders {
    by_name: BTreeMap<String, usize>,
    below: BTreeMap<String, Vec<usize>>,
}

impl Folders {
    pub fn new(sections: &[Section]) -> Folders {
        let mut folders = Folders::default();
        for (index, section) in sections.iter().enumerate() {
            folders.by_name.insert(section.folder.clone(), index);
            if !section.folder.is_empty() {
                let above = section.folder.rsplit_once('/').map_or("", |(above, _)| above);
                folders.below.entry(above.to_owned()).or_default().push(index);
            }
        }
        for below in folders.below.values_mut() {
            below.sort_by_cached_key(|index| (sections[*index].weight, order(&sections[*index].title)));
        }
        folders
    }
}

impl Site {
    /// The folder of a route, below `content/`.
    pub fn folder(&self, route: &str) -> &str {
        match self.routes.get(route) {
            Some(Target::Page(index)) => folder_of(&self.pages[*index].page),
            Some(Target::Section(index)) => &self.sections[*index].folder,
            _ => "",
        }
    }

    /// Sections directly below a folder, in order.
    pub fn sections_below(&self, folder: &str) -> Vec<&Section> {
        self.folders.below.get(folder).into_iter().flatten().map(|index| &self.sections[*index]).collect()
    }

    pub fn section(&self, folder: &str) -> Option<&Section> {
        self.folders.by_name.get(folder).map(|index| &self.sections[*index])
    }

    /// The language of a folder's title.
    pub fn language_of(&self, section: &Section) -> &Language {
        section.index.map_or(self.languages.site(), |index| &self.pages[index].page.language)
    }

    fn is_in_nav(&self, index: usize) -> bool {
        self.pages[index].page.front.nav != Some(false)
    }

    /// The sidebar for the pages of a folder: the top level, and their own section with those above it.
    pub fn entries(&self, folder: &str) -> Vec<Entry> {
        self.entries_of("", folder)
    }

    fn entries_of(&self, folder: &str, current_folder: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let Some(section) = self.section(folder) {
            for index in section.pages.iter().filter(|index| self.is_in_nav(**index)) {
                let page = &self.pages[*index];
                let weight = page.page.front.weight;
                let mark = mark(&page.page.language, self.languages.site());
                let entry = Entry { title: page.page.title.clone(), url: page.route.clone(), mark, open: false, children: Vec::new() };
                entries.push(((weight, order(&page.page.title)), entry));
            }
        }
        for section in self.sections_below(folder) {
            if section.index.is_some_and(|index| !self.is_in_nav(index)) {
                continue;
            }
            let inside = current_folder == section.folder || current_folder.starts_with(&format!("{}/", section.folder));
            let children = if inside { self.entries_of(&section.folder, current_folder) } else { Vec::new() };
            let mark = mark(self.language_of(section), self.languages.site());
            let entry = Entry { title: section.title.clone(), url: section.route.clone(), mark, open: inside, children };
            entries.push(((section.weight, order(&section.title)), entry));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The sections above a route, the top first.
    pub fn breadcrumbs(&self, route: &str, language: &Language) -> Vec<Crumb> {
        let mut crumbs = Vec::new();
        let mut folder = self.folder(route);
        loop {
            if let Some(section) = self.section(folder)
                && section.route != route
            {
                let (title, mark) = match folder {
                    "" => (language.text("frame.home").to_owned(), language.mark("frame").to_owned()),
                    _ => (section.title.clone(), mark(self.language_of(section), language)),
                };
                crumbs.push(Crumb { title, url: section.route.clone(), mark });
            }
            if folder.is_empty() {
                break;
            }
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
        crumbs.reverse();
        crumbs
    }

    /// The pages before and after a page in its section.
    pub fn neighbours(&self, route: &str) -> (Option<Crumb>, Option<Crumb>) {
        let Some(section) = self.section(self.folder(route)) else { return (None, None) };
        let pages: Vec<&usize> = section.pages.iter().filter(|index| self.is_in_nav(**index)).collect();
        let Some(at) = pages.iter().position(|index| self.pages[**index].route == route) else { return (None, None) };
        let language = &self.pages[*pages[at]].page.language;
        let crumb = |index: &&usize| {
            let page = &self.pages[**index];
            Crumb { title: page.page.title.clone(), url: page.route.clone(), mark: mark(&page.page.language, language) }
        };
        let before = at.checked_sub(1).and_then(|at| pages.get(at));
        (before.map(crumb), pages.get(at + 1).map(crumb))
    }
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn titles_are_in_the_order_of_readers() {
        let expected = ["Äpfel", "apple", "Chapter 1", "Chapter 02", "Chapter 2", "Chapter 10", "éclair", "iOS", "Über", "Zebra"];
        let mut titles = expected;
        titles.reverse();
        titles.sort_by_cached_key(|title| order(title));
        assert_eq!(titles, expected);
    }
}
