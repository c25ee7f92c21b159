//! Mail addresses: of senders, and of recipients as they come from a table.

use lettre::Address;
use lettre::message::Mailbox;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

use crate::diagnostic::Diagnostic;
use crate::rule;

/// A sender or reply address, with a display name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub mailbox: Mailbox,
}

impl Sender {
    /// Reads `Name <local@domain>` or `local@domain`.
    pub fn parse(text: &str) -> Result<Sender, String> {
        let text = text.trim();
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            return Err(format!("a sender can't contain the control character U+{:04X}", u32::from(c)));
        }
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text),
        };
        let address = parse(address)?;
        let name = Some(unquoted(name)).filter(|name| !name.is_empty());
        Ok(Sender { mailbox: Mailbox::new(name, address) })
    }

    /// The domain after the `@`, for Message-IDs.
    pub fn domain(&self) -> &str {
        self.mailbox.email.domain()
    }
}

/// What is allowed in an address in addition to the rules of mail itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Domains that mix scripts.
    pub unicode: bool,
}

/// Reads one address from a table, and checks its domain for letters that look alike.
pub fn parse_with(text: &str, rules: Rules) -> Result<Address, Diagnostic> {
    let text = text.trim();
    let address = parse(text).map_err(|message| explain(text, message))?;
    let domain = text.rsplit_once('@').map_or("", |(_, domain)| domain);
    if domain.is_ascii() || rules.unicode {
        return Ok(address);
    }
    // Latin and Cyrillic in one label is a way to imitate another domain (UTS 39 §5.2).
    let mixed = |label: &&str| !label.check_restriction_level(RestrictionLevel::HighlyRestrictive);
    let Some(label) = domain.split(DOTS).find(mixed) else { return Ok(address) };
    let foreign: Vec<String> = label.chars().filter(|c| !c.is_ascii()).map(|c| format!("`{c}` U+{:04X}", u32::from(c))).collect();
    let message =
        format!("the domain `{domain}` mixes letters of several scripts: {} (in ASCII: {})", foreign.join(", "), address.domain());
    let diagnostic = Diagnostic::new(rule::MIXED_SCRIPT, message);
    Err(diagnostic.help("if the domain is right, set `allow_unicode_addresses = true` in [notices]"))
}

/// What separates the labels of a domain (UTS 46 §2.3).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// Describes what a cell contains instead of one plain address, with help if possible.
fn explain(text: &str, message: String) -> Diagnostic {
    let shown = crate::text::visible(&text.chars().take(100).collect::<String>());
    let fault = |message: String| Diagnostic::new(rule::BAD_ADDRESS, message);
    if let Some((name, address)) = named(text) {
        let help = format!("write `{address}` here, and `{name}` in the column `name`");
        return fault(format!("`{shown}` contains a name as well as an address")).help(help);
    }
    let parts: Vec<&str> = text.split([',', ';', '/', '|', '\n', '\r', '\t', ' ']).filter(|part| part.contains('@')).collect();
    let are_good = || parts.iter().all(|part| parse(part).is_ok() || named(part).is_some() || meant(part).is_some());
    if parts.len() > 1 && are_good() {
        let help = "put each address in its own row: each gets its own message";
        return fault(format!("`{shown}` contains {} addresses", parts.len())).help(help);
    }
    let help = match meant(text) {
        Some(address) => format!("write `{address}`"),
        None => "write one plain address, such as `name@example.org`".to_owned(),
    };
    fault(message).help(help)
}

/// A name and an address, as mail programs write both: `Name <local@domain>` or `local@domain (Name)`.
pub fn named(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some(parts) => parts,
        None => text.strip_suffix(')').and_then(|text| text.split_once('(')).map(|(address, name)| (name, address))?,
    };
    let name = unquoted(name.trim());
    let address = address.trim();
    let is_one = !name.is_empty() && !name.contains(['@', '<', '>']) && parse(address).is_ok();
    is_one.then(|| (name, address.to_owned()))
}

/// A name without the quotes of a quoted string; other quotes belong to the name.
fn unquoted(name: &str) -> String {
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).filter(|name| !name.replace("\\\"", "").contains('"'));
    quoted.map_or_else(|| name.to_owned(), |name| name.replace("\\\"", "\"")).trim().to_owned()
}

