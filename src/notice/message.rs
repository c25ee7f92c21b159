//! A message: what one recipient gets, as the bytes that go over the wire.
//!
//! The same campaign, recipient and notice give the same bytes: Date, Message-ID and boundary are derived.

use jiff::{Timestamp, Zoned};
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message as Mime, MultiPart, SinglePart};

use super::engine::Rendered;
use super::recipients::Recipient;
use super::{address, quoted};
use crate::config::Notices;

/// A campaign: one mailing of one event of one site, in one revision. In it no recipient is mailed twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    pub site: String,
    pub event: String,
    pub mailing: String,
    pub revision: u64,
}

impl Campaign {
    /// Its name in hashes; the parts cannot run into each other.
    fn name(&self) -> String {
        serde_json::json!([self.site, self.event, self.mailing, self.revision]).to_string()
    }
}

/// Keys from the environment; without one, hashes are plain.
#[derive(Clone, Default)]
pub struct Keys {
    pub message_id: Option<String>,
    pub unsubscribe: Option<String>,
}

/// A message that is ready to be written or sent.
#[derive(Clone, Debug)]
pub struct Message {
    pub to: String,
    pub subject: String,
    pub message_id: String,
    /// The sender's address, without a name.
    pub from: String,
    pub date: Timestamp,
    /// RFC 5322, CRLF.
    pub bytes: Vec<u8>,
}

/// Makes a message. `date` becomes its Date header.
pub fn build(
    rendered: &Rendered,
    recipient: &Recipient,
    campaign: &Campaign,
    notices: &Notices,
    date: &Zoned,
    keys: &Keys,
) -> Result<Message, String> {
    let from = notices.from.as_ref().ok_or("there is no sender: set `from` in [notices]")?;
    for text in [rendered.subject.as_str(), recipient.get("name").unwrap_or("")] {
        // lettre would keep a line break in an encoded word, or panic in a display name.
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            return Err(format!("a header would hold the control character U+{:04X}", u32::from(c)));
        }
    }
    if rendered.subject.is_empty() {
        return Err("the subject is empty".to_owned());
    }
    let key = address::key(&recipient.address);
    let id = hash(keys.message_id.as_deref(), "message-id", &campaign.name(), &key);
    let message_id = format!("<{id}@{}>", from.domain());
    let boundary = hash(None, "boundary", &campaign.name(), &key);
    let name = recipient.get("name").map(str::to_owned);
    let envelope = Envelope::new(Some(from.mailbox.email.clone()), vec![recipient.address.clone()]).map_err(|error| error.to_string())?;
    let mut builder = Mime::builder()
        .envelope(envelope)
        .from(from.mailbox.clone())
        .to(Mailbox::new(name, recipient.address.clone()))
        .subject(&rendered.subject)
        .date(date.timestamp().into())
        .message_id(Some(message_id.clone()))
        .header(AutoSubmitted);
    if let Some(reply_to) = &notices.reply_to {
        builder = builder.reply_to(reply_to.mailbox.clone());
    }
    if let Some(template) = &notices.unsubscribe {
        let link = unsubscribe(&template.value, campaign, &key, keys)?;
        if link.starts_with("https://") {
            builder = builder.header(ListUnsubscribePost);
        }
        builder = builder.header(ListUnsubscribe(format!("<{link}>")));
    }
    let parts = MultiPart::alternative()
        .boundary(format!("=_{}", &boundary[..32]))
        .singlepart(part(&rendered.text, ContentType::TEXT_PLAIN))
        .singlepart(part(&rendered.html, ContentType::TEXT_HTML));
    let message = builder.multipart(parts).map_err(|error| error.to_string())?;
    Ok(Message {
        to: recipient.address.to_string(),
        subject: rendered.subject.clone(),
        message_id,
        from: from.mailbox.email.to_string(),
        date: date.timestamp(),
        bytes: message.formatted(),
    })
}

/// One part, quoted-printable: seven bits, no bare CR or LF.
fn part(text: &str, kind: ContentType) -> SinglePart {
    let body = Body::dangerous_pre_encoded(quoted::encode(text), ContentTransferEncoding::QuotedPrintable);
    SinglePart::builder().header(kind).body(body)
}

/// BLAKE3 over campaign and address, as 40 hexadecimal digits.
fn hash(key: Option<&str>, purpose: &str, campaign: &str, address: &str) -> String {
    let text = format!("{purpose}\n{campaign}\n{address}");
    let hash = match key {
        Some(key) => blake3::keyed_hash(&blake3::derive_key("runsheet message key", key.as_bytes()), text.as_bytes()),
        None => blake3::hash(text.as_bytes()),
    };
    hash.to_hex()[..40].to_owned()
}

/// The address by which a recipient leaves; `{token}` becomes a keyed hash that only the key's holder can make.
fn unsubscribe(template: &str, campaign: &Campaign, address: &str, keys: &Keys) -> Result<String, String> {
    if !template.contains("{token}") {
        return Ok(template.to_owned());
    }
    let key =
        keys.unsubscribe.as_deref().ok_or("`{token}` in `unsubscribe` needs a key: set RUNSHEET_UNSUBSCRIBE_KEY in the environment")?;
    Ok(template.replace("{token}", &hash(Some(key), "unsubscribe", &campaign.name(), address)))
}

/// RFC 3834 §5.
#[derive(Clone, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// RFC 2369 §3.2.
#[derive(Clone, Debug)]
struct ListUnsubscribe(String);

impl Header for ListUnsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }
    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(ListUnsubscribe(text.to_owned()))
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

/// RFC 8058 §2.
#[derive(Clone, Debug)]
struct ListUnsubscribePost;

impl Header for ListUnsubscribePost {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(ListUnsubscribePost)
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".to_owned())
    }
}
