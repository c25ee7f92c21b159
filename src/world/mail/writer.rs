//! Group commit: one thread writes the entries of all connections, with all pending ones in one transaction.
//!
//! Entries submitted during a commit go into the next one together, so that many connections share the disk's limited speed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, error};
use crate::notice::ledger::Entry;
use crate::world::ledger::Ledger;
use crate::world::threads;

/// Above this commit time, delay for group commit.
const SLOW_COMMIT: Duration = Duration::from_millis(1);
/// The longest delay for group commit.
const MOST_DELAY: Duration = Duration::from_millis(5);

/// The ledger of a sending, for all its connections.
pub struct GroupWriter {
    ledger: Mutex<Ledger>,
    pending: Mutex<Pending>,
    /// Wakes the writer: something is pending, or all expected entries are, or nothing more will come.
    arrived: Condvar,
    /// Connections that will soon have something to write.
    busy: AtomicUsize,
}

/// Entries that were submitted but not written yet.
#[derive(Default)]
struct Pending {
    entries: Vec<Entry>,
    batches: Vec<Arc<Batch>>,
    is_closed: bool,
    /// The approximate duration of a commit.
    commit_time: Duration,
    /// Why the ledger is no longer trusted.
    failed: Option<Error>,
}

/// Which claims were still valid, or why nothing was written.
type Written = Result<Vec<bool>>;

struct Batch {
    owner: Thread,
    /// The number of entries it is for.
    entries: usize,
    written: OnceLock<Written>,
}

/// A ticket for submitted entries. Only the thread that submitted them can wait for them.
pub struct Receipt(Arc<Batch>);

/// Lends the ledger to `work`, which passes it to everything that writes; then returns it.
/// An error if that cannot begin, with the ledger.
pub fn with_writer<T>(ledger: Ledger, work: impl FnOnce(&GroupWriter) -> T) -> (Result<T>, Ledger) {
    let writer = GroupWriter { ledger: Mutex::new(ledger), pending: Mutex::default(), arrived: Condvar::new(), busy: AtomicUsize::new(0) };
    let done = thread::scope(|scope| {
        threads::start_in(scope, || writer.run())?;
        let _closing = Closing(&writer);
        Ok(work(&writer))
    });
    (done, writer.ledger.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Lets the thread end, even if the work panics.
struct Closing<'a>(&'a GroupWriter);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.pending().is_closed = true;
        self.0.arrived.notify_one();
    }
}

