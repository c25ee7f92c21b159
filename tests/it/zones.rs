//! The time zone rules: where they come from, and the messages if other rules are known elsewhere.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs;
use std::process::Command;
use std::time::Duration;

use runsheet::notice::ledger::{Entry, Plan, Planned, State};
use runsheet::notice::reply::Reply;
use runsheet::world::ledger::Ledger;
use runsheet::world::ledger::plan::Particulars;
use runsheet::world::ledger::sqlite::InFile;

use crate::project::Project;

const CONFIG: &str = "[site]\ntitle = \"A site\"\nid = \"a-site\"\n\n[events.move]\nname = \"The move\"\nt0 = 2027-02-13T02:00:00\n\
    time_zone = \"America/Vancouver\"\nwindow = \"2h\"\n\n[notices]\nfrom = \"Team <team@sample.example>\"\n\n\
    [[mailings]]\nid = \"advance\"\nnotice = \"advance\"\nrecipients = \"people.csv\"\n\n\
    [[mailings]]\nid = \"reminder\"\nnotice = \"advance\"\nrecipients = \"people.csv\"\n\n\
    [smtp]\nhost = \"127.0.0.1\"\nport = 1\nledger = \"ledger.sqlite\"\n";

fn project() -> Project {
    Project::new(&[
        ("runsheet.toml", CONFIG),
        ("content/index.md", "# Home\n"),
        ("content/notices.md", "---\nkind: notices\n---\n# Notices\n\n## Advance\n\n**Subject:** The move\n\nHello.\n"),
        ("people.csv", "email\na@customer.example\n"),
    ])
}

/// The output of a dry run, with the system's zones in this folder.
fn dry_run(project: &Project, zones: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
    command.args(["notice", "send", "reminder", "--dry-run"]).current_dir(project.root());
    let output = command.env("TZDIR", zones).env("XDG_STATE_HOME", project.root().join("state")).output().expect("the program starts");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn version(zones: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_runsheet")).arg("--version").env("TZDIR", zones).output().expect("the program starts");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn newer_rules_of_the_system_are_said() {
    let project = project();
    let folder = project.root().join("zoneinfo");
    fs::create_dir_all(&folder).expect("a folder");
    let zones = folder.to_str().expect("a path");
    let own = "runsheet 0.1.0 (tzdata 2026f)\n";
    let check = |name: &str, text: &str, newer: Option<&str>| {
        fs::write(folder.join(name), text).expect("a file");
        let said = newer.map_or_else(String::new, |newer| format!("this system has the newer tzdata {newer}\n"));
        assert_eq!(version(zones), format!("{own}{said}"), "{name} {text:?}");
        let told = dry_run(&project, zones);
        assert!(told.contains("\n  zones     tzdata 2026f"), "{told}");
        assert_eq!(told.contains("this system has the newer"), newer.is_some(), "{text:?}: {told}");
        fs::remove_file(folder.join(name)).expect("it is there");
    };
    check("tzdata.zi", "# version 2025b\n# redo\n", None);
    check("tzdata.zi", "# version 2026f\n", None);
    check("tzdata.zi", "# version 2027a\n", Some("2027a"));
    check("+VERSION", "2026g\n", Some("2026g"));
    // Text that is not the name of a release is not repeated.
    check("tzdata.zi", "# version 2027a\u{1b}[2J\n", None);
    check("tzdata.zi", "", None);
    check("other", "", None);
}

/// A mailing was planned, and reached a recipient, by a program with other rules.
#[test]
fn a_zone_with_other_rules_since_the_last_mailing_is_said() {
    let check = |written: Option<&str>, t0: &str, expected: &str| {
        let project = project();
        let store = InFile::to_send(&project.root().join("ledger.sqlite")).expect("a ledger");
        let mut ledger = Ledger::new(Box::new(store), "[\"a-site\",\"advance\",0]", "sender", Duration::from_secs(60));
        let plan = Plan {
            campaign: ledger.campaign().to_owned(),
            hash: "plan".to_owned(),
            frozen: "2026-02-11T02:00:00Z".parse().expect("a time"),
            subject: "The move".to_owned(),
            amended: 0,
            begun_as: None,
        };
        let planned = Planned { key: "a@customer.example".to_owned(), message_id: "<a@x>".to_owned(), hash: "content".to_owned() };
        let particulars = Particulars {
            who: "somebody",
            event: Some("move".to_owned()),
            t0: Some(t0.parse().expect("a time")),
            clock: written.map(|written| (written.to_owned(), "2025b".to_owned())),
            ..Particulars::default()
        };
        ledger.freeze(&plan, &[planned], &particulars).expect("it is frozen");
        let claim = ledger.claim(&["a@customer.example".to_owned()], 1).expect("it is claimed").remove(0);
        let entry = Entry::Settle { claim, state: State::Accepted, reply: Reply::new(250, "2.0.0 Ok"), due: Duration::ZERO };
        ledger.record(&[entry]).expect("it is recorded");
        drop(ledger);
        let told = dry_run(&project, "");
        let lines: Vec<&str> = told.lines().filter(|line| line.starts_with("  rules") || line.starts_with("  moved")).collect();
        assert_eq!(lines.join("\n"), expected, "{told}");
    };
    let then = "America/Vancouver is UTC-7 at T-0 in tzdata 2026f, but was UTC-8 in 2025b when `advance` was sent";
    check(
        Some("2027-02-13T02:00:00-08:00[America/Vancouver]"),
        "2027-02-13T10:00:00Z",
        &format!("  rules     {then}: T-0 was 2027-02-13T10:00:00Z, but is now 2027-02-13T09:00:00Z"),
    );
    // The moment is the same, but its readers know another local time.
    check(
        Some("2027-02-13T01:00:00-08:00[America/Vancouver]"),
        "2027-02-13T09:00:00Z",
        &format!("  rules     {then}: its readers were given a different local time"),
    );
    check(Some("2027-02-13T02:00:00-07:00[America/Vancouver]"), "2027-02-13T09:00:00Z", "");
    let moved = "  moved     T-0 was Sat 13 Feb 2027, 03:00 MST when `advance` was sent, but is Sat 13 Feb 2027, 02:00 MST here";
    check(Some("2027-02-13T03:00:00-07:00[America/Vancouver]"), "2027-02-13T10:00:00Z", moved);
    check(Some("2027-02-13T10:00:00+00:00[Europe/London]"), "2027-02-13T10:00:00Z", moved);
    // An older version did not record it.
    check(None, "2027-02-13T10:00:00Z", moved);
}

#[test]
fn a_zone_is_called_as_it_is_written() {
    let project = project();
    project.write("runsheet.toml", CONFIG.replace("America/Vancouver", "Europe/Kyiv"));
    project.write("content/sheet.md", "---\nkind: run-sheet\n---\n# Sheet\n\n## T-0: Go\n\n- [ ] Go\n");
    let output = project.command(&["build", "--site-only"]).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = project.read("public/sheet.html");
    assert!(page.contains("\"zone\":\"Europe/Kyiv\"") && !page.contains("Kiev"), "{page}");
}
