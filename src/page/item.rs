//! Lists, and what a run sheet makes of them: boxes to tick, choices, blanks, attributes.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::html::{Dialect, Heading, Writer};
use super::markdown::{plain_text, run_end};
use super::{blank, task};

/// Where in a run sheet the writer is: the anchors of the headings above.
#[derive(Debug, Default)]
pub struct Section(Vec<(u8, String)>);

impl Section {
    pub(super) fn enter(&mut self, heading: &Heading) {
        self.0.retain(|(level, _)| *level < heading.level);
        self.0.push((heading.level, heading.anchor.clone()));
    }

    fn path(&self) -> String {
        self.0.iter().map(|(_, anchor)| anchor.as_str()).collect::<Vec<_>>().join("/")
    }
}

impl<'t> Writer<'_, '_, 't> {
    pub(super) fn list(&mut self, first: Option<u64>) {
        let end = self.end_of(self.at);
        let class = if self.has_tasks(end) { " class=\"tasks\"" } else { "" };
        self.at += 1;
        match first {
            None => self.push(&format!("<ul{class}>\n")),
            Some(1) => self.push(&format!("<ol{class}>\n")),
            Some(number) => self.push(&format!("<ol{class} start=\"{number}\">\n")),
        }
        while self.at < end {
            self.item();
        }
        self.at = end + 1;
        self.push(if first.is_some() { "</ol>\n" } else { "</ul>\n" });
    }

