//! Sending: queued messages over several connections, each step in the ledger before the next irreversible one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::smtp::Server;
use super::worker::Worker;
use super::writer::{self, GroupWriter};
use crate::config::Sending;
use crate::error::{Error, Result, bail};
use crate::mailing::MergedMessage;
use crate::notice::brake::Brake;
use crate::notice::ledger::{Claim, State, content_hash};
use crate::notice::message::Envelope;
use crate::notice::pace::Pace;
use crate::world::ledger::Ledger;
use crate::world::sink::Sink;
use crate::world::threads;

/// A message in the queue.
pub struct Queued {
    pub claim: Claim,
    pub envelope: Envelope,
    pub bytes: Vec<u8>,
}

impl Queued {
    /// A message that was made again; it must equal the planned one.
    pub fn new(claim: Claim, envelope: Envelope, bytes: Vec<u8>) -> Result<Queued> {
        if claim.hash != content_hash(&bytes) {
            bail!("the message to {} differs from its plan: the recipient table changed during sending", claim.key);
        }
        Ok(Queued { claim, envelope, bytes })
    }

    fn domain(&self) -> &str {
        self.envelope.to.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// What stopped a sending early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The user.
    Signal,
    /// A fault that concerns all messages.
    Fault(Error),
}

/// State shared by all threads of a sending.
pub(super) struct Shared<'a> {
    pub server: &'a Server,
    pub sending: &'a Sending,
    /// The mailing's id.
    pub mailing: &'a str,
    queue: Mutex<Queue>,
    /// Wakes connections: there is another message, or the end.
    work: Condvar,
    /// Wakes the producer: there is room, or nothing left.
    room: Condvar,
    pub writer: &'a GroupWriter,
    started: Instant,
    signal: &'a AtomicBool,
    /// Whether a connection has ever been opened.
    pub proven: Mutex<bool>,
    /// Threads that have a connection, or may still get one.
    pub connectable: AtomicUsize,
    /// Watches the answers of this run.
    brake: Mutex<Brake>,
    /// Messages per connection: as configured, or as the server turned out to accept.
    pub per_connection: AtomicU64,
    /// Whether a message's envelope goes out with the end of the previous message, if the server supports that.
    pub announces: AtomicBool,
    pub tell: &'a (dyn Fn(State) + Sync),
}

pub(super) struct Queue {
    messages: VecDeque<Queued>,
    pub pace: Pace,
    /// Messages that a worker has taken, or whose outcome is not recorded yet.
    in_flight: usize,
    closed: bool,
    stop: Option<Stop>,
}

/// How many messages may wait for each connection.
const AHEAD: usize = 32;
/// How often a waiting thread looks for a signal.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// Puts messages into the queue, and waits while it is full.
pub struct Producer<'a, 'b> {
    shared: &'a Shared<'b>,
}

impl Sink<Claim> for &Producer<'_, '_> {
    fn put(&mut self, merged: MergedMessage<Claim>) -> Result<()> {
        let envelope = merged.message.envelope();
        Producer::put(self, Queued::new(merged.pass, envelope, merged.message.bytes)?);
        Ok(())
    }
}

impl Producer<'_, '_> {
    /// Does something with the ledger, between the writes of the connections.
    pub fn ledger<T>(&self, work: impl FnOnce(&mut Ledger) -> Result<T>) -> Result<T> {
        self.shared.writer.with(work)
    }

    /// Adds a message, once there is room. `false`: the sending has stopped.
    pub fn put(&self, message: Queued) -> bool {
        let shared = self.shared;
        let most = shared.sending.connections * AHEAD;
        let mut queue = shared.lock();
        loop {
            if shared.has_stopped(&mut queue) {
                return false;
            }
            if queue.messages.len() < most {
                queue.messages.push_back(message);
                shared.work.notify_one();
                return true;
            }
            queue = shared.wait_for_room(queue, LOOK);
        }
    }

