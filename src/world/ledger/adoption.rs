//! Campaigns under another name: found, taken over, or told apart.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::Ledger;
use super::store::{Store, Value};
use crate::notice::campaign::Known;
use crate::notice::history::Occasion;
use crate::notice::ledger::State;

/// A campaign of another name in some ledger.
#[derive(Clone, Debug)]
pub struct Relative {
    pub name: String,
    pub known: Known,
    /// The recipients whom it may have reached, or may yet reach.
    pub addressed: BTreeSet<String>,
    /// How many of them it has reached for certain.
    pub reached: usize,
}

/// Tables that belong to a campaign, with the column that names it.
const TABLES_OF_CAMPAIGNS: [(&str, &str); 3] = [("recipient", "campaign"), ("event", "campaign"), ("campaign", "name")];

/// Campaigns of the same mailing and revision under another name, oldest first.
pub fn relatives(store: &mut dyn Store, name: &str) -> Result<Vec<Relative>> {
    let Some(own) = Known::parse(name) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for other in Ledger::campaigns(store)? {
        let Some(known) = Known::parse(&other).filter(|known| other != name && known.mailing == own.mailing) else { continue };
        if known.revision != own.revision {
            continue;
        }
        let mut relative = Relative { name: other, known, addressed: BTreeSet::new(), reached: 0 };
        let statement = "SELECT key, state FROM recipient WHERE campaign = $1 ORDER BY key";
        for row in store.query(statement, &[relative.name.as_str().into()])? {
            let state = State::parse(row.text(1)?);
            relative.reached += usize::from(state == Some(State::Accepted));
            if !matches!(state, Some(State::Suppressed | State::Cancelled | State::LeftOut)) {
                relative.addressed.insert(row.text(0)?.to_owned());
            }
        }
        found.push(relative);
    }
    Ok(found)
}

/// Whether somebody has said that two sites are not one.
pub fn are_apart(store: &mut dyn Store, site: &str, other: &str) -> Result<bool> {
    Ok(!store.query("SELECT why FROM apart WHERE site = $1 AND other = $2", &[site.into(), other.into()])?.is_empty())
}

/// Writes down that two sites are not one, whoever they mail.
pub fn tell_apart(store: &mut dyn Store, site: &str, other: &str, who: &str, why: &str) -> Result<()> {
    let now = super::timestamp(store.now()?).to_string();
    let values: Vec<Value> = [site, other, &now, who, why].map(Value::from).to_vec();
    store.execute("INSERT INTO apart (site, other, at, who, why) VALUES ($1, $2, $3, $4, $5)", &values)?;
    Ok(())
}

impl Ledger {
    /// Takes over a campaign that this ledger holds under another name. Its Message-IDs stay what they were.
    pub fn adopt_here(&mut self, name: &str, who: &str, why: &str) -> Result<()> {
        self.together(|ledger| {
            for (table, column) in TABLES_OF_CAMPAIGNS {
                let statement = format!("UPDATE {table} SET {column} = $1 WHERE {column} = $2");
                ledger.store.execute(&statement, &[ledger.campaign.as_str().into(), name.into()])?;
            }
            ledger.adopted(name, who, why)
        })
    }

    /// Takes over a campaign from another ledger, which stays as it is.
    pub fn adopt_from(&mut self, other: &mut dyn Store, name: &str, who: &str, why: &str) -> Result<()> {
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

    /// The name before stays that of the hashes, and the line that says so vouches for what was taken over.
    fn adopted(&mut self, name: &str, who: &str, why: &str) -> Result<()> {
        let statement = "UPDATE campaign SET begun_as = $1 WHERE name = $2 AND begun_as = ''";
        self.store.execute(statement, &[name.into(), self.campaign.as_str().into()])?;
        if self.plan()?.is_none() {
            bail!("there is no campaign {name}");
        }
        self.cover(Occasion::Adopted, who, why, None, Some(format!("taken over from {name}")))
    }
}

fn columns_of(table: &str) -> &'static [&'static str] {
    match table {
        "recipient" => &["campaign", "key", "rank", "message_id", "hash", "state", "claim", "tries", "owner", "until", "code", "reply"],
        "event" => &["campaign", "sender", "number", "key", "state", "claim", "at", "code", "reply", "who", "why", "hash"],
        _ => &["name", "hash", "frozen", "subject", "amended", "begun_as"],
    }
}
