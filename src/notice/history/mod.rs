//! The history of a campaign: lines chained by hashes, and the parts of the ledger that they cover.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::notice::ledger::{Plan, Planned, State};
use crate::notice::reply::Reply;
use crate::text::{counted, thousands};

/// One line of the ledger's history. Lines of one sender are a chain.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// The run of the program that wrote it.
    pub sender: String,
    /// From 1, in the chain of its sender.
    pub number: i64,
    pub key: String,
    pub state: String,
    pub claim: i64,
    pub at: String,
    pub code: i64,
    pub reply: String,
    /// Who decided it, and why, if a person did.
    pub who: String,
    pub why: String,
    /// Over this line and the hash of the one before it.
    pub hash: String,
}

impl Event {
    /// The hash that this line should have after another line.
    pub fn link(&self, before: &str) -> String {
        let Event { sender, number, key, state, claim, at, code, reply, who, why, .. } = self;
        let text = serde_json::json!([before, sender, number, key, state, claim, at, code, reply, who, why]).to_string();
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    }
}

/// The content of a line about the whole plan: such a line has an empty key, and this is its reply, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Covered {
    /// Fields of the plan: see `Plan`.
    pub plan: String,
    pub frozen: String,
    pub subject: String,
    pub begun_as: Option<String>,
    /// How many rows there are, and a hash over the parts of them that sending never changes: see [`seal`].
    pub rows: u64,
    pub seal: String,
    /// A table named on the command line, and its hash.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub table: Option<(String, String)>,
    /// A decision about many recipients at once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decided: Option<String>,
    /// The name that the campaign was taken over from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// T-0 of the event when the plan was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub t0: Option<Timestamp>,
    /// The same on its zone's clock, as `2027-02-13T02:00:00+00:00[Europe/London]`, and the release of the zone's rules.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock: Option<(String, String)>,
    /// The event's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event: Option<String>,
    /// The SEQUENCE of its window, if the messages have a calendar part.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequence: Option<u64>,
    /// From 1, over all lines of this kind, because clocks may be set back.
    #[serde(default)]
    pub number: u64,
    /// The hash of the last line of any run before this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<String>,
    /// A hash over the plan's present messages: see [`messages`].
    #[serde(default)]
    pub messages: String,
}

/// The event that a line about the whole plan records; stored as its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    Frozen,
    Amended,
    /// Rows that had been left out were fixed.
    Extended,
    /// Sent although its time had passed.
    Late,
    /// A decision about many recipients at once.
    Resolved,
    /// Taken over from another name.
    Adopted,
    /// Lines from here on cover what an older program wrote.
    FromHere,
    /// A run of `send` begins.
    Begun,
}

impl Occasion {
    pub fn name(self) -> &'static str {
        match self {
            Occasion::Frozen => "frozen",
            Occasion::Amended => "amended",
            Occasion::Extended => "extended",
            Occasion::Late => "late",
            Occasion::Resolved => "resolved",
            Occasion::Adopted => "adopted",
            Occasion::FromHere => "from here on",
            Occasion::Begun => "begun",
        }
    }
}

/// One recipient in the ledger.
#[derive(Clone, Debug)]
pub struct Standing {
    pub key: String,
    pub message_id: String,
    /// The hash of its planned message.
    pub hash: String,
    pub state: State,
    pub tries: i64,
    /// Deferred, and its retries are used up.
    pub is_given_up: bool,
    pub reply: Reply,
}

/// Why an amended plan left the recipient out.
pub const GONE: &str = "no longer among the recipients when the plan was amended";

/// What the history calls the state of a dead sender's messages.
pub const ENDED_TOO_EARLY: &str = "the sender ended before the server's answer was written down";

