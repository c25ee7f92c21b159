//! Campaigns under another name: finds them, takes them over, or declares them unrelated.

use std::collections::{BTreeMap, BTreeSet};

use super::Ledger;
use super::plan::Said;
use super::store::{self, Store, VERSION, Value};
use crate::error::{Result, bail};
use crate::notice::campaign::Known;
use crate::notice::history::{Covered, Occasion};
use crate::notice::ledger::State;

/// A campaign of another name in some ledger.
#[derive(Clone, Debug)]
pub struct Relative {
    pub name: String,
    pub known: Known,
    /// How many recipients it may have reached, or may still reach. For the same campaign in another ledger: only those it may have.
    pub addressed: BTreeSet<String>,
    /// How many of them it has certainly reached.
    pub reached: usize,
    /// The campaign that has taken it over.
    pub successor: Option<String>,
}

/// Tables with rows of a campaign, and the column with its name.
const TABLES_OF_CAMPAIGNS: [(&str, &str); 3] = [("recipient", "campaign"), ("event", "campaign"), ("campaign", "name")];

/// Campaigns of the same mailing and revision, oldest first: under another name, or, in another ledger, under the same.
pub fn relatives(store: &mut dyn Store, name: &str, is_own: bool) -> Result<Vec<Relative>> {
    if !store.has_table("campaign")? {
        return Ok(Vec::new());
    }
    let Some(own) = Known::parse(name) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for other in Ledger::campaigns(store)? {
        let Some(known) = Known::parse(&other).filter(|known| known.mailing == own.mailing) else { continue };
        let is_same = other == name;
        if known.revision != own.revision || is_same && is_own {
            continue;
        }
        let successor = successor(store, &other)?;
        let mut relative = Relative { name: other, known, addressed: BTreeSet::new(), reached: 0, successor };
        let statement = "SELECT key, state FROM recipient WHERE campaign = $1 ORDER BY key";
        for row in store.query(statement, &[relative.name.as_str().into()])? {
            let state = State::parse(row.text(1)?);
            relative.reached += usize::from(state == Some(State::Accepted));
            let is_begun = matches!(state, Some(State::Accepted | State::Sending | State::InDoubt));
            if is_begun || !is_same && !matches!(state, Some(State::Suppressed | State::Cancelled | State::LeftOut)) {
                relative.addressed.insert(row.text(0)?.to_owned());
            }
        }
        found.push(relative);
    }
    Ok(found)
}

