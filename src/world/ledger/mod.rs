//! The stored ledger: one set of statements for two databases.

pub mod adoption;
pub mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod sqlite;
pub mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

use self::store::{Row, Store, Value};
use super::heads::Head;
use crate::error::{Context, Result};
use crate::notice::history::{ENDED_TOO_EARLY, Event, Occasion, Standing};
use crate::notice::ledger::{Claim, Counts, Entry, State};
use crate::notice::reply::Reply;

/// The ledger of one campaign, in use by one program.
pub struct Ledger {
    store: Box<dyn Store>,
    campaign: String,
    /// This run of the program.
    sender: String,
    lease: Duration,
    /// The last line of its chain.
    number: i64,
    head: String,
    /// Where the last line is also kept, outside the ledger.
    kept: Option<Head>,
}

/// Which recipients a person decides about.
#[derive(Clone, Copy, Debug)]
pub struct Whom<'a> {
    /// One recipient; without it, all recipients in these states.
    pub key: Option<&'a str>,
    pub from: &'a [State],
    /// Only those whose last answer had this code.
    pub code: Option<u16>,
}

impl Whom<'_> {
    fn holds(&self, row: &Standing) -> bool {
        self.from.contains(&row.state) && self.key.is_none_or(|key| key == row.key) && self.code.is_none_or(|code| code == row.reply.code)
    }
}

/// The due time of a message whose retries are used up: never automatically.
const NEVER: i64 = i64::MAX / 4;

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(NEVER).min(NEVER)
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

/// The columns of a line of the history, as [`event`] takes them.
const EVENT: &str = "sender, number, key, state, claim, at, code, reply, who, why, hash";

fn event(row: &Row) -> Result<Event> {
    Ok(Event {
        sender: row.text(0)?.to_owned(),
        number: row.number(1)?,
        key: row.text(2)?.to_owned(),
        state: row.text(3)?.to_owned(),
        claim: row.number(4)?,
        at: row.text(5)?.to_owned(),
        code: row.number(6)?,
        reply: row.text(7)?.to_owned(),
        who: row.text(8)?.to_owned(),
        why: row.text(9)?.to_owned(),
        hash: row.text(10)?.to_owned(),
    })
}

impl Ledger {
    pub fn new(store: Box<dyn Store>, campaign: &str, sender: &str, lease: Duration) -> Ledger {
        Ledger { store, campaign: campaign.to_owned(), sender: sender.to_owned(), lease, number: 0, head: campaign.to_owned(), kept: None }
    }

    /// From now on, the last line is kept outside the ledger as soon as it is written, and before anybody acts on it.
    pub fn keep_in(&mut self, head: Head) {
        self.kept = Some(head);
    }

    /// Keeps the last line permanently; if this run has written none, the last of all.
    pub fn keep(&mut self) -> Result<Option<String>> {
        let line = match self.head() {
            Some(line) => Some(line.to_owned()),
            None => self.last_hash()?,
        };
        if let (Some(line), Some(kept)) = (&line, &mut self.kept) {
            kept.note(line)?;
            kept.sync()?;
        }
        Ok(line)
    }

    pub fn place(&self) -> String {
        self.store.place()
    }

    /// The campaign's name in the ledger.
    pub fn campaign(&self) -> &str {
        &self.campaign
    }

    pub fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// The hash of the last line that this run has written.
    pub fn head(&self) -> Option<&str> {
        (self.number > 0).then_some(&self.head)
    }

    /// Runs a transaction: all or nothing.
    fn together<T>(&mut self, work: impl FnOnce(&mut Ledger) -> Result<T>) -> Result<T> {
        let (number, head) = (self.number, self.head.clone());
        let begun = self.store.begin();
        let done = begun.and_then(|()| work(self)).and_then(|value| self.store.commit().map(|()| value));
        if done.is_err() {
            self.store.roll_back();
            (self.number, self.head) = (number, head);
        } else if let Some(kept) = self.kept.as_mut().filter(|_| self.number > number) {
            kept.note(&self.head)?;
        }
        done.with_context(|| format!("cannot write the ledger {}", self.store.place()))
    }

    /// Records a person's decision about one recipient, if its state is still the one that the person saw. This voids any claim on it.
    fn set(&mut self, key: &str, from: State, to: State, who: &str, why: &str) -> Result<bool> {
        let statement = "UPDATE recipient SET state = $1, until = 0, tries = 0, claim = claim + 1, code = 0, reply = $2 \
                         WHERE campaign = $3 AND key = $4 AND state = $5 RETURNING claim";
        let values = [to.name().into(), why.into(), self.campaign.as_str().into(), key.into(), from.name().into()];
        let changed = self.store.query(statement, &values)?;
        let Some(row) = changed.first() else { return Ok(false) };
        let claim = row.number(0)?;
        self.note(key, to.name(), claim, &Reply::new(0, ""), who, why)?;
        Ok(true)
    }