impl GroupWriter {
    /// Does something else with the ledger, between two commits.
    pub fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> Result<T>) -> Result<T> {
        if let Some(why) = &self.pending().failed {
            return Err(why.clone());
        }
        work(&mut self.ledger())
    }

    /// Does something that leads to new entries soon: on a slow disk, other commits wait a little for them.
    pub fn while_busy<T>(&self, work: impl FnOnce() -> T) -> T {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let done = work();
        self.busy.fetch_sub(1, Ordering::Relaxed);
        done
    }

    /// Submits entries; they are written together, and in the order of submission.
    pub fn submit(&self, entries: Vec<Entry>) -> Receipt {
        let batch = Arc::new(Batch { owner: thread::current(), entries: entries.len(), written: OnceLock::new() });
        let mut pending = self.pending();
        pending.entries.extend(entries);
        pending.batches.push(Arc::clone(&batch));
        let waiting = pending.batches.len();
        drop(pending);
        // There is no reason to wake the writer between the first and the last of them.
        if waiting == 1 || waiting >= self.busy.load(Ordering::Relaxed) {
            self.arrived.notify_one();
        }
        Receipt(batch)
    }

    /// Waits until submitted entries are on disk. Returns for each entry whether its claim was still valid.
    pub fn wait(&self, Receipt(batch): &Receipt) -> Result<Vec<bool>> {
        loop {
            if let Some(written) = batch.written.get() {
                return written.clone();
            }
            thread::park();
        }
    }

    /// Writes submitted entries until no more will come.
    fn run(&self) {
        let mut pending = self.pending();
        while !(pending.is_closed && pending.batches.is_empty()) {
            pending = if pending.batches.is_empty() {
                self.arrived.wait(pending).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.write(pending)
            };
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes everything pending in one commit.
    fn write<'d>(&'d self, mut pending: MutexGuard<'d, Pending>) -> MutexGuard<'d, Pending> {
        // On a slow disk, wait for others about to submit something, for less time than a second write would cost.
        if pending.commit_time > SLOW_COMMIT {
            let delay = (pending.commit_time / 2).min(MOST_DELAY);
            let is_alone = |pending: &mut Pending| pending.batches.len() < self.busy.load(Ordering::Relaxed);
            pending = self.arrived.wait_timeout_while(pending, delay, is_alone).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (entries, batches) = (std::mem::take(&mut pending.entries), std::mem::take(&mut pending.batches));
        let failed = pending.failed.clone();
        drop(pending);

        let begun = Instant::now();
        let written = failed.map_or_else(|| self.record(&entries), Err);
        let took = begun.elapsed();
        let mut held = written.as_ref().map(|held| held.iter().copied());
        for batch in &batches {
            let own = match &mut held {
                Ok(held) => Ok(held.by_ref().take(batch.entries).collect()),
                Err(why) => Err((*why).clone()),
            };
            batch.written.set(own).ok();
            batch.owner.unpark();
        }

        let mut pending = self.pending();
        pending.commit_time = (pending.commit_time * 3 + took) / 4;
        // A database that has failed once is no longer trusted: what it reports may not be on disk.
        pending.failed = written.err();
        pending
    }

    /// Treats a panic inside as an ordinary error, so that nobody waits forever.
    fn record(&self, entries: &[Entry]) -> Written {
        let mut ledger = self.ledger();
        let written = catch_unwind(AssertUnwindSafe(|| ledger.record(entries)));
        written.unwrap_or_else(|_| Err(error!("bug in runsheet: the ledger writer stopped")))
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
        let (done, ledger) = with_writer(ledger, |writer| {
            thread::scope(|scope| {
                for (connection, own) in claims.chunks(EACH).enumerate() {
                    scope.spawn(move || {
                        for (number, claim) in own.iter().enumerate() {
                            // A different pattern for each connection, so that swapped answers are detected.
                            let entries: Vec<Entry> = if (number + connection) % 3 == 0 {
                                vec![Entry::Begin(void(claim)), Entry::Begin(claim.clone())]
                            } else {
                                vec![Entry::Begin(claim.clone())]
                            };
                            let expected: Vec<bool> = entries.iter().map(|entry| entry.claim() == claim).collect();
                            let receipt = writer.while_busy(|| writer.submit(entries));
                            assert_eq!(writer.wait(&receipt).unwrap(), expected);
                        }
                    });
                }
            });
        });
        done.unwrap();
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
        let (outcome, _) = with_writer(ledger, |writer| {
            let write = |index| writer.wait(&writer.submit(begin(index))).map_err(|error| format!("{error:#}"));
            let before = write(0);
            elsewhere.execute_batch("ALTER TABLE event RENAME TO other").unwrap();
            let failed = write(1);
            elsewhere.execute_batch("ALTER TABLE other RENAME TO event").unwrap();
            (before, failed, write(2))
        });
        let (before, failed, after) = outcome.unwrap();
        assert_eq!(before, Ok(vec![true]));
        assert!(failed.as_ref().is_err_and(|why| why.contains("no such table")), "{failed:?}");
        assert_eq!(after, failed, "although it would be written now");
    }

    #[test]
    #[should_panic(expected = "the work fails")]
    fn work_that_panics_leaves_no_thread_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, claims) = claimed(&folder.path().join("ledger"));
        with_writer(ledger, |_| assert!(claims.is_empty(), "the work fails")).0.unwrap();
    }
}
