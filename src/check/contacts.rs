//! `contacts-blank`: contacts that somebody would have to look up during the night.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::sheets::Sheet;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::{blank, markdown};
use crate::rule;
use crate::text::counted;

pub fn check(sheet: &Sheet, diagnostics: &mut Diagnostics) {
    let text = sheet.body();
    let offset = sheet.source.text.len() - text.len();
    let marked = blank::mark(text);
    let events = markdown::events(&marked);
    let mut in_contacts = None;
    let mut in_head = false;
    let mut blank_cells = 0;
    let mut first = None;
    let mut report = |count: &mut usize, first: &mut Option<std::ops::Range<usize>>| {
        if let Some(place) = first.take() {
            let message = format!("{} left blank", counted(*count, "contact is", "contacts are"));
            let diagnostic = Diagnostic::new(rule::CONTACTS_BLANK, message).at(&sheet.page.path, place.start + offset..place.end + offset);
            diagnostics.push(diagnostic.help("fill them in before the event, or turn the rule off if the sheet is filled in by hand"));
        }
        *count = 0;
    };
    for (index, (event, range)) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let level = *level as u8;
                if in_contacts.is_none_or(|outer| level <= outer) {
                    report(&mut blank_cells, &mut first);
                    let end = markdown::end_of(&events, index);
                    let title = markdown::plain_text(&events[index..end]).to_lowercase();
                    in_contacts = (title.contains("contact") || title.contains("on-call") || title.contains("on call")).then_some(level);
                }
            }
            // The empty corner cell of a header row does not count as a contact.
            Event::Start(Tag::TableHead) => in_head = true,
            Event::End(TagEnd::TableHead) => in_head = false,
            Event::Start(Tag::TableCell) if in_contacts.is_some() => {
                let end = markdown::end_of(&events, index);
                let words = markdown::plain_text(&events[index..end]);
                let is_blank = words.trim().is_empty() || words.trim_start().starts_with(blank::MARK);
                if is_blank && !in_head {
                    blank_cells += 1;
                    first.get_or_insert(range.clone());
                }
            }
            _ => {}
        }
    }
    report(&mut blank_cells, &mut first);
}
