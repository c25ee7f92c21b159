//! `runsheet init` creates a project that builds cleanly, even with documents as people have them: without front matter,
//! with escaped backticks, broken encodings and placeholders.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn runsheet(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_runsheet")).args(arguments).arg("--offline").current_dir(folder).output().expect("the program runs")
}

fn new_project() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    let made = runsheet(place.path(), &["init", "project"]);
    assert!(made.status.success(), "{made:?}");
    place
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_new_project_builds_without_a_warning() {
    let place = new_project();
    let project = place.path().join("project");
    for command in ["build", "check"] {
        let output = runsheet(&project, &[command, "--deny-warnings"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    assert!(project.join("public/index.html").is_file());
    assert!(project.join("public/checklist.html").is_file());
    assert!(project.join("outbox").is_dir());
    assert!(project.join(".gitignore").is_file());
}

#[test]
fn init_overwrites_nothing() {
    let place = new_project();
    let project = place.path().join("project");
    fs::write(project.join("content/index.md"), "# Mine\n").expect("a page");
    let again = runsheet(place.path(), &["init", "project"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    assert_eq!(fs::read_to_string(project.join("content/index.md")).expect("the page"), "# Mine\n");
}

#[test]
fn first_versions_build_and_check_tells_what_is_wrong_with_them() {
    let place = new_project();
    let project = place.path().join("project");
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/seed");
    fs::create_dir_all(project.join("content/docs")).expect("a folder");
    for name in ["CUTOVER_CHECKLIST.md", "PRODUCTION_DEPLOYMENT.md", "USER_NOTICE_TEMPLATE.md"] {
        fs::copy(seed.join(name), project.join("content/docs").join(name)).expect("a document");
    }
    let built = runsheet(&project, &["build"]);
    assert_eq!(built.status.code(), Some(0), "{}", said(&built));
    let checklist = fs::read_to_string(project.join("public/docs/cutover-checklist.html")).expect("the checklist");
    let count = |class: &str| checklist.matches(&format!("<li class=\"{class}\" ")).count();
    assert_eq!(
        [count("task"), count("round-item"), count("alarm")],
        [78, 4, 4],
        "every task once, also those with a second box at their end"
    );
    assert_eq!(checklist.matches("<tr data-round=").count(), 9, "a round every 15 minutes from T+0 to T+2h");
    assert!(checklist.contains("<span class=\"when-offset\">T-48h</span>"));
    assert!(checklist.contains("aria-label=\"organizations\""));

    let checked = runsheet(&project, &["check", "--message-format", "short"]);
    let said = said(&checked);
    assert_eq!(checked.status.code(), Some(0), "{said}");
    for expected in [
        "content/docs/CUTOVER_CHECKLIST.md:30:26: warning[escaped-backtick]",
        "content/docs/PRODUCTION_DEPLOYMENT.md:95:3: warning[escaped-backtick]",
        "content/docs/CUTOVER_CHECKLIST.md:158:18: warning[mojibake-on-page]",
        "warning[step-owner]: no task in this run sheet has an owner",
        "warning[two-boxes]",
        "warning[alarm-threshold]",
        "warning[contacts-blank]: 6 contacts are left blank",
        "content/docs/USER_NOTICE_TEMPLATE.md:13:11: warning[placeholder-on-page]: placeholder left in the text: `[DATE/TIME]`",
        "content/docs/USER_NOTICE_TEMPLATE.md:39:23: warning[placeholder-on-page]: placeholder left in the text: `[LINK]`",
        "content/docs/USER_NOTICE_TEMPLATE.md:80:18: warning[placeholder-on-page]: placeholder left in the text: `[LINK]`",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}
