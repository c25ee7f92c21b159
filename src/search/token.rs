//! Words in the search. `themes/default/source/search/token.js` must split texts in exactly the same way.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The most characters of a word that count.
pub const LONGEST: usize = 32;

/// The words of a text, in order: without diacritical marks, in lower case.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    each_token(text, |token| tokens.push(token.to_owned()));
    tokens
}

/// The role of a byte in a word: 0 if it never belongs to one.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' => 1,
            b'A'..=b'Z' => UPPER,
            // Beyond ASCII any byte may belong to a word; that is decided after decomposition.
            128.. => FOREIGN,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};
const UPPER: u8 = 2;
const FOREIGN: u8 = 4;

/// Calls a function for each word of a text. Nearly all texts are ASCII, and nearly all of their words need no change.
pub fn each_token(text: &str, mut see: impl FnMut(&str)) {
    let bytes = text.as_bytes();
    let mut buffer = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let mut kinds = 0;
        while let Some(kind) = bytes.get(at).map(|byte| KINDS[usize::from(*byte)]).filter(|kind| *kind != 0) {
            kinds |= kind;
            at += 1;
        }
        let run = &text[start..at];
        if kinds & FOREIGN != 0 {
            foreign(run, &mut buffer, &mut see);
        } else if !run.is_empty() {
            let run = &run[..run.len().min(LONGEST)];
            if kinds & UPPER == 0 {
                see(run);
            } else {
                buffer.clear();
                buffer.push_str(run);
                buffer.make_ascii_lowercase();
                see(&buffer);
            }
        }
        at += 1;
    }
}

/// Words of a text that is not ASCII.
fn foreign(text: &str, token: &mut String, see: &mut impl FnMut(&str)) {
    token.clear();
    let mut length = 0;
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for c in plain.flat_map(|c| if c == 'ß' { std::iter::repeat_n('s', 2) } else { std::iter::repeat_n(c, 1) }) {
        // A final sigma depends on the next character.
        let c = if c == 'ς' { 'σ' } else { c };
        let is_alone = is_alone(c);
        if (is_alone || !c.is_alphanumeric()) && length > 0 {
            see(token);
            token.clear();
            length = 0;
        }
        if is_alone {
            see(c.encode_utf8(&mut [0; 4]));
        } else if c.is_alphanumeric() {
            if length < LONGEST {
                token.push(c);
            }
            length += 1;
        }
    }
    if length > 0 {
        see(token);
    }
}

/// Han and Kana: words are not separated, so each character counts as a word.
fn is_alone(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{323AF}')
        && c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let check = |text: &str, expected: &[&str]| assert_eq!(tokens(text), expected, "{text}");
        check("compose.production.yaml", &["compose", "production", "yaml"]);
        check("  T-0: Go / NO-GO ", &["t", "0", "go", "no", "go"]);
        check("Café, CAFE\u{301} and Straße", &["cafe", "cafe", "and", "strasse"]);
        check("ΟΔΟΣ οδός", &["οδοσ", "οδοσ"]);
        check("東京タワー 2", &["東", "京", "タ", "ワ", "ー", "2"]);
        check(&"x".repeat(40), &[&"x".repeat(32)]);
        check(&"Ä".repeat(40), &[&"a".repeat(32)]);
        check("", &[]);
    }
}
