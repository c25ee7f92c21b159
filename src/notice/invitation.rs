//! The window of an event as the calendar part of a mail (RFC 5545, RFC 5546, RFC 6047).

use std::fmt::Write;

use jiff::{Timestamp, Zoned};
use lettre::message::Mailbox;

use super::recipients::Recipient;
use super::stage::Stage;
use crate::config::{Account, Calendar, Event, Impact, Mode, Notices};
use crate::text::icalendar::{line, one_line, utc};

/// What a calendar should do with the window.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub method: Method,
    /// The same in every message about the event.
    uid: String,
    /// Increases with the event's `revision`. The number of a cancellation is between those of two revisions.
    pub sequence: u64,
    stamp: Timestamp,
    start: Zoned,
    end: Zoned,
    summary: String,
    url: Option<String>,
    /// Whether recipients are asked for an answer.
    has_attendee: bool,
    /// The event's id, reduced to plain characters.
    name: String,
    maintenance: Option<Maintenance>,
}

/// The data for programs that track maintenance.
#[derive(Clone, Debug)]
struct Maintenance {
    provider: String,
    account: Account,
    objects: Vec<(String, Impact)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Add it, or move the existing entry.
    Request,
    /// The same, without asking for an answer.
    Publish,
    /// It does not take place.
    Cancel,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Request => "REQUEST",
            Method::Publish => "PUBLISH",
            Method::Cancel => "CANCEL",
        }
    }
}

/// Whether a SEQUENCE belongs to a cancelled window.
pub fn takes_out(sequence: u64) -> bool {
    sequence % 2 == 1
}

impl Invitation {
    /// The window of an event; `None` if it has no T-0 or no length, or if the stage of a notice does not concern calendars.
    /// `date` is that of the message.
    pub fn new(event: &Event, site: &str, url: &str, notices: &Notices, stage: Option<Stage>, date: &Zoned) -> Option<Invitation> {
        let method = method(stage?, notices.calendar)?;
        let start = event.clock.as_ref()?.t0().clone();
        let end = event.end().filter(|end| end.timestamp().as_second() > start.timestamp().as_second())?;
        let mark = if event.mode == Mode::Rehearsal { "REHEARSAL: " } else { "" };
        let hash = blake3::hash(serde_json::json!(["window", site, event.id]).to_string().as_bytes());
        // SEQUENCE has 31 bits.
        let revision = event.revision.min(1 << 29);
        Some(Invitation {
            method,
            uid: hash.to_hex()[..40].to_owned(),
            sequence: revision * 2 + u64::from(method == Method::Cancel),
            stamp: date.timestamp(),
            start,
            end,
            summary: format!("{mark}{}", event.name),
            url: (!url.is_empty()).then(|| url.to_owned()),
            has_attendee: notices.calendar == Calendar::Request,
            name: event.id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(40).collect(),
            maintenance: notices.maintnote.as_ref().map(|maintnote| Maintenance {
                provider: maintnote.provider.clone(),
                account: maintnote.account.clone(),
                objects: event.affects.iter().map(|(object, impact)| (object.clone(), *impact)).collect(),
            }),
        })
    }

    /// Its name as an attached file.
    pub fn file_name(&self) -> String {
        format!("{}.ics", if self.name.is_empty() { "event" } else { &self.name })
    }

    /// The column whose value its messages contain.
    pub fn column(&self) -> Option<&str> {
        match &self.maintenance.as_ref()?.account {
            Account::Column(column) => Some(&column.value),
            Account::Same(_) => None,
        }
    }

    /// The calendar file for one recipient.
    pub fn write(&self, organizer: &Mailbox, recipient: &Recipient) -> Result<String, String> {
        let mut file = String::with_capacity(1024);
        let mut put = |name: &str, value: &str| line(&mut file, name, value);
        put("BEGIN", "VCALENDAR");
        put("VERSION", "2.0");
        put("PRODID", "-//Runsheet//Notice//EN");
        put("CALSCALE", "GREGORIAN");
        put("METHOD", self.method.name());
        put("BEGIN", "VEVENT");
        put("UID", &format!("{}@{}", self.uid, organizer.email.domain()));
        put("DTSTAMP", &utc(self.stamp));
        put("SEQUENCE", &self.sequence.to_string());
        put("DTSTART", &utc(self.start.timestamp()));
        put("DTEND", &utc(self.end.timestamp()));
        put("SUMMARY", &one_line(&self.summary));
        // A quoted parameter cannot hold a quote (RFC 5545 §3.2).
        let name = organizer.name.as_deref().unwrap_or("").replace(['"', '\r', '\n'], "");
        let parameter = if name.is_empty() { String::new() } else { format!(";CN=\"{name}\"") };
        put(&format!("ORGANIZER{parameter}"), &format!("mailto:{}", organizer.email));
        // PUBLISH has no attendees (RFC 5546 §3.2.1), not even for a cancellation (§4.1.3).
        if self.has_attendee {
            put("ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE", &format!("mailto:{}", recipient.address));
        }
        if let Some(url) = &self.url {
            put("URL", url);
        }
        // It is only a note, so it makes nobody busy.
        put("TRANSP", "TRANSPARENT");
        put("STATUS", if self.method == Method::Cancel { "CANCELLED" } else { "CONFIRMED" });
        if let Some(maintenance) = &self.maintenance {
            file.push_str(&self.maintnote(maintenance, recipient)?);
        }
        file.push_str("END:VEVENT\r\nEND:VCALENDAR\r\n");
        Ok(file)
    }

    /// The properties of BCOP's draft "Maintenance notifications", in the form its readers want: one id throughout, upper case,
    /// every object, and the worst of all impacts.
    fn maintnote(&self, maintenance: &Maintenance, recipient: &Recipient) -> Result<String, String> {
        let account = match &maintenance.account {
            Account::Same(account) => account,
            Account::Column(column) => recipient
                .get(&column.value)
                .ok_or_else(|| format!("column `{}` is empty, but X-MAINTNOTE-ACCOUNT needs it", column.value))?,
        };
        let mut lines = String::new();
        let mut put = |name: &str, value: &str| line(&mut lines, name, value);
        put("X-MAINTNOTE-PROVIDER", &one_line(&maintenance.provider));
        put("X-MAINTNOTE-ACCOUNT", &one_line(account));
        let mut id = self.name.clone();
        write!(id, "{}{}", if id.is_empty() { "" } else { "-" }, &self.uid[..12]).ok();
        put("X-MAINTNOTE-MAINTENANCE-ID", &id);
        for (object, impact) in &maintenance.objects {
            put(&format!("X-MAINTNOTE-OBJECT-ID;X-MAINTNOTE-OBJECT-IMPACT={}", impact.name()), &one_line(object));
        }
        let worst = maintenance.objects.iter().map(|(_, impact)| *impact).max().unwrap_or(Impact::NoImpact);
        put("X-MAINTNOTE-IMPACT", worst.name());
        put("X-MAINTNOTE-STATUS", if self.method == Method::Cancel { "CANCELLED" } else { "CONFIRMED" });
        Ok(lines)
    }
}

/// What a notice of a stage asks a calendar to do.
fn method(stage: Stage, calendar: Calendar) -> Option<Method> {
    match (stage, calendar) {
        (_, Calendar::Nowhere) => None,
        (Stage::Scheduled | Stage::Reminder, Calendar::Request) => Some(Method::Request),
        (Stage::Scheduled | Stage::Reminder, Calendar::Publish | Calendar::Attached) => Some(Method::Publish),
        (Stage::RolledBack | Stage::Postponed, _) => Some(Method::Cancel),
        _ => None,
    }
}
