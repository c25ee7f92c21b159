//! The mail server of `[smtp]`, with the secrets it needs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::ledger;
use crate::config::Sending;
use crate::error::{Error, Result};
use crate::world::mail::smtp::{Login, Secret, Server, Tokens};
use crate::world::{disk, environment, process, secret_file};

/// The server, with the secrets it needs.
pub fn of(root: &Path, sending: &Sending) -> Result<Server> {
    let certificates = match &sending.ca_file {
        Some(path) => Some(disk::read_configured(root, path)?),
        None => None,
    };
    let login = if sending.user.is_empty() { None } else { login(root, sending)? };
    Server::new(sending, certificates.as_deref(), login)
}

/// What is wrong with the server's settings and secrets, without running a password command, which might prompt a person.
pub fn fault(root: &Path, sending: &Sending) -> Option<Error> {
    let has_token = environment::smtp_token().is_some() || sending.token_file.is_some();
    let has_password = environment::smtp_password().is_some() || sending.password_file.is_some();
    let by_command = !has_token && (!sending.token_command.is_empty() || !has_password && !sending.password_command.is_empty());
    // Without a user nobody logs in, and no secret is needed.
    let quiet = Sending { user: String::new(), ..sending.clone() };
    of(root, if by_command { &quiet } else { sending }).err()
}

/// The time limit for getting a token.
const MOST_TOKEN_TIME: Duration = Duration::from_secs(60);

/// The token, if one is configured, otherwise the password.
fn login(root: &Path, sending: &Sending) -> Result<Option<Login>> {
    let given = environment::smtp_token();
    if given.is_none() && sending.token_file.is_none() && sending.token_command.is_empty() {
        let password = ledger::secret(root, environment::smtp_password(), sending.password_file.as_deref(), &sending.password_command)?;
        return Ok(password.map(Login::Password));
    }
    let (root, file, command) = (root.to_path_buf(), sending.token_file.clone(), sending.token_command.clone());
    let fetch = move || match (&given, &file) {
        (Some(token), _) => Ok(Secret(token.clone())),
        (None, Some(file)) => secret_file::first_line(&root, file).map(Secret),
        (None, None) => process::first_line_within(&command, &root, MOST_TOKEN_TIME).map(Secret),
    };
    Ok(Some(Login::Token(Arc::new(Tokens::new(fetch)?))))
}