    /// Appends a line to the chain of this run.
    fn note(&mut self, key: &str, state: &str, claim: i64, reply: &Reply, who: &str, why: &str) -> Result<()> {
        let mut event = Event {
            sender: self.sender.clone(),
            number: self.number + 1,
            key: key.to_owned(),
            state: state.to_owned(),
            claim,
            // Fixed width, so that text order equals time order.
            at: timestamp(self.store.now()?).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            code: i64::from(reply.code),
            reply: reply.text.clone(),
            who: who.to_owned(),
            why: why.to_owned(),
            hash: String::new(),
        };
        event.hash = event.link(&self.head);
        let values = [
            self.campaign.as_str().into(),
            event.sender.as_str().into(),
            event.number.into(),
            event.key.as_str().into(),
            event.state.as_str().into(),
            event.claim.into(),
            event.at.as_str().into(),
            event.code.into(),
            event.reply.as_str().into(),
            event.who.as_str().into(),
            event.why.as_str().into(),
            event.hash.as_str().into(),
        ];
        let statement = "INSERT INTO event (campaign, sender, number, key, state, claim, at, code, reply, who, why, hash) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        self.store.execute(statement, &values)?;
        (self.number, self.head) = (event.number, event.hash);
        Ok(())
    }

    /// Claims those of these recipients that are due: up to `most`, in the order of the table.
    pub fn claim(&mut self, keys: &[String], most: usize) -> Result<Vec<Claim>> {
        let keys = serde_json::to_string(&keys)?;
        self.together(|ledger| {
            let now = ledger.store.now()?;
            let (texts, skip) = (ledger.store.texts("$2"), ledger.store.skip_locked());
            // PostgreSQL may run a subquery more than once, with other rows free each time: so it is materialized.
            let statement = format!(
                "WITH free AS MATERIALIZED (SELECT key FROM recipient WHERE campaign = $1 AND key IN ({texts}) AND \
                 (state = 'planned' OR state IN ('deferred', 'claimed') AND until <= $3) ORDER BY rank LIMIT $4 {skip}) \
                 UPDATE recipient SET state = 'claimed', claim = claim + 1, owner = $5, until = $6 FROM free \
                 WHERE recipient.campaign = $7 AND recipient.key = free.key \
                 RETURNING recipient.key, recipient.claim, recipient.tries, recipient.hash"
            );
            let values = [
                ledger.campaign.as_str().into(),
                keys.into(),
                now.into(),
                i64::try_from(most).unwrap_or(i64::MAX).into(),
                ledger.sender.as_str().into(),
                now.saturating_add(millis(ledger.lease)).into(),
                ledger.campaign.as_str().into(),
            ];
            let claim = |row: &Row| {
                Ok(Claim { key: row.text(0)?.to_owned(), number: row.number(1)?, tries: row.number(2)?, hash: row.text(3)?.to_owned() })
            };
            ledger.store.query(&statement, &values)?.iter().map(claim).collect()
        })
    }

    /// Records, in one commit, messages about to be sent and outcomes of earlier ones. `false`: the claim was void.
    pub fn record(&mut self, entries: &[Entry]) -> Result<Vec<bool>> {
        self.together(|ledger| entries.iter().map(|entry| ledger.record_one(entry)).collect())
    }

    fn record_one(&mut self, entry: &Entry) -> Result<bool> {
        let claim = entry.claim();
        let now = self.store.now()?;
        let mut values: Vec<Value> = vec![entry.state().name().into()];
        let (statement, reply) = match entry {
            Entry::Begin(_) => {
                values.push(now.saturating_add(millis(self.lease)).into());
                let statement = "UPDATE recipient SET state = $1, until = $2 WHERE campaign = $3 AND key = $4 AND owner = $5 AND claim = $6 AND state IN ('claimed', 'sending')";
                (statement, Reply::new(0, ""))
            }
            Entry::Settle { state, reply, due, .. } => {
                let tries = claim.tries + i64::from(*state == State::Deferred);
                values.extend([
                    now.saturating_add(millis(*due)).min(NEVER).into(),
                    i64::from(reply.code).into(),
                    reply.text.as_str().into(),
                    tries.into(),
                ]);
                // The server's answer is valid even if the claim has expired meanwhile.
                let statement = "UPDATE recipient SET state = $1, until = $2, code = $3, reply = $4, tries = $5 \
                                 WHERE campaign = $6 AND key = $7 AND owner = $8 AND claim = $9 AND state IN ('claimed', 'sending', 'in doubt')";
                (statement, reply.clone())
            }
        };
        values.extend([self.campaign.as_str().into(), claim.key.as_str().into(), self.sender.as_str().into(), claim.number.into()]);
        let is_held = self.store.execute(statement, &values)? == 1;
        if is_held {
            self.note(&claim.key, entry.state().name(), claim.number, &reply, "", "")?;
        }
        Ok(is_held)
    }

