//! `review-overdue`: pages that nobody has read for longer than they promise.

use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Page;
use crate::rule;

pub fn check(page: &Page, now: Timestamp, diagnostics: &mut Diagnostics) {
    // A day that is wrong has been reported.
    if let (Some(every), None, false) = (&page.front.review_every, page.front.reviewed, page.diagnostics.has_errors()) {
        let message = format!("the review is due every {every}, but it is not said when the last one was");
        let diagnostic = Diagnostic::new(rule::REVIEW_OVERDUE, message).in_file(&page.path);
        return diagnostics.push(diagnostic.help("set `reviewed` to the day on which the page was last read"));
    }
    let (Some(due), Some(every)) = (page.front.overdue_since(now), &page.front.review_every) else { return };
    let message = format!("the review was due on {due}: it is done every {every}");
    let diagnostic = Diagnostic::new(rule::REVIEW_OVERDUE, message).in_file(&page.path);
    diagnostics.push(diagnostic.help("read the page, mend it, and set `reviewed` to today"));
}
