//! The addresses we ask: plain web addresses without a password.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::{Fault, plain_line};

/// A web address we may ask: http or https, a host, no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Address {
    /// Reads the base address of a server, which has no query and no fragment.
    pub fn parse(url: &str) -> Result<Address, Fault> {
        if url.contains(['?', '#']) {
            return Err(bad(url, "contains a query or a fragment"));
        }
        let mut address = Address::parse_link(url)?;
        address.path.truncate(address.path.trim_end_matches('/').len());
        Ok(address)
    }

    /// Reads any web address; the fragment is dropped.
    pub fn parse_link(url: &str) -> Result<Address, Fault> {
        let text = url.trim();
        let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        let (secure, rest) = if lower.starts_with("https://") {
            (true, &text[8..])
        } else if lower.starts_with("http://") {
            (false, &text[7..])
        } else {
            return Err(bad(url, "is not an http or https address"));
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(bad(url, "contains a user name or a password"));
        }
        let (host, port) = host_and_port(authority, secure).ok_or_else(|| bad(url, "has no valid host"))?;
        let path = path.split('#').next().unwrap_or_default();
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
            return Err(bad(url, "contains a character that needs a percent escape"));
        }
        Ok(Address { secure, host, port, path: path.to_string() })
    }

    /// The address of a path below this base.
    pub fn below(&self, path: &str) -> Address {
        Address { path: format!("{}{path}", self.path), ..self.clone() }
    }

    /// Where a redirect from here leads, if we follow it: the same host, never from https to http.
    pub fn redirected(&self, location: &str) -> Result<Address, Fault> {
        let refused = || Fault::Redirect { target: plain_line(&hidden(location.trim()), 200) };
        let target = Address::parse_link(&self.absolute(location.trim())).map_err(|_| refused())?;
        let same_origin = target.secure == self.secure && target.port == self.port;
        let upgraded = target.secure && !self.secure && (target.port == 443 || target.port == self.port);
        if target.host != self.host || !(same_origin || upgraded) {
            return Err(refused());
        }
        Ok(target)
    }

    /// The path and query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host and, unless it is the usual one, the port.
    pub fn host(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual {
            return self.host.clone();
        }
        format!("{}:{}", self.host, self.port)
    }

    /// The host without its port.
    pub fn name(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the host is this very machine.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// What a location in an answer from here means, written out.
    pub fn absolute(&self, location: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        let host = self.host();
        if let Some(rest) = location.strip_prefix("//") {
            return format!("{scheme}://{rest}");
        }
        if location.starts_with('/') {
            return format!("{scheme}://{host}{location}");
        }
        let before_path = location.split(['/', '?', '#']).next().unwrap_or_default();
        if before_path.contains(':') {
            return location.to_string();
        }
        let path = self.path.split('?').next().unwrap_or_default();
        if location.starts_with('?') {
            return format!("{scheme}://{host}{path}{location}");
        }
        let folder = path.rfind('/').map_or("", |end| &path[..end]);
        format!("{scheme}://{host}{folder}/{location}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.host(), self.path)
    }
}

fn host_and_port(authority: &str, secure: bool) -> Option<(String, u16)> {
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let colon = authority[end..].find(':').map(|colon| end + colon);
    let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok().filter(|port| *port > 0)?,
        Some(_) => return None,
        None if secure => 443,
        None => 80,
    };
    if let Some(bare) = host.strip_prefix('[') {
        let ip: Ipv6Addr = bare.strip_suffix(']')?.parse().ok()?;
        return Some((format!("[{ip}]"), port));
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(legal) {
        return None;
    }
    Some((host.to_ascii_lowercase(), port))
}

fn bad(url: &str, reason: &'static str) -> Fault {
    Fault::BadUrl { url: plain_line(&hidden(url), 200), reason }
}

/// The address without user and password before an `@` in its authority, so that no password is printed.
fn hidden(url: &str) -> String {
    let start = url.find("//").map_or(0, |slashes| slashes + 2);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |length| start + length);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}…{}", &url[..start], &url[start + at..]),
        None => url.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_read() {
        let check = |url: &str, expected: &str| {
            let found = Address::parse(url).map_or_else(|fault| fault.to_string(), |address| address.to_string());
            assert_eq!(found, expected, "{url}");
        };
        check("https://Status.Example.org/", "https://status.example.org");
        check("HTTP://127.0.0.1:3002//", "http://127.0.0.1:3002");
        check("http://[::1]:3002/kuma", "http://[::1]:3002/kuma");
        check("https://a.example:443", "https://a.example");
        check("file:///etc/passwd", "`file:///etc/passwd` is not an http or https address");
        check("", "`` is not an http or https address");
        check("https://", "`https://` has no valid host");
        check("https://a.example:99999", "`https://a.example:99999` has no valid host");
        check("https://a.example:+80", "`https://a.example:+80` has no valid host");
        check("https://a b/", "`https://a b/` has no valid host");
        check("https://zürich.example", "`https://zürich.example` has no valid host");
        check("https://me:secret@a.example/x", "`https://…@a.example/x` contains a user name or a password");
        check("https://a.example?x=1", "`https://a.example?x=1` contains a query or a fragment");
        check("https://a.example/a b", "`https://a.example/a b` contains a character that needs a percent escape");
        check("ftp://me:secret@a.example", "`ftp://…@a.example` is not an http or https address");
    }

    #[test]
    fn redirects_stay_on_their_host() {
        let check = |from: &str, location: &str, expected: &str| {
            let from = Address::parse_link(from).expect("a good address");
            let found = from.redirected(location).map_or_else(|fault| fault.to_string(), |target| target.to_string());
            assert_eq!(found, expected, "{location}");
        };
        let no = |target: &str| format!("the server redirects to `{target}`, which is not followed");
        check("http://a.example/x/y", "/z", "http://a.example/z");
        check("http://a.example/x/y?q", "z", "http://a.example/x/z");
        check("http://a.example/x/y?q", "?r", "http://a.example/x/y?r");
        check("http://a.example/x", "//a.example/y", "http://a.example/y");
        check("http://a.example/x", "https://a.example/x", "https://a.example/x");
        check("http://a.example:3002/x", "https://A.example:3002/x", "https://a.example:3002/x");
        check("https://a.example/x", "http://a.example/x", &no("http://a.example/x"));
        check("http://a.example/x", "http://b.example/x", &no("http://b.example/x"));
        check("http://a.example/x", "//b.example/x", &no("//b.example/x"));
        check("http://a.example/x", "http://a.example:8080/x", &no("http://a.example:8080/x"));
        check("http://a.example/x", "http://169.254.169.254/latest", &no("http://169.254.169.254/latest"));
        check("http://a.example/x", "file:///etc/passwd", &no("file:///etc/passwd"));
        check("http://a.example/x", "http://me:secret@a.example/", &no("http://…@a.example/"));
        check("http://a.example/x", "http://b.example/\u{1b}[2J\u{202e}", &no("http://b.example/[2J"));
    }

    #[test]
    fn this_machine_is_known() {
        let check = |url: &str, expected: bool| {
            assert_eq!(Address::parse(url).expect("a good address").is_loopback(), expected, "{url}");
        };
        check("http://localhost:1", true);
        check("http://127.9.9.9", true);
        check("http://[::1]:3002", true);
        check("http://localhost.example", false);
        check("http://10.0.0.1", false);
    }
}
