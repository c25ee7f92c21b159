//! Template tags in the Markdown of a notice.
//!
//! Before the Markdown is parsed, each tag is replaced by a mark of the same number of bytes, so that places stay
//! right and no tag can be read as Markdown; afterwards the marks become tags of a template.
//! Inline marks are words; a statement on a line of its own becomes a processing instruction, a block
//! that may occur anywhere (CommonMark §4.6, kind 3).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::link::{self, Target};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::source::{RelPath, Span};

/// Marks of tags in text.
pub(super) const TEXT: u32 = 0xF_0000;
/// Marks of statements on their own line (within `<?…?>`).
pub(super) const BLOCK: u32 = 0xE100;
/// Marks at the beginning of a link's target, later in it, in code, and in the address of a `mailto:`.
const LINK: u32 = 0x10_0000;
const LINK_PART: u32 = 0x10_4000;
const CODE: u32 = 0x10_8000;
const ADDRESS: u32 = 0x10_C000;
/// The maximum number of tags in one file.
const MOST: u32 = 0x1700;
pub(super) const FILL: char = 'x';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{{ … }}`
    Expression,
    /// `{% … %}`
    Statement,
    /// `{# … #}`
    Comment,
}

/// A template tag and its place in the file.
#[derive(Clone, Debug)]
pub struct Tag {
    pub kind: Kind,
    /// The tag as written, with its braces.
    pub text: String,
    pub span: Span,
}

impl Tag {
    /// The text between the braces.
    pub fn inner(&self) -> &str {
        self.text[2..self.text.len() - 2].trim_matches('-').trim()
    }

    /// Whether it removes the spaces before it: `{{-`, `{%-`.
    pub fn trims_before(&self) -> bool {
        self.text.as_bytes()[2] == b'-' && self.text.len() > 5
    }

    /// Whether it removes the spaces after it: `-}}`, `-%}`.
    pub fn trims_behind(&self) -> bool {
        self.text.len() > 5 && self.text.as_bytes()[self.text.len() - 3] == b'-'
    }

    /// The kind of a statement: its first word, such as `if`.
    pub fn word(&self) -> &str {
        self.inner().split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("")
    }

    /// Whether what follows it is rendered under a condition.
    pub fn is_branch(&self) -> bool {
        self.kind == Kind::Statement && matches!(self.word(), "if" | "elif" | "else" | "for")
    }
}

/// The text with its tags replaced by marks.
#[derive(Clone, Debug, Default)]
pub struct Marked {
    pub text: String,
    pub tags: Vec<Tag>,
}

/// The template tags of a page whose HTML contains marks in their places.
#[derive(Clone, Debug)]
pub struct TemplateTags {
    pub tags: Arc<[Tag]>,
    /// The element that contains each tag, by the number of the tag.
    pub element_of_tag: BTreeMap<usize, usize>,
}

/// Finds the tags of a text. An unclosed tag is an error.
pub fn mark(text: &str, path: &RelPath, offset: usize, diagnostics: &mut Diagnostics) -> Marked {
    let mut marked = Marked { text: String::with_capacity(text.len()), tags: Vec::new() };
    let mut at = 0;
    while let Some((start, kind)) = next_opening(text, at) {
        marked.text.push_str(&text[at..start]);
        let place = |end: usize| start + offset..end + offset;
        let Some(end) = closing(text, start, kind) else {
            let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
            let (open, close) = delimiters(kind);
            let diagnostic = Diagnostic::new(rule::UNCLOSED_TAG, format!("`{open}` is not closed"));
            diagnostics.push(diagnostic.at(path, place(line_end)).help(format!("close it with `{close}`")));
            // Skip the rest of the line, so that the other lines can still be read.
            marked.text.extend(std::iter::repeat_n(FILL, line_end - start));
            at = line_end;
            continue;
        };
        let tag = Tag { kind, text: text[start..end].to_owned(), span: place(end) };
        let index = u32::try_from(marked.tags.len()).unwrap_or(MOST);
        if index >= MOST {
            let diagnostic = Diagnostic::new(rule::TOO_MANY_TAGS, format!("the file has more than {MOST} template tags"));
            diagnostics.push(diagnostic.at(path, place(end)));
            break;
        }
        push_mark(&mut marked.text, index, kind, end - start, alone_on_line(text, start, end));
        marked.tags.push(tag);
        at = end;
    }
    marked.text.push_str(&text[at..]);
    marked
}

