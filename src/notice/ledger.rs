//! The ledger of a campaign: the state of each recipient, so that none is mailed twice and none forgotten.
//!
//! A recipient is *sending*, durably, before the end of its message is written. Whatever happens after that and before
//! the answer is written down leaves it *in doubt*: nobody can know whether the server has the message (RFC 1047), and it
//! is not sent again unless a person says so.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::reply::Reply;

/// The state of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Planned,
    /// A sender has claimed it but not begun.
    Claimed,
    /// The end of its message may have been written.
    Sending,
    /// The server has accepted it and takes responsibility.
    Accepted,
    /// Not now: it will be retried, or could be once its retries are used up.
    Deferred,
    /// Never.
    Refused,
    /// Unknown whether the server has it.
    InDoubt,
    /// It is on the suppression list.
    Suppressed,
    /// It was taken out of the plan.
    Cancelled,
    /// Its row in the table was faulty, and somebody chose to send without it.
    LeftOut,
}

impl State {
    pub const ALL: [State; 10] = [
        State::Planned,
        State::Claimed,
        State::Sending,
        State::Accepted,
        State::Deferred,
        State::Refused,
        State::InDoubt,
        State::Suppressed,
        State::Cancelled,
        State::LeftOut,
    ];

    pub fn name(self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Claimed => "claimed",
            State::Sending => "sending",
            State::Accepted => "accepted",
            State::Deferred => "deferred",
            State::Refused => "refused",
            State::InDoubt => "in doubt",
            State::Suppressed => "suppressed",
            State::Cancelled => "cancelled",
            State::LeftOut => "left out",
        }
    }

    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// A plan, frozen before the first connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The campaign's name.
    pub campaign: String,
    /// Over the notice, the recipients and the configuration, as far as they affect a message: see [`Digest`].
    pub hash: String,
    /// The Date of its messages.
    pub frozen: Timestamp,
    pub subject: String,
    /// How often it was amended.
    pub amended: i64,
    /// The campaign's name when it began, if that was another one: its Message-IDs are derived from it.
    pub begun_as: Option<String>,
}

/// A recipient of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The normalised address; unique within a campaign.
    pub key: String,
    pub message_id: String,
    /// Over the bytes of its message; empty if it gets none.
    pub hash: String,
}

/// A faulty row of the table that a plan leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The normalised address, or `line N` if it could not be read.
    pub key: String,
    pub line: u64,
    /// Codes of its faults, separated by commas.
    pub code: String,
}

impl Planned {
    pub fn is_suppressed(&self) -> bool {
        self.hash.is_empty()
    }
}

/// The hash of a plan: every row of the table as written, and every message, in the order of the table.
pub struct Digest(blake3::Hasher);

impl Digest {
    pub fn new(campaign: &str) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(campaign.as_bytes()).update(b"\n");
        Digest(hasher)
    }

    /// Adds a recipient, with all values of its row.
    pub fn add(&mut self, planned: &Planned, values: &[String]) {
        for text in [&planned.key, &planned.hash].into_iter().chain(values) {
            self.0.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        self.0.update(b"\n");
    }

    pub fn finish(&self) -> String {
        self.0.finalize().to_hex()[..32].to_owned()
    }
}

/// The hash of a message.
pub fn content_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

/// A recipient claimed by a sender. A later claim has a higher number and voids this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub key: String,
    pub number: i64,
    /// How often it was deferred before.
    pub tries: i64,
    /// The hash of the planned message.
    pub hash: String,
}

/// An entry to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The end of the message is about to be written.
    Begin(Claim),
    /// The outcome; a deferred message is due after a time.
    Settle { claim: Claim, state: State, reply: Reply, due: Duration },
}

impl Entry {
    pub fn claim(&self) -> &Claim {
        match self {
            Entry::Begin(claim) | Entry::Settle { claim, .. } => claim,
        }
    }

    pub fn state(&self) -> State {
        match self {
            Entry::Begin(_) => State::Sending,
            Entry::Settle { state, .. } => *state,
        }
    }
}

/// How many recipients are in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub of: BTreeMap<State, u64>,
    /// When the first deferred one is due.
    pub next_due: Option<Timestamp>,
    /// Deferred messages whose retries are used up.
    pub given_up: u64,
}

impl Counts {
    pub fn get(&self, state: State) -> u64 {
        self.of.get(&state).copied().unwrap_or(0)
    }

    pub fn all(&self) -> u64 {
        self.of.values().sum()
    }

    /// Recipients still waiting for their message.
    pub fn open(&self) -> u64 {
        [State::Planned, State::Claimed, State::Sending, State::Deferred].map(|state| self.get(state)).iter().sum()
    }

    /// Recipients whose turn comes automatically: deferred ones without retries wait for somebody to plan them again.
    pub fn waiting(&self) -> u64 {
        self.open().saturating_sub(self.given_up)
    }

    /// Recipients of the campaign: rows that were left out do not count.
    pub fn addressed(&self) -> u64 {
        self.all() - self.get(State::LeftOut)
    }

    /// `12 accepted, 1 refused`, without states that have no recipients.
    pub fn text(&self) -> String {
        let parts: Vec<String> = self
            .of
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(state, count)| format!("{} {}", crate::text::thousands(*count), state.name()))
            .collect();
        if parts.is_empty() { "nobody".to_owned() } else { parts.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_every_row_and_every_message() {
        let digest = |hash: &str, values: &[&str]| {
            let mut digest = Digest::new("campaign");
            let planned = Planned { key: "a@b.example".to_owned(), message_id: String::new(), hash: hash.to_owned() };
            digest.add(&planned, &values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>());
            digest.finish()
        };
        assert_eq!(digest("1", &["a", "b"]), digest("1", &["a", "b"]));
        for other in [digest("2", &["a", "b"]), digest("1", &["ab", ""]), digest("1", &["a", "c"])] {
            assert_ne!(digest("1", &["a", "b"]), other);
        }
    }
}