/// A hash over all rows of a plan, without what sending changes: key, Message-ID, content, and why a row was left out.
pub fn seal<'r>(rows: impl IntoIterator<Item = &'r Standing>) -> String {
    let mut rows: Vec<&Standing> = rows.into_iter().collect();
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        let left_out = if row.state == State::LeftOut { row.reply.text.as_str() } else { "" };
        for text in [&*row.key, &row.message_id, &row.hash, left_out] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// A hash over the messages of a plan, in the order of their keys.
pub fn messages<'p>(rows: impl IntoIterator<Item = &'p Planned>) -> String {
    let mut rows: Vec<&Planned> = rows.into_iter().collect();
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        for text in [&row.key, &row.hash] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// The result of comparing a history with the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Whatever does not match.
    pub faults: Vec<String>,
    /// Whatever no line covers, in words; `None` if everything is covered.
    pub uncovered: Option<String>,
}

/// The last line about the whole plan, with its content.
pub fn last_cover(events: &[Event]) -> Option<Covered> {
    covers(events).max_by_key(|(event, covered)| (covered.number, event.at.clone())).map(|(_, covered)| covered)
}

/// The readable lines about the whole plan.
fn covers(events: &[Event]) -> impl Iterator<Item = (&Event, Covered)> {
    let lines = events.iter().filter(|event| event.key.is_empty());
    lines.filter_map(|event| Some((event, serde_json::from_str(&event.reply).ok()?)))
}

/// Compares plan and rows with the last line that covers them. Empty if an older program wrote the plan without such a line.
pub fn verify_plan(plan: &Plan, events: &[Event], rows: &[Standing]) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(covered) = last_cover(events) else {
        if events.iter().any(|event| event.key.is_empty()) {
            faults.push("a line about the plan cannot be read".to_owned());
        }
        return faults;
    };
    let has = rows.len() as u64;
    if has != covered.rows {
        let (has, had) = (counted(has, "recipient", "recipients"), thousands(covered.rows));
        faults.push(format!("it has {has}, but was frozen with {had}"));
    } else if seal(rows) != covered.seal {
        faults.push("an address, a Message-ID or the hash of a message has changed since it was frozen".to_owned());
    }
    let parts = [
        (covered.plan != plan.hash, "the hash of the plan"),
        (covered.frozen != plan.frozen.to_string(), "the time of the plan"),
        (covered.subject != plan.subject, "the subject"),
        (covered.begun_as != plan.begun_as, "the name used in Message-IDs"),
    ];
    faults.extend(parts.into_iter().filter(|(differs, _)| *differs).map(|(_, what)| format!("{what} has changed since it was frozen")));
    faults
}

/// Compares a ledger with its history, whose lines come sorted by sender and number; each chain begins with the campaign's name.
///
/// A changed, removed or inserted line breaks its chain. If no line accounts for a row's state, code or reply, something else has
/// changed the row; the same applies to a plan or row that does not match its line. If the end of a chain is cut off together with
/// the rows it accounts for, this is not detected: compare the last hashes with those that `send` has printed.
pub fn verify(plan: &Plan, events: &[Event], rows: &[Standing]) -> Verified {
    let mut faults = Vec::new();
    let mut last: BTreeMap<&str, (&str, i64)> = BTreeMap::new();
    let mut latest: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    // Before a takeover, the campaign had another name.
    let names: BTreeSet<String> = covers(events).filter_map(|(_, covered)| covered.from).chain(plan.begun_as.clone()).collect();
    for event in events {
        let known = last.get(&*event.sender).copied();
        let (before, number) = known.unwrap_or((&plan.campaign, 0));
        // The highest possible number has no successor.
        let next = number.checked_add(1);
        if Some(event.number) != next {
            let line = next.map_or_else(|| format!("a line after line {number}"), |next| format!("line {next}"));
            faults.push(format!("{line} of {} is missing", event.sender));
        } else if event.hash != event.link(before) && !(known.is_none() && names.iter().any(|name| event.hash == event.link(name))) {
            let key = if event.key.is_empty() { "the plan" } else { &event.key };
            faults.push(format!("line {} of {} ({key}) was changed", event.number, event.sender));
        }
        last.insert(&event.sender, (&event.hash, event.number));
        latest.entry(&event.key).or_default().push(event);
    }
    // If all lines of a run were removed, the run after it shows that.
    let hashes: BTreeSet<&str> = events.iter().map(|event| event.hash.as_str()).collect();
    for (event, covered) in covers(events) {
        if covered.after.as_deref().is_some_and(|after| !hashes.contains(after)) {
            faults.push(format!("lines before line {} of {} are missing", event.number, event.sender));
        }
    }
    for row in rows {
        let of_row = latest.get(row.key.as_str()).map(Vec::as_slice).unwrap_or_default();
        faults.extend(row_fault(row, of_row));
    }
    faults.extend(verify_plan(plan, events, rows));
    Verified { faults, uncovered: uncovered(events, rows.len()) }
}

