//! A delivery worker: message after message over one connection after another.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::queue::{Guard, LOOK, Queued, Shared, Turn};
use super::smtp::{Connection, Delivery, Failure};
use super::writer::{GroupWriter, Receipt};
use crate::error::{Result, error};
use crate::notice::ledger::{Claim, Entry, State};
use crate::notice::reply::{Reply, Step, Verdict};

/// The waits between attempts to get a connection.
const AGAIN: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];

pub(super) struct Worker<'a, 'b> {
    shared: &'a Shared<'b>,
    connection: Option<Connection>,
    /// The outcome of the previous message, which is recorded together with the beginning of the next.
    unwritten: Option<Entry>,
    /// The next message. Its envelope went out with the end of the current one, or goes out again if the connection is lost.
    next: Option<Queued>,
    /// It has no connection, and no longer counts among the threads that may get one.
    gave_up: bool,
}

/// The ledger entry for a message about to be sent. It is on disk before the end of the message is written.
struct Beginning<'a> {
    writer: &'a GroupWriter,
    /// Its position among entries submitted together, until somebody has waited for it.
    submitted: Option<(usize, Receipt)>,
    is_held: bool,
}

impl<'a> Beginning<'a> {
    /// Submits it, together with the outcome of the previous message.
    fn submit(writer: &'a GroupWriter, claim: &Claim, before: Option<Entry>) -> Beginning<'a> {
        let place = usize::from(before.is_some());
        let receipt = writer.submit(before.into_iter().chain([Entry::Begin(claim.clone())]).collect());
        Beginning { writer, submitted: Some((place, receipt)), is_held: false }
    }

    /// Waits until it is written; returns whether the claim was still valid then.
    fn wait(&mut self) -> Result<bool> {
        if let Some((place, receipt)) = self.submitted.take() {
            self.is_held = self.writer.wait(&receipt)?.get(place).copied().unwrap_or(false);
        }
        Ok(self.is_held)
    }
}

/// The result of one attempt to hand a message to the server.
struct Attempt {
    delivery: Delivery,
    /// Messages that went over the connection before this one.
    before: u64,
    /// Whether its envelope was written together with the end of the previous message.
    was_announced: bool,
}

/// What an attempt means for its message.
enum Settlement {
    /// Its state, the server's answer, and the time at which it is due again.
    Settled((State, Reply, Duration)),
    /// Another attempt makes sense at once.
    Again,
    /// Another sender has it by now.
    Void,
}

impl<'a, 'b> Worker<'a, 'b> {
    pub fn new(shared: &'a Shared<'b>) -> Worker<'a, 'b> {
        Worker { shared, connection: None, unwritten: None, next: None, gave_up: false }
    }

    /// Delivers messages until there are none left.
    pub fn work(mut self) {
        let shared = self.shared;
        let _guard = Guard(shared);
        loop {
            // If sending is about to stop, a message that is only announced is not sent.
            let announced = self.next.take_if(|_| !shared.has_stopped(&mut shared.lock()));
            let goes_on = match announced.map_or_else(|| shared.turn(), Turn::Queued) {
                Turn::Over => break,
                Turn::Wait(time) => {
                    let is_written = self.write_down();
                    if is_written {
                        drop(shared.wait(shared.lock(), time));
                    }
                    is_written
                }
                Turn::Queued(message) => self.process(message),
            };
            if !goes_on {
                break;
            }
        }
        self.write_down();
        if let Some(message) = self.next {
            shared.requeue(message);
        }
        if let Some(connection) = self.connection {
            connection.quit();
        }
    }

    /// Takes one message to the server. `false`: it was the last.
    fn process(&mut self, message: Queued) -> bool {
        let shared = self.shared;
        if self.connection.is_none() && !(self.write_down() && self.connect()) {
            shared.requeue(message);
            return false;
        }
        let before = self.unwritten.take();
        let had_before = before.is_some();
        let delivered = shared.writer.while_busy(|| self.deliver(&message, before));
        if had_before {
            shared.message_done();
        }
        match delivered {
            Ok(Some(entry)) => self.unwritten = Some(entry),
            Ok(None) => shared.message_done(),
            Err(error) => {
                shared.message_done();
                shared.stop(error);
                return false;
            }
        }
        let most = shared.per_connection.load(Ordering::Relaxed);
        let used_up = self.connection.take_if(|connection| connection.messages >= most && !connection.is_announced());
        let Some(used_up) = used_up else { return true };
        // The server may be slow to say goodbye.
        let is_written = self.write_down();
        used_up.quit();
        is_written
    }

