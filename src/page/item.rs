//! Lists, and what a run sheet makes of them: tasks, stop conditions, attributes, rounds.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::body::Hole;
use super::entry::{Alarm, Item, ItemKind, Rounds, Track};
use super::html::{Dialect, Writer};
use super::line::TaskLine;
use super::markdown::plain_text;
use super::{blank, task};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::schedule::recurrence;
use crate::text::html::escaped;

impl<'t> Writer<'_, '_, 't> {
    pub(super) fn list(&mut self, first: Option<u64>) {
        let end = self.end_of(self.at);
        let tasks = self.has_tasks(end);
        let every = self.every().filter(|_| tasks && self.finds.open.is_empty());
        let class = match (tasks, &every) {
            (_, Some(_)) => " class=\"tasks rounds-legend\"",
            (true, None) if self.context.dialect == Dialect::Page => " class=\"boxes\"",
            (true, None) => " class=\"tasks\"",
            (false, None) => "",
        };
        self.at += 1;
        if tasks && every.is_none() && self.is_run_sheet() && self.finds.list_depth == 0 {
            self.hole(Hole::PlanHead);
        }
        let element = match first {
            _ if every.is_some() => {
                self.push(&format!("<ol{class} type=\"A\">\n"));
                "ol"
            }
            None => {
                self.push(&format!("<ul{class}>\n"));
                "ul"
            }
            Some(number) => {
                let start = if number == 1 { String::new() } else { format!(" start=\"{number}\"") };
                self.push(&format!("<ol{class}{start}>\n"));
                "ol"
            }
        };
        if let Some(every) = every.clone() {
            self.finds.rounds.push(Rounds { section: self.section(), every, items: Vec::new(), alone: false });
        }
        self.finds.list_depth += 1;
        while self.at < end {
            self.item(every.is_some());
        }
        self.finds.list_depth -= 1;
        self.at = end + 1;
        self.push(&format!("</{element}>\n"));
        if every.is_some() {
            self.hole(Hole::Rounds(self.finds.rounds.len() - 1));
        }
    }

