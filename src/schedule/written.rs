//! Offsets as written in a text, before their units are settled.

use super::magnitude::{self, Magnitude};
use super::offset::{Offset, OffsetError, Part, Unit};

/// An offset as written, possibly without a unit.
pub(super) struct Written<'a> {
    text: &'a str,
    negative: bool,
    pub(super) magnitude: Magnitude,
}

impl<'a> Written<'a> {
    /// Reads an offset from the front of a text.
    pub(super) fn scan(text: &'a str) -> Result<Option<(Written<'a>, &'a str)>, OffsetError> {
        let Some((negative, rest)) = sign(text) else {
            return Ok(None);
        };
        let Some((magnitude, rest)) = magnitude::magnitude(rest)? else {
            return Ok(None);
        };
        let text = &text[..text.len() - rest.len()];
        Ok(Some((Written { text, negative, magnitude }, rest)))
    }

    /// `T0`, which is valid only as the end of a range.
    pub(super) fn zero() -> Written<'a> {
        Written { text: "T0", negative: false, magnitude: Magnitude::Exact(Vec::new()) }
    }

    /// The offset, with a bare number counted in the given unit; an error if it is bare and no unit is given.
    pub(super) fn resolve(self, unit: Option<Unit>) -> Result<Offset, OffsetError> {
        let amount = match self.magnitude {
            Magnitude::Exact(parts) => return Ok(Offset::new(self.negative, parts)),
            Magnitude::Bare(amount) => amount,
        };
        let Some(unit) = unit else {
            let text = self.text;
            return Err(OffsetError::new(
                format!("no unit in `{text}`"),
                format!("write `{text}m`, `{text}h` or `{text}d`, or set `offset_unit`"),
            ));
        };
        let part = Part { amount, unit };
        magnitude::check_whole(part)?;
        Ok(Offset::new(self.negative, vec![part]))
    }
}

/// Reads `T-`, `T +`, `T-minus ` or `T plus-`: whether the offset is negative, and the rest.
fn sign(text: &str) -> Option<(bool, &str)> {
    let rest = text.strip_prefix('T')?;
    if let Some(found) = spelled_sign(rest) {
        return Some(found);
    }
    let mut characters = rest.trim_start().chars();
    let negative = match characters.next()? {
        '+' => false,
        // Word processors write non-breaking hyphens.
        '-' | '−' | '–' | '\u{2010}' | '\u{2011}' => true,
        _ => return None,
    };
    Some((negative, characters.as_str().trim_start()))
}

/// Reads `-minus `, ` plus-` and the like.
fn spelled_sign(text: &str) -> Option<(bool, &str)> {
    let text = text.strip_prefix('-').unwrap_or_else(|| text.trim_start());
    let (word, rest) = magnitude::word(text);
    let negative = match word.to_ascii_lowercase().as_str() {
        "minus" => true,
        "plus" => false,
        _ => return None,
    };
    let after = rest.strip_prefix('-').unwrap_or_else(|| rest.trim_start());
    (after.len() < rest.len()).then_some((negative, after))
}
