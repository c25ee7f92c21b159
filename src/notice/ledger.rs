//! The ledger of a campaign: what became of each recipient, so that none is mailed twice and none forgotten.
//!
//! A recipient is *sending*, durably, before the end of its message is written. Whatever happens after that and before
//! the answer is written down leaves it *in doubt*: nobody can know whether the server has the message (RFC 1047), and it
//! is not sent again unless a person says so.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::reply::Reply;

/// Where a recipient stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Planned,
    /// A sender has it in hand and has not begun.
    Claimed,
    /// The end of its message may have been written.
    Sending,
    /// The server has it, and answers for it.
    Accepted,
    /// Not now: it is tried again.
    Deferred,
    /// Never.
    Refused,
    /// Nobody knows whether the server has it.
    InDoubt,
    /// It is on the list of those who get nothing.
    Suppressed,
    /// It was taken out of the plan.
    Cancelled,
}

impl State {
    pub const ALL: [State; 9] = [
        State::Planned,
        State::Claimed,
        State::Sending,
        State::Accepted,
        State::Deferred,
        State::Refused,
        State::InDoubt,
        State::Suppressed,
        State::Cancelled,
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
    /// Over the notice, the recipients and the configuration, as far as they reach a message: see [`Digest`].
    pub hash: String,
    /// The Date of its messages.
    pub frozen: Timestamp,
    pub subject: String,
    /// How often it was amended.
    pub amended: i64,
}

/// A recipient of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The normalised address: in one campaign it is there once.
    pub key: String,
    pub message_id: String,
    /// Over the bytes of its message; empty if it gets none.
    pub hash: String,
}

impl Planned {
    pub fn is_suppressed(&self) -> bool {
        self.hash.is_empty()
    }
}

/// The hash of a plan: every row of the table as it stands, and every message, in the order of the table.
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

/// A recipient in a sender's hand. Whoever claims it later has a higher number, and the earlier claim is void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub key: String,
    pub number: i64,
    /// How often it was deferred before.
    pub tries: i64,
    /// Of the message as it was planned.
    pub hash: String,
}

/// Something to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The end of the message will be written.
    Begin(Claim),
    /// What became of it; a deferred one is due after a time.
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
}

impl Counts {
    pub fn get(&self, state: State) -> u64 {
        self.of.get(&state).copied().unwrap_or(0)
    }

    pub fn all(&self) -> u64 {
        self.of.values().sum()
    }

    /// Those who still wait for their message.
    pub fn open(&self) -> u64 {
        [State::Planned, State::Claimed, State::Sending, State::Deferred].map(|state| self.get(state)).iter().sum()
    }

    /// `12 accepted, 1 refused`, without those that are none.
    pub fn text(&self) -> String {
        let parts: Vec<String> = self
            .of
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(state, count)| format!("{} {}", crate::diagnostic::thousands(*count), state.name()))
            .collect();
        if parts.is_empty() { "nobody".to_owned() } else { parts.join(", ") }
    }
}

/// One line of the ledger's history. Lines of one sender are a chain.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// The run of a program that wrote it.
    pub sender: String,
    /// From 1, in the chain of its sender.
    pub number: i64,
    pub key: String,
    pub state: String,
    pub claim: i64,
    pub at: String,
    pub code: i64,
    pub reply: String,
    /// Who decided it, and why, if it was a person.
    pub who: String,
    pub why: String,
    /// Over this line and the hash of the one before it.
    pub hash: String,
}

impl Event {
    /// The hash that this line should have behind another.
    pub fn link(&self, before: &str) -> String {
        let Event { sender, number, key, state, claim, at, code, reply, who, why, .. } = self;
        let text = serde_json::json!([before, sender, number, key, state, claim, at, code, reply, who, why]).to_string();
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    }
}

/// What is wrong with a history, whose lines come sorted by sender and number; each chain begins with the campaign's name.
///
/// `rows` are the recipients with their states and claims. A line that was changed, taken out or put in breaks its chain, and a state that
/// no line tells of was set by another hand. What is cut off at the end of a chain together with its states is not seen:
/// compare the last hashes with those that `send` has said.
pub fn verify(campaign: &str, events: &[Event], rows: &[(String, State)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut last: BTreeMap<&str, (&str, i64)> = BTreeMap::new();
    let mut latest: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        let (before, number) = last.get(&*event.sender).copied().unwrap_or((campaign, 0));
        if event.number != number + 1 {
            faults.push(format!("line {} of {} is missing", number + 1, event.sender));
        } else if event.hash != event.link(before) {
            faults.push(format!("line {} of {} ({}) was changed", event.number, event.sender, event.key));
        }
        last.insert(&event.sender, (&event.hash, event.number));
        latest.entry(&event.key).or_default().push(event);
    }
    for (key, state) in rows {
        let last = latest.get(key.as_str()).and_then(|told| told.iter().max_by_key(|event| (event.claim, &event.at, event.number)));
        let told = last.and_then(|event| State::parse(&event.state));
        let holds = match state {
            // Nothing is written when it is planned or claimed, nor when it is given back.
            State::Planned | State::Claimed | State::Suppressed => matches!(told, None | Some(State::Planned | State::Deferred)),
            State::Deferred => matches!(told, Some(State::Deferred | State::Planned)),
            state => told == Some(*state),
        };
        if !holds {
            faults.push(format!("`{key}` is {}, and its history does not say so", state.name()));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> Vec<Event> {
        let mut before = "campaign".to_owned();
        let mut events = Vec::new();
        for (number, (key, state)) in
            [("a@b.example", State::Sending), ("a@b.example", State::Accepted), ("c@b.example", State::Sending)].into_iter().enumerate()
        {
            let mut event = Event {
                sender: "one".to_owned(),
                number: i64::try_from(number).unwrap() + 1,
                key: key.to_owned(),
                state: state.name().to_owned(),
                claim: 1,
                at: "2027-01-01T00:00:00Z".to_owned(),
                code: 250,
                reply: "Ok".to_owned(),
                who: String::new(),
                why: String::new(),
                hash: String::new(),
            };
            event.hash = event.link(&before);
            before.clone_from(&event.hash);
            events.push(event);
        }
        events
    }

    #[test]
    fn what_was_changed_is_seen() {
        let rows = [("a@b.example".to_owned(), State::Accepted), ("c@b.example".to_owned(), State::Sending)];
        let good = history();
        assert_eq!(verify("campaign", &good, &rows), [] as [String; 0]);
        let mut changed = good.clone();
        changed[1].reply = "no".to_owned();
        assert_eq!(verify("campaign", &changed, &rows), ["line 2 of one (a@b.example) was changed"]);
        let mut shorter = good.clone();
        shorter.remove(1);
        assert_eq!(verify("campaign", &shorter, &rows).len(), 2);
        assert_eq!(verify("another", &good, &rows).len(), 1);
        let wrong = [("a@b.example".to_owned(), State::Planned), ("c@b.example".to_owned(), State::Accepted)];
        assert_eq!(verify("campaign", &good, &wrong).len(), 2);
    }

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
