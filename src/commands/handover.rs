//! Works through a frozen plan: claims recipients, makes their messages again and queues them, until none is due.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::introduction::zoned;
use super::load::Loaded;
use super::meter::Meter;
use super::planned_mailing::Kept;
use super::{ledger, refusals, report};
use crate::cli::Global;
use crate::config::{Event, Mailing, Sending};
use crate::diagnostic::Diagnostics;
use crate::error::{Exit, Result, bail, error};
use crate::mail::address;
use crate::mailing::{Frozen, Selection, Skip};
use crate::notice::deadline::Times;
use crate::notice::ledger::{Claim, Counts, State};
use crate::notice::recipients::Recipient;
use crate::text::{counted, thousands};
use crate::world::ledger::Ledger;
use crate::world::mail::queue::{self, Producer, Queued, SendOptions, Stop};
use crate::world::mail::smtp::Server;
use crate::world::process::Signal;
use crate::world::sink;
use crate::world::{clock, environment};

/// A plan that is being sent.
pub struct Handover<'a> {
    pub global: &'a Global,
    pub loaded: &'a Loaded,
    pub mailing: &'a Mailing,
    pub recipients: Option<&'a Path>,
    pub sending: &'a Sending,
    pub event: &'a Event,
    pub times: Option<&'a Times>,
    pub frozen: &'a Frozen,
    /// How many to send at most in this run.
    pub limit: Option<u64>,
    /// Whether to wait until deferred messages are sent.
    pub wait: bool,
    /// Why it is sent although its time has passed.
    pub late: Option<&'a str>,
    /// Rows that are left out.
    pub skip: Option<&'a Skip>,
}

