//! The environment: secrets, and settings for output.

use jiff::Timestamp;

use crate::error::{Result, bail};
use crate::mail::Keys;
use crate::schedule::years;

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Keys for hashes in messages.
pub fn keys() -> Keys {
    Keys { message_id: variable("RUNSHEET_MESSAGE_ID_KEY"), unsubscribe: variable("RUNSHEET_UNSUBSCRIBE_KEY") }
}

/// Whether the user asked for no colour (<https://no-color.org>).
pub fn no_color() -> bool {
    variable("NO_COLOR").is_some()
}

/// The time of a reproducible build (<https://reproducible-builds.org/specs/source-date-epoch/>).
pub fn source_date_epoch() -> Result<Option<Timestamp>> {
    let Some(text) = variable("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let Ok(seconds) = text.parse() else {
        bail!("invalid SOURCE_DATE_EPOCH: {text}"; help: "set it to the seconds since 1970, such as 1767225600, or unset it")
    };
    match Timestamp::from_second(seconds) {
        Ok(time) if years::hold(time) => Ok(Some(time)),
        _ => bail!("SOURCE_DATE_EPOCH is out of range: {text}"; help: "{}", years::HELP),
    }
}

/// The database that tests may use.
#[cfg(all(test, feature = "postgres"))]
pub fn test_database() -> Option<String> {
    variable("RUNSHEET_TEST_POSTGRES")
}

/// The password of the mail server.
pub fn smtp_password() -> Option<String> {
    variable("RUNSHEET_SMTP_PASSWORD")
}

/// An access token for the mail server.
pub fn smtp_token() -> Option<String> {
    variable("RUNSHEET_SMTP_TOKEN")
}

/// The address of a ledger in PostgreSQL.
pub fn ledger_url() -> Option<String> {
    variable("RUNSHEET_LEDGER_URL")
}

/// The user's name, which the ledger records with decisions. In a container no variable may be set, and there may be no name at all.
pub fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let of_uid = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    };
    let listed = || std::fs::read_to_string("/etc/passwd").ok()?.lines().find_map(of_uid);
    variable("USER").or_else(|| variable("LOGNAME")).or_else(listed).unwrap_or_else(|| format!("uid {uid}"))
}

/// The key that seals an exported ledger.
pub fn seal_key() -> Option<String> {
    variable("RUNSHEET_SEAL_KEY")
}

/// Where the system keeps its time zones.
pub fn zones_folder() -> std::path::PathBuf {
    variable("TZDIR").unwrap_or_else(|| "/usr/share/zoneinfo".to_owned()).into()
}

/// Where this user's programs keep persistent state (XDG Base Directory Specification).
pub fn state_folder() -> Option<std::path::PathBuf> {
    // The specification does not allow relative paths.
    let given = variable("XDG_STATE_HOME").map(std::path::PathBuf::from).filter(|path| path.is_absolute());
    given.or_else(|| variable("HOME").map(|home| std::path::PathBuf::from(home).join(".local/state")))
}
