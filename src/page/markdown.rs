//! Markdown to events: GitHub's dialect, with bare addresses turned into links, and with places.

use std::collections::BTreeSet;
use std::ops::Range;

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{BrokenLink, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use super::definition::{self, Undefined};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::source::RelPath;

/// An event with its byte range in the text.
pub type Placed<'t> = (Event<'t>, Range<usize>);

/// Matches the rarer events of running text, besides words, code and elements: writers name every event, so that a new one is noticed.
macro_rules! mark {
    () => {
        Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::TaskListMarker(_)
    };
}

/// Matches the tags that cannot be in running text.
macro_rules! block {
    () => {
        Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::BlockQuote(_)
            | Tag::CodeBlock(_)
            | Tag::HtmlBlock
            | Tag::List(_)
            | Tag::Item
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell
            | Tag::MetadataBlock(_)
    };
}
pub(crate) use {block, mark};

/// The enabled options: tables, tasks, footnotes, strikethrough, alerts, heading ids, definition lists.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_GFM
        | Options::ENABLE_DEFINITION_LIST
}

/// Parses a text (GFM 0.29, CommonMark 0.31).
pub fn events(text: &str) -> Vec<Placed<'_>> {
    parse(text).events
}

/// The kind of document that a text was read as.
struct Parsed<'t> {
    events: Vec<Placed<'t>>,
    /// How many elements may be open at once.
    depth: usize,
    undefined: Undefined,
}

/// Parses a text, and finds its references without a definition.
fn parse(text: &str) -> Parsed<'_> {
    let mut undefined = Undefined::default();
    let note = |link: BrokenLink| undefined.note(&link, text);
    let parser = Parser::new_with_broken_link_callback(text, options(), Some(note)).into_offset_iter();
    let defined = definition::names(text, parser.reference_definitions());
    // The text contains a mark, directly or as a character reference.
    let (events, depth) = if text.contains("&#") || holds_mark(text) {
        let marks: BTreeSet<char> = text.chars().filter(|c| crate::text::private_use::is_private_use(*c)).collect();
        collect(text, parser.map(|(event, range)| (without_marks(event, &text[range.clone()], &marks), range)))
    } else {
        collect(text, parser)
    };
    undefined.defined = defined;
    Parsed { events, depth, undefined }
}

/// The events of a text, with bare addresses turned into links, and the maximum nesting depth.
fn collect<'t>(text: &str, parser: impl Iterator<Item = Placed<'t>>) -> (Vec<Placed<'t>>, usize) {
    let mut events = Vec::with_capacity(text.len() / 5);
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut links, mut pictures) = (0, 0);
    let mut inside_code = false;
    for (mut event, range) in TextMergeWithOffset::new(parser) {
        add_scheme(&mut event);
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        match &event {
            // Links cannot contain links (CommonMark §6.3), but the parser makes one of `<https://…>` within a link: keep only its words.
            Event::Start(Tag::Link { .. }) => {
                links += 1;
                if links > 1 {
                    continue;
                }
            }
            Event::End(TagEnd::Link) => {
                links -= 1;
                if links > 0 {
                    continue;
                }
            }
            Event::Start(Tag::Image { .. }) => pictures += 1,
            Event::End(TagEnd::Image) => pictures -= 1,
            Event::Start(Tag::CodeBlock(_)) => inside_code = true,
            Event::End(TagEnd::CodeBlock) => inside_code = false,
            Event::Text(words) if links + pictures == 0 && !inside_code && may_hold_address(words) => {
                autolink(words, &range, text, &mut events);
                deepest = deepest.max(depth + 1);
                continue;
            }
            _ => {}
        }
        events.push((event, range));
    }
    (events, deepest)
}

/// Most texts contain no byte with which such a character begins.
fn holds_mark(text: &str) -> bool {
    crate::text::private_use::may_hold_private_use(text) && text.contains(crate::text::private_use::is_private_use)
}

