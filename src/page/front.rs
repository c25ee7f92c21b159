//! Front matter: the table at the top of a Markdown file, in YAML between `---` or in TOML between `+++`.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::data::{self, Reader, Spanned, Table};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language;
use crate::rule;
use crate::schedule::{Clock, ClockError, Length, Unit, years};
use crate::source::{RelPath, Span};

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary page, even if it looks like a run sheet.
    Page,
    /// A run sheet: offsets in headings, tasks, blanks.
    RunSheet,
    /// A file of notices, each begun by a `##`.
    Notices,
    /// A file that is one notice.
    Notice,
}

/// Kinds by name; a run sheet used to be called a checklist, and that name will always work.
const KINDS: [(&str, Kind); 5] = [
    ("page", Kind::Page),
    ("run-sheet", Kind::RunSheet),
    ("notices", Kind::Notices),
    ("notice", Kind::Notice),
    ("checklist", Kind::RunSheet),
];

/// How a notice is shown on the site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Publish {
    /// With sample values, and labelled as a template.
    #[default]
    Template,
    /// As a public notice with its event's values.
    Sent,
    Never,
}

/// The content of a page's front matter.
#[derive(Clone, Debug, Default)]
pub struct Front {
    pub title: Option<String>,
    pub description: Option<String>,
    /// The language of the page, if it is not that of the site.
    pub lang: Option<String>,
    /// Absent: detected from the page.
    pub kind: Option<Kind>,
    pub event: Option<Spanned<String>>,
    /// The unit of offsets without one.
    pub offset_unit: Option<Unit>,
    /// The position among neighbouring pages; smaller comes first.
    pub weight: i64,
    /// A draft never appears in the output.
    pub draft: bool,
    /// `false` hides the page from the sidebar.
    pub nav: Option<bool>,
    pub publish: Publish,
    /// Whether variables and statements are evaluated in the page's text.
    pub template: bool,
    pub owner: Option<String>,
    pub reviewed: Option<Date>,
    pub review_every: Option<Length>,
    /// When its notices were sent.
    pub date: Option<Timestamp>,
    /// Old addresses of the page, as written.
    pub aliases: Vec<Spanned<String>>,
}

impl Front {
    /// The day on which the next review is due.
    pub fn review_due(&self) -> Option<Date> {
        self.review_due_or_fault().ok()?
    }

    /// The same; an error if the day is out of range.
    fn review_due_or_fault(&self) -> Result<Option<Date>, ClockError> {
        let (Some(reviewed), Some(every)) = (self.reviewed, &self.review_every) else { return Ok(None) };
        let clock = Clock::new(&format!("{reviewed}T00:00"), Some("UTC"), &[])?;
        Ok(Some(clock.after(clock.t0(), every)?.date()))
    }

    /// The day on which the review was due, if that day has passed.
    pub fn overdue_since(&self, now: Timestamp) -> Option<Date> {
        self.review_due().filter(|due| now.to_zoned(TimeZone::UTC).date() > *due)
    }
}

/// Splits a file into its front matter and the place where the Markdown begins.
pub fn read(text: &str, path: &RelPath, diagnostics: &mut Diagnostics) -> (Front, usize) {
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let Some((fence, table_start)) = opening(text, start) else {
        let first = text.len() - text[start..].trim_start().len();
        if opening(text, first).is_some_and(|(fence, table)| fence == "+++" || begins_with_key(&text[table..])) {
            let diagnostic = Diagnostic::new(rule::FRONT_MATTER, "the front matter does not begin on the first line");
            diagnostics.push(diagnostic.at(path, first..first + 3).help("remove the empty lines before it"));
        }
        return (Front::default(), start);
    };
    let Some((table_end, body)) = closing(text, table_start, fence) else {
        // A page may also begin with a rule, which is a line of dashes.
        if fence == "+++" || begins_with_key(&text[table_start..]) {
            let message = format!("the front matter opened with `{fence}` is never closed");
            let diagnostic = Diagnostic::new(rule::FRONT_MATTER, message).at(path, start..start + 3);
            diagnostics.push(diagnostic.help(format!("close it with a line `{fence}`")));
        }
        return (Front::default(), start);
    };
    let inner = &text[table_start..table_end];
    let table = match fence {
        "+++" => data::toml(inner, path, table_start, data::FRONT_MATTER, diagnostics),
        _ => data::yaml(inner, path, table_start, diagnostics),
    };
    (read_table(&table, path, start..start + 3, diagnostics), body)
}

/// Whether a text begins with a front matter key in YAML form.
fn begins_with_key(text: &str) -> bool {
    text.split_once(':').is_some_and(|(key, _)| KEYS.contains(&key.trim_start()))
}

fn opening(text: &str, start: usize) -> Option<(&'static str, usize)> {
    let line_end = text[start..].find('\n').map(|newline| start + newline + 1)?;
    match text[start..line_end].trim_end() {
        "---" => Some(("---", line_end)),
        "+++" => Some(("+++", line_end)),
        _ => None,
    }
}

/// The end of the table, and the beginning of the line after the closing fence.
fn closing(text: &str, start: usize, fence: &str) -> Option<(usize, usize)> {
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim_end() == fence {
            return Some((at, at + line.len()));
        }
        at += line.len();
    }
    None
}

