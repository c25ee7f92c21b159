//! Rounds: how often a repeated list is worked through, and when.

use jiff::Zoned;

use crate::page::Rounds;
use crate::schedule::{Clock, Offset, Recurrence};
use crate::sheet::plan::Step;

/// One round of a repeated list.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Its name in a run: the distance from T-0, not its number, so that extending the window moves no tick.
    pub key: String,
    /// Its name if there is no date: `T+2h15m`.
    pub offset: String,
    pub at: Option<Zoned>,
}

/// A T-0 for sheets without a date. It has no clock changes and begins a week, so that distances come out as written.
const NOMINAL: &str = "2001-01-01T00:00";

/// The rounds of a list within its step; `None` if that has no end.
pub fn of(list: &Rounds, steps: &[Step], step_of: &[Option<usize>], clock: Option<&Clock>) -> Option<Vec<Round>> {
    let step = &steps[step_of[list.section?]?];
    within(&list.every, clock, step)
}

/// The rounds of a recurrence within a step.
pub fn within(every: &Recurrence, clock: Option<&Clock>, step: &Step) -> Option<Vec<Round>> {
    match clock {
        Some(clock) => {
            let (start, end) = (step.start.as_ref()?, step.end.as_ref()?);
            Some(every.rounds(clock, start, end).into_iter().map(|at| round(every, clock, at, true)).collect())
        }
        // Without a date, the wall clock of a day is unknown.
        None if every.at.is_some() => None,
        None => {
            let nominal = Clock::new(NOMINAL, Some("UTC"), &[]).ok()?;
            let (start, end) = (nominal.at(&step.offset).ok()?, nominal.at(step.end_offset.as_ref()?).ok()?);
            Some(every.rounds(&nominal, &start, &end).into_iter().map(|at| round(every, &nominal, at, false)).collect())
        }
    }
}

fn round(every: &Recurrence, clock: &Clock, at: Zoned, dated: bool) -> Round {
    let seconds = at.timestamp().as_second() - clock.t0().timestamp().as_second();
    let days = at.date().since(clock.t0().date()).map_or(0, |span| span.get_days());
    let in_days = every.every.unit.is_calendar();
    let key = if in_days { format!("{days:+}d") } else { format!("{seconds:+}") };
    let offset = if in_days { format!("T{days:+}d") } else { distance(seconds) };
    Round { key, offset, at: dated.then_some(at) }
}

/// Seconds from T-0 as an offset: `T+2h15m`.
pub fn distance(seconds: i64) -> String {
    let left = seconds.unsigned_abs();
    let mut text = String::new();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        // Up to two days, people count in hours.
        let amount = match unit {
            "d" if left < 2 * 86_400 => 0,
            "d" => left / length,
            "h" if left < 2 * 86_400 => left / length,
            "h" => left % 86_400 / length,
            "m" => left % 3_600 / length,
            _ => left % 60,
        };
        if amount > 0 {
            text.push_str(&format!("{amount}{unit}"));
        }
    }
    match (text.is_empty(), seconds < 0) {
        (true, _) => Offset::ZERO.to_string(),
        (false, true) => format!("T-{text}"),
        (false, false) => format!("T+{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_read_like_offsets() {
        assert_eq!(distance(0), "T-0");
        assert_eq!(distance(8_100), "T+2h15m");
        assert_eq!(distance(-93_600), "T-26h");
        assert_eq!(distance(604_800), "T+7d");
        assert_eq!(distance(176_400 + 61), "T+2d1h1m1s");
    }
}
