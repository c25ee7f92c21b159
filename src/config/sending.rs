//! `[smtp]`: the mail server, how fast to send, and where the ledger is.

use std::path::PathBuf;
use std::time::Duration;

use super::Parsed;
use crate::data::{Reader, Spanned};
use crate::diagnostic::Diagnostic;
use crate::mail::Rate;
use crate::rule;

/// `[smtp]`.
#[derive(Clone, Debug)]
pub struct Sending {
    pub host: String,
    /// 465 with implicit TLS, 587 with STARTTLS, 25 without, unless it is set.
    pub port: u16,
    pub tls: Tls,
    /// A file of certificates (PEM): only certificates that they sign are trusted.
    pub ca_file: Option<PathBuf>,
    /// Empty: no AUTH.
    pub user: String,
    pub password_file: Option<PathBuf>,
    /// A program and its arguments; its first line is the password.
    pub password_command: Vec<String>,
    /// A file, or a program and its arguments, whose first line is an access token (XOAUTH2, OAUTHBEARER).
    pub token_file: Option<PathBuf>,
    pub token_command: Vec<String>,
    /// The name in EHLO; the name of this machine unless it is set.
    pub hello: Option<String>,
    pub connections: usize,
    /// How many messages to send over one connection before it is closed.
    pub per_connection: u64,
    /// Whether to write commands before earlier ones are answered, if the server supports that (RFC 2920).
    pub pipelining: bool,
    pub rate: Option<Rate>,
    pub per_domain: Option<Rate>,
    /// How long a deferred message waits after the first attempt, the second, and so on. After the last one it is given up.
    pub retry: Vec<Duration>,
    /// How long the server may take for an answer.
    pub timeout: Duration,
    /// How long the server may take to answer the end of a message (RFC 5321 §4.5.3.2.6).
    pub final_timeout: Duration,
    /// How long a sender that shares its ledger keeps what it has claimed.
    pub lease: Duration,
    /// A mailing to more recipients than this is not sent.
    pub max_recipients: u64,
    /// The file of the ledger; empty: in the user's state folder.
    pub ledger: Option<PathBuf>,
    /// A file with the address of a PostgreSQL ledger, or a program that prints it.
    pub ledger_url_file: Option<PathBuf>,
    pub ledger_url_command: Vec<String>,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte (RFC 8314 §3.3).
    Implicit,
    /// With STARTTLS; if the server lacks it, nothing is sent (RFC 3207).
    StartTls,
    /// Not at all: only for connections to this machine.
    None,
}

/// Reads the table. `None` if it has no host; that is reported.
pub fn read(reader: &mut Reader) -> Option<Sending> {
    refuse_secrets(reader);
    let host = reader.needed_text("host");
    let tls =
        reader.choice("tls", &[("starttls", Tls::StartTls), ("implicit", Tls::Implicit), ("none", Tls::None)]).unwrap_or(Tls::StartTls);
    let port = reader.count("port", 1..=65535).and_then(|port| u16::try_from(port).ok()).unwrap_or(tls.usual_port());
    let commands = |reader: &mut Reader, key| reader.texts(key).into_iter().map(|text| text.value).collect::<Vec<_>>();
    let path = |text: Option<Spanned<String>>| text.map(|text| text.value).filter(|text| !text.is_empty()).map(PathBuf::from);
    let host = host.and_then(|host| checked_host(reader, host, tls));
    let retry = retry(reader);
    let lease = reader.text("lease");
    let mut sending = Sending {
        host: host.clone().unwrap_or_default(),
        port,
        tls,
        ca_file: path(reader.text("ca_file")),
        user: reader.parsed("user", user).unwrap_or_default(),
        password_file: path(reader.text("password_file")),
        password_command: commands(reader, "password_command"),
        token_file: path(reader.text("token_file")),
        token_command: commands(reader, "token_command"),
        hello: reader.parsed("hello", hello),
        connections: reader.count("connections", 1..=64).and_then(|count| usize::try_from(count).ok()).unwrap_or(4),
        per_connection: reader.count("per_connection", 1..=u64::MAX).unwrap_or(100),
        pipelining: reader.bool("pipelining").unwrap_or(true),
        rate: reader.parsed("rate", rate),
        per_domain: reader.parsed("per_domain", rate),
        retry,
        timeout: reader.parsed("timeout", wait).unwrap_or(Duration::from_secs(5 * 60)),
        final_timeout: reader.parsed("final_timeout", wait).unwrap_or(Duration::from_secs(10 * 60)),
        lease: Duration::ZERO,
        max_recipients: reader.count("max_recipients", 1..=u64::MAX).unwrap_or(100_000),
        ledger: path(reader.text("ledger")),
        ledger_url_file: path(reader.text("ledger_url_file")),
        ledger_url_command: commands(reader, "ledger_url_command"),
    };
    refuse_two_logins(reader, &sending);
    sending.lease = checked_lease(reader, lease, &sending);
    host.is_some().then_some(sending)
}

impl Tls {
    fn usual_port(self) -> u16 {
        match self {
            Tls::Implicit => 465,
            Tls::StartTls => 587,
            Tls::None => 25,
        }
    }
}

/// Reports a secret in the file, where everyone with access to the project could read it.
fn refuse_secrets(reader: &mut Reader) {
    for key in ["password", "pass", "token", "ledger_url"] {
        if reader.node(key).is_some() {
            // Reported without its place: the line would be shown, and it contains the secret.
            let message = format!("`{key}` in [smtp]: secrets don't belong in the configuration");
            let help = match key {
                "token" => "set RUNSHEET_SMTP_TOKEN in the environment, or use token_file or token_command",
                "ledger_url" => "set RUNSHEET_LEDGER_URL in the environment, or use ledger_url_file or ledger_url_command",
                _ => "set RUNSHEET_SMTP_PASSWORD in the environment, or use password_file or password_command",
            };
            reader.diagnostics.push(Diagnostic::new(rule::BAD_VALUE, message).in_file(reader.path()).help(help));
        }
    }
}

