//! `mojibake-on-page`: UTF-8 that was read as Windows-1252 and saved again.

use super::{in_code, lines};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Page;
use crate::rule;
use crate::source::{Source, Span};

pub fn check(page: &Page, source: &Source, diagnostics: &mut Diagnostics) {
    for (start, line) in lines(source) {
        for (range, meant) in wrong(line) {
            let place = start + range.start..start + range.end;
            if in_code(page, &place) {
                continue;
            }
            let message = format!("`{}` is a wrongly decoded `{meant}`", &line[range]);
            diagnostics.push(Diagnostic::new(rule::MOJIBAKE_ON_PAGE, message).at(&source.path, place).help(format!("write `{meant}`")));
        }
        if let Some(at) = line.find('\u{FFFD}') {
            let diagnostic = Diagnostic::new(rule::MOJIBAKE_ON_PAGE, "a character was lost when the text was decoded");
            diagnostics.push(diagnostic.at(&source.path, start + at..start + at + 3));
        }
    }
}

/// Places of wrongly decoded letters in a text, each with the character that was meant.
pub(super) fn wrong(text: &str) -> impl Iterator<Item = (Span, char)> {
    let characters: Vec<(usize, char)> = if text.is_ascii() { Vec::new() } else { text.char_indices().collect() };
    let mut index = 0;
    std::iter::from_fn(move || {
        while index < characters.len() {
            let from = index;
            let Some((length, meant)) = decode(&characters[from..]) else {
                index += 1;
                continue;
            };
            index += length;
            let end = characters.get(index).map_or(text.len(), |(at, _)| *at);
            return Some((characters[from].0..end, meant));
        }
        None
    })
}

/// The character that a run of letters was, if they are its UTF-8 bytes read as Windows-1252. Also gives the run's length.
fn decode(characters: &[(usize, char)]) -> Option<(usize, char)> {
    let lead = byte(characters.first()?.1)?;
    let length = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let bytes: Vec<u8> = characters.get(..length)?.iter().map(|(_, c)| byte(*c)).collect::<Option<_>>()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let meant = text.chars().next()?;
    // Two letters such as `Ã©` may be intended; only combinations that no language uses count.
    let sure = length > 2 || matches!(lead, 0xC2 | 0xC3) && !characters[1].1.is_alphabetic();
    (sure && !meant.is_control()).then_some((length, meant))
}

/// The byte of a character in Windows-1252 (WHATWG encoding: the five undefined bytes stand for themselves).
fn byte(c: char) -> Option<u8> {
    const HIGH: [u32; 32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F, 0x90,
        0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
    ];
    let code = u32::from(c);
    if (0xA0..=0xFF).contains(&code) {
        return u8::try_from(code).ok();
    }
    let index = HIGH.iter().position(|high| *high == code)?;
    u8::try_from(0x80 + index).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::RelPath;

    fn check_text(text: &str, expected: usize) {
        let mut diagnostics = Diagnostics::default();
        let source = Source::new(RelPath::new("a.md").unwrap(), text);
        let page = crate::project::page::parse(&source, &std::collections::BTreeMap::new(), &crate::language::Languages::default());
        check(&page, &source, &mut diagnostics);
        assert_eq!(diagnostics.iter().count(), expected, "{text}");
    }

    #[test]
    fn only_what_no_language_writes() {
        check_text("Celebrate! ðŸŽ‰", 1);
        check_text("donâ€™t", 1);
        check_text("cafÃ©", 1);
        check_text("Ünïcödé, naïve, Ångström, Ñandú, Ã", 0);
        check_text("10 Â°C", 1);
        check_text("`donâ€™t`", 0);
        check_text("🎉 don’t café — fine", 0);
    }
}
