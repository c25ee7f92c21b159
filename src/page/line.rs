//! The first line of a task: its label, its metadata, and a surplus box.

use pulldown_cmark::Event;

use super::heading::Heading;
use super::html::Writer;
use super::markdown::plain_text;
use super::{blank, task};

/// The first line of a task: its words, and the metadata behind them.
pub(super) struct TaskLine {
    pub(super) words: String,
    pub(super) tail: Option<task::Tail>,
    /// The last text of the line, and how many bytes of it are metadata.
    pub(super) last_text: Option<usize>,
    pub(super) dropped: usize,
    /// Whether there is a second box at its end.
    pub(super) has_second_box: bool,
    /// Whether a label can surround the line: it has words, and no field inside emphasis or a link.
    pub(super) has_label: bool,
}

impl TaskLine {
    pub(super) fn read(writer: &Writer, run_end: usize) -> TaskLine {
        let run = &writer.events[writer.at..run_end];
        let full = plain_text(run);
        let last = run.iter().rposition(|(event, _)| matches!(event, Event::Text(_)));
        // Metadata is recognised only at the end of plain text.
        let is_plain = last.is_some_and(|last| !run[last..].iter().any(|(event, _)| matches!(event, Event::End(_) | Event::Code(_))));
        let (mut words, mut tail) = (full.as_str(), None);
        let last_length = last.map_or(0, |last| if let Event::Text(text) = &run[last].0 { text.len() } else { 0 });
        // A break after the last text counts as a space of the line, but does not belong to the text.
        let text_end = full.len() - last.map_or(0, |last| plain_text(&run[last + 1..]).len());
        if is_plain {
            let shorter = words.trim_end().trim_end_matches("[ ]").trim_end();
            let found = task::tail(shorter, writer.context.roles);
            let (kept, found) = found.map_or((shorter, None), |(kept, found)| (kept.trim_end_matches("[ ]").trim_end(), Some(found)));
            // Spaces before the metadata may belong to the text before a comment.
            if full[kept.len().min(text_end)..text_end].trim_start().len() <= last_length {
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
        let marked = writer.at > 0 && matches!(writer.events[writer.at - 1].0, Event::TaskListMarker(_));
        let has_second_box = marked && words.len() < full.len() && full[words.len()..].trim_start().starts_with("[ ]");
        let has_words = words.split(blank::MARK).next().is_some_and(|words| words.chars().any(char::is_alphanumeric));
        TaskLine {
            has_second_box,
            dropped: text_end.saturating_sub(words.len()).min(last_length),
            words: words.to_owned(),
            tail,
            last_text: last.map(|last| writer.at + last),
            has_label: has_words && !has_inner_blank,
        }
    }

    /// The name of a box without a label: the words of its line, or those of its heading.
    pub(super) fn name(&self, heading: Option<&Heading>) -> String {
        let words: Vec<&str> = blank::split(&self.words).into_iter().flatten().collect();
        let words = words.concat();
        if words.chars().any(char::is_alphanumeric) {
            return words.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        heading.map_or_else(|| "Task".to_owned(), |heading| heading.text.clone())
    }
}
