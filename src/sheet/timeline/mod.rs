//! The timeline of a run sheet: pictures of the plan, and a table with the same content.
//!
//! A plan lasts weeks and its night two hours, so no single scale shows both. "The whole plan" has a row for each phase and
//! a scale that is logarithmic on both sides of T-0; "The window" has a row for each step and a linear scale. Names and
//! marks have their own columns beside the chart, so that labels never overlap, whatever the times.

mod axis;
mod picture;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use jiff::Zoned;

use self::axis::offset;
use crate::language::Language;
use crate::text::html::{escape, escaped};

/// A bar or mark of the timeline.
#[derive(Clone, Debug)]
pub struct Entry {
    pub title: String,
    /// The anchor of its heading.
    pub anchor: String,
    /// When it begins, as written: `T+20m`.
    pub offset: String,
    /// When it ends, if that is written: `T+2h`.
    pub end_offset: Option<String>,
    pub start: Zoned,
    pub end: Option<Zoned>,
    pub kind: Kind,
    /// Its depth: 0 is a phase, 1 a step within one.
    pub depth: u8,
    pub owner: Option<String>,
    /// The number of its rounds, if it recurs.
    pub rounds: usize,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Phase,
    Step,
    Gate,
    Deadline,
    Recurring,
}

/// The instants drawn as lines through all rows.
#[derive(Clone, Debug)]
pub struct Marks {
    pub t0: Zoned,
    pub window_end: Option<Zoned>,
    pub no_return: Option<Zoned>,
    pub rollback_by: Option<Zoned>,
    /// The language of names and dates.
    pub language: Language,
}

/// The timeline as HTML: a `<figure>` with one or two pictures and a table; empty if there is no entry.
pub fn html(entries: &[Entry], marks: &Marks) -> String {
    let mut html = String::new();
    if entries.is_empty() {
        return html;
    }
    html.push_str("<figure class=\"timeline\">\n");
    caption(&mut html, entries, marks);
    for picture in picture::pictures(entries, marks) {
        picture.write(&mut html);
    }
    table(&mut html, entries, marks);
    html.push_str("</figure>\n");
    html
}

/// A mark with its name and its line.
#[derive(Clone, Copy)]
struct Mark<'a> {
    /// The name of its name among the words.
    key: &'static str,
    name: &'a str,
    dashes: &'static str,
    /// Whether it is about the way back.
    rollback: bool,
    at: &'a Zoned,
}

impl Marks {
    /// Those that are known, by time.
    fn list(&self) -> Vec<Mark<'_>> {
        let mark =
            |key: &'static str, dashes, rollback, at| Mark { key, name: self.language.text(&format!("sheet.{key}")), dashes, rollback, at };
        let start = if self.window_end.is_some() { "window_start" } else { "start" };
        let mut list = vec![mark(start, "none", false, &self.t0)];
        list.extend(self.no_return.as_ref().map(|at| mark("no_return", "none", true, at)));
        list.extend(self.rollback_by.as_ref().map(|at| mark("rollback_by", "6 4", true, at)));
        list.extend(self.window_end.as_ref().map(|at| mark("window_end", "2 4", false, at)));
        list.sort_by_key(|mark| mark.at.timestamp());
        list
    }
}

/// The end of an entry, or its start if it has none.
fn last(entry: &Entry) -> &Zoned {
    end(entry).unwrap_or(&entry.start)
}

/// The end of an entry that has a length.
fn end(entry: &Entry) -> Option<&Zoned> {
    entry.end.as_ref().filter(|end| **end > entry.start)
}

