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
        if let Some(why) = &self.desk().failed {
            return Err(anyhow!(why.clone()));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::ledger::{Claim, Plan, Planned};
    use crate::world::ledger::plan::Particulars;
    use crate::world::ledger::sqlite::InFile;

    const CONNECTIONS: usize = 8;
    const EACH: usize = 25;

    /// A ledger in which all are claimed.
    fn claimed(path: &std::path::Path) -> (Ledger, Vec<Claim>) {
        let mut ledger = Ledger::new(Box::new(InFile::to_send(path).unwrap()), "campaign", "one", Duration::from_secs(600));
        let keys: Vec<String> = (0..CONNECTIONS * EACH).map(|number| format!("sample{number}@b.example")).collect();
        let rows: Vec<Planned> =
            keys.iter().map(|key| Planned { key: key.clone(), message_id: format!("<{key}>"), hash: "content".to_owned() }).collect();
        let frozen = "2027-02-11T02:00:00Z".parse().unwrap();
        let plan =
            Plan { campaign: "campaign".to_owned(), hash: "plan".to_owned(), frozen, subject: String::new(), amended: 0, begun_as: None };
        ledger.freeze(&plan, &rows, &Particulars::default()).unwrap();
        let claims = ledger.claim(&keys, usize::MAX).unwrap();
        (ledger, claims)
    }

    #[test]
    fn each_is_told_of_its_own_entries() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, claims) = claimed(&folder.path().join("ledger"));
        let void = |claim: &Claim| Claim { number: claim.number + 1, ..claim.clone() };
        let ((), ledger) = keeping(ledger, |recorder| {
            thread::scope(|scope| {
                for (connection, own) in claims.chunks(EACH).enumerate() {
                    scope.spawn(move || {
                        for (number, claim) in own.iter().enumerate() {
                            // Another pattern for each connection, so that an answer to the wrong one is seen.
                            let entries: Vec<Entry> = if (number + connection) % 3 == 0 {
                                vec![Entry::Begin(void(claim)), Entry::Begin(claim.clone())]
                            } else {
                                vec![Entry::Begin(claim.clone())]
                            };
                            let expected: Vec<bool> = entries.iter().map(|entry| entry.claim() == claim).collect();
                            let ticket = recorder.while_busy(|| recorder.bring(entries));
                            assert_eq!(recorder.wait(&ticket).unwrap(), expected);
                        }
                    });
                }
            });
        });
        let mut ledger = ledger;
        assert_eq!(ledger.events().unwrap().len(), CONNECTIONS * EACH + 1, "and the line of the plan");
    }

    #[test]
    fn a_ledger_that_failed_is_not_trusted_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let (ledger, claims) = claimed(&path);
        let elsewhere = rusqlite::Connection::open(&path).unwrap();
        let begin = |index: usize| vec![Entry::Begin(claims[index].clone())];
        let (told, _) = keeping(ledger, |recorder| {
            let write = |index| recorder.wait(&recorder.bring(begin(index))).map_err(|error| error.to_string());
            let before = write(0);
            elsewhere.execute_batch("ALTER TABLE event RENAME TO other").unwrap();
            let failed = write(1);
            elsewhere.execute_batch("ALTER TABLE other RENAME TO event").unwrap();
            (before, failed, write(2))
        });
        let (before, failed, after) = told;
        assert_eq!(before, Ok(vec![true]));
        assert!(failed.as_ref().is_err_and(|why| why.contains("no such table")), "{failed:?}");
        assert_eq!(after, failed, "although it would be written now");
    }

    #[test]
    #[should_panic(expected = "the work fails")]
    fn work_that_panics_leaves_no_thread_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, claims) = claimed(&folder.path().join("ledger"));
        keeping(ledger, |_| assert!(claims.is_empty(), "the work fails"));
    }
}
