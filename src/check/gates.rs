//! `gate-missing`: a step destroys something without a gate before it.

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::{Item, ItemKind, entry};
use crate::rule;
use crate::sheet::is_main;

/// Words for actions that cannot be undone.
const VERBS: [&str; 9] = ["delete", "drop", "destroy", "wipe", "purge", "erase", "decommission", "revoke", "truncate"];

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    let page = sheet.page;
    let is_gate = |item: &Item| matches!(item.kind, ItemKind::Choice(_)) || entry::is_gate(&item.text);
    for (number, heading) in page.headings.iter().enumerate().filter(|(_, heading)| entry::is_gate(&heading.text)) {
        let behind = page.headings[number + 1..].iter().take_while(|below| below.level > heading.level).count();
        // Items are in the order of their headings.
        let first = page.items.partition_point(|item| item.section < Some(number));
        let mut items = page.items[first..].iter().take_while(|item| item.section <= Some(number + behind)).peekable();
        if items.peek().is_some() && !items.any(is_gate) {
            let message = "this gate has no decision, so nothing waits for it";
            let diagnostic = Diagnostic::new(rule::GATE_MISSING, message).at(&page.path, super::first_line(sheet.source, &heading.span));
            diagnostics.push(diagnostic.help("add one below it: `- Decision: [ ] GO [ ] NO-GO [ ] HOLD`"));
        }
    }
    // After the first gate, everything has been approved.
    for item in page.items.iter().take_while(|item| !is_gate(item)) {
        if !matches!(item.kind, ItemKind::Task { done: false }) || !is_main(page, item) {
            continue;
        }
        let Some(verb) = verb(&item.text) else { continue };
        let message = format!("`{verb}` can't be undone, but no gate comes before it");
        let diagnostic = Diagnostic::new(rule::GATE_MISSING, message).at(&page.path, super::first_line(sheet.source, &item.span));
        diagnostics.push(diagnostic.help("add a gate before it: a heading `Gate: …` with `- Decision: [ ] GO [ ] NO-GO [ ] HOLD`"));
    }
}

/// The first word that destroys something and begins a sentence or a part of one.
fn verb(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let parts = lower.split([',', ';', ':', '.']).flat_map(|part| part.split(" and ")).flat_map(|part| part.split(" then "));
    parts.map(str::trim).find_map(|part| {
        let first = part.split(|c: char| !(c.is_alphanumeric() || c == '-')).next()?;
        VERBS.iter().find(|verb| **verb == first).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_imperatives_destroy() {
        assert_eq!(verb("Delete the old project"), Some("delete"));
        assert_eq!(verb("On the app host, drop the table"), Some("drop"));
        assert_eq!(verb("Export it and wipe the disk"), Some("wipe"));
        assert_eq!(verb("Set the date on which it is deleted"), None);
        assert_eq!(verb("See who may delete rows"), None);
        assert_eq!(verb("Drop-off rate is normal"), None);
    }
}
