//! The mails of the sample project, checked with Python's mail parser and against Python's time zones.
#![allow(clippy::disallowed_methods, reason = "a test starts the program and reads what it wrote")]

use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::civil::DateTime;
use jiff::{Span, Zoned};
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn every_mail_is_what_it_should_be() {
    let identifiers = [(); 2].map(|()| {
        let project = built_project();
        check_outbox(project.path())
    });
    let count = identifiers[0].as_object().map_or(0, serde_json::Map::len);
    assert!(count > 0, "there are mails");
    assert_eq!(identifiers[0], identifiers[1], "a Message-ID is the same in every build");
}

/// The check itself works: it detects a broken mail.
#[test]
fn a_broken_mail_is_found() {
    let project = built_project();
    let folder = fs::read_dir(project.path().join("outbox/advance")).expect("the mailing is there");
    let paths = folder.map(|entry| entry.expect("it can be read").path());
    let mut mails = paths.filter(|path| path.extension().is_some_and(|ending| ending == "eml")).map(|path| {
        let text = fs::read_to_string(&path).expect("a mail is 7 bit");
        (path, text)
    });
    let (mail, text) = mails.find(|(_, text)| text.contains("Hello")).expect("it has mails in English");
    let check = |name: &str, broken: String, expected: &str| {
        assert_ne!(broken, text, "{name}: the mail is changed");
        fs::write(&mail, broken).expect("the mail can be written");
        let output = run_check(project.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{name}: {said}");
    };
    check("bare line ends", text.replace("\r\n", "\n"), "line ends");
    check("a variable", text.replacen("Hello", "{{ r.name }}", 1), "left over");
    check("a placeholder", text.replacen("Hello", "[DATE/TIME]", 1), "left over");
    check("another day", text.replacen("\r\nDate: ", "\r\nDate: Fri, 01 Jan 2027 00:00:00 +0000\r\nX-Was: ", 1), "Date is");
    check("another time", text.replace("Feb 2027", "Mar 2027"), "start time");
    check("another name", text.replacen("\r\nTo: ", "\r\nTo: Nobody <nobody@example.org>\r\nX-Was: ", 1), "recipients");
    check("one part", text.replacen("multipart/alternative", "multipart/mixed", 1), "multipart/mixed");
    check("no date", text.replacen("\r\nDate: ", "\r\nX-Was: ", 1), "headers date");
    check("a defect", text.replace("=_", "=-").replacen("=-", "=_", 1), "defect");
    check("eight bits", text.replacen("Hello", "Hallö", 1), "7 bit");
    check("a long line", text.replacen("Hello", &"Hello".repeat(250), 1), "998");
}

/// Recipient tables that nobody should send, see tests/hostile_recipients.py.
#[test]
fn hostile_recipients_become_no_other_mails() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile_recipients.py");
    let output = Command::new("python3").arg(program).arg(env!("CARGO_BIN_EXE_runsheet")).output().expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// After killing a merge, there is either the old file or the complete new one.
#[test]
fn a_killed_merge_leaves_the_old_mbox_or_the_new_one() {
    const ROUNDS: u32 = 12;
    let folder = sample(str::to_owned);
    let root = folder.path();
    let tables = ["one", "two"].map(|word| {
        let rows: String = (0..600).map(|number| format!("{word}{number}@customer.example,{word},UTC,org\n")).collect();
        let path = root.join(format!("{word}.csv"));
        fs::write(&path, format!("email,name,zone,org\n{rows}")).expect("a file");
        path
    });
    let target = root.join("out.mbox");
    let merge = |table: &Path| {
        let mut command = program();
        command.current_dir(root).args(["--offline", "--quiet", "notice", "merge", "advance", "--all", "--recipients"]);
        command.arg(table).arg("--to").arg(&target).spawn().expect("the program starts")
    };
    let mut whole = Vec::new();
    let mut duration = std::time::Duration::ZERO;
    for table in &tables {
        let begin = std::time::Instant::now();
        assert!(merge(table).wait().expect("it ends").success());
        duration = begin.elapsed();
        whole.push(fs::read(&target).expect("the mbox"));
    }
    let mut killed = 0;
    for round in 0..ROUNDS {
        let mut child = merge(&tables[round as usize % 2]);
        let end = std::time::Instant::now() + duration * round / ROUNDS;
        while let Some(left) = end.checked_duration_since(std::time::Instant::now()).filter(|left| !left.is_zero()) {
            std::thread::park_timeout(left);
        }
        child.kill().expect("it is our child");
        killed += usize::from(!child.wait().expect("it ends").success());
        let found = fs::read(&target).expect("the mbox");
        assert!(whole.contains(&found), "round {round}: a mixture of {} octets", found.len());
    }
    assert!(killed >= ROUNDS as usize / 2, "only {killed} merges were killed");
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
    for name in ["SOURCE_DATE_EPOCH", "RUNSHEET_MESSAGE_ID_KEY", "RUNSHEET_UNSUBSCRIBE_KEY"] {
        command.env_remove(name);
    }
    command
}

/// A copy of the sample, with another configuration.
fn sample(change: impl Fn(&str) -> String) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status =
        Command::new("cp").arg("-r").args(["content", "examples", "docker"].map(|name| root.join(name))).arg(folder.path()).status();
    assert!(status.expect("cp starts").success());
    fs::copy(root.join("compose.production.yaml"), folder.path().join("compose.production.yaml")).expect("a copy");
    let config = fs::read_to_string(root.join("runsheet.toml")).expect("the configuration");
    fs::write(folder.path().join("runsheet.toml"), change(&config)).expect("a file");
    folder
}

