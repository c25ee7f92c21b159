//! The template engine of notices: each notice compiled once, rendered for each recipient.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Zoned;
use tera::{Context, Kwargs, State, Tera};

use super::complaint;
use super::review::Probe;
use super::variables::Scope;
use super::when::{self, Words};
use super::{Notice, variables, wrapped};
use crate::config::Event;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Language;
use crate::page::link::{self, Target};
use crate::page::tags::{self, Template, TemplateTags};
use crate::page::{Body, Hole};
use crate::rule;
use crate::schedule::{Offset, years};
use crate::source::RelPath;
use crate::source::Span;
use crate::text::html::escaped;

/// One notice as templates: subject, text and HTML.
pub struct Compiled {
    tera: Tera,
    subject: Template,
    text: Template,
    /// The whole mail, with styles inlined.
    mail: Template,
    /// Only the body, for the site.
    body: Template,
    /// Subject and text, with marks around each tag's value, for reviews.
    probe: Template,
    /// Tags by number, those in code left out.
    used: Vec<usize>,
    /// Whether the text ends with more than the notice itself.
    has_footer: bool,
}

/// The rendered notice for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Nothing is written between the subject and the footer of all messages.
    pub is_empty: bool,
}

/// A failed rendering: where in the notice, and why.
#[derive(Clone, Debug)]
pub struct Fault {
    pub message: String,
    pub span: Option<Span>,
}

/// The parts of a mail's layout that a notice fills.
const SUBJECT: &str = "%%SUBJECT%%";
const LANGUAGE: &str = "%%LANG%%";
const DIRECTION: &str = "%%DIR%%";
const BODY: &str = "%%BODY%%";
const SITE: &str = "%%SITE%%";
const FOOTER: &str = "%%FOOTER%%";
/// Stands for the unsubscribe address while styles are inlined; no domain name ends like this (RFC 2606).
const LEAVE: &str = "https://leave.invalid/";
/// The template expression that replaces it.
const LEAVE_TAG: &str = "{{ mailing.unsubscribe }}";

/// What surrounds a notice in a mail.
pub struct Layout<'a> {
    /// The theme's `mail.html`.
    pub mail: &'a str,
    pub site_title: &'a str,
    pub language: &'a Language,
    pub postal_address: &'a str,
    /// Whether the footer contains the recipient's unsubscribe address.
    pub unsubscribe: bool,
}

/// Separates the text of a notice from the footer of all messages.
const FOOTER_RULE: &str = "----";

impl Layout<'_> {
    /// The footer of the HTML part.
    fn footer(&self) -> String {
        let mut footer = String::new();
        if !self.postal_address.is_empty() {
            footer.push_str("<br>");
            crate::text::html::escape(self.postal_address, &mut footer);
        }
        if self.unsubscribe {
            footer.push_str(&format!("<br><a href=\"{LEAVE}\">{}</a>", self.language.html("mail.unsubscribe")));
        }
        footer
    }

    /// The footer of the text part, inside a text with marks.
    fn text_footer(&self) -> String {
        if self.postal_address.is_empty() && !self.unsubscribe {
            return String::new();
        }
        let mut footer = format!("\n{FOOTER_RULE}\n\n{}\n", self.site_title);
        if !self.postal_address.is_empty() {
            footer.push_str(&format!("{}\n", self.postal_address));
        }
        if self.unsubscribe {
            footer.push_str(&self.language.fill("mail.unsubscribe_label", &[("address", LEAVE)]));
            footer.push('\n');
        }
        footer
    }
}

