//! What holds for every export of a ledger: what was changed in it is seen.

use runsheet::notice::exported::{as_csv, as_json, has_history, is_sealed, seal_fault, verified};
use runsheet::notice::history::{Covered, Event, Occasion, Standing, seal};
use runsheet::notice::ledger::{Plan, State};
use runsheet::notice::reply::Reply;
use runsheet::notice::seal::Seal;
use serde_json::{Value, json};

/// Reads bytes as an export, then as a recipe: of a ledger, and of a change to it.
pub fn ledger(bytes: &[u8]) {
    let key = Seal::new(b"key");
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = is_sealed(text);
        let _ = seal_fault(text, &key);
        let _ = verified(text);
    }
    let mut draw = Draw(bytes.iter());
    let (plan, rows, events) = drawn(&mut draw);
    let json = as_json(&plan, &rows, &events, Some(&key)).expect("JSON");
    let csv = as_csv(&rows, &events, Some(&key)).expect("a table");
    for text in [&json, &csv] {
        assert!(is_sealed(text).expect("an export"), "no seal in {text}");
        // Nothing was sealed of an empty table.
        assert!(rows.is_empty() || seal_fault(text, &key).expect("an export").is_none(), "the seal of {text}");
        other_bytes(text, &key, &mut draw);
    }
    assert!(has_history(&json) && !has_history(&csv), "{json}");
    let (found, lines) = verified(&json).expect("an export");
    assert!(found.faults.is_empty() && found.uncovered.is_none() && lines == events.len(), "{found:?} in {json}");
    other_value(&json, &key, &mut draw);
}

/// Another byte at some place.
fn other_bytes(text: &str, key: &Seal, draw: &mut Draw) {
    let mut bytes = text.as_bytes().to_vec();
    let at = (draw.below(256) * 256 + draw.below(256)) % bytes.len();
    bytes[at] = u8::try_from(draw.below(256)).expect("it is below");
    let Ok(changed) = String::from_utf8(bytes) else { return };
    let fault = seal_fault(&changed, key);
    let is_same = if has_history(text) { lines_of(&changed) == lines_of(text) } else { cells_of(&changed) == cells_of(text) };
    assert!(is_same || !matches!(fault, Ok(None)) || !matches!(is_sealed(&changed), Ok(true)), "not seen at {at} in {changed}");
}

/// What is meant whatever ends lines.
fn lines_of(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

fn cells_of(text: &str) -> Vec<Vec<String>> {
    let mut table = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    table.records().map_while(Result::ok).map(|row| row.iter().map(str::to_owned).collect()).collect()
}

/// Another value at some place, or an entry of a list more or less: seen with the key, and by the history itself.
fn other_value(text: &str, key: &Seal, draw: &mut Draw) {
    let good: Value = serde_json::from_str(text).expect("JSON");
    let mut places = Vec::new();
    values(&good, String::new(), &mut places);
    let place = &places[draw.below(256) % places.len()];
    let mut changed = good.clone();
    let value = changed.pointer_mut(place).expect("it is there");
    match value {
        Value::Array(list) if !list.is_empty() => {
            let at = draw.below(256) % list.len();
            let one = list.remove(at);
            if draw.below(2) == 0 {
                list.insert(at, one.clone());
                list.insert(at, one);
            }
        }
        Value::String(text) => *value = json!(draw.word(text)),
        Value::Number(number) => *value = draw.number(number.as_i64().unwrap_or_default()),
        _ => *value = draw.number(0),
    }
    if changed == good {
        return;
    }
    let words = serde_json::to_string_pretty(&changed).expect("JSON");
    assert!(!matches!(seal_fault(&words, key), Ok(None)), "the seal holds, though {place} is another in {words}");
    // No line vouches for how often somebody was tried, or how often there was another plan.
    let is_open = |value: &Value| {
        let state = value.pointer(place).and_then(Value::as_str);
        [State::Planned, State::Claimed, State::Deferred].into_iter().any(|open| state == Some(open.name()))
    };
    if place == "/amended" || place.ends_with("/deferred") || place.starts_with("/seal") || is_open(&good) && is_open(&changed) {
        return;
    }
    let is_seen = verified(&words).map_or(true, |(found, _)| !found.faults.is_empty() || found.uncovered.is_some());
    assert!(is_seen, "the history holds, though {place} is another in {words}");
}

/// The places of all values but objects, as pointers (RFC 6901).
fn values(value: &Value, at: String, places: &mut Vec<String>) {
    if !value.is_object() && !at.is_empty() {
        places.push(at.clone());
    }
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| values(value, format!("{at}/{name}"), places)),
        Value::Array(list) => list.iter().enumerate().for_each(|(number, value)| values(value, format!("{at}/{number}"), places)),
        _ => {}
    }
}

