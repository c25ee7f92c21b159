//! `placeholder` and `placeholder-on-page`: `[DATE/TIME]`, `{NAME}`, `TODO` and the like, left to be filled in by hand.

use std::collections::BTreeSet;

use super::filled_by_hand::{self, Found};
use super::{code_around, lines};
use crate::config::{Config, Event, Mailing};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::inputs::Inputs;
use crate::notice::{Notice, variables};
use crate::page::label::Labels;
use crate::page::tags::{self, Kind, Tag};
use crate::project::Page;
use crate::project::Project;
use crate::rule;
use crate::source::{Source, Span};
use crate::text::private_use::without_private_use;
use crate::text::visible;

/// Placeholders on pages: warnings. Those in a notice that is sent are errors, see [`in_merged_notices`].
pub fn check(page: &Page, source: &Source, project: &Project, diagnostics: &mut Diagnostics) {
    let merged = project.config.sent_notices();
    for span in find(page, source) {
        if notice_around(page, &span).is_some_and(|notice| merged.contains(notice.name.as_str())) {
            continue;
        }
        let written = one_line(&source.text[span.clone()]);
        let message = format!("placeholder left in the text: `{written}`");
        let help = match written.starts_with(['[', '{']) {
            true => format!("replace it with text, or in a notice with a variable; to keep it as it is, write `\\{written}`"),
            false => "replace it with text, or in a notice with a variable such as `{{ links.NAME }}`".to_owned(),
        };
        diagnostics.push(Diagnostic::new(rule::PLACEHOLDER_ON_PAGE, message).at(&source.path, span).help(help));
    }
}

/// Placeholders in what mailings send: errors of every build.
pub fn in_merged_notices(project: &Project, inputs: &Inputs, mailings: &[Mailing]) -> Diagnostics {
    let mut diagnostics = in_every_message(&project.config, inputs, mailings);
    diagnostics.extend(in_values(project, mailings));
    let merged: BTreeSet<&str> = mailings.iter().map(|mailing| mailing.notice.value.as_str()).collect();
    for page in &project.pages {
        let is_merged = |notice: &Notice| merged.contains(notice.name.as_str());
        let Some(source) = inputs.sources.get(&page.path).filter(|_| page.notices.iter().any(is_merged)) else { continue };
        for span in find(page, source) {
            if notice_around(page, &span).is_some_and(is_merged) {
                let written = &source.text[span.clone()];
                let message = format!("placeholder would be sent: `{}`", one_line(written));
                diagnostics.push(Diagnostic::new(rule::PLACEHOLDER, message).at(&source.path, span.clone()).help(way_out(written)));
            }
        }
    }
    diagnostics
}

/// How to fix a placeholder in a notice: its text may be intended.
fn way_out(written: &str) -> String {
    let mark = written.chars().next().filter(char::is_ascii_punctuation);
    match mark {
        Some('_') => "write what you know; if it is a line to write on, put it in code".to_owned(),
        Some(_) => format!("use a variable, such as `{{{{ links.NAME }}}}`; to keep it as it is, write `\\{}`", one_line(written)),
        None if written.starts_with('«') => "use a variable, such as `{{ r.name }}`".to_owned(),
        None => "write what you know, or spell it out: `to be confirmed by 18:00`".to_owned(),
    }
}

/// Placeholders in the parts that every message has, whatever its notice.
fn in_every_message(config: &Config, inputs: &Inputs, mailings: &[Mailing]) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    if mailings.is_empty() {
        return diagnostics;
    }
    let notices = &config.notices;
    let name = |sender: &Option<crate::mail::address::Sender>| sender.as_ref().and_then(|sender| sender.mailbox.name.clone());
    let values = [
        ("from", name(&notices.from)),
        ("reply_to", name(&notices.reply_to)),
        ("postal_address", Some(notices.postal_address.clone())),
        ("list_id", notices.list_id.clone().and_then(|id| Some(id.rsplit_once('<')?.0.to_owned()))),
        ("title", Some(config.site.title.clone())),
    ];
    let path = crate::source::configuration();
    let source = inputs.sources.get(&path);
    for (key, value) in values {
        let Some(one) = value.as_deref().and_then(placeholder_of) else { continue };
        let message = format!("placeholder would be sent in every message: `{key}` contains `{}`", visible(&one));
        let diagnostic = Diagnostic::new(rule::PLACEHOLDER, message).help("write the real value");
        // The value may be written with escapes; then only the file is named.
        let place = source.and_then(|source| {
            let (start, line) = lines(source).find(|(_, line)| line.trim_start().starts_with(key) && line.contains(&one))?;
            let at = start + line.find(&one)?;
            Some(at..at + one.len())
        });
        diagnostics.push(match place {
            Some(span) => diagnostic.at(&path, span),
            None => diagnostic.in_file(&path),
        });
    }
    diagnostics
}