fn next_opening(text: &str, from: usize) -> Option<(usize, Kind)> {
    let bytes = text.as_bytes();
    (from..bytes.len().saturating_sub(1)).find_map(|at| match &bytes[at..at + 2] {
        b"{{" => Some((at, Kind::Expression)),
        b"{%" => Some((at, Kind::Statement)),
        b"{#" if !heading_id(&text[at..]) => Some((at, Kind::Comment)),
        _ => None,
    })
}

/// `{#id}` after a heading is not a comment.
fn heading_id(text: &str) -> bool {
    text[2..].find(['}', '\n', ' ']).is_some_and(|end| text[2 + end..].starts_with('}') && end > 0 && !text[2..2 + end].ends_with('#'))
}

fn delimiters(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Expression => ("{{", "}}"),
        Kind::Statement => ("{%", "%}"),
        Kind::Comment => ("{#", "#}"),
    }
}

/// The end of the tag. Quoted text may contain the closing mark; an empty line ends the search.
fn closing(text: &str, start: usize, kind: Kind) -> Option<usize> {
    let close = delimiters(kind).1.as_bytes();
    let bytes = text.as_bytes();
    let mut quote: Option<u8> = None;
    let mut at = start + 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (_, b'\n') if text[at + 1..].trim_start_matches([' ', '\t', '\r']).starts_with('\n') => return None,
            (None, b'{') if kind != Kind::Comment && matches!(bytes.get(at + 1), Some(b'{' | b'%')) => return None,
            (None, b'"' | b'\'' | b'`') if kind != Kind::Comment => quote = Some(bytes[at]),
            (Some(open), byte) if open == byte => quote = None,
            (None, _) if bytes[at..].starts_with(close) => return Some(at + 2),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether the tag is alone on its line. Only the parser knows how far the line may be indented.
fn alone_on_line(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].rsplit('\n').next().unwrap_or("");
    let after = text[end..].split('\n').next().unwrap_or("");
    // CommonMark's spaces: any other kind begins a paragraph.
    let is_empty = |text: &str| text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    is_empty(before) && is_empty(after)
}

fn push_mark(text: &mut String, index: u32, kind: Kind, length: usize, alone: bool) {
    if kind != Kind::Expression && alone && length >= 7 {
        text.push_str("<?");
        text.push(character(BLOCK + index));
        text.extend(std::iter::repeat_n(FILL, length - 7));
        text.push_str("?>");
    } else {
        text.push(character(TEXT + index));
        text.extend(std::iter::repeat_n(FILL, length - 4));
    }
}

fn character(code: u32) -> char {
    char::from_u32(code).unwrap_or('\u{FFFD}')
}

/// The statement in an HTML block that contains nothing else, as a mark in text.
pub fn block(html: &str) -> Option<char> {
    let inner = html.trim().strip_prefix("<?")?.strip_suffix("?>")?;
    let first = inner.chars().next()?;
    let index = u32::from(first).checked_sub(BLOCK).filter(|index| *index < MOST)?;
    inner[first.len_utf8()..].chars().all(|c| c == FILL).then(|| character(TEXT + index))
}

/// Whether a text contains a mark.
pub fn holds_mark(text: &str) -> bool {
    text.chars().any(|c| index_of(c, TEXT).is_some())
}

/// Whether a target with a mark can be that of a link: it begins with an allowed scheme, or with the mark, whose value is
/// judged once it is known.
pub fn can_lead(target: &str) -> bool {
    let begins = target.starts_with(|c| index_of(c, TEXT).is_some());
    holds_mark(target) && (begins || matches!(link::classify(target), Target::External(_)))
}

/// The number of the tag for a mark of this kind.
pub(super) fn index_of(c: char, base: u32) -> Option<usize> {
    u32::from(c).checked_sub(base).filter(|index| *index < MOST).map(|index| index as usize)
}

/// A text with its tags as written.
pub(super) fn as_written(text: &str, tags: &[Tag]) -> String {
    if let Some(tag) = block(text).and_then(|mark| tags.get(index_of(mark, TEXT)?)) {
        return format!("{}\n", tag.text);
    }
    let mut written = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        // In code, a statement on its own line is still between the marks of its block.
        let own_line = index_of(c, BLOCK).and_then(|index| tags.get(index)).filter(|_| written.ends_with("<?"));
        if let Some(tag) = own_line {
            written.truncate(written.len() - 2);
            written.push_str(&tag.text);
            rest = rest.get(tag.text.len() - 5..).unwrap_or("");
            continue;
        }
        match index_of(c, TEXT).and_then(|index| tags.get(index)) {
            Some(tag) => {
                written.push_str(&tag.text);
                rest = rest.get(tag.text.len() - 4..).unwrap_or("");
            }
            None => written.push(c),
        }
    }
    written
}

