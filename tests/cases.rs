//! Runs every project below `tests/cases/` and compares what a user would see with its `expected.snap`.
//!
//! A case is a folder with a small complete project, and:
//! - `command` (optional): one command line a line; `build` without it
//! - `show` (optional): files whose text belongs to what is seen; of a page only its `<main>`
//! - `files` (optional, empty): the list of files holds what every site has for its host, too
//! - `expected.snap`: exit codes, what was said, the files that were written
//!
//! `RUNSHEET_BLESS=1 cargo test --test cases` rewrites the snapshots: read them before you commit them.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rayon::prelude::*;
use similar::TextDiff;

/// What every site holds for its host and for search engines, which is a matter of few cases.
const FOR_HOSTS: [&str; 7] = [
    "public/.nojekyll",
    "public/_headers",
    "public/_redirects",
    "public/robots.txt",
    "public/sitemap.xml",
    "public/feed.xml",
    "public/changes.xml",
];

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let is_rewritten = env::var_os("RUNSHEET_BLESS").is_some();
    if is_rewritten && env::var_os("CI").is_some() {
        println!("RUNSHEET_BLESS is refused where CI is set: a snapshot is rewritten and read by a person");
        return ExitCode::FAILURE;
    }
    let filter = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).expect("tests/cases").map(|entry| entry.expect("an entry").path()).collect();
    cases.retain(|case| case.is_dir());
    cases.retain(|case| filter.as_ref().is_none_or(|filter| name(case).contains(filter.as_str())));
    cases.sort();
    let faults: Vec<Option<String>> = cases.par_iter().map(|case| judge(case, is_rewritten)).collect();
    let failed: Vec<(&PathBuf, String)> = cases.iter().zip(faults).filter_map(|(case, fault)| Some((case, fault?))).collect();
    for (case, fault) in &failed {
        println!("failed: {}\n{fault}", name(case));
    }
    let result = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out",
        cases.len() - failed.len(),
        failed.len()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn name(case: &Path) -> String {
    case.file_name().expect("a name").to_string_lossy().into_owned()
}

/// How what is seen differs from the snapshot; `None`: it does not.
fn judge(case: &Path, is_rewritten: bool) -> Option<String> {
    let seen = run(case);
    let snapshot = case.join("expected.snap");
    if is_rewritten {
        fs::write(&snapshot, &seen).expect("the snapshot");
        return None;
    }
    let expected = fs::read_to_string(&snapshot).unwrap_or_default();
    (seen != expected).then(|| TextDiff::from_lines(&expected, &seen).unified_diff().header("expected", "seen").to_string())
}

/// What a user sees of a case.
fn run(case: &Path) -> String {
    let place = tempfile::tempdir().expect("a temporary folder");
    let project = place.path().join("project");
    copy(case, &project);
    let commands = fs::read_to_string(case.join("command")).unwrap_or_else(|_| "build\n".to_owned());
    let mut seen = String::new();
    for line in commands.lines().filter(|line| !line.trim().is_empty()) {
        let output = Command::new(env!("CARGO_BIN_EXE_runsheet"))
            .args(line.split_whitespace())
            .args(["--offline", "--color", "never"])
            .args(if line.contains("--now") { [].as_slice() } else { ["--now", "2026-11-22T12:00:00Z"].as_slice() })
            .current_dir(&project)
            .env_clear()
            .output()
            .expect("the program runs");
        let _ = writeln!(seen, "$ runsheet {line}\nexit {}", output.status.code().unwrap_or(-1));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let text = String::from_utf8_lossy(bytes);
            let root = fs::canonicalize(&project).expect("the project");
            let text = text.replace(&*root.to_string_lossy(), "PROJECT").replace(&*project.to_string_lossy(), "PROJECT");
            if !text.is_empty() {
                let _ = writeln!(seen, "--- {name}\n{}", text.trim_end());
            }
        }
        seen.push('\n');
    }
    seen.push_str("--- files\n");
    for folder in ["public", "outbox"] {
        let mut files = Vec::new();
        list(&project.join(folder), folder, &mut files);
        files.sort();
        // Names of the theme's files hold a part of their hash, which is no matter of the case.
        files.retain(|file| !file.starts_with("public/assets/"));
        // tests/it/search.rs looks at the index of the search.
        files.retain(|file| !file.starts_with("public/search/"));
        files.retain(|file| !file.ends_with("/.runsheet-outbox"));
        files.retain(|file| case.join("files").exists() || !FOR_HOSTS.contains(&file.as_str()));
        seen.extend(files.into_iter().map(|file| file + "\n"));
    }
    let show = fs::read_to_string(case.join("show")).unwrap_or_default();
    for file in show.lines().filter(|line| !line.trim().is_empty()) {
        let text = fs::read_to_string(project.join(file)).unwrap_or_else(|error| format!("({error})"));
        let _ = write!(seen, "\n--- {file}\n{}\n", main_part(&text));
    }
    seen
}

/// The main part of a page without the frame of the theme; other texts whole.
fn main_part(text: &str) -> &str {
    let Some(start) = text.find("<h1") else { return text.trim_end() };
    let end = text.find("<nav class=\"turn\"").or_else(|| text.find("</main>")).unwrap_or(text.len());
    text[start..end].trim_end()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a type");
        let target = to.join(entry.file_name());
        if kind.is_symlink() {
            let link = fs::read_link(entry.path()).expect("a link");
            std::os::unix::fs::symlink(link, target).expect("a link");
        } else if kind.is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(&entry.path(), &path, files);
        } else {
            files.push(path);
        }
    }
}
