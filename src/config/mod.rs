//! `runsheet.toml`: what the project is called, when T-0 is, who gets which notice.

mod event;
mod external;
mod look;
mod mailing;
mod maintnote;
mod sending;
mod status_page;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::data::{self, Field, Reader, Shape, Spanned};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::language;
use crate::page::link;
use crate::rule;
use crate::rule::CheckLevel;
use crate::schedule::{Clock, ClockError, Length};
use crate::source::{RelPath, Source, Span};
use crate::status;
use crate::text::{acts_on_screen, suggest};

pub use event::{Event, Mode};
pub use external::External;
pub use look::{Destination, Look};
pub use mailing::{Calendar, Columns, Mailing, Notices};
pub use maintnote::{Account, Impact, Maintnote};
pub use sending::{Sending, Tls, is_full_name, is_loopback};

/// The content of `runsheet.toml`.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub site: Site,
    pub look: Look,
    pub events: BTreeMap<String, Event>,
    pub links: BTreeMap<String, String>,
    /// Where each of the links is written.
    pub link_places: BTreeMap<String, Span>,
    pub vars: BTreeMap<String, String>,
    pub status: Option<status::Settings>,
    pub notices: Notices,
    pub mailings: Vec<Mailing>,
    /// `[smtp]`, if there is one.
    pub sending: Option<Sending>,
    pub contracts: Vec<Contract>,
    pub levels: BTreeMap<String, CheckLevel>,
    /// `[check.external]`: how links to other sites are tried.
    pub external: External,
    /// The event chosen on the command line: it overrides the one that a page names.
    pub chosen_event: Option<String>,
}

/// `[site]`.
#[derive(Clone, Debug)]
pub struct Site {
    /// Identifies the site in ledgers and hashes, whatever its title and address: see [`Site::identity`].
    pub id: Option<String>,
    pub title: String,
    /// The public address of the site; ends with `/`. Empty if it is not configured.
    pub base_url: String,
    pub description: String,
    pub language: String,
    pub theme: String,
    /// The repository's address, for edit links; without a trailing `/`.
    pub repository: Option<String>,
    pub default_event: Option<Spanned<String>>,
    /// Whether code is highlighted.
    pub highlight: bool,
    /// Whether the site has a search.
    pub search: bool,
}

impl Default for Site {
    fn default() -> Site {
        Site {
            id: None,
            title: "Runsheet".to_owned(),
            base_url: String::new(),
            description: String::new(),
            language: "en".to_owned(),
            theme: "default".to_owned(),
            repository: None,
            default_event: None,
            highlight: true,
            search: true,
        }
    }
}

impl Site {
    /// The site in hashes: its `id`, otherwise its public address, otherwise its title.
    ///
    /// Only the `id` stays the same when somebody edits the configuration, so nothing is sent without it.
    pub fn identity(&self) -> &str {
        match &self.id {
            Some(id) => id,
            None if self.base_url.is_empty() => &self.title,
            None => &self.base_url,
        }
    }
}

/// `[[contracts]]`: words that a file must contain, and files and folders that must exist.
#[derive(Clone, Debug)]
pub struct Contract {
    pub path: Spanned<RelPath>,
    /// If set, only this part of the file counts: a notice's name, or a heading's anchor.
    pub section: Option<String>,
    pub contains: Vec<Spanned<String>>,
    pub links_to: Vec<Spanned<RelPath>>,
}

/// Options of the command line that override the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub event: Option<String>,
    pub t0: Option<String>,
}

impl Config {
    /// The event for a page or notice: the command line's, otherwise the one it names, otherwise the default.
    pub fn event(&self, named: Option<&str>) -> Option<&Event> {
        if let Some(name) = self.chosen_event.as_deref().or(named) {
            return self.events.get(name);
        }
        if let Some(default) = &self.site.default_event {
            return self.events.get(&default.value);
        }
        if self.events.len() == 1 { self.events.values().next() } else { None }
    }

    /// The names of the notices that mailings send.
    pub fn sent_notices(&self) -> BTreeSet<&str> {
        self.mailings.iter().map(|mailing| mailing.notice.value.as_str()).collect()
    }

    /// The event of a mailing: the one it names, otherwise that of its notice's page.
    ///
    /// The command line does not override an event that a mailing names: its campaign must not depend on options.
    pub fn event_of<'c>(&'c self, mailing: &Mailing, of_page: Option<&'c Event>) -> Option<&'c Event> {
        match &mailing.event {
            Some(name) => self.events.get(&name.value),
            None => of_page,
        }
    }

