//! `placeholder`: `[DATE/TIME]`, `{NAME}`, `TODO` and the like, left to be filled in by hand.

use super::in_code;
use crate::config::{Config, Event};
use crate::diagnostic::{Diagnostic, Diagnostics, visible};
use crate::notice::variables;
use crate::page::Page;
use crate::page::tags::{Kind, Tag};
use crate::project::Project;
use crate::source::{Inputs, Source, Span};

const WORDS: [&str; 4] = ["TODO", "TBD", "FIXME", "XXX"];

/// Placeholders on pages: warnings. Those in a notice that is merged are errors, see [`in_merged_notices`].
pub fn check(page: &Page, source: &Source, project: &Project, diagnostics: &mut Diagnostics) {
    let merged = project.config.sent_notices();
    for span in find(page, source) {
        let notice = page.notices.iter().find(|notice| notice.extent.contains(&span.start));
        if notice.is_some_and(|notice| merged.contains(notice.name.as_str())) {
            continue;
        }
        let diagnostic = Diagnostic::warning("placeholder", format!("a placeholder is left: `{}`", &source.text[span.clone()]));
        diagnostics
            .push(diagnostic.at(&source.path, span).help("write what is meant, or a variable such as `{{ links.NAME }}` in a notice"));
    }
}

/// Placeholders in notices that a mailing sends: errors of every build.
pub fn in_merged_notices(project: &Project, inputs: &Inputs) -> Diagnostics {
    let mut diagnostics = in_values(project);
    let merged = project.config.sent_notices();
    for page in &project.pages {
        let notices: Vec<_> = page.notices.iter().filter(|notice| merged.contains(notice.name.as_str())).collect();
        let Some(source) = inputs.sources.get(&page.path).filter(|_| !notices.is_empty()) else { continue };
        for span in find(page, source) {
            if !notices.iter().any(|notice| notice.extent.contains(&span.start)) {
                continue;
            }
            let message = format!("a placeholder would be sent: `{}`", &source.text[span.clone()]);
            diagnostics
                .push(Diagnostic::error("placeholder", message).at(&source.path, span).help("use a variable, such as `{{ links.NAME }}`"));
        }
    }
    diagnostics
}

/// Placeholders in the values of the configuration that a notice of a mailing uses.
fn in_values(project: &Project) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let config = &project.config;
    for mailing in &config.mailings {
        let notices = project.pages.iter().flat_map(|page| page.notices.iter().map(move |notice| (page, notice)));
        for (page, notice) in notices.filter(|(_, notice)| notice.name == mailing.notice.value) {
            let event = config.event_of(mailing, config.event(page.front.event.as_ref().map(|name| name.value.as_str())));
            let is_sent = |tag: &&Tag| tag.kind == Kind::Expression && notice.extent.contains(&tag.span.start) && !in_code(page, &tag.span);
            let uses = notice.tags.iter().filter(is_sent).flat_map(|tag| variables::used(tag).map(move |name| (tag, name)));
            for (tag, name) in uses {
                let Some(value) = value(&name, config, event) else { continue };
                let Some(span) = placeholders(value).into_iter().next() else { continue };
                let message = format!("a placeholder would be sent: `{name}` holds `{}`", visible(&value[span]));
                let diagnostic = Diagnostic::error("placeholder", message).at(&notice.path, tag.span.clone());
                diagnostics.push(diagnostic.help("write in runsheet.toml what is meant"));
            }
        }
    }
    diagnostics
}

/// What the configuration says for a variable, if it is a text that somebody wrote.
fn value<'c>(variable: &str, config: &'c Config, event: Option<&'c Event>) -> Option<&'c String> {
    match variable.split_once('.')? {
        ("vars", name) => event.and_then(|event| event.vars.get(name)).or_else(|| config.vars.get(name)),
        ("links", name) => config.links.get(name),
        ("event", "name") => event.map(|event| &event.name),
        ("site", "title") => Some(&config.site.title),
        _ => None,
    }
}

