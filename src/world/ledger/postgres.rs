//! The ledger in PostgreSQL: senders on many machines share a campaign.

use std::collections::BTreeMap;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, Statement};
use rustls_platform_verifier::ConfigVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::store::{Row, Store, TABLES, VERSION, Value, refuse_newer, upgrade, version};
use crate::config::is_loopback;
use crate::error::{Context, Result, error, is_an_error};

is_an_error!(postgres::Error);

/// A ledger in a database.
pub struct InDatabase {
    client: Client,
    place: String,
    statements: BTreeMap<String, Statement>,
    /// The database's time at the beginning of the transaction.
    now: Option<i64>,
}

impl InDatabase {
    /// Connects. TLS is required, except on this machine.
    fn connect(url: &str) -> Result<InDatabase> {
        // The address contains a password, so no error may show it.
        let mut config: Config = url.parse().map_err(
            |_| error!("the address of the ledger is not a PostgreSQL address"; help: "use postgres://USER:PASSWORD@HOST/DATABASE"),
        )?;
        let hosts: Vec<String> = config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(host) => host.clone(),
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        let is_local = config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        if !is_local || !hosts.iter().all(|host| host.starts_with('/') || is_loopback(host)) {
            config.ssl_mode(SslMode::Require);
        } else if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(SslMode::Disable);
        }
        config.application_name("runsheet").connect_timeout(Duration::from_secs(20)).tcp_user_timeout(Duration::from_secs(60));
        let place = format!("PostgreSQL, database {} on {}", config.get_dbname().unwrap_or("of the user"), hosts.join(", "));
        rustls::crypto::ring::default_provider().install_default().ok();
        let tls = rustls::ClientConfig::with_platform_verifier().context("cannot prepare TLS")?;
        let mut client = config.connect(MakeRustlsConnect::new(tls)).with_context(|| format!("cannot reach the ledger ({place})"))?;
        let prepare = "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'; SET lock_timeout = '60s'; SET statement_timeout = '120s'";
        client.batch_execute(prepare).context("cannot prepare the ledger")?;
        Ok(InDatabase { client, place, statements: BTreeMap::new(), now: None })
    }

    /// Connects for reading: creates and changes no table, so read access is enough. `None` if there are no tables yet.
    pub fn to_read(url: &str) -> Result<Option<InDatabase>> {
        let mut ledger = InDatabase::connect(url)?;
        if !ledger.has_table("campaign")? {
            return Ok(None);
        }
        let version = version(&mut ledger)?;
        refuse_newer(&ledger, version)?;
        Ok(Some(ledger))
    }

    /// Connects for sending. Creates whatever is missing.
    pub fn to_send(url: &str) -> Result<InDatabase> {
        let mut ledger = InDatabase::connect(url)?;
        // If several senders begin at once, only one creates the tables.
        let made = format!(
            "BEGIN; SELECT pg_advisory_xact_lock(7105413); {TABLES} \
             CREATE UNIQUE INDEX IF NOT EXISTS event_key ON event (campaign, sender, number);; COMMIT"
        );
        ledger.client.batch_execute(&made).context("cannot create the tables of the ledger")?;
        ledger.upgrade()?;
        Ok(ledger)
    }

    /// If several senders begin at once, only one upgrades the tables. Tables of this version are not locked: others may be using them.
    fn upgrade(&mut self) -> Result<()> {
        let known = self.query("SELECT version FROM ledger", &[])?;
        if known.first().is_some_and(|row| row.number(0).is_ok_and(|version| version == VERSION)) {
            return Ok(());
        }
        self.client.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(7105413)")?;
        let column = "SELECT 1::bigint FROM information_schema.columns WHERE table_name = 'campaign' AND column_name = 'begun_as' AND table_schema = current_schema()";
        let upgraded = self.query(column, &[]).and_then(|found| upgrade(self, !found.is_empty()));
        self.client.batch_execute(if upgraded.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        upgraded
    }

    fn prepared(&mut self, text: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(text)?;
        self.statements.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    let mut parameters: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(values.len());
    for value in values {
        parameters.push(match value {
            Value::Text(text) => text,
            Value::Number(number) => number,
        });
    }
    parameters
}

impl Store for InDatabase {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn now(&mut self) -> Result<i64> {
        if let Some(now) = self.now {
            return Ok(now);
        }
        let row = self.client.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", &[])?;
        Ok(row.get(0))
    }

    fn begin(&mut self) -> Result<()> {
        self.client.batch_execute("BEGIN")?;
        self.now = None;
        self.now = Some(self.now()?);
        Ok(())
    }

    fn begin_snapshot(&mut self) -> Result<()> {
        Ok(self.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?)
    }

    fn commit(&mut self) -> Result<()> {
        self.now = None;
        Ok(self.client.batch_execute("COMMIT")?)
    }

    fn roll_back(&mut self) {
        self.now = None;
        self.client.batch_execute("ROLLBACK").ok();
    }

    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64> {
        let statement = self.prepared(statement)?;
        Ok(self.client.execute(&statement, &parameters(values))?)
    }

    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>> {
        let statement = self.prepared(statement)?;
        let rows = self.client.query(&statement, &parameters(values))?;
        let value = |row: &postgres::Row, index: usize| {
            if *row.columns()[index].type_() == Type::INT8 { Value::Number(row.get(index)) } else { Value::Text(row.get(index)) }
        };
        Ok(rows.iter().map(|row| Row((0..row.len()).map(|index| value(row, index)).collect())).collect())
    }

    fn texts(&self, parameter: &str) -> String {
        format!("SELECT jsonb_array_elements_text({parameter}::text::jsonb)")
    }

    fn has_table(&mut self, name: &str) -> Result<bool> {
        let statement = "SELECT 1::bigint FROM information_schema.tables WHERE table_name = $1 AND table_schema = current_schema()";
        Ok(!self.query(statement, &[name.into()])?.is_empty())
    }

    fn skip_locked(&self) -> &'static str {
        "FOR UPDATE SKIP LOCKED"
    }
}
