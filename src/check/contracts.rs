//! `contract`: words that a file promises to keep, and files that must be there.

use crate::config::Contract;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::inputs::Inputs;
use crate::project::Project;
use crate::rule;

pub fn check(project: &Project, inputs: &Inputs, diagnostics: &mut Diagnostics) {
    let config = crate::source::configuration();
    for contract in &project.config.contracts {
        let path = &contract.path.value;
        let Some(source) = inputs.sources.get(path) else {
            let message = format!("cannot read the file of a contract: `{path}`");
            diagnostics.push(Diagnostic::new(rule::CONTRACT, message).at(&config, contract.path.span.clone()));
            continue;
        };
        let Some(text) = part(project, contract, &source.text) else {
            let section = contract.section.as_deref().unwrap_or("");
            let message = format!("`{path}` has no notice or heading named `{section}`");
            diagnostics.push(Diagnostic::new(rule::CONTRACT, message).at(&config, contract.path.span.clone()));
            continue;
        };
        for words in &contract.contains {
            if !text.contains(&words.value) {
                let path = contract.section.as_ref().map_or_else(|| path.to_string(), |section| format!("{path}#{section}"));
                let message = format!("`{path}` must contain `{}`, but does not", words.value);
                let help = "restore the words, or change the contract if you mean it";
                diagnostics.push(Diagnostic::new(rule::CONTRACT, message).at(&config, words.span.clone()).help(help));
            }
        }
        for target in &contract.links_to {
            if !inputs.listing.contains(&target.value) {
                let message = format!("`{path}` relies on a file that does not exist: `{}`", target.value);
                diagnostics.push(Diagnostic::new(rule::CONTRACT, message).at(&config, target.span.clone()));
            }
        }
    }
}

/// The part of the file that a contract is about: all of it, a notice, or the text below a heading.
fn part<'t>(project: &Project, contract: &Contract, text: &'t str) -> Option<&'t str> {
    let Some(section) = &contract.section else { return Some(text) };
    // Pages are in the order of their files.
    let page = &project.pages[project.pages.binary_search_by(|page| page.path.cmp(&contract.path.value)).ok()?];
    if let Some(notice) = page.notices.iter().find(|notice| notice.name == *section) {
        return text.get(notice.extent.clone());
    }
    let at = page.headings.iter().position(|heading| heading.anchor == *section)?;
    let level = page.headings[at].level;
    let next = page.headings[at + 1..].iter().find(|heading| heading.level <= level);
    text.get(page.headings[at].span.start..next.map_or(text.len(), |heading| heading.span.start))
}
