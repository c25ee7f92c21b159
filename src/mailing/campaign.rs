//! From a mailing to its notice, its event and its campaign.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, Zoned};

use crate::config::{self, Event, Mailing};
use crate::error::{Result, error};
use crate::notice::Notice;
use crate::notice::campaign::Campaign;
use crate::notice::stage::Stage;
use crate::project::Page;
use crate::project::Project;
use crate::source::RelPath;
use crate::text::encoding::Encoding;
use crate::text::suggest;

/// What a frozen plan fixes for all its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Their Date.
    pub date: Timestamp,
    /// The names under which the site's campaigns began, by present name: Message-IDs and the window's UID are derived from them.
    pub begun: BTreeMap<String, String>,
}

impl Frozen {
    /// A plan that is frozen now.
    pub fn now(date: Timestamp) -> Frozen {
        Frozen { date, begun: BTreeMap::new() }
    }
}

/// A notice of the project by its name, with its page: the original first, then its translations.
pub fn find_notices<'a>(project: &'a Project, name: &str) -> Vec<(&'a Page, &'a Notice)> {
    let pages = project.pages.iter();
    let all = pages.flat_map(|page| page.notices.iter().map(move |notice| (&**page, notice)));
    let mut found: Vec<_> = all.filter(|(_, notice)| notice.name == name).collect();
    found.sort_by_key(|(_, notice)| notice.lang.clone());
    found
}

/// The event of a mailing.
pub fn event_of<'a>(project: &'a Project, mailing: &Mailing, page: &Page) -> Option<&'a Event> {
    let config = &project.config;
    config.event_of(mailing, config.event(page.front.event.as_ref().map(|name| name.value.as_str())))
}

/// The campaign of a mailing, with its event. `None` if the notice or event does not exist; the site reports that.
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

/// The mailings of the same series that were sent before this one, oldest first.
pub fn before<'a>(project: &'a Project, mailing: &Mailing, event: &Event, stage: Option<Stage>, date: &Zoned) -> Vec<&'a Mailing> {
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
    Err(error!("no mailing or notice named `{name}`").maybe_help(suggest(name, known)))
}
