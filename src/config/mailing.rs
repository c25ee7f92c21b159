//! `[notices]` and `[[mailings]]`: who writes, and which notice goes to whom, when.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::maintnote::{self, Maintnote};
use crate::data::{Reader, Shape, Spanned, Value};
use crate::mail::address::{self, Sender};
use crate::mail::token;
use crate::schedule::Offset;
use crate::source::RelPath;
use crate::text::encoding::Encoding;
use crate::text::visible;

/// `[notices]`.
#[derive(Clone, Debug)]
pub struct Notices {
    pub from: Option<Sender>,
    pub reply_to: Option<Sender>,
    /// `https://…` and `mailto:…`, the preferred one first; `{token}` stands for the recipient.
    pub unsubscribe: Vec<Spanned<String>>,
    /// The envelope sender, if it is not `from`; `{token}` stands for the recipient.
    pub bounce_to: Option<Spanned<String>>,
    /// Appended to every message.
    pub postal_address: String,
    /// The suppression list: a file with one address per line.
    pub suppress: Option<Spanned<RelPath>>,
    /// Whether recipients' domains may mix scripts.
    pub allow_unicode_addresses: bool,
    /// RFC 2919, such as `FreshTrack notices <notices.freshtrackpro.com>`.
    pub list_id: Option<String>,
    /// How notices that announce or call off an event carry its window for the reader's calendar.
    pub calendar: Calendar,
    /// The same for programs that read maintenance notices.
    pub maintnote: Option<Maintnote>,
    /// How many messages `build` merges per mailing unless `--all` is given.
    pub max_without_all: u64,
    /// `seal`: where the key for sealing exported ledgers is.
    pub seal: SealKey,
    /// Used instead of a recipient on the site and in previews.
    pub sample: BTreeMap<String, String>,
}

/// How the window of an event is put into a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    /// An invitation, beside text and HTML.
    Request,
    /// An entry that asks for no answer, beside text and HTML.
    Publish,
    /// Such an entry, as an attached file.
    Attached,
    Nowhere,
}

impl Default for Notices {
    fn default() -> Notices {
        Notices {
            from: None,
            reply_to: None,
            unsubscribe: Vec::new(),
            bounce_to: None,
            postal_address: String::new(),
            suppress: None,
            allow_unicode_addresses: false,
            list_id: None,
            calendar: Calendar::Request,
            maintnote: None,
            max_without_all: 100,
            seal: SealKey::default(),
            sample: BTreeMap::from([("email".to_owned(), "sample@example.org".to_owned())]),
        }
    }
}

/// Where a key comes from: a file that nobody else can read, or a program that prints it. If neither is set: the environment, or nowhere.
#[derive(Clone, Debug, Default)]
pub struct SealKey {
    pub key_file: Option<PathBuf>,
    pub key_command: Vec<String>,
}

/// Names of columns, and what the table calls them.
pub type Columns = Vec<(String, Spanned<String>)>;

/// One of `[[mailings]]`: a notice, its recipients and its time.
#[derive(Clone, Debug)]
pub struct Mailing {
    pub id: Spanned<String>,
    /// The notice's name.
    pub notice: Spanned<String>,
    pub event: Option<Spanned<String>>,
    pub recipients: Spanned<RelPath>,
    /// The file of the table.
    pub encoding: Encoding,
    /// The table's columns by the names that notices use.
    pub columns: Columns,
    /// The message's date.
    pub when: Option<Spanned<Offset>>,
    /// The earliest time to send it; `when` unless it is set.
    pub not_before: Option<Spanned<Offset>>,
    pub not_after: Option<Spanned<Offset>>,
    pub revision: u64,
    /// If set, only recipients reached by this mailing, according to the ledger, get it.
    pub reached_by: Option<Spanned<String>>,
    /// Whether it is in the configuration. A mailing is made up for a notice that no mailing sends.
    pub is_declared: bool,
}

impl Mailing {
    /// The name a user knows it by: that of the mailing, or of the notice for which it was made up.
    pub fn shown(&self) -> String {
        let kind = if self.is_declared { "mailing" } else { "notice" };
        format!("the {kind} `{}`", self.id.value)
    }
}

