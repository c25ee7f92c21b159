//! The contents of a page.

use serde::Serialize;

use crate::page::Heading;
use crate::schedule::Place;

#[derive(Serialize)]
pub struct TocEntry {
    title: String,
    anchor: String,
    level: u8,
    children: Vec<TocEntry>,
}

/// Headings of the second and third level, the third below the second.
pub fn toc<'a>(headings: impl Iterator<Item = &'a Heading>) -> Vec<TocEntry> {
    let mut entries: Vec<TocEntry> = Vec::new();
    for heading in headings.filter(|heading| matches!(heading.level, 2 | 3)) {
        // The content of the final parenthesis is shown below the heading instead.
        let title = match &heading.timing {
            Some(timing) if timing.place == Place::Trailing => timing.label.clone(),
            _ => heading.text.clone(),
        };
        let entry = TocEntry { title, anchor: heading.anchor.clone(), level: heading.level, children: Vec::new() };
        match entries.last_mut() {
            Some(parent) if heading.level == 3 => parent.children.push(entry),
            _ => entries.push(entry),
        }
    }
    // A list with a single entry would be useless.
    if entries.len() == 1 && entries[0].children.is_empty() {
        entries.clear();
    }
    entries
}