    /// Records what is left. `false`: the ledger failed, and sending stops.
    fn write_down(&mut self) -> bool {
        let Some(entry) = self.unwritten.take() else { return true };
        let writer = self.shared.writer;
        let written = writer.wait(&writer.submit(vec![entry]));
        self.shared.message_done();
        written.map_err(|error| self.shared.stop(error)).is_ok()
    }

    /// Opens a connection. `false`: none is available, or sending has stopped; then that is recorded.
    fn connect(&mut self) -> bool {
        let shared = self.shared;
        let mut waits = AGAIN.iter();
        loop {
            // Until one connection has succeeded, only one thread tries, so that a wrong password is tried only once.
            let mut proven = shared.proven.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.has_stopped(&mut shared.lock()) {
                return false;
            }
            let opened = if *proven {
                drop(proven);
                Connection::open(shared.server)
            } else {
                let opened = Connection::open(shared.server);
                *proven = opened.is_ok();
                if let Err(Failure::Lasting(why)) = &opened {
                    shared.stop(why.clone());
                }
                drop(proven);
                opened
            };
            match opened {
                Ok(connection) => {
                    if std::mem::take(&mut self.gave_up) {
                        shared.connectable.fetch_add(1, Ordering::Relaxed);
                    }
                    self.connection = Some(connection);
                    return true;
                }
                Err(Failure::Lasting(why)) => {
                    shared.stop(why);
                    return false;
                }
                Err(Failure::Passing(why)) => {
                    shared.lock().pace.slow_down();
                    let Some(time) = waits.next() else {
                        // Other workers may continue with fewer connections than configured.
                        if !std::mem::replace(&mut self.gave_up, true) && shared.connectable.fetch_sub(1, Ordering::Relaxed) == 1 {
                            shared.stop(why);
                        }
                        return false;
                    };
                    let until = Instant::now() + *time;
                    while Instant::now() < until {
                        let mut queue = shared.lock();
                        if shared.has_stopped(&mut queue) {
                            return false;
                        }
                        drop(shared.wait(queue, LOOK));
                    }
                }
            }
        }
    }

    /// Sends a message; returns what still has to be recorded. An error comes from the ledger.
    fn deliver(&mut self, message: &Queued, before: Option<Entry>) -> Result<Option<Entry>> {
        let shared = self.shared;
        let claim = &message.claim;
        let mut beginning = Beginning::submit(shared.writer, claim, before);
        let mut is_first_try = true;
        let settled = loop {
            let Some(attempt) = self.attempt(message, &mut beginning)? else {
                if !self.connect() {
                    // Not sent: release the claim so that another sender can take it.
                    break Some((State::Planned, Reply::new(0, ""), Duration::ZERO));
                }
                continue;
            };
            match self.settle(claim, attempt, is_first_try) {
                Settlement::Settled(settled) => break Some(settled),
                Settlement::Void => break None,
                Settlement::Again => is_first_try = false,
            }
            // The claim may have expired meanwhile: it is renewed, or void.
            beginning.wait()?;
            beginning = Beginning::submit(shared.writer, claim, None);
        };
        // The beginning must be on disk before the outcome is written.
        beginning.wait()?;
        let Some((state, reply, due)) = settled else { return Ok(None) };
        (shared.tell)(state);
        Ok(Some(Entry::Settle { claim: claim.clone(), state, reply, due }))
    }

