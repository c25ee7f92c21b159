//! Why the status server gave no snapshot.

use std::fmt;

use jiff::SignedDuration;

/// Why the status server gave no snapshot; texts from outside have already been sanitised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The project names no status server.
    NoProvider,
    /// An address in the settings is not one we would request.
    BadUrl { url: String, reason: &'static str },
    /// The slug in the settings is invalid.
    BadSlug { slug: String },
    /// The file of certificate authorities is unusable.
    CaFile { path: String, reason: String },
    /// Nothing listens at the host.
    Refused { host: String },
    /// The host has no address.
    Dns { host: String },
    /// There is no trusted encrypted connection.
    Tls { host: String, reason: String },
    /// The host did not accept the connection in time.
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
    /// The server redirects in circles.
    TooManyRedirects { limit: u32 },
    /// The answer is not JSON.
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
            Fault::NoProvider => "no status server is configured".into(),
            Fault::BadUrl { url, reason } => format!("`{url}` {reason}"),
            Fault::BadSlug { slug } => format!("invalid name of a status page: `{slug}`"),
            Fault::CaFile { path, reason } => {
                format!("cannot use `ca_file` `{path}`: {reason}")
            }
            Fault::Refused { host } => format!("`{host}` refused the connection"),
            Fault::Dns { host } => format!("unknown host `{host}`"),
            Fault::Tls { host, reason } => format!("no trusted connection to `{host}`: {reason}"),
            Fault::NoConnection { host, after } => {
                format!("no connection to `{host}` within {after:#}")
            }
            Fault::Broken { host, reason } => format!("the answer from `{host}` was cut short: {reason}"),
            Fault::Timeout { slug, after } => {
                format!("no complete answer about `{slug}` within {after:#}")
            }
            Fault::Http { code, address } => format!("`{address}` answered {code}"),
            Fault::TooLarge { limit } => format!("the answer is larger than {limit} bytes"),
            Fault::Redirect { target } => {
                format!("the server redirects to `{target}`, which is not followed")
            }
            Fault::TooManyRedirects { limit } => {
                format!("more than {limit} redirects")
            }
            Fault::NotJson { got } => format!("got {got} instead of JSON"),
            Fault::BadAnswer { reason } => {
                format!("not the answer of a status page: {reason}")
            }
            Fault::NoSuchSlug { slug } => format!("the server has no status page `{slug}`"),
            Fault::NoMonitors { slug } => format!("status page `{slug}` lists no monitors"),
            Fault::BadSnapshot { reason } => format!("cannot use the stored snapshot: {reason}"),
        }
    }

    /// Help, if we have any.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Fault::BadUrl { .. } | Fault::NotJson { .. } | Fault::BadAnswer { .. } => {
                Some("check `url`: it is the http or https address before `/status/<slug>`, without a password")
            }
            Fault::BadSlug { .. } => Some("use the last part of the address of the status page: letters, digits and hyphens"),
            Fault::CaFile { .. } => Some("use a PEM file with at least one certificate"),
            Fault::Refused { .. } | Fault::NoConnection { .. } => {
                Some("check that the server is running, and check host and port in `url`")
            }
            Fault::Dns { .. } => Some("check the host in `url`, and the network"),
            Fault::Tls { .. } => Some("set `ca_file` for your own certificate authority"),
            Fault::Timeout { .. } | Fault::NoSuchSlug { .. } => {
                Some("check `slug`: letter case counts, and Uptime Kuma 1 never answers for a status page it doesn't have")
            }
            Fault::Http { code: 404, .. } => Some("check `url`: it is the part before `/status/<slug>`"),
            Fault::TooLarge { .. } => Some("raise `max_bytes`, or put fewer monitors on the status page"),
            Fault::Redirect { .. } | Fault::TooManyRedirects { .. } => {
                Some("set `url` to the address that answers directly, not to a login page in front of it")
            }
            Fault::NoMonitors { .. } => Some("add monitors to a group of the status page"),
            Fault::BadSnapshot { .. } => Some("delete it, or wait: the next answer replaces it"),
            Fault::NoProvider | Fault::Broken { .. } | Fault::Http { .. } => None,
        }
    }

    /// Whether a retry a moment later might succeed.
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
