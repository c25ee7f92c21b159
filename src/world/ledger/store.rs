//! What the ledger requires of a database.

use crate::error::{Result, bail};

/// A value in a statement or a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number)
    }
}

/// A row of an answer.
pub struct Row(pub Vec<Value>);

impl Row {
    pub fn text(&self, index: usize) -> Result<&str> {
        match self.0.get(index) {
            Some(Value::Text(text)) => Ok(text),
            _ => bail!("the ledger is damaged: column {index} is not text"),
        }
    }

    pub fn number(&self, index: usize) -> Result<i64> {
        match self.0.get(index) {
            Some(Value::Number(number)) => Ok(*number),
            _ => bail!("the ledger is damaged: column {index} is not a number"),
        }
    }
}

/// A database that keeps its data once `commit` has returned, whatever happens to the machine.
///
/// Parameters are `$1`, `$2` …, in the order of their first occurrence in a statement.
pub trait Store: Send {
    /// The location, for people; contains no secrets.
    fn place(&self) -> String;
    /// Whether senders on several machines may work at once. If not, this sender is alone.
    fn is_shared(&self) -> bool;
    /// Milliseconds since 1970, by the database's single clock.
    fn now(&mut self) -> Result<i64>;
    fn begin(&mut self) -> Result<()>;
    /// Begins to read all tables in one consistent state.
    fn begin_snapshot(&mut self) -> Result<()>;
    fn commit(&mut self) -> Result<()>;
    fn roll_back(&mut self);
    /// Returns how many rows it changed.
    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64>;
    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>>;
    /// The texts of a JSON array, as a subquery over the parameter.
    fn texts(&self, parameter: &str) -> String;
    /// Whether there is a table of this name.
    fn has_table(&mut self, name: &str) -> Result<bool>;
    /// Appended to a subquery whose rows are about to be changed.
    fn skip_locked(&self) -> &'static str;
}

/// The history has no key of its own here: in a file, where one sender is alone, it would be a second place to write with every
/// message, and the chain already reveals a number that occurs twice.
pub const TABLES: &str = "
CREATE TABLE IF NOT EXISTS campaign (
    name TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    frozen TEXT NOT NULL,
    subject TEXT NOT NULL,
    amended BIGINT NOT NULL,
    begun_as TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS recipient (
    campaign TEXT NOT NULL,
    key TEXT NOT NULL,
    rank BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    state TEXT NOT NULL,
    claim BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    owner TEXT NOT NULL,
    until BIGINT NOT NULL,
    code BIGINT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (campaign, key)
);
CREATE TABLE IF NOT EXISTS event (
    campaign TEXT NOT NULL,
    sender TEXT NOT NULL,
    number BIGINT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    claim BIGINT NOT NULL,
    at TEXT NOT NULL,
    code BIGINT NOT NULL,
    reply TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS apart (
    site TEXT NOT NULL,
    other TEXT NOT NULL,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS handed_over (
    name TEXT NOT NULL,
    successor TEXT NOT NULL,
    at TEXT NOT NULL,
    who TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger (
    version BIGINT NOT NULL
);
";

/// The version that this program writes. Version 1 lacked this table, `begun_as`, and lines that cover a plan.
pub const VERSION: i64 = 2;

/// The version of a ledger: 1 if none is recorded. Before version 2, this program can only read or upgrade it.
pub fn version(store: &mut dyn Store) -> Result<i64> {
    if !store.has_table("ledger")? {
        return Ok(1);
    }
    store.query("SELECT version FROM ledger", &[])?.first().map_or(Ok(1), |row| row.number(0))
}

/// Refuses a ledger that is newer than this program.
pub fn refuse_newer(store: &dyn Store, version: i64) -> Result<()> {
    if version <= VERSION {
        return Ok(());
    }
    bail!(
        "the ledger {} has version {version}, but this runsheet supports {VERSION}", store.place();
        help: "use the runsheet that wrote it, or a newer one"
    )
}

/// Upgrades the ledger of an older program, once its tables exist; `has_column` says whether `campaign` has `begun_as`.
/// Refuses one that is newer than this program.
pub fn upgrade(store: &mut dyn Store, has_column: bool) -> Result<()> {
    let known = store.query("SELECT version FROM ledger", &[])?.first().map(|row| row.number(0)).transpose()?;
    match known {
        Some(version) if version > VERSION => return refuse_newer(store, version),
        Some(VERSION) => return Ok(()),
        _ => {}
    }
    if !has_column {
        store.execute("ALTER TABLE campaign ADD COLUMN begun_as TEXT NOT NULL DEFAULT ''", &[])?;
    }
    store.execute("DELETE FROM ledger", &[])?;
    store.execute("INSERT INTO ledger (version) VALUES ($1)", &[VERSION.into()])?;
    Ok(())
}