/// Placeholders in the values of the configuration that the notice of a mailing uses.
fn in_values(project: &Project, mailings: &[Mailing]) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let config = &project.config;
    for mailing in mailings {
        let notices = project.pages.iter().flat_map(|page| page.notices.iter().map(move |notice| (page, notice)));
        for (page, notice) in notices.filter(|(_, notice)| notice.name == mailing.notice.value) {
            let event = config.event_of(mailing, config.event(page.front.event.as_ref().map(|name| name.value.as_str())));
            let is_sent = |tag: &&Tag| tag.kind != Kind::Comment && notice.extent.contains(&tag.span.start);
            let uses = notice.tags.iter().filter(is_sent).flat_map(|tag| variables::used(tag).map(move |name| (tag, name)));
            for (tag, name) in uses {
                let Some(one) = value(&name, config, event).and_then(|value| placeholder_of(value)) else { continue };
                let message = format!("placeholder would be sent: `{name}` contains `{}`", visible(&one));
                let diagnostic = Diagnostic::new(rule::PLACEHOLDER, message).at(&notice.path, tag.span.clone());
                let help = match one.starts_with('[') {
                    true => "write the real value in runsheet.toml; if you want brackets, put them in the notice: `\\[{{ vars.NAME }}]`",
                    false => "write the real value in runsheet.toml",
                };
                diagnostics.push(diagnostic.help(help));
            }
        }
    }
    diagnostics
}

/// The first placeholder of a value.
fn placeholder_of(value: &str) -> Option<String> {
    let one = filled_by_hand::find(value).into_iter().next()?;
    Some(value[one.span].to_owned())
}

/// The configured value of a variable, if it is text.
fn value<'c>(variable: &str, config: &'c Config, event: Option<&'c Event>) -> Option<&'c String> {
    match variable.split_once('.')? {
        ("vars", name) => event.and_then(|event| event.vars.get(name)).or_else(|| config.vars.get(name)),
        ("links", name) => config.links.get(name),
        ("event", "name") => event.map(|event| &event.name),
        ("site", "description") => Some(&config.site.description),
        _ => None,
    }
}

/// The placeholders of a page, found in the text as Markdown reads it.
fn find(page: &Page, source: &Source) -> Vec<Span> {
    let mut found = filled_by_hand::find(&source.text);
    found.retain(|one| {
        let notice = notice_around(page, &one.span);
        (one.is_plain || notice.is_some()) && !is_hidden(page, source, notice, &one.span)
    });
    if found.iter().any(|one| source.text[one.span.clone()].starts_with('[')) {
        let labels = labels(page, source);
        found.retain(|Found { span, .. }| {
            // `[[a]]` may be a link in brackets.
            let is_double = source.text[span.clone()].starts_with("[[");
            !(labels.hold(span) || is_double && labels.hold(&(span.start + 1..span.end - 1)))
        });
    }
    found.into_iter().map(|one| one.span).collect()
}

fn notice_around<'p>(page: &'p Page, span: &Span) -> Option<&'p Notice> {
    page.notices.iter().find(|notice| notice.extent.contains(&span.start))
}

/// Whether a place is in code, in a comment, or in HTML on a page. In a notice, HTML is sent as text.
fn is_hidden(page: &Page, source: &Source, notice: Option<&Notice>, span: &Span) -> bool {
    let tag_before = |notice: &'_ Notice| {
        let behind = notice.tags.partition_point(|tag| tag.span.start <= span.start);
        notice.tags.get(behind.checked_sub(1)?).map(|tag| tag.kind == Kind::Comment && span.end <= tag.span.end)
    };
    if notice.and_then(tag_before) == Some(true) {
        return true;
    }
    let Some(code) = code_around(page, span) else { return false };
    let written = &source.text[code.clone()];
    let before = source.text.get(code.start..span.start).unwrap_or("");
    let is_in_comment = before.rfind("<!--").is_some_and(|open| !before[open..].contains("-->"));
    notice.is_none() || !written.trim_start().starts_with('<') || is_in_comment
}

/// Brackets that are links and the like.
fn labels(page: &Page, source: &Source) -> Labels {
    let text = &source.text[page.begins..];
    // The text as the page was read: each tag is a mark of the same number of bytes.
    let text = without_private_use(text);
    if page.notices.is_empty() && page.template_tags.is_none() {
        return Labels::read(&text, page.begins);
    }
    Labels::read(&tags::mark(&text, &page.path, page.begins, &mut Diagnostics::default()).text, page.begins)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
