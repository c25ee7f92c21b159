//! A mailing before it is sent: every message is made once, to count and hash them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::ledger::Reached;
use super::load::Loaded;
use super::report;
use super::skip::{self, Asked};
use crate::cli::Global;
use crate::config::Mailing;
use crate::diagnostic::Diagnostics;
use crate::error::{Context, Result};
use crate::mail::address;
use crate::mailing::{Frozen, Outcome, Selection, Skip, Tally, everybody};
use crate::notice::history::{GONE, Standing, messages};
use crate::notice::ledger::{Digest, LeftOut, Planned, State, content_hash};
use crate::notice::message::{Envelope, Message};
use crate::notice::recipients::Recipient;
use crate::text::{counted, thousands};
use crate::world::environment;

/// What to draft.
#[derive(Clone, Copy)]
pub struct Brief<'a> {
    pub mailing: &'a Mailing,
    /// A table other than the mailing's.
    pub recipients: Option<&'a Path>,
    /// The campaign's name.
    pub campaign: &'a str,
    /// Only recipients reached by an earlier mailing.
    pub reached: Option<&'a Reached>,
    pub frozen: &'a Frozen,
    /// How many faulty rows to leave out.
    pub skip_bad: Option<u64>,
}

/// The result of a draft, before it is frozen.
#[derive(Default)]
pub struct PlannedMailing {
    pub rows: Vec<Planned>,
    /// The line of each row in the table.
    pub lines: Vec<u64>,
    /// Faulty rows that somebody chose to leave out.
    pub left_out: Vec<LeftOut>,
    /// The same, by line.
    pub skip: Option<Skip>,
    pub hash: String,
    /// The first message in each language: its notice, recipient and subject.
    pub firsts: Vec<First>,
    /// Recipients in domains reserved for examples: the first of them, and how many there are.
    pub samples: (Vec<String>, u64),
    pub zones: BTreeSet<String>,
    pub tally: Tally,
    /// Among recipients not reached by the earlier mailing: how many of its messages are in doubt.
    pub in_doubt_before: u64,
    pub kept: Kept,
}

/// How many messages are still to be sent, in total and to the domain that gets the most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waiting {
    pub messages: u64,
    pub to_one_domain: u64,
}

/// The first message in a language.
pub struct First {
    pub lang: Option<String>,
    pub to: String,
    pub subject: String,
}

/// The first messages as planned, so that a small mailing is made only once. The others are made again when they are due.
#[derive(Default)]
pub struct Kept {
    pub messages: Vec<(String, Envelope, Vec<u8>)>,
    octets: usize,
    /// There are more.
    pub is_cut: bool,
}

/// How many octets of messages are kept.
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

impl PlannedMailing {
    /// How many there are to send.
    pub fn messages(&self) -> u64 {
        self.rows.iter().filter(|planned| !planned.is_suppressed()).count() as u64
    }

    /// Makes every message once. `None` if there are faults; they are reported.
    pub fn make(global: &Global, loaded: &Loaded, brief: &Brief, diagnostics: &mut Diagnostics) -> Result<Option<PlannedMailing>> {
        let Brief { mailing, reached, .. } = *brief;
        let selection = Selection { recipients: brief.recipients, frozen: Some(brief.frozen), ..Selection::all(mailing) };
        let mut in_doubt_before = 0;
        let gate = |recipients: &[&Recipient]| {
            let Some(reached) = reached else { return everybody(recipients) };
            let keys = recipients.iter().map(|recipient| address::key(&recipient.address));
            Ok(keys
                .map(|key| {
                    in_doubt_before += u64::from(reached.in_doubt.contains(&key));
                    reached.keys.contains(&key).then_some(())
                })
                .collect())
        };
        let keys = environment::keys();
        let fails = |diagnostics: &mut Diagnostics, is_whole: bool| {
            let settled = loaded.settle(std::mem::take(diagnostics), global);
            let failed = report::diagnostics(&settled, &loaded.inputs, global) || !is_whole;
            if failed {
                report::note(global, "nothing was sent");
            }
            failed
        };
        let skip = match skip::asked(loaded, &selection, &keys, brief.skip_bad, diagnostics)? {
            Asked::Rows(skip) => skip,
            Asked::Refused => {
                fails(diagnostics, false);
                return Ok(None);
            }
        };
        let selection = Selection { skip: skip.as_ref(), ..selection };
        let mut planned = PlannedMailing::default();
        let mut digest = Digest::new(brief.campaign);
        let merged = loaded.merge_some(&selection, &keys, diagnostics, gate).and_then(|mut merging| {
            merging.try_for_each(|outcome| outcome.map(|outcome| planned.add(&outcome, &mut digest)))?;
            Ok(merging.finish())
        });
        let (tally, found) = merged.with_context(|| format!("cannot merge `{}`", mailing.id.value))?;
        planned.tally = tally;
        diagnostics.extend(found);
        planned.hash = digest.finish();
        if fails(diagnostics, !planned.tally.skipped && !planned.tally.incomplete) {
            return Ok(None);
        }
        // Recipients not reached by the earlier mailing are left out of this one.
        let has_part = |row: &&LeftOut| !row.key.contains('@') || reached.is_none_or(|reached| reached.keys.contains(&row.key));
        planned.left_out = skip.iter().flat_map(|skip| skip.rows.values()).filter(has_part).cloned().collect();
        planned.in_doubt_before = in_doubt_before;
        planned.skip = skip;
        Ok(Some(planned))
    }

