//! Code as tokens, and tokens as HTML: neighbours of one class share an element, and spaces around a token stay outside it.

use crate::text::html::escape_element;

/// The existing classes.
const CLASSES: &[u8] = b"acdfiknopstv";

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// One of the classes, if it has one.
    pub class: Option<char>,
    /// In bytes.
    pub length: u32,
}

/// Tokens that cover a text, without the text itself: whatever such data contains, it can only become colours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(pub Vec<Token>);

impl Tokens {
    /// A text without colours.
    pub fn plain(text: &str) -> Tokens {
        let mut tokens = Tokens::default();
        tokens.push(None, text.len());
        tokens
    }

    pub fn push(&mut self, class: Option<char>, length: usize) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        match self.0.last_mut() {
            Some(last) if last.class == class => last.length = last.length.saturating_add(length),
            _ if length > 0 => self.0.push(Token { class, length }),
            _ => {}
        }
    }

    pub fn extend(&mut self, others: impl IntoIterator<Item = Token>) {
        others.into_iter().for_each(|token| self.push(token.class, token.length as usize));
    }

    /// Removes and returns the tokens of the first bytes, up to a number of them.
    pub fn take(&mut self, length: usize) -> Vec<Token> {
        let (mut taken, mut left) = (Vec::new(), u32::try_from(length).unwrap_or(u32::MAX));
        let mut whole = 0;
        for token in &mut self.0 {
            let part = token.length.min(left);
            if part > 0 {
                taken.push(Token { length: part, ..*token });
            }
            left -= part;
            token.length -= part;
            if token.length > 0 {
                break;
            }
            whole += 1;
        }
        self.0.drain(..whole);
        taken
    }

    /// The text as HTML. `None` if these are not its tokens.
    pub fn html(&self, text: &str) -> Option<String> {
        let mut html = String::with_capacity(text.len() * 2);
        let mut rest = text;
        for Token { class, length } in &self.0 {
            let (part, after) = rest.split_at_checked(*length as usize)?;
            rest = after;
            let Some(class) = class else {
                escape_element(part, &mut html);
                continue;
            };
            if !u8::try_from(*class).is_ok_and(|class| CLASSES.contains(&class)) {
                return None;
            }
            html.push_str("<span class=\"");
            html.push(*class);
            html.push_str("\">");
            escape_element(part, &mut html);
            html.push_str("</span>");
        }
        rest.is_empty().then_some(html)
    }
}

/// One line of code that is being split.
pub struct Line<'t> {
    tokens: &'t mut Tokens,
    class: Option<char>,
    /// Bytes of spaces, pending until it is known whether they belong inside an element.
    spaces: usize,
}

impl<'t> Line<'t> {
    pub fn new(tokens: &'t mut Tokens) -> Line<'t> {
        Line { tokens, class: None, spaces: 0 }
    }

    pub fn token(&mut self, class: Option<char>, text: &str) {
        let bare = text.trim_start();
        self.spaces += text.len() - bare.len();
        if bare.is_empty() {
            return;
        }
        self.tokens.push(if class == self.class { class } else { None }, self.spaces);
        self.class = class;
        let kept = bare.trim_end().len();
        self.tokens.push(class, kept);
        self.spaces = bare.len() - kept;
    }

    /// Ends the line: trailing spaces and the line break stay outside all elements.
    pub fn end(self) {
        self.tokens.push(None, self.spaces);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_join_and_spaces_stay_outside() {
        let parts =
            [(None, " \u{c}"), (Some('k'), "if "), (Some('k'), " not"), (None, " x<y "), (Some('c'), "# \u{202e}a"), (None, "\u{b}\n")];
        let (mut tokens, mut text) = (Tokens::default(), String::new());
        let mut line = Line::new(&mut tokens);
        for (class, part) in parts {
            line.token(class, part);
            text.push_str(part);
        }
        line.end();
        assert_eq!(
            tokens.html(&text).unwrap(),
            " \u{FFFD}<span class=\"k\">if  not</span> x&lt;y <span class=\"c\"># ⟦U+202E⟧a</span>\u{FFFD}\n"
        );
    }

    #[test]
    fn tokens_of_another_text_are_not_shown() {
        let tokens = |class, length| Tokens(vec![Token { class, length }]);
        assert_eq!(tokens(Some('k'), 2).html("<b"), Some("<span class=\"k\">&lt;b</span>".to_owned()));
        for (class, length, text) in [(Some('k'), 1, "ab"), (None, 3, "ab"), (None, 1, "ü"), (Some('x'), 2, "ab"), (Some('"'), 2, "ab")] {
            assert_eq!(tokens(class, length).html(text), None, "{class:?} {length} {text}");
        }
        assert_eq!(Tokens::default().html(""), Some(String::new()));
    }

    #[test]
    fn what_is_taken_is_gone() {
        let mut tokens = Tokens(vec![Token { class: Some('k'), length: 3 }, Token { class: None, length: 2 }]);
        assert_eq!(tokens.take(4), [Token { class: Some('k'), length: 3 }, Token { class: None, length: 1 }]);
        assert_eq!(tokens.0, [Token { class: None, length: 1 }]);
        assert_eq!(tokens.take(9), [Token { class: None, length: 1 }]);
        assert_eq!(tokens, Tokens::default());
    }
}
