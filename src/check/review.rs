//! `review-overdue`: pages whose promised review is overdue.

use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Page;
use crate::rule;

pub fn check(page: &Page, now: Timestamp, diagnostics: &mut Diagnostics) {
    // An invalid day has already been reported.
    if let (Some(every), None, false) = (&page.front.review_every, page.front.reviewed, page.diagnostics.has_errors()) {
        let message = format!("a review is due every {every}, but the page has no date for the last one");
        let diagnostic = Diagnostic::new(rule::REVIEW_OVERDUE, message).in_file(&page.path);
        return diagnostics.push(diagnostic.help("set `reviewed` to the date of the last review"));
    }
    let (Some(due), Some(every)) = (page.front.overdue_since(now), &page.front.review_every) else { return };
    let message = format!("the review was due on {due}, as it is due every {every}");
    let diagnostic = Diagnostic::new(rule::REVIEW_OVERDUE, message).in_file(&page.path);
    diagnostics.push(diagnostic.help("read the page, fix it, and set `reviewed` to today"));
}
