//! The ledger in a file: SQLite, in write-ahead mode, with each commit synced to disk.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, params_from_iter};

use super::store::{Row, Store, TABLES, VERSION, Value, refuse_newer, upgrade, version};
use crate::error::{Context, Result, bail, is_an_error};
use crate::text::address::encode_path;

is_an_error!(rusqlite::Error);

/// A ledger in a file.
pub struct InFile {
    connection: Connection,
    path: PathBuf,
    /// Exclusive for the one program that sends; or shared by programs that read a file that nobody may write meanwhile.
    _lock: Option<fs::File>,
}

/// The real path of a file, whatever links lead there, because a ledger has one lock. A missing file is its own path.
pub fn real_path(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn lock_of(path: &Path) -> PathBuf {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    PathBuf::from(lock)
}

impl InFile {
    /// Opens the file for sending, exclusively; creates it if necessary, readable only by its owner.
    pub fn to_send(path: &Path) -> Result<InFile> {
        let folder = path.parent().context("the ledger's path has no folder")?;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("cannot create {}", folder.display()))?;
        // Where a link leads is certain only once the file exists.
        private().create(true).append(true).open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let path = &real_path(path);
        let lock = lock_of(path);
        let lock = private().create(true).append(true).open(&lock).with_context(|| format!("cannot open {}", lock.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                bail!("another sender is using the ledger {}", path.display(); help: "wait for it to finish")
            }
            Err(fs::TryLockError::Error(error)) => return Err(error).context("cannot lock the ledger"),
        }
        InFile::open(path, Some(lock))
    }

    /// Opens the file for reading while another program may send. Changes nothing. `None` if it does not exist or is empty.
    pub fn to_read(path: &Path) -> Result<Option<InFile>> {
        if !path.exists() {
            return Ok(None);
        }
        let mut ledger = InFile::to_look(path)?;
        let read = || -> Result<bool> {
            let is_ledger = ledger.has_table("campaign")?;
            let version = if is_ledger { version(&mut ledger)? } else { 1 };
            refuse_newer(&ledger, version)?;
            Ok(is_ledger)
        }();
        let is_ledger = read.with_context(|| format!("cannot read the ledger {}", path.display()))?;
        Ok(is_ledger.then_some(ledger))
    }

    /// Whether a sender is using the file.
    pub fn is_in_use(path: &Path) -> bool {
        fs::File::open(lock_of(&real_path(path))).is_ok_and(|lock| matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Opens another site's file to look into it: changes nothing, and accepts any version.
    pub fn to_look(path: &Path) -> Result<InFile> {
        let look = |access| -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
            Ok(connection)
        };
        let connection = look(OpenFlags::SQLITE_OPEN_READ_ONLY).or_else(|error| match error {
            // An interrupted write is rolled back first, for which SQLite has to write.
            rusqlite::Error::SqliteFailure(fault, _) if fault.extended_code == rusqlite::ffi::SQLITE_READONLY_ROLLBACK => {
                look(OpenFlags::SQLITE_OPEN_READ_WRITE).map(drop)?;
                look(OpenFlags::SQLITE_OPEN_READ_ONLY)
            }
            _ => Err(error),
        });
        match connection {
            Ok(connection) => Ok(InFile { connection, path: path.to_owned(), _lock: None }),
            Err(rusqlite::Error::SqliteFailure(fault, _)) if fault.code == rusqlite::ErrorCode::CannotOpen && path.exists() => {
                InFile::to_look_only(path)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read the ledger {}", path.display())),
        }
    }

    /// Opens a file in a read-only folder, where SQLite cannot keep the shared memory of the write-ahead mode. Then
    /// nobody may write meanwhile, and everything must have been written to the main file.
    fn to_look_only(path: &Path) -> Result<InFile> {
        let path = &real_path(path);
        let lock = fs::File::open(lock_of(path)).ok();
        if lock.as_ref().is_some_and(|lock| lock.try_lock_shared().is_err()) {
            bail!("a sender is using the ledger {}, so it can't be read from here", path.display(); help: "wait for it to finish");
        }
        let mut ahead = path.as_os_str().to_owned();
        ahead.push("-wal");
        if fs::metadata(&ahead).is_ok_and(|ahead| ahead.len() > 0) {
            bail!(
                "the ledger {} was not closed, and its folder is read-only", path.display();
                help: "copy it, together with the file that ends with -wal, to a folder that you can write to"
            );
        }
        let open = || -> rusqlite::Result<Connection> {
            let address = format!("file:{}?immutable=1", encode_path(path.as_os_str().as_encoded_bytes()));
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(address, flags)?;
            connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
            Ok(connection)
        };
        let connection = open().with_context(|| format!("cannot read the ledger {}", path.display()))?;
        Ok(InFile { connection, path: path.clone(), _lock: lock })
    }

    /// The ledgers in a folder, by their names.
    pub fn all_in(folder: &Path) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
            // An empty file was created but never written to.
            let is_ledger =
                path.extension().is_some_and(|ending| ending == "sqlite") && fs::metadata(&path).is_ok_and(|file| file.len() > 0);
            if is_ledger {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    fn open(path: &Path, lock: Option<fs::File>) -> Result<InFile> {
        let opened = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            // Move the log into the tables at 8 MB: then it is overwritten, which is faster than letting a file grow.
            connection.pragma_update(None, "wal_autocheckpoint", 2000)?;
            // 64 MB in memory.
            connection.pragma_update(None, "cache_size", -65536)?;
            connection.execute_batch(TABLES)?;
            Ok(connection)
        };
        let connection = opened().with_context(|| format!("cannot open the ledger {}", path.display()))?;
        connection.set_prepared_statement_cache_capacity(64);
        let mut ledger = InFile { connection, path: path.to_owned(), _lock: lock };
        ledger.upgrade().with_context(|| format!("cannot open the ledger {}", path.display()))?;
        Ok(ledger)
    }

    /// Two programs may open an old file at once.
    fn upgrade(&mut self) -> Result<()> {
        if self.query("SELECT version FROM ledger", &[])?.first().is_some_and(|row| row.number(0).is_ok_and(|version| version == VERSION)) {
            return Ok(());
        }
        self.begin()?;
        let columns = self.query("SELECT name FROM pragma_table_info('campaign') WHERE name = 'begun_as'", &[]);
        let upgraded = columns.and_then(|columns| upgrade(self, !columns.is_empty()));
        match upgraded {
            Ok(()) => self.commit(),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }
}

fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.mode(0o600);
    options
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Number(number) => ValueRef::Integer(*number),
        }))
    }
}

