//! `runsheet init`: a small complete project that builds cleanly.

use std::path::Path;

use include_dir::{Dir, include_dir};

use super::report;
use crate::cli::Global;
use crate::error::{Exit, Result};
use crate::theme::files_below;
use crate::world::{disk, process};

static STARTER: Dir = include_dir!("$CARGO_MANIFEST_DIR/examples/starter");

pub fn run(dir: &Path, global: &Global) -> Result<Exit> {
    let files: Vec<(String, &[u8])> = files_below(&STARTER)
        .into_iter()
        // A cargo package contains no .gitignore below its root, so the file has another name here.
        .map(|file| (file.path().to_string_lossy().replace("gitignore", ".gitignore"), file.contents()))
        .collect();
    let id = process::unlikely_twice();
    let files: Vec<(String, Vec<u8>)> = files.into_iter().map(|(name, bytes)| (name, with_id(bytes, &id))).collect();
    let named: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    disk::write_new(dir, &named)?;
    report::note(global, &format!("created a project in {}", dir.display()));
    report::note(global, "next: runsheet serve    preview the site while you write");
    report::note(global, "      runsheet build    write the site to public/ and the mails to outbox/");
    Ok(Exit::Done)
}

/// The starter's id with a random ending: campaigns of two projects must never share a name.
fn with_id(bytes: &[u8], id: &str) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.replace("our-move-00000000", &format!("our-move-{id}")).into_bytes(),
        Err(_) => bytes.to_vec(),
    }
}
