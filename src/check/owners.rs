//! `step-owner`: tasks without an owner.

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::ItemKind;
use crate::rule;
use crate::sheet::owner;

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    let page = sheet.page;
    let is_open = |item: &&crate::page::Item| {
        matches!(item.kind, ItemKind::Task { done: false })
            && item.parent.is_none()
            && sheet.sheet.step(item).is_some()
            && owner(page, sheet.sheet, item).is_none()
    };
    let without: Vec<_> = page.items.iter().filter(is_open).collect();
    let Some(first) = without.first() else { return };
    // A sheet without any owner gives one diagnostic, not one for each task.
    let names_nobody = page.items.iter().all(|item| item.owner.is_none()) && page.headings.iter().all(|heading| heading.owner.is_none());
    let message = match without.len() - 1 {
        _ if names_nobody => "no task in this run sheet has an owner".to_owned(),
        0 => "this task has no owner".to_owned(),
        more => format!("this task and {more} more below have no owner"),
    };
    let diagnostic = Diagnostic::new(rule::STEP_OWNER, message).at(&page.path, super::first_line(sheet.source, &first.span));
    diagnostics.push(diagnostic.help("add the role that does it, such as `(owner: dba; ~10m)`, at the end of the task or of its heading"));
}
