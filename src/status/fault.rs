//! Why the status server gave no snapshot.

use std::fmt;

use jiff::SignedDuration;

/// Why the status server gave no snapshot; texts from outside are already made plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The project names no status server.
    NoProvider,
    /// An address in the settings is none we ask.
    BadUrl { url: String, reason: &'static str },
    /// The slug in the settings cannot be one.
    BadSlug { slug: String },
    /// The file of certificate authorities is of no use.
    CaFile { path: String, reason: String },
    /// Nothing listens at the host.
    Refused { host: String },
    /// The host has no address.
    Dns { host: String },
    /// There is no trusted encrypted connection.
    Tls { host: String, reason: String },
    /// The host did not take the connection in time.
    NoConnection { host: String, after: SignedDuration },
    /// The connection ended before the answer did.
    Broken { host: String, reason: String },
    /// The answer was not complete in time.
    Timeout { slug: String, after: SignedDuration },
    /// The server answered with an error.
    Http { code: u16, address: String },
    /// The answer is larger than allowed.
    TooLarge { limit: u64 },
    /// The server sends us to an address we do not follow.
    Redirect { target: String },
    /// The server sends us from one address to the next.
    TooManyRedirects { limit: u32 },
    /// The answer is something else than JSON.
    NotJson { got: String },
    /// The answer is JSON, but not that of a status page.
    BadAnswer { reason: String },
    /// The server has no such status page.
    NoSuchSlug { slug: String },
    /// The status page lists no monitor.
    NoMonitors { slug: String },
    /// The kept snapshot cannot be used.
    BadSnapshot { reason: String },
}

impl Fault {
    /// What went wrong, in one line.
    pub fn message(&self) -> String {
        match self {
            Fault::NoProvider => "no status server is set".into(),
            Fault::BadUrl { url, reason } => format!("`{url}` {reason}"),
            Fault::BadSlug { slug } => format!("`{slug}` is not the name of a status page"),
            Fault::CaFile { path, reason } => {
                format!("`ca_file` `{path}` cannot be used: {reason}")
            }
            Fault::Refused { host } => format!("`{host}` refused the connection"),
            Fault::Dns { host } => format!("host `{host}` is not known"),
            Fault::Tls { host, reason } => format!("no trusted connection to `{host}`: {reason}"),
            Fault::NoConnection { host, after } => {
                format!("no connection to `{host}` within {after:#}")
            }
            Fault::Broken { host, reason } => format!("the answer of `{host}` broke off: {reason}"),
            Fault::Timeout { slug, after } => {
                format!("no full answer about `{slug}` within {after:#}")
            }
            Fault::Http { code, address } => format!("`{address}` answered {code}"),
            Fault::TooLarge { limit } => format!("the answer is larger than {limit} bytes"),
            Fault::Redirect { target } => {
                format!("the server sends us to `{target}`, which is not followed")
            }
            Fault::TooManyRedirects { limit } => {
                format!("the server sent us on more than {limit} times")
            }
            Fault::NotJson { got } => format!("got {got} instead of JSON"),
            Fault::BadAnswer { reason } => {
                format!("the answer is not that of a status page: {reason}")
            }
            Fault::NoSuchSlug { slug } => format!("the server has no status page `{slug}`"),
            Fault::NoMonitors { slug } => format!("status page `{slug}` lists no monitors"),
            Fault::BadSnapshot { reason } => format!("the kept snapshot cannot be used: {reason}"),
        }
    }

    /// What to do about it, where we know a way out.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Fault::BadUrl { .. } | Fault::NotJson { .. } | Fault::BadAnswer { .. } => {
                Some("is the base URL right? `url` is the http or https address before `/status/<slug>`, without a password")
            }
            Fault::BadSlug { .. } => Some("`slug` is the last part of the address of the status page: letters, digits and hyphens"),
            Fault::CaFile { .. } => Some("`ca_file` is a PEM file with at least one certificate"),
            Fault::Refused { .. } | Fault::NoConnection { .. } => Some("is the server running, and are host and port in `url` right?"),
            Fault::Dns { .. } => Some("is the host in `url` spelled right, and is there a network?"),
            Fault::Tls { .. } => Some("for a certificate authority of your own set `ca_file`"),
            Fault::Timeout { .. } | Fault::NoSuchSlug { .. } => {
                Some("check `slug`: its letter case counts, and Uptime Kuma 1 never answers for a status page it does not have")
            }
            Fault::Http { code: 404, .. } => Some("is the base URL right? `url` is the part before `/status/<slug>`"),
            Fault::TooLarge { .. } => Some("raise `max_bytes`, or put fewer monitors on the status page"),
            Fault::Redirect { .. } | Fault::TooManyRedirects { .. } => {
                Some("set `url` to the address that answers itself; a login page in front of it is of no use")
            }
            Fault::NoMonitors { .. } => Some("add monitors to a group of the status page"),
            Fault::BadSnapshot { .. } => Some("it is written anew with the next answer; you can delete it"),
            Fault::NoProvider | Fault::Broken { .. } | Fault::Http { .. } => None,
        }
    }

    /// Whether the same question may be answered a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Fault::Refused { .. } | Fault::NoConnection { .. } | Fault::Broken { .. } | Fault::Timeout { .. } => true,
            Fault::Http { code, .. } => matches!(code, 429 | 502 | 503 | 504),
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message())
    }
}

impl std::error::Error for Fault {}
