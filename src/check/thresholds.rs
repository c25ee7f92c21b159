//! `alarm-threshold`: stop conditions without a number, which two people would judge differently.

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::ItemKind;
use crate::rule;

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    for item in &sheet.page.items {
        let ItemKind::Alarm(alarm) = &item.kind else { continue };
        if alarm.has_threshold {
            continue;
        }
        let diagnostic = Diagnostic::new(rule::ALARM_THRESHOLD, "this stop condition has no number");
        let diagnostic = diagnostic.at(&sheet.page.path, super::first_line(sheet.source, &item.span));
        diagnostics.push(diagnostic.help("say how much, and for how long, such as `> 5 % of the logins fail for 10 min`"));
    }
}
