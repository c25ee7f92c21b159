//! Threads. The system may refuse to start one, and unless asked in this way, the standard library then panics.

use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle, available_parallelism};

use crate::error::{Error, Result, error};

/// With more threads than this, they wait for each other longer than they work.
const MOST_WORKERS: usize = 256;

/// The standard library's stack size for a thread, unless the environment sets `RUST_MIN_STACK`.
const STACK: usize = 2 << 20;

/// Starts the threads that work on pages in parallel: a given number, or one per processor.
pub fn start_workers(jobs: Option<u16>) -> Result<()> {
    let processors = || available_parallelism().map_or(1, usize::from).min(MOST_WORKERS);
    let count = jobs.map_or_else(processors, usize::from);
    // `RAYON_NUM_THREADS` is ignored, because it has no upper limit.
    rayon::ThreadPoolBuilder::new().num_threads(count).stack_size(STACK).build_global().map_err(|error| {
        let help = match count {
            1 => "end other programs, or let this user run more processes (`ulimit -u`) with more memory (`ulimit -v`)",
            _ => "use a smaller `--jobs`, or let this user run more processes (`ulimit -u`) with more memory (`ulimit -v`)",
        };
        let threads = if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") };
        error!("cannot start {threads}: {error}"; help: "{help}")
    })
}

/// Starts a thread.
pub fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    Builder::new().stack_size(STACK).spawn(work).map_err(|error| refused(&error))
}

/// Starts a thread that ends with its scope.
pub fn start_in<'s, T: Send + 's>(scope: &'s Scope<'s, '_>, work: impl FnOnce() -> T + Send + 's) -> Result<ScopedJoinHandle<'s, T>> {
    Builder::new().stack_size(STACK).spawn_scoped(scope, work).map_err(|error| refused(&error))
}

fn refused(error: &std::io::Error) -> Error {
    error!(
        "cannot start a thread: {error}";
        help: "end other programs, or let this user run more processes (`ulimit -u`) with more memory (`ulimit -v`)"
    )
}
