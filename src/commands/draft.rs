//! What a mailing comes to, before it is sent: every message made once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::load::Loaded;
use super::mailings::{self, Fate, Outcome, Selection};
use super::report;
use crate::cli::Global;
use crate::config::Mailing;
use crate::diagnostic::{Diagnostics, counted, thousands};
use crate::notice::address;
use crate::notice::ledger::{Digest, Planned, State, content_hash};
use crate::notice::message::{Envelope, Message};
use crate::notice::recipients::Recipient;
use crate::world::environment;
use crate::world::ledger::Standing;

/// What a mailing comes to, before it is frozen.
pub struct Draft {
    pub rows: Vec<Planned>,
    pub hash: String,
    /// Of the first message: to whom, and what about.
    pub first: Option<(String, String)>,
    pub zones: BTreeSet<String>,
    pub outcome: Outcome,
    pub kept: Kept,
}

/// The first messages as they were planned, so that a small mailing is made once. The others are made again when it is their turn.
#[derive(Default)]
pub struct Kept {
    pub messages: Vec<(String, Envelope, Vec<u8>)>,
    octets: usize,
    /// There are more.
    pub is_cut: bool,
}

/// So many octets of messages are kept.
const MOST_KEPT: usize = 64 << 20;

impl Kept {
    fn add(&mut self, key: &str, message: &Message) {
        self.is_cut |= self.octets + message.bytes.len() > MOST_KEPT;
        if !self.is_cut {
            self.octets += message.bytes.len();
            self.messages.push((key.to_owned(), message.envelope(), message.bytes.clone()));
        }
    }
}

impl Draft {
    /// How many there are to send.
    pub fn messages(&self) -> u64 {
        self.rows.iter().filter(|planned| !planned.is_suppressed()).count() as u64
    }

    /// Makes every message once. `None`: there are faults, and they are reported.
    /// `reached`: only these. `date`: that of the messages.
    pub fn make(
        global: &Global,
        loaded: &Loaded,
        mailing: &Mailing,
        campaign: &str,
        reached: Option<&BTreeSet<String>>,
        date: Timestamp,
        diagnostics: &mut Diagnostics,
    ) -> Result<Option<Draft>> {
        let selection = Selection { date: Some(date), ..Selection::all(mailing) };
        let mut draft = Draft {
            rows: Vec::new(),
            hash: String::new(),
            first: None,
            zones: BTreeSet::new(),
            outcome: Outcome::default(),
            kept: Kept::default(),
        };
        let mut digest = Digest::new(campaign);
        let mut gate = |recipients: &[&Recipient]| {
            Ok(recipients
                .iter()
                .map(|recipient| reached.is_none_or(|reached| reached.contains(&address::key(&recipient.address))))
                .collect())
        };
        let keys = environment::keys();
        let merged = mailings::merge_some(loaded, &selection, &keys, diagnostics, Some(&mut gate), |fate| {
            let (recipient, message) = match &fate {
                Fate::Written(letter) => (letter.recipient, Some(letter.message)),
                Fate::Suppressed(recipient) => (*recipient, None),
                Fate::BeyondLimit(_) => return Ok(()),
            };
            let mut planned = Planned { key: address::key(&recipient.address), message_id: String::new(), hash: String::new() };
            if let Some(message) = message {
                draft.first.get_or_insert_with(|| (message.to.clone(), message.subject.clone()));
                if let Some(zone) = recipient.get("zone").filter(|zone| !draft.zones.contains(*zone)) {
                    draft.zones.insert(zone.to_owned());
                }
                planned.message_id.clone_from(&message.message_id);
                planned.hash = content_hash(&message.bytes);
                draft.kept.add(&planned.key, message);
            }
            digest.add(&planned, &recipient.values);
            draft.rows.push(planned);
            Ok(())
        });
        draft.outcome = merged.with_context(|| format!("cannot merge `{}`", mailing.id.value))?;
        draft.hash = digest.finish();
        let settled = loaded.settle(std::mem::take(diagnostics), global);
        let failed = report::diagnostics(&settled, &loaded.inputs, global);
        if failed || draft.outcome.skipped || draft.outcome.incomplete {
            report::note(global, "nothing was sent");
            return Ok(None);
        }
        Ok(Some(draft))
    }

    /// What is different between a plan and how it would be now.
    pub fn difference(&self, rows: &[Standing]) -> String {
        let planned: BTreeMap<&str, &Standing> = rows.iter().map(|row| (row.key.as_str(), row)).collect();
        let wanted: BTreeSet<&str> = self.rows.iter().map(|planned| planned.key.as_str()).collect();
        let added = wanted.iter().filter(|key| !planned.contains_key(*key)).count();
        let gone = planned.keys().filter(|key| !wanted.contains(*key)).count();
        let changed = self
            .rows
            .iter()
            .filter(|row| planned.get(row.key.as_str()).is_some_and(|known| known.state != State::Accepted && known.hash != row.hash))
            .count();
        let unreached = rows.iter().filter(|row| row.state != State::Accepted).count() as u64;
        let parts: Vec<String> = [
            (changed, "message differs", "messages differ"),
            (added, "recipient is new", "recipients are new"),
            (gone, "recipient is gone", "recipients are gone"),
        ]
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, more)| counted(number, one, more))
        .collect();
        let parts = if parts.is_empty() { "the table of recipients differs, and no message".to_owned() } else { parts.join(", ") };
        format!("{parts} ({} of {} not reached yet)", thousands(unreached), thousands(rows.len() as u64))
    }
}
