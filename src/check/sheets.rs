//! The rules about run sheets.

use std::collections::BTreeMap;

use super::{blanks, contacts, gates, outcomes, owners, ranges, slots, thresholds, unread};
use crate::diagnostic::Diagnostics;
use crate::inputs::Inputs;
use crate::page::Kind;
use crate::project::Page;
use crate::site::Site;
use crate::source::Source;

/// A run sheet with its file and its plan.
pub struct Sheet<'a> {
    pub page: &'a Page,
    pub source: &'a Source,
    pub sheet: &'a crate::sheet::Sheet,
    /// The roles of its event.
    pub roles: &'a BTreeMap<String, String>,
}

impl Sheet<'_> {
    /// The Markdown, without the front matter.
    pub fn body(&self) -> &str {
        &self.source.text[self.page.begins..]
    }
}

pub fn check(site: &Site, inputs: &Inputs, diagnostics: &mut Diagnostics) {
    let no_roles = BTreeMap::new();
    for site_page in site.pages.iter().filter(|page| page.page.kind == Kind::RunSheet) {
        let Some(source) = inputs.sources.get(&site_page.page.path) else { continue };
        let roles = site.event(site_page.event.as_deref()).map_or(&no_roles, |event| &event.roles);
        let sheet = Sheet { page: &site_page.page, source, sheet: &site_page.sheet, roles };
        owners::check(&sheet, diagnostics);
        outcomes::check(&sheet, diagnostics);
        thresholds::check(&sheet, diagnostics);
        ranges::check(&sheet, diagnostics);
        slots::check(&sheet, diagnostics);
        gates::check(&sheet, diagnostics);
        blanks::check(&sheet, diagnostics);
        contacts::check(&sheet, diagnostics);
        unread::check(&sheet, diagnostics);
    }
}
