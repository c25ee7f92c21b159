//! Tokens as HTML: neighbours of one class are one element, spaces around a token stay outside of it.

pub use crate::text::html::escape_element as escape;

/// One line of code that is being written.
pub struct Line<'h> {
    html: &'h mut String,
    class: Option<char>,
    /// Spaces that are written when it is known whether they lie within an element.
    spaces: String,
}

impl<'h> Line<'h> {
    pub fn new(html: &'h mut String) -> Line<'h> {
        Line { html, class: None, spaces: String::new() }
    }

    pub fn token(&mut self, class: Option<char>, text: &str) {
        let bare = text.trim_start();
        self.spaces.push_str(&text[..text.len() - bare.len()]);
        if bare.is_empty() {
            return;
        }
        if class != self.class {
            self.close();
        }
        self.write_spaces();
        if let (Some(class), None) = (class, self.class) {
            self.html.push_str("<span class=\"");
            self.html.push(class);
            self.html.push_str("\">");
        }
        self.class = class;
        let kept = bare.trim_end();
        escape(kept, self.html);
        self.spaces.push_str(&bare[kept.len()..]);
    }

    fn close(&mut self) {
        if self.class.take().is_some() {
            self.html.push_str("</span>");
        }
    }

    /// Ends the line: the spaces at its end, its break among them, stand outside of all elements.
    pub fn end(mut self) {
        self.close();
        self.write_spaces();
    }

    /// Control characters can be white space, too.
    fn write_spaces(&mut self) {
        escape(&self.spaces, self.html);
        self.spaces.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_join_and_spaces_stay_outside() {
        let mut html = String::new();
        let mut line = Line::new(&mut html);
        for (class, text) in
            [(None, " \u{c}"), (Some('k'), "if "), (Some('k'), " not"), (None, " x<y "), (Some('c'), "# \u{202e}a"), (None, "\u{b}\n")]
        {
            line.token(class, text);
        }
        line.end();
        assert_eq!(html, " \u{FFFD}<span class=\"k\">if  not</span> x&lt;y <span class=\"c\"># ⟦U+202E⟧a</span>\u{FFFD}\n");
    }
}
