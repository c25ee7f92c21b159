//! Asks other sites whether linked addresses exist: few requests at once, and only one at a time for each host.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Error};

use super::{kept, threads};
use crate::check::external::{Answer, is_passing, is_private, is_private_ip, is_refused_head, next_hop};
use crate::config::External;
use crate::error::Result;
use crate::status::{Address, plain_line};

const REDIRECT_LIMIT: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two requests to a host. This machine needs none.
const PAUSE: Duration = Duration::from_millis(250);
/// The pause before the first retry; it doubles with each further one.
const BACK_OFF: Duration = Duration::from_secs(1);
/// The longest pause that is granted to a server.
const LONGEST_WISH: Duration = Duration::from_secs(60);
const USER_AGENT: &str = concat!("runsheet/", env!("CARGO_PKG_VERSION"), " (+link check)");

/// Queries all addresses and returns their answers.
pub fn ask_all(addresses: Vec<Address>, settings: &External) -> BTreeMap<String, Answer> {
    let mut hosts: BTreeMap<String, Vec<Address>> = BTreeMap::new();
    for address in addresses {
        hosts.entry(address.name().to_owned()).or_default().push(address);
    }
    let workers = settings.at_once.min(hosts.len());
    let round = Round {
        settings,
        public: agent(false, false),
        open: agent(true, false),
        direct: agent(true, true),
        waiting: Mutex::new(hosts.into_values().collect()),
        last: Mutex::new(BTreeMap::new()),
        answers: Mutex::new(BTreeMap::new()),
    };
    thread::scope(|scope| {
        // This thread works, too, so all addresses are queried even if no other thread can be started.
        for _ in 1..workers {
            threads::start_in(scope, || round.work()).ok();
        }
        round.work();
    });
    round.answers.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// More bytes than the answers for all links of a large site need.
const MOST_KEPT: u64 = 64 << 20;

/// The kept answers of earlier runs; empty if there are none.
pub fn kept(root: &Path) -> String {
    kept::read(&cache(root), MOST_KEPT).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Keeps answers for later runs: replaces the file whole, or not at all.
pub fn keep(root: &Path, json: &str) -> Result<()> {
    kept::replace(&cache(root), json.as_bytes())
}

fn cache(root: &Path) -> PathBuf {
    root.join(".runsheet/links.json")
}

/// State shared by all workers.
struct Round<'a> {
    settings: &'a External,
    /// Connects to public addresses only.
    public: Agent,
    /// Connects to any address.
    open: Agent,
    /// Connects to this machine, without a proxy.
    direct: Agent,
    /// The addresses of each host that nobody is working on.
    waiting: Mutex<Vec<Vec<Address>>>,
    /// When each host was last queried; whoever queries it holds its lock.
    last: Mutex<BTreeMap<String, Arc<Mutex<Option<Instant>>>>>,
    answers: Mutex<BTreeMap<String, Answer>>,
}

/// One answer in progress.
enum Step {
    Moved { location: String, for_good: bool },
    Ended(Answer),
}

/// The pause that a server asks for.
type Wish = Option<Duration>;

impl Round<'_> {
    fn work(&self) {
        loop {
            // Release the lock before the work begins.
            let Some(addresses) = locked(&self.waiting).pop() else { return };
            for address in addresses {
                let answer = self.visit(&address);
                locked(&self.answers).insert(address.to_string(), answer);
            }
        }
    }

    /// Queries an address, and retries while its fault may be temporary.
    fn visit(&self, start: &Address) -> Answer {
        let inside = self.settings.allow_private && (is_private(start) || resolves_inside(start));
        let mut back_off = BACK_OFF;
        for _ in 0..self.settings.retries {
            let (answer, wish) = self.follow(start, inside);
            let wait = wish.unwrap_or(back_off);
            if !is_passing(&answer) || wait > LONGEST_WISH {
                return answer;
            }
            thread::sleep(wait);
            back_off *= 2;
        }
        self.follow(start, inside).0
    }

    fn follow(&self, start: &Address, inside: bool) -> (Answer, Wish) {
        let mut seen = vec![start.clone()];
        let (mut moved, mut only_for_good) = (None, true);
        for _ in 0..=REDIRECT_LIMIT {
            let address = &seen[seen.len() - 1];
            let (step, wish) = self.ask(address, inside);
            let (location, for_good) = match step {
                Step::Ended(Answer::Status { code, .. }) => return (Answer::Status { code, moved }, wish),
                Step::Ended(Answer::Private) if seen.len() > 1 => {
                    return (Answer::NotFollowed(plain_line(&address.to_string(), 200)), None);
                }
                Step::Ended(answer) => return (answer, wish),
                Step::Moved { location, for_good } => (location, for_good),
            };
            let next = match next_hop(address, &location, inside) {
                Ok(next) if seen.contains(&next) => return (Answer::Circle, None),
                Ok(next) => next,
                Err(answer) => return (answer, None),
            };
            only_for_good &= for_good;
            if only_for_good {
                moved = Some(next.to_string());
            }
            seen.push(next);
        }
        (Answer::TooManyRedirects, None)
    }

    /// HEAD first: an answer without a body is enough. GET if the server rejects HEAD.
    fn ask(&self, address: &Address, inside: bool) -> (Step, Wish) {
        match self.send("HEAD", address, inside) {
            // A server that names a time does not want another request at once.
            (Step::Ended(answer), None) if is_refused_head(&answer) => self.send("GET", address, inside),
            step => step,
        }
    }

    /// One request, with exclusive use of its host.
    fn send(&self, method: &str, address: &Address, inside: bool) -> (Step, Wish) {
        let host = Arc::clone(locked(&self.last).entry(address.name().to_owned()).or_default());
        let mut last = locked(&host);
        if let Some(earlier) = *last
            && !address.is_loopback()
        {
            thread::sleep(PAUSE.saturating_sub(earlier.elapsed()));
        }
        let agent = match (address.is_loopback(), inside) {
            (true, true) => &self.direct,
            (false, true) => &self.open,
            _ => &self.public,
        };
        let url = address.to_string();
        let timeout = Duration::try_from(self.settings.timeout).unwrap_or(CONNECT_TIMEOUT);
        let request = if method == "HEAD" { agent.head(&url) } else { agent.get(&url) };
        let request = request.config().timeout_global(Some(timeout)).timeout_connect(Some(timeout.min(CONNECT_TIMEOUT))).build();
        // Drop the body unread, and its connection with it.
        let result = request.call().map_or_else(|error| (Step::Ended(fault(address, &error)), None), |response| step(&response));
        *last = Some(Instant::now());
        result
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn step(response: &Response<Body>) -> (Step, Wish) {
    let code = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let wish = header("retry-after").and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
    match header("location") {
        Some(location) if matches!(code, 301 | 302 | 303 | 307 | 308) => {
            (Step::Moved { location, for_good: matches!(code, 301 | 308) }, wish)
        }
        _ => (Step::Ended(Answer::Status { code, moved: None }), wish),
    }
}

fn fault(address: &Address, error: &Error) -> Answer {
    let reason = plain_line(&error.to_string(), 200);
    let secure = address.is_secure();
    match error {
        Error::Timeout(_) => Answer::Timeout,
        Error::HostNotFound => Answer::NoSuchHost,
        Error::Other(other) if other.is::<PrivateAddress>() => Answer::Private,
        // The standard library marks a failed look-up only by its message; without a network, every name fails, but only for now.
        Error::Io(_) if reason.contains("Temporary failure in name resolution") || reason.contains("Try again") => {
            Answer::Broken("name lookup failed".to_owned())
        }
        Error::Io(_) if reason.contains("failed to lookup address") => Answer::NoSuchHost,
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => Answer::Broken("the connection was refused".to_owned()),
        Error::Io(_) | Error::Tls(_) | Error::Rustls(_) if secure && reason.contains("certificate") => Answer::BadCertificate(reason),
        _ => Answer::Broken(format!("the connection was lost: {reason}")),
    }
}

fn agent(any_address: bool, direct: bool) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(USER_AGENT)
        .accept("text/html, */*;q=0.8")
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build());
    let config = if direct { config.proxy(None) } else { config }.build();
    if any_address {
        return config.new_agent();
    }
    Agent::with_parts(config, DefaultConnector::default(), PublicOnly(DefaultResolver::default()))
}

fn resolves_inside(address: &Address) -> bool {
    let host = address.name().trim_start_matches('[').trim_end_matches(']');
    (host, address.port()).to_socket_addrs().is_ok_and(|mut found| found.any(|socket| is_private_ip(socket.ip())))
}

/// Resolves names and removes addresses of private networks, since a name may change its meaning between check and use.
#[derive(Debug)]
struct PublicOnly(DefaultResolver);

impl Resolver for PublicOnly {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        // The proxy was chosen by the user.
        if config.proxy().is_some_and(|proxy| Some(proxy.host()) == uri.host()) {
            return Ok(found);
        }
        let mut public = self.empty();
        for socket in found.iter().filter(|socket| !is_private_ip(socket.ip())) {
            public.push(*socket);
        }
        if public.is_empty() { Err(Error::Other(Box::new(PrivateAddress))) } else { Ok(public) }
    }
}

#[derive(Debug)]
struct PrivateAddress;

impl fmt::Display for PrivateAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name resolves to a private address")
    }
}

impl StdError for PrivateAddress {}
