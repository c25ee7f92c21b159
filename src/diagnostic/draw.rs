//! Output forms of diagnostics: drawn, on one line, as JSON, as GitHub annotations, as SARIF.

use std::collections::BTreeMap;
use std::fmt::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::json;

use super::{Diagnostic, Diagnostics, Place, Related};
use crate::rule::{Rule, Severity};
use crate::source::{FILE_NAME, Lines, RelPath, Span, boundary};
use crate::text::address::encode_path;
use crate::text::visible;

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum MessageFormat {
    /// With the source line
    #[default]
    Text,
    /// One line each: file:line:column: severity[code]: message
    Short,
    /// One JSON object per line, on standard output
    Json,
    /// GitHub Actions annotations
    Github,
    /// One SARIF 2.1.0 document, on standard output
    Sarif,
}

/// A diagnostic whose places are lines and columns.
struct Located<'a> {
    diagnostic: &'a Diagnostic,
    spot: Spot<'a>,
    related: Vec<(&'a Related, Spot<'a>)>,
}

/// A place in a text that the run may have in memory.
struct Spot<'a> {
    path: Option<&'a RelPath>,
    place: &'a Place,
    source: Option<&'a str>,
    /// Line and column, from 1.
    line: Option<(usize, usize)>,
}

/// Writes diagnostics in a form. `text_of` returns the text of a source, if the run has it in memory.
pub fn draw<'a>(
    diagnostics: &'a Diagnostics,
    text_of: impl Fn(&RelPath) -> Option<&'a str>,
    format: MessageFormat,
    folder: &str,
    color: bool,
) -> String {
    let mut lines: BTreeMap<&RelPath, Lines> = BTreeMap::new();
    let mut spot = |path: Option<&'a RelPath>, place: &'a Place| {
        let source = path.and_then(&text_of);
        let line = match (place, source) {
            (Place::Span(span), Some(text)) => {
                path.map(|path| lines.entry(path).or_insert_with(|| Lines::new(text)).line_column(span.start))
            }
            (Place::Line(line, column), _) => Some((*line, *column)),
            _ => None,
        };
        Spot { path, place, source, line }
    };
    let located: Vec<Located> = diagnostics
        .iter()
        .map(|diagnostic| Located {
            diagnostic,
            spot: spot(diagnostic.path.as_ref(), &diagnostic.place),
            related: diagnostic.related.iter().map(|related| (related, spot(Some(&related.path), &related.place))).collect(),
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

fn draw_text(one: &Located, color: bool) -> String {
    let diagnostic = one.diagnostic;
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let help = diagnostic.help.as_deref();
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.rule.code);
    let mut group = one.spot.show(Group::with_title(title));
    if diagnostic.path.is_none() {
        // Without a place there is no margin to attach the help to.
        let help = help.map(|help| format!("  = help: {}\n", help.replace('\n', "\n    "))).unwrap_or_default();
        return format!("{}\n{help}\n", renderer.render(&[group]));
    }
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    let mut groups = vec![group];
    for (related, spot) in &one.related {
        groups.push(spot.show(Group::with_title(Level::NOTE.secondary_title(related.message.as_str()))));
    }
    format!("{}\n\n", renderer.render(&groups))
}

impl<'a> Spot<'a> {
    /// Adds the marked line to the drawing, or at least its position.
    fn show(&self, group: Group<'a>) -> Group<'a> {
        match (self.path, self.place, self.source) {
            (Some(path), Place::Span(span), Some(text)) => {
                let span = clamp(text, span);
                let (line, column) = self.line.unwrap_or((1, 1));
                let (shown, is_whole) = shown(text, &span);
                let [before, meant, behind] =
                    [shown.start..span.start, span.clone(), span.end..shown.end].map(|part| printable(&text[part]));
                let annotation = AnnotationKind::Primary.span(before.len()..before.len() + meant.len());
                let snippet = Snippet::source(before + &meant + &behind).line_start(line).annotation(annotation);
                if is_whole {
                    return group.element(snippet.path(visible(path.as_str())));
                }
                group.element(Origin::path(visible(path.as_str())).line(line).char_column(column)).element(snippet)
            }
            (Some(path), Place::Line(line, column), _) => {
                group.element(Origin::path(visible(path.as_str())).line(*line).char_column(*column))
            }
            (Some(path), _, _) => group.element(Origin::path(visible(path.as_str()))),
            (None, _, _) => group,
        }
    }

    /// `file:line:column`, as far as it is known.
    fn text(&self) -> String {
        match (self.path, self.line) {
            (Some(path), Some((line, column))) => format!("{}:{line}:{column}", visible(path.as_str())),
            (Some(path), None) => visible(path.as_str()),
            (None, _) => String::new(),
        }
    }
}

/// Replaces control characters beyond ASCII, each by one character. The drawing library already shows all others as pictures.
fn printable(text: &str) -> String {
    text.replace(|c| matches!(c, '\u{80}'..='\u{9f}'), "\u{FFFD}")
}

/// A span that lies on one line and on character boundaries, so that a caret can be drawn under it.
fn clamp(text: &str, span: &Span) -> Span {
    let start = boundary(text, span.start);
    let end = boundary(text, span.end.max(span.start).min(start + MOST_SHOWN));
    let line_end = text[start..end].find('\n').map_or(end, |newline| start + newline);
    start..line_end
}

/// How many bytes of a line are shown before the marked text, of it, and after it. The rest is not even read: a line may be a whole file.
const MOST_SHOWN: usize = 400;

/// The text shown around a span, and whether that is the whole line.
fn shown(text: &str, span: &Span) -> (Span, bool) {
    let (first, last) = (boundary(text, span.start.saturating_sub(MOST_SHOWN)), boundary(text, span.end + MOST_SHOWN));
    let newline = text[first..span.start].rfind('\n').map(|newline| first + newline + 1);
    let start = newline.unwrap_or(first);
    let end = text[span.end..last].find(['\r', '\n']).map_or(last, |newline| span.end + newline);
    (start..end, newline.is_some() || first == 0)
}

fn draw_short(one: &Located) -> String {
    let Diagnostic { severity, rule, message, .. } = one.diagnostic;
    let place = one.spot.text();
    let place = if place.is_empty() { place } else { format!("{place}: ") };
    format!("{place}{}[{}]: {}\n", severity.word(), rule.code, message)
}

fn as_json(one: &Located) -> serde_json::Value {
    let diagnostic = one.diagnostic;
    let related = one.related.iter().map(|(related, spot)| {
        json!({
            "message": related.message,
            "file": related.path.as_str(),
            "line": spot.line.map(|(line, _)| line),
            "column": spot.line.map(|(_, column)| column),
        })
    });
    json!({
        "severity": diagnostic.severity.word(),
        "code": diagnostic.rule.code,
        "message": diagnostic.message,
        "file": diagnostic.path.as_ref().map(|path| path.as_str()),
        "line": one.spot.line.map(|(line, _)| line),
        "column": one.spot.line.map(|(_, column)| column),
        "help": diagnostic.help,
        "related": related.collect::<Vec<_>>(),
    })
}

/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>
fn draw_github(one: &Located, folder: &str) -> String {
    let diagnostic = one.diagnostic;
    let property = |text: &str| github_data(text).replace(':', "%3A").replace(',', "%2C");
    let mut properties = vec![format!("title={}", property(diagnostic.rule.code))];
    if let Some(path) = &diagnostic.path {
        properties.insert(0, format!("file={}", property(&path.in_repository(folder))));
    }
    if let Some((line, column)) = one.spot.line {
        properties.insert(1, format!("line={line},col={column}"));
    }
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        let _ = write!(message, "\nhelp: {help}");
    }
    for (related, spot) in &one.related {
        let _ = write!(message, "\n{}: {}", spot.text(), related.message);
    }
    let command = if diagnostic.severity == Severity::Note { "notice" } else { diagnostic.severity.word() };
    format!("::{command} {}::{}\n", properties.join(","), github_data(&message))
}

/// Escapes the text after the second `::` of a workflow command.
pub(super) fn github_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// SARIF 2.1.0, OASIS standard. A message about the project as a whole points at its configuration: GitHub rejects results without a place.
fn draw_sarif(located: &[Located], folder: &str) -> String {
    // Only the rules that a result names: all of them would be as long as the manual.
    let rules: BTreeMap<&str, &Rule> = located.iter().map(|one| (one.diagnostic.rule.code, one.diagnostic.rule)).collect();
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(index, code)| (*code, index)).collect();
    let results: Vec<_> = located
        .iter()
        .map(|one| {
            let diagnostic = one.diagnostic;
            let mut message = diagnostic.message.clone();
            if let Some(help) = &diagnostic.help {
                let _ = write!(message, "; help: {help}");
            }
            let mut result = json!({
                "ruleId": diagnostic.rule.code,
                "ruleIndex": index[diagnostic.rule.code],
                "level": diagnostic.severity.word(),
                "message": { "text": message },
                "locations": [sarif_place(&one.spot, folder)],
            });
            if !one.related.is_empty() {
                let related = one.related.iter().enumerate().map(|(id, (related, spot))| {
                    let mut place = sarif_place(spot, folder);
                    place["id"] = json!(id);
                    place["message"] = json!({ "text": related.message });
                    place
                });
                result["relatedLocations"] = related.collect();
            }
            result
        })
        .collect();
    let mut driver = sarif_driver();
    driver["rules"] = rules.values().map(|rule| sarif_rule(rule)).collect();
    sarif_document(json!({ "tool": { "driver": driver }, "results": results }))
}

/// This program, as SARIF names what made a run.
pub(super) fn sarif_driver() -> serde_json::Value {
    json!({ "name": "runsheet", "version": env!("CARGO_PKG_VERSION") })
}

/// A document of one run.
pub(super) fn sarif_document(run: serde_json::Value) -> String {
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    });
    format!("{document}\n")
}

