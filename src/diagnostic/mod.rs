//! Messages about the user's files, collected and ordered by place.

mod draw;
mod draw_error;

use std::collections::BTreeMap;

use crate::rule::{CheckLevel, Rule, Severity};
use crate::source::{RelPath, Span};
use crate::text::visible;

pub use draw::{MessageFormat, draw};
pub use draw_error::draw_error;

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

/// One message about a user's file, with a stable code and, if possible, help. It may quote a file, so characters that control
/// a screen or reorder text are made visible at once, whatever the output form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The rule that it breaks; the reference has a page about it.
    pub rule: &'static Rule,
    pub message: String,
    pub path: Option<RelPath>,
    pub place: Place,
    pub help: Option<String>,
    /// Related places, such as that of the first of two duplicates.
    pub related: Box<[Related]>,
}

/// A related place of a diagnostic, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    pub path: RelPath,
    pub place: Place,
    pub message: String,
}

impl Diagnostic {
    /// A message for a rule, with the rule's severity.
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: rule.severity,
            rule,
            message: visible(&message.into()),
            path: None,
            place: Place::File,
            help: None,
            related: Box::default(),
        }
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
        self.help = Some(visible(&help.into()));
        self
    }

    pub fn maybe_help(self, help: Option<String>) -> Diagnostic {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Adds a related place, and what is there.
    pub fn related(mut self, path: &RelPath, place: Place, message: impl Into<String>) -> Diagnostic {
        let mut related = self.related.into_vec();
        related.push(Related { path: path.clone(), place, message: visible(&message.into()) });
        self.related = related.into();
        self
    }

    /// Adds the place of the first of two duplicates, if it is known.
    pub fn first(self, path: &RelPath, span: Option<Span>) -> Diagnostic {
        match span {
            Some(span) => self.related(path, Place::Span(span), "first used here"),
            None => self,
        }
    }

    /// The line of a streamed file.
    pub fn line(&self) -> Option<u64> {
        if let Place::Line(line, _) = self.place { u64::try_from(line).ok() } else { None }
    }

    fn order(&self) -> (&str, usize, usize, &str, &str) {
        let path = self.path.as_ref().map_or("", |path| path.as_str());
        let code = self.rule.code;
        match &self.place {
            Place::File => (path, 0, 0, code, &self.message),
            Place::Span(span) => (path, span.start, span.end, code, &self.message),
            Place::Line(line, column) => (path, *line, *column, code, &self.message),
        }
    }
}

/// All messages of a run.
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

    /// The same messages with the levels of `[check]` applied, ordered by file and place, without duplicates.
    ///
    /// What `stops_merge` selects is exempt: no level changes it.
    pub fn settle(
        mut self,
        levels: &BTreeMap<String, CheckLevel>,
        deny_warnings: bool,
        stops_merge: impl Fn(&Diagnostic) -> bool,
    ) -> Diagnostics {
        self.0.retain_mut(|diagnostic| {
            match levels.get(diagnostic.rule.code) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule;

    #[test]
    fn what_is_found_twice_is_said_once() {
        let path = RelPath::new("a.md").expect("a path");
        let mut found = Diagnostics::default();
        for message in ["one", "two", "one", "two"] {
            found.push(Diagnostic::new(rule::BROKEN_LINK, message).at(&path, 3..5));
        }
        let settled = found.settle(&BTreeMap::new(), false, |_| false);
        assert_eq!(settled.iter().map(|diagnostic| &*diagnostic.message).collect::<Vec<_>>(), ["one", "two"]);
    }
}
