//! The reasons for which `send` refuses; a dry run reports them, too, with the same exit code.

use jiff::Timestamp;

use super::earlier::EarlierCampaign;
use super::introduction::shown_time;
use super::planned_mailing::PlannedMailing;
use super::send::SendOrder;
use crate::cli::Global;
use crate::config::{Event, Mailing, Mode, Sending, is_loopback};
use crate::error::{Error, Result, error};
use crate::notice::deadline::{Times, Timing, distance, with_distance};
use crate::notice::invitation;
use crate::text::{counted, thousands};

/// Reasons not to send. Sending stops at the first; a dry run reports all of them.
#[derive(Debug, Default)]
pub struct Refusals {
    reasons: Vec<Error>,
    goes_on: bool,
}

impl Refusals {
    pub fn new(order: &SendOrder) -> Refusals {
        Refusals { reasons: Vec::new(), goes_on: order.dry_run }
    }

    /// Ends a sending; a dry run continues to look for more.
    pub fn add(&mut self, reason: impl Into<Option<Error>>) -> Result<()> {
        let Some(reason) = reason.into() else { return Ok(()) };
        if !self.goes_on {
            return Err(reason);
        }
        self.reasons.push(reason);
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Prints all reasons that a dry run has found; faults of documents and table have been printed already.
    pub fn say(&self, global: &Global, is_faulty: bool) {
        if !self.goes_on {
            return;
        }
        if self.reasons.is_empty() && !is_faulty {
            super::report::note(global, "dry run: nothing was sent, and the ledger is unchanged");
            return;
        }
        for reason in &self.reasons {
            super::report::error(reason, global.message_format);
        }
        super::report::note(global, "dry run: `send` would refuse this; nothing was sent, and the ledger is unchanged");
    }
}

/// Refuses to send a rehearsal.
pub fn by_mode(event: &Event) -> Option<Error> {
    (event.mode == Mode::Rehearsal).then(|| {
        error!("`{}` is a rehearsal: its mailings are not sent", event.name; help: "send one message to yourself with --test ADDRESS, or set `mode = \"live\"` in the event")
    })
}

/// Refuses a mailing before its time, or after it without a reason. `asks`: a person can be asked whether it is too late.
pub fn by_time(mailing: &Mailing, times: &Times, now: Timestamp, late: Option<&str>, asks: bool) -> Option<Error> {
    let id = &mailing.id.value;
    let ago = |time: &jiff::Zoned| distance(time.timestamp(), now);
    match times.judge(now) {
        Timing::InTime => None,
        Timing::Early => times.first.as_ref().map(|(first, why)| {
            let help = match &times.last {
                Some((last, until)) if last.timestamp() < first.timestamp() => {
                    format!("change `when` or `not_before` of the mailing: its end, {} ({until}), is before that", with_distance(last, now))
                }
                _ => "wait, or change `when` or `not_before` of the mailing".to_owned(),
            };
            error!("the mailing `{id}` must not be sent before {} ({why})", with_distance(first, now); help: "{help}")
        }),
        Timing::Late if late.is_none() => times.last.as_ref().map(|(last, why)| {
            error!("too late for the mailing `{id}`: it ended {} ({why}), {} ago", last.strftime("%a %-d %b %Y, %H:%M %Z"), ago(last); help: "update the notice, which may be out of date, and `not_after`; or send it anyway with `--late REASON`, which the ledger keeps")
        }),
        Timing::Stale if late.is_none() && !asks => Some(error!("the mailing `{id}` was due {} ago ({}) and has no end date", ago(&times.due.0), times.due.1; help: "set `not_after` in the mailing or a stage in the notice, or send it anyway with `--late REASON`")),
        Timing::Late | Timing::Stale => None,
    }
}

/// Calendars accept a window that was moved, or restored, only with a higher SEQUENCE (RFC 5546 §2.1.4), derived from the event's revision.
pub fn by_calendar(earlier: &[EarlierCampaign], event: &Event, sequence: Option<u64>) -> Option<Error> {
    let (Some(clock), Some(sequence)) = (&event.clock, sequence) else { return None };
    let now = clock.t0().timestamp();
    let would_be_ignored = |known: u64, t0: Timestamp| match (invitation::takes_out(sequence), invitation::takes_out(known)) {
        (true, _) => known > sequence,
        (false, true) => known >= sequence,
        (false, false) => known > sequence || known == sequence && t0 != now,
    };
    let is_older = |one: &&EarlierCampaign| one.reached > 0 && one.sequence.is_some_and(|known| would_be_ignored(known, one.t0));
    let last = earlier.iter().filter(is_older).max_by_key(|one| one.sequence)?;
    let known = last.sequence.unwrap_or(0);
    let before = if invitation::takes_out(known) {
        format!("`{}` removed the window from calendars", last.mailing)
    } else if last.t0 == now {
        format!("`{}` was sent with a higher `revision` of the event", last.mailing)
    } else {
        format!("T-0 was {} when `{}` was sent, but is now {}", shown_time(last.t0, event), last.mailing, shown_time(now, event))
    };
    let needed = if invitation::takes_out(sequence) { known.div_ceil(2) } else { known / 2 + 1 };
    Some(
        error!("{before}: with the event's `revision = {}`, calendars would ignore this; nothing was sent", event.revision; help: "set `revision = {needed}` in [events.{}]", event.id),
    )
}

/// Refuses if there is nobody to send to, or too many.
pub fn by_number(messages: u64, sending: &Sending) -> Option<Error> {
    if messages == 0 {
        return Some(Error::new("no messages to send: all recipients are suppressed or were not reached by the earlier mailing"));
    }
    (messages > sending.max_recipients).then(|| {
        error!(
            "too many recipients: {}, but `max_recipients` in [smtp] is {}; nothing was sent",
            thousands(messages),
            thousands(sending.max_recipients)
        )
    })
}

/// Refuses a number other than the requested one.
pub fn by_count(yes: u64, messages: u64) -> Option<Error> {
    (yes != messages)
        .then(|| error!("--yes confirms {}, but the number of messages is {}; nothing was sent", thousands(yes), thousands(messages)))
}

/// Refuses to send to sample people over a real server: the mail would bounce, or worse.
pub fn by_samples(planned: &PlannedMailing, sending: &Sending) -> Option<Error> {
    let (named, count) = &planned.samples;
    if *count == 0 || is_loopback(&sending.host) {
        return None;
    }
    let more = if *count > named.len() as u64 { ", …" } else { "" };
    let are = counted(*count, "recipient has a sample address", "recipients have sample addresses");
    Some(
        error!("{are}: {}{more}; nothing was sent", named.join(", "); help: "set the real table as `recipients` of the mailing or with --recipients FILE; or send one message to yourself with `--test ADDRESS`"),
    )
}
