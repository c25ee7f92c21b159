//! The pictures of the timeline as SVG.

use std::fmt::Write as _;

use jiff::Zoned;

use super::axis::{Axis, EDGE, HOUR, offset};
use super::{Entry, Kind, Mark, Marks, end, last, name, one_line};
use crate::text::html::{escape, escaped};
use crate::text::is_bidi_control;

const WIDTH: f64 = 720.0;
const ROW: f64 = 24.0;
/// Font sizes: of names, and of offsets and labels of the scale.
const TEXT: f64 = 13.0;
const SMALL: f64 = 12.0;

/// A row of a picture with the gates within it.
struct Row<'a> {
    entry: &'a Entry,
    gates: Vec<&'a Entry>,
    /// The last instant within it.
    last: &'a Zoned,
}

/// One chart with its names.
pub(super) struct Picture<'a> {
    name: &'a str,
    rows: Vec<Row<'a>>,
    marks: Vec<Mark<'a>>,
    axis: Axis<'a>,
    /// Where the names begin, right of the offsets.
    names: f64,
    /// The least and the greatest depth of the rows.
    depths: [u8; 2],
    /// The window, if it is only a small part of the picture.
    band: Option<(&'a Zoned, &'a Zoned)>,
}

/// The whole plan and the window; only one of them if that shows everything.
pub(super) fn pictures<'a>(entries: &'a [Entry], marks: &'a Marks) -> Vec<Picture<'a>> {
    let mut window = window(entries, marks);
    let all_marks = marks.list();
    let holds_all = entries.iter().all(|entry| window.axis.holds(&entry.start) && window.axis.holds(last(entry)));
    if holds_all && window.marks.len() == all_marks.len() {
        window.name = marks.language.text("sheet.plan");
        return vec![window.with_columns()];
    }
    let shown = |mark: &Mark| !window.rows.is_empty() && window.axis.holds(mark.at);
    let elsewhere = all_marks.iter().filter(|mark| !shown(mark)).copied().collect();
    let whole = whole(entries, marks, elsewhere);
    if window.rows.is_empty() { vec![whole.with_columns()] } else { vec![whole.with_columns(), window.with_columns()] }
}

/// A row for each phase; steps before the first phase have their own rows.
fn whole<'a>(entries: &'a [Entry], marks: &'a Marks, elsewhere: Vec<Mark<'a>>) -> Picture<'a> {
    let mut axis = Axis { t0: &marks.t0, language: &marks.language, from: 0.0, to: 0.0, linear: false, left: 0.0 };
    let top = entries.iter().map(|entry| entry.depth).min().unwrap_or(0);
    let mut rows: Vec<Row> = Vec::new();
    for entry in entries {
        match rows.last_mut() {
            Some(row) if entry.depth > top && row.entry.depth == top => {
                row.last = row.last.max(last(entry));
                row.gates.extend((entry.kind == Kind::Gate).then_some(entry));
            }
            _ => rows.push(Row { entry, gates: Vec::new(), last: last(entry) }),
        }
    }
    let ends = entries.iter().flat_map(|entry| [&entry.start, last(entry)]);
    for at in ends.chain(marks.list().iter().map(|mark| mark.at)) {
        axis.from = axis.from.min(axis.seconds(at));
        axis.to = axis.to.max(axis.seconds(at));
    }
    let band = marks.window_end.as_ref().map(|end| (&marks.t0, end));
    Picture { name: marks.language.text("sheet.whole_plan"), rows, marks: elsewhere, axis, names: 0.0, depths: [0; 2], band }
}

/// From the first step within 2 h before T-0 to the end of the window and of the steps begun in it.
fn window<'a>(entries: &'a [Entry], marks: &'a Marks) -> Picture<'a> {
    let mut axis = Axis { t0: &marks.t0, language: &marks.language, from: 0.0, to: HOUR / 2.0, linear: true, left: 0.0 };
    let starts: Vec<f64> = entries.iter().map(|entry| axis.seconds(&entry.start)).collect();
    axis.from = starts.iter().copied().filter(|start| *start >= -2.0 * HOUR).fold(0.0, f64::min);
    let from = axis.from;
    let window_end = marks.window_end.as_ref().map(|end| axis.seconds(end));
    let horizon = window_end.unwrap_or(6.0 * HOUR);
    // If something lasts far longer than the window, only its beginning matters here.
    let limit = horizon + (horizon - from) / 4.0;
    let begun = |start: f64| (from..=horizon).contains(&start);
    let top = entries.iter().map(|entry| entry.depth).min().unwrap_or(0);
    let stepless = !entries.iter().zip(&starts).any(|(entry, start)| entry.depth > top && begun(*start));
    axis.to = axis.to.max(window_end.unwrap_or(0.0));
    for (entry, start) in entries.iter().zip(&starts).filter(|(_, start)| begun(**start)) {
        let counts = entry.kind != Kind::Recurring && (entry.depth > top || stepless);
        axis.to = axis.to.max(if counts { axis.seconds(last(entry)).min(limit) } else { *start });
    }
    let within = |entry: &Entry, start: f64| begun(start) || (start < from && axis.seconds(last(entry)) > from);
    let rows = entries.iter().zip(&starts).filter(|(entry, start)| within(entry, **start));
    let rows = rows.map(|(entry, _)| Row { entry, gates: Vec::new(), last: last(entry) }).collect();
    let marks_within = marks.list().into_iter().filter(|mark| axis.holds(mark.at)).collect();
    let name = marks.language.text(if window_end.is_some() { "sheet.the_window" } else { "sheet.around_t0" });
    Picture { name, rows, marks: marks_within, axis, names: 0.0, depths: [0; 2], band: None }
}

