//! The distance from T-0: the text after the sign of an offset, read from the front.
//!
//! Each function returns what it understood with the rest of the text, or `None` if the text is something else.

use super::offset::{Amount, OffsetError, Part, Unit};

/// Marks of emphasis, which may surround an offset.
pub(super) const MARKS: [char; 3] = ['*', '_', '`'];

/// The text after the sign of an offset.
pub(super) enum Magnitude {
    /// A clock, amounts with units, or zero.
    Exact(Vec<Part>),
    /// A number without unit.
    Bare(Amount),
}

/// Reads `0`, `0:30`, `1h30m`, `5 business days` or a bare `30`.
pub(super) fn magnitude(text: &str) -> Result<Option<(Magnitude, &str)>, OffsetError> {
    if let Some((parts, rest)) = clock(text)? {
        return Ok(Some((Magnitude::Exact(parts), rest)));
    }
    if let Some((parts, rest)) = compound(text)? {
        return Ok(Some((Magnitude::Exact(parts), rest)));
    }
    if let Some(rest) = zero(text) {
        return Ok(Some((Magnitude::Exact(Vec::new()), rest)));
    }
    Ok(number(text).map(|(amount, rest)| (Magnitude::Bare(amount), rest)))
}

/// Reads amounts with units, the larger unit first: `48h`, `1 h 30 min`, `7-days`.
pub(super) fn compound(text: &str) -> Result<Option<(Vec<Part>, &str)>, OffsetError> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    while let Some((part, after)) = part(rest, parts.last())? {
        parts.push(part);
        rest = after;
    }
    Ok((!parts.is_empty()).then_some((parts, rest)))
}

/// Reads a decimal number of at most four digits and two places.
pub(super) fn number(text: &str) -> Option<(Amount, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.').map(digits) {
        Some((fraction, after)) if !fraction.is_empty() => (fraction, after),
        _ => ("", rest),
    };
    Some((Amount::from_digits(whole, fraction)?, rest))
}

/// Reads a word for a unit, in any case.
pub(super) fn unit(text: &str) -> Option<(Unit, &str)> {
    let (name, rest) = word(text);
    let unit = match name.to_ascii_lowercase().as_str() {
        "w" | "wk" | "wks" | "week" | "weeks" => Unit::Weeks,
        "d" | "day" | "days" => Unit::Days,
        "bd" => Unit::BusinessDays,
        "business" | "working" => return days(rest).map(|rest| (Unit::BusinessDays, rest)),
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hours,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minutes,
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Seconds,
        _ => return None,
    };
    Some((unit, rest))
}

/// Splits off the letters at the front, perhaps none.
pub(super) fn word(text: &str) -> (&str, &str) {
    split_while(text, char::is_alphabetic)
}

/// Splits off the ASCII digits at the front, perhaps none.
pub(super) fn digits(text: &str) -> (&str, &str) {
    split_while(text, |character| character.is_ascii_digit())
}

/// Whether what was read may end here, the next characters belonging to something else.
pub(super) fn boundary(rest: &str) -> bool {
    let mut characters = rest.trim_start_matches(MARKS).chars();
    let Some(first) = characters.next() else {
        return true;
    };
    let next = characters.as_str();
    match first {
        ',' | ';' | ')' | ']' | '—' | '–' | '→' => true,
        '!' | '?' => !next.starts_with(char::is_alphanumeric),
        ':' => !next.starts_with(|character: char| character.is_ascii_digit()),
        '.' => next.trim_start_matches(MARKS).chars().next().is_none_or(char::is_whitespace),
        other => other.is_whitespace(),
    }
}

/// An error for a fraction of a calendar unit, which has no fixed length.
pub(super) fn check_whole(part: Part) -> Result<(), OffsetError> {
    let name = match part.unit {
        Unit::Weeks => "weeks",
        Unit::Days => "days",
        Unit::BusinessDays => "business days",
        Unit::Hours | Unit::Minutes | Unit::Seconds => return Ok(()),
    };
    if part.amount.is_whole() {
        return Ok(());
    }
    Err(OffsetError::new(
        format!("`{part}` is not a whole number of {name}"),
        "use whole numbers for calendar units, and write the fraction in hours",
    ))
}

/// Reads hours and minutes, with seconds perhaps: `0:30`, `12:00:15`, `2:30 hours`.
fn clock(text: &str) -> Result<Option<(Vec<Part>, &str)>, OffsetError> {
    let Some((parts, rest)) = clock_digits(text) else {
        return Ok(None);
    };
    let Some((unit, after)) = unit(rest.trim_start()).filter(|(_, after)| closes(after)) else {
        return Ok(Some((parts, rest)));
    };
    match unit {
        Unit::Hours => Ok(Some((parts, after))),
        Unit::Minutes | Unit::Seconds => {
            let (clock, name) = (taken(text, rest), taken(rest, after).trim_start());
            Err(OffsetError::new(
                format!("`{clock}` is hours and minutes, but is followed by `{name}`"),
                format!("remove `{name}`, or write the number without a colon"),
            ))
        }
        Unit::Weeks | Unit::Days | Unit::BusinessDays => Ok(Some((parts, rest))),
    }
}

