//! Tables.

use pulldown_cmark::{Alignment, Event, Tag, TagEnd};

use super::blank::{self, Side};
use super::html::{Dialect, Writer};
use super::markdown::plain_text;

impl Writer<'_, '_, '_> {
    pub(super) fn table(&mut self, columns: &[Alignment]) {
        let end = self.end_of(self.at);
        self.at += 1;
        let headers = self.header_texts(end);
        self.counts_row = compares_counts(&headers);
        if self.context.dialect == Dialect::Mail {
            self.push("<table>");
        } else {
            self.push("<div class=\"table-scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table: ");
            let name = headers.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(", ");
            self.push_text(&name);
            self.push("\"><table>\n");
        }
        let mut column = 0;
        let mut row_header = String::new();
        let mut in_head = false;
        while self.at < end {
            match &self.events[self.at].0 {
                Event::Start(Tag::TableHead) => {
                    in_head = true;
                    column = 0;
                    self.push("<thead><tr>");
                }
                Event::End(TagEnd::TableHead) => {
                    in_head = false;
                    self.push("</tr></thead>\n<tbody>\n");
                }
                Event::Start(Tag::TableRow) => {
                    column = 0;
                    row_header.clear();
                    self.last_blank = None;
                    self.push("<tr>");
                }
                Event::End(TagEnd::TableRow) => self.push("</tr>\n"),
                Event::Start(Tag::TableCell) => {
                    let text = self.cell(columns.get(column), in_head, &row_header, headers.get(column));
                    if row_header.is_empty() && text.chars().any(char::is_alphanumeric) && !matches!(text.as_str(), "[x]" | "[X]") {
                        row_header = text;
                    }
                    column += 1;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = end + 1;
        self.counts_row = false;
        self.push(if self.context.dialect == Dialect::Mail { "</tbody></table>\n" } else { "</tbody></table></div>\n" });
    }

    fn header_texts(&self, end: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for index in self.at..end {
            match &self.events[index].0 {
                Event::Start(Tag::TableCell) => {
                    let cell = plain_text(&self.events[index..self.end_of(index)]);
                    texts.push(blank::restore(cell.trim()));
                }
                Event::End(TagEnd::TableHead) => break,
                _ => {}
            }
        }
        texts
    }

    /// Writes a cell and gives its text.
    fn cell(&mut self, column: Option<&Alignment>, in_head: bool, row: &str, header: Option<&String>) -> String {
        let start = self.at;
        let end = self.end_of(start);
        let text = blank::restore(plain_text(&self.events[start..end]).trim());
        let class = match column {
            Some(Alignment::Center) => " class=\"center\"",
            Some(Alignment::Right) => " class=\"right\"",
            _ => "",
        };
        // An empty header cell is no header.
        let element = if in_head && !text.is_empty() { "th" } else { "td" };
        let scope = if element == "th" { " scope=\"col\"" } else { "" };
        self.push(&format!("<{element}{class}{scope}>"));
        self.at += 1;
        let mut label = row.to_owned();
        if let Some(header) = header.filter(|header| !header.is_empty()) {
            if !label.is_empty() {
                label.push_str(", ");
            }
            label.push_str(header);
        }
        self.line = label;
        if self.is_run_sheet() && !in_head && matches!(text.as_str(), "[ ]" | "☐" | "[x]" | "[X]") {
            self.table_box(text.to_lowercase() == "[x]");
        } else {
            self.inlines_until(end);
        }
        self.at = end + 1;
        self.push(&format!("</{element}>"));
        text
    }
}

/// Whether two columns hold numbers that should be equal: `Source count` and `Target count`, or `Source` and `Target`.
fn compares_counts(headers: &[String]) -> bool {
    let sides: Vec<Side> =
        headers.iter().filter_map(|header| Side::of(header, blank::Kind::of(header, None) == blank::Kind::Integer)).collect();
    sides.contains(&Side::Source) && sides.contains(&Side::Target)
}