impl Handover<'_> {
    /// Sends what is planned and what is due, and reports the result.
    pub fn send(&self, ledger: Ledger, server: &Server, kept: Kept) -> Result<Exit> {
        let mailing = &self.mailing.id.value;
        let signal = Signal::watch(
            error!("stopped immediately: messages that were being sent are in doubt"; help: "run `runsheet notice send {mailing}` to list them and resume the rest"),
            report::sayer(self.global),
        )?;
        let mut ledger = ledger;
        let counts = ledger.counts()?;
        let meter = Meter::new(self.global, counts.waiting().min(self.limit.unwrap_or(u64::MAX)));
        let accepted = counts.get(State::Accepted);
        let options =
            SendOptions { server, sending: self.sending, mailing, accepted, signal: &signal.came, tell: &|state| meter.tell(state) };
        let mut budget = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let (stopped, mut ledger) = queue::send(&options, ledger, |producer| self.produce(producer, &mut budget, kept));
        meter.end();
        let code = self.conclude(&mut ledger, stopped.as_ref(), budget == 0)?;
        if let Some(head) = ledger.keep()? {
            report::note(self.global, &format!("last line of the ledger: {head}"));
        }
        Ok(match stopped {
            Some(Stop::Signal) => Exit::Signal(signal.code()),
            Some(Stop::Fault(why)) => {
                report::error(&why, self.global.message_format);
                Exit::Failed
            }
            None => code,
        })
    }

    /// Passes over the table again and again until no recipient is due.
    fn produce(&self, producer: &Producer, budget: &mut usize, kept: Kept) -> Result<()> {
        let mut kept = Some(kept);
        loop {
            self.refuse_late()?;
            producer.ledger(Ledger::sweep)?;
            let kept = kept.take();
            let is_whole = kept.as_ref().is_some_and(|kept| !kept.is_cut);
            let mut claimed = kept.map_or(Ok(0), |kept| self.put_kept(producer, kept, budget))?;
            if !is_whole {
                claimed += self.pass(producer, budget)?;
            }
            if !producer.drained() || *budget == 0 {
                return Ok(());
            }
            let (counts, now) = producer.ledger(|ledger| Ok((ledger.counts()?, ledger.now()?)))?;
            let due_in = counts.next_due.map(|due| Duration::try_from(due.duration_since(now)).unwrap_or_default());
            match due_in {
                Some(time) if time.is_zero() => continue,
                _ if counts.get(State::Planned) > 0 && claimed > 0 => continue,
                Some(time) if self.wait => {
                    report::note(
                        self.global,
                        &format!(
                            "{} deferred: waiting until {}",
                            thousands(counts.get(State::Deferred) - counts.given_up),
                            self.clock_time(counts.next_due)
                        ),
                    );
                    if !producer.sleep(time + Duration::from_millis(10)) {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Fails if the mailing's time passes while it is being sent.
    fn refuse_late(&self) -> Result<()> {
        // For a stale mailing, the user has already been asked.
        let refused = self.times.and_then(|times| refusals::by_time(self.mailing, times, clock::now(), self.late, true));
        refused.map_or(Ok(()), Err)
    }

    fn clock_time(&self, time: Option<Timestamp>) -> String {
        time.map_or_else(String::new, |time| zoned(time, self.event).strftime("%H:%M %Z").to_string())
    }

    /// Claims those of the given keys that are due, as far as the budget allows.
    fn claim(&self, producer: &Producer, keys: &[String], budget: &mut usize) -> Result<BTreeMap<String, Claim>> {
        self.refuse_late()?;
        let claims = producer.ledger(|ledger| ledger.claim(keys, *budget))?;
        *budget -= claims.len();
        Ok(claims.into_iter().map(|claim| (claim.key.clone(), claim)).collect())
    }

    /// Claims those of the kept messages that are due, and queues them. Returns how many.
    fn put_kept(&self, producer: &Producer, kept: Kept, budget: &mut usize) -> Result<usize> {
        let mut claimed = 0;
        let mut messages = kept.messages.into_iter().peekable();
        while messages.peek().is_some() && *budget > 0 && !producer.has_stopped() {
            let batch: Vec<_> = messages.by_ref().take(64).collect();
            let keys: Vec<String> = batch.iter().map(|(key, ..)| key.clone()).collect();
            let mut claims = self.claim(producer, &keys, budget)?;
            claimed += claims.len();
            for (key, envelope, bytes) in batch {
                let Some(claim) = claims.remove(&key) else { continue };
                producer.put(Queued::new(claim, envelope, bytes)?);
            }
        }
        Ok(claimed)
    }

    /// Reads the table once, claims the recipients that are due, and queues their messages. Returns how many.
    fn pass(&self, producer: &Producer, budget: &mut usize) -> Result<usize> {
        let selection =
            Selection { recipients: self.recipients, frozen: Some(self.frozen), skip: self.skip, ..Selection::all(self.mailing) };
        let mut claimed = 0;
        let gate = |recipients: &[&Recipient]| {
            if *budget == 0 || producer.has_stopped() {
                return Ok(recipients.iter().map(|_| None).collect());
            }
            let keys: Vec<String> = recipients.iter().map(|recipient| address::key(&recipient.address)).collect();
            let mut claims = self.claim(producer, &keys, budget)?;
            claimed += claims.len();
            Ok(keys.iter().map(|key| claims.remove(key)).collect())
        };
        let (keys, known) = (environment::keys(), Diagnostics::default());
        let mut merging = self.loaded.merge_some(&selection, &keys, &known, gate)?;
        sink::pour(&mut merging, &mut &*producer, |_| Ok(()))?;
        let (tally, _) = merging.finish();
        if tally.incomplete || tally.skipped {
            bail!("the recipient table changed during sending");
        }
        Ok(claimed)
    }

    /// Prints how many are in each state; returns the exit code unless the run was interrupted.
    pub fn conclude(&self, ledger: &mut Ledger, stopped: Option<&Stop>, by_limit: bool) -> Result<Exit> {
        let counts = ledger.counts()?;
        report::note(
            self.global,
            &format!("{} of {} reached: {}", thousands(counts.get(State::Accepted)), thousands(counts.addressed()), counts.text()),
        );
        let rows = ledger.rows()?;
        for line in ledger::troubles(&rows, 20) {
            report::note(self.global, &line);
        }
        self.say_deferred(&counts);
        let others = counts.get(State::Claimed) + counts.get(State::Sending);
        if others > 0 {
            let are = counted(others, "message is", "messages are");
            let whose =
                if ledger.is_shared() { "being sent by another sender" } else { "left by a run that ended too early: run it again" };
            report::note(self.global, &format!("{are} {whose}"));
        }
        let planned = counts.get(State::Planned);
        if planned > 0 {
            let with = self.skip.map_or_else(String::new, |skip| format!(" with {}", skip.option()));
            let why = match stopped {
                Some(_) => format!("the run was stopped: run it again{with} to resume"),
                None if by_limit => format!("the limit was reached: run it again{with} to resume"),
                None => "their recipients are no longer in the table: cancel them with `notice resolve --cancel --why REASON`".to_owned(),
            };
            report::note(self.global, &format!("{} not started, because {why}", counted(planned, "message is", "messages are")));
        }
        let in_doubt = counts.get(State::InDoubt);
        if in_doubt > 0 {
            let id = &self.mailing.id.value;
            report::note(
                self.global,
                &format!(
                    "{} in doubt: check the server's log, then run `runsheet notice resolve {id} ADDRESS --sent --why REASON` or `--resend`",
                    thousands(in_doubt)
                ),
            );
        }
        let is_whole = counts.open() == 0 && counts.get(State::Refused) == 0 && in_doubt == 0;
        Ok(if is_whole || by_limit && counts.get(State::Refused) + in_doubt + counts.get(State::Deferred) == 0 {
            Exit::Done
        } else {
            Exit::NotAllSent
        })
    }

    fn say_deferred(&self, counts: &Counts) {
        let waiting = counts.get(State::Deferred) - counts.given_up;
        if waiting > 0 {
            let next = self.clock_time(counts.next_due);
            report::note(self.global, &format!("{} deferred, next attempt at {next}: run it again then", thousands(waiting)));
        }
        if counts.given_up > 0 {
            report::note(
                self.global,
                &format!(
                    "{} deferred, out of retries; to retry them: `runsheet notice resolve {} --all-deferred --resend --why REASON`",
                    thousands(counts.given_up),
                    self.mailing.id.value
                ),
            );
        }
    }
}
