//! Sending: letters from a queue over several connections, each step in the ledger before the next that cannot be undone.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::ledger::Ledger;
use super::recorder::{self, Recorder};
use super::smtp::{Connection, Delivery, Failure, Server};
use crate::config::Sending;
use crate::notice::ledger::{Claim, Entry, State};
use crate::notice::pace::Pace;
use crate::notice::reply::{Reply, Step, Verdict};

/// A message on its way.
pub struct Letter {
    pub claim: Claim,
    pub to: String,
    pub bytes: Vec<u8>,
}

impl Letter {
    fn domain(&self) -> &str {
        self.to.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// How a sending ended.
#[derive(Debug)]
pub struct Ended {
    /// What stopped it before its time.
    pub stopped: Option<Stop>,
    /// The last hash that this run wrote.
    pub head: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The user.
    Signal,
    /// Something that concerns all messages.
    Fault(String),
}

/// What all threads of a sending share.
struct Shared<'a> {
    server: &'a Server,
    sending: &'a Sending,
    from: &'a str,
    queue: Mutex<Queue>,
    /// For connections: there is another letter, or an end.
    work: Condvar,
    /// For the feed: there is room, or nothing left.
    room: Condvar,
    recorder: &'a Recorder,
    started: Instant,
    signal: &'a AtomicBool,
    /// A connection has once been opened.
    proven: Mutex<bool>,
    /// Threads that have a connection, or may still get one.
    hopeful: AtomicUsize,
    accepted: AtomicU64,
    /// Messages over one connection: as configured, or as the server was found to take.
    per_connection: AtomicU64,
    refused_at_first: AtomicU64,
    tell: &'a (dyn Fn(State) + Sync),
}

struct Queue {
    letters: VecDeque<Letter>,
    pace: Pace,
    /// Letters that a connection has in hand, or whose end is not written down yet.
    in_hand: usize,
    closed: bool,
    stop: Option<Stop>,
}

/// So many letters wait at most for one connection.
const AHEAD: usize = 32;
/// If so many are refused before any is accepted, something is wrong with the sender, not with the recipients.
const MOST_REFUSED_AT_FIRST: u64 = 20;
/// The waits between attempts to get a connection.
const AGAIN: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];
/// How often a waiting thread looks for a signal.
const LOOK: Duration = Duration::from_millis(50);

/// The hand that feeds a sending with letters.
pub struct Feed<'a, 'b> {
    shared: &'a Shared<'b>,
}

impl Feed<'_, '_> {
    /// Does something with the ledger, between what the connections write.
    pub fn ledger<T>(&self, work: impl FnOnce(&mut Ledger) -> Result<T>) -> Result<T> {
        self.shared.recorder.with(work)
    }

    /// Adds a letter, once there is room. `false`: the sending has stopped.
    pub fn put(&self, letter: Letter) -> bool {
        let shared = self.shared;
        let most = shared.sending.connections * AHEAD;
        let mut queue = shared.lock();
        loop {
            if shared.has_stopped(&mut queue) {
                return false;
            }
            if queue.letters.len() < most {
                queue.letters.push_back(letter);
                shared.work.notify_one();
                return true;
            }
            queue = shared.wait_for_room(queue, LOOK);
        }
    }

    /// Waits until nothing is in the queue or on its way. `false`: the sending has stopped.
    pub fn drained(&self) -> bool {
        let shared = self.shared;
        let mut queue = shared.lock();
        loop {
            if shared.has_stopped(&mut queue) {
                return false;
            }
            if queue.letters.is_empty() && queue.in_hand == 0 {
                return true;
            }
            queue = shared.wait_for_room(queue, LOOK);
        }
    }

    /// Waits for a time. `false`: the sending has stopped.
    pub fn sleep(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut queue = self.shared.lock();
        loop {
            if self.shared.has_stopped(&mut queue) {
                return false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            queue = self.shared.wait_for_room(queue, left.min(LOOK));
        }
    }

    pub fn has_stopped(&self) -> bool {
        self.shared.has_stopped(&mut self.shared.lock())
    }
}

/// What a sending needs.
pub struct Orders<'a> {
    pub server: &'a Server,
    pub sending: &'a Sending,
    /// The sender's address.
    pub from: &'a str,
    /// So many of the campaign were accepted before.
    pub accepted: u64,
    /// Set by the user's signal.
    pub signal: &'a AtomicBool,
    /// Told of every recipient that has come to a state.
    pub tell: &'a (dyn Fn(State) + Sync),
}