    /// The configuration with the command line's options applied. An unknown event is an error for the user.
    pub fn with(mut self, overrides: &Overrides) -> Result<Config, (String, Option<String>)> {
        if let Some(name) = &overrides.event {
            if !self.events.contains_key(name) {
                let help = suggest(name, self.events.keys().map(String::as_str));
                return Err((format!("unknown event `{name}`"), help));
            }
            self.chosen_event = Some(name.clone());
        }
        if let Some(t0) = &overrides.t0 {
            let name = self.event(None).map(|event| event.id.clone());
            let Some(event) = name.and_then(|name| self.events.get_mut(&name)) else {
                return Err(("--t0 needs an event".to_owned(), Some("add --event NAME".to_owned())));
            };
            let holidays: Vec<_> = event.holidays.iter().copied().collect();
            let zone = event
                .clock
                .as_ref()
                .and_then(|clock| clock.t0().time_zone().iana_name().map(str::to_owned))
                .or_else(|| event.time_zone.clone());
            // A zone in brackets wins over the event's.
            let zone = zone.filter(|_| !t0.contains('['));
            let fault = |error: ClockError| (format!("--t0: {}", error.message()), error.help());
            event.clock = Some(Clock::new(t0, zone.as_deref(), &holidays).map_err(fault)?);
            event.end_or_fault().and_then(|_| event.rollback_by_or_fault()).map_err(fault)?;
        }
        Ok(self)
    }
}

/// Reads the configuration and reports all of its faults at once.
pub fn parse(source: &Source, diagnostics: &mut Diagnostics) -> Config {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let table = data::toml(text, &source.path, source.text.len() - text.len(), data::CONFIGURATION, diagnostics);
    let mut config = Config::default();
    let mut reader = Reader::new(crate::source::FILE_NAME, &source.path, &table, 0..0, data::CONFIGURATION);
    read(&mut reader, &mut config);
    check_names(&config, &mut reader);
    diagnostics.extend(reader.finish());
    config
}

/// The function that reads each table.
fn read(reader: &mut Reader, config: &mut Config) {
    reader.table("site", |reader| config.site = read_site(reader));
    reader.table("look", |reader| config.look = look::read(reader));
    reader.tables("events", |name, reader| {
        let event = event::read(&name.name, reader);
        config.events.insert(name.name.clone(), event);
    });
    (config.links, config.link_places) = read_links(reader);
    config.vars = reader.words("vars").into_iter().map(|(key, text)| (key.name, text)).collect();
    reader.table("status", |reader| config.status = status_page::read(reader));
    reader.table("notices", |reader| config.notices = mailing::read_notices(reader));
    reader.list_of_tables("mailings", |reader| config.mailings.extend(mailing::read_mailing(reader)));
    reader.table("smtp", |reader| config.sending = sending::read(reader));
    reader.list_of_tables("contracts", |reader| config.contracts.extend(read_contract(reader)));
    reader.table("check", |reader| {
        config.levels = read_levels(reader);
        reader.table("external", |reader| config.external = external::read(reader));
    });
}

/// Every key of `runsheet.toml` with its possible values.
pub fn fields() -> Vec<Field> {
    data::describe(|reader| read(reader, &mut Config::default()))
}

/// Names in one table that another table refers to.
fn check_names(config: &Config, reader: &mut Reader) {
    let events = || config.events.keys().map(String::as_str);
    let named = config.site.default_event.iter().chain(config.mailings.iter().filter_map(|mailing| mailing.event.as_ref()));
    for name in named {
        if !config.events.contains_key(&name.value) {
            let help = suggest(&name.value, events());
            reader.reject(&name.span, format!("unknown event `{}`", name.value), help);
        }
    }
    for (index, mailing) in config.mailings.iter().enumerate() {
        if let Some(first) = config.mailings[..index].iter().find(|earlier| earlier.id.value == mailing.id.value) {
            let message = format!("duplicate mailing `{}`", mailing.id.value);
            let diagnostic = Diagnostic::new(rule::DUPLICATE_NAME, message).at(reader.path(), mailing.id.span.clone());
            let place = Place::Span(first.id.span.clone());
            reader.diagnostics.push(diagnostic.related(reader.path(), place, "first declared here"));
        }
        let known = || config.mailings.iter().map(|mailing| mailing.id.value.as_str()).filter(|id| *id != mailing.id.value);
        if let Some(name) = mailing.reached_by.as_ref().filter(|name| !known().any(|id| id == name.value)) {
            reader.reject(&name.span, format!("unknown other mailing `{}`", name.value), suggest(&name.value, known()));
        }
    }
}