    fn add(&mut self, outcome: &Outcome<()>, digest: &mut Digest) {
        let (recipient, merged) = match outcome {
            Outcome::Written(merged) => (&merged.recipient, Some(merged)),
            Outcome::Suppressed(recipient) => (recipient, None),
            _ => return,
        };
        let mut planned = Planned { key: address::key(&recipient.address), message_id: String::new(), hash: String::new() };
        if let Some(merged) = merged {
            let message = &merged.message;
            let lang = &merged.notice.lang;
            if !self.firsts.iter().any(|first| first.lang == *lang) {
                self.firsts.push(First { lang: lang.clone(), to: message.to.clone(), subject: message.subject.clone() });
            }
            if let Some(zone) = recipient.get("zone").filter(|zone| !self.zones.contains(*zone)) {
                self.zones.insert(zone.to_owned());
            }
            if address::is_sample(&recipient.address) {
                self.samples.1 += 1;
                if self.samples.0.len() < 3 {
                    self.samples.0.push(planned.key.clone());
                }
            }
            planned.message_id.clone_from(&message.message_id);
            planned.hash = content_hash(&message.bytes);
            self.kept.add(&planned.key, message);
        }
        digest.add(&planned, &recipient.values);
        self.rows.push(planned);
        self.lines.push(recipient.line);
    }

    /// The differences between a frozen plan and the plan as it would be now.
    pub fn difference<'d>(&'d self, rows: &'d [Standing]) -> Difference<'d> {
        let planned: BTreeMap<&str, &Standing> = rows.iter().map(|row| (row.key.as_str(), row)).collect();
        let is_left_out = |row: &&Standing| row.state == State::LeftOut;
        let mut difference = Difference { of: rows.iter().filter(|row| !is_left_out(row)).count(), ..Difference::default() };
        difference.unreached = rows.iter().filter(|row| row.state != State::Accepted && !is_left_out(row)).count();
        for (row, line) in self.rows.iter().zip(&self.lines) {
            match planned.get(row.key.as_str()).filter(|known| !is_left_out(known)) {
                None if row.is_suppressed() => difference.suppressed_added.push((&row.key, *line)),
                None => difference.added.push((&row.key, *line)),
                Some(known) if is_gone(known) && !row.is_suppressed() => difference.back += 1,
                Some(known) if known.hash == row.hash => {}
                Some(known) if known.state == State::Accepted => difference.sent += 1,
                Some(_) if row.is_suppressed() => difference.suppressed += 1,
                Some(_) => difference.changed += 1,
            }
        }
        let wanted: BTreeSet<&str> = self.rows.iter().map(|planned| planned.key.as_str()).collect();
        let gone = planned.values().filter(|known| !wanted.contains(known.key.as_str()) && !is_left_out(known));
        difference.gone = gone.filter(|known| known.state != State::Cancelled).count();
        difference.still_unnamed = self.left_out.iter().filter(|row| !row.key.contains('@')).count();
        difference.left_out = rows.iter().filter(is_left_out).map(|row| row.key.as_str()).collect();
        let added: BTreeSet<&str> = difference.all_added().map(|(key, _)| *key).collect();
        difference.without_added = messages(self.rows.iter().filter(|row| !added.contains(row.key.as_str())));
        difference
    }

