//! From a mailing to what its messages are made of: its notice in all languages, its event, and what was sent before it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use jiff::{Timestamp, Zoned};

use super::load::Loaded;
use crate::config::{self, Event, Mailing};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::mail::Keys;
use crate::mail::token;
use crate::notice::Notice;
use crate::notice::campaign::{Campaign, Known};
use crate::notice::invitation::Invitation;
use crate::notice::merge::{Merge, Version};
use crate::notice::message::Posting;
use crate::notice::stage::Stage;
use crate::project::Page;
use crate::project::Project;
use crate::rule;
use crate::source::RelPath;
use crate::text::encoding::Encoding;
use crate::text::suggest;

/// What a frozen plan says of all its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Their Date.
    pub date: Timestamp,
    /// The names that campaigns of the site were begun under, by their names: Message-IDs and the window's UID are made of them.
    pub begun: BTreeMap<String, String>,
}

impl Frozen {
    /// A plan that is frozen now.
    pub fn now(date: Timestamp) -> Frozen {
        Frozen { date, begun: BTreeMap::new() }
    }
}

/// A notice of the project by its name, with its page: as it is written first, and its translations behind it.
pub fn find_notices<'a>(project: &'a Project, name: &str) -> Vec<(&'a Page, &'a Notice)> {
    let pages = project.pages.iter();
    let all = pages.flat_map(|page| page.notices.iter().map(move |notice| (&**page, notice)));
    let mut found: Vec<_> = all.filter(|(_, notice)| notice.name == name).collect();
    found.sort_by_key(|(_, notice)| notice.lang.clone());
    found
}

/// Compiles the mailing's notice and checks all that does not depend on a row. `None` if that fails; it is reported.
///
/// Messages have the mailing's own date unless a plan was frozen.
pub fn prepare<'a>(
    loaded: &'a Loaded,
    mailing: &Mailing,
    path: &RelPath,
    columns: &[String],
    keys: &'a Keys,
    frozen: Option<&Frozen>,
    diagnostics: &mut Diagnostics,
) -> Option<Merge<'a>> {
    let Loaded { site, project, theme, .. } = loaded;
    let config_path = crate::source::configuration();
    // A notice that does not exist is reported by the site already.
    let found = find_notices(project, &mailing.notice.value);
    let (page, _) = *found.first()?;
    let event = event_of(project, mailing, page);
    let mut fault = |rule, message: String, span: crate::source::Span, help: &str| {
        let diagnostic = Diagnostic::new(rule, message).help(help);
        let is_placed = mailing.is_declared || !span.is_empty();
        diagnostics.push(if is_placed { diagnostic.at(&config_path, span) } else { diagnostic.in_file(&config_path) });
    };
    let id = &mailing.id;
    let Some(event) = event else {
        let help = match mailing.is_declared {
            true => "say `event = \"…\"` in the mailing, or `default_event` in [site]",
            false => "say `event: …` in the front matter of its page, or `default_event` in [site]",
        };
        fault(rule::UNKNOWN_EVENT, format!("{} has no event", mailing.shown()), id.span.clone(), help);
        return None;
    };
    if site.config.notices.from.is_none() {
        fault(rule::MISSING_KEY, format!("{} has no sender", mailing.shown()), id.span.clone(), "set `from` in [notices]");
        return None;
    }
    let notices = &site.config.notices;
    if let Some(text) = notices.unsubscribe.iter().chain(&notices.bounce_to).find(|text| text.value.contains(token::MARK))
        && keys.unsubscribe.is_none()
    {
        let help = "set RUNSHEET_UNSUBSCRIBE_KEY in the environment: only its holder can make and check tokens";
        fault(rule::MISSING_SECRET, "`{token}` needs a key".to_owned(), text.span.clone(), help);
        return None;
    }
    if event.is_faulty {
        return None;
    }
    let Some(clock) = &event.clock else {
        let help = "set `t0` and `time_zone` in the event";
        fault(rule::NO_T0, format!("the event `{}` has no T-0, so {} has no date", event.id, mailing.shown()), id.span.clone(), help);
        return None;
    };
    let scheduled = match &mailing.when {
        Some(when) => match clock.at(&when.value) {
            Ok(date) => date,
            Err(error) => {
                diagnostics
                    .push(Diagnostic::new(rule::BAD_OFFSET, error.message()).at(&config_path, when.span.clone()).maybe_help(error.help()));
                return None;
            }
        },
        None => clock.t0().clone(),
    };
    if let (Some(first), Some(last)) = (mailing.not_before.as_ref().or(mailing.when.as_ref()), &mailing.not_after)
        && let (Ok(first_at), Ok(last_at)) = (clock.at(&first.value), clock.at(&last.value))
        && last_at < first_at
    {
        let message = format!("`not_after` of the mailing `{}` is before `{}`, the first moment to send it", id.value, first.value);
        let diagnostic = Diagnostic::new(rule::BAD_VALUE, message).at(&config_path, last.span.clone());
        diagnostics.push(diagnostic.help("make `not_after` the later of the two"));
        return None;
    }
    let date = frozen.map_or_else(|| scheduled.clone(), |frozen| frozen.date.to_zoned(scheduled.time_zone().clone()));
    let stage = found[0].1.stage;
    let begun = |campaign: Campaign| {
        let name = frozen.and_then(|frozen| frozen.begun.get(campaign.name()));
        campaign.begun_as(name.map(String::as_str))
    };
    let campaign = |mailing: &Mailing, revision: u64| begun(Campaign::new(&site.config.site, &event.id, &mailing.id.value, revision));
    let mut earlier: Vec<Campaign> =
        before(project, mailing, event, stage, &scheduled).into_iter().map(|earlier| campaign(earlier, earlier.revision)).collect();
    earlier.extend((1..mailing.revision).map(|revision| campaign(mailing, revision)));
    // The first and the latest are enough for mail programs, and keep the header short.
    if earlier.len() > MOST_REFERENCES {
        earlier.drain(1..=earlier.len() - MOST_REFERENCES);
    }
    let campaign = campaign(mailing, mailing.revision);
    // What was begun under another name keeps its window in the readers' calendars.
    let known = earlier.iter().chain([&campaign]).find(|one| one.hashed_as() != one.name()).and_then(|one| Known::parse(one.hashed_as()));
    let site_name = known.as_ref().map_or(site.config.site.identity(), |known| &known.site);
    let invitation = Invitation::new(event, site_name, &site.config.site.base_url, notices, stage, &date);
    let maintnote = notices.maintnote.as_ref().filter(|_| invitation.is_some());
    let told = maintnote.map_or_else(Vec::new, |maintnote| maintnote.faults(event, columns));
    if !told.is_empty() {
        diagnostics.extend(told);
        return None;
    }
    // Faults of the templates themselves are reported by the site already.
    let compile = |(page, notice): &(&'a Page, &'a Notice)| {
        let compiled = site.compile(page, notice, Some(event), theme, &mut Diagnostics::default())?;
        Some(Version { notice, compiled })
    };
    let versions: Vec<Version> = found.iter().map(compile).collect::<Option<_>>()?;
    let merge = Merge::new(
        &site.config,
        site.status.as_ref(),
        versions,
        Some(event),
        Posting { campaign, earlier, date, invitation, notices, keys },
        path.clone(),
    );
    let mut faults = Diagnostics::default();
    merge.check_columns(&site.config, Some(event), columns, &mut faults);
    let broken = faults.has_errors();
    diagnostics.extend(faults);
    (!broken).then_some(merge)
}

