//! The seeds of the fuzzer, each given once to its target: `scripts/fuzz` continues from them.
#![allow(clippy::disallowed_methods, reason = "a test reads files")]

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn configuration() {
    judge("configuration", targets::configuration);
}

#[test]
fn ledger() {
    judge("ledger", targets::ledger);
}

#[test]
fn markdown() {
    judge("markdown", targets::markdown);
}

#[test]
fn paths() {
    judge("paths", targets::paths);
}

#[test]
fn recipients() {
    judge("recipients", targets::recipients);
}

#[test]
fn smtp() {
    judge("smtp", targets::smtp);
}

#[test]
fn status() {
    judge("status", targets::status);
}

#[test]
fn times() {
    judge("times", targets::times);
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