/// The only address in a text after removing what does not belong to it.
fn meant(text: &str) -> Option<String> {
    let visible: String = text.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let plain = visible.trim();
    let plain = plain.strip_prefix("mailto:").or_else(|| plain.strip_prefix("MAILTO:")).unwrap_or(plain);
    let is_around = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | ';' | ':' | '<' | '>' | '"' | '\'' | '(' | ')' | '[' | ']');
    let plain = plain.trim_matches(is_around);
    parse(plain).is_ok().then(|| plain.to_owned())
}

/// Reads one address from a table: one mailbox, no comment, no list. The domain becomes ASCII (IDNA, UTS 46).
///
/// RFC 5321 §4.5.3.1 bounds the local part to 64 and the whole to 254 octets.
pub fn parse(text: &str) -> Result<Address, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("no address".to_owned());
    }
    let wrong = |why: &str| Err(format!("invalid mail address `{}`: {why}", crate::text::visible(text)));
    if let Some(c) = text.chars().find(|c| c.is_control() || c.is_whitespace() || is_invisible(*c)) {
        let kind = match c {
            ' ' => return wrong("it contains a space"),
            c if c.is_control() => "control character",
            c if c.is_whitespace() => "space",
            _ => "invisible character",
        };
        return wrong(&format!("it contains the {kind} U+{:04X}", u32::from(c)));
    }
    if text.contains([',', ';', '<', '>', '(', ')', '"', '[', ']', '\\', ':']) {
        return wrong("it must be a single plain `local@domain`");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return wrong("it has no `@`") };
    if local.contains('@') {
        return wrong("it has more than one `@`");
    }
    if local.is_empty() || local.len() > 64 {
        return wrong("the part before the `@` must have 1 to 64 octets");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return wrong("dots before the `@` need other characters on both sides");
    }
    if !local.is_ascii() {
        return wrong("only the domain may contain non-ASCII letters");
    }
    if domain.is_empty() {
        return wrong("it has nothing after the `@`");
    }
    if domain.ends_with(DOTS) {
        return wrong("it ends with a dot");
    }
    let Ok(ascii) = idna::domain_to_ascii_strict(domain) else { return wrong("the domain can't be converted to ASCII") };
    let labels: Vec<&str> = ascii.split('.').collect();
    let legal = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if labels.len() < 2 || !labels.iter().all(legal) {
        return wrong("the domain must be names separated by dots");
    }
    if labels.last().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit())) {
        return wrong("the domain is a number");
    }
    if local.len() + 1 + ascii.len() > 254 {
        return wrong("it is longer than 254 octets");
    }
    Address::new(local, &ascii).map_err(|error| format!("invalid mail address `{text}`: {error}"))
}

/// The key that identifies a recipient: the whole address in lower case, the domain in ASCII.
///
/// RFC 5321 §2.4 lets a host distinguish `A@` from `a@`. No known host does, and two copies to one person are a real fault.
pub fn key(address: &Address) -> String {
    address.to_string().to_ascii_lowercase()
}

/// Whether an address cannot belong to anybody: its domain is reserved for examples and tests (RFC 2606, RFC 6761).
pub fn is_sample(address: &Address) -> bool {
    let domain = address.domain().to_ascii_lowercase();
    let last = domain.rsplit('.').next().unwrap_or("");
    let is_below = |kept: &str| domain.strip_suffix(kept).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    matches!(last, "example" | "test" | "invalid" | "localhost") || ["example.com", "example.net", "example.org"].into_iter().any(is_below)
}

