//! The progress of sending.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::report;
use crate::cli::Global;
use crate::notice::ledger::State;
use crate::text::thousands;
use crate::world::clock;

/// The progress of sending: a line that updates on a terminal, otherwise a line now and then.
pub struct Meter<'a> {
    global: &'a Global,
    total: u64,
    done: AtomicU64,
    troubles: AtomicU64,
    shown: AtomicU64,
    started: clock::Stopwatch,
    on_terminal: bool,
}

impl<'a> Meter<'a> {
    pub fn new(global: &'a Global, total: u64) -> Meter<'a> {
        let on_terminal = !global.quiet && std::io::stderr().is_terminal();
        Meter {
            global,
            total,
            done: AtomicU64::new(0),
            troubles: AtomicU64::new(0),
            shown: AtomicU64::new(0),
            started: clock::Stopwatch::start(),
            on_terminal,
        }
    }

    pub fn tell(&self, state: State) {
        if state == State::Planned {
            return;
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if state != State::Accepted {
            self.troubles.fetch_add(1, Ordering::Relaxed);
        }
        let elapsed = self.started.elapsed();
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let shown = self.shown.load(Ordering::Relaxed);
        let between = if self.on_terminal { 200 } else { 30_000 };
        if now < shown + between || self.shown.compare_exchange(shown, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
        let left = Duration::from_secs_f64(self.total.saturating_sub(done) as f64 / rate.max(0.001));
        let troubles = match self.troubles.load(Ordering::Relaxed) {
            0 => String::new(),
            troubles => format!(", {} not accepted", thousands(troubles)),
        };
        let line = format!("{} of {}{troubles}, {rate:.0}/s, {} left", thousands(done), thousands(self.total), length(left));
        if self.on_terminal {
            write!(std::io::stderr().lock(), "\r\x1b[2K{line}").ok();
        } else {
            report::note(self.global, &line);
        }
    }

    pub fn end(&self) {
        if self.on_terminal {
            write!(std::io::stderr().lock(), "\r\x1b[2K").ok();
        }
    }
}

/// `40 s`, `12 min`, `3 h 5 min`
pub fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