impl Store for InFile {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn now(&mut self) -> Result<i64> {
        Ok(Timestamp::now().as_millisecond())
    }

    fn begin(&mut self) -> Result<()> {
        self.execute("BEGIN IMMEDIATE", &[]).map(|_| ())
    }

    fn begin_snapshot(&mut self) -> Result<()> {
        Ok(self.connection.execute_batch("BEGIN")?)
    }

    fn commit(&mut self) -> Result<()> {
        self.execute("COMMIT", &[]).map(|_| ())
    }

    fn roll_back(&mut self) {
        self.connection.execute_batch("ROLLBACK").ok();
    }

    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(statement)?;
        Ok(statement.execute(params_from_iter(values))? as u64)
    }

    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let columns = statement.column_count();
        let value = |value: ValueRef| match value {
            ValueRef::Integer(number) => Value::Number(number),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            _ => Value::Text(String::new()),
        };
        let rows =
            statement.query_map(params_from_iter(values), |row| (0..columns).map(|index| row.get_ref(index).map(value)).collect())?;
        Ok(rows.map(|row| row.map(Row)).collect::<rusqlite::Result<_>>()?)
    }

    fn texts(&self, parameter: &str) -> String {
        format!("SELECT value FROM json_each({parameter})")
    }

    fn has_table(&mut self, name: &str) -> Result<bool> {
        Ok(!self.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1", &[name.into()])?.is_empty())
    }

    fn skip_locked(&self) -> &'static str {
        ""
    }
}
