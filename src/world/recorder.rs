//! One ledger for many connections: a thread of its own writes what they bring, all that there is in one commit.
//!
//! What is brought while a commit is under way goes into the next one together, so that many connections share what a disk can do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::ledger::Ledger;
use crate::notice::ledger::Entry;

/// A commit that takes longer is worth waiting for company.
const SLOW_COMMIT: Duration = Duration::from_millis(1);
/// And company is waited for so long at most.
const MOST_PATIENCE: Duration = Duration::from_millis(5);

/// The ledger of a sending, for all its connections.
pub struct Recorder {
    ledger: Mutex<Ledger>,
    desk: Mutex<Desk>,
    /// There is something on the desk, or all that is to be expected, or there will be nothing more.
    company: Condvar,
    /// Connections that will soon have something to write.
    busy: AtomicUsize,
}

/// What is brought and not written yet.
#[derive(Default)]
struct Desk {
    entries: Vec<Entry>,
    slips: Vec<Arc<Slip>>,
    is_closed: bool,
    /// How long a commit takes, about.
    commit_time: Duration,
    /// Why the ledger is not trusted any more.
    failed: Option<String>,
}

/// Which claims still held, or why nothing was written.
type Written = Result<Vec<bool>, String>;

struct Slip {
    owner: Thread,
    /// How many entries are its.
    entries: usize,
    written: OnceLock<Written>,
}

/// For entries that were brought. Only the thread that brought them can wait for them.
pub struct Ticket(Arc<Slip>);

/// Keeps the ledger as long as `work` takes, which gives it to all that have something to write; then gives it back.
pub fn keeping<T>(ledger: Ledger, work: impl FnOnce(&Recorder) -> T) -> (T, Ledger) {
    let recorder = Recorder { ledger: Mutex::new(ledger), desk: Mutex::default(), company: Condvar::new(), busy: AtomicUsize::new(0) };
    let done = thread::scope(|scope| {
        scope.spawn(|| recorder.keep());
        let _closing = Closing(&recorder);
        work(&recorder)
    });
    (done, recorder.ledger.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Lets the thread end, also when the work panics.
struct Closing<'a>(&'a Recorder);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.desk().is_closed = true;
        self.0.company.notify_one();
    }
}

impl Recorder {
    /// Does something else with the ledger, between two commits.
    pub fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> Result<T>) -> Result<T> {
        work(&mut self.ledger())
    }

    /// Does something in the course of which, or soon after, entries are brought: on a slow disk others wait for them a little.
    pub fn while_busy<T>(&self, work: impl FnOnce() -> T) -> T {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let done = work();
        self.busy.fetch_sub(1, Ordering::Relaxed);
        done
    }

    /// Hands in entries; they are written together, and in the order in which they were brought.
    pub fn bring(&self, entries: Vec<Entry>) -> Ticket {
        let slip = Arc::new(Slip { owner: thread::current(), entries: entries.len(), written: OnceLock::new() });
        let mut desk = self.desk();
        desk.entries.extend(entries);
        desk.slips.push(Arc::clone(&slip));
        let waiting = desk.slips.len();
        drop(desk);
        // Between the first and the last of them there is no reason to wake it.
        if waiting == 1 || waiting >= self.busy.load(Ordering::Relaxed) {
            self.company.notify_one();
        }
        Ticket(slip)
    }

    /// Waits until what was brought is on the disk. For each entry: whether its claim still held.
    pub fn wait(&self, Ticket(slip): &Ticket) -> Result<Vec<bool>> {
        loop {
            if let Some(written) = slip.written.get() {
                return written.clone().map_err(|why| anyhow!(why));
            }
            thread::park();
        }
    }

    /// Writes what is brought until there will be nothing more.
    fn keep(&self) {
        let mut desk = self.desk();
        while !(desk.is_closed && desk.slips.is_empty()) {
            desk = if desk.slips.is_empty() { self.company.wait(desk).unwrap_or_else(PoisonError::into_inner) } else { self.write(desk) };
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all that was brought in one commit.
    fn write<'d>(&'d self, mut desk: MutexGuard<'d, Desk>) -> MutexGuard<'d, Desk> {
        // On a slow disk others that are about to bring something are waited for, for less than it would cost to write twice.
        if desk.commit_time > SLOW_COMMIT {
            let patience = (desk.commit_time / 2).min(MOST_PATIENCE);
            let is_alone = |desk: &mut Desk| desk.slips.len() < self.busy.load(Ordering::Relaxed);
            desk = self.company.wait_timeout_while(desk, patience, is_alone).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (entries, slips) = (std::mem::take(&mut desk.entries), std::mem::take(&mut desk.slips));
        let failed = desk.failed.clone();
        drop(desk);

        let begun = Instant::now();
        let written = failed.map_or_else(|| self.record(&entries), Err);
        let took = begun.elapsed();
        let mut held = written.as_ref().map(|held| held.iter().copied());
        for slip in &slips {
            let own = match &mut held {
                Ok(held) => Ok(held.by_ref().take(slip.entries).collect()),
                Err(why) => Err(why.to_string()),
            };
            slip.written.set(own).ok();
            slip.owner.unpark();
        }

        let mut desk = self.desk();
        desk.commit_time = (desk.commit_time * 3 + took) / 4;
        // A database that failed once is not trusted again: what it then says may not be on the disk.
        desk.failed = written.err();
        desk
    }

    /// A panic within is an error like any other: nobody sleeps for ever.
    fn record(&self, entries: &[Entry]) -> Written {
        let mut ledger = self.ledger();
        let written = catch_unwind(AssertUnwindSafe(|| ledger.record(entries)));
        written.unwrap_or_else(|_| Err(anyhow!("the ledger ended by a fault of this program"))).map_err(|error| format!("{error:#}"))
    }
}