/// Every front matter key.
const KEYS: [&str; 16] = [
    "title",
    "description",
    "lang",
    "kind",
    "event",
    "offset_unit",
    "weight",
    "draft",
    "nav",
    "publish",
    "template",
    "owner",
    "reviewed",
    "review_every",
    "date",
    "aliases",
];

fn read_table(table: &Table, path: &RelPath, span: Span, diagnostics: &mut Diagnostics) -> Front {
    let mut reader = Reader::new("the front matter", path, table, span, data::FRONT_MATTER);
    let front = Front {
        title: reader.text("title").map(|text| text.value),
        description: reader.text("description").map(|text| text.value),
        lang: reader.parsed("lang", language::parse),
        kind: reader.choice("kind", &KINDS),
        event: reader.text("event"),
        offset_unit: reader.choice("offset_unit", &[("min", Unit::Minutes), ("m", Unit::Minutes), ("h", Unit::Hours), ("d", Unit::Days)]),
        weight: reader.integer("weight").map_or(0, |number| number.value),
        draft: reader.bool("draft").unwrap_or(false),
        nav: reader.bool("nav"),
        publish: reader
            .choice("publish", &[("template", Publish::Template), ("sent", Publish::Sent), ("never", Publish::Never)])
            .unwrap_or_default(),
        template: reader.bool("template").unwrap_or(false),
        owner: reader.text("owner").map(|text| text.value),
        reviewed: read_date(&mut reader),
        review_every: reader.parsed("review_every", |text| Length::parse(text).map_err(|error| (error.message().to_owned(), error.help()))),
        date: read_moment(&mut reader),
        aliases: reader.texts("aliases"),
    };
    if let Err(error) = front.review_due_or_fault()
        && let Some(span) = reader.node("review_every").map(|node| node.span.clone())
    {
        reader.reject(&span, error.message(), error.help());
    }
    diagnostics.extend(reader.finish());
    front
}

fn read_date(reader: &mut Reader) -> Option<Date> {
    let text = reader.moment("reviewed")?;
    match years::day(&text.value) {
        Ok(day) => Some(day),
        Err((message, help)) => {
            reader.reject(&text.span, message, help);
            None
        }
    }
}

/// A day, which begins in UTC, or a moment with an offset.
fn read_moment(reader: &mut Reader) -> Option<Timestamp> {
    let text = reader.moment("date")?;
    let day = text.value.parse::<Date>().ok().filter(|_| !text.value.contains(['T', ':', ' ']));
    let moment = match day {
        Some(day) => day.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp()),
        None => text.value.parse().ok(),
    };
    let (message, help) = match moment {
        Some(moment) if years::hold(moment) => return Some(moment),
        Some(_) => (format!("the time is out of range: {}", text.value), years::HELP),
        None => {
            (format!("`{}` is neither a date nor a time with its offset", text.value), "write it as `2026-11-22` or `2026-11-22T09:00:00Z`")
        }
    };
    reader.reject(&text.span, message, Some(help.to_owned()));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, title: Option<&str>, body: &str) {
        let mut diagnostics = Diagnostics::default();
        let (front, start) = read(text, &RelPath::new("a.md").unwrap(), &mut diagnostics);
        assert_eq!(front.title.as_deref(), title, "{text:?}");
        assert_eq!(&text[start..], body, "{text:?}");
    }

    #[test]
    fn a_run_sheet_has_two_names() {
        for name in ["run-sheet", "checklist"] {
            let mut diagnostics = Diagnostics::default();
            let (front, _) = read(&format!("---\nkind: {name}\n---\n"), &RelPath::new("a.md").unwrap(), &mut diagnostics);
            assert_eq!((front.kind, diagnostics.is_empty()), (Some(Kind::RunSheet), true), "{name}");
        }
    }

    #[test]
    fn both_forms_are_read() {
        check("---\ntitle: A\n---\nbody", Some("A"), "body");
        check("+++\ntitle = \"A\"\n+++\nbody", Some("A"), "body");
        check("\u{feff}---\r\ntitle: A\r\n---\r\nbody", Some("A"), "body");
        check("# Heading\n", None, "# Heading\n");
        check("---\n\nA rule, no front matter\n", None, "---\n\nA rule, no front matter\n");
        check("", None, "");
    }

    #[test]
    fn front_matter_that_is_none_is_told_from_a_rule() {
        let check = |text: &str, expected: &[&str]| {
            let mut diagnostics = Diagnostics::default();
            read(text, &RelPath::new("a.md").unwrap(), &mut diagnostics);
            assert_eq!(diagnostics.iter().map(|diagnostic| diagnostic.rule.code).collect::<Vec<_>>(), expected, "{text:?}");
        };
        for text in
            ["---\ndraft: true\n\n# Secret\n", "---\ntitle: A\n...\nbody", "\n---\ntitle: A\n---\nbody", "+++\nx", "\n+++\nx\n+++\n"]
        {
            check(text, &["front-matter"]);
        }
        for text in ["---\nNote: this\n", "---\n\nA rule\n", "\n---\nA rule\n", "text\n\n---\ntitle: A\n", "---"] {
            check(text, &[]);
        }
    }

    #[test]
    fn the_keys_that_are_looked_for_are_keys() {
        for key in KEYS {
            let mut diagnostics = Diagnostics::default();
            read(&format!("---\n{key}: []\n---\n"), &RelPath::new("a.md").unwrap(), &mut diagnostics);
            assert!(diagnostics.iter().all(|diagnostic| diagnostic.rule.code != "unknown-key"), "{key}");
        }
    }
}
