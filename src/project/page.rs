//! A page: a Markdown file with its front matter and its notices, as far as one file alone can determine it.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, Tag};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::{Language, Languages};
use crate::notice::{self, Notice};
use crate::page::{
    Blank, Body, Context, Dialect, External, Finds, Front, Heading, Item, Kind, Link, Rounds, blank, code, front, html, markdown, marked,
    tags,
};
use crate::rule;
use crate::schedule::{self, Found};
use crate::source::{RelPath, Source, Span};
use crate::text::is_bidi_control;
use crate::text::private_use::{is_private_use, may_hold_private_use, without_private_use};

/// A Markdown file as it was understood.
#[derive(Clone, Debug)]
pub struct Page {
    pub path: RelPath,
    pub front: Front,
    /// Where the Markdown begins in the file.
    pub begins: usize,
    pub kind: Kind,
    /// That of the front matter, of a translated notice, or of the site.
    pub language: Language,
    /// From the front matter, the first `#`, or the file's name.
    pub title: String,
    /// The `#` at the beginning of the page, as HTML; it is not in the body.
    pub title_html: Option<String>,
    pub body: Body,
    /// If the page is a template: the tags for the marks in its body.
    pub template_tags: Option<tags::TemplateTags>,
    pub headings: Vec<Heading>,
    pub links: Vec<Link>,
    /// Links to other sites.
    pub external: Vec<External>,
    /// Code and comments, where no rule about prose applies.
    pub code: Vec<Span>,
    pub notices: Vec<Notice>,
    /// Boxes to tick.
    pub tasks: usize,
    /// On a run sheet: tasks, choices and stop conditions in the order of the text.
    pub items: Vec<Item>,
    pub blanks: Vec<Blank>,
    /// Lists whose items are repeated.
    pub rounds: Vec<Rounds>,
    /// Code that is highlighted.
    pub blocks: Vec<code::Block>,
    /// Faults of the file itself.
    pub diagnostics: Diagnostics,
}

/// Reads a page. Never fails: faults are reported in the page's diagnostics.
///
/// `roles` are the keys of the roles of all events.
pub fn parse(source: &Source, roles: &BTreeMap<String, String>, languages: &Languages) -> Page {
    let mut diagnostics = Diagnostics::default();
    let (front, offset) = front::read(&source.text, &source.path, &mut diagnostics);
    report_private_use(&source.text[offset..], &source.path, offset, &mut diagnostics);
    let plain = without_private_use(&source.text[offset..]);
    let text = &*plain;
    report_bidi_control(text, &source.path, offset, &mut diagnostics);
    let kind = front.kind.unwrap_or_else(|| if looks_like_run_sheet(text) { Kind::RunSheet } else { Kind::Page });
    let language = language_of(source, &front, kind, languages);
    let mut finds = Finds::default();
    let marked = if kind == Kind::RunSheet { blank::mark(text) } else { String::new() };
    let is_template = front.template && kind == Kind::Page;
    if front.template && !is_template {
        let diagnostic = Diagnostic::new(rule::FRONT_MATTER_VALUE, "`template = true` works only on plain pages").in_file(&source.path);
        diagnostics
            .push(diagnostic.help("remove it: a notice is always a template, and a run sheet never, as its readers fill in the values"));
    }
    let marked_tags = is_template.then(|| tags::mark(text, &source.path, offset, &mut diagnostics));
    let events = match kind {
        Kind::RunSheet => markdown::read(&marked, &source.path, offset, &mut diagnostics),
        Kind::Page => match &marked_tags {
            Some(marked) => template_events(marked, &source.path, offset, &mut diagnostics),
            None => markdown::read(text, &source.path, offset, &mut diagnostics),
        },
        Kind::Notices | Kind::Notice => Vec::new(),
    };
    let vars = if kind == Kind::RunSheet { named_values(&events) } else { BTreeSet::new() };
    let context = Context {
        path: &source.path,
        offset,
        dialect: if kind == Kind::RunSheet { Dialect::RunSheet } else { Dialect::Page },
        offset_unit: front.offset_unit,
        roles,
        language: &language,
        vars: &vars,
        tags: is_template || matches!(kind, Kind::Notices | Kind::Notice),
        is_named: front.title.is_some(),
    };
    let element_of_tag = if is_template { marked::element_of_tag(&events) } else { BTreeMap::new() };
    let (body, notices) = match kind {
        Kind::Notices | Kind::Notice => notice::split(text, kind, &context, &mut finds),
        Kind::RunSheet | Kind::Page => (html::write(&events, &context, &mut finds), Vec::new()),
    };
    diagnostics.extend(std::mem::take(&mut finds.diagnostics));
    let first = finds.headings.iter().find(|heading| heading.level == 1);
    let title = front.title.clone().or_else(|| first.map(|heading| heading.text.clone()));
    let tasks = finds.headings.iter().map(|heading| heading.tasks).sum();
    Page {
        title: title.unwrap_or_else(|| humanise(source.path.stem())),
        path: source.path.clone(),
        front,
        begins: offset,
        kind,
        language,
        title_html: finds.title,
        body,
        template_tags: marked_tags.map(|marked| tags::TemplateTags { tags: marked.tags.into(), element_of_tag }),
        headings: finds.headings,
        links: finds.links,
        external: finds.external,
        code: finds.code,
        notices,
        tasks,
        items: finds.items,
        blanks: finds.blanks,
        rounds: finds.rounds,
        blocks: finds.blocks,
        diagnostics,
    }
}

