//! `[notices]` and `[[mailings]]`: who writes, and which notice goes to whom, when.

use std::collections::BTreeMap;

use crate::data::{Reader, Spanned};
use crate::notice::address::Sender;
use crate::schedule::Offset;
use crate::source::RelPath;

/// `[notices]`.
#[derive(Clone, Debug)]
pub struct Notices {
    pub from: Option<Sender>,
    pub reply_to: Option<Sender>,
    /// `https://…` or `mailto:…`; `{token}` stands for the recipient.
    pub unsubscribe: Option<Spanned<String>>,
    /// `build` merges at most so many messages a mailing unless `--all`.
    pub max_without_all: u64,
    /// Stands in for a recipient on the site and in previews.
    pub sample: BTreeMap<String, String>,
}

impl Default for Notices {
    fn default() -> Notices {
        Notices {
            from: None,
            reply_to: None,
            unsubscribe: None,
            max_without_all: 100,
            sample: BTreeMap::from([("email".to_owned(), "sample@example.org".to_owned())]),
        }
    }
}

/// One of `[[mailings]]`: a notice, its recipients and its time.
#[derive(Clone, Debug)]
pub struct Mailing {
    pub id: Spanned<String>,
    /// The notice's name.
    pub notice: Spanned<String>,
    pub event: Option<Spanned<String>>,
    pub recipients: Spanned<RelPath>,
    /// The message's date, and the earliest time to send it.
    pub when: Option<Spanned<Offset>>,
    pub not_after: Option<Spanned<Offset>>,
    pub revision: u64,
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
        sample: reader.words("sample").into_iter().map(|(key, text)| (key.name, text)).collect(),
        ..Notices::default()
    };
    notices.sample.entry("email".to_owned()).or_insert_with(|| "sample@example.org".to_owned());
    if let Some(limit) = reader.count("max_without_all") {
        notices.max_without_all = limit;
    }
    notices
}

fn sender(text: &str) -> Result<Sender, (String, Option<String>)> {
    Sender::parse(text).map_err(|message| (message, Some("for example `Support <support@example.org>`".to_owned())))
}

/// A mailing, if what it cannot do without is there.
pub fn read_mailing(reader: &mut Reader) -> Option<Mailing> {
    let id = reader.needed_text("id");
    let notice = reader.needed_text("notice");
    let event = reader.text("event");
    let recipients = reader.needed_text("recipients");
    let when = read_offset(reader, "when");
    let not_after = read_offset(reader, "not_after");
    let revision = reader.count("revision").unwrap_or(1);
    let id = id?;
    if id.value.is_empty() || !id.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        let help = "letters, digits, `-` and `_`: it names a folder of `outbox/`".to_owned();
        reader.reject(&id.span, format!("`{}` cannot be the id of a mailing", id.value), Some(help));
        return None;
    }
    let recipients = recipients?;
    let inside = RelPath::new(&recipients.value).filter(|_| !recipients.value.starts_with('/'));
    let Some(path) = inside else {
        reader.reject(&recipients.span, format!("`{}` is outside the project", recipients.value), None);
        return None;
    };
    let recipients = Spanned { value: path, span: recipients.span };
    Some(Mailing { id, notice: notice?, event, recipients, when, not_after, revision })
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
