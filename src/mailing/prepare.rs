//! Prepares a mailing's messages: its notice in all languages, its date, and what was sent before it.

use jiff::Zoned;

use super::campaign::{Frozen, before, event_of, find_notices};
use crate::config::{Event, Mailing};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::mail::{Keys, token};
use crate::notice::Notice;
use crate::notice::campaign::{Campaign, Known};
use crate::notice::invitation::Invitation;
use crate::notice::merge::{Merge, Version};
use crate::notice::message::{self, Posting};
use crate::project::{Page, Project};
use crate::rule::{self, Rule};
use crate::schedule::{Clock, moment};
use crate::site::Site;
use crate::source::{RelPath, Span};
use crate::theme::Theme;

/// The inputs of all messages of a project.
#[derive(Clone, Copy)]
pub struct Materials<'a> {
    pub site: &'a Site,
    pub project: &'a Project,
    pub theme: &'a Theme,
    pub keys: &'a Keys,
}

/// Compiles the mailing's notice and checks everything that does not depend on a row. `None` if that fails; it is reported.
///
/// Messages have the mailing's own date unless a plan was frozen.
pub fn prepare<'a>(
    materials: Materials<'a>,
    mailing: &Mailing,
    path: &RelPath,
    columns: &[String],
    frozen: Option<&Frozen>,
    diagnostics: &mut Diagnostics,
) -> Option<Merge<'a>> {
    let Materials { site, project, theme, keys } = materials;
    // The site has already reported a notice that does not exist.
    let found = find_notices(project, &mailing.notice.value);
    let (page, first) = *found.first()?;
    let (event, clock) = clock_of(materials, mailing, page, diagnostics)?;
    let scheduled = scheduled(mailing, clock, diagnostics)?;
    let date = frozen.map_or_else(|| scheduled.clone(), |frozen| frozen.date.to_zoned(scheduled.time_zone().clone()));
    if !message::may_be_dated(date.timestamp()) {
        diagnostics.push(too_early(mailing, event, &date, frozen.is_some()));
        return None;
    }
    let (campaign, earlier) = campaigns(materials, mailing, event, first, &scheduled, frozen);
    let notices = &site.config.notices;
    // A campaign that began under another name keeps its window in the readers' calendars.
    let known = earlier.iter().chain([&campaign]).find(|one| one.hashed_as() != one.name()).and_then(|one| Known::parse(one.hashed_as()));
    let site_name = known.as_ref().map_or(site.config.site.identity(), |known| &known.site);
    let invitation = Invitation::new(event, site_name, &site.config.site.base_url, notices, first.stage, &date);
    let maintnote = notices.maintnote.as_ref().filter(|_| invitation.is_some());
    let faults = maintnote.map_or_else(Vec::new, |maintnote| maintnote.faults(event, columns));
    if !faults.is_empty() {
        diagnostics.extend(faults);
        return None;
    }
    // The site has already reported faults of the templates themselves.
    let compile = |(page, notice): &(&'a Page, &'a Notice)| {
        let compiled = site.compile(page, notice, Some(event), theme, &mut Diagnostics::default())?;
        Some(Version { notice, compiled })
    };
    let versions: Vec<Version> = found.iter().map(compile).collect::<Option<_>>()?;
    let posting = Posting { campaign, earlier, date, invitation, notices, keys };
    let merge = Merge::new(&site.config, site.status.as_ref(), versions, Some(event), posting, path.clone());
    let mut faults = Diagnostics::default();
    merge.check_columns(&site.config, Some(event), columns, &mut faults);
    let broken = faults.has_errors();
    diagnostics.extend(faults);
    (!broken).then_some(merge)
}

/// The event of a mailing with its clock, if the mailing has all that it needs to be sent.
fn clock_of<'a>(
    Materials { project, keys, .. }: Materials<'a>,
    mailing: &Mailing,
    page: &Page,
    diagnostics: &mut Diagnostics,
) -> Option<(&'a Event, &'a Clock)> {
    let mut fault = |rule: &'static Rule, message: String, span: &Span, help: &str| {
        diagnostics.push(placed(mailing, span, Diagnostic::new(rule, message).help(help)));
    };
    let span = &mailing.id.span;
    let Some(event) = event_of(project, mailing, page) else {
        let help = match mailing.is_declared {
            true => "set `event = \"…\"` in the mailing, or `default_event` in [site]",
            false => "set `event: …` in the front matter of its page, or `default_event` in [site]",
        };
        fault(rule::UNKNOWN_EVENT, format!("{} has no event", mailing.shown()), span, help);
        return None;
    };
    let notices = &project.config.notices;
    if notices.from.is_none() {
        fault(rule::MISSING_KEY, format!("{} has no sender", mailing.shown()), span, "set `from` in [notices]");
        return None;
    }
    if let Some(text) = notices.unsubscribe.iter().chain(&notices.bounce_to).find(|text| text.value.contains(token::MARK))
        && keys.unsubscribe.is_none()
    {
        let help = "set RUNSHEET_UNSUBSCRIBE_KEY in the environment: tokens are made and checked with it";
        fault(rule::MISSING_SECRET, "`{token}` needs a key".to_owned(), &text.span, help);
        return None;
    }
    if event.is_faulty {
        return None;
    }
    let Some(clock) = &event.clock else {
        let help = "set `t0` and `time_zone` in the event";
        fault(rule::NO_T0, format!("the event `{}` has no T-0, so {} has no date", event.id, mailing.shown()), span, help);
        return None;
    };
    Some((event, clock))
}

