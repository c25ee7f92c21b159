//! What `send` prints before it asks: how many recipients get what, when, through which server and with which ledger.

use std::collections::BTreeSet;

use jiff::{Timestamp, Zoned};

use super::earlier::EarlierCampaign;
use super::meter::length;
use super::planned_mailing::{PlannedMailing, Waiting};
use super::report;
use crate::cli::Global;
use crate::config::{Event, Mailing, Sending, is_loopback};
use crate::mail::Rate;
use crate::mailing::Skip;
use crate::notice::deadline::{Times, Timing, with_distance};
use crate::notice::ledger::{Counts, Plan, State};
use crate::notice::pace;
use crate::schedule::{moment, zone};
use crate::text::{counted, thousands, visible};
use crate::world::tzdata;

/// What is about to be sent.
pub struct Introduction<'a> {
    pub mailing: &'a Mailing,
    pub sending: &'a Sending,
    pub event: &'a Event,
    pub times: Option<&'a Times>,
    /// The earlier announcements of T-0.
    pub earlier: &'a [EarlierCampaign],
    pub is_amended: bool,
    pub planned: &'a PlannedMailing,
    /// Where the ledger is, if there is one.
    pub place: Option<String>,
    pub known: Option<&'a Plan>,
    pub counts: &'a Counts,
    /// Messages that are still to be sent.
    pub waiting: Waiting,
    pub now: Timestamp,
}

impl Introduction<'_> {
    pub fn say(&self, global: &Global) {
        let mut lines = vec![self.whom()];
        for first in &self.planned.firsts {
            let of = match &first.lang {
                Some(lang) => format!("({lang}) "),
                None => String::new(),
            };
            lines.push(format!("  subject   {of}{}", visible(&first.subject)));
        }
        if let Some(first) = self.planned.firsts.first() {
            let to = &first.to;
            let skip = self.planned.skip.as_ref().map_or_else(String::new, |skip| format!(" {}", skip.option()));
            lines.push(format!("  sample    to {to}: `runsheet notice preview {} --to {to}{skip}`", self.mailing.id.value));
        }
        lines.extend(Skip::first_of(&self.planned.left_out).map(|rows| format!("  left out  {rows}")));
        lines.extend(self.when());
        lines.push(zones_line());
        lines.extend(self.moved());
        if let Some((first, last)) = local_times(&self.planned.zones, self.event, self.now) {
            let times = if first == last { first } else { format!("{first} to {last}") };
            lines.push(format!("  now       {times} for the recipients"));
        }
        lines.push(self.through());
        lines.extend(self.ledger());
        for line in lines {
            report::note(global, &line);
        }
    }

    fn whom(&self) -> String {
        let Mailing { id, notice, revision, .. } = self.mailing;
        let messages = self.planned.messages();
        let waiting = self.waiting.messages;
        let mut of = match self.known {
            Some(_) if waiting < messages => {
                format!("{} still to send, of {}", counted(waiting, "message", "messages"), thousands(messages))
            }
            _ => format!("{} to send", counted(messages, "message", "messages")),
        };
        let tally = &self.planned.tally;
        let also = [(tally.suppressed, "suppressed"), (self.planned.left_out.len() as u64, "left out")];
        for (number, what) in also.into_iter().filter(|(number, _)| *number > 0) {
            of.push_str(&format!(", {} {what}", thousands(number)));
        }
        if let Some(earlier) = self.mailing.reached_by.as_ref().filter(|_| tally.passed_by > 0) {
            let doubt = match self.planned.in_doubt_before {
                0 => String::new(),
                number => format!(" ({} in doubt)", thousands(number)),
            };
            of.push_str(&format!(", {} not reached by `{}`{doubt}", thousands(tally.passed_by), earlier.value));
        }
        of.push_str(&tally.untranslated_text());
        format!("mailing {} (notice {}, revision {revision}): {of}", id.value, notice.value)
    }

    fn when(&self) -> Vec<String> {
        let Some(times) = self.times else { return Vec::new() };
        let late = match times.judge(self.now) {
            Timing::Late | Timing::Stale => ": LATE",
            Timing::Early => ": too early",
            Timing::InTime => "",
        };
        let mut lines = vec![format!("  when      {} ({}){late}", with_distance(&times.due.0, self.now), times.due.1)];
        if let Some((last, why)) = &times.last {
            lines.push(format!("  until     {} ({why})", with_distance(last, self.now)));
        }
        lines
    }

    /// Says if T-0 has moved since it was announced, or if the rules of its zone have changed since.
    fn moved(&self) -> Vec<String> {
        let Some(clock) = &self.event.clock else { return Vec::new() };
        let now = clock.t0().timestamp();
        let is_other = |one: &&EarlierCampaign| one.reached > 0 && (one.t0 != now || one.rules.is_some());
        let mut lines = Vec::new();
        if let Some(last) = self.earlier.iter().rev().find(|one| one.reached > 0).filter(is_other) {
            lines.push(match &last.rules {
                Some(rules) => format!(
                    "  rules     {} is {} at T-0 in tzdata {}, but was {} in {} when `{}` was sent: {}",
                    clock.t0().time_zone().iana_name().unwrap_or("the zone"),
                    moment::from_utc(rules.is),
                    zone::tzdata(),
                    moment::from_utc(rules.was),
                    visible(&rules.tzdata),
                    last.mailing,
                    if last.t0 == now {
                        "its readers were given a different local time".to_owned()
                    } else {
                        format!("T-0 was {}, but is now {now}", last.t0)
                    }
                ),
                None => format!(
                    "  moved     T-0 was {} when `{}` was sent, but is {} here",
                    shown_time(last.t0, self.event),
                    last.mailing,
                    shown_time(now, self.event)
                ),
            });
        }
        if let Some(own) = self.earlier.iter().find(|one| one.is_own).filter(is_other).filter(|_| self.is_amended) {
            let are = counted(own.reached, "recipient", "recipients");
            lines.push(format!(
                "  missed    {are} already reached won't learn of this: to send it to everyone, set `revision = {}` in the mailing",
                self.mailing.revision + 1
            ));
        }
        lines
    }

    fn through(&self) -> String {
        let Sending { host, port, connections, rate, per_domain, .. } = self.sending;
        let named = |rate: &Rate, whom: &str| format!(", {} in {} s{whom}", rate.messages, rate.per.as_secs());
        let rates: String =
            rate.iter().map(|rate| named(rate, "")).chain(per_domain.iter().map(|rate| named(rate, " per domain"))).collect();
        let takes = pace::length(*rate, *per_domain, self.waiting.messages, self.waiting.to_one_domain);
        let paced = takes.map_or_else(String::new, |takes| format!("{rates}: about {}", length(takes)));
        let samples = match self.planned.samples.1 {
            0 => String::new(),
            _ if !is_loopback(host) => String::new(),
            count => {
                format!(
                    "; {}, allowed because the server is this machine",
                    counted(count, "recipient is a sample", "recipients are samples")
                )
            }
        };
        format!("  through   {host}:{port}, {}{paced}{samples}", counted(*connections, "connection", "connections"))
    }

    fn ledger(&self) -> Vec<String> {
        match (&self.place, self.known) {
            (Some(place), Some(plan)) => {
                let amended =
                    if plan.amended > 0 { format!(", amended {}", counted(plan.amended, "time", "times")) } else { String::new() };
                vec![
                    format!("  ledger    {place} (plan of {}{amended})", shown_time(plan.frozen, self.event)),
                    format!(
                        "  reached   {} of {}; in all {}",
                        thousands(self.counts.get(State::Accepted)),
                        thousands(self.counts.addressed()),
                        self.counts.text()
                    ),
                ]
            }
            (Some(place), None) => vec![format!("  ledger    {place} (new for this campaign: no recipients reached)")],
            (None, _) => vec!["  ledger    none yet: no recipients reached".to_owned()],
        }
    }
}

