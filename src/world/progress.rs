//! The progress of a long build: one line on a terminal, which disappears when the build ends.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::text::thousands;

/// A build shorter than this shows nothing.
const QUIET: Duration = Duration::from_millis(500);
/// The time between two lines.
const BETWEEN: Duration = Duration::from_millis(100);

/// Counts rendered pages, over all threads.
pub struct Progress {
    started: Instant,
    total: usize,
    done: AtomicUsize,
    /// When the last line was shown, in milliseconds from the start; 0 before the first.
    shown: AtomicU64,
    visible: bool,
}

impl Progress {
    /// Starts counting. Shows nothing unless `wanted`, and only on a terminal.
    pub fn new(total: usize, wanted: bool) -> Progress {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let visible = wanted && !is_dumb && std::io::stderr().is_terminal();
        Progress { started: Instant::now(), total, done: AtomicUsize::new(0), shown: AtomicU64::new(0), visible }
    }

    /// Counts one page.
    pub fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.visible
            && let Some(line) = self.line(done, self.started.elapsed())
        {
            write!(std::io::stderr().lock(), "\r\x1b[2K{line}").ok();
        }
    }

    /// The line to show now, if it is time for one.
    fn line(&self, done: usize, elapsed: Duration) -> Option<String> {
        let (now, shown) = (millis(elapsed), self.shown.load(Ordering::Relaxed));
        if elapsed < QUIET || now < shown + millis(BETWEEN) {
            return None;
        }
        // If several threads arrive at once, one writes.
        self.shown.compare_exchange(shown, now, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        Some(format!("rendering {} of {} pages", thousands(done as u64), thousands(self.total as u64)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.visible && self.shown.load(Ordering::Relaxed) > 0 {
            write!(std::io::stderr().lock(), "\r\x1b[2K").ok();
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_late_and_seldom() {
        let progress = Progress::new(10_221, false);
        let check = |elapsed: u64, expected: Option<&str>| {
            assert_eq!(progress.line(5_230, Duration::from_millis(elapsed)).as_deref(), expected, "{elapsed}");
        };
        check(499, None);
        check(500, Some("rendering 5,230 of 10,221 pages"));
        check(501, None);
        check(599, None);
        check(600, Some("rendering 5,230 of 10,221 pages"));
    }

    #[test]
    fn numbers_are_grouped() {
        let check = |number: u64, expected: &str| assert_eq!(thousands(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
    }
}