/// The output of a mailing on standard output, with another configuration.
fn mbox(arguments: &[&str], change: impl Fn(&str) -> String) -> String {
    let folder = sample(change);
    let output = program().args(["--offline", "notice", "merge"]).args(arguments).args(["--to", "-"]).current_dir(folder.path()).output();
    let output = output.expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("7 bit")
}

#[test]
fn two_runs_give_the_same_bytes() {
    let as_it_is = |config: &str| config.to_owned();
    let first = mbox(&["advance"], as_it_is);
    assert!(first.matches("\nFrom ").count() == 11, "twelve messages");
    assert_eq!(first, mbox(&["advance"], as_it_is), "a second run");
    assert_eq!(first, mbox(&["advance", "--jobs", "1"], as_it_is), "on one core");
}

#[test]
fn a_message_id_belongs_to_its_campaign() {
    let ids = |mail: String| -> Vec<String> {
        mail.lines().filter_map(|line| line.strip_prefix("Message-ID: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = ids(mbox(&["advance"], str::to_owned));
    assert_eq!(first.len(), 12);
    // Changes that are allowed between two attempts of one campaign.
    for (what, change) in [("T-0", "2027-02-20T02:00:00"), ("a text", "")] {
        let changed = ids(mbox(&["advance"], |config| {
            let config = if change.is_empty() {
                config.replace("gateway_buffer = \"6\"\n", "gateway_buffer = \"7\"\n")
            } else {
                config.replace("2027-02-13T02:00:00", change)
            };
            assert!(!config.contains("gateway_buffer = \"6\"\n") || (!change.is_empty() && config.contains(change)));
            config
        }));
        assert_eq!(changed, first, "{what}");
    }
    // Neither do the site's address and the event.
    let cosmetic = [
        ids(mbox(&["advance"], |config| config.replace("https://docs.freshtrackpro.com/\"", "https://other.example/\""))),
        ids(mbox(&["advance"], |config| {
            let event = &config[config.find("[events.cutover]").expect("the event")..config.find("[links]").expect("the links")];
            format!("{}\n{}", config.replace("event = \"cutover\"", "event = \"other\""), event.replace("events.cutover", "events.other"))
        })),
    ];
    for same in cosmetic {
        // The domain after the `@` is the sender's.
        assert_eq!(same, first);
    }
    let others = [
        ids(mbox(&["announce"], str::to_owned)),
        ids(mbox(&["advance"], |config| config.replace("id = \"advance\"", "id = \"advance\"\nrevision = 2"))),
        ids(mbox(&["advance"], |config| config.replace("id = \"freshtrack-pro-operations\"", "id = \"another-site\""))),
    ];
    for other in others {
        assert_eq!(other.len(), 12);
        assert!(other.iter().all(|id| !first.contains(id)), "another campaign, the same Message-ID");
    }
}

/// Checks all mails with the Python program; returns the Message-ID of each.
fn check_outbox(root: &Path) -> Value {
    let output = run_check(root);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the program writes JSON")
}

fn run_check(root: &Path) -> std::process::Output {
    let expected = root.join("expected.json");
    fs::write(&expected, expectation(root).to_string()).expect("a file");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail_check.py");
    let output = Command::new("python3").arg(program).arg(root.join("outbox")).arg(expected).output();
    output.expect("python3 is needed for this test: install it")
}

fn built_project() -> TempDir {
    let folder = crate::sample::copy();
    let output = program().args(["build", "--offline"]).current_dir(folder.path()).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// The configuration's promises, read without the library.
fn expectation(root: &Path) -> Value {
    let config = fs::read_to_string(root.join("runsheet.toml")).expect("the project has a configuration");
    let event = tables(&config, "[events.cutover]").next().expect("the event of the sample");
    let t0: DateTime = value(event, "t0").parse().expect("a time");
    let t0 = t0.in_tz(&value(event, "time_zone")).expect("a zone");
    let mailings = tables(&config, "[[mailings]]").map(|mailing| {
        json!({
            "id": value(mailing, "id"),
            "recipients": root.join(value(mailing, "recipients")),
            "when": at(&t0, &value(mailing, "when")).timestamp().to_string(),
        })
    });
    json!({ "start": t0.timestamp().to_string(), "names_start": "advance", "mailings": mailings.collect::<Vec<_>>() })
}

/// The lines of each table of a name, up to the next table.
fn tables<'a>(config: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = config.split("\n[").filter_map(|table| table.split_once('\n'));
    all.filter(move |(header, _)| name.strip_prefix('[') == Some(header)).map(|(_, lines)| lines)
}

fn value(table: &str, key: &str) -> String {
    let line = table.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
    line.unwrap_or_else(|| panic!("`{key}` is in:\n{table}")).trim().trim_matches('"').to_owned()
}

/// T-0 moved by an offset such as `T-48h` or `T-14d`.
fn at(t0: &Zoned, offset: &str) -> Zoned {
    let moved = offset.strip_prefix('T').expect("an offset begins with T");
    if moved == "-0" {
        return t0.clone();
    }
    let span: Span = moved.trim_start_matches('+').parse().expect("a length");
    t0.checked_add(span).expect("a time in range")
}

#[test]
fn offsets_are_read_as_people_do() {
    let t0: Zoned = "2027-02-13T02:00[Europe/London]".parse().expect("a time");
    let check = |offset: &str, expected: &str| assert_eq!(at(&t0, offset).timestamp().to_string(), expected, "{offset}");
    check("T-0", "2027-02-13T02:00:00Z");
    check("T-14d", "2027-01-30T02:00:00Z");
    check("T+2h30m", "2027-02-13T04:30:00Z");
    check("T-48h", "2027-02-11T02:00:00Z");
}
