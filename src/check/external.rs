//! Links to other sites: which ones to check, and what an answer means.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::link::{below, encode, is_web};
use crate::project::Project;
use crate::rule;
use crate::source::{RelPath, Span};
use crate::status::{Address, plain_line};

/// Where an address is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub path: RelPath,
    pub span: Span,
}

/// All addresses of other sites that a project names.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Addresses to check, each once, with their places.
    pub asked: BTreeMap<String, (Address, Vec<Place>)>,
    /// Addresses that nobody outside could reach.
    pub private: usize,
    /// Addresses on the ignore list, reserved for documentation, or of this site.
    pub left_out: usize,
    unreadable: Vec<(String, Place)>,
}

/// The final answer of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status, and the address that it has permanently moved to.
    Status {
        code: u16,
        moved: Option<String>,
    },
    NoSuchHost,
    BadCertificate(String),
    Timeout,
    /// The connection broke, or could not be made.
    Broken(String),
    TooManyRedirects,
    /// It redirects to an address where the request has already been.
    Circle,
    /// It redirects to an address that we do not request.
    NotFollowed(String),
    /// Its name resolves to an address of a private network.
    Private,
}

/// What an answer means for the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good { moved: Option<String> },
    Dead(String),
    Uncertain(String),
    Private,
}

/// Collects the links of pages, notices and the configuration, and sorts out those that are not checked.
pub fn plan(project: &Project) -> Plan {
    let mut plan = Plan::default();
    for page in &project.pages {
        for link in &page.external {
            plan.add(&link.url, Place { path: page.path.clone(), span: link.span.clone() }, &project.config);
        }
    }
    for link in &project.config.look.external {
        plan.add(&link.url, Place { path: crate::source::configuration(), span: link.span.clone() }, &project.config);
    }
    for (name, url) in project.config.links.iter().filter(|(_, url)| is_web(url)) {
        let span = project.config.link_places.get(name).cloned().unwrap_or_default();
        plan.add(url, Place { path: crate::source::configuration(), span }, &project.config);
    }
    plan
}

impl Plan {
    fn add(&mut self, url: &str, place: Place, config: &Config) {
        if below(url, &config.site.base_url).is_some() || config.external.ignore.iter().any(|pattern| matches(pattern, url)) {
            self.left_out += 1;
            return;
        }
        let Ok(address) = address(url) else {
            self.unreadable.push((url.to_owned(), place));
            return;
        };
        if is_documentation(address.name()) {
            self.left_out += 1;
        } else if is_private(&address) && !config.external.allow_private {
            self.private += 1;
        } else {
            self.asked.entry(address.to_string()).or_insert_with(|| (address, Vec::new())).1.push(place);
        }
    }

    /// Reports every place of an address that is dead or uncertain.
    pub fn report(&self, verdicts: &BTreeMap<String, Verdict>) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        let help = "try it in a browser; fix the address, or skip it with `ignore` in [check.external]";
        for (url, (_, places)) in &self.asked {
            let diagnostic = match verdicts.get(url) {
                Some(Verdict::Dead(reason)) => Diagnostic::new(rule::DEAD_LINK, format!("dead link `{}`: {reason}", plain_line(url, 200))),
                Some(Verdict::Uncertain(reason)) => {
                    Diagnostic::new(rule::LINK_UNCERTAIN, format!("cannot confirm link `{}`: {reason}", plain_line(url, 200)))
                }
                _ => continue,
            };
            diagnostics.extend(places.iter().map(|place| diagnostic.clone().at(&place.path, place.span.clone()).help(help)));
        }
        for (url, place) in &self.unreadable {
            let message = format!("cannot confirm link `{}`: not a plain web address", plain_line(&without_password(url), 200));
            let help = "write it as `https://host/path`, without user name and password";
            diagnostics.push(Diagnostic::new(rule::LINK_UNCERTAIN, message).at(&place.path, place.span.clone()).help(help));
        }
        diagnostics
    }

    /// How many hosts are checked.
    pub fn hosts(&self) -> usize {
        let mut hosts: Vec<&str> = self.asked.values().map(|(address, _)| address.name()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.len()
    }
}

/// The form of an address used for the request: without fragment, with percent escapes, the host in ASCII.
pub fn address(url: &str) -> Result<Address, String> {
    let unusable = || "not a plain web address".to_owned();
    let (scheme, rest) = url.split_once("://").ok_or_else(unusable)?;
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = if host.is_ascii() { host.to_owned() } else { idna::domain_to_ascii(host).map_err(|_| unusable())? };
    let path: String = encode(path)
        .chars()
        .flat_map(|c| {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).bytes();
            bytes.map(|byte| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect::<Vec<_>>()
        })
        .collect();
    let path = if path.is_empty() || !path.starts_with('/') { format!("/{path}") } else { path };
    Address::parse_link(&format!("{scheme}://{host}{path}")).map_err(|_| unusable())
}