/// An entity must not produce one of the marks that [`crate::text::private_use::is_private_use`] reserves for us.
fn without_marks<'t>(event: Event<'t>, written: &str, marks: &BTreeSet<char>) -> Event<'t> {
    let is_inline = |link_type| matches!(link_type, LinkType::Inline | LinkType::Autolink | LinkType::Email);
    let is_ours = |c, link_type| if is_inline(link_type) { written.contains(c) } else { marks.contains(&c) };
    // Marks of our own are written literally in the link; the address of a reference is elsewhere in the text.
    let clean = |words: CowStr<'t>, link_type| match holds_mark(&words) {
        true => words
            .chars()
            .map(|c| if crate::text::private_use::is_private_use(c) && !is_ours(c, link_type) { '\u{FFFD}' } else { c })
            .collect::<String>()
            .into(),
        false => words,
    };
    match event {
        Event::Text(words) if holds_mark(&words) => Event::Text(
            words
                .chars()
                .map(|c| if crate::text::private_use::is_private_use(c) && !written.contains(c) { '\u{FFFD}' } else { c })
                .collect::<String>()
                .into(),
        ),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: clean(dest_url, link_type), title: clean(title, link_type), id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: clean(dest_url, link_type), title: clean(title, link_type), id })
        }
        event => event,
    }
}

/// `<name@example.org>` is a link to the address, whose scheme the parser leaves to the writer.
fn add_scheme(event: &mut Event) {
    if let Event::Start(Tag::Link { link_type: LinkType::Email, dest_url, .. }) = event {
        *dest_url = format!("mailto:{dest_url}").into();
    }
}

/// Needs to be fast, since nearly all texts contain none.
fn may_hold_address(words: &str) -> bool {
    let bytes = words.as_bytes();
    memchr::memchr3_iter(b'@', b':', b'.', bytes).any(|at| match bytes[at] {
        b':' => bytes[at..].starts_with(b"://"),
        b'.' => bytes[..at].ends_with(b"www"),
        _ => true,
    })
}

/// Extended autolinks: `https://…`, `www.…` and mail addresses in running text (GFM §6.9).
fn autolink<'t>(words: &CowStr<'t>, range: &Range<usize>, text: &str, events: &mut Vec<Placed<'t>>) {
    // If text and source differ (entities, escapes), places inside are unknown, so the whole range is used.
    let exact = text.get(range.clone()) == Some(&**words);
    let place = |start: usize, end: usize| if exact { range.start + start..range.start + end } else { range.clone() };
    let mut finder = LinkFinder::new();
    finder.url_must_have_scheme(false).kinds(&[LinkKind::Url, LinkKind::Email]);
    for span in finder.spans(words) {
        let (start, end, part) = (span.start(), span.end(), span.as_str());
        let target = match span.kind() {
            Some(LinkKind::Email) => Some(format!("mailto:{part}")),
            Some(LinkKind::Url) if part.starts_with("https://") || part.starts_with("http://") => Some(part.to_owned()),
            Some(LinkKind::Url) if part.starts_with("www.") => Some(format!("http://{part}")),
            _ => None,
        };
        let words = Event::Text(CowStr::from(part.to_owned()));
        let Some(target) = target else {
            events.push((words, place(start, end)));
            continue;
        };
        let link =
            Tag::Link { link_type: LinkType::Autolink, dest_url: CowStr::from(target), title: CowStr::from(""), id: CowStr::from("") };
        events.push((Event::Start(link), place(start, end)));
        events.push((words, place(start, end)));
        events.push((Event::End(TagEnd::Link), place(start, end)));
    }
}

/// The deepest nesting that is kept.
const MOST_DEPTH: usize = 64;

