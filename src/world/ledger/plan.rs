//! The plan of a campaign in the ledger: frozen, amended, extended; each change writes a history line that covers all its rows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Ledger;
use super::store::{self, Store, VERSION};
use crate::error::{Context, Result, bail};
use crate::notice::history::{Covered, Event, GONE, Occasion, Standing, last_cover, messages, seal};
use crate::notice::ledger::{LeftOut, Plan, Planned, State};
use crate::notice::reply::Reply;

/// Data recorded with a plan besides its recipients.
#[derive(Clone, Debug, Default)]
pub struct Particulars<'a> {
    pub who: &'a str,
    /// Rows that are left out.
    pub left_out: &'a [LeftOut],
    /// A table named on the command line, and its hash.
    pub table: Option<(String, String)>,
    /// The event's id, and its T-0.
    pub event: Option<String>,
    pub t0: Option<Timestamp>,
    /// T-0 on its zone's clock, and the release of the zone's rules: see [`Covered`].
    pub clock: Option<(String, String)>,
    /// The SEQUENCE of its window, if the messages have a calendar part.
    pub sequence: Option<u64>,
}

/// The content of a line about the whole plan, besides what it covers.
#[derive(Default)]
pub(super) struct Said {
    pub table: Option<(String, String)>,
    pub decided: Option<String>,
    pub from: Option<String>,
    pub event: Option<String>,
    pub t0: Option<Timestamp>,
    pub clock: Option<(String, String)>,
    pub sequence: Option<u64>,
    /// For a new plan.
    pub messages: Option<String>,
}

impl Said {
    fn new(rows: &[Planned], particulars: &Particulars) -> Said {
        let Particulars { table, event, t0, clock, sequence, .. } = particulars;
        let messages = Some(messages(rows));
        Said { messages, table: table.clone(), event: event.clone(), t0: *t0, clock: clock.clone(), sequence: *sequence, ..Said::default() }
    }
}

impl Ledger {
    /// The campaigns in the ledger, oldest first.
    pub fn campaigns(store: &mut dyn Store) -> Result<Vec<String>> {
        store.query("SELECT name FROM campaign ORDER BY frozen, name", &[])?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    }

    pub fn plan(&mut self) -> Result<Option<Plan>> {
        // A ledger of the first version, opened only for reading, has no earlier names.
        let begun_as = if store::version(&mut *self.store)? < VERSION { "''" } else { "begun_as" };
        let statement = format!("SELECT hash, frozen, subject, amended, {begun_as} FROM campaign WHERE name = $1");
        let rows = self.store.query(&statement, &[self.campaign.as_str().into()])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let frozen = row.text(1)?.parse().context("the ledger contains an invalid time")?;
        let (hash, subject) = (row.text(0)?.to_owned(), row.text(2)?.to_owned());
        let begun_as = Some(row.text(4)?.to_owned()).filter(|name| !name.is_empty());
        Ok(Some(Plan { campaign: self.campaign.clone(), hash, frozen, subject, amended: row.number(3)?, begun_as }))
    }

    /// Writes a new plan. An error if there is one already.
    pub fn freeze(&mut self, plan: &Plan, rows: &[Planned], particulars: &Particulars) -> Result<()> {
        self.together(|ledger| {
            let values =
                [plan.campaign.as_str().into(), plan.hash.as_str().into(), plan.frozen.to_string().into(), plan.subject.as_str().into()];
            let statement = "INSERT INTO campaign (name, hash, frozen, subject, amended, begun_as) VALUES ($1, $2, $3, $4, 0, '')";
            ledger.store.execute(statement, &values)?;
            for (rank, planned) in rows.iter().enumerate() {
                ledger.insert(planned, rank)?;
            }
            ledger.leave_out(particulars.left_out, &BTreeSet::new())?;
            ledger.cover(Occasion::Frozen, particulars.who, "", Said::new(rows, particulars))
        })
    }

