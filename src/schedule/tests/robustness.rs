//! No text makes the parser panic.

use crate::schedule::{Clock, Found, Length, Offset, Unit, heading, moment, recurrence};

/// Fragments of times, and fragments that only resemble them.
const PIECES: &[&str] = &[
    "T",
    "T-",
    "T+",
    "t",
    "-",
    "+",
    "−",
    "–",
    "—",
    "→",
    "->",
    "..",
    "…",
    " ",
    "\u{a0}",
    "\t",
    "0",
    "1",
    "30",
    "9999",
    ".",
    ":",
    "59",
    "75",
    "h",
    "m",
    "M",
    "min",
    "d",
    "w",
    "bd",
    "s",
    "business",
    "days",
    "minus",
    "plus",
    "to",
    "until",
    "onward",
    "and later",
    "by",
    "at",
    "every",
    "daily",
    "Step",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    "~",
    "est",
    "*",
    "_",
    "`",
    "🔻",
    "\u{20e3}",
    "\u{fe0f}",
    "é",
    "ß",
    "İ",
    "½",
    "",
    "\0",
    "2026",
    "2026-02-14",
    "T02:00",
    "Z",
    "+01:00",
    "[Europe/London]",
    "-009999-01-01",
    "9999-12-31",
    "T23:59:59",
];

/// Pseudo-random numbers from a fixed seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("the limit is a usize")
    }

    fn text(&mut self, pieces: &[&str]) -> String {
        (0..self.below(12)).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}

#[test]
fn no_text_panics() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let clock = Clock::new("9999-12-01T02:00", Some("Europe/London"), &[]).expect("the clock is sound");
    for _ in 0..200_000 {
        let text = numbers.text(PIECES);
        if let Found::Timing(timing) = heading::read(&text, None) {
            let _ = clock.at(&timing.start);
            assert_eq!(Offset::parse(&timing.start.to_string()), Ok(timing.start), "{text}");
        }
        let _ = heading::read(&text, Some(Unit::Days));
        let _ = Offset::parse(&text);
        let _ = Length::parse(&text).map(|length| (length.to_string(), length.seconds()));
        let _ = recurrence::read(&text).map(|found| found.to_string());
        let _ = Clock::new(&text, Some("Europe/London"), &[]);
        let dated = format!("2026-02-14{text}");
        let _ = Clock::new(&dated, None, &[]).map(|clock| moment::long(clock.t0()));
    }
}
