//! Requests Uptime Kuma's two answers, within one deadline and one size limit.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Error, Timeout};

use super::disk;
use crate::status::{self, Address, Fault, Settings, Snapshot, plain_line};

const REDIRECT_LIMIT: u32 = 3;
const USER_AGENT: &str = concat!("runsheet/", env!("CARGO_PKG_VERSION"));

/// Queries the server and reads the answers; `now` becomes the time of the snapshot. A certificate file may be below the project.
pub fn fetch(root: &Path, settings: &Settings, now: Timestamp) -> Result<Snapshot, Fault> {
    settings.check()?;
    let visit = Visit::new(root, settings)?;
    let slug = &settings.slug;
    // The beats first: this path also answers for unknown pages, while version 1 gives no answer about their groups.
    let heartbeat = visit.ask(&status::heartbeat_path(slug))?;
    let has_beats = status::has_beats(&heartbeat)?;
    let page = visit.ask(&status::page_path(slug)).map_err(|fault| match fault {
        Fault::Timeout { .. } if !has_beats => Fault::NoSuchSlug { slug: slug.clone() },
        Fault::Http { code: 404, .. } => Fault::NoSuchSlug { slug: slug.clone() },
        fault => fault,
    })?;
    status::parse(settings, &page, &heartbeat, now)
}

/// One visit to the server: everything in it shares one deadline.
struct Visit<'a> {
    settings: &'a Settings,
    base: Address,
    agent: Agent,
    deadline: Instant,
}

/// The answer of an address: a document, or a redirect.
enum Answer {
    Document(Vec<u8>),
    Moved(Address),
}

impl<'a> Visit<'a> {
    fn new(root: &Path, settings: &'a Settings) -> Result<Visit<'a>, Fault> {
        let deadline = Instant::now() + span(settings.timeout);
        let base = Address::parse(&settings.url)?;
        let roots = match &settings.ca_file {
            Some(path) => RootCerts::new_with_certs(&certificates(root, path)?),
            None => RootCerts::PlatformVerifier,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .accept("application/json")
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        let config = if base.is_loopback() { config.proxy(None) } else { config };
        Ok(Visit { settings, base, agent: config.build().new_agent(), deadline })
    }

    /// The document at a path below the base; temporary failures are retried while there is time.
    fn ask(&self, path: &str) -> Result<Vec<u8>, Fault> {
        let address = self.base.below(path);
        let mut retries = self.settings.retries;
        loop {
            match self.follow(&address) {
                Err(fault) if fault.is_passing() && retries > 0 && !self.remaining().is_zero() => retries -= 1,
                result => return result,
            }
        }
    }

    fn follow(&self, address: &Address) -> Result<Vec<u8>, Fault> {
        let mut address = address.clone();
        for _ in 0..=REDIRECT_LIMIT {
            match self.call(&address)? {
                Answer::Document(document) => return Ok(document),
                Answer::Moved(target) => address = target,
            }
        }
        Err(Fault::TooManyRedirects { limit: REDIRECT_LIMIT })
    }

    fn call(&self, address: &Address) -> Result<Answer, Fault> {
        let remaining = self.remaining();
        if remaining.is_zero() {
            return Err(self.too_late());
        }
        let mut request = self.agent.get(address.to_string());
        if self.settings.fresh {
            request = request.header("x-apicache-bypass", "1");
        }
        let connect = remaining.min(span(self.settings.connect_timeout));
        let request = request.config().timeout_global(Some(remaining)).timeout_connect(Some(connect)).build();
        let mut response = request.call().map_err(|error| self.fault(address, error))?;
        if response.status().is_redirection() {
            return moved(address, &response).map(Answer::Moved);
        }
        if response.status().as_u16() != 200 {
            let code = response.status().as_u16();
            return Err(Fault::Http { code, address: plain_line(&address.to_string(), 200) });
        }
        require_json(&response)?;
        let body = response.body_mut().with_config().limit(self.settings.max_bytes).read_to_vec();
        body.map(Answer::Document).map_err(|error| self.fault(address, error))
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn too_late(&self) -> Fault {
        Fault::Timeout { slug: self.settings.slug.clone(), after: self.settings.timeout }
    }

    fn fault(&self, address: &Address, error: Error) -> Fault {
        let host = address.host();
        let reason = plain_line(&error.to_string(), 200);
        match error {
            Error::Timeout(Timeout::Connect | Timeout::Resolve) if !self.remaining().is_zero() => {
                Fault::NoConnection { host, after: self.settings.connect_timeout }
            }
            Error::Timeout(_) => self.too_late(),
            Error::BodyExceedsLimit(limit) => Fault::TooLarge { limit },
            Error::HostNotFound => Fault::Dns { host },
            Error::Tls(_) | Error::Rustls(_) | Error::TlsRequired => Fault::Tls { host, reason },
            Error::Io(error) => io_fault(address, &error, reason),
            Error::BadUri(_) | Error::Http(_) => {
                Fault::BadUrl { url: plain_line(&address.to_string(), 200), reason: "is not a usable address" }
            }
            _ => Fault::Broken { host, reason },
        }
    }
}

fn io_fault(address: &Address, error: &io::Error, reason: String) -> Fault {
    let host = address.host();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::Refused { host },
        // A failed handshake is reported as bad data; the standard library marks a failed look-up only by its message.
        io::ErrorKind::InvalidData if address.is_secure() => Fault::Tls { host, reason },
        _ if reason.contains("failed to lookup address") => Fault::Dns { host },
        _ => Fault::Broken { host, reason },
    }
}

fn moved(address: &Address, response: &Response<Body>) -> Result<Address, Fault> {
    let location = response.headers().get("location").and_then(|value| value.to_str().ok());
    match location {
        Some(location) => address.redirected(location),
        None => Err(Fault::Http { code: response.status().as_u16(), address: plain_line(&address.to_string(), 200) }),
    }
}

fn require_json(response: &Response<Body>) -> Result<(), Fault> {
    let kind = response.body().mime_type().unwrap_or_default().to_ascii_lowercase();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(());
    }
    let got = match kind.as_str() {
        "text/html" | "application/xhtml+xml" => "HTML".to_string(),
        "" => "an answer without a content type".to_string(),
        other => format!("`{}`", plain_line(other, 60)),
    };
    Err(Fault::NotJson { got })
}

fn certificates(root: &Path, path: &Path) -> Result<Vec<Certificate<'static>>, Fault> {
    let unusable = |reason: String| Fault::CaFile { path: path.display().to_string(), reason };
    let pem = disk::read_configured(root, path).map_err(|error| unusable(error.sentence()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(unusable("it contains no certificate".to_string()));
    }
    Ok(certificates)
}

fn span(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or(Duration::ZERO)
}
