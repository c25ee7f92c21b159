//! `review-overdue`: pages that nobody has read for longer than they promise.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::Page;
use crate::schedule::Clock;

pub fn check(page: &Page, now: Timestamp, diagnostics: &mut Diagnostics) {
    let (Some(reviewed), Some(every)) = (page.front.reviewed, &page.front.review_every) else { return };
    let Ok(clock) = Clock::new(&format!("{reviewed}T00:00"), Some("UTC"), &[]) else { return };
    let Ok(due) = clock.at(&every.later()) else { return };
    let now = now.to_zoned(TimeZone::UTC);
    if now.date() <= due.date() {
        return;
    }
    let message = format!("the review was due on {}: it is done every {every}", due.date());
    let diagnostic = Diagnostic::warning("review-overdue", message).in_file(&page.path);
    diagnostics.push(diagnostic.help("read the page, mend it, and set `reviewed` to today"));
}