fn clock_digits(text: &str) -> Option<(Vec<Part>, &str)> {
    let (hours, rest) = digits(text);
    if hours.len() > 3 {
        return None;
    }
    let (minutes, rest) = sixtieths(rest)?;
    let (seconds, rest) = sixtieths(rest).unwrap_or(("00", rest));
    let units = [(hours, Unit::Hours), (minutes, Unit::Minutes), (seconds, Unit::Seconds)];
    let part = |(number, unit)| Some(Part { amount: Amount::from_digits(number, "")?, unit });
    Some((units.into_iter().map(part).collect::<Option<_>>()?, rest))
}

/// Reads a colon and two digits up to 59.
fn sixtieths(text: &str) -> Option<(&str, &str)> {
    let (number, rest) = digits(text.strip_prefix(':')?);
    (number.len() == 2 && number < "60").then_some((number, rest))
}

fn zero(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('0')?;
    let mut characters = rest.chars();
    let first = characters.next();
    let digit_next = characters.as_str().starts_with(|next: char| next.is_ascii_digit());
    let goes_on = first.is_some_and(|first| first.is_alphanumeric() || (matches!(first, ':' | '.') && digit_next));
    (!goes_on).then_some(rest)
}

/// Reads one amount with its unit; `previous` is the part directly before it.
fn part<'a>(text: &'a str, previous: Option<&Part>) -> Result<Option<(Part, &'a str)>, OffsetError> {
    let text = if previous.is_some() { text.trim_start() } else { text };
    let Some((amount, after_number)) = number(text) else {
        return Ok(None);
    };
    let name = match after_number.strip_prefix('-') {
        Some(name) if previous.is_none() => name,
        _ => after_number.trim_start(),
    };
    let Some((unit, rest)) = unit(name).filter(|(_, rest)| closes(rest)) else {
        return Ok(None);
    };
    let distance = &after_number[..after_number.len() - name.len()];
    if starts_a_title(amount, distance, taken(name, rest), rest) {
        return Ok(None);
    }
    let part = Part { amount, unit };
    let written = taken(text, rest);
    if previous.is_none() && taken(name, rest) == "M" {
        return Err(minute_or_month(part, written));
    }
    check_order(part, written, previous)?;
    check_whole(part)?;
    Ok(Some((part, rest)))
}

/// Whether a unit's name is really part of the next word: `T-12 D. Smith`, `T-20-M motor`, `T-41 Second review`.
fn starts_a_title(amount: Amount, distance: &str, name: &str, rest: &str) -> bool {
    let goes_on = rest.starts_with(|next: char| next.is_whitespace() || next.is_ascii_digit()) || rest.starts_with(". ");
    let capital = name.len() == 1 && name.starts_with(char::is_uppercase);
    match distance {
        "" => false,
        "-" => name.len() == 1,
        _ => goes_on && (capital || name == "Second" && amount != Amount::whole(1)),
    }
}

fn minute_or_month(part: Part, written: &str) -> OffsetError {
    let meanings = if part.amount == Amount::whole(1) { "one minute or one month" } else { "minutes or months" };
    OffsetError::new(format!("`{written}` can mean {meanings}"), format!("write `{}min`, or count months in weeks or days", part.amount))
}

fn check_order(part: Part, written: &str, previous: Option<&Part>) -> Result<(), OffsetError> {
    let Some(previous) = previous.filter(|previous| previous.unit >= part.unit) else {
        return Ok(());
    };
    if previous.unit == part.unit {
        return Err(OffsetError::new(format!("unit given twice: `{written}` after `{previous}`"), "write each unit once"));
    }
    Err(OffsetError::new(format!("units out of order: `{written}` after `{previous}`"), "write the larger unit first, as in `1d2h`"))
}

/// Whether a unit may end here: before the next amount, the mark of an open end, a range separator or a boundary.
fn closes(mut rest: &str) -> bool {
    // The next amount needs its own unit: `T-12 S3` and `T-12 M365` are names.
    while rest.starts_with(|next: char| next.is_ascii_digit()) {
        let Some((_, after)) = number(rest).and_then(|(_, after)| unit(after.trim_start())) else {
            return false;
        };
        rest = after;
    }
    rest.starts_with(['+', '…']) || rest.starts_with("->") || rest.starts_with("..") || boundary(rest)
}

/// Reads `day` or `days` after a space or a hyphen.
fn days(text: &str) -> Option<&str> {
    let name = text.strip_prefix('-').unwrap_or_else(|| text.trim_start());
    let (word, rest) = word(name);
    let fits = name.len() < text.len() && ["day", "days"].iter().any(|day| word.eq_ignore_ascii_case(day));
    fits.then_some(rest)
}

/// The front of a text, given the rest that was left of it.
fn taken<'a>(text: &'a str, rest: &str) -> &'a str {
    &text[..text.len() - rest.len()]
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|character| !belongs(character)).unwrap_or(text.len());
    text.split_at(end)
}
