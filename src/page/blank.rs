//! Blanks to fill in: runs of underscores in a run sheet.
//!
//! CommonMark would read some of them as rules or emphasis, so each run is replaced by a mark of the
//! same length before parsing; code and links get theirs back.

/// The first character of a mark (private use, three bytes like three underscores).
pub const MARK: char = '\u{E000}';
/// Fills a mark up to the length of its run.
const FILL: char = '\u{7F}';

/// The text with each blank replaced by a mark of as many bytes. A line of nothing but underscores stays a rule.
pub fn mark(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim().chars().all(|c| c == '_') {
            marked.push_str(line);
            continue;
        }
        mark_line(line, &mut marked);
    }
    marked
}

fn mark_line(line: &str, marked: &mut String) {
    let mut rest = line;
    let mut before: Option<char> = None;
    while let Some(at) = rest.find("___") {
        marked.push_str(&rest[..at]);
        before = rest[..at].chars().next_back().or(before);
        let run = rest[at..].bytes().take_while(|byte| *byte == b'_').count();
        let after = rest[at + run..].chars().next();
        let in_word = before.is_some_and(char::is_alphanumeric) || after.is_some_and(char::is_alphanumeric);
        let word_start = line[..line.len() - rest.len() + at]
            .char_indices()
            .rev()
            .find(|(_, c)| c.is_whitespace())
            .map_or(0, |(space, c)| space + c.len_utf8());
        let in_address = line[word_start..]
            .split_whitespace()
            .next()
            .is_some_and(|word| word.contains("://") || word.contains("](") || word.starts_with("www."));
        if in_word || in_address {
            marked.push_str(&rest[at..at + run]);
        } else {
            marked.push(MARK);
            marked.extend(std::iter::repeat_n(FILL, run - MARK.len_utf8()));
        }
        before = Some('_');
        rest = &rest[at + run..];
    }
    marked.push_str(rest);
}

/// The text as it was written.
pub fn restore(text: &str) -> String {
    if !text.contains(MARK) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| std::iter::repeat_n(if c == MARK || c == FILL { '_' } else { c }, if c == MARK { 3 } else { 1 })).collect()
}

/// A text cut at its blanks: each piece of text, and `None` for each blank.
pub fn split(text: &str) -> Vec<Option<&str>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        if at > 0 {
            pieces.push(Some(&rest[..at]));
        }
        pieces.push(None);
        rest = rest[at + MARK.len_utf8()..].trim_start_matches(FILL);
    }
    if !rest.is_empty() {
        pieces.push(Some(rest));
    }
    pieces
}

/// The kind of value that a blank's label asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Time,
}

impl Kind {
    /// Judges by the words of the label, or by a comment behind the blank such as `<!-- int min=1 -->`.
    pub fn of(label: &str, comment: Option<&str>) -> Kind {
        match comment.and_then(|comment| comment.split_whitespace().next()) {
            Some("int") => return Kind::Integer,
            Some("time") => return Kind::Time,
            Some("text") => return Kind::Text,
            _ => {}
        }
        let label = label.to_lowercase();
        let words: Vec<&str> = label.split(|c: char| !c.is_alphanumeric()).collect();
        let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
        if has(&["time", "timestamp"]) {
            return Kind::Time;
        }
        if has(&["count", "counts", "rows", "number", "total", "migrated"]) {
            return Kind::Integer;
        }
        Kind::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_keep_the_length_and_can_be_taken_back() {
        for text in [
            "a: _____",
            "(_____) and (_____)",
            "- _____",
            "snake___case",
            "___\n",
            "x ___ y ____________",
            "é ___ é",
            "\u{a0}!_____",
            "\u{85}x _____",
            "https://x.example/____/y",
        ] {
            let marked = mark(text);
            assert_eq!(marked.len(), text.len(), "{text}");
            assert_eq!(restore(&marked), text);
        }
        assert_eq!(mark("_____\n"), "_____\n");
        assert_eq!(mark("a___b"), "a___b");
        assert_eq!(mark("see https://x.example/____/y"), "see https://x.example/____/y");
        assert_eq!(split(&mark("New IP: _____ ok")), [Some("New IP: "), None, Some(" ok")]);
    }

    #[test]
    fn labels_tell_the_kind() {
        assert_eq!(Kind::of("Freeze timestamp", None), Kind::Time);
        assert_eq!(Kind::of("users migrated", None), Kind::Integer);
        assert_eq!(Kind::of("New IP", None), Kind::Text);
        assert_eq!(Kind::of("New IP", Some("int min=1")), Kind::Integer);
        assert_eq!(Kind::of("Estimated", None), Kind::Text);
    }
}
