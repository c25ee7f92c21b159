//! What a run has to say about the user's files: collected, ordered by place, drawn in five forms.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::json;

use crate::config::FILE_NAME;
pub use crate::near::{nearest, suggest};
use crate::page::link::encode_path;
use crate::source::{RelPath, Span, line_column};

/// How bad it is. Errors stop a build; warnings do so with `--deny-warnings`; notes never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// Where in its file a diagnostic points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A range of bytes of a source that the run holds.
    Span(Span),
    /// Line and column, from 1, of a file that is read as a stream.
    Line(usize, usize),
}

/// One remark about a user's file, with a stable code and, where there is one, the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable name, such as `broken-link`; each has an entry in the reference.
    pub code: &'static str,
    pub message: String,
    pub path: Option<RelPath>,
    pub place: Place,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, code, message: message.into(), path: None, place: Place::File, help: None }
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    pub fn note(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Note, ..Diagnostic::error(code, message) }
    }

    /// Points it at a range of a source.
    pub fn at(mut self, path: &RelPath, span: Span) -> Diagnostic {
        self.path = Some(path.clone());
        self.place = Place::Span(span);
        self
    }

    /// Points it at a line and a column of a streamed file.
    pub fn at_line(mut self, path: &RelPath, line: usize, column: usize) -> Diagnostic {
        self.path = Some(path.clone());
        self.place = Place::Line(line, column);
        self
    }

    /// Points it at a file as a whole.
    pub fn in_file(mut self, path: &RelPath) -> Diagnostic {
        self.path = Some(path.clone());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    pub fn maybe_help(mut self, help: Option<String>) -> Diagnostic {
        self.help = help.or(self.help);
        self
    }

    /// The line of a streamed file.
    pub fn line(&self) -> Option<u64> {
        if let Place::Line(line, _) = self.place { u64::try_from(line).ok() } else { None }
    }

    fn order(&self) -> (&str, usize, usize, &str) {
        let path = self.path.as_ref().map_or("", |path| path.as_str());
        match &self.place {
            Place::File => (path, 0, 0, self.code),
            Place::Span(span) => (path, span.start, span.end, self.code),
            Place::Line(line, column) => (path, *line, *column, self.code),
        }
    }
}

/// All remarks of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    pub fn extend(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(other);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// The same without notes.
    pub fn without_notes(&self) -> Diagnostics {
        Diagnostics(self.0.iter().filter(|diagnostic| diagnostic.severity != Severity::Note).cloned().collect())
    }

    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// The same remarks with the levels of `[check]` applied, ordered by file and place, none twice.
    ///
    /// What `stops_merge` is judged first: no level changes it.
    pub fn settle(
        mut self,
        levels: &BTreeMap<String, CheckLevel>,
        deny_warnings: bool,
        stops_merge: impl Fn(&Diagnostic) -> bool,
    ) -> Diagnostics {
        self.0.retain_mut(|diagnostic| {
            match levels.get(diagnostic.code) {
                Some(_) if stops_merge(diagnostic) => {}
                Some(CheckLevel::Off) => return false,
                Some(CheckLevel::Warn) => diagnostic.severity = Severity::Warning,
                Some(CheckLevel::Error) => diagnostic.severity = Severity::Error,
                None => {}
            }
            if deny_warnings && diagnostic.severity == Severity::Warning {
                diagnostic.severity = Severity::Error;
            }
            true
        });
        self.0.sort_by(|a, b| a.order().cmp(&b.order()));
        self.0.dedup();
        self
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A level that `[check] level` gives to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckLevel {
    Error,
    Warn,
    Off,
}

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum MessageFormat {
    /// Drawn with the line that is meant
    #[default]
    Text,
    /// One line each: file:line:column: severity[code]: message
    Short,
    /// One JSON object a line, on standard output
    Json,
    /// Annotations of GitHub Actions
    Github,
    /// One SARIF 2.1.0 document, on standard output
    Sarif,
}

/// A diagnostic with its line and column worked out.
struct Located<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<&'a str>,
    line: Option<(usize, usize)>,
}

