//! A message: what one recipient gets, as the bytes on the wire.
//!
//! The same campaign, recipient and notice give the same bytes: Date, Message-ID and boundary are derived.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{Timestamp, Zoned};
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message as Mime, MessageBuilder, MultiPart, SinglePart};

use super::campaign::Campaign;
use super::engine::Rendered;
use super::invitation::Invitation;
use super::quoted;
use super::recipients::Recipient;
use crate::config::{Calendar, Notices};
use crate::mail::Keys;
use crate::mail::address;
use crate::mail::keys::hash;
use crate::mail::token::{self, Kind};
use crate::schedule::{moment, years};

/// A message that is ready to be written or sent.
#[derive(Clone, Debug)]
pub struct Message {
    pub to: String,
    pub subject: String,
    pub message_id: String,
    /// The envelope sender: where bounces go.
    pub from: String,
    pub date: Timestamp,
    /// The calendar part, if there is one.
    pub calendar: Option<String>,
    /// RFC 5322, CRLF.
    pub bytes: Vec<u8>,
}

/// The envelope: sender and recipient in SMTP (RFC 5321 §2.3.1), whatever the headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub from: String,
    pub to: String,
}

impl Message {
    pub fn envelope(&self) -> Envelope {
        Envelope { from: self.from.clone(), to: self.to.clone() }
    }
}

/// What all messages of a mailing have in common.
#[derive(Clone)]
pub struct Posting<'a> {
    pub campaign: Campaign,
    /// Earlier mailings of the series, and earlier revisions of this one, oldest first.
    pub earlier: Vec<Campaign>,
    /// The Date of every message.
    pub date: Zoned,
    pub invitation: Option<Invitation>,
    pub notices: &'a Notices,
    pub keys: &'a Keys,
}

/// Whether messages may have this date. There was no mail before 1970, and mail programs count from there.
pub fn may_be_dated(date: Timestamp) -> bool {
    date >= Timestamp::UNIX_EPOCH && years::hold(date)
}

/// The unsubscribe address, if one is configured: the first of them.
pub fn unsubscribe(posting: &Posting, recipient: &Recipient) -> Option<String> {
    let template = posting.notices.unsubscribe.first()?;
    token::fill(&template.value, Kind::Unsubscribe, posting.campaign.hashed_as(), &address::key(&recipient.address), posting.keys).ok()
}

/// Makes a message.
pub fn build(rendered: &Rendered, recipient: &Recipient, posting: &Posting) -> Result<Message, String> {
    let Posting { campaign, notices, keys, .. } = posting;
    let from = notices.from.as_ref().ok_or("no sender: set `from` in [notices]")?;
    let name = recipient.get("name");
    for text in [rendered.subject.as_str(), name.unwrap_or("")] {
        // lettre would keep a line break in an encoded word, or panic in a display name.
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            return Err(format!("a header would contain the control character U+{:04X}", u32::from(c)));
        }
    }
    // lettre panics on such a date.
    if !may_be_dated(posting.date.timestamp()) {
        return Err(format!("a message can't be dated before 1970: {}", moment::long(&posting.date)));
    }
    if rendered.subject.is_empty() {
        return Err("the subject line is empty".to_owned());
    }
    if rendered.is_empty {
        return Err("empty message: no part of the notice applies to this recipient".to_owned());
    }
    if rendered.html.len() > MOST_HTML {
        return Err(format!(
            "the HTML is {} KB: at most 90 are allowed, as mail programs cut off messages over 100",
            rendered.html.len() / 1024
        ));
    }
    let key = address::key(&recipient.address);
    let id = message_id(campaign, &key, from.domain(), keys);
    let bounce_to = match &notices.bounce_to {
        Some(template) => token::fill(&template.value, Kind::Bounce, campaign.hashed_as(), &key, keys)?,
        None => from.mailbox.email.to_string(),
    };
    // lettre requires one, but does not write it.
    let envelope = lettre::address::Envelope::new(Some(from.mailbox.email.clone()), vec![recipient.address.clone()]);
    let mut builder = Mime::builder().envelope(envelope.map_err(|error| error.to_string())?).from(from.mailbox.clone());
    builder = to_and_subject(builder, recipient, &rendered.subject);
    builder = builder.date(posting.date.timestamp().into()).message_id(Some(id.clone()));
    if !posting.earlier.is_empty() {
        let ids: Vec<String> = posting.earlier.iter().map(|campaign| message_id(campaign, &key, from.domain(), keys)).collect();
        // RFC 5322 §3.6.4; one line for each, because a Message-ID cannot be folded.
        builder = builder.raw_header(as_it_is("References", ids.join("\r\n ")));
    }
    // RFC 3834 §5
    builder = builder.raw_header(as_it_is("Auto-Submitted", "auto-generated".to_owned()));
    if let Some(reply_to) = &notices.reply_to {
        builder = builder.reply_to(reply_to.mailbox.clone());
    }
    builder = list_headers(builder, posting, &key)?;
    let calendar = match &posting.invitation {
        Some(invitation) => Some(invitation.write(&from.mailbox, recipient)?),
        None => None,
    };
    let boundary = hash(None, "boundary", campaign.hashed_as(), &key);
    let parts = parts(rendered, posting, calendar.as_deref(), &boundary[..32])?;
    let message = builder.multipart(parts).map_err(|error| error.to_string())?;
    Ok(Message {
        to: recipient.address.to_string(),
        subject: rendered.subject.clone(),
        message_id: id,
        from: bounce_to,
        date: posting.date.timestamp(),
        calendar,
        bytes: message.formatted(),
    })
}

