//! How fast to send: limits per second in total and per domain, and slower if the server asks for it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::mail::Rate;

/// Paces messages; times are counted from an arbitrary start, on a clock that never jumps.
#[derive(Debug)]
pub struct Pace {
    whole: Bucket,
    per_domain: Option<Duration>,
    domains: BTreeMap<String, Bucket>,
    /// How far the server has slowed us down; 0: not at all.
    slowness: u32,
    /// Messages accepted since the server last asked us to slow down.
    since: u32,
}

/// How long messages take at these rates, given their number and that of the busiest domain. `None` without a rate.
pub fn length(whole: Option<Rate>, per_domain: Option<Rate>, messages: u64, to_one_domain: u64) -> Option<Duration> {
    let takes = |rate: Rate, count: u64| rate.interval().saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    [whole.map(|rate| takes(rate, messages)), per_domain.map(|rate| takes(rate, to_one_domain))].into_iter().flatten().max()
}

/// Half of the pause between two messages when a server first asks for less.
const SLOW: Duration = Duration::from_millis(50);
/// How often that is doubled at most: up to 12.8 s more between two messages.
const SLOWEST: u32 = 8;
/// After this many accepted messages, the speed doubles again.
const RECOVERS_AFTER: u32 = 50;
/// How much of a rate may be used at once after a pause.
const BURST: Duration = Duration::from_millis(250);

/// A token bucket, stored as the time at which the next message is due.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    interval: Duration,
    next: Duration,
}

impl Bucket {
    fn take(&mut self, now: Duration, interval: Duration) {
        self.next = self.next.max(now.saturating_sub(BURST)) + interval;
    }
}

impl Pace {
    pub fn new(whole: Option<Rate>, per_domain: Option<Rate>) -> Pace {
        let whole = Bucket { interval: whole.map_or(Duration::ZERO, Rate::interval), next: Duration::ZERO };
        Pace { whole, per_domain: per_domain.map(Rate::interval), domains: BTreeMap::new(), slowness: 0, since: 0 }
    }

    /// The earliest time for a message to this domain.
    pub fn due(&self, domain: &str) -> Duration {
        let domain = self.domains.get(domain).map_or(Duration::ZERO, |bucket| bucket.next);
        self.whole.next.max(domain)
    }

    /// The earliest time for any message.
    pub fn due_at_all(&self) -> Duration {
        self.whole.next
    }

    /// Records that a message to this domain is being sent now.
    pub fn take(&mut self, domain: &str, now: Duration) {
        let slow = if self.slowness == 0 { Duration::ZERO } else { SLOW * (1 << self.slowness) };
        let interval = self.whole.interval + slow;
        self.whole.take(now, interval);
        if let Some(interval) = self.per_domain {
            self.domains.entry(domain.to_owned()).or_default().take(now, interval);
        }
    }

    /// Records that the server wants fewer messages (421, 452, 4.7.x).
    pub fn slow_down(&mut self) {
        self.slowness = (self.slowness + 1).min(SLOWEST);
        self.since = 0;
    }

    /// Records that the server accepted a message.
    pub fn accepted(&mut self) {
        self.since += 1;
        if self.since >= RECOVERS_AFTER && self.slowness > 0 {
            self.slowness -= 1;
            self.since = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many messages go out within a number of seconds, if each goes as soon as it may.
    fn within(pace: &mut Pace, domain: &str, seconds: u64) -> u32 {
        let (mut now, end, mut count) = (Duration::ZERO, Duration::from_secs(seconds), 0);
        while now < end {
            now = now.max(pace.due(domain));
            pace.take(domain, now);
            count += 1;
        }
        count
    }

    #[test]
    fn lengths() {
        let check = |whole: Option<&str>, per_domain: Option<&str>, messages: u64, to_one_domain: u64, expected: Option<u64>| {
            let rate = |text: Option<&str>| text.map(|text| text.parse().expect("the rows hold rates"));
            assert_eq!(length(rate(whole), rate(per_domain), messages, to_one_domain), expected.map(Duration::from_secs));
        };
        check(None, None, 50_000, 20_000, None);
        check(Some("20/s"), None, 50_000, 20_000, Some(2_500));
        check(Some("20/s"), Some("5/s"), 50_000, 20_000, Some(4_000));
        check(Some("20/s"), Some("5/s"), 50_000, 5_000, Some(2_500));
        check(None, Some("5/s"), 10, 5, Some(1));
        check(Some("20/s"), Some("5/s"), 0, 0, Some(0));
    }

    #[test]
    fn rates() {
        let rate = |text: &str| text.parse::<Rate>().map(|rate| rate.interval());
        assert_eq!(rate("20/s"), Ok(Duration::from_millis(50)));
        assert_eq!(rate("600/m"), Ok(Duration::from_millis(100)));
        assert_eq!(rate("3600 / h"), Ok(Duration::from_secs(1)));
        for wrong in ["", "20", "0/s", "-1/s", "20/x", "x/s"] {
            assert_eq!(rate(wrong), Err(()), "{wrong}");
        }
    }

    #[test]
    fn no_more_than_the_rate() {
        let rate = |text: &str| Some(text.parse().unwrap());
        let check = |whole, domain, expected: std::ops::RangeInclusive<u32>| {
            let count = within(&mut Pace::new(whole, domain), "a.example", 10);
            assert!(expected.contains(&count), "{count}");
        };
        check(rate("20/s"), None, 200..=206);
        check(rate("20/s"), rate("5/s"), 50..=53);
        check(rate("2/s"), rate("5/s"), 20..=22);
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let mut pace = Pace::new(Some("10/s".parse().unwrap()), None);
        pace.take("a.example", Duration::ZERO);
        let later = Duration::from_secs(60);
        let mut at_once = 0;
        while pace.due("a.example") <= later {
            pace.take("a.example", later);
            at_once += 1;
        }
        assert!(at_once <= 4, "{at_once}");
    }

    #[test]
    fn slower_and_faster_again() {
        let mut pace = Pace::new(None, None);
        pace.slow_down();
        pace.slow_down();
        let slow = within(&mut pace, "a.example", 10);
        assert!((50..=60).contains(&slow), "{slow}");
        for _ in 0..2 * RECOVERS_AFTER {
            pace.accepted();
        }
        pace.take("a.example", Duration::from_secs(60));
        assert!(pace.due("a.example") <= Duration::from_secs(60));
    }
}
