//! The time, read once per run, and how long its parts take.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Now, to the second.
pub fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A part of a run, with its wall time and its processor time.
struct Part {
    name: &'static str,
    wall: Duration,
    cpu: Duration,
}

/// The processor time of this process so far.
fn cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(used.tv_sec).unwrap_or(0), u32::try_from(used.tv_nsec).unwrap_or(0))
}

/// Measures how long each part of a run takes.
pub struct Stopwatch {
    started: Instant,
    parts: Vec<Part>,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch { started: Instant::now(), parts: Vec::new() }
    }

    /// The time since it was started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The part of this name ends now.
    pub fn lap(&mut self, name: &'static str) {
        let before = |of: fn(&Part) -> Duration| self.parts.iter().map(of).sum();
        let wall = self.started.elapsed().saturating_sub(before(|part| part.wall));
        let cpu = cpu().saturating_sub(before(|part| part.cpu));
        self.parts.push(Part { name, wall, cpu });
    }

    /// All parts with wall and processor milliseconds, such as `read 12/20 ms, parse 80/150 ms`.
    pub fn text(&self) -> String {
        let part = |part: &Part| format!("{} {}/{} ms", part.name, part.wall.as_millis(), part.cpu.as_millis());
        self.parts.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}