    /// Waits until the queue is empty and no message is in progress. `false`: the sending has stopped.
    pub fn drained(&self) -> bool {
        let shared = self.shared;
        let mut queue = shared.lock();
        loop {
            if shared.has_stopped(&mut queue) {
                return false;
            }
            if queue.messages.is_empty() && queue.in_flight == 0 {
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

/// The inputs of a sending.
pub struct SendOptions<'a> {
    pub server: &'a Server,
    pub sending: &'a Sending,
    /// The mailing's id.
    pub mailing: &'a str,
    /// How many of the campaign were accepted before.
    pub accepted: u64,
    /// Set by the user's signal.
    pub signal: &'a AtomicBool,
    /// Called for every recipient whose state has changed.
    pub tell: &'a (dyn Fn(State) + Sync),
}

/// Sends what `produce` puts into the queue. At the end, all answers are in the ledger, which is returned.
pub fn send(options: &SendOptions, ledger: Ledger, produce: impl FnOnce(&Producer) -> Result<()>) -> (Option<Stop>, Ledger) {
    let (stopped, mut ledger) = writer::with_writer(ledger, |writer| send_by(options, writer, produce));
    // Release what was claimed but not begun.
    let released = ledger.release().err().map(Stop::Fault);
    (stopped.unwrap_or_else(|why| Some(Stop::Fault(why))).or(released), ledger)
}

fn send_by(options: &SendOptions, writer: &GroupWriter, produce: impl FnOnce(&Producer) -> Result<()>) -> Option<Stop> {
    let connections = options.sending.connections;
    let queue = Queue {
        messages: VecDeque::new(),
        pace: Pace::new(options.sending.rate, options.sending.per_domain),
        in_flight: 0,
        closed: false,
        stop: None,
    };
    let shared = Shared {
        server: options.server,
        sending: options.sending,
        mailing: options.mailing,
        queue: Mutex::new(queue),
        work: Condvar::new(),
        room: Condvar::new(),
        writer,
        started: Instant::now(),
        signal: options.signal,
        proven: Mutex::new(false),
        connectable: AtomicUsize::new(connections),
        brake: Mutex::new(Brake::new(options.accepted)),
        per_connection: AtomicU64::new(options.sending.per_connection),
        announces: AtomicBool::new(true),
        tell: options.tell,
    };
    std::thread::scope(|scope| {
        let mut threads = Vec::with_capacity(connections);
        let started = (0..connections).try_for_each(|_| {
            threads.push(threads::start_in(scope, || Worker::new(&shared).work())?);
            Ok(())
        });
        let guard = Guard(&shared);
        let produced = started.and_then(|()| produce(&Producer { shared: &shared }));
        drop(guard);
        {
            let mut queue = shared.lock();
            queue.closed = true;
            if let Err(error) = produced {
                queue.stop.get_or_insert(Stop::Fault(error));
            }
            shared.wake();
        }
        // If a thread panicked, its guard has stopped the sending.
        for thread in threads {
            thread.join().ok();
        }
    });
    shared.lock().stop.clone()
}

/// Stops the sending if its thread panics, so that nobody waits for it.
pub(super) struct Guard<'a, 'b>(pub &'a Shared<'b>);

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop("bug in runsheet: messages that were being sent will be in doubt");
        }
    }
}

/// The result of asking for work.
pub(super) enum Turn {
    Queued(Queued),
    /// Nothing yet.
    Wait(Duration),
    Over,
}

impl Shared<'_> {
    pub fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn brake(&self) -> MutexGuard<'_, Brake> {
        self.brake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.work.notify_all();
        self.room.notify_all();
    }

    fn wait_for_room<'q>(&self, queue: MutexGuard<'q, Queue>, time: Duration) -> MutexGuard<'q, Queue> {
        self.room.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0
    }

    pub fn wait<'q>(&self, queue: MutexGuard<'q, Queue>, time: Duration) -> MutexGuard<'q, Queue> {
        self.work.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0
    }

    pub fn has_stopped(&self, queue: &mut Queue) -> bool {
        if queue.stop.is_none() && self.signal.load(Ordering::Relaxed) {
            queue.stop = Some(Stop::Signal);
            self.wake();
        }
        queue.stop.is_some()
    }

    pub fn stop(&self, why: impl Into<Error>) {
        self.stop_queue(&mut self.lock(), why);
    }

    pub fn stop_queue(&self, queue: &mut Queue, why: impl Into<Error>) {
        queue.stop.get_or_insert(Stop::Fault(why.into()));
        self.wake();
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub fn turn(&self) -> Turn {
        let mut queue = self.lock();
        if self.has_stopped(&mut queue) {
            return Turn::Over;
        }
        let now = self.now();
        let mut due = queue.pace.due_at_all();
        if due <= now {
            let pace = &queue.pace;
            let found = queue.messages.iter().position(|message| pace.due(message.domain()) <= now);
            if let Some(message) = found.and_then(|index| queue.messages.remove(index)) {
                queue.pace.take(message.domain(), now);
                queue.in_flight += 1;
                // The producer comes when it can put many.
                if queue.messages.len() == self.sending.connections * AHEAD / 2 {
                    self.room.notify_all();
                }
                return Turn::Queued(message);
            }
            due = queue.messages.iter().map(|message| queue.pace.due(message.domain())).min().unwrap_or(now + LOOK);
        }
        if queue.messages.is_empty() && queue.closed {
            return Turn::Over;
        }
        Turn::Wait(due.saturating_sub(now).clamp(Duration::from_millis(1), LOOK))
    }

    pub fn message_done(&self) {
        let mut queue = self.lock();
        queue.in_flight -= 1;
        if queue.in_flight == 0 && queue.messages.is_empty() {
            self.room.notify_all();
        }
    }

    pub fn requeue(&self, message: Queued) {
        let mut queue = self.lock();
        queue.in_flight -= 1;
        queue.messages.push_front(message);
        self.work.notify_one();
    }
}