/// Names the release of the time zone rules, and says whether the system has a newer one.
fn zones_line() -> String {
    let newer = tzdata::newer().map_or_else(String::new, |newer| {
        format!("; this system has the newer {newer}: check whether your zones have changed, and update Runsheet")
    });
    format!("  zones     tzdata {}{newer}", zone::tzdata())
}

/// The earliest and the latest local time among the recipients.
fn local_times(zones: &BTreeSet<String>, event: &Event, now: Timestamp) -> Option<(String, String)> {
    let mut times: Vec<Zoned> = zones.iter().filter_map(|name| zone::zone(name).ok()).map(|zone| now.to_zoned(zone)).collect();
    if times.is_empty() {
        times.push(zoned(now, event));
    }
    times.sort_by_key(|time| time.offset());
    let shown = |time: &Zoned| {
        let name = time.time_zone().iana_name().unwrap_or("UTC").to_owned();
        format!("{} ({name})", time.strftime("%a %-d %b, %H:%M"))
    };
    Some((shown(times.first()?), shown(times.last()?)))
}

/// A moment on the event's clock.
pub fn zoned(time: Timestamp, event: &Event) -> Zoned {
    let zone = event.clock.as_ref().map_or(jiff::tz::TimeZone::UTC, |clock| clock.t0().time_zone().clone());
    time.to_zoned(zone)
}

pub fn shown_time(time: Timestamp, event: &Event) -> String {
    zoned(time, event).strftime("%a %-d %b %Y, %H:%M %Z").to_string()
}
