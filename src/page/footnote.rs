//! Footnotes: numbered by their first mention, written at the end.

use super::html::{Body, Writer};

impl Writer<'_, '_, '_> {
    pub(super) fn footnote(&mut self, name: &str) {
        let end = self.end_of(self.at);
        self.at += 1;
        let outer = std::mem::take(&mut self.body);
        self.blocks_until(end);
        let note = std::mem::replace(&mut self.body, outer);
        self.notes.push((name.to_owned(), note));
    }

    pub(super) fn footnote_number(&mut self, name: &str) -> usize {
        if let Some(index) = self.finds.footnotes.iter().position(|known| known == name) {
            return index + 1;
        }
        self.finds.footnotes.push(name.to_owned());
        self.finds.footnotes.len()
    }

    pub(super) fn write_footnotes(&mut self) {
        let mut notes = std::mem::take(&mut self.notes);
        if notes.is_empty() {
            return;
        }
        for (name, _) in &notes {
            self.footnote_number(name);
        }
        notes.sort_by_key(|(name, _)| self.finds.footnotes.iter().position(|known| known == name));
        self.push("<section class=\"footnotes\" aria-label=\"Footnotes\"><ol>\n");
        for (name, note) in notes {
            let number = self.footnote_number(&name);
            self.push(&format!("<li id=\"fn-{number}\" value=\"{number}\">"));
            self.append(note);
            self.push(&format!(
                "<a class=\"footnote-back\" href=\"#fnref-{number}\" aria-label=\"Back to the text, note {number}\">↩</a></li>\n"
            ));
        }
        self.push("</ol></section>\n");
    }

    fn append(&mut self, body: Body) {
        let base = self.body.html.len();
        self.body.html.push_str(&body.html);
        self.body.holes.extend(body.holes.into_iter().map(|(at, hole)| (base + at, hole)));
    }
}
