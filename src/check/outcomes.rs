//! `step-verification`: commands without a way to tell whether they worked.

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::ItemKind;
use crate::rule;

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    for item in &sheet.page.items {
        let is_task = matches!(item.kind, ItemKind::Task { done: false });
        if !is_task || !item.has_command || item.has_outcome {
            continue;
        }
        let diagnostic = Diagnostic::new(rule::STEP_VERIFICATION, "this task runs commands but doesn't say how to verify them");
        let diagnostic = diagnostic.at(&sheet.page.path, super::first_line(sheet.source, &item.span));
        diagnostics.push(diagnostic.help("add a bullet below it that starts with `Expect:` or `Verify:`"));
    }
}