fn to_and_subject(mut builder: MessageBuilder, recipient: &Recipient, subject: &str) -> MessageBuilder {
    // lettre leaves the address on the line of the last encoded word, even if that line gets too long.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '\'');
    let is_long = |name: &&str| {
        let one_line = name.len() + address::key(&recipient.address).len() <= 48;
        has_long_word(name) || !one_line && !name.chars().all(is_plain)
    };
    let name = recipient.get("name");
    builder = match name.filter(is_long) {
        Some(name) => builder.raw_header(encoded("To", name, &format!("\r\n <{}>", recipient.address))),
        None => builder.to(Mailbox::new(name.map(str::to_owned), recipient.address.clone())),
    };
    if has_long_word(subject) { builder.raw_header(encoded("Subject", subject, "")) } else { builder.subject(subject) }
}

/// `List-Id`, and how to unsubscribe.
fn list_headers(mut builder: MessageBuilder, posting: &Posting, key: &str) -> Result<MessageBuilder, String> {
    let Posting { campaign, notices, keys, .. } = posting;
    if let Some(list_id) = &notices.list_id {
        // RFC 2919 §3
        builder = builder.raw_header(as_it_is("List-Id", list_id.clone()));
    }
    let ways = notices.unsubscribe.iter().map(|way| token::fill(&way.value, Kind::Unsubscribe, campaign.hashed_as(), key, keys));
    let ways = ways.collect::<Result<Vec<String>, String>>()?;
    if ways.iter().any(|way| way.starts_with("https://")) {
        // RFC 8058 §2
        builder = builder.raw_header(as_it_is("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    if !ways.is_empty() {
        // RFC 2369 §2, §3.2: the preferred one first. One line for each, because an address cannot be folded.
        let ways: Vec<String> = ways.iter().map(|way| format!("<{way}>")).collect();
        builder = builder.raw_header(as_it_is("List-Unsubscribe", ways.join(",\r\n ")));
    }
    Ok(builder)
}

/// The text, the HTML, and the calendar part beside them or attached to them.
fn parts(rendered: &Rendered, posting: &Posting, calendar: Option<&str>, boundary: &str) -> Result<MultiPart, String> {
    let parts = MultiPart::alternative()
        .boundary(format!("=_{boundary}"))
        .singlepart(part(&rendered.text, ContentType::TEXT_PLAIN))
        .singlepart(part(&rendered.html, ContentType::TEXT_HTML));
    let (Some(invitation), Some(calendar)) = (&posting.invitation, calendar) else { return Ok(parts) };
    let kind = format!("text/calendar; method={}; charset=utf-8", invitation.method.name());
    let parsed = |kind: &str| ContentType::parse(kind).map_err(|error| error.to_string());
    if posting.notices.calendar != Calendar::Attached {
        return Ok(parts.singlepart(part(calendar, parsed(&kind)?)));
    }
    let name = invitation.file_name();
    let body = Body::dangerous_pre_encoded(quoted::encode(calendar), ContentTransferEncoding::QuotedPrintable);
    let attached = SinglePart::builder().header(parsed(&format!("{kind}; name=\"{name}\""))?).header(ContentDisposition::attachment(&name));
    // A boundary's digits never include `m`, so neither boundary begins with the other.
    Ok(MultiPart::mixed().boundary(format!("=_m{boundary}")).multipart(parts).singlepart(attached.body(body)))
}

/// The most HTML, in bytes: Gmail cuts off a message after 102 KB.
const MOST_HTML: usize = 90 << 10;

/// The longest word that a header can be folded around.
const LONGEST_WORD: usize = 60;

fn has_long_word(text: &str) -> bool {
    text.split(' ').any(|word| word.len() > LONGEST_WORD)
}

/// A header as encoded words (RFC 2047 §2): each holds whole characters and is a line of at most 76 octets.
///
/// A word ends at a space where it can: some readers put a space between two words that there is not.
fn encoded(name: &'static str, text: &str, behind: &str) -> HeaderValue {
    const AROUND: usize = "=?utf-8?b??=".len();
    let most = |before: usize| (76 - AROUND - before) / 4 * 3;
    let mut words = vec![String::new()];
    for c in text.chars() {
        let most = if words.len() == 1 { most(name.len() + ": ".len()) } else { most(1) };
        let word = words.last_mut().expect("there is one from the beginning");
        if word.len() + c.len_utf8() > most {
            let space = word.rfind(' ').filter(|space| *space > most / 2);
            let rest = space.map_or(String::new(), |space| word.split_off(space + 1));
            words.push(rest);
        }
        words.last_mut().expect("there is one").push(c);
    }
    let words: Vec<String> = words.iter().map(|word| format!("=?utf-8?b?{}?=", BASE64_STANDARD.encode(word))).collect();
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), text.to_owned(), words.join("\r\n ") + behind)
}

/// A header that must not be folded, or is folded already. It contains nothing from a recipient's row.
fn as_it_is(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

/// One part, quoted-printable: seven bits, no bare CR or LF.
fn part(text: &str, kind: ContentType) -> SinglePart {
    let body = Body::dangerous_pre_encoded(quoted::encode(text), ContentTransferEncoding::QuotedPrintable);
    SinglePart::builder().header(kind).body(body)
}

/// The Message-ID of a campaign's message to a recipient: the same in every run.
fn message_id(campaign: &Campaign, recipient: &str, domain: &str, keys: &Keys) -> String {
    format!("<{}@{domain}>", hash(keys.message_id.as_deref(), "message-id", campaign.hashed_as(), recipient))
}