impl Picture<'_> {
    /// The picture with its columns as wide as their texts, within limits.
    fn with_columns(mut self) -> Self {
        let depths = self.rows.iter().map(|row| row.entry.depth);
        self.depths = [depths.clone().min().unwrap_or(0), depths.max().unwrap_or(0)];
        let offsets = self.rows.iter().map(|row| width(&row.entry.offset, SMALL));
        let marks = self.marks.iter().map(|mark| (width(&self.mark_offset(mark), SMALL), width(mark.name, TEXT)));
        let offsets = offsets.chain(marks.clone().map(|(offset, _)| offset)).fold(0.0, f64::max);
        let names = self.rows.iter().map(|row| self.indent(row.entry) + width(&name(row.entry, self.axis.language), self.size(row.entry)));
        let names = names.chain(marks.map(|(_, name)| name)).fold(0.0, f64::max);
        self.names = (offsets + 14.0).clamp(48.0, 96.0);
        self.axis.left = (self.names + names + 12.0).clamp(200.0, 312.0);
        self
    }

    /// Whether an entry is the parent of others in this picture.
    fn heads(&self, entry: &Entry) -> bool {
        entry.depth == self.depths[0] && entry.depth < self.depths[1]
    }

    fn indent(&self, entry: &Entry) -> f64 {
        if entry.depth > self.depths[0] { 10.0 } else { 0.0 }
    }

    /// Bold letters are wider.
    fn size(&self, entry: &Entry) -> f64 {
        if self.heads(entry) { 1.15 * TEXT } else { TEXT }
    }

    fn mark_offset(&self, mark: &Mark) -> String {
        offset(self.axis.seconds(mark.at) as i64)
    }

    /// Writes a name for screen readers and the chart as SVG.
    pub fn write(&self, html: &mut String) {
        let ticks = self.axis.ticks();
        let head = if ticks.iter().any(|tick| !tick.lines[2].is_empty()) { 52.0 } else { 37.0 };
        let first_row = head + ROW * self.marks.len() as f64 + if self.marks.is_empty() { 0.0 } else { 6.0 };
        let height = first_row + ROW * self.rows.len() as f64 + 4.0;
        let name = self.name;
        let mark = self.axis.language.mark("sheet");
        let spoken = escaped(&self.axis.language.fill("sheet.timeline", &[("name", name)]));
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<p class=\"timeline-name\"{mark}>{name}</p>\n\
             <div class=\"timeline-scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{spoken}\">\
             <svg role=\"img\"{mark} viewBox=\"0 0 {WIDTH} {0}\" width=\"{WIDTH}\" height=\"{0}\" font-size=\"{TEXT}\">\
             <title>{name}</title><desc>{1}</desc>\n",
            px(height),
            self.description(),
        );
        if let Some((from, to)) = self.band {
            let (from, to) = (self.axis.x(from), self.axis.x(to));
            rect(html, "tl-band", from, to, head, height - head);
        }
        ticks.iter().for_each(|tick| line(html, "tl-grid", [tick.x, head], [tick.x, height]));
        let _ = writeln!(html, "<g text-anchor=\"middle\" font-size=\"{SMALL}\">");
        for tick in &ticks {
            for (index, text) in tick.lines.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
                label(html, if index == 0 { "tl-tick" } else { "tl-soft" }, tick.x, 13.0 + 15.0 * index as f64, text);
            }
        }
        html.push_str("</g>\n");
        if !self.marks.iter().any(|mark| mark.at == self.axis.t0) {
            line(html, "tl-line", [self.axis.x(self.axis.t0), head], [self.axis.x(self.axis.t0), height]);
        }
        for (index, mark) in self.marks.iter().enumerate() {
            self.mark(html, mark, head + ROW * (index as f64 + 0.5), height);
        }
        for (index, row) in self.rows.iter().enumerate() {
            self.row(html, row, first_row + ROW * (index as f64 + 0.5));
        }
        html.push_str("</svg></div>\n");
    }

    fn description(&self) -> String {
        let language = self.axis.language;
        let rows = language.fill("sheet.timeline_rows", &[("count", &self.rows.len().to_string())]);
        let scale = language.text(if self.axis.linear { "sheet.linear" } else { "sheet.logarithmic" });
        escaped(&format!("{rows} {scale} {}", language.text("sheet.table_below")))
    }

    fn mark(&self, html: &mut String, mark: &Mark, y: f64, height: f64) {
        let x = self.axis.x(mark.at);
        label(html, "tl-soft", 1.0, y + 4.5, &self.mark_offset(mark));
        label(html, if mark.rollback { "tl-down" } else { "tl-name" }, self.names, y + 4.5, mark.name);
        line(html, "tl-grid", [self.axis.left, y], [x, y]);
        let class = if mark.rollback { "tl-line tl-down" } else { "tl-line" };
        let (x, y, height) = (px(x), px(y), px(height));
        let _ = writeln!(
            html,
            "<path class=\"{class}\" stroke-width=\"1.5\" stroke-dasharray=\"{}\" d=\"M{x} {y}L{x} {height}\"/>",
            mark.dashes
        );
        let _ = writeln!(html, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\"/>");
    }

    fn row(&self, html: &mut String, row: &Row, y: f64) {
        let entry = row.entry;
        let (x, from) = (self.names + self.indent(entry), self.axis.x(&entry.start));
        label(html, "tl-soft", 1.0, y + 4.5, &cut(&entry.offset, self.names - 8.0, SMALL));
        let title = cut(&name(entry, self.axis.language), self.axis.left - x - 10.0, self.size(entry));
        label(html, if self.heads(entry) { "tl-head" } else { "tl-name" }, x, y + 4.5, &title);
        line(html, "tl-grid", [self.axis.left, y], [from, y]);
        if end(entry).is_none() && *row.last > entry.start {
            line(html, "tl-open", [from, y], [self.axis.x(row.last), y]);
        }
        self.shape(html, entry, y);
        for gate in &row.gates {
            diamond(html, self.axis.x(&gate.start), y);
        }
    }

    fn shape(&self, html: &mut String, entry: &Entry, y: f64) {
        let from = self.axis.x(&entry.start);
        let to = end(entry).map(|end| self.axis.x(end));
        match (entry.kind, to) {
            (Kind::Gate, to) => {
                to.into_iter().for_each(|to| rect(html, "tl-phase", from, to, y - 2.0, 4.0));
                diamond(html, from, y);
            }
            (Kind::Deadline, _) => {
                let _ = writeln!(html, "<path class=\"tl-gate\" d=\"M{} {}h12l-6 10z\"/>", px(from - 6.0), px(y - 5.0));
            }
            (Kind::Recurring, Some(to)) => line(html, "tl-open", [from, y], [to, y]),
            (_, Some(to)) if self.heads(entry) => rect(html, "tl-phase", from, to, y - 3.0, 6.0),
            (_, Some(to)) => rect(html, "tl-bar", from, to, y - 6.0, 12.0),
            (_, None) => {
                let _ = writeln!(html, "<circle class=\"tl-bar\" cx=\"{}\" cy=\"{}\" r=\"4.5\"/>", px(from), px(y));
            }
        }
        if end(entry).is_some_and(|end| self.axis.seconds(end) > self.axis.to) {
            let _ = writeln!(html, "<path class=\"tl-phase\" d=\"M{} {}l8 8-8 8z\"/>", px(EDGE - 7.0), px(y - 8.0));
        }
    }
}