/// The target of a link, with its marks turned into marks for links.
pub fn in_link(target: &str) -> String {
    let address = if target.starts_with("mailto:") { target.find('?').unwrap_or(target.len()) } else { 0 };
    let base = |at: usize| match at {
        0 => LINK,
        at if at < address => ADDRESS,
        _ => LINK_PART,
    };
    let moved = |(at, c): (usize, char)| index_of(c, TEXT).map_or(c, |index| character(base(at) + index as u32));
    target.char_indices().map(moved).collect()
}

/// A text for a message: marks and their fill become dots.
pub fn with_dots(text: &str) -> String {
    let mut shown = String::new();
    let mut is_fill = false;
    for c in text.chars() {
        let is_mark = index_of(c, TEXT).or(index_of(c, BLOCK)).is_some();
        is_fill = is_mark || is_fill && c == FILL;
        if is_mark {
            shown.push('…');
        } else if !is_fill {
            shown.push(c);
        }
    }
    shown
}

/// Code, with its marks turned into marks for code: there, tags are plain text.
pub fn in_code(code: &str) -> String {
    let mut moved = String::new();
    for c in code.chars() {
        match (index_of(c, TEXT), index_of(c, BLOCK)) {
            (Some(index), _) | (_, Some(index)) => moved.push(character(CODE + index as u32)),
            _ => moved.push(c),
        }
    }
    moved
}

/// A template, and the source places of its bytes.
#[derive(Clone, Debug, Default)]
pub struct Template {
    pub text: String,
    pub places: Vec<(Span, Span)>,
    /// Active tags, by number; tags in code are not active.
    pub used: Vec<usize>,
}

impl Template {
    /// Replaces the last occurrence of a text, which is after all tags.
    pub fn replace_behind(&mut self, text: &str, by: &str) {
        if let Some(at) = self.text.rfind(text) {
            self.text.replace_range(at..at + text.len(), by);
        }
    }

    /// The source place of a byte of the template: its tag's, or the nearest one before.
    pub fn place(&self, at: usize) -> Option<Span> {
        let index = self.places.partition_point(|(made, _)| made.start <= at);
        self.places.get(index.saturating_sub(1)).map(|(_, span)| span.clone())
    }
}

/// Marks by which a probe shows what was rendered: `VALUE number IS value END` for an expression, `BRANCH number IS` where a
/// statement was followed (private use, so they occur in no value).
pub const VALUE: char = '\u{F8F0}';
pub const IS: char = '\u{F8F1}';
pub const END: char = '\u{F8F2}';
pub const BRANCH: char = '\u{F8F3}';

/// Turns a text with marks into a template. `html` says whether text in code must be escaped.
pub fn template(marked: &str, tags: &[Tag], html: bool) -> Template {
    write_template(marked, tags, html, false)
}

/// Like [`template`] for text, with marks around each value and after each branch.
pub fn probe(marked: &str, tags: &[Tag]) -> Template {
    write_template(marked, tags, false, true)
}

fn write_template(marked: &str, tags: &[Tag], html: bool, is_probe: bool) -> Template {
    let mut template = Template::default();
    let mut plain = String::new();
    let mut rest = marked;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let Some((tag, index, base)) = tag_of(c, tags) else {
            plain.push(c);
            continue;
        };
        // The fill after a mark covers the rest of the tag. A block's mark in text has none.
        let fill = tag.text.len().saturating_sub(4);
        if rest.len() >= fill && rest.as_bytes()[..fill].iter().all(|byte| *byte == FILL as u8) {
            rest = &rest[fill..];
        } else if base == CODE {
            let fill = tag.text.len().saturating_sub(7);
            rest = rest.get(fill..).unwrap_or(rest);
        }
        flush(&mut plain, &mut template.text);
        let start = template.text.len();
        let is_reviewed = is_probe && base != CODE;
        if is_reviewed && tag.kind == Kind::Expression {
            template.text.push_str(&format!("{VALUE}{index}{IS}"));
        }
        // A review shows the value, not how a link encodes it.
        push_tag(tag, if is_reviewed { TEXT } else { base }, html, &mut template.text);
        if is_reviewed && tag.kind == Kind::Expression {
            template.text.push(END);
        }
        if is_reviewed && tag.is_branch() {
            template.text.push_str(&format!("{BRANCH}{index}{IS}"));
        }
        template.places.push((start..template.text.len(), tag.span.clone()));
        if base != CODE {
            template.used.push(index);
        }
    }
    flush(&mut plain, &mut template.text);
    template
}

