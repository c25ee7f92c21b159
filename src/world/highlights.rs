//! The tokens of code, cached in `.runsheet/` from one build to the next.
//!
//! The cache has only lengths and classes: whoever changes the file, such as another job that shares it, can change only colours.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kept;
use crate::error::Result;
use crate::highlight::{FORM, Highlights, Key, Token, Tokens};

/// The beginning of the file: its type, and the version of the tokens.
fn head() -> Vec<u8> {
    format!("runsheet highlights {} {FORM}\n", env!("CARGO_PKG_VERSION")).into_bytes()
}

/// More bytes than a large site needs.
const MOST_KEPT: u64 = 256 << 20;

fn path(root: &Path) -> PathBuf {
    root.join(".runsheet/highlights")
}

/// The tokens that the last build has kept; empty if there are none, or if the file is damaged.
pub fn read(root: &Path) -> Highlights {
    kept::read(&path(root), MOST_KEPT).and_then(|bytes| decode(&bytes)).unwrap_or_default()
}

/// Keeps the tokens that a build has used, in one step.
pub fn keep(root: &Path, highlights: &Highlights) -> Result<()> {
    kept::replace(&path(root), &encode(highlights))
}

/// Head, hash of the rest, then for each block its key, the number of its tokens, and for each token its class, or 0, and its length.
/// Numbers have four bytes, little-endian.
fn encode(highlights: &Highlights) -> Vec<u8> {
    let mut blocks = Vec::new();
    for (key, Tokens(tokens)) in highlights.0.iter().map(|(key, tokens)| (key, &**tokens)) {
        let Ok(count) = u32::try_from(tokens.len()) else { continue };
        blocks.extend_from_slice(key);
        blocks.extend_from_slice(&count.to_le_bytes());
        for Token { class, length } in tokens {
            blocks.push(class.and_then(|class| u8::try_from(class).ok()).unwrap_or(0));
            blocks.extend_from_slice(&length.to_le_bytes());
        }
    }
    let mut bytes = head();
    bytes.extend_from_slice(blake3::hash(&blocks).as_bytes());
    bytes.extend_from_slice(&blocks);
    bytes
}

/// `None` for a file of another version, or one that is damaged.
fn decode(bytes: &[u8]) -> Option<Highlights> {
    let (hash, mut blocks) = bytes.strip_prefix(&*head())?.split_at_checked(blake3::OUT_LEN)?;
    if blake3::hash(blocks).as_bytes() != hash {
        return None;
    }
    let mut highlights = Highlights::default();
    while !blocks.is_empty() {
        let (key, rest) = blocks.split_first_chunk::<{ size_of::<Key>() }>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (tokens, rest) = rest.split_at_checked((u32::from_le_bytes(*count) as usize).checked_mul(5)?)?;
        let tokens = tokens
            .as_chunks::<5>()
            .0
            .iter()
            .map(|[class, length @ ..]| Token { class: (*class > 0).then(|| char::from(*class)), length: u32::from_le_bytes(*length) });
        highlights.0.insert(*key, Arc::new(Tokens(tokens.collect())));
        blocks = rest;
    }
    Some(highlights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_what_is_damaged_is_not() {
        let mut highlights = Highlights::default();
        let tokens = Tokens(vec![Token { class: Some('k'), length: 2 }, Token { class: None, length: 70_000 }]);
        highlights.0.insert([7; 16], Arc::new(tokens));
        highlights.0.insert([9; 16], Arc::default());
        let bytes = encode(&highlights);
        assert_eq!(decode(&bytes).unwrap().0, highlights.0);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(decode(&damaged).is_none(), "byte {at}");
            assert!(decode(&bytes[..at]).is_none(), "cut at {at}");
        }
    }
}