    /// Releases what this run has claimed but not begun.
    pub fn release(&mut self) -> Result<()> {
        let values = [self.campaign.as_str().into(), self.sender.as_str().into()];
        self.together(|ledger| {
            let statement = "UPDATE recipient SET state = CASE WHEN tries > 0 THEN 'deferred' ELSE 'planned' END, until = 0 \
                             WHERE campaign = $1 AND owner = $2 AND state = 'claimed'";
            ledger.store.execute(statement, &values)?;
            Ok(())
        })
    }

    /// Cleans up after a dead sender: what it had claimed is planned again, what it was sending is in doubt.
    ///
    /// In a shared ledger, a sender counts as dead when its lease has expired; otherwise every other sender does.
    pub fn sweep(&mut self) -> Result<u64> {
        let is_shared = self.is_shared();
        self.together(|ledger| {
            let before = if is_shared { ledger.store.now()? } else { i64::MAX };
            let values = || [Value::from(ledger.campaign.as_str()), before.into(), ledger.sender.as_str().into()];
            let select = format!(
                "SELECT key, claim FROM recipient WHERE campaign = $1 AND until <= $2 AND owner <> $3 AND state = 'sending' ORDER BY rank {}",
                ledger.store.skip_locked()
            );
            let values = values();
            let left = ledger.store.query(&select, &values)?;
            for row in &left {
                let (key, claim) = (row.text(0)?.to_owned(), row.number(1)?);
                let statement = "UPDATE recipient SET state = 'in doubt', code = 0, reply = $1 WHERE campaign = $2 AND key = $3";
                let values = [ENDED_TOO_EARLY.into(), ledger.campaign.as_str().into(), key.as_str().into()];
                ledger.store.execute(statement, &values)?;
                ledger.note(&key, State::InDoubt.name(), claim, &Reply::new(0, ENDED_TOO_EARLY), "", "")?;
            }
            let release = format!(
                "WITH left_over AS MATERIALIZED (SELECT key FROM recipient WHERE campaign = $1 AND until <= $2 AND owner <> $3 AND state = 'claimed' {}) \
                 UPDATE recipient SET state = CASE WHEN tries > 0 THEN 'deferred' ELSE 'planned' END, until = 0 FROM left_over \
                 WHERE recipient.campaign = $4 AND recipient.key = left_over.key",
                ledger.store.skip_locked()
            );
            let campaign = Value::from(ledger.campaign.as_str());
            ledger.store.execute(&release, &[campaign.clone(), before.into(), ledger.sender.as_str().into(), campaign])?;
            Ok(left.len() as u64)
        })
    }

    fn counts_now(&mut self) -> Result<Counts> {
        let campaign = [Value::from(self.campaign.as_str())];
        let mut counts = Counts::default();
        for row in self.store.query("SELECT state, count(*) FROM recipient WHERE campaign = $1 GROUP BY state", &campaign)? {
            let state = State::parse(row.text(0)?).context("the ledger contains an unknown state")?;
            counts.of.insert(state, u64::try_from(row.number(1)?)?);
        }
        let given_up = "SELECT count(*) FROM recipient WHERE campaign = $1 AND state = 'deferred' AND until >= $2";
        let given_up = self.store.query(given_up, &[campaign[0].clone(), NEVER.into()])?;
        counts.given_up = given_up.first().map(|row| row.number(0)).transpose()?.map_or(Ok(0), u64::try_from)?;
        let due = "SELECT until FROM recipient WHERE campaign = $1 AND state = 'deferred' AND until < $2 ORDER BY until LIMIT 1";
        let due = self.store.query(due, &[campaign[0].clone(), NEVER.into()])?;
        let now = self.store.now()?;
        counts.next_due = due.first().map(|row| row.number(0)).transpose()?.map(|due| timestamp(due.max(now)));
        Ok(counts)
    }

    pub fn counts(&mut self) -> Result<Counts> {
        self.counts_now().with_context(|| format!("cannot read the ledger {}", self.store.place()))
    }

    /// The current time on the ledger's clock.
    pub fn now(&mut self) -> Result<Timestamp> {
        self.store.now().map(timestamp)
    }