fn diamond(html: &mut String, x: f64, y: f64) {
    let _ = writeln!(html, "<path class=\"tl-gate\" d=\"M{} {}l7 7-7 7-7-7z\"/>", px(x), px(y - 7.0));
}

/// A bar; a short one stays visible.
fn rect(html: &mut String, class: &str, from: f64, to: f64, y: f64, height: f64) {
    let (x, width) = (px(from), px((to - from).max(3.0)));
    let _ = writeln!(html, "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{}\"/>", px(y), px(height));
}

fn line(html: &mut String, class: &str, from: [f64; 2], to: [f64; 2]) {
    let [x1, y1, x2, y2] = [from[0], from[1], to[0], to[1]].map(px);
    let _ = writeln!(html, "<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>");
}

fn label(html: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let _ = write!(html, "<text class=\"{class}\" x=\"{}\" y=\"{}\">", px(x), px(y));
    escape(&one_line(text), html);
    html.push_str("</text>\n");
}

/// A number with at most one decimal, so that the output does not depend on the last bits of a logarithm.
fn px(number: f64) -> String {
    format!("{}", (number * 10.0).round() / 10.0 + 0.0)
}

/// The text if it fits the width at a font size, otherwise its beginning with `…`.
fn cut(text: &str, width: f64, size: f64) -> String {
    if self::width(text, size) <= width {
        return text.to_owned();
    }
    let mut left = width - size;
    let fits = |c: &char| {
        left -= size * ems(*c);
        left >= 0.0
    };
    let start: String = text.chars().take_while(fits).collect();
    format!("{}…", start.trim_end())
}

fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| size * ems(c)).sum()
}

/// The maximum width of a letter in the sans-serif typefaces of browsers.
fn ems(c: char) -> f64 {
    match c {
        c if is_bidi_control(c) => 6.0,
        'i' | 'j' | 'l' | 'I' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.33,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '/' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.98,
        '+' | '=' | '<' | '>' | '~' => 0.84,
        'A'..='Z' => 0.73,
        c if c < '\u{250}' => 0.62,
        c if c < '\u{1100}' => 0.75,
        c if c < '\u{1F000}' => 1.0,
        _ => 1.4,
    }
}