/// Compiles a notice. `fill` returns the address of a link of its page. Faults of the templates are reported with their place.
pub fn compile(
    notice: &Notice,
    layout: &Layout,
    event: Option<&Event>,
    mut fill: impl FnMut(Hole, &mut String),
    diagnostics: &mut Diagnostics,
) -> Option<Compiled> {
    let marked = notice.html.fill(&mut fill);
    let mut mail = tags::template(&lay_out(&marked, &notice.subject, layout), &notice.tags, true);
    let body = tags::template(&marked, &notice.tags, true);
    let mut text = tags::template(&(notice.text.fill(&mut fill) + &layout.text_footer()), &notice.tags, false);
    if layout.unsubscribe {
        mail.replace_behind(LEAVE, LEAVE_TAG);
        text.replace_behind(LEAVE, LEAVE_TAG);
    }
    let subject = tags::template(&notice.subject, &notice.tags, false);
    let probe = tags::probe(&format!("{}\n{}", notice.subject, notice.text.fill(&mut fill)), &notice.tags);
    let mut used: Vec<usize> = [&body, &subject].into_iter().flat_map(|template| template.used.iter().copied()).collect();
    used.sort_unstable();
    used.dedup();
    let mut faults = Diagnostics::default();
    let used_tags: Vec<_> = used.iter().filter_map(|index| notice.tags.get(*index)).collect();
    let number = |tag: &tags::Tag| notice.tags.iter().position(|known| known.span == tag.span);
    variables::check_blocks(&used_tags, |tag| notice.element_of_tag.get(&number(tag)?).copied(), &notice.path, &mut faults);
    if faults.has_errors() {
        diagnostics.extend(faults);
        return None;
    }
    let mut tera = Tera::new();
    register(&mut tera, event, layout.language.tag());
    let parts = [("subject.txt", &subject), ("text.txt", &text), ("probe.txt", &probe), ("body.html", &body), ("mail.html", &mail)];
    for (name, template) in parts {
        if let Err(error) = tera.add_raw_template(name, &template.text) {
            let fault = fault(&error, template);
            let span = fault.span.unwrap_or(notice.span.clone());
            diagnostics.push(Diagnostic::new(rule::TEMPLATE_SYNTAX, fault.message).at(&notice.path, span));
            return None;
        }
    }
    let has_footer = !layout.text_footer().is_empty();
    Some(Compiled { tera, subject, text, mail, body, probe, used, has_footer })
}

/// A page whose text is a template.
pub struct TemplatePage<'a> {
    pub body: &'a Body,
    pub template_tags: &'a TemplateTags,
    pub path: &'a RelPath,
    /// Where its Markdown begins in the file.
    pub begins: usize,
}

/// Runs the tags of a page: its body with the values of the event, links and variables. Faults are reported with their place.
pub fn page(
    page: &TemplatePage,
    event: Option<&Event>,
    scope: &Scope,
    context: &Context,
    language: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Body> {
    let TemplatePage { body, template_tags, path, begins } = *page;
    let template = tags::template(&body.with_marks(), &template_tags.tags, true);
    let numbers: BTreeSet<usize> = template.used.iter().copied().collect();
    let used: Vec<&tags::Tag> = numbers.iter().filter_map(|number| template_tags.tags.get(*number)).collect();
    let number = |tag: &tags::Tag| template_tags.tags.iter().position(|known| known.span == tag.span);
    let mut faults = Diagnostics::default();
    variables::check_blocks(&used, |tag| template_tags.element_of_tag.get(&number(tag)?).copied(), path, &mut faults);
    variables::check(&used, scope, path, &mut faults);
    if faults.has_errors() {
        diagnostics.extend(faults);
        return None;
    }
    diagnostics.extend(faults);
    let mut tera = Tera::new();
    register(&mut tera, event, language);
    let place = |fault: &Fault| fault.span.clone().unwrap_or(begins..begins);
    if let Err(error) = tera.add_raw_template("page.html", &template.text) {
        let fault = fault(&error, &template);
        diagnostics.push(Diagnostic::new(rule::TEMPLATE_SYNTAX, &*fault.message).at(path, place(&fault)));
        return None;
    }
    match run(&tera, "page.html", &template, context) {
        Ok(html) => Some(body.from_marks(&html)),
        Err(fault) => {
            diagnostics.push(Diagnostic::new(rule::TEMPLATE_RENDER, &*fault.message).at(path, place(&fault)));
            None
        }
    }
}

fn run(tera: &Tera, name: &str, template: &Template, context: &Context) -> Result<String, Fault> {
    let mut bounded = Bounded::new(MOST_BYTES, "the result of the template is larger than 4 MiB");
    tera.render_to(name, context, &mut bounded).map_err(|error| fault(&error, template))?;
    Ok(bounded.text())
}

/// The mail as HTML with inlined styles: mail readers drop style sheets.
fn lay_out(body: &str, subject: &str, layout: &Layout) -> String {
    let html = layout
        .mail
        .replace(SUBJECT, &escaped(subject))
        .replace(LANGUAGE, layout.language.tag())
        .replace(DIRECTION, if layout.language.is_right_to_left() { " dir=\"rtl\"" } else { "" })
        .replace(SITE, &escaped(layout.site_title))
        .replace(FOOTER, &layout.footer())
        .replace(BODY, body);
    let inliner = css_inline::CSSInliner::options().keep_style_tags(false).keep_at_rules(true).load_remote_stylesheets(false).build();
    inliner.inline(&html).unwrap_or(html)
}

impl Compiled {
    /// Renders a message for a recipient.
    pub fn render(&self, context: &Context) -> Result<Rendered, Fault> {
        let subject = self.run("subject.txt", &self.subject, context)?;
        let text = self.run("text.txt", &self.text, context)?;
        // Rules at the beginning of a body are dropped, but this one belongs to the footer.
        let begins = text.trim_start();
        Ok(Rendered {
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            is_empty: begins.is_empty() || self.has_footer && begins.starts_with(FOOTER_RULE),
            text: wrapped::lay_out(&text),
            html: self.run("mail.html", &self.mail, context)?,
        })
    }

    /// The rendered values of the notice's tags for a recipient.
    pub fn probe(&self, context: &Context) -> Result<Probe, Fault> {
        Ok(Probe::read(&self.run("probe.txt", &self.probe, context)?))
    }

    /// Only the body, for the site.
    pub fn render_body(&self, context: &Context) -> Result<(String, String), Fault> {
        Ok((self.run("subject.txt", &self.subject, context)?, self.run("body.html", &self.body, context)?))
    }

    fn run(&self, name: &str, template: &Template, context: &Context) -> Result<String, Fault> {
        run(&self.tera, name, template, context)
    }

    /// The active tags of the notice; tags in code are not.
    pub fn used<'n>(&self, notice: &'n Notice) -> Vec<&'n tags::Tag> {
        self.used.iter().filter_map(|index| notice.tags.get(*index)).collect()
    }
}