/// What is wrong with a row, according to the lines about it.
fn row_fault(row: &Standing, events: &[&Event]) -> Option<String> {
    let last = latest_of(events.iter().copied());
    let state = last.and_then(|event| State::parse(&event.state));
    let is_open = matches!(state, None | Some(State::Planned | State::Deferred | State::Suppressed));
    let holds = match row.state {
        // Planning, claiming and giving back write no line.
        State::Planned | State::Claimed => is_open && !row.hash.is_empty(),
        // These recipients have no message.
        State::Suppressed | State::LeftOut => is_open && row.hash.is_empty(),
        State::Deferred => matches!(state, Some(State::Deferred | State::Planned)),
        other => state == Some(other),
    };
    if !holds {
        return Some(format!("`{}` is {}, but its history does not show that", row.key, row.state.name()));
    }
    // The line about the plan covers the faults of a row.
    if row.state == State::LeftOut {
        let is_it = row.reply.code == 0 && !row.reply.text.is_empty();
        return (!is_it).then(|| format!("`{}` is {}, but without a reason", row.key, row.state.name()));
    }
    // When a message begins, its row keeps the answer to the previous attempt.
    let answered = latest_of(events.iter().copied().filter(|event| event.state != State::Sending.name()));
    let expected = match answered {
        None => (0, ""),
        Some(event) if event.who.is_empty() => (event.code, &*event.reply),
        Some(event) => (0, &*event.why),
    };
    // An older program kept the previous answer in the row.
    let is_old = answered.is_some_and(|event| event.reply == ENDED_TOO_EARLY);
    let is_it = (i64::from(row.reply.code), &*row.reply.text) == expected;
    (!is_it && !is_old).then(|| format!("the answer for `{}` differs from its history", row.key))
}

/// The latest of some lines about a recipient. Within a run, the number decides, because a clock may be set back; between runs, the time.
fn latest_of<'e>(lines: impl Iterator<Item = &'e Event>) -> Option<&'e Event> {
    let mut of_run: BTreeMap<&str, &Event> = BTreeMap::new();
    for line in lines {
        let known = of_run.entry(&line.sender).or_insert(line);
        if (line.claim, line.number) > (known.claim, known.number) {
            *known = line;
        }
    }
    of_run.into_values().max_by_key(|line| (line.claim, &line.at))
}

fn uncovered(events: &[Event], rows: usize) -> Option<String> {
    let what = "the plan, and the Message-IDs of";
    let rows = counted(rows, "recipient", "recipients");
    let lines = events.iter().filter(|event| event.key.is_empty());
    match lines.min_by_key(|event| (last_cover(std::slice::from_ref(event)).map_or(0, |covered| covered.number), &event.at)) {
        None => Some(format!("{what} {rows}, which an older runsheet wrote")),
        Some(first) if first.state == Occasion::FromHere.name() => {
            Some(format!("{what} {rows} before {}, which an older runsheet wrote", first.at))
        }
        Some(_) => None,
    }
}