/// Numbers out of bytes: nought when there are no more.
struct Draw<'a>(std::slice::Iter<'a, u8>);

impl Draw<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte)) % limit
    }

    /// A text in place of another one: of a state, mostly, if it was one.
    fn word(&mut self, before: &str) -> String {
        match self.below(4) {
            0 => String::new(),
            1 => State::ALL[self.below(State::ALL.len())].name().to_owned(),
            2 => format!("{before}x"),
            _ => ["one", "two", "a0@b.example", "0", "2027-01-01T00:00:00Z"][self.below(5)].to_owned(),
        }
    }

    fn number(&mut self, before: i64) -> Value {
        match self.below(6) {
            0 => json!(i64::MAX),
            1 => json!(i64::MIN),
            2 => json!(u64::MAX),
            3 => json!(before.wrapping_add(1)),
            4 => json!(1.5),
            _ => Value::Null,
        }
    }
}

/// A ledger as `send` leaves one: a few recipients in any state, and the history of two senders that says so.
fn drawn(draw: &mut Draw) -> (Plan, Vec<Standing>, Vec<Event>) {
    let frozen = "2027-01-01T00:00:00Z".parse().expect("a time");
    let begun_as = (draw.below(2) == 1).then(|| "before".to_owned());
    let plan =
        Plan { campaign: "campaign".to_owned(), hash: "plan".to_owned(), frozen, subject: "Subject".to_owned(), amended: 0, begun_as };
    let mut rows = Vec::new();
    let mut senders = [Chain::new("one", &plan), Chain::new("two", &plan)];
    for number in 0..draw.below(6) {
        let key = format!("a{number}@b.example");
        let state = State::ALL[draw.below(State::ALL.len())];
        let has_message = !matches!(state, State::Suppressed | State::LeftOut);
        let text = |text: &str| if has_message { text.to_owned() } else { String::new() };
        let reply = match state {
            State::Accepted => Reply::new(250, "2.0.0 Ok"),
            State::Deferred => Reply::new(450, "4.7.1 later"),
            State::Refused => Reply::new(550, "5.1.1 no"),
            State::InDoubt => Reply::new(0, "it closed the connection"),
            State::Cancelled => Reply::new(0, "they asked for it"),
            State::LeftOut => Reply::new(0, "line 2: bad-zone"),
            State::Planned | State::Claimed | State::Sending | State::Suppressed => Reply::new(0, ""),
        };
        let sender = &mut senders[draw.below(2)];
        if matches!(state, State::Sending | State::Accepted | State::Deferred | State::Refused | State::InDoubt) {
            sender.add(&key, State::Sending.name(), &Reply::new(0, ""), "", "");
        }
        match state {
            State::Accepted | State::Deferred | State::Refused | State::InDoubt => sender.add(&key, state.name(), &reply, "", ""),
            State::Cancelled => sender.add(&key, state.name(), &Reply::new(0, ""), "lead", &reply.text),
            _ => {}
        }
        let (message_id, hash) = (text(&format!("<{number}@b.example>")), text("content"));
        rows.push(Standing { key, message_id, hash, state, tries: 0, is_given_up: false, reply });
    }
    let covered = Covered {
        plan: plan.hash.clone(),
        frozen: plan.frozen.to_string(),
        subject: plan.subject.clone(),
        begun_as: plan.begun_as.clone(),
        rows: rows.len() as u64,
        seal: seal(&rows),
        number: 1,
        ..Covered::default()
    };
    let line = Reply { code: 0, text: serde_json::to_string(&covered).expect("JSON") };
    senders[draw.below(2)].add("", Occasion::Frozen.name(), &line, "lead", "");
    let events = senders.into_iter().flat_map(|sender| sender.events).collect();
    (plan, rows, events)
}

/// The lines of one sender, each with the hash of the one before it.
struct Chain {
    sender: &'static str,
    last: String,
    events: Vec<Event>,
}

impl Chain {
    fn new(sender: &'static str, plan: &Plan) -> Chain {
        Chain { sender, last: plan.campaign.clone(), events: Vec::new() }
    }

    fn add(&mut self, key: &str, state: &str, reply: &Reply, who: &str, why: &str) {
        let mut event = Event {
            sender: self.sender.to_owned(),
            number: i64::try_from(self.events.len()).expect("a few") + 1,
            key: key.to_owned(),
            state: state.to_owned(),
            claim: 1,
            at: "2027-01-01T00:00:00Z".to_owned(),
            code: i64::from(reply.code),
            reply: reply.text.clone(),
            who: who.to_owned(),
            why: why.to_owned(),
            hash: String::new(),
        };
        event.hash = event.link(&self.last);
        self.last.clone_from(&event.hash);
        self.events.push(event);
    }
}