/// A rule as a reportingDescriptor (SARIF 2.1.0, §3.49).
fn sarif_rule(rule: &Rule) -> serde_json::Value {
    let text = rule.plain_text();
    json!({
        "id": rule.code,
        "shortDescription": { "text": rule.title() },
        "help": { "text": text, "markdown": text },
        "defaultConfiguration": { "level": rule.severity.word() },
        "properties": { "tags": [rule.area.folder()], "since": rule.since },
    })
}

/// A place as a location (SARIF 2.1.0, §3.28).
fn sarif_place(spot: &Spot, folder: &str) -> serde_json::Value {
    let path = spot.path.map_or_else(|| format!("{folder}{FILE_NAME}"), |path| path.in_repository(folder));
    let mut physical = json!({ "artifactLocation": { "uri": uri(&path) } });
    if let Some((line, column)) = spot.line {
        physical["region"] = json!({ "startLine": line, "startColumn": column });
    }
    json!({ "physicalLocation": physical })
}

/// A path as a relative reference: `a:b` would otherwise begin with a scheme (RFC 3986 §4.2).
fn uri(path: &str) -> String {
    encode_path(path).replace(':', "%3A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule;

    #[test]
    fn is_drawn_with_its_line() {
        let text = "a = 1\nb = 2\n[mail]\nreplyto = \"y\"\n";
        let path = RelPath::new("runsheet.toml").unwrap();
        let mut diagnostics = Diagnostics::default();
        diagnostics
            .push(Diagnostic::new(rule::UNKNOWN_KEY, "unknown key `replyto` in [mail]").at(&path, 19..26).help("did you mean `reply_to`?"));
        let drawn = draw(&diagnostics, |_| Some(text), MessageFormat::Text, "", false);
        assert!(drawn.contains("error[unknown-key]: unknown key `replyto` in [mail]"), "{drawn}");
        assert!(drawn.contains("--> runsheet.toml:4:1"), "{drawn}");
        assert!(drawn.contains("did you mean `reply_to`?"), "{drawn}");
        let short = draw(&diagnostics, |_| Some(text), MessageFormat::Short, "", false);
        assert_eq!(short, "runsheet.toml:4:1: error[unknown-key]: unknown key `replyto` in [mail]\n");
        let github = draw(&diagnostics, |_| Some(text), MessageFormat::Github, "", false);
        assert!(github.starts_with("::error file=runsheet.toml,line=4,col=1,title=unknown-key::"), "{github}");
    }

    /// Viewers of JSON undo its escapes and show the characters, so they must be replaced.
    #[test]
    fn what_acts_on_a_screen_is_shown_in_every_form() {
        let path = RelPath::new("content/a\u{202e}.md").unwrap();
        let odd = "\u{9b}a\u{1b}[31m\u{202e}b\u{9b}";
        let mut diagnostics = Diagnostics::default();
        let diagnostic = Diagnostic::new(rule::UNKNOWN_KEY, format!("unknown {odd}")).at(&path, 2..3).help(format!("did you mean {odd}?"));
        diagnostics.push(diagnostic.related(&path, Place::Line(1, 1), format!("{odd} is here")));
        for format in [MessageFormat::Text, MessageFormat::Short, MessageFormat::Json, MessageFormat::Github, MessageFormat::Sarif] {
            let drawn = draw(&diagnostics, |_| Some(odd), format, "", false);
            let texts = match format {
                MessageFormat::Json | MessageFormat::Sarif => {
                    let value: serde_json::Value = serde_json::from_str(&drawn).unwrap();
                    // The name of a file must stay as it is.
                    let message = if format == MessageFormat::Json { &value } else { &value["runs"][0]["results"][0]["message"] };
                    message.to_string().replace(&json!(path.as_str()).to_string(), "")
                }
                MessageFormat::Github => {
                    drawn.lines().map(|line| line.split_once("::error ").unwrap().1.split_once("::").unwrap().1).collect()
                }
                _ => drawn,
            };
            assert!(!texts.contains(['\u{1b}', '\u{202e}', '\u{9b}']) && !texts.contains("\\u001b"), "{format:?}: {texts:?}");
            assert!(texts.contains("⟦U+009B⟧a⟦U+001B⟧[31m⟦U+202E⟧b⟦U+009B⟧"), "{format:?}: {texts}");
            if format == MessageFormat::Text {
                assert!(texts.contains(":1:2\n") && texts.contains("1 | �a␛[31m�b�\n  |  ^\n"), "the line with its caret: {texts}");
            }
        }
    }
}