    /// How many of its messages are still to be sent, if these are the ledger's rows. An amended plan gives another turn to those
    /// whose retries are used up.
    pub fn waiting(&self, rows: &[Standing], is_amended: bool) -> Waiting {
        let known: BTreeMap<&str, &Standing> = rows.iter().map(|row| (row.key.as_str(), row)).collect();
        let waits = |row: &&Planned| match known.get(row.key.as_str()) {
            None => true,
            Some(known) => match known.state {
                State::Planned | State::Claimed | State::Suppressed | State::LeftOut => true,
                State::Deferred => is_amended || !known.is_given_up,
                State::Cancelled => is_amended && is_gone(known),
                _ => false,
            },
        };
        let mut waiting = Waiting::default();
        let mut domains: BTreeMap<&str, u64> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| !row.is_suppressed()).filter(waits) {
            waiting.messages += 1;
            let domain = row.key.rsplit_once('@').map_or("", |(_, domain)| domain);
            let count = domains.entry(domain).or_default();
            *count += 1;
            waiting.to_one_domain = waiting.to_one_domain.max(*count);
        }
        waiting
    }
}

/// Whether a plan was amended without it; it may come back.
fn is_gone(row: &Standing) -> bool {
    row.state == State::Cancelled && row.reply.text == GONE
}

/// The differences between a frozen plan and the plan as it would be now.
#[derive(Debug, Default)]
pub struct Difference<'d> {
    /// Messages to recipients who were not reached.
    changed: usize,
    /// Messages that were sent.
    sent: usize,
    /// Recipients who no longer get anything.
    suppressed: usize,
    /// Keys and lines.
    added: Vec<(&'d str, u64)>,
    /// Those of them who get nothing.
    suppressed_added: Vec<(&'d str, u64)>,
    /// Those whom an amended plan had taken out.
    back: usize,
    gone: usize,
    /// Keys of the rows that the plan leaves out.
    left_out: BTreeSet<&'d str>,
    /// How many rows with an unreadable address are left out now.
    still_unnamed: usize,
    unreached: usize,
    of: usize,
    /// The hash over all messages except those to new recipients.
    without_added: String,
}

impl Difference<'_> {
    /// Whether the only differences are rows that were left out as faulty and are good now: without them, the messages are those of
    /// the plan, whose hash is `planned`.
    ///
    /// A row with an unreadable address cannot be matched: its recipient is unknown, and its line changes when a row before it is
    /// removed. So there may be as many unmatched new recipients as there are fewer such rows.
    pub fn is_mended(&self, planned: &str) -> bool {
        let unnamed = self.left_out.iter().filter(|key| !key.contains('@')).count();
        let room = unnamed.saturating_sub(self.still_unnamed);
        let others = self.all_added().filter(|(key, _)| !self.left_out.contains(key)).count();
        self.without_added == planned && self.gone + self.back == 0 && self.all_added().next().is_some() && others <= room
    }

    fn all_added(&self) -> impl Iterator<Item = &(&str, u64)> {
        self.added.iter().chain(&self.suppressed_added)
    }

    /// How many are new.
    pub fn added(&self) -> usize {
        self.added.len()
    }

    pub fn text(&self) -> String {
        let parts: Vec<String> = [
            (self.changed, "message differs", "messages differ"),
            (self.added.len(), "recipient is new", "recipients are new"),
            (self.back, "recipient is back", "recipients are back"),
            (self.gone, "recipient is gone", "recipients are gone"),
            (self.suppressed + self.suppressed_added.len(), "recipient is now suppressed", "recipients are now suppressed"),
        ]
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, more)| counted(number, one, more))
        .collect();
        let parts = match (parts.is_empty(), self.sent) {
            (false, _) => parts.join(", "),
            (true, 0) => "the recipient table differs, but no message does".to_owned(),
            (true, sent) => counted(sent, "message already sent would differ now", "messages already sent would differ now"),
        };
        format!("{parts} ({} of {} not reached yet)", thousands(self.unreached as u64), thousands(self.of as u64))
    }
}