    /// All recipients, in the order of the plan.
    pub fn rows(&mut self) -> Result<Vec<Standing>> {
        let statement =
            "SELECT key, message_id, state, tries, code, reply, hash, until FROM recipient WHERE campaign = $1 ORDER BY rank, key";
        let standing = |row: &Row| {
            Ok(Standing {
                key: row.text(0)?.to_owned(),
                message_id: row.text(1)?.to_owned(),
                hash: row.text(6)?.to_owned(),
                state: State::parse(row.text(2)?).context("the ledger contains an unknown state")?,
                tries: row.number(3)?,
                is_given_up: row.text(2)? == State::Deferred.name() && row.number(7)? >= NEVER,
                reply: Reply { code: u16::try_from(row.number(4)?).unwrap_or(0), text: row.text(5)?.to_owned() },
            })
        };
        self.store.query(statement, &[self.campaign.as_str().into()])?.iter().map(standing).collect()
    }

    /// The history, sorted by sender and number.
    pub fn events(&mut self) -> Result<Vec<Event>> {
        self.events_where("")
    }

    fn events_where(&mut self, condition: &str) -> Result<Vec<Event>> {
        let statement = format!("SELECT {EVENT} FROM event WHERE campaign = $1 {condition} ORDER BY sender, number");
        self.store.query(&statement, &[self.campaign.as_str().into()])?.iter().map(event).collect()
    }

    /// The recipients and the history in one consistent state.
    pub fn snapshot(&mut self) -> Result<(Vec<Standing>, Vec<Event>)> {
        self.store.begin_snapshot()?;
        let read = self.rows().and_then(|rows| Ok((rows, self.events()?)));
        self.store.roll_back();
        read
    }

    /// Applies a person's decision to recipients, and returns them. A decision about many at once gets its own line.
    pub fn resolve(&mut self, whom: &Whom, to: State, who: &str, why: &str) -> Result<Vec<String>> {
        self.together(|ledger| {
            let mut concerned = Vec::new();
            for row in ledger.rows()?.iter().filter(|row| whom.holds(row)) {
                // A suppressed recipient has no message, and is not planned again.
                let to = if to == State::Planned && row.hash.is_empty() { State::Suppressed } else { to };
                if ledger.set(&row.key, row.state, to, who, why)? {
                    concerned.push(row.key.clone());
                }
            }
            if whom.key.is_none() && !concerned.is_empty() {
                let of = whom.from.iter().map(|state| state.name()).collect::<Vec<_>>().join(", ");
                let code = whom.code.map(|code| format!(" with code {code}")).unwrap_or_default();
                let decided = format!("{} of {of}{code}: now {}", concerned.len(), to.name());
                ledger.cover(Occasion::Resolved, who, why, plan::Said { decided: Some(decided), ..plan::Said::default() })?;
            }
            Ok(concerned)
        })
    }

    /// The last line that anybody has written about this campaign.
    pub fn last_hash(&mut self) -> Result<Option<String>> {
        let statement = "SELECT hash FROM event WHERE campaign = $1 ORDER BY at DESC, number DESC LIMIT 1";
        let rows = self.store.query(statement, &[self.campaign.as_str().into()])?;
        rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    /// Lines about the whole plan.
    pub fn plan_lines(&mut self) -> Result<Vec<Event>> {
        self.events_where("AND key = ''")
    }

    /// The database under it.
    pub fn store(&mut self) -> &mut dyn Store {
        &mut *self.store
    }
}

/// A name for this run that no other run on any machine has.
pub fn sender() -> String {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%.6fZ").to_string();
    format!("{}-{}-{time}", super::process::machine(), std::process::id())
}

/// Opens a ledger in PostgreSQL to send from it; creates its tables if necessary.
#[cfg(feature = "postgres")]
pub fn connect_to_send(url: &str) -> Result<Box<dyn Store>> {
    Ok(Box::new(postgres::InDatabase::to_send(url)?))
}

/// Opens a ledger in PostgreSQL to read it, for which read access is enough. `None` if there is no ledger.
#[cfg(feature = "postgres")]
pub fn connect_to_read(url: &str) -> Result<Option<Box<dyn Store>>> {
    Ok(postgres::InDatabase::to_read(url)?.map(|ledger| Box::new(ledger) as Box<dyn Store>))
}

/// Reports that this build has no PostgreSQL support.
#[cfg(not(feature = "postgres"))]
pub fn connect_to_send(_: &str) -> Result<Box<dyn Store>> {
    crate::error::bail!(
        "this runsheet was built without PostgreSQL";
        help: "build it with `cargo build --release --features postgres`, or unset RUNSHEET_LEDGER_URL"
    )
}

/// Reports that this build has no PostgreSQL support.
#[cfg(not(feature = "postgres"))]
pub fn connect_to_read(url: &str) -> Result<Option<Box<dyn Store>>> {
    connect_to_send(url).map(Some)
}
