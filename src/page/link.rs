//! Targets of links: judged by an allow-list of schemes, after decoding.

use crate::source::Span;

/// The target of a link or an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Another site, a mail address, a telephone number: kept as it is.
    External(String),
    /// A file of the project, and an anchor in it. An empty path means the page itself; with an empty anchor, too, its top.
    Internal { path: String, fragment: Option<String> },
    /// A scheme that is not on the list, such as `javascript`.
    Refused(String),
}

/// A link to another site, `http` or `https`, and its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    pub url: String,
    pub span: Span,
}

/// Whether an address is one of the web.
pub fn is_web(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
}

/// Whether a web address has no host: `https:x`, `https://`.
pub fn lacks_host(url: &str) -> bool {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    let is_of_the_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let host = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#', '\\', ':']).next()).unwrap_or("");
    is_of_the_web && host.is_empty()
}

/// Whether a web address contains a user name before its host (RFC 3986 §3.2.1).
pub fn has_user(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#', '\\']).next().unwrap_or(""));
    authority.contains('@')
}

/// The rest of an address after a site's own address, in whatever form scheme and host are written; `None` for another site.
pub fn below<'u>(url: &'u str, base_url: &str) -> Option<&'u str> {
    let (rest, base) = (url.split_once("://")?.1, base_url.split_once("://")?.1);
    let host = base.find('/').unwrap_or(base.len());
    let path = rest.get(host..).filter(|_| rest[..host].eq_ignore_ascii_case(&base[..host]))?;
    path.strip_prefix(&base[host..]).or_else(|| (path == base[host..].trim_end_matches('/')).then_some(""))
}

const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// Judges a target as it comes out of Markdown, entities decoded.
pub fn classify(target: &str) -> Target {
    // Browsers drop tabs, line ends and leading control characters before they look for a scheme
    // (WHATWG URL, basic URL parser).
    let cleaned: String = target.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let cleaned = cleaned.trim_matches(|c: char| c <= ' ');
    if let Some(scheme) = scheme(cleaned) {
        return match SCHEMES.iter().find(|allowed| scheme.eq_ignore_ascii_case(allowed)) {
            Some(_) => Target::External(cleaned.to_owned()),
            None => Target::Refused(scheme.to_owned()),
        };
    }
    if cleaned.starts_with("//") || cleaned.starts_with('\\') {
        return Target::Refused("//".to_owned());
    }
    let (path, fragment) = match cleaned.split_once('#') {
        Some((path, fragment)) => (path, Some(decode(fragment))),
        None => (cleaned, None),
    };
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Target::Internal { path: decode(path), fragment: fragment.filter(|fragment| !fragment.is_empty() || cleaned == "#") }
}

/// Whether an address has a scheme and nothing after it, or the web's scheme and no host.
pub fn leads_nowhere(url: &str) -> bool {
    lacks_host(url) || url.split_once(':').is_some_and(|(_, rest)| rest.trim_start_matches('/').is_empty())
}

/// The scheme of a URL (RFC 3986 §3.1), if it has one.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let mut letters = scheme.chars();
    let legal = letters.next()?.is_ascii_alphabetic() && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if legal {
        return Some(scheme);
    }
    // Text that a browser might still take for a scheme after decoding must not pass as a file name.
    let decoded = decode(scheme);
    let word: String = decoded.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    (decoded.len() != scheme.len() && !scheme.contains('/') && !word.is_empty()).then_some(scheme)
}

/// Percent-decodes; text that would not be UTF-8 afterwards stays as it was.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let byte = hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

/// Percent-encodes what a URL in an attribute cannot contain; existing `%XX` stays.
pub fn encode(url: &str) -> String {
    let mut encoded = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => encoded.push_str(&format!("%{:02X}", c as u32)),
            c if c.is_ascii_control() => encoded.push_str(&format!("%{:02X}", c as u32)),
            c => encoded.push(c),
        }
    }
    encoded
}

/// The name of a site file as a relative address, escaped so that no part of it is read as query, fragment, scheme or escape.
pub fn encode_name(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '%' | '#' | '?' | ':' => encoded.push_str(&format!("%{:02X}", c as u32)),
            c => encoded.push(c),
        }
    }
    // Escapes added so far stay.
    encode(&encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, expected: &str) {
        let found = match classify(target) {
            Target::External(_) => "external",
            Target::Internal { .. } => "internal",
            Target::Refused(_) => "refused",
        };
        assert_eq!(found, expected, "{target:?}");
    }

    #[test]
    fn only_listed_schemes_pass() {
        for target in ["https://a.example/", "HTTP://a", "mailto:a@b.example", "tel:+49123"] {
            check(target, "external");
        }
        for target in [
            "javascript:alert(1)",
            "JaVaScRiPt:x",
            "java\tscript:x",
            "\u{1}javascript:x",
            " vbscript:x",
            "data:text/html,x",
            "file:///etc/passwd",
            "//evil.example/x",
            "\\\\evil",
            "javascript&colon;x:y",
            "java%73cript:x",
        ] {
            if target.contains('&') {
                continue;
            }
            check(target, "refused");
        }
        for target in ["a.md", "../a.md#x", "#x", "/a/b.md?c", "a b.md", "folder/with:colon.md"] {
            check(target, "internal");
        }
    }

    #[test]
    fn the_own_address_is_known_in_every_form() {
        let check = |url: &str, base_url: &str, expected: Option<&str>| assert_eq!(below(url, base_url), expected, "{url} {base_url}");
        check("https://docs.example/a/b.html", "https://docs.example/a/", Some("b.html"));
        check("HTTP://Docs.Example/a/b.html", "https://docs.example/a/", Some("b.html"));
        check("https://docs.example/a", "https://docs.example/a/", Some(""));
        check("https://docs.example", "https://docs.example/", Some(""));
        check("https://docs.example.org/", "https://docs.example/", None);
        check("https://docs.example/b/", "https://docs.example/a/", None);
        check("https://é.example/", "https://docs.example/", None);
        check("mailto:a@docs.example", "https://docs.example/", None);
    }

    #[test]
    fn a_scheme_alone_leads_nowhere() {
        for url in ["https://", "http:", "https:x", "HTTPS:/x", "https:///x", "https://?x", "mailto:", "tel:"] {
            assert!(leads_nowhere(url), "{url}");
        }
        for url in ["https://a", "https://a?x", "http://[::1]/", "https://u@h/", "mailto:a@b.example"] {
            assert!(!leads_nowhere(url), "{url}");
        }
    }

    #[test]
    fn paths_and_fragments_are_decoded() {
        let expected = Target::Internal { path: "a b.md".to_owned(), fragment: Some("köln".to_owned()) };
        assert_eq!(classify("a%20b.md#k%C3%B6ln"), expected);
        assert_eq!(classify("a.md#"), Target::Internal { path: "a.md".to_owned(), fragment: None });
        assert_eq!(classify("#"), Target::Internal { path: String::new(), fragment: Some(String::new()) });
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%ff"), "%zz%ff");
    }
}