pub fn read_notices(reader: &mut Reader) -> Notices {
    let mut notices = Notices {
        from: reader.parsed("from", sender),
        reply_to: reader.parsed("reply_to", |text| if text.is_empty() { Ok(None) } else { sender(text).map(Some) }).flatten(),
        unsubscribe: read_unsubscribe(reader),
        bounce_to: read_bounce_to(reader),
        postal_address: reader.text("postal_address").map_or_else(String::new, |text| text.value),
        suppress: reader.text("suppress").and_then(|text| inside(reader, text)),
        allow_unicode_addresses: reader.bool("allow_unicode_addresses").unwrap_or(false),
        calendar: read_calendar(reader),
        list_id: reader.parsed("list_id", list_id),
        sample: reader.words("sample").into_iter().map(|(key, text)| (key.name, text)).collect(),
        ..Notices::default()
    };
    notices.sample.entry("email".to_owned()).or_insert_with(|| "sample@example.org".to_owned());
    reader.table("seal", |reader| {
        notices.seal = SealKey {
            key_file: reader.text("key_file").map(|text| text.value).filter(|path| !path.is_empty()).map(PathBuf::from),
            key_command: reader.texts("key_command").into_iter().map(|text| text.value).collect(),
        };
    });
    if let Some(limit) = reader.count("max_without_all", 0..=u64::MAX) {
        notices.max_without_all = limit;
    }
    let has_calendar = notices.calendar != Calendar::Nowhere;
    reader.table("maintnote", |reader| notices.maintnote = maintnote::read(reader, has_calendar));
    notices
}

/// A text, or a list of them.
fn read_unsubscribe(reader: &mut Reader) -> Vec<Spanned<String>> {
    let is_one = matches!(reader.node("unsubscribe").map(|node| &node.value), Some(Value::Text(_)));
    let mut ways = if is_one { reader.text("unsubscribe").into_iter().collect() } else { reader.texts("unsubscribe") };
    reader.holds("unsubscribe", Shape::Either(vec![Shape::Text, Shape::Texts]));
    ways.retain(|way| !is_one || !way.value.is_empty());
    for way in &ways {
        let is_plain = !way.value.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ','));
        if !is_plain || !(way.value.starts_with("https://") || way.value.starts_with("mailto:")) {
            reader.reject(&way.span, "`unsubscribe` must be an `https://` or `mailto:` address without spaces", None);
        } else if has_other_mark(&way.value) {
            reader.reject(&way.span, format!("unknown placeholder in `unsubscribe`: {}", visible(&way.value)), Some(ONLY_MARK.to_owned()));
        } else if !way.value.is_ascii() || way.value.len() > MOST_ADDRESS {
            let message = format!("`unsubscribe` must be ASCII, with at most {MOST_ADDRESS} characters");
            let help = "write the domain in its ASCII form (`xn--…`) and percent-encode the rest";
            reader.reject(&way.span, message, Some(help.to_owned()));
        }
    }
    // RFC 8058 §3.1: one click goes to one address.
    if let Some(second) = ways.iter().filter(|way| way.value.starts_with("https://")).nth(1) {
        reader.reject(
            &second.span,
            "more than one `https://` address in `unsubscribe`",
            Some("keep the one that works with a single click".to_owned()),
        );
    }
    ways
}

/// The longest address in a header: its line must not be folded, and has at most 998 octets (RFC 5322 §2.1.1).
const MOST_ADDRESS: usize = 900;

const ONLY_MARK: &str = "use only `{token}`, which stands for the recipient";

fn has_other_mark(template: &str) -> bool {
    template.replace(token::MARK, "").contains(['{', '}'])
}

/// An address whose local part may contain one `{token}`.
fn read_bounce_to(reader: &mut Reader) -> Option<Spanned<String>> {
    let text = reader.text("bounce_to").filter(|text| !text.value.is_empty())?;
    match bounce_to(&text.value) {
        Ok(value) => Some(Spanned { value, span: text.span }),
        Err((message, help)) => {
            reader.reject(&text.span, message, Some(help));
            None
        }
    }
}

fn bounce_to(text: &str) -> Result<String, (String, String)> {
    let text = text.trim();
    let help = || "use an address such as `bounces@example.org` or `bounces+{token}@example.org`".to_owned();
    let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
    if has_other_mark(text) {
        return Err((format!("unknown placeholder in `bounce_to`: {}", visible(text)), ONLY_MARK.to_owned()));
    }
    if domain.contains(token::MARK) || local.matches(token::MARK).count() > 1 {
        return Err((format!("`{{token}}` is allowed once, before the `@`: {}", visible(text)), help()));
    }
    let filled = text.replace(token::MARK, &token::sample());
    let address = address::parse(&filled).map_err(|message| (message, help()))?;
    Ok(format!("{local}@{}", address.domain()))
}

/// `true` is an invitation.
fn read_calendar(reader: &mut Reader) -> Calendar {
    let words = [("request", Calendar::Request), ("publish", Calendar::Publish), ("attached", Calendar::Attached)];
    let calendar = match reader.node("calendar").map(|node| &node.value) {
        Some(Value::Text(_)) => reader.choice("calendar", &words).unwrap_or(Calendar::Request),
        _ if reader.bool("calendar").unwrap_or(true) => Calendar::Request,
        _ => Calendar::Nowhere,
    };
    reader.holds("calendar", Shape::Either(vec![Shape::OneOf(words.iter().map(|(word, _)| *word).collect()), Shape::Bool]));
    calendar
}

