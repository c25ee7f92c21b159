//! Footnotes: numbered in the order of their first mention, written at the end.

use super::body::Body;
use super::html::{Dialect, Writer};

impl Writer<'_, '_, '_> {
    pub(super) fn footnote(&mut self, name: &str) {
        let end = self.end_of(self.at);
        self.at += 1;
        let outer = std::mem::take(&mut self.body);
        self.blocks_until(end);
        let note = std::mem::replace(&mut self.body, outer);
        self.notes.push((name.to_owned(), note));
    }

    /// A mention in the text; the note links back to the first one.
    pub(super) fn footnote_reference(&mut self, name: &str) {
        let is_first = !self.finds.footnotes.contains_key(name);
        let number = self.footnote_number(name);
        if self.context.dialect == Dialect::Mail {
            return self.push(&format!("<sup>{number}</sup>"));
        }
        let id = if is_first { format!(" id=\"fnref-{number}\"") } else { String::new() };
        self.push(&format!("<sup class=\"footnote\"><a{id} href=\"#fn-{number}\" aria-label=\""));
        self.push_text(&self.context.language.fill("page.footnote", &[("number", &number.to_string())]));
        self.push(&format!("\">{number}</a></sup>"));
    }

    fn footnote_number(&mut self, name: &str) -> usize {
        let next = self.finds.footnotes.len() + 1;
        *self.finds.footnotes.entry(name.to_owned()).or_insert(next)
    }

    pub(super) fn write_footnotes(&mut self) {
        let mut notes = std::mem::take(&mut self.notes);
        if notes.is_empty() {
            return;
        }
        let mentioned = self.finds.footnotes.len();
        for (name, _) in &notes {
            self.footnote_number(name);
        }
        notes.sort_by_key(|(name, _)| self.finds.footnotes.get(name).copied());
        if self.context.dialect == Dialect::Mail {
            self.push("<ol>\n");
            for (name, note) in notes {
                let number = self.footnote_number(&name);
                self.push(&format!("<li value=\"{number}\">"));
                self.append(note);
                self.push("</li>\n");
            }
            return self.push("</ol>\n");
        }
        self.push("<section class=\"footnotes\" aria-label=\"");
        self.push_text(self.context.language.text("page.footnotes"));
        self.push("\"><ol>\n");
        for (name, note) in notes {
            let number = self.footnote_number(&name);
            self.push(&format!("<li id=\"fn-{number}\" value=\"{number}\">"));
            self.append(note);
            if number <= mentioned {
                self.push(&format!("<a class=\"footnote-back\" href=\"#fnref-{number}\" aria-label=\""));
                self.push_text(&self.context.language.fill("page.back", &[("number", &number.to_string())]));
                self.push("\">↩</a>");
            }
            self.push("</li>\n");
        }
        self.push("</ol></section>\n");
    }

    fn append(&mut self, body: Body) {
        let base = self.body.html.len();
        self.body.html.push_str(&body.html);
        self.body.holes.extend(body.holes.into_iter().map(|(at, hole)| (base + at, hole)));
    }
}