fn tag_of(c: char, tags: &[Tag]) -> Option<(&Tag, usize, u32)> {
    [TEXT, LINK, LINK_PART, CODE, ADDRESS].into_iter().find_map(|base| {
        let index = index_of(c, base)?;
        Some((tags.get(index)?, index, base))
    })
}

/// Text that only looks like a tag (for example from `{\{`) stays text.
fn flush(plain: &mut String, template: &mut String) {
    if !plain.contains("{{") && !plain.contains("{%") && !plain.contains("{#") {
        template.push_str(plain);
    } else {
        for c in plain.chars() {
            if c == '{' { template.push_str("{% raw %}{{% endraw %}") } else { template.push(c) }
        }
    }
    plain.clear();
}

fn push_tag(tag: &Tag, base: u32, html: bool, template: &mut String) {
    let inner = tag.inner().replace("event.at(", "event_at(");
    match (base, tag.kind) {
        (CODE, _) => {
            template.push_str("{% raw %}");
            if html {
                crate::text::html::escape(&tag.text, template);
            } else {
                template.push_str(&tag.text);
            }
            template.push_str("{% endraw %}");
        }
        (_, Kind::Comment) => {}
        (_, Kind::Statement) => template.push_str(&format!("{{% {inner} %}}")),
        (LINK, Kind::Expression) => template.push_str(&format!("{{{{ ({inner}) | link }}}}")),
        (ADDRESS, Kind::Expression) => template.push_str(&format!("{{{{ ({inner}) | link_address }}}}")),
        (LINK_PART, Kind::Expression) => template.push_str(&format!("{{{{ ({inner}) | link_part }}}}")),
        (_, Kind::Expression) => template.push_str(&format!("{{{{ {inner} }}}}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str) -> (Marked, Diagnostics) {
        let mut diagnostics = Diagnostics::default();
        let marked = mark(text, &RelPath::new("n.md").unwrap(), 0, &mut diagnostics);
        (marked, diagnostics)
    }

    #[test]
    fn marks_keep_the_length() {
        for text in ["a {{ r.name }} b", "{% if x %}\n\ntext\n\n{% endif %}\n", "{{x}}", "{# note #}", "{{ \"}}\" }}", "é {{ é }}"] {
            let (marked, diagnostics) = marked(text);
            assert!(diagnostics.is_empty(), "{text}");
            assert_eq!(marked.text.len(), text.len(), "{text}");
            assert!(!marked.tags.is_empty(), "{text}");
        }
    }

    #[test]
    fn an_open_tag_is_an_error_and_the_rest_is_read() {
        let (marked, diagnostics) = marked("a {{ x\n\nb {{ y }} c");
        assert_eq!(diagnostics.iter().map(|diagnostic| diagnostic.rule.code).collect::<Vec<_>>(), ["unclosed-tag"]);
        assert_eq!(marked.tags.len(), 1);
    }

    #[test]
    fn tags_come_back() {
        let (inline, _) = marked("a {{ r.name }} b {# gone #}c");
        assert_eq!(template(&inline.text, &inline.tags, true).text, "a {{ r.name }} b c");
        let (at, _) = marked("{{ event.at(offset=\"T-1h\") | when }}");
        assert_eq!(template(&at.text, &at.tags, true).text, "{{ event_at(offset=\"T-1h\") | when }}");
        assert_eq!(template("a {{ b", &[], true).text, "a {% raw %}{{% endraw %}{% raw %}{{% endraw %} b");
        let (code, _) = marked("{{ x }}");
        assert_eq!(template(&in_code(&code.text), &code.tags, true).text, "{% raw %}{{ x }}{% endraw %}");
        let (link, _) = marked("{{ x }}/{{ y }}");
        assert_eq!(template(&in_link(&link.text), &link.tags, true).text, "{{ (x) | link }}/{{ (y) | link_part }}");
        let (mail, _) = marked("mailto:{{ x }}?subject={{ y }}");
        let expected = "mailto:{{ (x) | link_address }}?subject={{ (y) | link_part }}";
        assert_eq!(template(&in_link(&mail.text), &mail.tags, true).text, expected);
        assert_eq!(with_dots(&marked("<b>{{ r.name }}</b>").0.text), "<b>…</b>");
    }

    #[test]
    fn a_heading_id_is_no_comment() {
        let (plain, diagnostics) = marked("## Title {#export}\n");
        assert!(plain.tags.is_empty() && diagnostics.is_empty());
    }
}
