//! Highlighted code, kept in `.runsheet/` from one build to the next.

use std::fs;
use std::path::{Path, PathBuf};

use super::kept;
use crate::error::Result;
use crate::highlight::{FORM, Highlights, Key};

/// What the file begins with: what it is, and how its code was written.
fn head() -> Vec<u8> {
    format!("runsheet highlights {} {FORM}\n", env!("CARGO_PKG_VERSION")).into_bytes()
}

fn path(root: &Path) -> PathBuf {
    root.join(".runsheet/highlights")
}

/// What the last build has kept; nothing if there is none, or if it is not whole.
pub fn read(root: &Path) -> Highlights {
    fs::read(path(root)).ok().and_then(|bytes| decode(&bytes)).unwrap_or_default()
}

/// Keeps what a build has used, in one step.
pub fn keep(root: &Path, highlights: &Highlights) -> Result<()> {
    kept::replace(&path(root), &encode(highlights))
}

/// Head, hash of the rest, then for each block its key, the length of its HTML (little endian), and the HTML.
fn encode(highlights: &Highlights) -> Vec<u8> {
    let mut blocks = Vec::new();
    for (key, html) in &highlights.0 {
        blocks.extend_from_slice(key);
        blocks.extend_from_slice(&u32::try_from(html.len()).unwrap_or(0).to_le_bytes());
        blocks.extend_from_slice(&html.as_bytes()[..u32::try_from(html.len()).map_or(0, |_| html.len())]);
    }
    let mut bytes = head();
    bytes.extend_from_slice(blake3::hash(&blocks).as_bytes());
    bytes.extend_from_slice(&blocks);
    bytes
}

/// `None` for a file of another version, or one that somebody or something has changed.
fn decode(bytes: &[u8]) -> Option<Highlights> {
    let (hash, mut blocks) = bytes.strip_prefix(&*head())?.split_at_checked(blake3::OUT_LEN)?;
    if blake3::hash(blocks).as_bytes() != hash {
        return None;
    }
    let mut highlights = Highlights::default();
    while !blocks.is_empty() {
        let (key, rest) = blocks.split_first_chunk::<{ size_of::<Key>() }>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (html, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        highlights.0.insert(*key, std::str::from_utf8(html).ok()?.into());
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
        highlights.0.insert([7; 16], "<span class=\"k\">ü</span>".into());
        highlights.0.insert([9; 16], "".into());
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