fn read_site(reader: &mut Reader) -> Site {
    let default = Site::default();
    Site {
        id: reader.parsed("id", site_id),
        title: reader.text("title").map_or(default.title, |text| text.value),
        base_url: reader.parsed("base_url", base_url).unwrap_or_default(),
        description: reader.text("description").map_or(default.description, |text| text.value),
        language: reader.parsed("language", language::parse).unwrap_or(default.language),
        theme: reader.parsed("theme", theme).unwrap_or(default.theme),
        repository: reader.parsed("repository", |text| web_address(text).map(|url| url.trim_end_matches('/').to_owned())),
        default_event: reader.text("default_event"),
        highlight: reader.bool("highlight").unwrap_or(default.highlight),
        search: reader.bool("search").unwrap_or(default.search),
    }
}

type Parsed<T> = Result<T, (String, Option<String>)>;

/// An `http` or `https` address.
fn web_address(text: &str) -> Parsed<String> {
    let leads = link::is_web(text) && !link::lacks_host(text) && !link::has_user(text);
    // It also goes into files without escapes.
    if !leads || text.contains(char::is_whitespace) || text.contains(acts_on_screen) {
        let help = "write it as `https://host/path`, without user name and password".to_owned();
        return Err((format!("invalid web address `{text}`"), Some(help)));
    }
    Ok(text.to_owned())
}

/// Small letters, digits and `-`: it is also the name of the ledger's file.
fn site_id(text: &str) -> Parsed<String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (3..=64).contains(&text.len()) && text.chars().all(legal) && !text.starts_with('-') && !text.ends_with('-');
    let help = "use 3 to 64 lower-case letters, digits and `-`, such as `our-move-3f9a1c07`".to_owned();
    if fits { Ok(text.to_owned()) } else { Err((format!("invalid id `{}`", crate::text::visible(text)), Some(help))) }
}

/// The address with scheme and host in small letters, without the scheme's default port (RFC 3986 §6.2.2.1, §6.2.3).
fn normalized(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (scheme, host) = (scheme.to_ascii_lowercase(), rest[..end].to_ascii_lowercase());
    let usual = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}{}", host.strip_suffix(usual).unwrap_or(&host), &rest[end..])
}

fn base_url(text: &str) -> Parsed<String> {
    let url = normalized(&web_address(text)?);
    if url.contains(['?', '#']) {
        return Err(("`base_url` can't have a query or a fragment".to_owned(), None));
    }
    Ok(format!("{}/", url.trim_end_matches('/')))
}

fn theme(text: &str) -> Parsed<String> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let help = "use the name of a folder below `themes/`".to_owned();
    if fits { Ok(text.to_owned()) } else { Err((format!("invalid theme name `{text}`"), Some(help))) }
}

fn read_links(reader: &mut Reader) -> (BTreeMap<String, String>, BTreeMap<String, Span>) {
    let (mut links, mut places) = (BTreeMap::new(), BTreeMap::new());
    let written = reader.words("links");
    reader.holds("links", Shape::Named(Box::new(Shape::Text)));
    for (key, text) in written {
        let allowed = web_address(&text).is_ok()
            || text.strip_prefix("mailto:").is_some_and(|rest| rest.contains('@') && !rest.contains(acts_on_screen));
        if !allowed {
            let message = format!("the link `{}` must start with `https://`, `http://` or `mailto:`", key.name);
            reader.reject(&key.span, message, None);
        }
        places.insert(key.name.clone(), key.span);
        links.insert(key.name, text);
    }
    (links, places)
}

/// A length of clock time, such as `15m`; weeks and days count 7 × 24 and 24 hours.
fn duration(text: &str) -> Parsed<SignedDuration> {
    let length = Length::parse(text).map_err(|error| (error.message().to_owned(), error.help()))?;
    let seconds = length.seconds().ok_or_else(|| ("business days have no fixed length".to_owned(), None))?;
    Ok(SignedDuration::from_secs(seconds))
}

