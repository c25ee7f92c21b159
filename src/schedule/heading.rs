//! Headings: the time in their text.

use super::expression::{Expression, Fault, expression};
use super::length::Length;
use super::magnitude::{MARKS, digits, word};
use super::offset::{Offset, OffsetError, Unit};

/// The time of a heading, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No time.
    Nothing,
    /// A time.
    Timing(Timing),
    /// A number without a unit: not a time, but the author may have meant one.
    Hint(OffsetError),
    /// Surely meant as a time, but invalid.
    Error(OffsetError),
}

/// When the step below a heading happens, and the rest of the heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    pub kind: Kind,
    pub start: Offset,
    /// The end of a range.
    pub end: Option<Offset>,
    pub place: Place,
    /// The heading without its time, number and metadata.
    pub label: String,
    /// What follows the offset in the final parenthesis, as in `(T+0:30, ~30m, DBA)`.
    pub tail: Vec<String>,
    /// The `~30m` of the final parenthesis.
    pub estimate: Option<Length>,
}

/// How a heading's time is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `T-48h`
    Point,
    /// `T+0 to T+2h`
    Range,
    /// `T+24h onward`
    Open,
    /// `By T-4h`
    Deadline,
}

/// The position of the time in the heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `T-48h: Preparation`
    Lead,
    /// `Preparation (T-48h)`
    Trailing,
}

/// Reads the visible text of a heading; `offset_unit` is the unit of bare numbers such as `T-30`.
pub fn read(text: &str, offset_unit: Option<Unit>) -> Found {
    let text = text.trim();
    let lead = leading(text, offset_unit);
    if matches!(lead, Found::Timing(_) | Found::Error(_)) {
        return lead;
    }
    match trailing(text, offset_unit) {
        Found::Nothing => lead,
        Found::Hint(_) if lead != Found::Nothing => lead,
        found => found,
    }
}

/// Splits the final parenthesis off a text: the text before it, and its parts between commas and semicolons.
pub fn final_parenthesis(text: &str) -> Option<(&str, Vec<&str>)> {
    let text = text.trim_end_matches(is_mark_or_space);
    let text = text.strip_suffix([':', '.']).unwrap_or(text).trim_end_matches(is_mark_or_space);
    let (open, close) = if text.ends_with(')') { ('(', ')') } else { ('[', ']') };
    let inside = text.strip_suffix(close)?;
    let mut depth = 1;
    let start = inside.rfind(|character| {
        depth += i32::from(character == close) - i32::from(character == open);
        depth == 0
    })?;
    Some((text[..start].trim_end(), parts(&inside[start + open.len_utf8()..])))
}

/// The text without the emoji, arrows and emphasis marks at its front.
pub(super) fn skip_decoration(text: &str) -> &str {
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match keycap(character, after) {
            Some(after) => after,
            None if is_decoration(character) => after,
            None => break,
        };
    }
    let touching = text[..text.len() - rest.len()].chars().next_back();
    if touching.is_some_and(belongs_to_word) { text } else { rest }
}

fn leading(text: &str, unit: Option<Unit>) -> Found {
    let timed = skip_decoration(skip_number(skip_decoration(text)));
    let (expression, rest) = match expression(timed, unit) {
        Ok(Some(found)) => found,
        Ok(None) => return Found::Nothing,
        Err(fault) => return fault.into(),
    };
    let label = skip_separator(rest).unwrap_or(rest);
    let label = match text.chars().next() {
        Some(mark) if MARKS.contains(&mark) => label.trim_end_matches(mark),
        _ => label,
    };
    let parts = final_parenthesis(label).map_or(Vec::new(), |(_, parts)| parts);
    Found::Timing(timing(expression, Place::Lead, label, Vec::new(), &parts))
}