/// A diagnostic at a place of the configuration; a made-up mailing has no place there.
fn placed(mailing: &Mailing, span: &Span, diagnostic: Diagnostic) -> Diagnostic {
    let path = crate::source::configuration();
    let is_placed = mailing.is_declared || !span.is_empty();
    if is_placed { diagnostic.at(&path, span.clone()) } else { diagnostic.in_file(&path) }
}

/// Reports a date that mail cannot have. Messages that are sent have the time of their plan instead.
fn too_early(mailing: &Mailing, event: &Event, date: &Zoned, is_frozen: bool) -> Diagnostic {
    let message = format!("the messages of {} would be dated before 1970: {}", mailing.shown(), moment::long(date));
    let (span, help) = match &mailing.when {
        _ if is_frozen => (&mailing.id.span, "correct the clock of this machine".to_owned()),
        Some(when) => (&when.span, format!("correct `when`, or `t0` of the event `{}`", event.id)),
        None => (&mailing.id.span, format!("correct `t0` of the event `{}`", event.id)),
    };
    placed(mailing, span, Diagnostic::new(rule::BAD_VALUE, message).help(help))
}

/// The configured time of a mailing.
fn scheduled(mailing: &Mailing, clock: &Clock, diagnostics: &mut Diagnostics) -> Option<Zoned> {
    let config_path = crate::source::configuration();
    let mut reached = true;
    for offset in [&mailing.when, &mailing.not_before, &mailing.not_after].into_iter().flatten() {
        if let Err(error) = clock.at(&offset.value) {
            let diagnostic = Diagnostic::new(rule::BAD_OFFSET, error.message()).at(&config_path, offset.span.clone());
            diagnostics.push(diagnostic.maybe_help(error.help()));
            reached = false;
        }
    }
    if !reached {
        return None;
    }
    let scheduled = mailing.when.as_ref().map_or_else(|| Some(clock.t0().clone()), |when| clock.at(&when.value).ok())?;
    if let (Some(first), Some(last)) = (mailing.not_before.as_ref().or(mailing.when.as_ref()), &mailing.not_after)
        && let (Ok(first_at), Ok(last_at)) = (clock.at(&first.value), clock.at(&last.value))
        && last_at < first_at
    {
        let id = &mailing.id.value;
        let message = format!("`not_after` of the mailing `{id}` is before `{}`, the earliest time to send it", first.value);
        let diagnostic = Diagnostic::new(rule::BAD_VALUE, message).at(&config_path, last.span.clone());
        diagnostics.push(diagnostic.help("set `not_after` to a later time"));
        return None;
    }
    Some(scheduled)
}

/// How many Message-IDs `References` has at most.
const MOST_REFERENCES: usize = 20;

/// The campaign of a mailing, and the earlier ones in its series, oldest first.
fn campaigns(
    Materials { project, .. }: Materials,
    mailing: &Mailing,
    event: &Event,
    notice: &Notice,
    scheduled: &Zoned,
    frozen: Option<&Frozen>,
) -> (Campaign, Vec<Campaign>) {
    let campaign = |mailing: &Mailing, revision: u64| {
        let campaign = Campaign::new(&project.config.site, &event.id, &mailing.id.value, revision);
        let name = frozen.and_then(|frozen| frozen.begun.get(campaign.name()));
        campaign.begun_as(name.map(String::as_str))
    };
    let before = before(project, mailing, event, notice.stage, scheduled);
    let mut earlier: Vec<Campaign> = before.into_iter().map(|earlier| campaign(earlier, earlier.revision)).collect();
    earlier.extend((1..mailing.revision).map(|revision| campaign(mailing, revision)));
    // The first and the latest are enough for mail programs, and keep the header short.
    if earlier.len() > MOST_REFERENCES {
        earlier.drain(1..=earlier.len() - MOST_REFERENCES);
    }
    (campaign(mailing, mailing.revision), earlier)
}
