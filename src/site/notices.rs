//! Templates on the site: its notices, and pages with variables.

use std::collections::BTreeMap;

use tera::Context;

use super::{ShownNotice, Site, sent};
use crate::config::Event;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::notice::engine::{self, Compiled, Layout};
use crate::notice::{Notice, merge, variables};
use crate::page::{Hole, Publish, link};
use crate::project::Page;
use crate::project::Project;
use crate::rule::{self, Severity};
use crate::text::suggest;
use crate::theme::Theme;

/// Checks that each notice has a unique name, and that mailings name existing notices.
pub fn check_names(project: &Project, diagnostics: &mut Diagnostics) {
    let mut names: BTreeMap<&str, &Notice> = BTreeMap::new();
    let mut versions: BTreeMap<(&str, Option<&str>), &Notice> = BTreeMap::new();
    for notice in project.pages.iter().flat_map(|page| &page.notices) {
        names.insert(&notice.name, notice);
        let key = (&*notice.name, notice.lang.as_deref());
        let first = *versions.entry(key).or_insert(notice);
        if !std::ptr::eq(first, notice) {
            let message = format!("duplicate notice `{}`: already in {}", notice.name, first.path);
            let diagnostic = Diagnostic::new(rule::DUPLICATE_NAME, message).at(&notice.path, notice.span.clone());
            let diagnostic = diagnostic.help("give it its own name with `<!-- id: NAME -->` below its heading");
            diagnostics.push(diagnostic.first(&first.path, Some(first.span.clone())));
        }
    }
    check_languages(project, &versions, diagnostics);
    check_events(project, diagnostics);
    for mailing in &project.config.mailings {
        if !names.contains_key(mailing.notice.value.as_str()) {
            let message = format!("unknown notice `{}`", mailing.notice.value);
            let help = suggest(&mailing.notice.value, names.keys().copied());
            let path = crate::source::configuration();
            diagnostics.push(Diagnostic::new(rule::UNKNOWN_NOTICE, message).at(&path, mailing.notice.span.clone()).maybe_help(help));
        }
    }
}

/// Checks that a translation has the same event as its original.
fn check_events(project: &Project, diagnostics: &mut Diagnostics) {
    let named = |page: &Page| project.config.event(page.front.event.as_ref().map(|name| name.value.as_str())).map(|event| event.id.clone());
    let notices = || project.pages.iter().flat_map(|page| page.notices.iter().map(move |notice| (page, notice)));
    let originals: BTreeMap<&str, _> =
        notices().filter(|(_, notice)| notice.lang.is_none()).map(|(page, notice)| (&*notice.name, named(page))).collect();
    for (page, notice) in notices().filter(|(_, notice)| notice.lang.is_some()) {
        let Some(original) = originals.get(&*notice.name) else { continue };
        if *original == named(page) {
            continue;
        }
        let of = |event: &Option<String>| event.as_ref().map_or("no event".to_owned(), |event| format!("`{event}`"));
        let message = format!("the notice `{}` is about {}, but its original is about {}", notice.name, of(&named(page)), of(original));
        let help = original.as_ref().map(|event| format!("set `event: {event}` in the front matter of {}", page.path));
        diagnostics.push(Diagnostic::new(rule::OTHER_EVENT, message).at(&notice.path, notice.span.clone()).maybe_help(help));
    }
}

/// Reports missing translations: readers who get one notice of a series in their language expect the others in it, too.
fn check_languages(project: &Project, versions: &BTreeMap<(&str, Option<&str>), &Notice>, diagnostics: &mut Diagnostics) {
    let languages: BTreeMap<&str, &str> = versions.keys().filter_map(|(name, lang)| Some(((*lang)?, *name))).collect();
    for name in project.config.sent_notices() {
        let Some((_, notice)) = versions.iter().find(|((known, _), _)| *known == name) else { continue };
        for (lang, other) in languages.iter().filter(|(lang, _)| !versions.contains_key(&(name, Some(**lang)))) {
            let message = format!("the notice `{name}` has no version in `{lang}`, but `{other}` has");
            let diagnostic = Diagnostic::new(rule::MISSING_TRANSLATION, message).at(&notice.path, notice.span.clone());
            let file = notice.path.as_str().trim_end_matches(".md");
            diagnostics.push(diagnostic.help(format!("add it as `{file}.{lang}.md`")));
        }
    }
}