/// A size such as `4MiB`, in bytes.
fn size(text: &str) -> Parsed<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        _ => 0,
    };
    let size = digits.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).filter(|size| *size > 0);
    size.ok_or_else(|| (format!("invalid size `{text}`"), Some("use a size such as `4MiB`".to_owned())))
}

fn read_contract(reader: &mut Reader) -> Option<Contract> {
    let path = reader.needed_text("path");
    let section = path.as_ref().and_then(|path| path.value.split_once('#')).map(|(_, section)| section.to_owned());
    let path = path.map(|path| Spanned { value: path.value.split('#').next().unwrap_or("").to_owned(), span: path.span });
    let contains = reader.texts("contains");
    let links_to = reader.texts("links_to");
    let mut inside = |text: Spanned<String>| match RelPath::new(&text.value) {
        Some(path) => Some(Spanned { value: path, span: text.span }),
        None => {
            reader.reject(&text.span, format!("`{}` is outside the project", text.value), None);
            None
        }
    };
    let links_to = links_to.into_iter().filter_map(&mut inside).collect();
    Some(Contract { path: inside(path?)?, section, contains, links_to })
}

fn read_levels(reader: &mut Reader) -> BTreeMap<String, CheckLevel> {
    let mut levels = BTreeMap::new();
    for (code, word) in reader.words("level") {
        let Some(rule) = rule::find(&code.name) else {
            let (message, help) = rule::unknown(&code.name);
            reader.reject(&code.span, message, help);
            continue;
        };
        match word.parse() {
            Ok(level) => match rule::refuse(rule, level) {
                Some((message, help)) => reader.reject(&code.span, message, Some(help)),
                None => {
                    levels.insert(code.name, level);
                }
            },
            Err(()) => {
                let message = format!("invalid level `{word}`");
                reader.reject(&code.span, message, Some("use `error`, `warn` or `off`".to_owned()));
            }
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalized() {
        let check = |text: &str, expected: &str| assert_eq!(base_url(text).as_deref(), Ok(expected), "{text}");
        check("https://docs.example.org", "https://docs.example.org/");
        check("HTTPS://Docs.Example.ORG:443/Guide/", "https://docs.example.org/Guide/");
        check("http://docs.example.org:80", "http://docs.example.org/");
        check("https://docs.example.org:8443/a", "https://docs.example.org:8443/a/");
    }

    #[test]
    fn what_acts_on_a_screen_is_in_no_address() {
        for odd in ['\u{202e}', '\u{1b}', '\n'] {
            assert!(
                base_url(&format!("https://docs.example{odd}.org/")).is_err() && web_address(&format!("https://a.example/{odd}")).is_err()
            );
            let text = format!("[links]\nhelp = {:?}\n", format!("mailto:a@b.example{odd}"))
                .replace("\\u{202e}", "\\u202e")
                .replace("\\u{1b}", "\\u001b");
            assert_eq!(codes(&text).len(), 1, "{text}");
        }
        assert_eq!(codes("[links]\nhelp = 'mailto:a@b.example'\nidn = 'https://köln.example/'\n"), []);
    }

    fn codes(text: &str) -> Vec<(&'static str, Option<String>)> {
        let mut diagnostics = Diagnostics::default();
        let path = crate::source::configuration();
        parse(&Source::new(path, text), &mut diagnostics);
        diagnostics.into_iter().map(|diagnostic| (diagnostic.rule.code, diagnostic.help)).collect()
    }

    #[test]
    fn all_faults_are_reported_in_one_run() {
        let text = "
[site]
titel = 1
base_url = 'ftp://x'
[events.cutover]
t0 = 2026-03-29T01:30:00
time_zone = 'Europe/London'
[notices]
replyto = 'x'
";
        let found = codes(text);
        assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["bad-value", "unknown-key", "bad-clock", "unknown-key"]);
        assert_eq!(found[1].1.as_deref(), Some("did you mean `title`?"));
        assert_eq!(found[3].1.as_deref(), Some("did you mean `reply_to`?"));
    }

    #[test]
    fn an_empty_file_is_fine() {
        assert_eq!(codes(""), []);
    }

    #[test]
    fn a_syntax_error_does_not_hide_the_rest() {
        let found = codes("[site]\ntitle = \n[notices]\nreplyto = 'x'\n");
        assert!(found.iter().any(|(code, _)| *code == "toml-syntax"), "{found:?}");
        assert!(found.iter().any(|(code, _)| *code == "unknown-key"), "{found:?}");
    }
}
