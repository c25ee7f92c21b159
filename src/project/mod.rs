//! A project: the content of all its files, each read separately.

pub mod kind;
pub mod page;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::inputs::{Inputs, Skipped};
use crate::language::Languages;
use crate::rule;
use crate::source::{RelPath, Source};

pub use page::Page;

/// The folder whose Markdown becomes pages.
pub const CONTENT: &str = "content";

/// Whether a file is the source of a page.
pub fn is_page(path: &RelPath) -> bool {
    path.below(CONTENT).is_some() && path.ending() == "md"
}

/// All files, parsed. Nothing here depends on another file.
#[derive(Clone, Debug)]
pub struct Project {
    pub config: Config,
    pub pages: Vec<Arc<Page>>,
    pub diagnostics: Diagnostics,
    /// The roles of all events, needed for reading pages.
    roles: BTreeMap<String, String>,
    /// The languages that they are written in.
    languages: Languages,
    /// Pages and the texts they were made from, so that after an edit only one page is read.
    memo: BTreeMap<RelPath, (Arc<str>, Arc<Page>)>,
}

/// Reads all files, in parallel. Never fails; reuses pages that `earlier` already has.
pub fn parse(inputs: &Inputs, config: Config, languages: &Languages, mut diagnostics: Diagnostics, earlier: Option<&Project>) -> Project {
    let roles: BTreeMap<String, String> =
        config.events.values().flat_map(|event| event.roles.iter().map(|(key, title)| (key.clone(), title.clone()))).collect();
    let sources: Vec<_> = inputs.sources.values().filter(|source| is_page(&source.path)).collect();
    let earlier = earlier.filter(|earlier| earlier.roles == roles && earlier.languages == *languages);
    let known = |source: &Source| {
        let (text, page) = earlier?.memo.get(&source.path)?;
        (*text == source.text).then(|| Arc::clone(page))
    };
    let parsed: Vec<Arc<Page>> =
        sources.par_iter().map(|source| known(source).unwrap_or_else(|| Arc::new(page::parse(source, &roles, languages)))).collect();
    let pages: Vec<Arc<Page>> = parsed.iter().filter(|page| !page.front.draft).cloned().collect();
    for page in &parsed {
        diagnostics.extend(page.diagnostics.iter().cloned());
    }
    report_skipped(inputs, &mut diagnostics);
    let memo = sources.iter().zip(parsed).map(|(source, page)| (source.path.clone(), (Arc::clone(&source.text), page))).collect();
    Project { config, pages, diagnostics, roles, languages: languages.clone(), memo }
}

fn report_skipped(inputs: &Inputs, diagnostics: &mut Diagnostics) {
    for (path, reason) in &inputs.skipped {
        diagnostics.extend(skipped(path, reason));
    }
}

fn skipped(path: &RelPath, reason: &Skipped) -> Option<Diagnostic> {
    let (rule, message, help) = match reason {
        Skipped::Symlink => (rule::SYMLINK, "a symbolic link is not followed", "put the file itself below `content/`"),
        Skipped::Special => (rule::SPECIAL_FILE, "not a regular file, so it is left out", "remove it from `content/`"),
        Skipped::Name => (rule::BAD_NAME, "the name can't be part of an address", "use letters, digits, `-`, `_` and `.`"),
        Skipped::Private => {
            (rule::PRIVATE_FILE, "the file is not published: it may contain recipients or secrets", "keep such files outside `content/`")
        }
        Skipped::Type => {
            (rule::ASSET_TYPE, "the file is not published: its type is not supported", "use one of the file types that the manual lists")
        }
        Skipped::TooLarge => (rule::FILE_TOO_LARGE, "the text is larger than 16 MiB and was not read", "split it"),
        Skipped::NotUtf8(byte) => {
            let message = format!("the file is not UTF-8 from byte {byte} onwards");
            return Some(Diagnostic::new(rule::BAD_ENCODING, message).in_file(path).help("save it as UTF-8"));
        }
    };
    Some(Diagnostic::new(rule, message).in_file(path).help(help))
}
