//! Logging in: with a password, or with a token that expires.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::token::{Token, Tokens};
use super::{Connection, Failure, Server};
use crate::error::error;
use crate::notice::reply::{Reply, Step, Verdict, judge};

/// Text that must never be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The credentials for the server.
pub enum Login {
    Password(Secret),
    /// XOAUTH2 or OAUTHBEARER.
    Token(Arc<Tokens>),
}

/// Why a connection was not opened.
pub(super) struct Unopened {
    pub failure: Failure,
    /// The server rejects this token; it may accept another.
    pub is_token_refused: bool,
}

impl From<Failure> for Unopened {
    fn from(failure: Failure) -> Unopened {
        Unopened { failure, is_token_refused: false }
    }
}

/// The longest line of a command, with its end (RFC 5321 §4.5.3.1.4).
const MOST_COMMAND: usize = 512;
/// How many challenges a server may send before it says yes or no.
const MOST_CHALLENGES: usize = 4;

impl Connection {
    /// Logs in, if a user is configured.
    pub(super) fn log_in(&mut self, server: &Server) -> Result<(), Unopened> {
        if server.user.is_empty() {
            return Ok(());
        }
        // `AUTH=` is how some servers wrote it before RFC 2554.
        let offered = self.extensions.iter().find_map(|line| line.strip_prefix("AUTH ").or(line.strip_prefix("AUTH=")));
        let offered: Vec<String> = offered.unwrap_or("").split_whitespace().map(str::to_owned).collect();
        let offers = |mechanism: &str| offered.iter().any(|word| word == mechanism);
        match (&server.login, self.token.as_ref().map(|(_, token)| token.clone())) {
            (Some(Login::Password(Secret(password))), _) if offers("PLAIN") => {
                // RFC 4616
                let secret = BASE64_STANDARD.encode(format!("\0{}\0{password}", server.user));
                self.expect(server, &format!("AUTH PLAIN {secret}\r\n"), Step::Auth)?;
                Ok(())
            }
            (Some(Login::Password(password)), _) if offers("LOGIN") => Ok(self.log_in_by_steps(server, password)?),
            (Some(Login::Token(_)), Some(token)) if offers("XOAUTH2") => {
                self.log_in_by_token(server, "XOAUTH2", &xoauth2(&server.user, &token), "")
            }
            // RFC 7628 §3.2.3: the answer to its error is one octet.
            (Some(Login::Token(_)), Some(token)) if offers("OAUTHBEARER") => {
                self.log_in_by_token(server, "OAUTHBEARER", &oauthbearer(server, &token), "\x01")
            }
            (login, _) => {
                let ways = if matches!(login, Some(Login::Token(_))) {
                    "neither AUTH XOAUTH2 nor AUTH OAUTHBEARER"
                } else {
                    "neither AUTH PLAIN nor AUTH LOGIN"
                };
                Err(Failure::Lasting(error!("{} offers {ways}", server.name())).into())
            }
        }
    }

    /// A line of an answer, without our credentials.
    pub(super) fn without_secrets(&self, line: &str) -> String {
        without(&self.hidden, line)
    }

    /// AUTH LOGIN: the name, then the password.
    fn log_in_by_steps(&mut self, server: &Server, Secret(password): &Secret) -> Result<(), Failure> {
        for line in ["AUTH LOGIN".to_owned(), BASE64_STANDARD.encode(&server.user)] {
            let (reply, _) = self.ask(server, &line)?;
            if reply.code != 334 {
                return Err(refused(server, Step::Auth, &reply));
            }
        }
        self.expect(server, &format!("{}\r\n", BASE64_STANDARD.encode(password)), Step::Auth)?;
        Ok(())
    }

    /// One word from us and one from the server. It may reject a token with 334 and the reason, wait for an
    /// empty answer, and then say no.
    fn log_in_by_token(&mut self, server: &Server, mechanism: &str, response: &str, end: &str) -> Result<(), Unopened> {
        let response = BASE64_STANDARD.encode(response);
        let at_once = format!("AUTH {mechanism} {response}");
        // RFC 4954 §4: a line that is too long is not sent; the response follows the server's empty challenge.
        let mut is_said = at_once.len() + "\r\n".len() <= MOST_COMMAND;
        let mut line = if is_said { at_once } else { format!("AUTH {mechanism}") };
        let mut reason = None;
        for _ in 0..MOST_CHALLENGES {
            let (reply, challenge) = match self.ask(server, &line) {
                Ok(answer) => answer,
                // Some servers close the connection instead of answering.
                Err(_) if reason.is_some() => break,
                Err(failure) => return Err(failure.into()),
            };
            if judge(Step::Auth, &reply) == Verdict::Good {
                return Ok(());
            }
            if reply.code != 334 {
                let is_token_refused = reason.is_some() && reply.code / 100 == 5 || matches!(reply.code, 530 | 535);
                if !is_token_refused {
                    return Err(refused(server, Step::Auth, &reply).into());
                }
                let reason = reason.unwrap_or_default();
                let error = error!("{} refused the token at AUTH: {}{reason}", server.name(), without_words(&reply));
                return Err(Unopened { failure: Failure::Lasting(error), is_token_refused });
            }
            if challenge.trim().is_empty() && reason.is_none() && !is_said {
                is_said = true;
                line.clone_from(&response);
                continue;
            }
            reason = Some(reason_of(&challenge));
            line = BASE64_STANDARD.encode(end);
        }
        let error = error!("{} refused the token at AUTH{}", server.name(), reason.unwrap_or_default());
        Err(Unopened { failure: Failure::Lasting(error), is_token_refused: true })
    }