/// A hash of the key, long enough that no two addresses of a table share one.
pub fn hash(address: &Address) -> u128 {
    let hash = blake3::hash(key(address).as_bytes());
    u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("16 of 32 bytes"))
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{AD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b.example", "a+tag@b.example", "o'neil@b.example", "x_y@sub.b.example"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        assert_eq!(parse("info@kühlhaus.example").unwrap().to_string(), "info@xn--khlhaus-n2a.example");
        let long = format!("{}@b.example", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a@localhost",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a b@c.example",
            "a@b.example,c@d.example",
            "a@b..example",
            "a@b.example.",
            ".a@b.example",
            "a..b@c.example",
            "a@b@c.example",
            "A <a@b.example>",
            "a@b.example\r\nBcc: x",
            "a\0@b.example",
            "группа@b.example",
            "a@-b.example",
            "g:a@b.example;",
            "a\u{200b}@b.example",
            &long,
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn scripts_are_not_mixed() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse_with(text, Rules::default()).err().map(|fault| fault.rule.code), expected, "{text}");
        };
        check("a@kühlhaus.example", None);
        check("a@почта.example", None);
        check("a@日本ひらがなカタカナab.example", None);
        check("a@p\u{430}ypal.example", Some("mixed-script"));
        check("a\u{430}@paypal.example", Some("bad-address"));
        assert!(parse_with("a@p\u{430}ypal.example", Rules { unicode: true }).is_ok());
        let fault = parse_with("a@p\u{430}ypal.example", Rules::default()).unwrap_err();
        assert!(fault.message.contains("U+0430") && fault.message.contains("xn--"), "{}", fault.message);
    }

    #[test]
    fn spaces_around_an_international_address_are_nothing() {
        for text in ["a@kühlhaus.example ", " a@kühlhaus.example", "a@kühlhaus.example\u{a0}", "\ta@почта.example \u{3000}"] {
            assert!(parse_with(text, Rules::default()).is_ok(), "{text:?}");
        }
        assert!(parse_with("a@почта\u{3002}example", Rules::default()).is_ok());
    }

    #[test]
    fn what_is_wrong_is_told_with_the_way_out() {
        let check = |text: &str, message: &str, help: &str| {
            let fault = parse_with(text, Rules::default()).unwrap_err();
            assert_eq!(fault.rule.code, "bad-address", "{text}");
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert!(fault.help.as_ref().unwrap().contains(help), "{text}: {:?}", fault.help);
        };
        check("a@x.example; b@y.example", "contains 2 addresses", "its own row");
        check("a@x.example, b@y.example", "contains 2 addresses", "its own row");
        check("a@x.example b@y.example;c@z.example", "contains 3 addresses", "its own row");
        check("Sample Person <a@b.example>", "contains a name as well as an address", "write `a@b.example` here, and `Sample Person`");
        check("\"Person, Sample\" <a@b.example>", "contains a name as well as", "`Person, Sample` in the column `name`");
        check("a@b.example (Sample Person)", "contains a name as well as", "write `a@b.example` here");
        check("<a@b.example>", "a single plain", "write `a@b.example`");
        check("mailto:a@b.example", "a single plain", "write `a@b.example`");
        check("a@kühlhaus.example.", "it ends with a dot", "write `a@kühlhaus.example`");
        check("a@b.example;", "a single plain", "write `a@b.example`");
        check("a\u{a0}b@c.example", "the space U+00A0", "one plain address");
        check("a@b.example\u{200b}", "the invisible character U+200B", "write `a@b.example`");
        check("a@kühl\u{200d}haus.example", "the invisible character U+200D", "write `a@kühlhaus.example`");
        check("a b@c.example", "it contains a space", "one plain address");
        check("someone", "it has no `@`", "one plain address");
    }

    #[test]
    fn samples() {
        let check = |text: &str, expected: bool| assert_eq!(is_sample(&parse(text).unwrap()), expected, "{text}");
        for sample in ["a@b.example", "a@B.Test", "a@x.y.invalid", "a@b.localhost", "a@example.org", "a@mail.EXAMPLE.com"] {
            check(sample, true);
        }
        for real in ["a@freshtrackpro.com", "a@myexample.org", "a@example.org.uk", "a@test.de", "a@example.io"] {
            check(real, false);
        }
    }

    #[test]
    fn senders() {
        let sender = Sender::parse("FreshTrack Pro <support@freshtrackpro.com>").unwrap();
        assert_eq!(sender.mailbox.to_string(), "FreshTrack Pro <support@freshtrackpro.com>");
        let name = |text: &str| Sender::parse(text).unwrap().mailbox.name;
        assert_eq!(name("ACME \"Pro\" <a@b.example>").as_deref(), Some("ACME \"Pro\""));
        assert_eq!(name("\"A\" and \"B\" <a@b.example>").as_deref(), Some("\"A\" and \"B\""));
        assert_eq!(name("\"Last, First\" <a@b.example>").as_deref(), Some("Last, First"));
        assert_eq!(name("\"A \\\"B\\\"\" <a@b.example>").as_deref(), Some("A \"B\""));
        assert!(Sender::parse("x").is_err());
        assert!(Sender::parse("Evil\r\nBcc: x <a@b.example>").is_err());
    }
}