/// Writes diagnostics in a form. `text_of` gives the text of a source, if the run holds it.
pub fn draw<'a>(
    diagnostics: &'a Diagnostics,
    text_of: impl Fn(&RelPath) -> Option<&'a str>,
    format: MessageFormat,
    folder: &str,
    color: bool,
) -> String {
    let mut lines = Lines::default();
    let located: Vec<Located> = diagnostics
        .iter()
        .map(|diagnostic| {
            let source = diagnostic.path.as_ref().and_then(&text_of);
            let line = match (&diagnostic.place, source) {
                (Place::Span(span), Some(text)) => Some(lines.line_column(text, span.start)),
                (Place::Line(line, column), _) => Some((*line, *column)),
                _ => None,
            };
            Located { diagnostic, source, line }
        })
        .collect();
    match format {
        MessageFormat::Text => located.iter().map(|one| draw_text(one, color)).collect(),
        MessageFormat::Short => located.iter().map(draw_short).collect(),
        MessageFormat::Json => located.iter().map(|one| format!("{}\n", as_json(one))).collect(),
        MessageFormat::Github => located.iter().map(|one| draw_github(one, folder)).collect(),
        MessageFormat::Sarif => draw_sarif(&located, folder),
    }
}

/// Counts lines on from the last place that was asked for: remarks come in the order of their file.
#[derive(Default)]
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn line_column(&mut self, text: &'a str, offset: usize) -> (usize, usize) {
        let start = text.get(..offset.min(text.len())).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        if !std::ptr::eq(self.text, text) || self.at > start {
            *self = Lines { text, at: 0, line: 1 };
        }
        self.line += text.as_bytes()[self.at..start].iter().filter(|byte| **byte == b'\n').count();
        self.at = start;
        let (_, column) = line_column(&text[start..], offset.saturating_sub(start));
        (self.line, column)
    }
}

fn draw_text(one: &Located, color: bool) -> String {
    let diagnostic = one.diagnostic;
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let message = visible(&diagnostic.message);
    let help = diagnostic.help.as_deref().map(visible);
    let title = level.primary_title(message.as_str()).id(diagnostic.code);
    let mut group = Group::with_title(title);
    match (&diagnostic.path, &diagnostic.place, one.source) {
        (Some(path), Place::Span(span), Some(text)) => {
            // Only the line that is meant is handed over, so that a long file costs no more than a short one.
            let span = clamp(text, span);
            let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
            let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline);
            let annotation = AnnotationKind::Primary.span(span.start - start..span.end - start);
            let line = one.line.map_or(1, |(line, _)| line);
            group = group.element(Snippet::source(&text[start..end]).line_start(line).path(path.as_str()).annotation(annotation));
        }
        (Some(path), Place::Line(line, column), _) => {
            let origin = annotate_snippets::Origin::path(path.as_str()).line(*line).char_column(*column);
            group = group.element(origin);
        }
        (Some(path), _, _) => group = group.element(annotate_snippets::Origin::path(path.as_str())),
        (None, _, _) => {}
    }
    if diagnostic.path.is_none() {
        // Without a place there is no margin for the help to hang on.
        let help = help.map(|help| format!("  = help: {}\n", help.replace('\n', "\n    "))).unwrap_or_default();
        return format!("{}\n{help}\n", renderer.render(&[group]));
    }
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    format!("{}\n\n", renderer.render(&[group]))
}

/// A span that lies on one line and on character boundaries, so that a caret can be drawn under it.
fn clamp(text: &str, span: &Span) -> Span {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    let end = boundary(span.end.max(span.start));
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    start..end.clamp(start, line_end)
}

fn place(one: &Located) -> String {
    match (&one.diagnostic.path, one.line) {
        (Some(path), Some((line, column))) => format!("{path}:{line}:{column}: "),
        (Some(path), None) => format!("{path}: "),
        (None, _) => String::new(),
    }
}

fn draw_short(one: &Located) -> String {
    let Diagnostic { severity, code, message, .. } = one.diagnostic;
    format!("{}{}[{code}]: {}\n", place(one), severity.word(), visible(message))
}