const MOST_BYTES: usize = 4 << 20;

/// The output of a template, up to a limit: so a loop that writes cannot run forever.
pub struct Bounded {
    bytes: Vec<u8>,
    most: usize,
    fault: &'static str,
}

impl Bounded {
    /// Accepts `most` bytes; `fault` is the error if there are more.
    pub fn new(most: usize, fault: &'static str) -> Bounded {
        // Enough for usual output, so that it rarely has to grow.
        Bounded { bytes: Vec::with_capacity(16 << 10), most, fault }
    }

    /// What was written.
    pub fn text(self) -> String {
        String::from_utf8(self.bytes).unwrap_or_default()
    }
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(std::io::Error::other(self.fault));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn fault(error: &tera::Error, template: &Template) -> Fault {
    use tera::ErrorKind;
    let (ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report)) = error.kind() else {
        let place = drawn_place(&complaint::cause(error), &template.text);
        return Fault { message: complaint::of(error), span: template.place(place) };
    };
    let at = byte_of(&template.text, report.span().start_line, report.span().start_col);
    // Whether a name exists is checked before anything is rendered.
    let message = match report.message().strip_prefix("Field `").and_then(|rest| rest.split_once("` is not defined")) {
        Some((name, _)) => format!("`{name}` is empty, but the text uses it"),
        None => complaint::of(error),
    };
    Fault { message, span: template.place(at) }
}

/// The byte that a drawn report points at by `--> NAME:LINE:COLUMN`: some errors have their place only in their text.
fn drawn_place(report: &str, text: &str) -> usize {
    let (_, line, column) = complaint::drawn(report);
    byte_of(text, line, column.saturating_sub(1))
}

fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let bytes: usize = text[start..].chars().take(column).map(char::len_utf8).sum();
    start + bytes
}

