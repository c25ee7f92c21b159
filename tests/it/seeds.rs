//! The seeds of the fuzzer, each given once to what it looks at: `scripts/fuzz` goes on from them.
#![allow(clippy::disallowed_methods, reason = "a test reads files")]

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn markdown() {
    judge("markdown", |bytes| targets::markdown(&String::from_utf8_lossy(bytes)));
}

#[test]
fn recipients() {
    judge("recipients", targets::recipients);
}

fn judge(name: &str, look: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let seeds: Vec<PathBuf> = fs::read_dir(&folder).expect("the seeds").map(|entry| entry.expect("an entry").path()).collect();
    assert!(seeds.len() > 10, "{} seeds of {name}", seeds.len());
    let broken = |seed: &&PathBuf| {
        let bytes = fs::read(seed).expect("a seed");
        panic::catch_unwind(|| look(&bytes)).is_err()
    };
    let broken: Vec<&PathBuf> = seeds.iter().filter(broken).collect();
    assert!(broken.is_empty(), "{} of {} seeds break something: {broken:?}", broken.len(), seeds.len());
}