fn sender(text: &str) -> Result<Sender, (String, Option<String>)> {
    Sender::parse(text).map_err(|message| (message, Some("use one such as `Support <support@example.org>`".to_owned())))
}

/// RFC 2919 §3: words, then a name of dotted labels between `<` and `>`.
fn list_id(text: &str) -> Result<String, (String, Option<String>)> {
    let name = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')).map_or(text, |(_, name)| name);
    let legal = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !text.is_ascii() || text.chars().any(|c| c.is_control()) || name.split('.').count() < 2 || !name.split('.').all(legal) {
        let help = "use one such as `Notices <notices.example.org>`".to_owned();
        return Err((format!("invalid list id `{}`", visible(text)), Some(help)));
    }
    Ok(if text.ends_with('>') { text.to_owned() } else { format!("<{text}>") })
}

/// A path in the project; another is reported.
fn inside(reader: &mut Reader, text: Spanned<String>) -> Option<Spanned<RelPath>> {
    match RelPath::new(&text.value).filter(|_| !text.value.starts_with('/')) {
        Some(path) => Some(Spanned { value: path, span: text.span }),
        None => {
            reader.reject(&text.span, format!("`{}` is outside the project", text.value), None);
            None
        }
    }
}

/// Reads a mailing, if its required keys are there.
pub fn read_mailing(reader: &mut Reader) -> Option<Mailing> {
    let id = reader.needed_text("id");
    let notice = reader.needed_text("notice");
    let event = reader.text("event");
    let recipients = reader.needed_text("recipients");
    let encoding = reader.parsed("encoding", Encoding::parse).unwrap_or_default();
    let when = read_offset(reader, "when");
    let not_before = read_offset(reader, "not_before");
    let not_after = read_offset(reader, "not_after");
    let columns = read_columns(reader);
    let revision = read_revision(reader);
    let reached_by = reader.text("reached_by");
    let id = id?;
    if id.value.is_empty() || !id.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        let help = "use letters, digits, `-` and `_`, as it names a folder in `outbox/`".to_owned();
        reader.reject(&id.span, format!("invalid mailing id `{}`", id.value), Some(help));
        return None;
    }
    let recipients = inside(reader, recipients?)?;
    let (notice, is_declared) = (notice?, true);
    Some(Mailing { id, notice, event, recipients, encoding, columns, when, not_before, not_after, revision, reached_by, is_declared })
}

/// `columns = { email = "E-Mail" }`
fn read_columns(reader: &mut Reader) -> Columns {
    let mut columns = Columns::new();
    for (key, header) in reader.words("columns") {
        let legal = key.name.starts_with(|c: char| c.is_ascii_lowercase())
            && key.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if legal {
            columns.push((key.name, Spanned { value: header, span: key.span }));
        } else {
            let help = "use lower-case letters, digits and `_`, as in `{{ r.first_name }}`".to_owned();
            reader.reject(&key.span, format!("invalid column name `{}`", key.name), Some(help));
        }
    }
    columns
}

fn read_offset(reader: &mut Reader, key: &'static str) -> Option<Spanned<Offset>> {
    let text = reader.text(key)?;
    match Offset::parse(&text.value) {
        Ok(offset) => Some(Spanned { value: offset, span: text.span }),
        Err(error) => {
            reader.reject(&text.span, error.message(), error.help().or(Some("use an offset such as `T-48h`".to_owned())));
            None
        }
    }
}

/// A number that grows by one with each correction: the messages of each revision refer to those of the earlier ones.
fn read_revision(reader: &mut Reader) -> u64 {
    reader.count("revision", 1..=MOST_REVISIONS).unwrap_or(1)
}

const MOST_REVISIONS: u64 = 99;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounce_addresses() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(bounce_to(text).ok().as_deref(), expected, "{text}");
        check("bounces@b.example", Some("bounces@b.example"));
        check("bounces+{token}@kühl.example", Some("bounces+{token}@xn--khl-hoa.example"));
        check("{token}@b.example", Some("{token}@b.example"));
        check(&format!("{}{{token}}@b.example", "a".repeat(32)), Some(&format!("{}{{token}}@b.example", "a".repeat(32))));
        check(&format!("{}{{token}}@b.example", "a".repeat(33)), None);
        for bad in [
            "bounces",
            "b@{token}.example",
            "{token}{token}@b.example",
            "b+{tokn}@b.example",
            "B <b@b.example>",
            "b@b.example>\r\nRCPT TO:<x",
        ] {
            check(bad, None);
        }
    }
}