/// The events of a text with limited nesting: deeper elements are flattened and reported.
pub fn read<'t>(text: &'t str, path: &RelPath, offset: usize, diagnostics: &mut Diagnostics) -> Vec<Placed<'t>> {
    let Parsed { mut events, depth, mut undefined } = parse(text);
    undefined.note_footnotes(&events, text);
    undefined.report(path, offset, diagnostics);
    if depth <= MOST_DEPTH {
        return events;
    }
    // Whether each open element is kept.
    let mut open: Vec<bool> = Vec::new();
    let mut too_deep = None;
    events.retain(|(event, range)| {
        let is_kept = match event {
            // A list without items, or a table without rows, would be invalid.
            Event::Start(Tag::Item | Tag::TableHead | Tag::TableRow | Tag::TableCell) => {
                open.push(open.last().copied().unwrap_or(true));
                open[open.len() - 1]
            }
            Event::Start(_) => {
                open.push(open.len() < MOST_DEPTH);
                open[open.len() - 1]
            }
            Event::End(_) => open.pop().unwrap_or(true),
            _ => true,
        };
        if !is_kept {
            too_deep.get_or_insert(range.clone());
        }
        is_kept
    });
    if let Some(range) = too_deep {
        let diagnostic = Diagnostic::new(rule::TOO_DEEP, format!("lists and quotes are nested more than {MOST_DEPTH} levels deep"));
        diagnostics.push(diagnostic.at(path, range.start + offset..range.end + offset).help("start a new list or section"));
    }
    events
}

/// The end of each element, by the number of its start. Other events end where they are.
pub fn ends(events: &[Placed]) -> Vec<usize> {
    let mut ends: Vec<usize> = (0..events.len()).collect();
    let mut open = Vec::new();
    for (index, (event, _)) in events.iter().enumerate() {
        match event {
            Event::Start(_) => {
                ends[index] = events.len() - 1;
                open.push(index);
            }
            Event::End(_) => {
                if let Some(start) = open.pop() {
                    ends[start] = index;
                }
            }
            _ => {}
        }
    }
    ends
}

/// The end of the element that begins at `start`; `start` itself if it is not an element.
pub fn end_of(events: &[Placed], start: usize) -> usize {
    let mut depth = 0;
    for (index, (event, _)) in events.iter().enumerate().skip(start) {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        if depth <= 0 {
            return index;
        }
    }
    events.len() - 1
}

/// The end of running text that begins at `from`: before the next block, its own end, or `end`.
pub fn run_end(events: &[Placed], from: usize, end: usize) -> usize {
    run_end_by(events, from, end, |at| end_of(events, at))
}

/// The same, with a given way to find the end of an element.
pub fn run_end_by(events: &[Placed], from: usize, end: usize, end_of: impl Fn(usize) -> usize) -> usize {
    let mut at = from;
    while at < end {
        match &events[at].0 {
            Event::Start(tag) if is_inline(tag) => at = end_of(at) + 1,
            Event::Start(_) | Event::End(_) | Event::Rule => break,
            _ => at += 1,
        }
    }
    at
}

/// Whether an element belongs in running text.
pub fn is_inline(tag: &Tag) -> bool {
    matches!(tag, Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. })
}

/// The ranges of the headings of a level, including their ends. Headings in lists and quotes are left out: no notice begins there.
pub fn headings(events: &[Placed], level: HeadingLevel) -> Vec<Range<usize>> {
    let mut headings = Vec::new();
    let mut at = 0;
    while at < events.len() {
        let end = end_of(events, at);
        if matches!(&events[at].0, Event::Start(Tag::Heading { level: found, .. }) if *found == level) {
            headings.push(at..end + 1);
        }
        at = end + 1;
    }
    headings
}

/// The HTML of a run of events, as it was written.
pub fn raw_html(events: &[Placed]) -> String {
    events.iter().filter_map(|(event, _)| if let Event::Html(html) = event { Some(&**html) } else { None }).collect()
}

/// The visible text of a run of events.
pub fn plain_text(events: &[Placed]) -> String {
    let mut text = String::new();
    for (event, _) in events {
        match event {
            Event::Text(words) | Event::Code(words) => text.push_str(words),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    text
}