/// Sends what `feed` puts into the queue. All that the server answered is in the ledger when it ends; that is given back.
pub fn send(order: &Orders, ledger: Ledger, feed: impl FnOnce(&Feed) -> Result<()>) -> (Ended, Ledger) {
    let (stopped, mut ledger) = recorder::keeping(ledger, |recorder| send_by(order, recorder, feed));
    // What was claimed and not begun goes back.
    let released = ledger.release().err().map(|error| Stop::Fault(format!("{error:#}")));
    (Ended { stopped: stopped.or(released), head: ledger.head().map(str::to_owned) }, ledger)
}

fn send_by(order: &Orders, recorder: &Recorder, feed: impl FnOnce(&Feed) -> Result<()>) -> Option<Stop> {
    let connections = order.sending.connections;
    let queue = Queue {
        letters: VecDeque::new(),
        pace: Pace::new(order.sending.rate, order.sending.per_domain),
        in_hand: 0,
        closed: false,
        stop: None,
    };
    let shared = Shared {
        server: order.server,
        sending: order.sending,
        from: order.from,
        queue: Mutex::new(queue),
        work: Condvar::new(),
        room: Condvar::new(),
        recorder,
        started: Instant::now(),
        signal: order.signal,
        proven: Mutex::new(false),
        hopeful: AtomicUsize::new(connections),
        accepted: AtomicU64::new(order.accepted),
        per_connection: AtomicU64::new(order.sending.per_connection),
        refused_at_first: AtomicU64::new(0),
        tell: order.tell,
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(|| shared.work())).collect();
        let guard = Guard(&shared);
        let fed = feed(&Feed { shared: &shared });
        drop(guard);
        {
            let mut queue = shared.lock();
            queue.closed = true;
            if let Err(error) = &fed {
                queue.stop.get_or_insert(Stop::Fault(format!("{error:#}")));
            }
            shared.wake();
        }
        // One that panicked has stopped the sending by its guard.
        for thread in threads {
            thread.join().ok();
        }
    });
    shared.lock().stop.clone()
}

/// Stops the sending if its thread panics, so that nobody waits for it.
struct Guard<'a, 'b>(&'a Shared<'b>);

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop("a fault of this program; what was being sent will be in doubt".to_owned());
        }
    }
}

/// What a connection gets when it asks for work.
enum Turn {
    Letter(Letter),
    /// Nothing yet.
    Wait(Duration),
    Over,
}

