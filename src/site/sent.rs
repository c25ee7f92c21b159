//! The time at which a notice was sent, for the feed of notices.

use jiff::Timestamp;

use crate::config::{Config, Event};
use crate::diagnostic::Diagnostic;
use crate::notice::Notice;
use crate::project::Page;
use crate::rule;

/// The time of a sent notice: its page's `date`, otherwise its first mailing with a time, otherwise T-0 of its event.
pub fn date(config: &Config, page: &Page, event: Option<&Event>, notice: &Notice) -> Option<Timestamp> {
    page.front.date.or_else(|| mailed(config, event, notice)).or_else(|| Some(event?.clock.as_ref()?.t0().timestamp()))
}

fn mailed(config: &Config, event: Option<&Event>, notice: &Notice) -> Option<Timestamp> {
    let mailings = config.mailings.iter().filter(|mailing| mailing.notice.value == notice.name);
    let times = mailings.filter_map(|mailing| {
        let clock = config.event_of(mailing, event)?.clock.as_ref()?;
        Some(clock.at(&mailing.when.as_ref()?.value).ok()?.timestamp())
    });
    times.min()
}

/// Reports a sent notice that the feed leaves out.
pub fn undated(notice: &Notice) -> Diagnostic {
    let message = format!("the notice `{}` is sent but has no date, so it is not in the feed", notice.name);
    let diagnostic = Diagnostic::new(rule::UNDATED_NOTICE, message).at(&notice.path, notice.span.clone());
    diagnostic.help("set `date: 2026-11-22` in the front matter, or set `t0` in the event")
}
