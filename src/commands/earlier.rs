//! Earlier campaigns of an event, from the ledger: which T-0 they announced, and how many recipients they reached.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::identity;
use crate::config::{Event, Mailing};
use crate::error::Result;
use crate::mailing::campaign;
use crate::notice::campaign::Known;
use crate::notice::ledger::State;
use crate::notice::stage::Stage;
use crate::project::Project;
use crate::schedule::zone;
use crate::world::ledger::Ledger;

/// A campaign of an event, and the T-0 it announced.
pub struct EarlierCampaign {
    pub mailing: String,
    /// Whether it is the campaign being sent now.
    pub is_own: bool,
    /// Whether it announces that the event does not take place at that time.
    pub puts_off: bool,
    pub t0: Timestamp,
    /// How the rules of its zone have changed since.
    pub rules: Option<ChangedRules>,
    /// The `SEQUENCE` in their calendar parts.
    pub sequence: Option<u64>,
    /// How many recipients have it, or may have it.
    pub reached: u64,
}

/// An offset that a zone had at T-0 by older rules, and no longer has.
pub struct ChangedRules {
    pub was: Offset,
    pub is: Offset,
    /// The release of the database with the older rules.
    pub tzdata: String,
}

impl ChangedRules {
    fn since(t0: &str, tzdata: String, event: &Event) -> Option<ChangedRules> {
        let (was, is) = zone::changed_since(t0, event.clock.as_ref()?.t0().time_zone())?;
        Some(ChangedRules { was, is, tzdata })
    }
}

/// Campaigns that were sent before, oldest first.
pub fn campaigns(root: &Path, project: &Project, mailing: &Mailing, event: &Event) -> Result<Vec<EarlierCampaign>> {
    let Some(mut ledger) = identity::to_read(root, project, mailing)? else { return Ok(Vec::new()) };
    let own = ledger.campaign().to_owned();
    let mut covers = Ledger::last_covers(ledger.store())?;
    let mut before = Vec::new();
    for name in Ledger::campaigns(ledger.store())? {
        // The mailing may belong to another event by now.
        let Some(cover) = covers.remove(&name).filter(|cover| cover.event.as_ref() == Some(&event.id)) else { continue };
        let Some(known) = Known::parse(&name).filter(|known| known.site == project.config.site.identity()) else { continue };
        let declared = project.config.mailings.iter().find(|other| other.id.value == known.mailing);
        let (Some(declared), Some(t0)) = (declared, cover.t0) else { continue };
        let counts = ledger.looking_at(&name, Ledger::counts)?;
        before.push(EarlierCampaign {
            mailing: known.mailing,
            is_own: name == own,
            puts_off: campaign::stage_of(project, declared) == Some(Stage::Postponed),
            t0,
            rules: cover.clock.and_then(|(t0, tzdata)| ChangedRules::since(&t0, tzdata, event)),
            sequence: cover.sequence,
            reached: [State::Accepted, State::InDoubt, State::Sending].map(|state| counts.get(state)).iter().sum(),
        });
    }
    Ok(before)
}
