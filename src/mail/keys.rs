//! A sender's keys, and the hashes made with them.

/// Keys from the environment; without a key, hashes are plain.
#[derive(Clone, Default)]
pub struct Keys {
    pub message_id: Option<String>,
    pub unsubscribe: Option<String>,
}

/// BLAKE3 over campaign and address, as 40 hexadecimal digits.
pub fn hash(key: Option<&str>, purpose: &str, campaign: &str, address: &str) -> String {
    let text = format!("{purpose}\n{campaign}\n{address}");
    let hash = match key {
        Some(key) => blake3::keyed_hash(&blake3::derive_key("runsheet message key", key.as_bytes()), text.as_bytes()),
        None => blake3::hash(text.as_bytes()),
    };
    hash.to_hex()[..40].to_owned()
}