impl Shared<'_> {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.work.notify_all();
        self.room.notify_all();
    }

    fn wait_for_room<'q>(&self, queue: MutexGuard<'q, Queue>, time: Duration) -> MutexGuard<'q, Queue> {
        self.room.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn wait<'q>(&self, queue: MutexGuard<'q, Queue>, time: Duration) -> MutexGuard<'q, Queue> {
        self.work.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn has_stopped(&self, queue: &mut Queue) -> bool {
        if queue.stop.is_none() && self.signal.load(Ordering::Relaxed) {
            queue.stop = Some(Stop::Signal);
            self.wake();
        }
        queue.stop.is_some()
    }

    fn stop(&self, why: String) {
        self.lock().stop.get_or_insert(Stop::Fault(why));
        self.wake();
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn turn(&self) -> Turn {
        let mut queue = self.lock();
        if self.has_stopped(&mut queue) {
            return Turn::Over;
        }
        let now = self.now();
        let mut due = queue.pace.due_at_all();
        if due <= now {
            let pace = &queue.pace;
            let found = queue.letters.iter().position(|letter| pace.due(letter.domain()) <= now);
            if let Some(letter) = found.and_then(|index| queue.letters.remove(index)) {
                queue.pace.take(letter.domain(), now);
                queue.in_hand += 1;
                // The feed comes when it can put many.
                if queue.letters.len() == self.sending.connections * AHEAD / 2 {
                    self.room.notify_all();
                }
                return Turn::Letter(letter);
            }
            due = queue.letters.iter().map(|letter| queue.pace.due(letter.domain())).min().unwrap_or(now + LOOK);
        }
        if queue.letters.is_empty() && queue.closed {
            return Turn::Over;
        }
        Turn::Wait(due.saturating_sub(now).clamp(Duration::from_millis(1), LOOK))
    }

    fn letter_done(&self) {
        let mut queue = self.lock();
        queue.in_hand -= 1;
        if queue.in_hand == 0 && queue.letters.is_empty() {
            self.room.notify_all();
        }
    }

    fn put_back(&self, letter: Letter) {
        let mut queue = self.lock();
        queue.in_hand -= 1;
        queue.letters.push_front(letter);
        self.work.notify_one();
    }

    /// One connection after another, as long as there is work.
    fn work(&self) {
        let _guard = Guard(self);
        let mut connection: Option<Connection> = None;
        let mut gave_up = false;
        // What became of the letter before: it is written together with the beginning of the next.
        let mut unwritten: Option<Entry> = None;
        // The letter whose envelope went out with the end of the one before.
        let mut next: Option<Letter> = None;
        loop {
            match next.take().map_or_else(|| self.turn(), Turn::Letter) {
                Turn::Over => break,
                Turn::Wait(time) => {
                    if !self.write_down(&mut unwritten) {
                        break;
                    }
                    drop(self.wait(self.lock(), time));
                }
                Turn::Letter(letter) => {
                    if connection.is_none() {
                        if !self.write_down(&mut unwritten) {
                            self.put_back(letter);
                            break;
                        }
                        match self.connect(&mut gave_up) {
                            Some(opened) => connection = Some(opened),
                            None => {
                                self.put_back(letter);
                                break;
                            }
                        }
                    }
                    let before = unwritten.take();
                    let had_before = before.is_some();
                    let done = self.recorder.while_busy(|| self.deliver(&letter, &mut connection, before, &mut next, &mut gave_up));
                    if had_before {
                        self.letter_done();
                    }
                    match done {
                        Ok(Some(entry)) => unwritten = Some(entry),
                        Ok(None) => self.letter_done(),
                        Err(error) => {
                            self.letter_done();
                            self.stop(format!("{error:#}"));
                            break;
                        }
                    }
                    let most = self.per_connection.load(Ordering::Relaxed);
                    let is_used_up = next.is_none() && connection.as_ref().is_some_and(|connection| connection.messages >= most);
                    if is_used_up && !self.write_down(&mut unwritten) {
                        break;
                    }
                    if let Some(used) = connection.take_if(|_| is_used_up) {
                        used.quit();
                    }
                }
            }
        }
        self.write_down(&mut unwritten);
        if let Some(letter) = next {
            self.put_back(letter);
        }
        if let Some(connection) = connection {
            connection.quit();
        }
    }

    /// Writes down what is left. `false`: the ledger failed, and the sending stops.
    fn write_down(&self, unwritten: &mut Option<Entry>) -> bool {
        let Some(entry) = unwritten.take() else { return true };
        let written = self.recorder.wait(&self.recorder.bring(vec![entry]));
        self.letter_done();
        match written {
            Ok(_) => true,
            Err(error) => {
                self.stop(format!("{error:#}"));
                false
            }
        }
    }

    /// A new connection. `None`: there is none to be had, or the sending has stopped; then that is noted.
    fn connect(&self, gave_up: &mut bool) -> Option<Connection> {
        let mut waits = AGAIN.iter();
        loop {
            // Until one connection has been let in, there is only one that tries: a wrong password is tried once.
            let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
            if self.has_stopped(&mut self.lock()) {
                return None;
            }
            let opened = if *proven {
                drop(proven);
                Connection::open(self.server)
            } else {
                let opened = Connection::open(self.server);
                *proven = opened.is_ok();
                if let Err(Failure::Lasting(why)) = &opened {
                    self.stop(why.clone());
                }
                drop(proven);
                opened
            };
            match opened {
                Ok(connection) => {
                    if std::mem::take(gave_up) {
                        self.hopeful.fetch_add(1, Ordering::Relaxed);
                    }
                    return Some(connection);
                }
                Err(Failure::Lasting(why)) => {
                    self.stop(why);
                    return None;
                }
                Err(Failure::Passing(why)) => {
                    self.lock().pace.slow_down();
                    let Some(time) = waits.next() else {
                        // Others may go on with fewer connections than were wished for.
                        if !std::mem::replace(gave_up, true) && self.hopeful.fetch_sub(1, Ordering::Relaxed) == 1 {
                            self.stop(why);
                        }
                        return None;
                    };
                    let until = Instant::now() + *time;
                    while Instant::now() < until {
                        let mut queue = self.lock();
                        if self.has_stopped(&mut queue) {
                            return None;
                        }
                        drop(self.wait(queue, LOOK));
                    }
                }
            }
        }
    }

    /// Sends a letter; gives what is still to be written down. An error is the ledger's.
    fn deliver(
        &self,
        letter: &Letter,
        connection: &mut Option<Connection>,
        before: Option<Entry>,
        next: &mut Option<Letter>,
        gave_up: &mut bool,
    ) -> Result<Option<Entry>> {
        let begin = || Entry::Begin(letter.claim.clone());
        let place = usize::from(before.is_some());
        let mut written = Some((place, self.recorder.bring(before.into_iter().chain([begin()]).collect())));
        let mut held = false;
        let mut is_first_try = true;
        let settled = loop {
            let Some(open) = connection else {
                match self.connect(gave_up) {
                    Some(opened) => *connection = Some(opened),
                    // Nothing was sent, and somebody else may.
                    None => break Some((State::Planned, Reply::new(0, ""), Duration::ZERO)),
                }
                continue;
            };
            let mut ask = || -> Result<bool> {
                if let Some((place, ticket)) = written.take() {
                    held = self.recorder.wait(&ticket)?.get(place).copied().unwrap_or(false);
                }
                Ok(held)
            };
            let has_more = open.messages + 1 < self.per_connection.load(Ordering::Relaxed);
            let follow = || {
                if has_more
                    && next.is_none()
                    && let Turn::Letter(letter) = self.turn()
                {
                    *next = Some(letter);
                }
                next.as_ref().map(|letter| letter.to.clone())
            };
            let delivery = match open.send(self.from, &letter.to, &letter.bytes, &mut ask, follow) {
                Ok(delivery) => delivery,
                Err(error) => {
                    // The end of the message is not written: the server throws away what it has.
                    *connection = None;
                    return Err(error);
                }
            };
            let before = open.messages - 1;
            let keeps = matches!(
                &delivery,
                Delivery::Accepted(_) | Delivery::Answered { verdict: Verdict::Deferred { .. } | Verdict::Refused, .. }
            );
            if !keeps {
                *connection = None;
            } else if !matches!(delivery, Delivery::Accepted(_)) {
                open.needs_reset = true;
            }
            match delivery {
                Delivery::Accepted(reply) => {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    self.lock().pace.accepted();
                    break Some((State::Accepted, reply, Duration::ZERO));
                }
                Delivery::Answered { reply, verdict: Verdict::Refused, step } => {
                    self.refused_at_first(step, &reply);
                    break Some((State::Refused, reply, Duration::ZERO));
                }
                Delivery::Answered { step, reply, verdict: Verdict::Stop } => {
                    self.stop(format!("{} answered {reply} at {}: that concerns all messages", self.server.name(), step.name()));
                    break Some((State::Planned, reply, Duration::ZERO));
                }
                Delivery::Answered { reply, verdict: Verdict::Deferred { slower }, .. } => {
                    if slower {
                        self.lock().pace.slow_down();
                    }
                    break Some(self.later(&letter.claim, reply));
                }
                Delivery::Answered { reply, .. } => {
                    // A server that has had enough of one connection is given another; one that closes at once wants less.
                    if before > 0 {
                        self.per_connection.fetch_min(before, Ordering::Relaxed);
                    } else {
                        self.lock().pace.slow_down();
                    }
                    if !is_first_try {
                        break Some(self.later(&letter.claim, reply));
                    }
                }
                Delivery::Lost { step, why } => {
                    if !is_first_try {
                        break Some(self.later(&letter.claim, Reply::new(0, &format!("lost at {}: {why}", step.name()))));
                    }
                }
                Delivery::InDoubt { why } => {
                    break Some((State::InDoubt, Reply::new(0, &format!("no answer to the end of the message: {why}")), Duration::ZERO));
                }
                // Somebody else has it by now.
                Delivery::Void => break None,
            }
            is_first_try = false;
            // The claim may have run out meanwhile: it is renewed, or void.
            if let Some((_, ticket)) = written.take() {
                self.recorder.wait(&ticket)?;
            }
            written = Some((0, self.recorder.bring(vec![begin()])));
        };
        // The beginning is on the disk before what became of it is written.
        if let Some((_, ticket)) = written.take() {
            self.recorder.wait(&ticket)?;
        }
        let Some((state, reply, due)) = settled else { return Ok(None) };
        (self.tell)(state);
        Ok(Some(Entry::Settle { claim: letter.claim.clone(), state, reply, due }))
    }

    /// Deferred, or given up once it has been tried often enough.
    fn later(&self, claim: &Claim, reply: Reply) -> (State, Reply, Duration) {
        match usize::try_from(claim.tries).ok().and_then(|tries| self.sending.retry.get(tries)) {
            Some(wait) => (State::Deferred, reply, *wait),
            None => (State::Refused, reply, Duration::ZERO),
        }
    }

    fn refused_at_first(&self, step: Step, reply: &Reply) {
        if self.accepted.load(Ordering::Relaxed) > 0 {
            return;
        }
        let refused = self.refused_at_first.fetch_add(1, Ordering::Relaxed) + 1;
        if refused == MOST_REFUSED_AT_FIRST {
            self.stop(format!(
                "the first {refused} messages were all refused, the last with {reply} at {}\nhelp: see what the server has against them; then `runsheet notice resolve` with --resend plans them again",
                step.name()
            ));
        }
    }
}