/// The target of a redirect, if it is followed. `inside` says that the link's own host is private and may be requested.
pub fn next_hop(from: &Address, location: &str, inside: bool) -> Result<Address, Answer> {
    let target = from.absolute(location.trim());
    let refused = || Answer::NotFollowed(plain_line(&without_password(&target), 200));
    let next = address(&target).map_err(|_| refused())?;
    if is_private(&next) && !inside { Err(refused()) } else { Ok(next) }
}

/// What an answer means: a link is dead only if the fault cannot be temporary and the site is not just refusing robots.
pub fn verdict(answer: &Answer) -> Verdict {
    match answer {
        Answer::Status { code: 200..=399, moved } => Verdict::Good { moved: moved.clone() },
        Answer::Status { code: 404, .. } => Verdict::Dead("the server answered 404, not found".to_owned()),
        Answer::Status { code: 410, .. } => Verdict::Dead("the server answered 410, gone".to_owned()),
        Answer::Status { code: 401, .. } => Verdict::Uncertain("the server answered 401: it requires a login".to_owned()),
        Answer::Status { code: 403, .. } => Verdict::Uncertain("the server answered 403: it may block bots".to_owned()),
        Answer::Status { code: 429, .. } => Verdict::Uncertain("the server answered 429, too many requests".to_owned()),
        Answer::Status { code, .. } => Verdict::Uncertain(format!("the server answered {code}")),
        Answer::NoSuchHost => Verdict::Dead("the host does not exist".to_owned()),
        Answer::BadCertificate(reason) => Verdict::Dead(format!("invalid certificate: {reason}")),
        Answer::Timeout => Verdict::Uncertain("no answer in time".to_owned()),
        Answer::Broken(reason) => Verdict::Uncertain(reason.clone()),
        Answer::TooManyRedirects => Verdict::Uncertain("too many redirects".to_owned()),
        Answer::Circle => Verdict::Uncertain("redirect loop".to_owned()),
        Answer::NotFollowed(target) => Verdict::Uncertain(format!("it redirects to `{target}`, which is not checked")),
        Answer::Private => Verdict::Private,
    }
}

/// Whether the fault may be temporary, so that another try makes sense.
pub fn is_passing(answer: &Answer) -> bool {
    match answer {
        Answer::Status { code, .. } => *code == 429 || *code >= 500,
        Answer::Timeout | Answer::Broken(_) => true,
        _ => false,
    }
}

/// Whether GET may give another answer than HEAD did.
pub fn is_refused_head(answer: &Answer) -> bool {
    match answer {
        Answer::Status { code, .. } => *code >= 400 && *code != 429,
        Answer::Broken(_) => true,
        _ => false,
    }
}

/// Whether an address matches a pattern in which `*` stands for any letters.
fn matches(pattern: &str, url: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| url.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Names reserved for documentation and tests (RFC 2606, RFC 6761).
fn is_documentation(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let is_below = |name: &str| host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    ["example", "invalid", "test", "example.com", "example.net", "example.org"].iter().any(|name| is_below(name))
}

/// Whether the host is this machine or written as an address of a private network.
pub fn is_private(address: &Address) -> bool {
    let host = address.name().trim_end_matches('.');
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = ["localhost", "local", "internal", "home.arpa"];
    local.iter().any(|name| host == *name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
        || bare.parse::<IpAddr>().is_ok_and(is_private_ip)
}

/// Whether an IP address can be reached only from within a network.
pub fn is_private_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => is_private_v6(ip),
    }
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry>
fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
}

/// <https://www.iana.org/assignments/iana-ipv6-special-registry>
fn is_private_v6(ip: Ipv6Addr) -> bool {
    let parts = ip.segments();
    // An IPv6 address may contain an IPv4 address: mapped, compatible, translated (RFC 6052), 6to4.
    let within = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match parts {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_private_v4(within(high, low)),
        [0x2002, high, low, ..] => is_private_v4(within(high, low)),
        [first, ..] => first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80 || first & 0xff00 == 0xff00,
    }
}