/// So many Message-IDs stand in `References` at most.
const MOST_REFERENCES: usize = 20;

/// The event of a mailing.
fn event_of<'a>(project: &'a Project, mailing: &Mailing, page: &Page) -> Option<&'a Event> {
    let config = &project.config;
    config.event_of(mailing, config.event(page.front.event.as_ref().map(|name| name.value.as_str())))
}

/// The campaign of a mailing, with its event. `None` if there is no such notice or event; the site reports that.
pub fn campaign_of<'a>(project: &'a Project, mailing: &Mailing) -> Option<(Campaign, &'a Event)> {
    let (page, _) = *find_notices(project, &mailing.notice.value).first()?;
    let event = event_of(project, mailing, page)?;
    Some((Campaign::new(&project.config.site, &event.id, &mailing.id.value, mailing.revision), event))
}

/// The name of a mailing's campaign, if it has a notice and an event.
pub fn name_of(project: &Project, mailing: &Mailing) -> Option<String> {
    campaign_of(project, mailing).map(|(campaign, _)| campaign.name().to_owned())
}

/// The stage of a mailing's notice.
pub fn stage_of(project: &Project, mailing: &Mailing) -> Option<Stage> {
    find_notices(project, &mailing.notice.value).first().and_then(|(_, notice)| notice.stage)
}

/// The mailings of the same series that were sent before one, oldest first.
fn before<'a>(project: &'a Project, mailing: &Mailing, event: &Event, stage: Option<Stage>, date: &Zoned) -> Vec<&'a Mailing> {
    let (Some(stage), Some(clock)) = (stage, &event.clock) else { return Vec::new() };
    let mut before: Vec<(Zoned, &Mailing)> = Vec::new();
    for other in project.config.mailings.iter().filter(|other| other.id.value != mailing.id.value) {
        let Some((page, notice)) = find_notices(project, &other.notice.value).first().copied() else { continue };
        let event_name = other.event.as_ref().or(page.front.event.as_ref()).map(|name| name.value.as_str());
        if project.config.event(event_name).is_none_or(|other| other.id != event.id) {
            continue;
        }
        let at = other.when.as_ref().map_or_else(|| Ok(clock.t0().clone()), |when| clock.at(&when.value));
        if let (Ok(at), true) = (at, notice.stage.is_some_and(|other| stage.follows(other)))
            && at < *date
        {
            before.push((at, other));
        }
    }
    before.sort_by(|(a, _), (b, _)| a.cmp(b));
    before.into_iter().map(|(_, mailing)| mailing).collect()
}

/// The mailing of a name, or one made up for a notice that no mailing sends.
pub fn find_mailing(project: &Project, name: &str) -> Result<Mailing> {
    let mailings = &project.config.mailings;
    if let Some(mailing) = mailings.iter().find(|mailing| mailing.id.value == name) {
        return Ok(mailing.clone());
    }
    if !find_notices(project, name).is_empty() {
        let span = 0..0;
        let named = |value: String| crate::data::Spanned { value, span: span.clone() };
        return Ok(Mailing {
            id: named(name.to_owned()),
            notice: named(name.to_owned()),
            event: None,
            recipients: crate::data::Spanned { value: RelPath::new("recipients.csv").expect("a plain path"), span: span.clone() },
            encoding: Encoding::default(),
            columns: config::Columns::new(),
            when: None,
            not_before: None,
            not_after: None,
            revision: 1,
            reached_by: None,
            is_declared: false,
        });
    }
    let notices = project.pages.iter().flat_map(|page| &page.notices).map(|notice| notice.name.as_str());
    let known: BTreeSet<&str> = mailings.iter().map(|mailing| mailing.id.value.as_str()).chain(notices).collect();
    let help = suggest(name, known).map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    anyhow::bail!("there is no mailing and no notice `{name}`{help}")
}
