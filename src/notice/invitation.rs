//! The window of an event as the calendar part of a mail (RFC 5545, RFC 5546, RFC 6047).

use jiff::{Timestamp, Zoned};
use lettre::Address;
use lettre::message::Mailbox;

use crate::config::{Event, Mode};
use crate::sheet::calendar::{line, one_line, utc};

/// What a calendar is asked to do with the window.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub method: Method,
    /// The same in every message about the event.
    uid: String,
    /// Grows with the event's `revision`. That of a cancellation is between two revisions.
    sequence: u64,
    stamp: Timestamp,
    start: Zoned,
    end: Zoned,
    summary: String,
    url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Take it in, or move what you have.
    Request,
    /// It does not take place.
    Cancel,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Request => "REQUEST",
            Method::Cancel => "CANCEL",
        }
    }
}

impl Invitation {
    /// The window of an event; none if it has no T-0 or no length. `date` is that of the message.
    pub fn of(event: &Event, site: &str, url: &str, method: Method, date: &Zoned) -> Option<Invitation> {
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
        })
    }

    /// The calendar file for one recipient.
    pub fn write(&self, organizer: &Mailbox, attendee: &Address) -> String {
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
        put("ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE", &format!("mailto:{attendee}"));
        if let Some(url) = &self.url {
            put("URL", url);
        }
        // It is a note: nobody is busy with it.
        put("TRANSP", "TRANSPARENT");
        put("STATUS", if self.method == Method::Cancel { "CANCELLED" } else { "CONFIRMED" });
        put("END", "VEVENT");
        put("END", "VCALENDAR");
        file
    }
}