/// The language of a page: as its front matter says, or, of notices, as the name of the file.
fn language_of(source: &Source, front: &Front, kind: Kind, languages: &Languages) -> Language {
    let is_of_notices = matches!(kind, Kind::Notices | Kind::Notice);
    let tag = front.lang.clone().or_else(|| notice::translation(&source.path).1.filter(|_| is_of_notices));
    tag.map_or_else(|| languages.site().clone(), |tag| languages.of(&tag))
}

/// The events of a page that is a template, its tags still marks.
fn template_events<'t>(
    marked: &'t tags::Marked,
    path: &RelPath,
    offset: usize,
    diagnostics: &mut Diagnostics,
) -> Vec<markdown::Placed<'t>> {
    let (events, headings) = marked::keep_in_prose(marked::read(marked, path, offset, diagnostics), &marked.tags);
    for range in headings {
        let diagnostic = Diagnostic::new(rule::TAG_IN_HEADING, "template tags are not evaluated in headings");
        let diagnostic = diagnostic.at(path, range.start + offset..range.end + offset);
        diagnostics.push(diagnostic.help("move it to the text below: the anchor of a heading must not change with a value"));
    }
    events
}

/// The variable names given by comments after blanks: `<!-- var: NEW_IP -->`.
fn named_values(events: &[markdown::Placed]) -> BTreeSet<String> {
    let comments = events.iter().filter_map(|(event, _)| match event {
        Event::InlineHtml(html) => html.strip_prefix("<!--")?.strip_suffix("-->"),
        _ => None,
    });
    comments.filter_map(|comment| blank::Note::read(comment.trim()).var).collect()
}

fn report_private_use(text: &str, path: &RelPath, offset: usize, diagnostics: &mut Diagnostics) {
    if !may_hold_private_use(text) {
        return;
    }
    let Some(first) = text.find(is_private_use) else { return };
    let code = text[first..].chars().next().map_or(0, u32::from);
    let place = offset + first..offset + first + 3;
    let diagnostic = Diagnostic::new(rule::PRIVATE_USE, format!("the private-use character U+{code:04X} is not shown"));
    diagnostics.push(diagnostic.at(path, place).help("use a word or an image: icon-font characters don't display everywhere"));
}

/// Makes characters visible that would show a command in another order than it runs in.
fn report_bidi_control(text: &str, path: &RelPath, offset: usize, diagnostics: &mut Diagnostics) {
    if text.is_ascii() {
        return;
    }
    let mut found = text.char_indices().filter(|(_, c)| is_bidi_control(*c));
    let Some((first, c)) = found.next() else { return };
    let more = match found.count() {
        0 => String::new(),
        more => format!("; {more} more follow"),
    };
    let message = format!("the character U+{:04X} reverses the order of text, so its number is shown instead{more}", u32::from(c));
    let place = offset + first..offset + first + c.len_utf8();
    diagnostics.push(Diagnostic::new(rule::BIDI_CONTROL, message).at(path, place).help("remove it: right-to-left scripts don't need it"));
}

/// A page is a run sheet if a heading has an offset and there is something to tick.
fn looks_like_run_sheet(text: &str) -> bool {
    // Check cheap signs first: most pages have neither.
    if !text.contains("[ ]") && !text.contains("[x]") || !text.contains(['T', 'R']) {
        return false;
    }
    let events = markdown::events(text);
    if !events.iter().any(|(event, _)| matches!(event, Event::TaskListMarker(_))) {
        return false;
    }
    events.iter().enumerate().any(|(index, (event, _))| {
        let Event::Start(Tag::Heading { .. }) = event else { return false };
        let inner = events[index..].iter().take_while(|(event, _)| !matches!(event, Event::End(pulldown_cmark::TagEnd::Heading(_))));
        let words = markdown::plain_text(&inner.cloned().collect::<Vec<_>>());
        matches!(schedule::heading::read(&words, None), Found::Timing(_) | Found::Error(_))
    })
}

/// A title from a file name: `USER_NOTICE` gives `User notice`.
pub fn humanise(stem: &str) -> String {
    let words = stem.replace(['_', '-'], " ");
    let words = if words.chars().any(char::is_lowercase) { words } else { words.to_lowercase() };
    let mut letters = words.trim().chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => "Untitled".to_owned(),
    }
}
