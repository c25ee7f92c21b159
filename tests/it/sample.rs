//! The project in this repository, copied for a test that builds or breaks it.
#![allow(clippy::disallowed_methods, reason = "a test copies files")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Parts of the repository that do not belong to the project's sources.
const NOT_COPIED: [&str; 12] =
    [".git", ".env", ".runsheet", "bench", "findings", "fuzz", "outbox", "private", "public", "scripts", "target", "tests"];

/// A copy in a folder of its own.
pub fn copy() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for the copy");
    copy_to(folder.path());
    folder
}

/// A copy in this folder, which is created if necessary.
pub fn copy_to(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder for the copy");
    let names = fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the project").map(|entry| entry.expect("it can be read"));
    let sources = names.filter(|entry| !NOT_COPIED.contains(&&*entry.file_name().to_string_lossy())).map(|entry| entry.path());
    let status = Command::new("cp").arg("-r").args(sources).arg(folder).status();
    assert!(status.expect("cp starts").success(), "the project is copied");
}
