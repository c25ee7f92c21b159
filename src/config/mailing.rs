//! `[notices]` and `[[mailings]]`: who writes, and which notice goes to whom, when.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::data::{Reader, Spanned};
use crate::notice::address::Sender;
use crate::notice::encoding::Encoding;
use crate::schedule::Offset;
use crate::source::RelPath;

/// `[notices]`.
#[derive(Clone, Debug)]
pub struct Notices {
    pub from: Option<Sender>,
    pub reply_to: Option<Sender>,
    /// `https://…` or `mailto:…`; `{token}` stands for the recipient.
    pub unsubscribe: Option<Spanned<String>>,
    /// Stands at the end of every message.
    pub postal_address: String,
    /// Who gets nothing more: a file with one address a line.
    pub suppress: Option<Spanned<RelPath>>,
    /// Domains of recipients may mix scripts.
    pub allow_unicode_addresses: bool,
    /// RFC 2919, such as `FreshTrack notices <notices.freshtrackpro.com>`.
    pub list_id: Option<String>,
    /// Notices that announce or call off an event hold its window for the reader's calendar.
    pub calendar: bool,
    /// `build` merges at most so many messages a mailing unless `--all`.
    pub max_without_all: u64,
    /// `seal`: where the key lies that seals exported ledgers.
    pub seal: SealKey,
    /// Stands in for a recipient on the site and in previews.
    pub sample: BTreeMap<String, String>,
}

impl Default for Notices {
    fn default() -> Notices {
        Notices {
            from: None,
            reply_to: None,
            unsubscribe: None,
            postal_address: String::new(),
            suppress: None,
            allow_unicode_addresses: false,
            list_id: None,
            calendar: true,
            max_without_all: 100,
            seal: SealKey::default(),
            sample: BTreeMap::from([("email".to_owned(), "sample@example.org".to_owned())]),
        }
    }
}

/// Where a key lies: in a file that nobody else can read, or with a program that prints it. Neither: in the environment, or nowhere.
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
    /// That of the table.
    pub encoding: Encoding,
    /// The table's columns by the names that notices use.
    pub columns: Columns,
    /// The message's date.
    pub when: Option<Spanned<Offset>>,
    /// The earliest time to send it; `when` unless it is set.
    pub not_before: Option<Spanned<Offset>>,
    pub not_after: Option<Spanned<Offset>>,
    pub revision: u64,
    /// Only those whom this mailing has reached, by the ledger, are sent it.
    pub reached_by: Option<Spanned<String>>,
    /// It stands in the configuration. Another one is made up for a notice that no mailing sends.
    pub is_declared: bool,
}

impl Mailing {
    /// What a user knows it as: the mailing, or the notice for which it was made up.
    pub fn shown(&self) -> String {
        let kind = if self.is_declared { "mailing" } else { "notice" };
        format!("the {kind} `{}`", self.id.value)
    }
}

pub fn read_notices(reader: &mut Reader) -> Notices {
    let unsubscribe = reader.text("unsubscribe").filter(|text| !text.value.is_empty());
    if let Some(text) = &unsubscribe {
        let plain = !text.value.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ','));
        if !plain || !(text.value.starts_with("https://") || text.value.starts_with("mailto:")) {
            reader.reject(&text.span, "`unsubscribe` should be an `https://` or `mailto:` address without spaces", None);
        }
    }
    let mut notices = Notices {
        from: reader.parsed("from", sender),
        reply_to: reader.parsed("reply_to", |text| if text.is_empty() { Ok(None) } else { sender(text).map(Some) }).flatten(),
        unsubscribe,
        postal_address: reader.text("postal_address").map_or_else(String::new, |text| text.value),
        suppress: reader.text("suppress").and_then(|text| inside(reader, text)),
        allow_unicode_addresses: reader.bool("allow_unicode_addresses").unwrap_or(false),
        calendar: reader.bool("calendar").unwrap_or(true),
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
    if let Some(limit) = reader.count("max_without_all") {
        notices.max_without_all = limit;
    }
    notices
}

fn sender(text: &str) -> Result<Sender, (String, Option<String>)> {
    Sender::parse(text).map_err(|message| (message, Some("for example `Support <support@example.org>`".to_owned())))
}

/// RFC 2919 §3: words, then a name of dotted labels between `<` and `>`.
fn list_id(text: &str) -> Result<String, (String, Option<String>)> {
    let name = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')).map_or(text, |(_, name)| name);
    let legal = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !text.is_ascii() || text.chars().any(|c| c.is_control()) || name.split('.').count() < 2 || !name.split('.').all(legal) {
        let help = "for example `Notices <notices.example.org>`".to_owned();
        return Err((format!("`{}` is no name of a list", crate::diagnostic::visible(text)), Some(help)));
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

/// A mailing, if what it cannot do without is there.
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
    let revision = reader.count("revision").unwrap_or(1);
    let reached_by = reader.text("reached_by");
    let id = id?;
    if id.value.is_empty() || !id.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        let help = "letters, digits, `-` and `_`: it names a folder of `outbox/`".to_owned();
        reader.reject(&id.span, format!("`{}` cannot be the id of a mailing", id.value), Some(help));
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
            let help = "small letters, digits and `_`, as in `{{ r.first_name }}`".to_owned();
            reader.reject(&key.span, format!("`{}` cannot be the name of a column", key.name), Some(help));
        }
    }
    columns
}

fn read_offset(reader: &mut Reader, key: &'static str) -> Option<Spanned<Offset>> {
    let text = reader.text(key)?;
    match Offset::parse(&text.value) {
        Ok(offset) => Some(Spanned { value: offset, span: text.span }),
        Err(error) => {
            reader.reject(&text.span, error.message(), error.help().or(Some("for example `T-48h`".to_owned())));
            None
        }
    }
}