    /// Whether an item of the list that begins here is a task.
    fn has_tasks(&self, end: usize) -> bool {
        let mut depth = 0;
        for (event, _) in &self.events[self.at..end] {
            match event {
                Event::Start(Tag::List(_)) => depth += 1,
                Event::End(TagEnd::List(_)) => depth -= 1,
                Event::TaskListMarker(_) if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }

    fn item(&mut self) {
        let end = self.end_of(self.at);
        self.at += 1;
        self.line.clear();
        let loose = matches!(self.peek(), Some(Event::Start(Tag::Paragraph)));
        let first = self.at + usize::from(loose);
        let run_end = run_end(self.events, first, end);
        if let Some((Event::TaskListMarker(done), _)) = self.events.get(first) {
            self.at = first + 1;
            return self.task(*done, run_end, end);
        }
        if self.is_run_sheet() && self.ends_with_box(first, run_end) {
            self.at = first;
            return self.task(false, run_end, end);
        }
        if self.is_run_sheet()
            && let Some((Event::Text(text), _)) = self.events.get(first)
            && let Some((name, length)) = task::attribute(text)
        {
            self.push(&format!("<li class=\"attribute\"><span class=\"attribute-name\">{name}</span> "));
            self.line.push_str(name);
            self.line.push(' ');
            self.at = first + 1;
            let rest = text[length..].to_owned();
            self.text(&rest, first);
            self.inlines_until(run_end);
            self.skip_paragraph_end(loose);
            self.blocks_until(end);
            return self.push("</li>\n");
        }
        self.push("<li>");
        if self.is_run_sheet() && !loose && self.choice(run_end) {
            self.at = run_end;
        }
        if !loose && run_end > self.at {
            self.inlines_until(run_end);
        }
        self.blocks_until(end);
        self.push("</li>\n");
    }

    /// `All pass: [ ]`: a task with its box at the end.
    fn ends_with_box(&self, first: usize, run_end: usize) -> bool {
        let Some((Event::Text(text), _)) = self.events[first..run_end].last() else { return false };
        text.trim_end().ends_with("[ ]") && task::choice(text).is_none()
    }

    fn skip_paragraph_end(&mut self, loose: bool) {
        if loose && matches!(self.peek(), Some(Event::End(TagEnd::Paragraph))) {
            self.at += 1;
        }
    }

    fn task(&mut self, done: bool, run_end: usize, end: usize) {
        let line = TaskLine::read(self, run_end);
        if self.context.dialect == Dialect::Mail {
            self.push("<li>");
            self.loose_box(done);
            self.inlines_until(run_end);
            self.blocks_until(end);
            return self.push("</li>\n");
        }
        let id = self.task_id(&blank::restore(&line.words));
        if let Some(heading) = self.finds.headings.last_mut() {
            heading.tasks += 1;
        }
        let state = match (done, self.is_run_sheet()) {
            (true, _) => " checked disabled",
            (false, true) => "",
            (false, false) => " disabled",
        };
        self.push(&format!("<li class=\"task\"><input type=\"checkbox\" id=\"task-{id}\" data-task=\"{id}\"{state}"));
        if line.has_label {
            self.push(&format!("><div class=\"task-body\"><label for=\"task-{id}\">"));
            self.labelled(run_end, line.last_text, line.dropped);
        } else {
            self.push(" aria-label=\"");
            self.push_text(&line.name(self.finds.headings.last()));
            self.push("\"><div class=\"task-body\">");
            self.inlines_until(run_end);
        }
        if let Some(tail) = line.tail {
            self.tail(&tail);
        }
        if done && self.is_run_sheet() {
            self.push(" <span class=\"estimate\">done in source</span>");
        }
        self.skip_paragraph_end(matches!(self.peek(), Some(Event::End(TagEnd::Paragraph))));
        self.blocks_until(end);
        self.push("</div></li>\n");
    }

    /// Writes the first line of a task within its label, without the last `dropped` bytes of its last text.
    ///
    /// A label cannot hold a field of its own: at the first blank it is closed.
    fn labelled(&mut self, run_end: usize, last_text: Option<usize>, dropped: usize) {
        let events = self.events;
        let mut open = true;
        while self.at < run_end {
            let at = self.at;
            let Event::Text(text) = &events[at].0 else {
                let next = if matches!(events[at].0, Event::Start(_)) { self.end_of(at) + 1 } else { at + 1 };
                self.inlines_until(next);
                continue;
            };
            self.at += 1;
            let kept = if Some(at) == last_text { text.len().saturating_sub(dropped) } else { text.len() };
            if !self.is_run_sheet() {
                self.push_text(text);
                continue;
            }
            let is_cut = Some(at) == last_text && dropped > 0;
            let kept_text = if is_cut { text[..kept].trim_end() } else { &text[..kept] };
            for piece in blank::split(kept_text) {
                match piece {
                    Some(words) => {
                        self.line.push_str(words);
                        self.push_text(words);
                    }
                    None => {
                        if open {
                            self.push("</label>");
                            open = false;
                        }
                        self.blank(at);
                    }
                }
            }
        }
        if open {
            self.push("</label>");
        }
    }

    fn tail(&mut self, tail: &task::Tail) {
        if let Some(owner) = &tail.owner {
            let title = self.context.roles.get(&owner.to_lowercase()).cloned();
            self.push(" <span class=\"owner\"");
            if let Some(title) = title {
                self.push(" title=\"");
                self.push_text(&title);
                self.push("\"");
            }
            self.push(">");
            self.push_text(owner);
            self.push("</span>");
        }
        if let Some(estimate) = &tail.estimate {
            self.push(" <span class=\"estimate\">");
            self.push_text(&estimate.to_string());
            self.push("</span>");
        }
        for (key, value) in &tail.other {
            self.push(" <span class=\"estimate\">");
            self.push_text(&format!("{key} {value}"));
            self.push("</span>");
        }
    }

    fn task_id(&mut self, text: &str) -> String {
        let id = task::id(&self.finds.section.path(), text);
        let count = self.finds.ids.entry(id.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { id } else { format!("{id}-{count}") }
    }

    /// Writes a choice if the line up to `end` is one.
    pub(super) fn choice(&mut self, end: usize) -> bool {
        if end != self.at + 1 {
            return false;
        }
        let Some(Event::Text(text)) = self.peek() else { return false };
        let text = text.to_string();
        let Some((name, answers)) = task::choice(&text) else { return false };
        let group = self.task_id(&format!("{name} {}", answers.join(" ")));
        self.push("<fieldset class=\"gate\"><legend>");
        self.push_text(if name.is_empty() { "Decision" } else { name });
        self.push("</legend>");
        for answer in answers {
            self.push(&format!(" <label><input type=\"radio\" name=\"choice-{group}\" value=\""));
            self.push_text(answer);
            self.push("\"> ");
            self.push_text(answer);
            self.push("</label>");
        }
        self.push("</fieldset>\n");
        true
    }

    /// Writes a field to fill in; its name is the line so far.
    pub(super) fn blank(&mut self, at: usize) {
        let comment = match self.events.get(at + 1) {
            Some((Event::InlineHtml(html), _)) => html.strip_prefix("<!--").and_then(|html| html.strip_suffix("-->")).map(str::trim),
            _ => None,
        };
        let label = label(&self.line, self.finds.headings.last());
        let kind = blank::Kind::of(&label, comment);
        let name = comment.and_then(|comment| comment.strip_prefix("var:")).map(|name| name.trim().to_owned());
        let id = self.task_id(&format!("blank {} {label}", name.as_deref().unwrap_or("")));
        let attributes = match kind {
            blank::Kind::Text => "type=\"text\"",
            blank::Kind::Integer => "type=\"text\" inputmode=\"numeric\"",
            blank::Kind::Time => "type=\"text\" placeholder=\"hh:mm\"",
        };
        self.push(&format!("<input class=\"blank\" {attributes} data-blank=\"{id}\" autocomplete=\"off\" aria-label=\""));
        self.push_text(&label);
        self.push("\">");
        // What follows is the name of the next blank.
        self.line.clear();
    }

    /// A box in a table cell, named by its row and column.
    pub(super) fn table_box(&mut self, done: bool) {
        let label = self.line.clone();
        let id = self.task_id(&label);
        if let Some(heading) = self.finds.headings.last_mut() {
            heading.tasks += 1;
        }
        let state = if done { " checked disabled" } else { "" };
        self.push(&format!("<input type=\"checkbox\" id=\"task-{id}\" data-task=\"{id}\"{state} aria-label=\""));
        self.push_text(if label.is_empty() { "Done" } else { &label });
        self.push("\">");
    }

    /// A box where no list item is: only its state is shown.
    pub(super) fn loose_box(&mut self, done: bool) {
        self.push(if done { "☑ " } else { "☐ " });
    }
}

/// The first line of a task: its words, and the metadata behind them.
struct TaskLine {
    words: String,
    tail: Option<task::Tail>,
    /// The last text of the line, and how many bytes of it are metadata.
    last_text: Option<usize>,
    dropped: usize,
    /// Whether a label can stand around the line: it has words, and no field within emphasis or a link.
    has_label: bool,
}

impl TaskLine {
    fn read(writer: &Writer, run_end: usize) -> TaskLine {
        let run = &writer.events[writer.at..run_end];
        let full = plain_text(run);
        let last = run.iter().rposition(|(event, _)| matches!(event, Event::Text(_)));
        // Metadata is cut only where it is the end of plain text.
        let is_plain = last.is_some_and(|last| !run[last..].iter().any(|(event, _)| matches!(event, Event::End(_) | Event::Code(_))));
        let (mut words, mut tail) = (full.as_str(), None);
        if writer.is_run_sheet() && is_plain {
            let shorter = words.trim_end().trim_end_matches("[ ]").trim_end();
            let found = task::tail(shorter, writer.context.roles);
            let (kept, found) = found.map_or((shorter, None), |(kept, found)| (kept, Some(found)));
            let last_length = last.map_or(0, |last| if let Event::Text(text) = &run[last].0 { text.len() } else { 0 });
            if full.len() - kept.len() <= last_length {
                (words, tail) = (kept, found);
            }
        }
        let mut depth = 0;
        let has_inner_blank = run.iter().any(|(event, _)| match event {
            Event::Start(_) => {
                depth += 1;
                false
            }
            Event::End(_) => {
                depth -= 1;
                false
            }
            Event::Text(text) => depth > 0 && text.contains(blank::MARK),
            _ => false,
        });
        let has_words = words.split(blank::MARK).next().is_some_and(|words| words.chars().any(char::is_alphanumeric));
        TaskLine {
            dropped: full.len() - words.len(),
            words: words.to_owned(),
            tail,
            last_text: last.map(|last| writer.at + last),
            has_label: has_words && !has_inner_blank,
        }
    }

    /// What a box is called that has no label: the words of its line, or those of its heading.
    fn name(&self, heading: Option<&Heading>) -> String {
        let words: Vec<&str> = blank::split(&self.words).into_iter().flatten().collect();
        let words = words.concat();
        if words.chars().any(char::is_alphanumeric) {
            return words.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        heading.map_or_else(|| "Task".to_owned(), |heading| heading.text.clone())
    }
}

/// The name of a blank: the last words before it.
fn label(line: &str, heading: Option<&Heading>) -> String {
    let line = line.trim().trim_start_matches([',', ';']).trim_start_matches("and ").trim_end_matches([':', '(', '=']).trim();
    let last = line.rsplit(['.', ';', '?']).find(|part| !part.trim().is_empty()).unwrap_or("").trim();
    if !matches!(last, "" | "and" | "or" | "to") {
        return last.to_owned();
    }
    heading.map_or_else(|| "Fill in".to_owned(), |heading| heading.text.clone())
}