fn register(tera: &mut Tera, event: Option<&Event>, language: &str) {
    let clock = event.and_then(|event| event.clock.clone());
    let end = event.and_then(Event::end);
    tera.register_function("event_at", move |kwargs: Kwargs, _: &State| -> tera::TeraResult<String> {
        let offset: String = kwargs.must_get("offset")?;
        let offset = Offset::parse(&offset).map_err(|error| tera::Error::message(error.message()))?;
        let clock = clock.as_ref().ok_or_else(|| tera::Error::message("the event has no T-0"))?;
        let moment = clock.at(&offset).map_err(|error| tera::Error::message(error.message()))?;
        Ok(moment.to_string())
    });
    let times = Times { end, language: language.to_owned(), words: RwLock::default(), written: RwLock::default() };
    tera.register_filter("when", move |moment: &str, kwargs: Kwargs, _: &State| -> tera::TeraResult<String> {
        let asked = Asked {
            moment: moment.to_owned(),
            to: kwargs.get("to")?,
            zone: kwargs.must_get("zone")?,
            language: kwargs.get("lang")?,
            form: kwargs.get("form")?,
        };
        times.write(asked).map_err(tera::Error::message)
    });
    // A value is data: no notice can declare it HTML, or undo escaping. Our own filters return plain text.
    for name in ["safe", "escape", "escape_html", "escape_xml"] {
        tera.register_filter(name, move |_: &str, _: Kwargs, _: &State| -> tera::TeraResult<String> {
            Err(tera::Error::message(format!("the filter `{name}` is not available: values are never HTML")))
        });
    }
    tera.register_filter("replace", |text: &str, kwargs: Kwargs, _: &State| -> tera::TeraResult<String> {
        let (from, to): (String, String) = (kwargs.must_get("from")?, kwargs.must_get("to")?);
        Ok(text.replace(&from, &to))
    });
    tera.register_filter("link", |url: &str, _: Kwargs, _: &State| -> tera::TeraResult<String> {
        match link::classify(url) {
            // User information before an `@` looks like a host but is not.
            Target::External(url) if link::is_web(&url) && link::has_user(&url) => {
                Err(tera::Error::message(format!("the host is hidden behind an `@`: `{url}`")))
            }
            Target::External(url) if link::lacks_host(&url) => Err(tera::Error::message(format!("address without a host: `{url}`"))),
            Target::External(url) => Ok(link::encode(&url)),
            _ => Err(tera::Error::message(format!("invalid link address: `{url}`"))),
        }
    });
    tera.register_filter("link_part", |part: &str, _: Kwargs, _: &State| percent(part, b""));
    // RFC 6068 §2: a mail program shows the address as written. Characters that would end it, or begin another, are encoded.
    tera.register_filter("link_address", |part: &str, _: Kwargs, _: &State| percent(part, b"@+"));
}

/// Times in the form that a notice asks for. There are many recipients but few zones, so written times are cached.
struct Times {
    end: Option<Zoned>,
    /// The notice's own.
    language: String,
    words: RwLock<BTreeMap<String, Arc<Words>>>,
    written: RwLock<BTreeMap<Asked, String>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    moment: String,
    to: Option<String>,
    zone: String,
    language: Option<String>,
    form: Option<String>,
}

/// How many written times are cached.
const MOST_KEPT: usize = 4096;

impl Times {
    fn write(&self, asked: Asked) -> Result<String, String> {
        if let Some(written) = self.written.read().unwrap_or_else(PoisonError::into_inner).get(&asked) {
            return Ok(written.clone());
        }
        let form = when::Form::parse(asked.form.as_deref().unwrap_or("datetime"))?;
        if asked.to.is_some() && form != when::Form::Range {
            return Err("`to` needs `form=\"range\"`".to_owned());
        }
        let start = parse_moment(&asked.moment)?;
        let to = asked.to.as_deref().map(parse_moment).transpose()?;
        let words = self.words(asked.language.as_deref().unwrap_or(&self.language))?;
        let written = words.write(&start, to.as_ref().or(self.end.as_ref()), &asked.zone, form)?;
        let mut kept = self.written.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST_KEPT {
            kept.insert(asked, written.clone());
        }
        Ok(written)
    }

    fn words(&self, language: &str) -> Result<Arc<Words>, String> {
        if let Some(words) = self.words.read().unwrap_or_else(PoisonError::into_inner).get(language) {
            return Ok(Arc::clone(words));
        }
        let words = Arc::new(Words::from_language(language)?);
        self.words.write().unwrap_or_else(PoisonError::into_inner).insert(language.to_owned(), Arc::clone(&words));
        Ok(words)
    }
}

fn parse_moment(text: &str) -> Result<Zoned, String> {
    let moment: Zoned = text.parse().map_err(|_| format!("invalid time `{text}`: use `event.start`, `event.end` or `event.at(…)`"))?;
    if years::hold(moment.timestamp()) { Ok(moment) } else { Err(format!("the time is out of range: {text}; {}", years::HELP)) }
}

/// Percent-encodes everything but unreserved characters (RFC 3986 §2.3) and those that are `kept`.
fn percent(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