    /// Also plans recipients whose rows had been left out. The rest of the plan stays the same.
    pub fn extend(&mut self, plan: &Plan, rows: &[Planned], particulars: &Particulars) -> Result<()> {
        self.together(|ledger| {
            ledger
                .store
                .execute("UPDATE campaign SET hash = $1 WHERE name = $2", &[plan.hash.as_str().into(), plan.campaign.as_str().into()])?;
            ledger.forget_left_out()?;
            let known: BTreeSet<String> = ledger.rows()?.into_iter().map(|row| row.key).collect();
            for (rank, planned) in rows.iter().enumerate().filter(|(_, planned)| !known.contains(&planned.key)) {
                ledger.insert(planned, rank)?;
            }
            ledger.leave_out(particulars.left_out, &known)?;
            ledger.cover(Occasion::Extended, particulars.who, "", Said::new(rows, particulars))
        })
    }

    /// Reads another campaign of the same ledger.
    pub fn looking_at<T>(&mut self, campaign: &str, look: impl FnOnce(&mut Ledger) -> T) -> T {
        let own = std::mem::replace(&mut self.campaign, campaign.to_owned());
        let seen = look(self);
        self.campaign = own;
        seen
    }

    /// The content of the last line about each plan, by campaign: one pass over the history, which has no index.
    pub fn last_covers(store: &mut dyn Store) -> Result<BTreeMap<String, Covered>> {
        let mut lines: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        if !store.has_table("event")? {
            return Ok(BTreeMap::new());
        }
        for row in store.query(&format!("SELECT {}, campaign FROM event WHERE key = '' ORDER BY sender, number", super::EVENT), &[])? {
            lines.entry(row.text(11)?.to_owned()).or_default().push(super::event(&row)?);
        }
        Ok(lines.into_iter().filter_map(|(campaign, lines)| Some((campaign, last_cover(&lines)?))).collect())
    }

    /// Writes a line that covers plan and rows in their present state.
    pub fn vouch(&mut self, occasion: Occasion, who: &str, why: &str) -> Result<()> {
        self.together(|ledger| ledger.cover(occasion, who, why, Said::default()))
    }

    pub(super) fn cover(&mut self, occasion: Occasion, who: &str, why: &str, said: Said) -> Result<()> {
        let Some(plan) = self.plan()? else { bail!("the ledger has no plan for this campaign") };
        let rows = self.rows()?;
        let before = last_cover(&self.plan_lines()?);
        let before = before.unwrap_or_default();
        let Said { table, decided, from, event, t0, clock, sequence, messages } = said;
        let covered = Covered {
            plan: plan.hash,
            frozen: plan.frozen.to_string(),
            subject: plan.subject,
            begun_as: plan.begun_as,
            rows: rows.len() as u64,
            seal: seal(&rows),
            table,
            decided,
            from,
            sequence: if t0.is_some() { sequence } else { before.sequence },
            clock: if t0.is_some() { clock } else { before.clock },
            event: event.or(before.event),
            t0: t0.or(before.t0),
            number: before.number + 1,
            after: self.last_hash()?,
            messages: messages.unwrap_or(before.messages),
        };
        let reply = Reply { code: 0, text: serde_json::to_string(&covered)? };
        self.note("", occasion.name(), 0, &reply, who, why)
    }

    fn insert(&mut self, planned: &Planned, rank: usize) -> Result<()> {
        let state = if planned.is_suppressed() { State::Suppressed } else { State::Planned };
        self.put(&planned.key, rank as u64, (&planned.message_id, &planned.hash), state, "")
    }

    /// Adds a recipient.
    fn put(&mut self, key: &str, rank: u64, (message_id, hash): (&str, &str), state: State, reply: &str) -> Result<()> {
        let statement = "INSERT INTO recipient (campaign, key, rank, message_id, hash, state, claim, tries, owner, until, code, reply) \
                         VALUES ($1, $2, $3, $4, $5, $6, 0, 0, '', 0, 0, $7)";
        let values = [
            self.campaign.as_str().into(),
            key.into(),
            i64::try_from(rank)?.into(),
            message_id.into(),
            hash.into(),
            state.name().into(),
            reply.into(),
        ];
        self.store.execute(statement, &values)?;
        Ok(())
    }

    /// Records which rows are left out, and why. Two faulty rows may have one address.
    fn leave_out(&mut self, rows: &[LeftOut], known: &BTreeSet<String>) -> Result<()> {
        let by_key: BTreeMap<&str, &LeftOut> = rows.iter().rev().map(|row| (row.key.as_str(), row)).collect();
        for row in by_key.into_values().filter(|row| !known.contains(&row.key)) {
            self.put(&row.key, row.line, ("", ""), State::LeftOut, &format!("line {}: {}", row.line, row.code))?;
        }
        Ok(())
    }

