//! No level lets a fault into a mail: each rule that stops a merge, with its fault planted, at each level, in each command that
//! makes messages.
#![allow(clippy::disallowed_methods, reason = "a test runs the program on real files")]

mod plants;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use runsheet::rule::{self, Stops};

use self::plants::{Place, Plant, plants};
use crate::is_long;

/// A text that is in every message, and nowhere else.
const BODY: &str = "LETTER-OF-THE-MAILING";

/// Commands that make messages. `{to}` is a new folder, `{who}` a recipient.
const COMMANDS: [&str; 9] = [
    "build --offline",
    "notice merge advance --to {to}",
    "notice merge advance --to -",
    "notice preview advance",
    "notice preview advance --to {who} --format eml",
    "notice review advance",
    "notice send advance --dry-run",
    "notice send advance --test me@customer.example --only {who}",
    "notice send advance --yes 2",
];

fn project(folder: &Path, port: u16) {
    fs::create_dir_all(folder.join("content")).expect("a folder");
    let config = format!(
        r#"[site]
id = "levels"
title = "Sample"
base_url = "https://docs.sample.example/"

[events.move]
name = "The move"
t0 = 2099-02-13T02:00:00
time_zone = "Europe/London"
window = "3h"

[links]
status = "https://status.sample.example"

[vars]
reason = "new machines"

[notices]
from = "Sample Team <team@sample.example>"
sample = {{ name = "Sample Person", zone = "Europe/London" }}

[[mailings]]
id = "advance"
notice = "advance"
recipients = "people.csv"

[smtp]
host = "127.0.0.1"
port = {port}
tls = "none"
timeout = "2s"
"#
    );
    let notices = format!(
        r#"---
kind: notices
---
# Notices

## Advance

**Subject:** {{{{ event.name }}}}

Hello {{{{ r.name }}}}, {BODY}: {{{{ vars.reason }}}}, {{{{ event.start | when(zone=r.zone) }}}}, see [status]({{{{ links.status }}}}).
"#
    );
    fs::write(folder.join("runsheet.toml"), config).expect("the configuration");
    fs::write(folder.join("content/index.md"), "# Home\n").expect("a page");
    fs::write(folder.join("content/notices.md"), notices).expect("the notice");
    let people = "email,name,zone\none@customer.example,One,Europe/London\ntwo@customer.example,Two,UTC\n";
    fs::write(folder.join("people.csv"), people).expect("the recipients");
}

fn set_level(folder: &Path, code: &str, level: &str) {
    let path = folder.join("runsheet.toml");
    let config = fs::read_to_string(&path).expect("the configuration");
    fs::write(&path, format!("{config}\n[check]\nlevel = {{ {code} = \"{level}\" }}\n")).expect("the configuration");
}

fn command(place: &Path, line: &str, who: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
    let line = line.replace("{to}", "out").replace("{who}", who);
    command
        .args(line.split_whitespace())
        .args(["--color", "never"])
        .current_dir(place.join("project"))
        .env_clear()
        .env("XDG_STATE_HOME", place.join("state"))
        .stdin(Stdio::null());
    command
}

fn has_message(project: &Path, printed: &str) -> bool {
    let is_there = |name: &str| fs::read_dir(project.join(name)).is_ok_and(|entries| entries.count() > 0);
    is_there("outbox") || is_there("out") || printed.contains(BODY)
}

/// Runs one command in a project with a fault. Returns what is wrong with its result.
fn judge(plant: &Plant, level: Option<&str>, line: &str) -> Option<String> {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("project");
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    server.set_nonblocking(true).expect("a socket");
    project(&folder, server.local_addr().expect("an address").port());
    plant.put(&folder);
    if let Some(level) = level {
        set_level(&folder, plant.code, level);
    }
    let (out, err) = (place.path().join("stdout"), place.path().join("stderr"));
    let file = |path: &Path| fs::File::create(path).expect("a file");
    let mut running = command(place.path(), line, plant.who).stdout(file(&out)).stderr(file(&err)).spawn().expect("the program runs");
    let status = loop {
        match running.try_wait().expect("a process") {
            Some(status) => break Some(status),
            // It would wait forever for an answer.
            None if server.accept().is_ok() => {
                running.kill().expect("a process");
                running.wait().expect("a process");
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(4)),
        }
    };
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned();
    let said = read(&err);
    let wrong = match status.map(|status| status.code()) {
        None => "the mail server was asked",
        Some(Some(0)) => "it succeeds",
        Some(None) => "it was killed",
        _ if server.accept().is_ok() => "the mail server was asked",
        _ if has_message(&folder, &read(&out)) => "a message was written",
        _ if !said.contains(&format!("error[{}]", plant.code)) => "the cause is not named",
        _ => return None,
    };
    Some(format!("{} in {:?}, level {level:?}, `{line}`: {wrong}\n{said}", plant.code, plant.place))
}

/// Runs many jobs on all processors.
fn in_parallel<T: Sync>(all: &[T], work: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let (next, found) = (Mutex::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = {
                        let mut next = next.lock().expect("no thread has panicked");
                        *next += 1;
                        *next - 1
                    };
                    let Some(one) = all.get(index) else { return };
                    found.lock().expect("no thread has panicked").extend(work(one));
                }
            });
        }
    });
    found.into_inner().expect("no thread has panicked")
}