/// The host, if it is valid. Also reports mail that would go to it without TLS.
fn checked_host(reader: &mut Reader, host: Spanned<String>, tls: Tls) -> Option<String> {
    let fits = !host.value.is_empty() && host.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
    if !fits {
        reader.reject(
            &host.span,
            format!("invalid host `{}`", crate::text::visible(&host.value)),
            Some("use a name or an address, such as `smtp.example.org`".to_owned()),
        );
    } else if tls == Tls::None && !is_loopback(&host.value) {
        let help = "use `tls = \"starttls\"` or `tls = \"implicit\"`; `none` is for 127.0.0.1, ::1 and localhost";
        reader.reject(&host.span, format!("mail would go to `{}` without TLS", host.value), Some(help.to_owned()));
    }
    fits.then_some(host.value)
}

/// How long a deferred message waits, attempt by attempt.
fn retry(reader: &mut Reader) -> Vec<Duration> {
    let retry = reader.texts("retry");
    if retry.is_empty() && !reader.has("retry") {
        return [5, 15, 60].map(|minutes| Duration::from_secs(minutes * 60)).to_vec();
    }
    let mut waits = Vec::new();
    for text in &retry {
        match wait(&text.value) {
            Ok(length) => waits.push(length),
            Err((message, help)) => reader.reject(&text.span, message, help),
        }
    }
    waits
}

/// The configured lease, if it is long enough for a message; by default, a minute more than that.
fn checked_lease(reader: &mut Reader, written: Option<Spanned<String>>, sending: &Sending) -> Duration {
    // A message may be tried over two connections before its end is written.
    let shortest = 3 * sending.timeout + sending.final_timeout;
    let usual = shortest + Duration::from_secs(60);
    let Some(text) = written else { return usual };
    match wait(&text.value) {
        Ok(length) if length > shortest => return length,
        Ok(_) => {
            let help = format!("make it longer than three times `timeout` plus `final_timeout`: {} s", shortest.as_secs());
            reader.reject(&text.span, format!("the lease `{}` may expire while a message is being sent", text.value), Some(help));
        }
        Err((message, help)) => reader.reject(&text.span, message, help),
    }
    usual
}

/// Whether a host is this machine, judged only by its name.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Reports settings with both a password and a token, or a token without a user.
fn refuse_two_logins(reader: &mut Reader, sending: &Sending) {
    let Some(key) = ["token_file", "token_command"].into_iter().find(|key| reader.has(key)) else { return };
    let Some(span) = reader.node(key).map(|node| node.span.clone()) else { return };
    if reader.has("password_file") || reader.has("password_command") {
        reader.reject(&span, "a password and a token are both configured", Some("keep the one that the server accepts".to_owned()));
    } else if sending.user.is_empty() {
        let help = "set `user` to the account that the token was made for".to_owned();
        reader.reject(&span, format!("`{key}` needs `user`"), Some(help));
    }
}

fn user(text: &str) -> Parsed<String> {
    if text.chars().any(char::is_control) {
        let help = "use the name of the account, such as `notices@example.org`".to_owned();
        return Err((format!("`user` contains a control character: {}", crate::text::visible(text)), Some(help)));
    }
    Ok(text.to_owned())
}

/// A full name or an address literal (RFC 5321 §4.1.3).
fn hello(text: &str) -> Parsed<String> {
    let literal = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let is_literal = literal.is_some_and(|address| match address.strip_prefix("IPv6:") {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => address.parse::<std::net::Ipv4Addr>().is_ok(),
    });
    if is_literal {
        return Ok(text.to_owned());
    }
    match idna::domain_to_ascii_strict(text).ok().filter(|name| is_full_name(name)) {
        Some(name) => Ok(name),
        None => {
            let help = "use a full host name such as `mail.example.org`, or an address such as `[192.0.2.1]`".to_owned();
            Err((format!("invalid name for `hello`: {}", crate::text::visible(text)), Some(help)))
        }
    }
}

/// Whether a name has a domain and consists only of characters for host names (RFC 5321 §2.3.5).
pub fn is_full_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(is_number)
}

fn wait(text: &str) -> Parsed<Duration> {
    let length = super::duration(text)?;
    match Duration::try_from(length) {
        Ok(length) if !length.is_zero() => Ok(length),
        _ => Err((format!("invalid duration `{text}`"), Some("use a duration such as `15m`".to_owned()))),
    }
}

fn rate(text: &str) -> Parsed<Rate> {
    text.parse().map_err(|()| (format!("invalid rate `{text}`"), Some("use a rate such as `20/s`, `600/m` or `5000/h`".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_to_greet_with() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(hello(text).ok().as_deref(), expected, "{text}");
        check("mail.example.org", Some("mail.example.org"));
        check("post.kühlhaus.example", Some("post.xn--khlhaus-n2a.example"));
        check("[192.0.2.1]", Some("[192.0.2.1]"));
        check("[IPv6:2001:db8::1]", Some("[IPv6:2001:db8::1]"));
        for bad in ["", "mail", "192.0.2.1", "[192.0.2]", "[2001:db8::1]", "a..b", "mail.example.org\r\nRSET", "a b.example", "-a.example"]
        {
            check(bad, None);
        }
        check(&format!("{}.example", "a".repeat(64)), None);
    }
}
