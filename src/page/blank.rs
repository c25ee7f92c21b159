//! Blanks to fill in: runs of underscores in a run sheet.
//!
//! CommonMark would read some of them as rules or emphasis, so each run is replaced by a mark of the
//! same length before parsing; code and links get theirs back.

/// The first character of a mark (private use, three bytes like three underscores).
pub const MARK: char = '\u{E000}';
/// Pads a mark to the length of its run.
const FILL: char = '\u{7F}';

/// The text with each blank replaced by a mark of the same number of bytes. A line of only underscores remains a rule.
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

/// How many bytes at the start of a text pad a mark.
pub fn fill_length(text: &str) -> usize {
    text.len() - text.trim_start_matches(FILL).len()
}

/// The text as it was originally written.
pub fn restore(text: &str) -> String {
    if !text.contains(MARK) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| std::iter::repeat_n(if c == MARK || c == FILL { '_' } else { c }, if c == MARK { 3 } else { 1 })).collect()
}

/// A text split at its blanks: pieces of text, and `None` for each blank.
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

/// Whether only spaces remain of a text that was split at its blanks.
pub fn ends(rest: &[Option<&str>]) -> bool {
    rest.iter().all(|piece| piece.is_some_and(|words| words.trim().is_empty()))
}

/// The text without its blanks.
pub fn without(text: &str) -> String {
    let words: Vec<&str> = split(text).into_iter().flatten().flat_map(str::split_whitespace).collect();
    words.join(" ").trim_end_matches([':', '=']).to_owned()
}

/// The type of value that a blank takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    Integer,
    /// A moment, best written as RFC 3339.
    Time,
    /// An IPv4 or IPv6 address.
    Ip,
    Url,
}

/// The smallest and the largest allowed number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub min: Option<i64>,
    pub max: Option<i64>,
}

/// Which side of a comparison a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Target,
}

/// The content of a comment after a blank: `<!-- int min=1 -->`, `<!-- var: NEW_IP; ip -->`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    pub var: Option<String>,
    /// A name that no shell could use.
    pub refused: Option<String>,
    pub kind: Option<Kind>,
    pub limits: Limits,
}

impl Note {
    /// Parses the inside of a comment; skips words without a meaning here.
    pub fn read(comment: &str) -> Note {
        let mut note = Note::default();
        for part in comment.split([';', ',']).map(str::trim) {
            if let Some(name) = part.strip_prefix("var:") {
                let name = name.trim().to_owned();
                if is_name(&name) {
                    note.var = Some(name)
                } else {
                    note.refused = Some(name)
                }
                continue;
            }
            for word in part.split_whitespace() {
                match (word, word.split_once('=')) {
                    ("int" | "integer", _) => note.kind = Some(Kind::Integer),
                    ("time", _) => note.kind = Some(Kind::Time),
                    ("text", _) => note.kind = Some(Kind::Text),
                    ("ip", _) => note.kind = Some(Kind::Ip),
                    ("url", _) => note.kind = Some(Kind::Url),
                    (_, Some(("min", number))) => note.limits.min = number.parse().ok(),
                    (_, Some(("max", number))) => note.limits.max = number.parse().ok(),
                    _ => {}
                }
            }
        }
        note
    }
}

/// Whether a text can be the name of a value in a shell: letters, digits and `_`.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Kind {
    /// Guesses the type from the words of the label, and from the name of the value.
    pub fn from_label(label: &str, var: Option<&str>) -> Kind {
        let label = label.to_lowercase();
        let words: Vec<&str> = label.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
        // A duration in minutes is a number, not a moment.
        if has(&["min", "minutes", "seconds"]) && !has(&["at"]) {
            return Kind::Integer;
        }
        let is_moment = var.is_some_and(|name| name.ends_with("_AT") || name.ends_with("_TIME"));
        let is_last = words.last().is_some_and(|word| ["at", "time", "timestamp"].contains(word));
        // In a whole sentence the word could refer to anything.
        if is_moment || is_last || words.len() <= 4 && has(&["time", "timestamp"]) {
            return Kind::Time;
        }
        if has(&["count", "counts", "rows", "number", "total", "migrated"]) {
            return Kind::Integer;
        }
        if has(&["ip", "ipv4", "ipv6"]) {
            return Kind::Ip;
        }
        if has(&["url"]) { Kind::Url } else { Kind::Text }
    }
}

impl Side {
    /// The side of a comparison that a label names. In a table whose column holds numbers, words such as "old" count, too.
    pub fn from_label(label: &str, in_counts: bool) -> Option<Side> {
        let label = label.to_lowercase();
        let words: Vec<&str> = label.split(|c: char| !c.is_alphanumeric()).collect();
        let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
        if has(&["source"]) || in_counts && has(&["old", "before"]) {
            return Some(Side::Source);
        }
        (has(&["target"]) || in_counts && has(&["new", "after"])).then_some(Side::Target)
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
        assert_eq!(Kind::from_label("Freeze timestamp", None), Kind::Time);
        assert_eq!(Kind::from_label("Import ended at", None), Kind::Time);
        assert_eq!(Kind::from_label("users migrated", None), Kind::Integer);
        assert_eq!(Kind::from_label("Buffer in minutes", None), Kind::Integer);
        assert_eq!(Kind::from_label("New IP", None), Kind::Ip);
        assert_eq!(Kind::from_label("Release URL", None), Kind::Url);
        assert_eq!(Kind::from_label("Estimated", None), Kind::Text);
        assert_eq!(Kind::from_label("Take the freeze time with date", Some("FREEZE_AT")), Kind::Time);
        assert_eq!(Kind::from_label("Write the loss with kind, amount and span of time used", None), Kind::Text);
    }

    #[test]
    fn comments_tell_more() {
        let note = Note::read("var: BUFFER_MIN; int min=1 max=90");
        assert_eq!((note.var.as_deref(), note.kind), (Some("BUFFER_MIN"), Some(Kind::Integer)));
        assert_eq!(note.limits, Limits { min: Some(1), max: Some(90) });
        assert_eq!(Note::read("id: x"), Note::default());
        assert_eq!(Note::read("var: $(rm)").var, None);
        assert_eq!(Side::from_label("Gateways: source", false), Some(Side::Source));
        assert_eq!(Side::from_label("Old value", false), None);
    }
}