    /// Hands a message to the server once, and drops an unusable connection. `None`: there is no connection.
    fn attempt(&mut self, message: &Queued, beginning: &mut Beginning) -> Result<Option<Attempt>> {
        let shared = self.shared;
        let Some(open) = &mut self.connection else { return Ok(None) };
        let may_announce = shared.announces.load(Ordering::Relaxed) && open.messages + 1 < shared.per_connection.load(Ordering::Relaxed);
        let was_announced = open.is_announced();
        let next = &mut self.next;
        let follow = || {
            if !may_announce {
                return None;
            }
            if next.is_none()
                && let Turn::Queued(message) = shared.turn()
            {
                *next = Some(message);
            }
            next.as_ref().map(|message| message.envelope.clone())
        };
        let delivery = match open.send(&message.envelope, &message.bytes, || beginning.wait(), follow) {
            Ok(delivery) => delivery,
            Err(error) => {
                // The end of the message was not written, so the server discards the rest.
                self.connection = None;
                return Err(error);
            }
        };
        let before = open.messages - 1;
        let keeps =
            matches!(&delivery, Delivery::Accepted(_) | Delivery::Answered { verdict: Verdict::Deferred { .. } | Verdict::Refused, .. });
        if !keeps || open.spoiled {
            self.connection = None;
        } else if !matches!(delivery, Delivery::Accepted(_)) {
            open.needs_reset = true;
        }
        Ok(Some(Attempt { delivery, before, was_announced }))
    }

    /// What an attempt means for the message, and for those after it.
    fn settle(&self, claim: &Claim, attempt: Attempt, is_first_try: bool) -> Settlement {
        let shared = self.shared;
        let later = |reply| Settlement::Settled(self.later(claim, reply));
        match attempt.delivery {
            Delivery::Accepted(reply) => {
                shared.brake().accepted();
                shared.lock().pace.accepted();
                Settlement::Settled((State::Accepted, reply, Duration::ZERO))
            }
            Delivery::Answered { reply, verdict: Verdict::Refused, step } => {
                self.brake(step, &reply);
                Settlement::Settled((State::Refused, reply, Duration::ZERO))
            }
            Delivery::Answered { step, reply, verdict: Verdict::Stop } => {
                shared.stop(error!("{} answered {reply} at {}: this affects all messages", shared.server.name(), step.name()));
                Settlement::Settled((State::Planned, reply, Duration::ZERO))
            }
            Delivery::Answered { reply, verdict: Verdict::Deferred { slower }, .. } => {
                if slower {
                    shared.lock().pace.slow_down();
                }
                shared.brake().deferred();
                later(reply)
            }
            Delivery::Answered { reply, .. } => {
                // A server that limits messages per connection gets another connection; one that closes at once wants fewer messages.
                if attempt.before > 0 {
                    shared.per_connection.fetch_min(attempt.before, Ordering::Relaxed);
                } else {
                    shared.lock().pace.slow_down();
                }
                if is_first_try { Settlement::Again } else { later(reply) }
            }
            Delivery::Lost { step, why } => {
                // A device in between may swallow what follows the end of a message.
                if attempt.was_announced && step == Step::Mail {
                    shared.announces.store(false, Ordering::Relaxed);
                }
                if is_first_try { Settlement::Again } else { later(Reply::new(0, &format!("lost at {}: {why}", step.name()))) }
            }
            Delivery::InDoubt { why } => {
                self.brake_in_doubt(&why);
                let reply = Reply::new(0, &format!("the server did not confirm the message: {why}"));
                Settlement::Settled((State::InDoubt, reply, Duration::ZERO))
            }
            Delivery::Void => Settlement::Void,
        }
    }

    /// Deferred; once its retries are used up, it waits for somebody to plan it again.
    fn later(&self, claim: &Claim, reply: Reply) -> (State, Reply, Duration) {
        let wait = usize::try_from(claim.tries).ok().and_then(|tries| self.shared.sending.retry.get(tries));
        (State::Deferred, reply, wait.copied().unwrap_or(Duration::MAX))
    }

    /// Refusals that concern the sender stop everything; messages not begun stay planned.
    fn brake(&self, step: Step, reply: &Reply) {
        // No thread may take another message between the decisive refusal and the stop.
        let mut queue = self.shared.lock();
        let Some(why) = self.shared.brake().refused(reply) else { return };
        self.shared.stop_queue(&mut queue, error!(
            "{why} at {}; messages not started stay planned", step.name();
            help: "ask the mail administrator why; once the server takes them, `runsheet notice resolve {} --all-refused --resend --why REASON` retries them\nif these addresses don't exist, run `send` again to continue with the rest",
            self.shared.mailing
        ));
    }

    /// Too many messages in doubt stop everything, too.
    fn brake_in_doubt(&self, why: &str) {
        let Some(pattern) = self.shared.brake().in_doubt() else { return };
        self.shared.stop(error!(
            "{pattern}: {why}; messages not started stay planned";
            help: "check the server's log: it may have accepted them"
        ));
    }
}
