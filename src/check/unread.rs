//! `unread-time`, `unread-metadata`, `unknown-role`: text meant for the plan that was not read as intended.

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::{Heading, ItemKind, task};
use crate::rule;
use crate::schedule::{Found, Place, heading, recurrence};
use crate::source::Span;
use crate::text::{slip, suggest, visible};

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    let page = sheet.page;
    let mut tell = |span: &Span, diagnostic: Diagnostic| {
        diagnostics.push(diagnostic.at(&page.path, super::first_line(sheet.source, span)));
    };
    for heading in &page.headings {
        if let Some(words) = unread_time(heading) {
            let diagnostic =
                Diagnostic::new(rule::UNREAD_TIME, format!("`{}` looks like a time, but can't be read as one", visible(words)));
            let help = "put the offset first, as in `T+3h40m: …` or `T+3h to T+4h: …`, or alone in parentheses at the end";
            tell(&heading.span, diagnostic.help(help));
        } else if heading.every.is_none() && heading.timing.is_none() {
            unread_rhythm(&heading.text).into_iter().for_each(|diagnostic| tell(&heading.span, diagnostic));
        }
        unread_metadata(&heading.text, sheet).into_iter().for_each(|diagnostic| tell(&heading.span, diagnostic));
    }
    for item in &page.items {
        if matches!(item.kind, ItemKind::Task { .. }) {
            unread_rhythm(&item.text).into_iter().for_each(|diagnostic| tell(&item.span, diagnostic));
            unread_metadata(&item.text, sheet).into_iter().for_each(|diagnostic| tell(&item.span, diagnostic));
        }
        let decider = if let ItemKind::Alarm(alarm) = &item.kind { alarm.decider.as_ref() } else { None };
        for name in [item.owner.as_ref(), decider].into_iter().flatten() {
            unknown_role(name, sheet).into_iter().for_each(|diagnostic| tell(&item.span, diagnostic));
        }
    }
}

/// Text that begins like a recurrence but is not one.
fn unread_rhythm(text: &str) -> Option<Diagnostic> {
    if !names_rhythm(text) || recurrence::read(text).is_some() {
        return None;
    }
    let begin: String = text.split(": ").next().unwrap_or("").chars().take(40).collect();
    let diagnostic =
        Diagnostic::new(rule::UNREAD_TIME, format!("`{}` is not a known recurrence: the task will appear once", visible(&begin)));
    let help = "write `Every 15 minutes: …`, `Hourly: …` or `Daily at 09:00: …`, with nothing else before the colon";
    Some(diagnostic.help(help))
}

/// The part of a heading that looks like an offset although the heading has no time, or that looks like the rest of a cut-off one.
fn unread_time(heading: &Heading) -> Option<&str> {
    let Some(timing) = &heading.timing else { return offset_in(&heading.text).map(|word| word.trim_end_matches(':')) };
    let label = timing.label.trim_start();
    let rest = ["at ", "until ", "till ", "to "].into_iter().find_map(|word| label.strip_prefix(word)).unwrap_or(label);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_cut = match rest[digits..].chars().next() {
        // `T+1h 30: …`, and `T-7d at 09:00: …`.
        Some(':') => true,
        Some('h' | 'm' | 'd') => rest.len() < label.len(),
        _ => false,
    };
    (timing.place == Place::Lead && digits > 0 && is_cut).then(|| label.split(": ").next().unwrap_or(label))
}

/// The first word that is written like an offset: `T+3:40`, `T-2h`, `R+10m`.
fn offset_in(text: &str) -> Option<&str> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';')).find(|word| {
        let rest = word.strip_prefix(['T', 'R']).and_then(|rest| rest.strip_prefix(['+', '-', '\u{2212}', '\u{2013}']));
        let Some(rest) = rest else { return false };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let mut behind = rest[digits..].chars();
        let is_unit = match (behind.next(), behind.next()) {
            (Some(':'), Some(c)) => c.is_ascii_digit(),
            (Some('h' | 'm' | 'd' | 'w' | 's'), c) => c.is_none_or(|c| !c.is_alphabetic() || c == 'i'),
            _ => false,
        };
        digits > 0 && is_unit
    })
}

/// Whether a text begins like a recurrence.
fn names_rhythm(text: &str) -> bool {
    const UNITS: [&str; 13] =
        ["second", "seconds", "min", "minute", "minutes", "hour", "hours", "day", "days", "night", "morning", "evening", "week"];
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| c.is_whitespace() || matches!(c, ',' | ':')).filter(|word| !word.is_empty());
    let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    match first {
        "every" => UNITS.contains(&second) || second.starts_with(|c: char| c.is_ascii_digit()),
        "hourly" | "daily" | "nightly" | "weekly" => second == "at" || lower[first.len()..].starts_with([':', ',']),
        _ => false,
    }
}

/// What is wrong with a final parenthesis that mixes metadata with other text.
fn unread_metadata(text: &str, sheet: &Sheet) -> Option<Diagnostic> {
    if task::tail(text, sheet.roles).is_some() {
        return None;
    }
    let (_, inner) = text.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let parts = || inner.split([';', ',']).map(str::trim);
    let is_read = |part: &str| {
        let is_time = matches!(heading::read(&format!("{part}: x"), None), Found::Timing(_));
        is_time || task::tail(&format!("({part})"), sheet.roles).is_some()
    };
    let is_key = |part: &str| {
        let is_estimate = part.strip_prefix('~').is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()));
        is_estimate || ["owner:", "after:"].iter().any(|key| part.to_lowercase().starts_with(key))
    };
    if !parts().any(is_key) {
        return None;
    }
    let odd = parts().find(|part| !is_read(part))?;
    let near = suggest(&odd.to_lowercase(), sheet.roles.keys().map(String::as_str));
    let help = near.unwrap_or_else(|| "put only a role, `~30m`, `after: …` and the like in it".to_owned());
    let message = format!("`({})` is shown as text: `{}` is neither a role nor metadata", visible(inner), visible(odd));
    Some(Diagnostic::new(rule::UNREAD_METADATA, message).help(help))
}

/// An owner that the event does not declare but that is nearly one of its roles.
fn unknown_role(name: &str, sheet: &Sheet) -> Option<Diagnostic> {
    let lower = name.to_lowercase();
    if lower.len() <= 2 || sheet.roles.contains_key(&lower) {
        return None;
    }
    let near = slip(&lower, sheet.roles.keys().map(String::as_str))?;
    let diagnostic = Diagnostic::new(rule::UNKNOWN_ROLE, format!("the event has no role `{}`", visible(name)));
    Some(diagnostic.help(format!("did you mean `{near}`?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_look_like_offsets() {
        for (text, expected) in [
            ("Step 10: thing (ops, T+3:40)", Some("T+3:40")),
            ("T+3h-T+4h: x", Some("T+3h-T+4h:")),
            ("T+14h30", Some("T+14h30")),
            ("Meet at T-48h or so", Some("T-48h")),
            ("T+30min", Some("T+30min")),
            ("Model T-34 review", None),
            ("T-shirt sizes", None),
            ("R-squared", None),
            ("PT-1h rule", None),
            ("Tier T-1 hosts", None),
        ] {
            assert_eq!(offset_in(text), expected, "{text}");
        }
    }

    #[test]
    fn words_that_look_like_rhythms() {
        for text in ["Every night at 02:30", "Every 2 hours, on the hour", "Daily at 9am", "Hourly, look at it"] {
            assert!(names_rhythm(text), "{text}");
        }
        for text in ["Every user can log in", "Daily report is sent", "Weekly", "Everything"] {
            assert!(!names_rhythm(text), "{text}");
        }
    }
}