    /// Writes a line, reads an answer: its code and words, and its raw lines.
    fn ask(&mut self, server: &Server, line: &str) -> Result<(Reply, String), Failure> {
        self.begin_step(self.timeout);
        let sent = self.stream.write(format!("{line}\r\n").as_bytes()).map_err(|error| error.to_string());
        sent.and_then(|()| self.read_reply()).map_err(|why| self.lost(server, Step::Auth, &why))
    }
}

/// Secrets that must not appear in answers. A server may know them from an earlier connection.
pub(super) fn hidden_from(server: &Server, token: Option<&Token>) -> Vec<String> {
    hidden(&match (&server.login, token) {
        (Some(Login::Password(Secret(password))), _) => vec![password.clone(), format!("\0{}\0{password}", server.user)],
        (_, Some(token)) => vec![token.secret.0.clone(), xoauth2(&server.user, token), oauthbearer(server, token)],
        _ => Vec::new(),
    })
}

/// Strings that would reveal secrets: as they are, and as encoded on the wire. Some servers write base64 without padding.
/// Short words are left out: a server may use them by chance.
fn hidden(secrets: &[String]) -> Vec<String> {
    let words = secrets.iter().flat_map(|secret| {
        let sent = BASE64_STANDARD.encode(secret);
        [secret.clone(), sent.trim_end_matches('=').to_owned(), sent]
    });
    let mut words: Vec<String> = words.filter(|word| word.len() > 3).collect();
    // One may be part of another.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

fn without(hidden: &[String], line: &str) -> String {
    hidden.iter().fold(line.to_owned(), |line, secret| line.replace(secret.as_str(), "(hidden)"))
}

/// <https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>
fn xoauth2(user: &str, token: &Token) -> String {
    format!("user={user}\x01auth=Bearer {}\x01\x01", token.secret.0)
}

/// RFC 7628 §3.1
fn oauthbearer(server: &Server, token: &Token) -> String {
    // RFC 5801 §4: separators are encoded by number.
    let user = server.user.replace('=', "=3D").replace(',', "=2C");
    format!("n,a={user},\x01host={}\x01port={}\x01auth=Bearer {}\x01\x01", server.host, server.port, token.secret.0)
}

/// Why a server rejects a token, from the JSON of its challenge: only words that cannot be the token.
fn reason_of(challenge: &str) -> String {
    let json = BASE64_STANDARD.decode(challenge.trim()).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap_or_default();
    let said = |key: &str| match &value[key] {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    // RFC 7628 §3.2.2, and the status of HTTP.
    let is_known = |word: &String| {
        matches!(word.as_str(), "invalid_request" | "invalid_token" | "insufficient_scope")
            || word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit())
    };
    [said("status"), said("error")].into_iter().find(is_known).map_or_else(String::new, |word| format!(" (status {word})"))
}

/// An answer without its words: a server may repeat what it was sent, and that was a secret.
fn without_words(reply: &Reply) -> String {
    let first = reply.text.split(' ').next().unwrap_or("");
    let parts: Vec<&str> = first.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    // RFC 3463 §2. A token may also have three parts.
    let is_status = parts.len() == 3 && parts.iter().all(is_number);
    if is_status { format!("{} {first}", reply.code) } else { reply.code.to_string() }
}

/// The meaning of an unexpected answer.
pub(super) fn refused(server: &Server, step: Step, reply: &Reply) -> Failure {
    let said = if step == Step::Auth { without_words(reply) } else { reply.to_string() };
    let error = error!("{} answered {said} at {}", server.name(), step.name());
    let is_lasting = match step {
        Step::StartTls => true,
        Step::Auth => reply.code / 100 == 5,
        _ => false,
    };
    if is_lasting { Failure::Lasting(error) } else { Failure::Passing(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Some(Secret("pa55".to_owned()))), "Some(Secret(hidden))");
        let check = |text: &str, expected: &str| assert_eq!(without_words(&Reply::new(535, text)), expected, "{text}");
        check("5.7.8 Username and Password not accepted", "535 5.7.8");
        check("eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl", "535");
        check("1234.5.6 x", "535");
        check("", "535");
    }

    #[test]
    fn secrets_are_not_repeated() {
        let hidden = hidden(&["pa55word".to_owned(), "\0me\0pa55word".to_owned()]);
        let check = |line: &str, expected: &str| assert_eq!(without(&hidden, line), expected, "{line}");
        check("550 pa55word is wrong", "550 (hidden) is wrong");
        for secret in ["pa55word", "\0me\0pa55word"] {
            let sent = BASE64_STANDARD.encode(secret);
            check(&format!("550 {sent} is wrong"), "550 (hidden) is wrong");
            check(&format!("550 {}, it says", sent.trim_end_matches('=')), "550 (hidden), it says");
        }
        check("550 no", "550 no");
    }

    #[test]
    fn reasons_are_known_words() {
        let check = |json: &str, expected: &str| assert_eq!(reason_of(&BASE64_STANDARD.encode(json)), expected, "{json}");
        check(r#"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#, " (status 401)");
        check(r#"{"status":400}"#, " (status 400)");
        check(r#"{"status":"invalid_token"}"#, " (status invalid_token)");
        check(r#"{"status":"ya29.token","error":"insufficient_scope"}"#, " (status insufficient_scope)");
        check(r#"{"status":"ya29.token"}"#, "");
        check("[]", "");
        assert_eq!(reason_of("not base64"), "");
    }

    #[test]
    fn xoauth2_is_as_google_writes_it() {
        // The example of its documentation.
        let token = Token { secret: Secret("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg".to_owned()), number: 1 };
        let expected =
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==";
        assert_eq!(BASE64_STANDARD.encode(xoauth2("someuser@example.com", &token)), expected);
    }
}
