//! Mail addresses: of senders, and of recipients as they come from a table.

use lettre::Address;
use lettre::message::Mailbox;

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
            return Err(format!("a sender cannot hold the control character U+{:04X}", u32::from(c)));
        }
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
            None => ("", text),
        };
        let address = parse(address)?;
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Sender { mailbox: Mailbox::new(name, address) })
    }

    /// The domain after the `@`, for Message-IDs.
    pub fn domain(&self) -> &str {
        self.mailbox.email.domain()
    }
}

/// Reads one address as a table holds it: one mailbox, no comment, no list. The domain becomes ASCII (IDNA, UTS 46).
///
/// RFC 5321 §4.5.3.1 bounds the local part to 64 and the whole to 254 octets.
pub fn parse(text: &str) -> Result<Address, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("there is no address".to_owned());
    }
    let wrong = |why: &str| Err(format!("`{}` is not a mail address: {why}", crate::diagnostic::visible(text)));
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || is_invisible(c)) {
        return wrong("it holds a space, a control or an invisible character");
    }
    if text.contains([',', ';', '<', '>', '(', ')', '"', '[', ']', '\\', ':']) {
        return wrong("it must be one plain `local@domain`");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return wrong("there is no `@`") };
    if local.contains('@') {
        return wrong("there is more than one `@`");
    }
    if local.is_empty() || local.len() > 64 {
        return wrong("the part before the `@` must have 1 to 64 octets");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return wrong("dots before the `@` must stand between other characters");
    }
    if !local.is_ascii() {
        return wrong("only the domain may hold letters beyond ASCII");
    }
    let Ok(ascii) = idna::domain_to_ascii_strict(domain) else { return wrong("the domain cannot be written in ASCII") };
    let labels: Vec<&str> = ascii.split('.').collect();
    let legal = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if labels.len() < 2 || !labels.iter().all(legal) {
        return wrong("the domain must be names with dots between them");
    }
    if labels.last().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit())) {
        return wrong("the domain is a number");
    }
    if local.len() + 1 + ascii.len() > 254 {
        return wrong("it is longer than 254 octets");
    }
    Address::new(local, &ascii).map_err(|error| format!("`{text}` is not a mail address: {error}"))
}

/// The key by which two rows are the same recipient: the domain in lower case and ASCII. Local parts keep their case.
pub fn key(address: &Address) -> String {
    format!("{}@{}", address.user(), address.domain().to_ascii_lowercase())
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
    fn senders() {
        let sender = Sender::parse("FreshTrack Pro <support@freshtrackpro.com>").unwrap();
        assert_eq!(sender.mailbox.to_string(), "FreshTrack Pro <support@freshtrackpro.com>");
        assert!(Sender::parse("x").is_err());
        assert!(Sender::parse("Evil\r\nBcc: x <a@b.example>").is_err());
    }
}
