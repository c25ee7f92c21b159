//! The files and links that `[look]` names: files must be on the site, and links must lead somewhere.

use std::collections::BTreeMap;

use super::{Route, Target, links};
use crate::config::{Config, Destination, Look};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::Link;
use crate::project::CONTENT;
use crate::rule;
use crate::source::RelPath;
use crate::text::suggest;

/// The targets of the links of `[look]` within this site, relative to its root; `None` for external or broken links.
#[derive(Debug, Default)]
pub struct LookLinks {
    pub header: Vec<Option<String>>,
    pub footer: Vec<Option<String>>,
}

/// Resolves the files and links of `[look]`, and reports missing ones.
pub fn resolve(config: &Config, index: &links::Index, routes: &BTreeMap<Route, Target>, diagnostics: &mut Diagnostics) -> LookLinks {
    let look = &config.look;
    for file in [&look.logo, &look.font_file].into_iter().flatten() {
        if !matches!(routes.get(file.value.as_str()), Some(Target::Asset(_))) {
            let files = routes.iter().filter(|(_, target)| matches!(target, Target::Asset(_))).map(|(route, _)| route.as_str());
            let help = suggest(file.value.as_str(), files).unwrap_or_else(|| "put the file in `content/`".to_owned());
            let diagnostic = Diagnostic::new(rule::BROKEN_LINK, format!("file not found: `{CONTENT}/{}`", file.value));
            diagnostics.push(diagnostic.at(&crate::source::configuration(), file.span.clone()).help(help));
        }
    }
    // Paths are relative to `content/`, like those of the files above.
    let Some(from) = RelPath::new(&format!("{CONTENT}/{}", crate::source::FILE_NAME)) else { return LookLinks::default() };
    let mut resolve = |link: &Link| match target(&from, link, index) {
        Ok(address) => Some(address),
        Err(diagnostic) => {
            diagnostics.push(diagnostic.at(&crate::source::configuration(), link.span.clone()));
            None
        }
    };
    let header = look.header.iter().map(|link| match &link.to {
        Destination::Elsewhere(_) => None,
        Destination::Here(link) => resolve(link),
    });
    let header = header.collect();
    LookLinks { header, footer: look.footer.iter().flat_map(|footer| &footer.links).map(resolve).collect() }
}

fn target(from: &RelPath, link: &Link, index: &links::Index) -> Result<String, Diagnostic> {
    match &link.fragment {
        // The top of the page being read.
        Some(fragment) if link.path.is_empty() && matches!(&**fragment, "" | "top") => Ok("#".to_owned()),
        Some(fragment) if link.path.is_empty() => {
            let diagnostic = Diagnostic::new(rule::BROKEN_ANCHOR, format!("`#{fragment}` is not on every page"));
            Err(diagnostic.help("add the page, such as `guide/index.md#anchor`"))
        }
        _ => links::of_file(from, link, index),
    }
}

impl LookLinks {
    /// The links to this site, with their addresses.
    pub fn to_own<'s>(&'s self, look: &'s Look) -> impl Iterator<Item = (&'s Link, &'s str)> {
        let header = look.header.iter().zip(&self.header).filter_map(|(link, address)| match &link.to {
            Destination::Here(link) => Some((link, address.as_deref()?)),
            Destination::Elsewhere(_) => None,
        });
        let footer = look.footer.iter().flat_map(|footer| &footer.links).zip(&self.footer);
        header.chain(footer.filter_map(|(link, address)| Some((link, address.as_deref()?))))
    }
}
