//! A point, range, open end or deadline, read from the front of a text.

use super::heading::Kind;
use super::magnitude::{MARKS, Magnitude, boundary, word};
use super::offset::{Offset, OffsetError, Unit};
use super::written::Written;

/// The time in a heading, without its label.
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) start: Offset,
    pub(super) end: Option<Offset>,
}

/// Why an expression is not a time.
pub(super) enum Fault {
    /// A number without unit, more often a name than a time.
    Hint(OffsetError),
    /// A mistake in what is surely meant as a time.
    Error(OffsetError),
}

/// Reads an expression; `unit` is that of bare numbers.
///
/// A range start without unit takes the page's unit, or else the one unit of the range end.
pub(super) fn expression(text: &str, unit: Option<Unit>) -> Result<Option<(Expression, &str)>, Fault> {
    let (preposed, text) = preposition(text);
    let Some((start, rest)) = Written::scan(text).map_err(Fault::Error)? else {
        return Ok(None);
    };
    let (end, rest) = range_end(rest)?.map_or((None, rest), |(end, rest)| (Some(end), rest));
    let (open, rest) = open_end(rest).map_or((false, rest), |rest| (true, rest));
    if !boundary(rest) {
        return Ok(None);
    }
    let start_unit = unit.or_else(|| end.as_ref().and_then(single_unit));
    if looks_like_version(&start, start_unit) {
        return Ok(None);
    }
    let start = settle(start, start_unit)?;
    let end = end.map(|end| settle(end, unit)).transpose()?;
    if let Some(end) = &end {
        check_direction(&start, end)?;
    }
    let kind = if end.is_some() {
        Kind::Range
    } else if open {
        Kind::Open
    } else {
        preposed
    };
    Ok(Some((Expression { kind, start, end }, rest.trim_start_matches(MARKS))))
}

fn settle(written: Written, unit: Option<Unit>) -> Result<Offset, Fault> {
    let bare = unit.is_none() && matches!(written.magnitude, Magnitude::Bare(_));
    written.resolve(unit).map_err(if bare { Fault::Hint } else { Fault::Error })
}

fn check_direction(start: &Offset, end: &Offset) -> Result<(), Fault> {
    if !start.surely_after(end) {
        return Ok(());
    }
    Err(Fault::Error(OffsetError::new(format!("range ends before it starts: `{start}` to `{end}`"), format!("write `{end}` to `{start}`"))))
}

/// A decimal without unit, as in `T-0.3 perf gate`.
fn looks_like_version(written: &Written, unit: Option<Unit>) -> bool {
    unit.is_none() && matches!(written.magnitude, Magnitude::Bare(amount) if !amount.is_whole())
}

fn single_unit(written: &Written) -> Option<Unit> {
    match &written.magnitude {
        Magnitude::Exact(parts) => match parts.as_slice() {
            [part] => Some(part.unit),
            _ => None,
        },
        Magnitude::Bare(_) => None,
    }
}

/// Reads `By `, `after ` and the like: the kind they give to a single offset, and the rest.
fn preposition(text: &str) -> (Kind, &str) {
    let (word, rest) = word(text);
    let kind = match word.to_ascii_lowercase().as_str() {
        "by" | "before" | "until" => Kind::Deadline,
        "from" | "after" => Kind::Open,
        "at" => Kind::Point,
        _ => return (Kind::Point, text),
    };
    let rest = rest.trim_start_matches(MARKS);
    let after = rest.trim_start();
    if after.len() == rest.len() {
        return (Kind::Point, text);
    }
    (kind, after.trim_start_matches(MARKS))
}

/// Reads a separator and the offset after it, up to a boundary.
fn range_end(text: &str) -> Result<Option<(Written<'_>, &str)>, Fault> {
    let Some(text) = range_separator(text) else {
        return Ok(None);
    };
    let end = match zero_hour(text) {
        Some(rest) => Some((Written::zero(), rest)),
        None => Written::scan(text).map_err(Fault::Error)?,
    };
    Ok(end.filter(|(_, rest)| boundary(open_end(rest).unwrap_or(rest))))
}

fn range_separator(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(MARKS);
    let trimmed = text.trim_start();
    let signs = ["->", "→", "..", "…", "–", "—"];
    let spaced = || spaced_separator(trimmed).filter(|_| trimmed.len() < text.len());
    let rest = signs.iter().find_map(|sign| trimmed.strip_prefix(sign)).or_else(spaced)?;
    Some(rest.trim_start().trim_start_matches(MARKS))
}

fn spaced_separator(text: &str) -> Option<&str> {
    let (name, rest) = word(text);
    let named = ["to", "until", "through", "till"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let rest = if named { rest } else { text.strip_prefix('-')? };
    rest.starts_with(char::is_whitespace).then_some(rest)
}

/// Reads `T0`.
fn zero_hour(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("T0")?;
    boundary(open_end(rest).unwrap_or(rest)).then_some(rest)
}

/// Reads `+`, ` onward`, ` and later` and the like.
fn open_end(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(MARKS);
    if let Some(rest) = rest.strip_prefix('+') {
        return Some(rest);
    }
    let (first, after) = word(rest.strip_prefix(char::is_whitespace)?.trim_start());
    let rest = match first.to_ascii_lowercase().as_str() {
        "onward" | "onwards" => after,
        "and" => later(after)?,
        _ => return None,
    };
    boundary(rest).then_some(rest)
}

fn later(text: &str) -> Option<&str> {
    let (word, rest) = word(text.strip_prefix(char::is_whitespace)?.trim_start());
    ["later", "after"].iter().any(|known| word.eq_ignore_ascii_case(known)).then_some(rest)
}