/// The campaign that has taken over another one.
pub fn successor(store: &mut dyn Store, name: &str) -> Result<Option<String>> {
    if !store.has_table("handed_over")? {
        return Ok(None);
    }
    let rows = store.query("SELECT successor FROM handed_over WHERE name = $1 ORDER BY at DESC LIMIT 1", &[name.into()])?;
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Whether some line of some campaign has this hash.
pub fn has_line(store: &mut dyn Store, hash: &str) -> Result<bool> {
    Ok(store.has_table("event")? && !store.query("SELECT number FROM event WHERE hash = $1 LIMIT 1", &[hash.into()])?.is_empty())
}

pub fn has_campaign(store: &mut dyn Store, name: &str) -> Result<bool> {
    Ok(store.has_table("campaign")? && !store.query("SELECT hash FROM campaign WHERE name = $1", &[name.into()])?.is_empty())
}

/// The earlier names of a campaign, according to its history.
pub fn taken_over(store: &mut dyn Store, campaign: &str) -> Result<BTreeSet<String>> {
    if !store.has_table("event")? {
        return Ok(BTreeSet::new());
    }
    let values = [campaign.into(), Occasion::Adopted.name().into()];
    let lines = store.query("SELECT reply FROM event WHERE campaign = $1 AND key = '' AND state = $2", &values)?;
    let from = |row: &super::Row| Ok(serde_json::from_str::<Covered>(row.text(0)?).ok().and_then(|covered| covered.from));
    lines.iter().filter_map(|row| from(row).transpose()).collect()
}

/// The names under which the campaigns of a ledger began, by present name.
pub fn begun(store: &mut dyn Store) -> Result<BTreeMap<String, String>> {
    if store::version(store)? < VERSION {
        return Ok(BTreeMap::new());
    }
    let rows = store.query("SELECT name, begun_as FROM campaign WHERE begun_as <> '' ORDER BY name", &[])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

/// Whether somebody has declared two sites to be different.
pub fn are_apart(store: &mut dyn Store, site: &str, other: &str) -> Result<bool> {
    if !store.has_table("apart")? {
        return Ok(false);
    }
    Ok(!store.query("SELECT why FROM apart WHERE site = $1 AND other = $2", &[site.into(), other.into()])?.is_empty())
}

/// Records that two sites are different, whomever they mail.
pub fn tell_apart(store: &mut dyn Store, site: &str, other: &str, who: &str, why: &str) -> Result<()> {
    let now = super::timestamp(store.now()?).to_string();
    let values: Vec<Value> = [site, other, &now, who, why].map(Value::from).to_vec();
    store.execute("INSERT INTO apart (site, other, at, who, why) VALUES ($1, $2, $3, $4, $5)", &values)?;
    Ok(())
}

impl Ledger {
    /// Takes over a campaign that this ledger contains under another name. Its Message-IDs stay the same.
    pub fn adopt_here(&mut self, name: &str, who: &str, why: &str) -> Result<()> {
        self.together(|ledger| {
            for (table, column) in TABLES_OF_CAMPAIGNS {
                let statement = format!("UPDATE {table} SET {column} = $1 WHERE {column} = $2");
                ledger.store.execute(&statement, &[ledger.campaign.as_str().into(), name.into()])?;
            }
            let now = super::timestamp(ledger.store.now()?).to_string();
            hand_over(&mut *ledger.store, name, &ledger.campaign, &now, who)?;
            ledger.adopted(name, who, why)
        })
    }

    /// Takes over a campaign from another ledger, which keeps it but records the handover: nobody can send from it any more.
    pub fn adopt_from(&mut self, other: &mut dyn Store, name: &str, who: &str, why: &str) -> Result<()> {
        // Record the handover first: if this program is killed in between, nobody sends from either ledger, and the takeover is repeated.
        let now = super::timestamp(other.now()?).to_string();
        hand_over(other, name, &self.campaign, &now, who)?;
        self.together(|ledger| {
            for (table, column) in TABLES_OF_CAMPAIGNS {
                let columns = columns_of(table);
                let statement = format!("SELECT {} FROM {table} WHERE {column} = $1", columns.join(", "));
                let marks: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
                let insert = format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), marks.join(", "));
                for row in other.query(&statement, &[name.into()])? {
                    let named = columns.iter().zip(row.0);
                    let value = |(known, value): (&&str, Value)| if *known == column { ledger.campaign.as_str().into() } else { value };
                    let values: Vec<Value> = named.map(value).collect();
                    ledger.store.execute(&insert, &values)?;
                }
            }
            ledger.adopted(name, who, why)
        })
    }

    /// Hashes keep using the earlier name, and the line about the takeover covers everything that was taken over.
    fn adopted(&mut self, name: &str, who: &str, why: &str) -> Result<()> {
        let statement = "UPDATE campaign SET begun_as = $1 WHERE name = $2 AND begun_as = ''";
        self.store.execute(statement, &[name.into(), self.campaign.as_str().into()])?;
        // It may have been handed over before, and now come back.
        self.store.execute("DELETE FROM handed_over WHERE name = $1", &[self.campaign.as_str().into()])?;
        if self.plan()?.is_none() {
            bail!("unknown campaign {name}");
        }
        self.cover(Occasion::Adopted, who, why, Said { from: Some(name.to_owned()), ..Said::default() })
    }
}

fn hand_over(store: &mut dyn Store, name: &str, successor: &str, now: &str, who: &str) -> Result<()> {
    let values: Vec<Value> = [name, successor, now, who].map(Value::from).to_vec();
    store.execute("INSERT INTO handed_over (name, successor, at, who) VALUES ($1, $2, $3, $4)", &values)?;
    Ok(())
}

fn columns_of(table: &str) -> &'static [&'static str] {
    match table {
        "recipient" => &["campaign", "key", "rank", "message_id", "hash", "state", "claim", "tries", "owner", "until", "code", "reply"],
        "event" => &["campaign", "sender", "number", "key", "state", "claim", "at", "code", "reply", "who", "why", "hash"],
        _ => &["name", "hash", "frozen", "subject", "amended", "begun_as"],
    }
}