    /// The recurrence of the section.
    fn every(&self) -> Option<recurrence::Recurrence> {
        self.finds.headings.last().filter(|_| self.is_run_sheet()).and_then(|heading| heading.every.clone())
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

    fn item(&mut self, repeated: bool) {
        let start = self.at;
        let end = self.end_of(start);
        self.at += 1;
        self.line.clear();
        self.last_blank = None;
        let loose = matches!(self.peek(), Some(Event::Start(Tag::Paragraph)));
        let first = self.at + usize::from(loose);
        let run_end = self.run_end(first, end);
        let marker = match self.events.get(first) {
            Some((Event::TaskListMarker(done), _)) => Some(*done),
            _ => None,
        };
        let is_alarms = self.is_run_sheet() && self.finds.section.track() == Track::Alarms;
        if is_alarms && self.finds.list_depth == 1 {
            self.at = first + usize::from(marker.is_some());
            return self.alarm(start, run_end, end);
        }
        if marker == Some(false) && self.is_run_sheet() {
            // In `- [ ] Decision: [ ] GO [ ] NO-GO`, making the choice is the task.
            self.at = first + 1;
            let before = self.body.html.len();
            self.push("<li>");
            if self.choice(run_end) {
                self.skip_paragraph_end();
                self.blocks_until(end);
                return self.push("</li>\n");
            }
            self.body.html.truncate(before);
        }
        // Text that explains a stop condition is not a task either.
        if is_alarms && marker.is_some() {
            self.at = first + 1;
            self.push("<li>");
            self.inlines_until(run_end);
            self.skip_paragraph_end();
            self.blocks_until(end);
            return self.push("</li>\n");
        }
        if let Some(done) = marker {
            self.at = first + 1;
            return match self.context.dialect {
                Dialect::RunSheet => self.task(start, done, run_end, end, repeated),
                Dialect::Page => self.shown_box(done, run_end, end),
                Dialect::Mail => self.told_box(done, run_end, end),
            };
        }
        if self.is_run_sheet() && self.ends_with_box(first, run_end) {
            self.at = first;
            return self.task(start, false, run_end, end, repeated);
        }
        if self.is_run_sheet() && self.attribute(first, run_end, end) {
            return;
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

    /// Writes an item that begins with `Expect:` and the like; the word may be bold.
    fn attribute(&mut self, first: usize, run_end: usize, end: usize) -> bool {
        let words = plain_text(&self.events[first..run_end]);
        let Some((name, length)) = task::attribute(&words) else { return false };
        let words = words[length..].trim().to_owned();
        let Some((rest_at, rest)) = self.behind_name(first, name) else { return false };
        if let Some(item) = self.finds.open.last().map(|item| &mut self.finds.items[*item]) {
            match name {
                "Expect" | "Verify" => item.has_outcome = true,
                "Owner" => item.owner = Some(task::role(&words, self.context.roles)),
                _ => {}
            }
        }
        self.push(&format!("<li class=\"attribute\"><span class=\"attribute-name\">{name}</span> "));
        self.line.push_str(name);
        self.line.push(' ');
        self.at = rest_at + 1;
        self.text(&rest, rest_at);
        self.inlines_until(run_end);
        self.skip_paragraph_end();
        self.blocks_until(end);
        self.push("</li>\n");
        true
    }

    /// The text after an attribute's name and colon, and its event: `Owner: x`, `**Owner:** x`, `**Owner**: x`.
    fn behind_name(&self, first: usize, name: &str) -> Option<(usize, String)> {
        let text = |at: usize| match self.events.get(at) {
            Some((Event::Text(text), _)) => Some(&**text),
            _ => None,
        };
        if let Some(text) = text(first) {
            return Some((first, text.get(name.len() + 1..)?.trim_start().to_owned()));
        }
        let is_bold = matches!(self.events[first].0, Event::Start(Tag::Strong));
        let closes = matches!(self.events.get(first + 2), Some((Event::End(TagEnd::Strong), _)));
        let word = text(first + 1).filter(|_| is_bold && closes)?.trim_end();
        let after = text(first + 3);
        if word.len() == name.len() {
            return Some((first + 3, after?.strip_prefix(':')?.trim_start().to_owned()));
        }
        (word.len() == name.len() + 1).then(|| (first + 2, String::new()))
    }

    /// `All pass: [ ]`: a task with its box at the end; metadata may follow.
    fn ends_with_box(&self, first: usize, run_end: usize) -> bool {
        let Some((Event::Text(text), _)) = self.events[first..run_end].last() else { return false };
        let kept = task::tail(text, self.context.roles).map_or(&**text, |(kept, _)| kept);
        kept.trim_end().ends_with("[ ]") && task::choice(kept).is_none()
    }

    fn skip_paragraph_end(&mut self) {
        if matches!(self.peek(), Some(Event::End(TagEnd::Paragraph))) {
            self.at += 1;
        }
    }

    /// Notes that the innermost item contains a block of code.
    pub(super) fn command_found(&mut self) {
        if let Some(item) = self.finds.open.last() {
            self.finds.items[*item].has_command = true;
        }
    }

    /// Writes a stop condition: it has no box, because nobody should ever do it.
    fn alarm(&mut self, start: usize, run_end: usize, end: usize) {
        let words = blank::without(&plain_text(&self.events[self.at..run_end]));
        let text = words.trim().trim_end_matches("[ ]").trim().to_owned();
        let kind = ItemKind::Alarm(Box::new(Alarm::read(&text)));
        let id = self.add_item(start, kind, text, &self.explicit_id(run_end), task::Tail::default());
        self.push(&format!("<li class=\"alarm\" id=\"alarm:{id}\" data-item=\"{id}\"><span class=\"line\">"));
        self.inlines_until(run_end);
        self.push("</span>");
        self.skip_paragraph_end();
        self.blocks_until(end);
        self.finds.open.pop();
        self.push("</li>\n");
    }

    /// A box in a message.
    fn told_box(&mut self, done: bool, run_end: usize, end: usize) {
        self.push("<li>");
        self.loose_box(done);
        self.inlines_until(run_end);
        self.blocks_until(end);
        self.push("</li>\n");
    }

    /// A box on an ordinary page: it shows the state of things, and nobody ticks it.
    fn shown_box(&mut self, done: bool, run_end: usize, end: usize) {
        if let Some(heading) = self.finds.headings.last_mut() {
            heading.tasks += 1;
        }
        self.finds.boxes += 1;
        let name = format!("task:{}", self.finds.boxes);
        self.push("<li><input type=\"checkbox\" disabled");
        self.push(if done { " checked" } else { "" });
        if plain_text(&self.events[self.at..run_end]).trim().is_empty() {
            self.push(" aria-label=\"");
            self.push_text(self.context.language.text("page.task"));
            self.push("\"> ");
            self.inlines_until(run_end);
        } else {
            self.push(&format!(" aria-labelledby=\"{name}\"> <span id=\"{name}\">"));
            self.inlines_until(run_end);
            self.push("</span>");
        }
        self.skip_paragraph_end();
        self.blocks_until(end);
        self.push("</li>\n");
    }

    fn task(&mut self, start: usize, done: bool, run_end: usize, end: usize, repeated: bool) {
        let line = TaskLine::read(self, run_end);
        if line.has_second_box {
            let diagnostic = Diagnostic::new(rule::TWO_BOXES, "this task has two boxes: the second is left out");
            self.report(diagnostic.help("put each task on its own line, or make it a choice such as `Decision: [ ] GO [ ] NO-GO`"), start);
        }
        let words = blank::without(&line.words);
        let explicit = self.explicit_id(run_end);
        let tail = line.tail.clone().unwrap_or_default();
        let id = self.add_item(start, ItemKind::Task { done }, words.clone(), &explicit, tail);
        let item = self.finds.items.len() - 1;
        if let Some(heading) = self.finds.headings.last_mut() {
            heading.tasks += 1;
        }
        let own = if repeated || self.finds.open.len() > 1 { None } else { recurrence::read(&words) };
        let class = if repeated { "round-item" } else { "task" };
        self.push(&format!("<li class=\"{class}\" data-item=\"{id}\">"));
        let labelled = line.has_label && !repeated && own.is_none();
        if repeated || own.is_some() {
            self.push("<div class=\"task-body\"><span class=\"line\">");
            self.inlines_dropping(run_end, line.last_text, line.dropped);
        } else {
            let state = if done { " checked disabled" } else { "" };
            self.push(&format!("<input type=\"checkbox\" id=\"task:{id}\"{state}"));
            if labelled {
                self.push(&format!("><div class=\"task-body\"><span class=\"line\"><label for=\"task:{id}\">"));
                self.labelled(run_end, line.last_text, line.dropped);
            } else {
                self.push(" aria-label=\"");
                self.push_text(&line.name(self.finds.headings.last()));
                self.push("\"><div class=\"task-body\"><span class=\"line\">");
                self.inlines_dropping(run_end, line.last_text, line.dropped);
            }
        }
        self.push("</span>");
        if let Some(tail) = line.tail {
            self.tail(&tail);
        }
        if done {
            let words = self.context.language.html("sheet.done_in_source");
            self.push(&format!(" <span class=\"estimate\">{words}</span>"));
        }
        if repeated {
            self.finds.items[item].rounds = self.every();
            if let Some(rounds) = self.finds.rounds.last_mut() {
                rounds.items.push(item);
            }
        } else if let Some(every) = own {
            self.finds.items[item].rounds = Some(every.clone());
            self.finds.rounds.push(Rounds { section: self.section(), every, items: vec![item], alone: true });
            self.hole(Hole::Rounds(self.finds.rounds.len() - 1));
        }
        self.skip_paragraph_end();
        self.blocks_until(end);
        self.finds.open.pop();
        self.push("</div>");
        if !repeated && self.finds.open.is_empty() {
            self.hole(Hole::Plan(item));
        }
        self.push("</li>\n");
    }

    /// Adds an item below the open ones and opens it; returns its id, escaped.
    pub(super) fn add_item(&mut self, start: usize, kind: ItemKind, text: String, explicit: &Option<String>, tail: task::Tail) -> String {
        let named = explicit.clone().or_else(|| tail.other.iter().find(|(key, _)| key == "id").map(|(_, id)| id.clone()));
        let named = named.filter(|id| self.can_be_id(id, start));
        let id = match &named {
            Some(id) => self.claim_id(id, start, "give one of them a different id: a tick would count for both"),
            None => self.task_id(&text),
        };
        let after = tail.other.iter().find(|(key, _)| matches!(key.as_str(), "after" | "needs")).map(|(_, ids)| {
            let ids = ids.split([' ', '+', '&']).map(str::trim).filter(|id| !id.is_empty() && *id != "and");
            let ids: Vec<String> = ids.map(str::to_owned).collect();
            if ids.iter().any(|id| id == "none") { Vec::new() } else { ids }
        });
        let outcome = tail.other.iter().any(|(key, _)| matches!(key.as_str(), "verify" | "expect"));
        self.finds.items.push(Item {
            id: id.clone(),
            named: named.is_some(),
            kind,
            text: text.trim().to_owned(),
            section: self.section(),
            parent: self.finds.open.last().copied(),
            owner: tail.owner,
            estimate: tail.estimate,
            after,
            has_outcome: outcome,
            has_command: false,
            rounds: None,
            span: self.span(start),
        });
        self.finds.open.push(self.finds.items.len() - 1);
        escaped(&id)
    }

    /// The id in a comment at the end of a line: `<!-- id: export -->`.
    pub(super) fn explicit_id(&self, run_end: usize) -> Option<String> {
        self.events[self.at..run_end].iter().rev().find_map(|(event, _)| {
            let Event::InlineHtml(html) = event else { return None };
            let inner = html.strip_prefix("<!--")?.strip_suffix("-->")?.trim();
            let id = inner.strip_prefix("id:")?.trim();
            (!id.is_empty()).then(|| id.to_owned())
        })
    }

    /// Whether a text is allowed as an id: it is used in attributes of the page, in names of the log and in `after:`.
    fn can_be_id(&mut self, id: &str, at: usize) -> bool {
        let fits = id.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !fits {
            let diagnostic = Diagnostic::new(rule::BAD_ID, format!("invalid id `{id}`"));
            self.report(diagnostic.help("use letters, digits, `-`, `_` and `.`"), at);
        }
        fits
    }

    /// An id given by the author. `help` says what happens if there are two.
    pub(super) fn claim_id(&mut self, id: &str, at: usize, help: &str) -> String {
        if self.take_id(id) {
            return id.to_owned();
        }
        let numbered = self.numbered(id);
        let diagnostic = Diagnostic::new(rule::DUPLICATE_ID, format!("duplicate id on this page: `{id}`"));
        let blanks = self.finds.blanks.iter().map(|blank| (&blank.id, &blank.span));
        let mut all = self.finds.items.iter().map(|item| (&item.id, &item.span)).chain(blanks);
        let first = all.find(|(known, _)| *known == id).map(|(_, span)| span.clone());
        self.report(diagnostic.help(help).first(self.context.path, first), at);
        numbered
    }

    /// Writes the first line of a task inside its label, without the last `dropped` bytes of its last text.
    ///
    /// A label cannot contain another field, so it is closed at the first blank.
    fn labelled(&mut self, run_end: usize, last_text: Option<usize>, dropped: usize) {
        if self.cut_line(run_end, last_text, dropped, true) {
            self.push("</label>");
        }
    }

    /// Writes the first line of a task without the last `dropped` bytes of its last text.
    fn inlines_dropping(&mut self, run_end: usize, last_text: Option<usize>, dropped: usize) {
        self.cut_line(run_end, last_text, dropped, false);
    }

    /// Writes a line without its metadata; returns whether the label around it is still open.
    fn cut_line(&mut self, run_end: usize, last_text: Option<usize>, dropped: usize, mut open: bool) -> bool {
        let events = self.events;
        while self.at < run_end {
            let at = self.at;
            let Event::Text(text) = &events[at].0 else {
                let next = if matches!(events[at].0, Event::Start(_)) { self.end_of(at) + 1 } else { at + 1 };
                self.inlines_until(next);
                continue;
            };
            self.at += 1;
            let kept = if Some(at) == last_text { text.len().saturating_sub(dropped) } else { text.len() };
            let is_cut = Some(at) == last_text && dropped > 0;
            let kept_text = if is_cut { text[..kept].trim_end() } else { &text[..kept] };
            let pieces = blank::split(kept_text);
            for (index, piece) in pieces.iter().enumerate() {
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
                        self.blank(at, blank::ends(&pieces[index + 1..]));
                    }
                }
            }
        }
        open
    }

    pub(super) fn tail(&mut self, tail: &task::Tail) {
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
            self.push(" <span class=\"estimate length\">");
            self.push_text(&estimate.to_string());
            self.push("</span>");
        }
        for (key, value) in tail.other.iter().filter(|(key, _)| key != "id") {
            self.push(" <span class=\"estimate\">");
            self.push_text(&format!("{key} {value}"));
            self.push("</span>");
        }
    }

    /// The id made from a text at this place.
    pub(super) fn task_id(&mut self, text: &str) -> String {
        let id = task::id(&self.finds.section.path(), text);
        if self.take_id(&id) { id } else { self.numbered(&id) }
    }

    fn take_id(&mut self, id: &str) -> bool {
        let is_free = !self.finds.ids.contains_key(id);
        if is_free {
            self.finds.ids.insert(id.to_owned(), 2);
        }
        is_free
    }

    /// Makes a used id unique by adding the first free number.
    fn numbered(&mut self, id: &str) -> String {
        loop {
            let next = self.finds.ids.entry(id.to_owned()).or_insert(2);
            let numbered = format!("{id}-{next}");
            *next += 1;
            if self.take_id(&numbered) {
                return numbered;
            }
        }
    }

    /// A box outside a list item: only its state is shown.
    pub(super) fn loose_box(&mut self, done: bool) {
        self.push(if done { "☑ " } else { "☐ " });
    }
}
