//! The events of a text whose template tags are marks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pulldown_cmark::{CowStr, Event, LinkType, Tag as Element, TagEnd};

use super::markdown::{self, Placed};
use super::tags::{BLOCK, FILL, Marked, TEXT, Tag, as_written, block, holds_mark, index_of};
use crate::diagnostic::Diagnostics;
use crate::source::RelPath;

/// Reads a text: a tag between `<` and `>` is a link, one in a picture's address is plain text, and a statement on its own line that
/// continues a paragraph belongs to it.
pub fn read<'t>(marked: &'t Marked, path: &RelPath, offset: usize, diagnostics: &mut Diagnostics) -> Vec<Placed<'t>> {
    let events = markdown::read(&marked.text, path, offset, diagnostics).into_iter().map(inline).collect();
    keep_in_pictures(autolink(without_spaces(events, &marked.tags)), &marked.tags)
}

/// `{{- x -}}` removes the spaces beside it, and a line end among them, within its paragraph.
fn without_spaces<'t>(mut events: Vec<Placed<'t>>, tags: &[Tag]) -> Vec<Placed<'t>> {
    if !tags.iter().any(|tag| tag.trims_before() || tag.trims_behind()) {
        return events;
    }
    let mut gone = BTreeSet::new();
    for at in 0..events.len() {
        let Event::Text(text) = &events[at].0 else { continue };
        if !holds_mark(text) {
            continue;
        }
        let (trimmed, first, last) = trimmed(text, tags);
        let is_line_end = |at: usize| matches!(events.get(at), Some((Event::SoftBreak | Event::HardBreak, _)));
        gone.extend(at.checked_sub(1).filter(|before| first && is_line_end(*before)));
        gone.extend(Some(at + 1).filter(|next| last && is_line_end(*next)));
        events[at].0 = Event::Text(trimmed.into());
    }
    let mut at = 0;
    events.retain(|_| (!gone.contains(&at), at += 1).0);
    events
}

/// A text without the spaces that its tags remove, and whether it begins or ends with a tag that does so.
fn trimmed(text: &str, tags: &[Tag]) -> (String, bool, bool) {
    let (mut trimmed, mut rest) = (String::new(), text);
    let (mut first, mut last) = (false, false);
    while let Some(c) = rest.chars().next() {
        let Some(tag) = index_of(c, TEXT).and_then(|index| tags.get(index)) else {
            trimmed.push(c);
            rest = &rest[c.len_utf8()..];
            last = false;
            continue;
        };
        // The fill covers the rest of the tag.
        let length = Some(tag.text.len()).filter(|length| rest.is_char_boundary(*length)).unwrap_or(c.len_utf8());
        let (mark, behind) = rest.split_at(length);
        if tag.trims_before() {
            trimmed.truncate(trimmed.trim_end().len());
        }
        first |= tag.trims_before() && trimmed.is_empty();
        trimmed.push_str(mark);
        rest = if tag.trims_behind() { behind.trim_start() } else { behind };
        last = tag.trims_behind();
    }
    (trimmed, first, last)
}

/// The mark of a statement, in text form, if the parser found that it is not a block.
fn inline<'t>((event, range): Placed<'t>) -> Placed<'t> {
    match &event {
        Event::InlineHtml(html) => match block(html) {
            Some(mark) => {
                let fill = html.len().saturating_sub(mark.len_utf8());
                (Event::Text(std::iter::once(mark).chain(std::iter::repeat_n(FILL, fill)).collect::<String>().into()), range)
            }
            None => (event, range),
        },
        _ => (event, range),
    }
}

/// The element of each inline or block mark, by the number of its tag: the place of the element's start.
pub fn element_of_tag(events: &[Placed]) -> BTreeMap<usize, usize> {
    let mut element_of_tag = BTreeMap::new();
    let mut open: Vec<usize> = vec![usize::MAX];
    for (at, (event, _)) in events.iter().enumerate() {
        match event {
            // The block of a statement does not count as an element.
            Event::Start(Element::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
            Event::Start(_) => open.push(at),
            Event::End(_) => {
                open.pop();
            }
            Event::Html(html) => {
                let mark = block(html).and_then(|mark| index_of(mark, TEXT));
                element_of_tag.extend(mark.map(|index| (index, open.last().copied().unwrap_or(usize::MAX))));
            }
            Event::Text(text) => {
                let element = open.last().copied().unwrap_or(usize::MAX);
                element_of_tag.extend(text.chars().filter_map(|c| index_of(c, TEXT)).map(|index| (index, element)));
            }
            _ => {}
        }
    }
    element_of_tag
}

/// How many statements on their own lines are open.
pub fn open_statements(events: &[Placed], tags: &[Tag]) -> usize {
    let statements = events.iter().filter_map(|(event, _)| match event {
        Event::Html(html) => tags.get(index_of(block(html)?, TEXT)?),
        _ => None,
    });
    statements.fold(0, |open: usize, tag| match tag.word() {
        "if" | "for" | "filter" => open + 1,
        word if word.starts_with("end") => open.saturating_sub(1),
        _ => open,
    })
}

/// Events with the tags as written, for text that is not a template.
pub fn restore<'t>(events: &[Placed<'t>], tags: &[Tag]) -> Vec<Placed<'t>> {
    events.iter().map(|(event, range)| (restored(event, tags), range.clone())).collect()
}