fn find(page: &Page, source: &Source) -> Vec<Span> {
    // In a notice `{name}` is what other programs fill in; on a page it may be what the page is about.
    let is_of_notice = |span: &Span| page.notices.iter().any(|notice| notice.extent.contains(&span.start));
    let is_meant = |span: &Span| {
        let text = &source.text[span.clone()];
        !text.starts_with('{') || !text.contains(char::is_lowercase) || is_of_notice(span)
    };
    placeholders(&source.text).into_iter().filter(|span| !in_code(page, span) && is_meant(span)).collect()
}

/// All that looks like one, in the order of the text.
fn placeholders(text: &str) -> Vec<Span> {
    let mut found = bracketed(text);
    found.extend(braced(text));
    for word in WORDS {
        found.extend(whole_words(text, word));
    }
    found.sort_by_key(|span| span.start);
    found
}

/// Whether a text is one and nothing else.
pub(super) fn is_one(text: &str) -> bool {
    WORDS.contains(&text) || text.starts_with(['[', '{']) && placeholders(text).first() == Some(&(0..text.len()))
}

/// Capital words in brackets that are no link, no alert and no box.
fn bracketed(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (open, _) in text.match_indices('[') {
        let Some(length) = text[open + 1..].find(['[', ']', '\n']) else { break };
        let close = open + 1 + length;
        let inner = &text[open + 1..close];
        let capital = inner.chars().filter(|c| c.is_alphabetic()).count() >= 2
            && inner.chars().all(|c| c.is_uppercase() || c.is_ascii_digit() || matches!(c, ' ' | '/' | '_' | '-' | ':'))
            && inner.chars().next().is_some_and(char::is_uppercase);
        let after = bytes.get(close + 1);
        let is_link = bytes.get(close) != Some(&b']') || matches!(after, Some(b'(' | b'[' | b':'));
        // Looking through the whole text comes last: most brackets are boxes.
        let is_reference = || text[..open].ends_with(']') || text.contains(&format!("\n[{inner}]:"));
        if capital && !is_link && !is_reference() {
            found.push(open..close + 1);
        }
    }
    found
}

/// One name in single braces.
fn braced(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for (open, _) in text.match_indices('{') {
        let Some(length) = text[open + 1..].find(['{', '}', '\n']) else { break };
        let close = open + 1 + length;
        let name = text[open + 1..close].trim_matches(' ');
        let is_name = name.len() >= 2
            && name.starts_with(char::is_alphabetic)
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'));
        let is_single = !text[..open].ends_with('{') && !text[close..].starts_with("}}");
        if is_name && is_single && text[close..].starts_with('}') {
            found.push(open..close + 1);
        }
    }
    found
}

fn whole_words(text: &str, word: &str) -> Vec<Span> {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word)
        .filter(|(at, _)| !is_part(text[..*at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next()))
        .map(|(at, word)| at..at + word.len())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_braces(text: &str, expected: &[&str]) {
        let found: Vec<&str> = braced(text).into_iter().map(|span| &text[span]).collect();
        assert_eq!(found, expected, "{text}");
    }

    fn check_text(text: &str, expected: &[&str]) {
        let found: Vec<&str> = bracketed(text).into_iter().map(|span| &text[span]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn placeholders_and_what_only_looks_like_one() {
        check_text("**When:** [DATE/TIME]", &["[DATE/TIME]"]);
        check_text("notes: [LINK]", &["[LINK]"]);
        check_text("[YOUR NAME], [X] and [ ]", &["[YOUR NAME]"]);
        check_text("> [!NOTE]\n[API](x.md) [API][ref] [API]\n\n[API]: x.md\n[text][API]", &[]);
        check_text("an [aside] and [RFC5322", &[]);
        assert!(["[NAME]", "{first_name}", "TBD"].iter().all(|text| is_one(text)));
        assert!(!["", "Tom", "[NAME] Ltd", "{{ name }}", "TBDs", "[a]"].iter().any(|text| is_one(text)));
        check_braces("Hello {NAME}, {first_name} and { date }", &["{NAME}", "{first_name}", "{ date }"]);
        check_braces("{{ r.name }} {% if x %} {# note #} {{{name}}} {#anchor} {x} {} {a b} {open", &[]);
    }
}
