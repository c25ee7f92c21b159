//! Fields of a run sheet: choices and blanks.

use std::borrow::Cow;

use pulldown_cmark::{Event, Tag, TagEnd};

use super::blank::{self, Side};
use super::entry::{Blank, ItemKind};
use super::heading::Heading;
use super::html::Writer;
use super::markdown::plain_text;
use super::task;
use crate::diagnostic::Diagnostic;
use crate::rule;

impl Writer<'_, '_, '_> {
    /// Writes a choice if the line up to `end` is one.
    pub(super) fn choice(&mut self, end: usize) -> bool {
        let start = self.at;
        let run = &self.events[start..end.max(start)];
        let is_plain = run.iter().all(|(event, _)| match event {
            Event::Text(_) | Event::Start(Tag::Strong | Tag::Emphasis) | Event::End(TagEnd::Strong | TagEnd::Emphasis) => true,
            Event::InlineHtml(html) => html.starts_with("<!--"),
            _ => false,
        });
        if !is_plain {
            return false;
        }
        let text = plain_text(run);
        let (kept, tail) = task::tail(&text, self.context.roles).map_or((text.as_str(), None), |(kept, tail)| (kept, Some(tail)));
        let Some((name, answers)) = task::choice(kept) else { return false };
        if text.contains(blank::MARK) {
            // It is impossible to know whether `[ ] NO-GO at _____` should be called `NO-GO` or `NO-GO at`.
            let diagnostic = Diagnostic::new(rule::TWO_BOXES, "boxes next to a blank are treated as text, not as a choice");
            self.report(diagnostic.help("put the blank on its own line"), start);
            return false;
        }
        let name = if name.is_empty() { "Decision" } else { name };
        let words = format!("{name} {}", answers.join(" "));
        let kind = ItemKind::Choice(answers.iter().map(|answer| (*answer).to_owned()).collect());
        let explicit = self.explicit_id(end);
        let id = self.add_item(start, kind, words, &explicit, tail.clone().unwrap_or_default());
        self.finds.open.pop();
        self.push(&format!("<fieldset class=\"gate\" data-item=\"{id}\"><legend>"));
        self.push_text(name);
        self.push("</legend>");
        for answer in answers {
            self.push(&format!(" <label><input type=\"radio\" name=\"choice-{id}\" value=\""));
            self.push_text(answer);
            self.push("\"> ");
            self.push_text(answer);
            self.push("</label>");
        }
        if let Some(tail) = tail {
            self.tail(&tail);
        }
        self.push("</fieldset>\n");
        self.at = end;
        true
    }

    /// Writes a field to fill in; its name is the text of the line so far. A comment after it describes it if it `ends` its text.
    pub(super) fn blank(&mut self, at: usize, ends: bool) {
        let comment = self.events.get(at + 1).filter(|_| ends).and_then(|(event, _)| match event {
            Event::InlineHtml(html) => html.strip_prefix("<!--").and_then(|html| html.strip_suffix("-->")).map(str::trim),
            _ => None,
        });
        let note = comment.map(blank::Note::read).unwrap_or_default();
        if let Some(name) = &note.refused {
            let diagnostic = Diagnostic::new(rule::BAD_ID, format!("invalid value name `{name}`"));
            self.report(diagnostic.help("use letters, digits and `_`, and start with a letter: commands use it as `$NAME`"), at);
        }
        let written = label(&self.line, self.finds.headings.last());
        let side = Side::from_label(&written, self.counts_row);
        let (label, source) = self.paired(written, side);
        let kind = match (note.kind, side.is_some() && (source.is_some() || self.may_begin_pair(side, at))) {
            (Some(kind), _) => kind,
            (None, true) => blank::Kind::Integer,
            (None, false) => blank::Kind::from_label(&label, note.var.as_deref()),
        };
        let id = match &note.var {
            Some(name) => self.claim_id(name, at, "rename one of them: otherwise both would share one value"),
            None => self.task_id(&format!("blank {label}")),
        };
        let input = match kind {
            blank::Kind::Text => "",
            blank::Kind::Integer => " inputmode=\"numeric\" data-kind=\"integer\"",
            blank::Kind::Time => " placeholder=\"hh:mm\" data-kind=\"time\"",
            blank::Kind::Ip => " data-kind=\"ip\"",
            blank::Kind::Url => " inputmode=\"url\" data-kind=\"url\"",
        };
        self.push(&format!("<input class=\"blank\" type=\"text\"{input} data-blank=\"{id}\" autocomplete=\"off\" aria-label=\""));
        self.push_text(&label);
        self.push("\">");
        let number = self.finds.blanks.len();
        self.finds.blanks.push(Blank {
            id: id.clone(),
            named: note.var.is_some(),
            kind,
            var: note.var,
            label,
            item: self.finds.open.last().copied(),
            section: self.section(),
            limits: note.limits,
            span: self.span(at),
        });
        if let Some(source) = source {
            let source = self.finds.blanks[source].id.clone();
            self.push(&format!("<output class=\"match\" data-pair=\"{source} {id}\"></output>"));
        }
        self.last_blank = side.map(|side| (number, side)).filter(|_| source.is_none());
        // What follows names the next blank.
        self.line.clear();
    }

    /// The name of a blank, and the number of its partner if it is the second of `source _____ target _____`.
    fn paired(&self, label: String, side: Option<Side>) -> (String, Option<usize>) {
        let Some((with, Side::Source)) = self.last_blank.filter(|_| side == Some(Side::Target)) else { return (label, None) };
        let first = &self.finds.blanks[with].label;
        // The second of `Gateways: source` and `target` is called `Gateways: target`.
        let subject = first.rsplit_once(':').map(|(subject, _)| subject).filter(|_| !label.contains(':') && !self.counts_row);
        let label = subject.map_or(label.clone(), |subject| format!("{subject}: {label}"));
        (label, Some(with))
    }

    /// Whether the other number of a pair follows in the same line or row.
    fn may_begin_pair(&self, side: Option<Side>, at: usize) -> bool {
        if side != Some(Side::Source) {
            return false;
        }
        if self.counts_row {
            return true;
        }
        let rest: String = self.events[at..]
            .iter()
            .take_while(|(event, _)| !matches!(event, Event::End(_)))
            .filter_map(|(event, _)| if let Event::Text(text) = event { Some(&**text) } else { None })
            .flat_map(str::chars)
            .take(FARTHEST)
            .collect();
        let target = rest.to_lowercase().find("target");
        target.is_some_and(|at| rest[at..].contains(blank::MARK))
    }

    /// A box in a table cell, named by its row and column.
    pub(super) fn table_box(&mut self, done: bool) {
        let label = if self.line.is_empty() { "Done".to_owned() } else { self.line.clone() };
        let id = self.add_item(self.at, ItemKind::Task { done }, label.clone(), &None, task::Tail::default());
        self.finds.open.pop();
        if let Some(heading) = self.finds.headings.last_mut() {
            heading.tasks += 1;
        }
        let state = if done { " checked disabled" } else { "" };
        self.push(&format!("<input type=\"checkbox\" id=\"task:{id}\" data-item=\"{id}\"{state} aria-label=\""));
        self.push_text(&label);
        self.push("\">");
    }

    /// Whether code contains a variable that is filled in on the page.
    pub(super) fn holds_value(&self, code: &str) -> bool {
        !self.context.vars.is_empty() && code.match_indices('$').any(|(at, _)| self.value(&code[at + 1..]).is_some())
    }

    /// The page's variable after a `$`, and the length of its name with braces.
    fn value<'c>(&self, after: &'c str) -> Option<(&'c str, usize)> {
        let braced = after.starts_with('{');
        let start = usize::from(braced);
        let length = after[start..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len() - start);
        let name = &after[start..start + length];
        let closes = !braced || after[start + length..].starts_with('}');
        (closes && self.context.vars.contains(name)).then_some((name, start + length + usize::from(braced)))
    }

    /// Writes code in which the page's variables are marked.
    pub(super) fn code_text(&mut self, code: &str) {
        if !self.is_run_sheet() || self.context.vars.is_empty() {
            return self.push_text(code);
        }
        let mut rest = code;
        while let Some(at) = rest.find('$') {
            let after = &rest[at + 1..];
            if let Some((name, whole)) = self.value(after) {
                self.push_text(&rest[..at]);
                self.push(&format!("<var class=\"fill\" data-var=\"{name}\">"));
                self.push_text(&rest[at..at + 1 + whole]);
                self.push("</var>");
                rest = &after[whole..];
            } else {
                self.push_text(&rest[..=at]);
                rest = after;
            }
        }
        self.push_text(rest);
    }
}

/// The name of a blank: the last words before it.
fn label(line: &str, heading: Option<&Heading>) -> String {
    let line = line.trim().trim_start_matches([',', ';']).trim_start_matches("and ").trim_end_matches([':', '(', '=']).trim();
    // A full stop within a name, such as a host name, does not end a sentence.
    let sentence = line.rsplit(". ").find(|part| !part.trim().is_empty()).unwrap_or("");
    let last = sentence.rsplit([';', '?']).find(|part| !part.trim().is_empty()).unwrap_or("").trim().trim_end_matches('.');
    if !matches!(last, "" | "and" | "or" | "to") {
        return short(last).into_owned();
    }
    heading.map_or_else(|| "Fill in".to_owned(), |heading| short(&heading.text).into_owned())
}

/// How many letters away the other number of a pair may be.
const FARTHEST: usize = 2000;

/// The longest name of a field, in bytes.
const LONGEST: usize = 160;

/// Shortens a text that names many fields: otherwise a long heading above many blanks would be repeated for each of them.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}…", &text[..end]))
}