impl Site {
    /// Runs the tags of pages that are templates.
    pub(super) fn run_templates(&mut self) {
        let mut made = Vec::new();
        let mut diagnostics = Diagnostics::default();
        for (index, page) in self.pages.iter().enumerate() {
            let Some(template_tags) = &page.page.template_tags else { continue };
            let event = self.event(page.event.as_deref());
            if event.is_some_and(|event| event.is_faulty) {
                continue;
            }
            let scope = merge::page_scope(&self.config, event);
            let context = merge::context(&self.config, self.status.as_ref(), event, "", &BTreeMap::new());
            let language = page.page.language.tag();
            let Page { body, path, begins, .. } = &*page.page;
            let template = engine::TemplatePage { body, template_tags, path, begins: *begins };
            made.push((index, engine::page(&template, event, &scope, &context, language, &mut diagnostics)));
        }
        for (index, body) in made {
            self.pages[index].made = body;
        }
        self.diagnostics.extend(diagnostics);
    }

    /// Compiles every notice, checks its variables, and renders the published ones.
    pub(super) fn show_notices(&mut self, project: &Project, theme: &Theme) {
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        for page in project.pages.iter().filter(|page| !page.notices.is_empty()) {
            let event = self.config.event(page.front.event.as_ref().map(|name| name.value.as_str()));
            let mut shown = Vec::new();
            for notice in &page.notices {
                let Some(compiled) = self.compile(page, notice, event, theme, &mut diagnostics) else { continue };
                let tags = compiled.used(notice);
                let before = diagnostics.count(Severity::Error);
                let scope = merge::scope(&self.config, event, self.config.notices.sample.keys().map(String::as_str));
                variables::check(&tags, &scope, &notice.path, &mut diagnostics);
                if diagnostics.count(Severity::Error) > before || event.is_some_and(|event| event.is_faulty) {
                    continue;
                }
                let is_sent = page.front.publish == Publish::Sent;
                let sent_at = is_sent.then(|| sent::date(&self.config, page, event, notice)).flatten();
                if is_sent && sent_at.is_none() && !self.config.site.base_url.is_empty() {
                    diagnostics.push(sent::undated(notice));
                }
                let context = self.sample_context(event);
                match compiled.render_body(&context) {
                    Ok((subject, html)) => shown.push(ShownNotice {
                        title: notice.title.clone(),
                        anchor: notice.anchor.clone(),
                        name: notice.name.clone(),
                        subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
                        html,
                        sent_at,
                    }),
                    Err(fault) => {
                        let span = fault.span.unwrap_or(notice.span.clone());
                        diagnostics.push(Diagnostic::new(rule::TEMPLATE_RENDER, fault.message).at(&notice.path, span));
                    }
                }
            }
            if let Some(site_page) = self.pages.iter_mut().find(|site_page| site_page.page.path == page.path) {
                site_page.notices = shown;
            }
        }
        self.diagnostics = diagnostics;
    }

    /// Compiles a notice of a page for an event.
    pub fn compile(
        &self,
        page: &Page,
        notice: &Notice,
        event: Option<&Event>,
        theme: &Theme,
        diagnostics: &mut Diagnostics,
    ) -> Option<Compiled> {
        let layout = Layout {
            mail: &theme.mail,
            site_title: &self.config.site.title,
            language: &notice.language,
            postal_address: &self.config.notices.postal_address,
            unsubscribe: !self.config.notices.unsubscribe.is_empty(),
        };
        let site_page = self.page_of(&page.path);
        let mut faults = Vec::new();
        let fill = |hole: Hole, html: &mut String| {
            let Hole::Link(number) = hole else { return };
            let target = site_page.and_then(|site_page| site_page.links.get(number).cloned().flatten());
            let Some(target) = target else { return };
            if link::is_web(&target) {
                html.push_str(&target);
                return;
            }
            if self.config.site.base_url.is_empty() {
                let diagnostic = Diagnostic::new(rule::RELATIVE_LINK, "a mail can't link to a page without the address of the site");
                let span = page.links[number].span.clone();
                faults.push(diagnostic.at(&page.path, span).help("set `base_url` in [site]"));
            }
            html.push_str(&self.config.site.base_url);
            html.push_str(&target);
        };
        let compiled = engine::compile(notice, &layout, event, fill, diagnostics);
        faults.dedup();
        diagnostics.extend(faults);
        compiled
    }

    /// Variables with the sample values of `[notices]`.
    pub fn sample_context(&self, event: Option<&Event>) -> Context {
        merge::context(&self.config, self.status.as_ref(), event, "sample", &self.config.notices.sample)
    }
}
