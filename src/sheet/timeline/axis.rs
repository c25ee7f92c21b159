//! The scales of the timeline: from instants to positions in a chart.

use jiff::{SignedDuration, Span, Zoned};

use crate::language::Language;

pub(super) const HOUR: f64 = 3600.0;
pub(super) const EDGE: f64 = 718.0;
const PAD: f64 = 24.0;

/// The scale of a chart, in seconds from T-0.
pub(super) struct Axis<'a> {
    pub t0: &'a Zoned,
    /// The language of dates.
    pub language: &'a Language,
    pub from: f64,
    pub to: f64,
    pub linear: bool,
    /// The left edge of the chart.
    pub left: f64,
}

/// A label of the scale: the offset, the clock or the date, and the date below the clock where it changes.
pub(super) struct Tick {
    pub x: f64,
    pub lines: [String; 3],
}

impl Axis<'_> {
    pub fn seconds(&self, at: &Zoned) -> f64 {
        at.timestamp().duration_since(self.t0.timestamp()).as_secs_f64()
    }

    /// The position of an instant; outside the scale, it is the chart's edge.
    pub fn x(&self, at: &Zoned) -> f64 {
        let bend = |seconds: f64| if self.linear { seconds } else { (seconds.abs() / HOUR).ln_1p().copysign(seconds) };
        let share = (bend(self.seconds(at)) - bend(self.from)) / (bend(self.to) - bend(self.from));
        match share {
            share if share < 0.0 => self.left,
            share if share > 1.0 => EDGE,
            share => self.left + PAD + share * self.width(),
        }
    }

    pub fn holds(&self, at: &Zoned) -> bool {
        (self.from..=self.to).contains(&self.seconds(at))
    }

    fn width(&self) -> f64 {
        EDGE - self.left - 2.0 * PAD
    }

    pub fn ticks(&self) -> Vec<Tick> {
        if self.linear { self.even_ticks() } else { self.bent_ticks() }
    }

    /// Ticks at round distances from T-0, far enough apart for their labels.
    fn even_ticks(&self) -> Vec<Tick> {
        let steps = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000, 31_536_000];
        let fits = |step: &i64| *step as f64 / (self.to - self.from) * self.width() >= 58.0;
        let step = steps.into_iter().find(fits).unwrap_or(315_360_000);
        let (first, last) = ((self.from / step as f64).ceil() as i64, (self.to / step as f64).floor() as i64);
        let mut date_before = None;
        let mut ticks = Vec::new();
        for count in first..=last {
            let Ok(at) = self.t0.checked_add(SignedDuration::from_secs(count * step)) else { continue };
            let date = if date_before.replace(at.date()) == Some(at.date()) { String::new() } else { self.language.day(at.date()) };
            ticks.push(Tick { x: self.x(&at), lines: [offset(count * step), clock(&at), date] });
        }
        ticks
    }

    /// The most familiar distances from T-0 first, then those in between that still have room.
    fn bent_ticks(&self) -> Vec<Tick> {
        let hours = |hours: i64| Span::new().hours(hours);
        let days = |days: i64| Span::new().days(days);
        let near = [hours(24), days(7), hours(3), days(30), days(365), hours(1), hours(48), days(14), days(90), days(3650)];
        let spans = near.into_iter().flat_map(|span| [-span, span]);
        let mut ticks = vec![Tick { x: self.x(self.t0), lines: ["T-0".to_owned(), clock(self.t0), String::new()] }];
        for span in spans {
            let Ok(at) = self.t0.checked_add(span) else { continue };
            let x = self.x(&at);
            if !self.holds(&at) || ticks.iter().any(|tick| (tick.x - x).abs() < 44.0) {
                continue;
            }
            let sign = if span.is_negative() { '-' } else { '+' };
            let (days, hours) = (span.get_days().abs(), span.get_hours().abs());
            let name = if days > 0 { format!("T{sign}{days}d") } else { format!("T{sign}{hours}h") };
            let when = if days > 0 || hours >= 24 { self.language.day(at.date()) } else { clock(&at) };
            ticks.push(Tick { x, lines: [name, when, String::new()] });
        }
        ticks.sort_by(|a, b| a.x.total_cmp(&b.x));
        ticks
    }
}

/// A distance from T-0 in elapsed hours, minutes and seconds: `T-0`, `T+1h30m`.
pub(super) fn offset(seconds: i64) -> String {
    if seconds == 0 {
        return "T-0".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let length = seconds.unsigned_abs();
    let parts = [(length / 3600, 'h'), (length / 60 % 60, 'm'), (length % 60, 's')];
    parts.iter().filter(|(count, _)| *count > 0).fold(format!("T{sign}"), |text, (count, unit)| format!("{text}{count}{unit}"))
}

fn clock(at: &Zoned) -> String {
    at.strftime("%H:%M").to_string()
}