/// The title on one line, with the number of its rounds.
fn name(entry: &Entry, language: &Language) -> String {
    let title = one_line(&entry.title);
    match entry.rounds {
        0 => title,
        1 => language.fill("sheet.one_round", &[("title", &title)]),
        rounds => language.fill("sheet.many_rounds", &[("title", &title), ("count", &rounds.to_string())]),
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn is_dot(entry: &Entry) -> bool {
    end(entry).is_none() && !matches!(entry.kind, Kind::Gate | Kind::Deadline)
}

/// What the shapes mean, and whose clock it is.
fn caption(html: &mut String, entries: &[Entry], marks: &Marks) {
    let has = |kind: Kind| entries.iter().any(|entry| entry.kind == kind);
    html.push_str("<figcaption>");
    let language = &marks.language;
    let shapes = [
        (has(Kind::Gate), "sheet.gate_shape"),
        (has(Kind::Deadline), "sheet.deadline_shape"),
        (entries.iter().any(is_dot), "sheet.dot_shape"),
        (has(Kind::Recurring), "sheet.rounds_shape"),
    ];
    for (_, key) in shapes.into_iter().filter(|(is_used, _)| *is_used) {
        html.push_str(&language.html(key));
        html.push(' ');
    }
    let mut t0 = String::new();
    language.time(&marks.t0, &language.long(&marks.t0), &mut t0);
    let zone = escaped(marks.t0.time_zone().iana_name().unwrap_or(language.text("sheet.that_zone")));
    html.push_str(&language.fill_html("sheet.clock", &[("time", &t0), ("zone", &zone)]));
    html.push_str("</figcaption>\n");
}

/// All entries and marks by time.
fn table(html: &mut String, entries: &[Entry], marks: &Marks) {
    let language = &marks.language;
    let words = |key: &str| language.html(&format!("sheet.{key}"));
    let label = escaped(language.text("sheet.timeline_table"));
    let columns = ["offset", "start", "end", "what", "kind", "owner"].map(|key| format!("<th scope=\"col\">{}</th>", words(key)));
    let _ = write!(
        html,
        "<details class=\"timeline-table\"><summary>{}</summary>\n\
         <div class=\"table-scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\"><table>\n\
         <caption>{}</caption>\n<thead><tr>{}</tr></thead>\n<tbody>\n",
        words("as_table"),
        words("plan_by_time"),
        columns.concat(),
    );
    let mut rows: Vec<(&Zoned, String)> = Vec::new();
    for mark in marks.list() {
        let distance = offset(mark.at.timestamp().duration_since(marks.t0.timestamp()).as_secs());
        let mut row = format!("<tr><td>{distance}</td><td>");
        language.time(mark.at, &language.long(mark.at), &mut row);
        let _ = writeln!(row, "</td><td></td><td>{}</td><td>{}</td><td></td></tr>", words(mark.key), words("mark"));
        rows.push((mark.at, row));
    }
    rows.extend(entries.iter().map(|entry| (&entry.start, entry_row(entry, language))));
    rows.sort_by_key(|(at, _)| at.timestamp());
    rows.iter().for_each(|(_, row)| html.push_str(row));
    html.push_str("</tbody>\n</table></div></details>\n");
}

fn entry_row(entry: &Entry, language: &Language) -> String {
    let mut row = "<tr><td>".to_owned();
    let mut offset = escaped(&one_line(&entry.offset));
    if let Some(written) = &entry.end_offset {
        let end = escaped(&one_line(written));
        offset = language.fill_html("sheet.to", &[("start", &offset), ("end", &end)]);
    }
    row.push_str(&offset);
    row.push_str("</td><td>");
    language.time(&entry.start, &language.long(&entry.start), &mut row);
    row.push_str("</td><td>");
    entry.end.iter().for_each(|end| language.time(end, &language.long(end), &mut row));
    row.push_str("</td><td><a href=\"#");
    escape(&one_line(&entry.anchor), &mut row);
    row.push_str("\">");
    escape(&name(entry, language), &mut row);
    let kind = match entry.kind {
        Kind::Phase => "sheet.phase",
        Kind::Step => "sheet.step",
        Kind::Gate => "sheet.gate",
        Kind::Deadline => "sheet.deadline",
        Kind::Recurring => "sheet.recurring",
    };
    let kind = language.html(kind);
    let _ = write!(row, "</a></td><td>{kind}</td><td>");
    escape(&one_line(entry.owner.as_deref().unwrap_or_default()), &mut row);
    row.push_str("</td></tr>\n");
    row
}