/// The address without user and password before an `@`, so that no password is printed.
fn without_password(url: &str) -> String {
    let start = url.find("//").map_or(0, |slashes| slashes + 2);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |length| start + length);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}…{}", &url[..start], &url[start + at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(url: &str) -> String {
        address(url).map_or_else(|reason| reason, |address| address.to_string())
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(written("HTTPS://Site.Sample.example:443/a b?q=ü#part"), "https://site.sample.example/a%20b?q=%C3%BC");
        assert_eq!(written("https://site.sample.example"), "https://site.sample.example/");
        assert_eq!(written("https://site.sample.example?q"), "https://site.sample.example/?q");
        assert_eq!(written("https://bücher.sample.example/#x"), "https://xn--bcher-kva.sample.example/");
        for url in ["https://me:secret@a.example/", "https:///x", "https://a b/", "https://a:x/"] {
            assert_eq!(written(url), "not a plain web address", "{url}");
        }
    }

    #[test]
    fn patterns_are_whole_addresses() {
        let check = |pattern: &str, url: &str, expected: bool| assert_eq!(matches(pattern, url), expected, "{pattern} {url}");
        check("https://a.example/*", "https://a.example/x/y", true);
        check("https://a.example/*", "https://a.example/", true);
        check("https://a.example/*", "https://b.example/?https://a.example/x", false);
        check("https://*.a.example/*/edit", "https://w.a.example/x/y/edit", true);
        check("https://*.a.example/*/edit", "https://w.a.example/edit", false);
        check("https://a.example/", "https://a.example/x", false);
        check("*/edit*", "https://a.example/x/edit?y", true);
        check("*", "https://a.example/", true);
    }

    #[test]
    fn documentation_and_private_networks_are_known() {
        for host in ["example.com", "www.example.org", "a.b.example", "x.test", "x.invalid.", "example"] {
            assert!(is_documentation(host), "{host}");
        }
        for host in ["myexample.com", "example.de", "latest", "contest"] {
            assert!(!is_documentation(host), "{host}");
        }
        let check = |url: &str, expected: bool| assert_eq!(is_private(&address(url).unwrap()), expected, "{url}");
        for host in ["localhost", "a.localhost.", "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1"] {
            check(&format!("http://{host}:8080/"), true);
        }
        for host in
            ["[::1]", "[::]", "[fd00::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "printer.local"]
        {
            check(&format!("http://{host}/"), true);
        }
        for host in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "localhost.sample.example"] {
            check(&format!("http://{host}/"), false);
        }
    }

    #[test]
    fn redirects_are_judged_again() {
        let check = |from: &str, location: &str, inside: bool, expected: &str| {
            let next = match next_hop(&address(from).unwrap(), location, inside) {
                Ok(next) => next.to_string(),
                Err(Answer::NotFollowed(target)) => format!("not {target}"),
                Err(other) => format!("{other:?}"),
            };
            assert_eq!(next, expected, "{location}");
        };
        check("https://a.example/x/y", "../z", false, "https://a.example/x/../z");
        check("https://a.example/x", "http://b.example", false, "http://b.example/");
        check("https://a.example/x", "/ü", false, "https://a.example/%C3%BC");
        check("https://a.example/x", "http://127.0.0.1:9000/", false, "not http://127.0.0.1:9000/");
        check("https://a.example/x", "http://169.254.169.254/latest", false, "not http://169.254.169.254/latest");
        check("https://a.example/x", "//[::1]/", false, "not https://[::1]/");
        check("https://a.example/x", "file:///etc/passwd", false, "not file:///etc/passwd");
        check("https://a.example/x", "http://me:secret@b.example/", false, "not http://…@b.example/");
        check("http://127.0.0.1/x", "http://localhost/y", true, "http://localhost/y");
    }

    #[test]
    fn only_what_is_sure_is_dead() {
        let check = |answer: Answer, expected: &str| {
            let found = match verdict(&answer) {
                Verdict::Good { .. } => "good",
                Verdict::Dead(_) => "dead",
                Verdict::Uncertain(_) => "uncertain",
                Verdict::Private => "private",
            };
            assert_eq!(found, expected, "{answer:?}");
        };
        for (code, expected) in [(200, "good"), (204, "good"), (304, "good"), (404, "dead"), (410, "dead"), (401, "uncertain")] {
            check(Answer::Status { code, moved: None }, expected);
        }
        for code in [400, 403, 405, 429, 451, 500, 503, 999] {
            check(Answer::Status { code, moved: None }, "uncertain");
        }
        check(Answer::NoSuchHost, "dead");
        check(Answer::BadCertificate("expired".to_owned()), "dead");
        check(Answer::Timeout, "uncertain");
        check(Answer::Circle, "uncertain");
        check(Answer::Private, "private");
    }
}
