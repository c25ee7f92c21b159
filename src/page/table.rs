//! Tables.

use pulldown_cmark::{Alignment, Event, Tag, TagEnd};

use super::blank::{self, Side};
use super::field::short;
use super::html::{Dialect, Writer};
use super::markdown::{mark, plain_text};
use crate::schedule::Offset;

/// How many columns of about 2 cm fit on paper. A line to write on takes two of them.
const PAPER: usize = 8;

impl Writer<'_, '_, '_> {
    pub(super) fn table(&mut self, columns: &[Alignment]) {
        let end = self.end_of(self.at);
        self.at += 1;
        let headers = self.cell_texts(end);
        self.counts_row = self.is_run_sheet() && compares_counts(&headers);
        let blanks = if self.is_run_sheet() { self.most_blanks_in_a_row(end) } else { 0 };
        let is_wide = blanks > 0 && blanks + headers.len() > PAPER;
        if self.context.dialect == Dialect::Mail {
            self.push("<table>");
        } else {
            let class = if is_wide { " wide" } else { "" };
            self.push(&format!("<div class=\"table-scroll{class}\" tabindex=\"0\" role=\"group\" aria-label=\""));
            let name = headers.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(", ");
            self.push_text(&self.context.language.fill("page.table_of", &[("columns", &name)]));
            self.push("\"><table>\n");
        }
        let mut column = 0;
        // The column that names the row, and the name.
        let mut row_name: (usize, String) = Default::default();
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
                    // Only blanks and boxes are named after their row.
                    if self.is_run_sheet() {
                        row_name = name_of_row(&self.cell_texts(self.end_of(self.at)));
                    }
                    self.last_blank = None;
                    self.push("<tr>");
                }
                Event::End(TagEnd::TableRow) => self.push("</tr>\n"),
                Event::Start(Tag::TableCell) => {
                    let row = if in_head || column == row_name.0 { "" } else { &row_name.1 };
                    self.cell(columns.get(column), in_head, row, headers.get(column), is_wide);
                    column += 1;
                    continue;
                }
                // The content of a cell is written with the cell.
                Event::Start(_) | Event::End(_) | Event::Text(_) | Event::Code(_) | Event::Rule | mark!() => {}
            }
            self.at += 1;
        }
        self.at = end + 1;
        self.counts_row = false;
        self.push(if self.context.dialect == Dialect::Mail { "</tbody></table>\n" } else { "</tbody></table></div>\n" });
    }

    /// The cell texts of the next row.
    fn cell_texts(&self, end: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for index in self.at..end {
            match &self.events[index].0 {
                Event::Start(Tag::TableCell) => {
                    let cell = plain_text(&self.events[index..self.end_of(index)]);
                    texts.push(blank::restore(cell.trim()));
                }
                Event::End(TagEnd::TableHead | TagEnd::TableRow) => break,
                _ => {}
            }
        }
        texts
    }

    /// The largest number of cells with a blank in a row.
    fn most_blanks_in_a_row(&self, end: usize) -> usize {
        let (mut most, mut here) = (0, 0);
        for index in self.at..end {
            match &self.events[index].0 {
                Event::Start(Tag::TableRow) => here = 0,
                Event::Start(Tag::TableCell) => {
                    let text = plain_text(&self.events[index..self.end_of(index)]);
                    here += usize::from(blank::split(&text).iter().any(Option::is_none));
                    most = most.max(here);
                }
                _ => {}
            }
        }
        most
    }

    /// Writes a cell. In a wide table it carries the name of its column, because its row is broken on paper.
    fn cell(&mut self, column: Option<&Alignment>, in_head: bool, row: &str, header: Option<&String>, is_wide: bool) {
        let start = self.at;
        let end = self.end_of(start);
        let is_read = in_head || self.is_run_sheet();
        let text = if is_read { blank::restore(plain_text(&self.events[start..end]).trim()) } else { String::new() };
        let class = match column {
            Some(Alignment::Center) => " class=\"center\"",
            Some(Alignment::Right) => " class=\"right\"",
            _ => "",
        };
        // An empty header cell would not be a header.
        let element = if in_head && !text.is_empty() { "th" } else { "td" };
        let scope = if element == "th" { " scope=\"col\"" } else { "" };
        for part in ["<", element, class, scope] {
            self.push(part);
        }
        if let Some(header) = header.filter(|header| is_wide && !in_head && !header.is_empty()) {
            self.push(" data-label=\"");
            self.push_text(&short(header));
            self.push("\"");
        }
        self.push(">");
        self.at += 1;
        if self.is_run_sheet() {
            self.line = label(row, header);
        }
        if self.is_run_sheet() && !in_head && matches!(text.as_str(), "[ ]" | "☐" | "[x]" | "[X]") {
            self.table_box(text.to_lowercase() == "[x]");
        } else {
            self.inlines_until(end);
        }
        self.at = end + 1;
        self.push(if element == "th" { "</th>" } else { "</td>" });
    }
}

/// The name of a blank in a cell: its row and its column.
fn label(row: &str, header: Option<&String>) -> String {
    let mut label = short(row).into_owned();
    if let Some(header) = header.filter(|header| !header.is_empty()) {
        if !label.is_empty() {
            label.push_str(", ");
        }
        label.push_str(&short(header));
    }
    label
}

/// The cell that names a row: the first one with words. Numbers and times are skipped: after an edit they could name another row,
/// and ticks would move with them.
fn name_of_row(texts: &[String]) -> (usize, String) {
    let is_box = |text: &str| matches!(text, "[ ]" | "☐" | "[x]" | "[X]");
    let find = |fits: &dyn Fn(&str) -> bool| texts.iter().position(|text| !is_box(text) && fits(text));
    let named = find(&|text| !is_number(text) && Offset::parse(text).is_err() && text.chars().any(char::is_alphabetic));
    let column = named.or_else(|| find(&|text| text.chars().any(char::is_alphanumeric)));
    column.map_or_else(Default::default, |column| (column, texts[column].clone()))
}

/// Whether a text is only a number: `3`, `3.1`, `#3`, `Step 3`.
fn is_number(text: &str) -> bool {
    let number = text.trim_start_matches(|c: char| c.is_alphabetic() || c == '#' || c == '.').trim_start();
    let word = text[..text.len() - number.len()].trim_end_matches(['.', ' ', '#']).to_lowercase();
    let counts = number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ')'));
    counts && ["", "step", "task", "phase", "no", "nr", "item"].contains(&word.as_str())
}

/// Whether two columns contain numbers that should be equal: `Source count` and `Target count`, or `Source` and `Target`.
fn compares_counts(headers: &[String]) -> bool {
    let sides: Vec<Side> = headers
        .iter()
        .filter_map(|header| Side::from_label(header, blank::Kind::from_label(header, None) == blank::Kind::Integer))
        .collect();
    sides.contains(&Side::Source) && sides.contains(&Side::Target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_called_by_their_words() {
        let check = |cells: &str, name: &str| {
            let texts: Vec<String> = cells.split('|').map(|cell| cell.trim().to_owned()).collect();
            assert_eq!(name_of_row(&texts).1, name, "{cells}");
        };
        check("1 | T-1h | Freeze deploys | SRE | [ ]", "Freeze deploys");
        check("[ ] | Freeze | SRE", "Freeze");
        check("Step 3 | 10:30 | Switch", "Switch");
        check("users | _____ | [ ]", "users");
        check("users_2024 | [ ]", "users_2024");
        check("3 | [ ]", "3");
        check("[ ] | ", "");
    }
}
