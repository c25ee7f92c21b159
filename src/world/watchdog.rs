//! Templates can loop forever, and the engine cannot be stopped from outside: so the process ends instead, and says why.

use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::threads;
use crate::error::{Error, Result, error};

/// How often it checks. Doubling a text again and again takes longer than this for the last gigabyte.
const EVERY: Duration = Duration::from_millis(50);

/// A growth of memory, in KiB, that no reasonable template needs.
const MOST_MEMORY: u64 = 2 << 20;

/// Supervises work done by templates; ends the process if a piece of it takes too long or too much memory.
pub struct Watchdog {
    jobs: Arc<Mutex<Jobs>>,
    /// Dropping it ends the watch.
    _owner: Sender<()>,
}

#[derive(Default)]
struct Jobs {
    next: u64,
    open: BTreeMap<u64, Job>,
}

struct Job {
    name: String,
    since: Instant,
    most: Duration,
}

impl Watchdog {
    /// Begins to watch. `say` prints why the process ends.
    pub fn new(say: impl Fn(&Error) + Send + 'static) -> Result<Watchdog> {
        let jobs = Arc::new(Mutex::new(Jobs::default()));
        let (owner, end) = channel();
        let seen = Arc::clone(&jobs);
        threads::start(move || look(&seen, &end, &say))?;
        Ok(Watchdog { jobs, _owner: owner })
    }

    /// Does a piece of work with the time limit `most`. `name` says what it makes, and from what.
    pub fn watch<T>(&self, name: &str, most: Duration, work: impl FnOnce() -> T) -> T {
        let number = {
            let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.next += 1;
            let number = jobs.next;
            jobs.open.insert(number, Job { name: name.to_owned(), since: Instant::now(), most });
            number
        };
        let done = work();
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&number);
        done
    }
}

fn look(jobs: &Mutex<Jobs>, end: &Receiver<()>, say: &dyn Fn(&Error)) {
    let before = memory();
    while end.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(oldest) = jobs.open.values().min_by_key(|job| job.since) else { continue };
        let why = if oldest.since.elapsed() > oldest.most {
            format!("takes more than {} seconds", oldest.most.as_secs())
        } else if memory().saturating_sub(before) > MOST_MEMORY {
            format!("takes more than {} GiB of memory", MOST_MEMORY >> 20)
        } else {
            continue;
        };
        let error = error!("{} {why}", oldest.name; help: "look for nested loops, and for texts that grow with each pass");
        say(&error);
        std::process::exit(i32::from(error.exit().code()));
    }
}

/// The memory of this process in KiB; 0 if the kernel does not show it.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