/// Events of a page that is a template: in code and in headings, tags are plain text. Returns the headings with tags.
pub fn keep_in_prose<'t>(events: Vec<Placed<'t>>, tags: &[Tag]) -> (Vec<Placed<'t>>, Vec<Range<usize>>) {
    let (mut is_heading, mut is_code) = (false, false);
    let mut headings: Vec<Range<usize>> = Vec::new();
    let kept = events.into_iter().map(|(event, range)| {
        match &event {
            Event::Start(Element::Heading { .. }) => is_heading = true,
            Event::Start(Element::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::Heading(_)) => is_heading = false,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            _ => {}
        }
        if let (true, Event::Text(text)) = (is_heading, &event)
            && holds_mark(text)
        {
            headings.push(range.clone());
        }
        let event = if is_heading || is_code || matches!(event, Event::Code(_)) { restored(&event, tags) } else { event };
        (event, range)
    });
    (kept.collect(), headings)
}

fn restored<'t>(event: &Event<'t>, tags: &[Tag]) -> Event<'t> {
    let written = |text: &CowStr<'t>| -> CowStr<'t> {
        if text.chars().any(|c| index_of(c, TEXT).or(index_of(c, BLOCK)).is_some()) { as_written(text, tags).into() } else { text.clone() }
    };
    match event {
        Event::Text(text) => Event::Text(written(text)),
        Event::Code(text) => Event::Code(written(text)),
        Event::Html(text) => Event::Html(written(text)),
        Event::InlineHtml(text) => Event::InlineHtml(written(text)),
        Event::Start(Element::Link { link_type, dest_url, title, id }) => {
            Event::Start(Element::Link { link_type: *link_type, dest_url: written(dest_url), title: written(title), id: id.clone() })
        }
        Event::Start(Element::Image { link_type, dest_url, title, id }) => {
            Event::Start(Element::Image { link_type: *link_type, dest_url: written(dest_url), title: written(title), id: id.clone() })
        }
        event => event.clone(),
    }
}

/// A tag in a picture's address is plain text: whether the picture exists must be known before any value is.
fn keep_in_pictures<'t>(mut events: Vec<Placed<'t>>, tags: &[Tag]) -> Vec<Placed<'t>> {
    for (event, _) in &mut events {
        if let Event::Start(Element::Image { dest_url, .. }) = event
            && holds_mark(dest_url)
        {
            *dest_url = as_written(dest_url, tags).into();
        }
    }
    events
}

/// `<{{ links.status }}>` is an autolink, as `<https://…>` would be: inside a link or a picture only its words remain (CommonMark §6.3).
fn autolink(events: Vec<Placed>) -> Vec<Placed> {
    let mut linked = Vec::with_capacity(events.len());
    let (mut around, mut is_code) = (0_usize, false);
    for (event, range) in events {
        match &event {
            Event::Start(Element::Link { .. } | Element::Image { .. }) => around += 1,
            Event::End(TagEnd::Link | TagEnd::Image) => around = around.saturating_sub(1),
            Event::Start(Element::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            _ => {}
        }
        let (Event::Text(text), false) = (&event, is_code) else {
            linked.push((event, range));
            continue;
        };
        let mut rest: &str = text;
        while let Some((before, mark, after)) = bracketed(rest) {
            let link = Element::Link { link_type: LinkType::Autolink, dest_url: mark.to_owned().into(), title: "".into(), id: "".into() };
            let place = range.clone();
            linked.push((Event::Text(before.to_owned().into()), place.clone()));
            if around == 0 {
                linked.push((Event::Start(link), place.clone()));
            }
            linked.push((Event::Text(mark.to_owned().into()), place.clone()));
            if around == 0 {
                linked.push((Event::End(TagEnd::Link), place));
            }
            rest = after;
        }
        linked.push((Event::Text(rest.to_owned().into()), range));
    }
    linked
}

/// A mark with its fill between `<` and `>`, and the text around it.
fn bracketed(text: &str) -> Option<(&str, &str, &str)> {
    let open =
        text.match_indices('<').map(|(at, _)| at).find(|at| text[at + 1..].chars().next().is_some_and(|c| index_of(c, TEXT).is_some()))?;
    let close = open + text[open..].find('>')?;
    let mark = &text[open + 1..close];
    mark.chars().skip(1).all(|c| c == FILL).then(|| (&text[..open], mark, &text[close + 1..]))
}