#[test]
fn every_rule_that_stops_a_merge_is_planted() {
    let stopping: BTreeSet<&str> = rule::RULES.iter().filter(|rule| rule.stops != Stops::Nothing).map(|rule| rule.code).collect();
    let planted: BTreeSet<&str> = plants().iter().map(|plant| plant.code).collect();
    assert_eq!(stopping, planted, "a rule that stops a merge has no fault in tests/it/levels/plants.rs, or the other way round");
}

#[test]
fn no_level_lets_a_fault_into_a_mail() {
    let plants = plants();
    let is_long = is_long();
    let mut runs = Vec::new();
    for (number, plant) in plants.iter().enumerate() {
        let commands = plant.commands(&COMMANDS);
        runs.extend(commands.iter().map(|line| (plant, Some("off"), *line)));
        // A refused level does not turn the fault into a warning either: each rule is tried with some commands, in long runs with all.
        let warned = commands.iter().enumerate().filter(|(at, _)| is_long || at % 3 == number % 3);
        runs.extend(warned.map(|(_, line)| (plant, Some("warn"), *line)));
        // Other tests cover the fault without a level: this one only shows that it is a fault.
        runs.extend(commands.iter().take(2).map(|line| (plant, None, *line)));
    }
    assert!(runs.len() > if is_long { 1000 } else { 700 }, "only {} runs", runs.len());
    let wrong = in_parallel(&runs, |(plant, level, line)| judge(plant, *level, line));
    assert!(wrong.is_empty(), "{} of {} runs:\n{}", wrong.len(), runs.len(), wrong.join("\n"));
}

/// Without a fault, the same project does what it is asked to, so it really is the fault that stops it.
#[test]
fn without_a_fault_messages_are_made() {
    for line in COMMANDS {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("project");
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        server.set_nonblocking(true).expect("a socket");
        project(&folder, server.local_addr().expect("an address").port());
        if line.contains("--yes") || line.contains("--test") {
            let mut sending = command(place.path(), line, "one@customer.example").stderr(Stdio::null()).spawn().expect("the program runs");
            let end = Instant::now() + Duration::from_secs(30);
            while server.accept().is_err() {
                assert!(Instant::now() < end, "`{line}` does not ask the server");
                assert!(sending.try_wait().expect("a process").is_none(), "`{line}` ends and has not asked the server");
                std::thread::sleep(Duration::from_millis(20));
            }
            sending.kill().expect("a process");
            sending.wait().expect("a process");
            continue;
        }
        let output = command(place.path(), line, "one@customer.example").output().expect("the program runs");
        assert!(output.status.success(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
        let makes_none = line.contains("review") || line.contains("dry-run");
        assert!(has_message(&folder, &String::from_utf8_lossy(&output.stdout)) || makes_none, "`{line}`");
    }
}

/// What a level does to a rule that stops nothing: only mails are protected.
#[test]
fn levels_of_pages_count() {
    for (fault, code) in
        [("[x](nope.md)\n", "broken-link"), ("[a](index.md#nope)\n", "broken-anchor"), ("TODO [DATE/TIME]\n", "placeholder-on-page")]
    {
        for (level, succeeds) in [("error", false), ("warn", true), ("off", true)] {
            let place = tempfile::tempdir().expect("a folder");
            let folder = place.path().join("project");
            project(&folder, 9);
            fs::write(folder.join("content/index.md"), format!("# Home\n\n{fault}")).expect("a page");
            set_level(&folder, code, level);
            for line in ["check --offline", "build --offline", "notice send advance --dry-run"] {
                let output = command(place.path(), line, "one@customer.example").output().expect("the program runs");
                let is_judged = code != "placeholder-on-page" || line.starts_with("check");
                assert_eq!(output.status.success(), succeeds || !is_judged, "{code} at {level}, `{line}`");
            }
            let denied = command(place.path(), "check --offline --deny-warnings", "").output().expect("the program runs");
            assert_eq!(denied.status.success(), level == "off", "{code} at {level} with --deny-warnings");
        }
    }
}

/// A notice that no mailing sends can be merged from the command line: it is judged like one that a mailing sends.
#[test]
fn a_notice_that_nobody_declared_is_judged_as_well() {
    let lines = [
        "notice check aside --recipients people.csv",
        "notice merge aside --recipients people.csv --to {to}",
        "notice preview aside",
        "notice review aside --recipients people.csv",
    ];
    for (fault, code) in [("[LINK]", "placeholder"), ("`{{ r.name }}`", "tag-in-code"), ("[x](nope.md)", "broken-link")] {
        for line in lines {
            let place = tempfile::tempdir().expect("a folder");
            let folder = place.path().join("project");
            project(&folder, 9);
            let aside = format!("---\nkind: notice\n---\n# Aside\n\n**Subject:** Aside\n\n{BODY} {fault}\n");
            fs::write(folder.join("content/aside.md"), aside).expect("a notice");
            set_level(&folder, "broken-link", "off");
            let output = command(place.path(), line, "one@customer.example").output().expect("the program runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && said.contains(&format!("error[{code}]")), "`{line}`, {code}: {said}");
            assert!(!has_message(&folder, &String::from_utf8_lossy(&output.stdout)), "`{line}`, {code}");
        }
    }
}

#[test]
fn a_plant_that_is_in_a_table_has_no_sample() {
    let lines = |place| Plant::new("bad-row", place).commands(&COMMANDS).len();
    assert_eq!(lines(Place::Recipient) + 1, lines(Place::Notice));
}