fn as_json(one: &Located) -> serde_json::Value {
    let diagnostic = one.diagnostic;
    json!({
        "severity": diagnostic.severity.word(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": diagnostic.path.as_ref().map(|path| path.as_str()),
        "line": one.line.map(|(line, _)| line),
        "column": one.line.map(|(_, column)| column),
        "help": diagnostic.help,
    })
}

/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>
fn draw_github(one: &Located, folder: &str) -> String {
    let diagnostic = one.diagnostic;
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut properties = vec![format!("title={}", property(diagnostic.code))];
    if let Some(path) = &diagnostic.path {
        properties.insert(0, format!("file={}", property(&path.in_repository(folder))));
    }
    if let Some((line, column)) = one.line {
        properties.insert(1, format!("line={line},col={column}"));
    }
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        let _ = write!(message, "\nhelp: {help}");
    }
    let command = if diagnostic.severity == Severity::Note { "notice" } else { diagnostic.severity.word() };
    format!("::{command} {}::{}\n", properties.join(","), data(&message))
}

/// SARIF 2.1.0, OASIS standard. What concerns the project as a whole is said of its configuration: GitHub takes no result without a place.
fn draw_sarif(located: &[Located], folder: &str) -> String {
    let results: Vec<_> = located
        .iter()
        .map(|one| {
            let diagnostic = one.diagnostic;
            let mut message = diagnostic.message.clone();
            if let Some(help) = &diagnostic.help {
                let _ = write!(message, "; help: {help}");
            }
            let mut result = json!({
                "ruleId": diagnostic.code,
                "level": diagnostic.severity.word(),
                "message": { "text": message },
            });
            let path = diagnostic.path.as_ref().map_or_else(|| format!("{folder}{FILE_NAME}"), |path| path.in_repository(folder));
            let mut physical = json!({ "artifactLocation": { "uri": uri(&path) } });
            if let Some((line, column)) = one.line {
                physical["region"] = json!({ "startLine": line, "startColumn": column });
            }
            result["locations"] = json!([{ "physicalLocation": physical }]);
            result
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": { "name": "runsheet", "version": env!("CARGO_PKG_VERSION") } }, "results": results }],
    });
    format!("{document}\n")
}

/// A path as a relative reference: `a:b` would begin with a scheme (RFC 3986 §4.2).
fn uri(path: &str) -> String {
    encode_path(path).replace(':', "%3A")
}

/// The text with control characters made visible, so that a file cannot write to a terminal.
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\n' => vec!['\n'],
            c if c.is_control() || is_bidi_control(c) => format!("⟦U+{:04X}⟧", u32::from(c)).chars().collect(),
            c => vec![c],
        })
        .collect()
}

/// Characters that turn the order of text around (Unicode TR 9).
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// A number with a comma between each three digits: `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts: `1 message`, `2,000 messages`.
pub fn counted(number: impl TryInto<u64>, one: &str, more: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{} {}", thousands(number), if number == 1 { one } else { more })
}

impl FromStr for CheckLevel {
    type Err = ();
    fn from_str(text: &str) -> Result<CheckLevel, ()> {
        match text {
            "error" => Ok(CheckLevel::Error),
            "warn" => Ok(CheckLevel::Warn),
            "off" => Ok(CheckLevel::Off),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_drawn_with_its_line() {
        let text = "a = 1\nb = 2\n[mail]\nreplyto = \"y\"\n";
        let path = RelPath::new("runsheet.toml").unwrap();
        let mut diagnostics = Diagnostics::default();
        diagnostics
            .push(Diagnostic::error("unknown-key", "unknown key `replyto` in [mail]").at(&path, 19..26).help("did you mean `reply_to`?"));
        let drawn = draw(&diagnostics, |_| Some(text), MessageFormat::Text, "", false);
        assert!(drawn.contains("error[unknown-key]: unknown key `replyto` in [mail]"), "{drawn}");
        assert!(drawn.contains("--> runsheet.toml:4:1"), "{drawn}");
        assert!(drawn.contains("did you mean `reply_to`?"), "{drawn}");
        let short = draw(&diagnostics, |_| Some(text), MessageFormat::Short, "", false);
        assert_eq!(short, "runsheet.toml:4:1: error[unknown-key]: unknown key `replyto` in [mail]\n");
        let github = draw(&diagnostics, |_| Some(text), MessageFormat::Github, "", false);
        assert!(github.starts_with("::error file=runsheet.toml,line=4,col=1,title=unknown-key::"), "{github}");
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b"), "a⟦U+001B⟧[31m⟦U+202E⟧b");
    }
}