fn trailing(text: &str, unit: Option<Unit>) -> Found {
    let Some((label, parts)) = final_parenthesis(text) else {
        return Found::Nothing;
    };
    let (first, tail) = parts.split_first().map_or(("", &[][..]), |(first, tail)| (*first, tail));
    match expression(first.trim_start_matches(MARKS), unit) {
        Ok(Some((expression, rest))) if rest.trim().is_empty() => {
            let kept = tail.iter().map(|part| (*part).to_owned()).collect();
            Found::Timing(timing(expression, Place::Trailing, label, kept, tail))
        }
        Ok(_) => Found::Nothing,
        Err(fault) => fault.into(),
    }
}

fn timing(expression: Expression, place: Place, label: &str, tail: Vec<String>, parts: &[&str]) -> Timing {
    let Expression { kind, start, end } = expression;
    let estimate = parts.iter().find_map(|part| Length::estimate(part));
    Timing { kind, start, end, place, label: label.trim().to_owned(), tail, estimate }
}

impl From<Fault> for Found {
    fn from(fault: Fault) -> Found {
        match fault {
            Fault::Hint(error) => Found::Hint(error),
            Fault::Error(error) => Found::Error(error),
        }
    }
}

/// The text without `3. ` or `Step 3: ` at its front.
fn skip_number(text: &str) -> &str {
    list_number(text).or_else(|| named_number(text)).unwrap_or(text)
}

fn list_number(text: &str) -> Option<&str> {
    let rest = dotted_number(text)?;
    let rest = rest.strip_prefix(['.', ')'])?.trim_start_matches(MARKS);
    rest.starts_with(char::is_whitespace).then(|| rest.trim_start())
}

fn named_number(text: &str) -> Option<&str> {
    let names = ["phase", "step", "stage", "gate", "part", "section"];
    let (name, rest) = word(text);
    if !names.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return None;
    }
    let rest = dotted_number(rest.trim_start()).map_or(rest, |rest| word(rest).1);
    skip_separator(rest)
}

/// Reads `3` or `3.1`, but not a full stop after it.
fn dotted_number(text: &str) -> Option<&str> {
    let (number, mut rest) = digits(text);
    while let Some((_, after)) = rest.strip_prefix('.').map(digits).filter(|(next, _)| !next.is_empty()) {
        rest = after;
    }
    (!number.is_empty()).then_some(rest)
}

/// Reads `:`, ` — `, `. ` and the like, and the emphasis marks that end there; but not the start of `.env` or `-v`.
fn skip_separator(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let rest = text.trim_start_matches(is_separator);
    let after = rest.trim_start_matches(MARKS);
    if rest.len() == text.len() {
        return None;
    }
    if after.is_empty() || after.starts_with(char::is_whitespace) {
        return Some(after.trim_start());
    }
    text.starts_with([':', '—', '–', '→', ')', ']']).then_some(rest)
}

/// Splits at commas and semicolons, but not inside of parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let separates = |character| {
        depth += i32::from(matches!(character, '(' | '[')) - i32::from(matches!(character, ')' | ']'));
        depth == 0 && matches!(character, ',' | ';')
    };
    text.split(separates).map(str::trim).collect()
}

/// A digit in a keycap emoji, which consists of two or three characters.
fn keycap(character: char, after: &str) -> Option<&str> {
    let rest = after.strip_prefix('\u{fe0f}').unwrap_or(after).strip_prefix('\u{20e3}')?;
    character.is_ascii_digit().then_some(rest)
}

fn is_decoration(character: char) -> bool {
    let circled_number = matches!(character, '\u{2460}'..='\u{24ff}' | '\u{2776}'..='\u{2793}');
    circled_number || !(character.is_alphanumeric() || matches!(character, '(' | '[' | '<'))
}

/// Signs that turn the text they touch into another word: `@T-5m`, `#daily`, `--hourly`, `∆T+5 s`.
fn belongs_to_word(character: char) -> bool {
    let sign = character.is_ascii_punctuation() || matches!(character, '\u{2200}'..='\u{22ff}');
    sign && !MARKS.contains(&character)
}

fn is_separator(character: char) -> bool {
    ":—–-,.;!?→)]".contains(character)
}

fn is_mark_or_space(character: char) -> bool {
    character.is_whitespace() || MARKS.contains(&character)
}
