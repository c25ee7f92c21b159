//! The seal of an exported ledger: a code that only the holder of a key can make (RFC 2104, with SHA-256).

use ring::hmac;

/// Seals texts with a key.
pub struct Seal(hmac::Key);

impl Seal {
    pub fn new(key: &[u8]) -> Seal {
        Seal(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The code of a text, as 64 hexadecimal digits.
    pub fn text(&self, text: &str) -> String {
        hmac::sign(&self.0, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The code of a row together with the code of the row before it.
    pub fn row(&self, before: &str, cells: &[String]) -> String {
        self.text(&serde_json::json!([before, cells]).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        // RFC 4231 §4.3
        let seal = Seal::new(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(seal.text("what do ya want for nothing?"), expected);
        let row = |before: &str, cells: &[&str]| seal.row(before, &cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
        assert_eq!(row("", &["a", "b"]), row("", &["a", "b"]));
        assert_ne!(row("", &["a", "b"]), row("", &["ab", ""]));
        assert_ne!(row("", &["a"]), row("x", &["a"]));
    }
}