    fn forget_left_out(&mut self) -> Result<()> {
        let values = [self.campaign.as_str().into(), State::LeftOut.name().into()];
        self.store.execute("DELETE FROM recipient WHERE campaign = $1 AND state = $2", &values)?;
        Ok(())
    }

    /// Whether there is a line about a recipient.
    fn tells_of(&mut self, key: &str) -> Result<bool> {
        let values = [self.campaign.as_str().into(), key.into()];
        Ok(!self.store.query("SELECT number FROM event WHERE campaign = $1 AND key = $2 LIMIT 1", &values)?.is_empty())
    }

    /// Replaces the plan, but only for recipients who were not reached.
    pub fn amend(&mut self, plan: &Plan, rows: &[Planned], particulars: &Particulars) -> Result<()> {
        let who = particulars.who;
        self.together(|ledger| {
            let busy = ledger.counts_now()?;
            if busy.get(State::Claimed) + busy.get(State::Sending) > 0 {
                bail!("another sender is working on this campaign"; help: "wait until it ends or its claims expire");
            }
            let values =
                [plan.hash.as_str().into(), plan.frozen.to_string().into(), plan.subject.as_str().into(), ledger.campaign.as_str().into()];
            ledger
                .store
                .execute("UPDATE campaign SET hash = $1, frozen = $2, subject = $3, amended = amended + 1 WHERE name = $4", &values)?;
            ledger.forget_left_out()?;
            let mut known: BTreeMap<String, Standing> = ledger.rows()?.into_iter().map(|row| (row.key.clone(), row)).collect();
            for (rank, planned) in rows.iter().enumerate() {
                let Some(row) = known.get(&planned.key) else {
                    ledger.insert(planned, rank)?;
                    continue;
                };
                ledger.amend_row(row, planned, who)?;
            }
            let wanted: BTreeSet<&str> = rows.iter().map(|planned| planned.key.as_str()).collect();
            let faulty: BTreeSet<&str> = particulars.left_out.iter().map(|row| row.key.as_str()).collect();
            let mut emptied = Vec::new();
            for row in known.values().filter(|row| !wanted.contains(row.key.as_str())) {
                if matches!(row.state, State::Planned | State::Deferred) {
                    // If a row has become faulty and there is no line about it, nothing of it is kept.
                    if row.state == State::Planned && faulty.contains(row.key.as_str()) && !ledger.tells_of(&row.key)? {
                        let values = [ledger.campaign.as_str().into(), row.key.as_str().into()];
                        ledger.store.execute("DELETE FROM recipient WHERE campaign = $1 AND key = $2", &values)?;
                        emptied.push(row.key.clone());
                    } else {
                        ledger.set(&row.key, row.state, State::Cancelled, who, GONE)?;
                    }
                }
            }
            emptied.iter().for_each(|key| drop(known.remove(key)));
            ledger.leave_out(particulars.left_out, &known.keys().cloned().collect())?;
            ledger.cover(Occasion::Amended, who, "", Said::new(rows, particulars))
        })
    }

    fn amend_row(&mut self, row: &Standing, planned: &Planned, who: &str) -> Result<()> {
        // Recipients whom a person took out, or whose delivery is in doubt, keep their state; a later send uses the new message.
        let was_gone = row.state == State::Cancelled && row.reply.text == GONE;
        let state = match row.state {
            State::Accepted => return Ok(()),
            State::Planned | State::Deferred | State::Suppressed if planned.is_suppressed() => State::Suppressed,
            State::Planned | State::Deferred | State::Suppressed => State::Planned,
            state => state,
        };
        let values = [
            planned.hash.as_str().into(),
            planned.message_id.as_str().into(),
            state.name().into(),
            self.campaign.as_str().into(),
            planned.key.as_str().into(),
            row.state.name().into(),
        ];
        let statement = "UPDATE recipient SET hash = $1, message_id = $2, state = $3 WHERE campaign = $4 AND key = $5 AND state = $6";
        self.store.execute(statement, &values)?;
        if was_gone && !planned.is_suppressed() {
            self.set(&planned.key, State::Cancelled, State::Planned, who, "among the recipients again when the plan was amended")?;
        }
        Ok(())
    }
}
