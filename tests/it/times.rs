//! Every time is a value or an error: whatever times, counts and sizes a file, an argument or the environment contains, the program
//! ends in time with one of its own exit codes, and reports what is wrong and where.
#![allow(clippy::disallowed_methods, reason = "a test writes projects and runs the program")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lettre::message::header::{Date, Headers};
use proptest::prelude::*;
use runsheet::notice::message;
use runsheet::notice::when::{Form, LANGUAGES, Words};
use runsheet::schedule::years::{FIRST, LAST};

/// No command may take longer than this; a debug build on a busy machine is slow.
const MOST_TIME: Duration = Duration::from_secs(20);

const CONFIG: &str = r#"[site]
title = "Edge"
base_url = "https://edge.example.org/"
id = "edge"

[notices]
from = "Ops <ops@example.org>"
sample = { name = "Sample", zone = "Asia/Kolkata" }

[notices.maintnote]
provider = "example.org"
account = "A1"

[events.move]
t0 = 2027-03-06T02:00:00
time_zone = "Europe/London"
window = "3h"
rollback_duration = "45m"
show_zones = ["America/New_York", "Pacific/Kiritimati"]
affects = { mail = "OUTAGE" }
roles = { dba = "Database engineer" }
holidays = ["2027-03-05"]
revision = 1

[[mailings]]
id = "advance"
notice = "advance"
recipients = "people.csv"
when = "T-1d"
revision = 1
"#;

const PEOPLE: &str = "email,name,zone\none@customer.example,One,Europe/Amsterdam\ntwo@customer.example,Two,Pacific/Pago_Pago\n";

const SHEET: &str = "---\nkind: run-sheet\nowner: dba\nreviewed: 2027-01-01\nreview_every: 10w\n---\n\n# Sheet\n\n\
## T-48h: Prepare (owner: dba)\n\n- [ ] Copy the data (~10m)\n- [ ] Look at it\n\n\
## T-0 to T+2h: Move (owner: dba)\n\n- [ ] Move the users\n\n### Every 15 minutes\n\n- [ ] Look at the load\n\n\
### T+1h: Point of no return (~20m)\n\n- [ ] Open the gate\n\n\
## Stop conditions\n\n- [ ] Error rate over 5 % for 10 minutes. Decides: dba. Applies: T-0 to T+3h\n\n\
## Rollback procedure\n\n### R+0:10: Back (~5m)\n\n- [ ] Go back\n";

const NOTICES: &str = "---\nkind: notices\npublish: sent\ndate: 2027-01-01\n---\n\n# Notices\n\n## Advance\n\n<!-- id: advance, stage: scheduled -->\n\n\
**Subject:** We move on {{ event.start | when(zone=r.zone) }}\n\n\
Hello {{ r.name }}, we move: {{ event.start | when(zone=r.zone, form=\"range\") }}. \
Le {{ event.at(offset=\"T+1h\") | when(zone=r.zone, lang=\"fr\") }}, \
{{ event.start | when(zone=r.zone, lang=\"it\", form=\"range\") }}.\n\nYou do not need to do anything.\n";

const COMMANDS: [&str; 7] = [
    "check",
    "build",
    "schedule",
    "schedule --format json",
    "schedule --format ics",
    "notice merge advance --to out --format maildir",
    "notice preview advance --to two@customer.example --format eml",
];

/// What a row changes in the project or in the call.
#[derive(Clone, Copy)]
enum Change<'a> {
    /// Replaces a text in one of the files.
    Text(&'a str, &'a str),
    Argument(&'a str),
    Environment(&'a str, &'a str),
}

use Change::{Argument, Environment, Text};

/// Runs a command. Returns its exit code and output, or what is wrong with its result.
fn run(root: &Path, line: &str, change: Change) -> Result<(i32, String), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
    command.args(line.split(' ')).args(["--offline", "--color", "never", "--message-format", "short"]);
    command.current_dir(root).env_clear().env("XDG_STATE_HOME", root.join("state"));
    let is_present_given = match change {
        Argument(argument) => {
            command.arg(argument);
            argument.starts_with("--now")
        }
        Environment(name, value) => {
            command.env(name, value);
            name == "SOURCE_DATE_EPOCH"
        }
        Text(..) => false,
    };
    if !is_present_given {
        command.args(["--now", "2027-03-01T00:00:00Z"]);
    }
    let said = fs::File::create(root.join("said")).expect("a file");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().expect("the program starts");
    let begin = Instant::now();
    let status = loop {
        match child.try_wait().expect("it can be waited for") {
            Some(status) => break status,
            None if begin.elapsed() < MOST_TIME => std::thread::park_timeout(Duration::from_millis(2)),
            None => {
                child.kill().expect("it can be ended");
                child.wait().expect("it has ended");
                return Err(format!("it ran for more than {MOST_TIME:?}"));
            }
        }
    };
    let said = String::from_utf8_lossy(&fs::read(root.join("said")).expect("what it said")).into_owned();
    match status.code() {
        Some(code @ 0..=2) if !said.contains("panicked") => Ok((code, said)),
        _ => Err(format!("{status}: {said}")),
    }
}

/// A project with a mailing, with one text changed.
fn project(root: &Path, change: Change) {
    let mut changed = false;
    for (name, text) in [("runsheet.toml", CONFIG), ("people.csv", PEOPLE), ("content/sheet.md", SHEET), ("content/notices.md", NOTICES)] {
        let text = match change {
            Text(from, to) if text.contains(from) => {
                changed = true;
                text.replacen(from, to, 1)
            }
            _ => text.to_owned(),
        };
        fs::create_dir_all(root.join("content")).expect("a folder");
        fs::write(root.join(name), text).expect("a file");
    }
    assert!(changed || !matches!(change, Text(..)), "nothing was changed");
}

/// All commands in a project with a change. The output of `check` must contain `expected`; if that is empty, it must find no fault.
fn check_row(commands: &[&str], change: Change, expected: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path(), change);
    let mut wrong = Vec::new();
    for line in commands {
        let is_right = match run(folder.path(), line, change) {
            Ok((code, said)) if *line != "check" => (code, said, true),
            Ok((code, said)) => {
                let is_right = (code == 0) == expected.is_empty() && said.contains(expected);
                (code, said, is_right)
            }
            Err(why) => (-1, why, false),
        };
        if let (code, said, false) = is_right {
            wrong.push(format!("{line}: exit {code}, expected `{expected}`: {said}"));
        }
    }
    wrong
}

/// Checks rows in parallel, and reports everything that is wrong.
fn check_rows(commands: &[&str], rows: &[(Change, &str)]) {
    let (left, wrong) = (Mutex::new(rows.iter()), Mutex::new(Vec::new()));
    let next = || left.lock().expect("no row panics").next();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((change, expected)) = next() {
                    let name = match change {
                        Text(_, to) => (*to).to_owned(),
                        Argument(argument) => (*argument).to_owned(),
                        Environment(name, value) => format!("{name}={value}"),
                    };
                    let found = check_row(commands, *change, expected);
                    wrong.lock().expect("no row panics").extend(found.into_iter().map(|why| format!("{name}: {why}")));
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no row panics");
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

const OUTSIDE: &str = "the time is out of range: ";
const BEFORE_MAIL: &str = "error[bad-value]: the messages of the mailing `advance` would be dated before 1970: ";
const PLAIN: &str = "t0 = 2027-03-06T02:00:00";
const FAR: &str = "9999w9999d9999h9999m9999s";

#[test]
fn any_t0() {
    let t0 = |text| Text(PLAIN, text);
    check_rows(
        &COMMANDS,
        &[
            (t0("t0 = -0001-03-06T02:00:00"), "toml-syntax"),
            (t0("t0 = \"-000001-03-06T02:00:00\""), OUTSIDE),
            (t0("t0 = \"-009999-01-03T00:00:00\""), OUTSIDE),
            (t0("t0 = 0000-03-06T02:00:00"), "runsheet.toml:15:6: error[bad-clock]: the time is out of range: 0000-03-06T02:00:00"),
            (t0("t0 = 0001-01-01T02:00:00"), OUTSIDE),
            (t0("t0 = 0001-01-06T02:00:00"), BEFORE_MAIL),
            (t0("t0 = 1026-03-06"), "is not a date with a time"),
            (
                t0("t0 = 1026-03-06T02:00:00"),
                "runsheet.toml:29:8: error[bad-value]: the messages of the mailing `advance` would be dated before 1970: Sun 5 Mar 1026",
            ),
            (t0("t0 = 1846-03-06T02:00:00"), BEFORE_MAIL),
            (t0("t0 = 1899-12-31T23:59:59"), BEFORE_MAIL),
            (t0("t0 = 1969-12-31T23:59:59"), BEFORE_MAIL),
            (t0("t0 = 1970-01-02T00:00:00"), BEFORE_MAIL),
            (t0("t0 = 1970-01-02T01:00:00"), ""),
            (t0("t0 = 2038-01-19T03:14:08"), ""),
            (t0("t0 = 9999-12-30T18:59:59"), ""),
            (t0("t0 = 9999-12-30T19:00:01"), OUTSIDE),
            (t0("t0 = 9999-12-30T22:00:01"), OUTSIDE),
            (t0("t0 = 9999-12-31T23:59:59"), OUTSIDE),
            (t0("t0 = 10000-01-01T00:00:00"), "toml-syntax"),
            (t0("t0 = \"10000-01-01T00:00:00\""), "is not a date with a time"),
            (t0("t0 = 99999999999999999999"), "error["),
            (t0("t0 = \"9999-12-30T22:00:00Z\""), "the time is out of range: 3 h after 9999-12-30T22:00:00+00:00"),
        ],
    );
}

#[test]
fn any_offset_and_length() {
    let far = format!("window = \"{FAR}\"");
    let heading = format!("## T-{FAR}: Prepare");
    let late = "\"T-1d\"\nnot_after = \"T+9999w\"";
    check_rows(
        &["check", "build", "schedule --format ics", "notice preview advance --format eml"],
        &[
            (Text("when = \"T-1d\"", "when = \"T-9999w\""), BEFORE_MAIL),
            (Text("when = \"T-1d\"", "when = \"T+9999bd\""), ""),
            (Text("when = \"T-1d\"", "when = \"T-99999d\""), "error[bad-value]: invalid offset `T-99999d`"),
            (Text("\"T-1d\"", late), ""),
            (Text("## T-48h: Prepare", "## T-9999w: Prepare"), ""),
            (Text("## T-48h: Prepare", "## T-9999bd: Prepare"), ""),
            (Text("## T-48h: Prepare", "## T+999999h: Prepare"), ""),
            (Text("## T-48h: Prepare", &heading), ""),
            (Text("(~10m)", "(~9999w)"), ""),
            (Text("(~10m)", "(~99999999999999999999h)"), ""),
            (Text("### Every 15 minutes", "### Every 0.01 s"), ""),
            (Text("### Every 15 minutes", "### Every 9999 business days"), ""),
            (Text("### Every 15 minutes", "### Every 0 minutes"), ""),
            (Text("window = \"3h\"", &far), ""),
            (Text("window = \"3h\"", "window = \"9999bd\""), ""),
            (Text("window = \"3h\"", "window = \"99999h\""), "invalid duration"),
            (Text("rollback_duration = \"45m\"", "rollback_duration = \"9999w\""), ""),
            (Text("form=\"range\") }}. ", "form=\"range\", to=event.at(offset=\"T+9999w\")) }}. "), ""),
            (Text("event.start | when(zone=r.zone) }}", "\"-009999-01-03T00:00:00[UTC]\" | when(zone=r.zone) }}"), OUTSIDE),
        ],
    );
}

/// Near the first or the last year, each place where a time is computed gives a diagnostic there.
#[test]
fn the_place_of_what_leads_out() {
    let near_end = "t0 = 9999-12-20T02:00:00";
    let near_begin = "t0 = 0001-01-06T02:00:00";
    let check = |t0: &str, from: &str, to: &str, expected: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        project(folder.path(), Text(from, to));
        let config = folder.path().join("runsheet.toml");
        let text = fs::read_to_string(&config).expect("the configuration").replace(PLAIN, t0);
        fs::write(&config, text).expect("the configuration");
        let (code, said) = run(folder.path(), "check", Text("", "")).unwrap_or_else(|why| panic!("{to}: {why}"));
        assert!(code == 1 && said.lines().any(|line| line.starts_with(expected)), "{to}: expected {expected} in:\n{said}");
    };
    check(
        near_end,
        "window = \"3h\"",
        "window = \"9999w\"",
        "runsheet.toml:17:10: error[bad-value]: the time is out of range: 9999 weeks after 9999-12-20T02:00:00+00:00",
    );
    check(
        near_begin,
        "= \"45m\"",
        "= \"9999w\"",
        "runsheet.toml:18:21: error[bad-value]: the time is out of range: 9999 weeks before 0001-01-06T05:00:00-00:01:15",
    );
    check(
        near_end,
        "when = \"T-1d\"",
        "when = \"T+9999w\"",
        "runsheet.toml:29:8: error[bad-offset]: the time is out of range: T+9999w from",
    );
    check(
        near_end,
        "\"T-1d\"",
        "\"T-1d\"\nnot_before = \"T+5w\"",
        "runsheet.toml:30:14: error[bad-offset]: the time is out of range: T+5w from",
    );
    check(
        near_end,
        "\"T-1d\"",
        "\"T-1d\"\nnot_after = \"T+5w\"",
        "runsheet.toml:30:13: error[bad-offset]: the time is out of range: T+5w from",
    );
    check(near_begin, "## T-48h", "## T-9999bd", "content/sheet.md:10:1: error[bad-offset]: the time is out of range: T-9999bd from");
    check(
        near_end,
        "## T-0 to T+2h",
        "## T-0 to T+9999h",
        "content/sheet.md:15:1: error[bad-offset]: the time is out of range: T+9999h from",
    );
    check(near_end, "(~10m)", "(~9999h)", "content/sheet.md:12:1: error[bad-offset]: the time is out of range: 9999 h after");
    check(near_end, "(~20m)", "(~9999h)", "content/sheet.md:23:1: error[bad-offset]: the time is out of range: 9999 h after");
    check(near_end, "T-0 to T+3h", "T-0 to T+9999h", "content/sheet.md:29:1: error[bad-offset]: the time is out of range: T+9999h from");
    check(near_end, "offset=\"T+1h\"", "offset=\"T+9999h\"", "content/notices.md:15:");
    check(near_end, "10w", "1w\nowner: dba", "content/sheet.md:");
}

#[test]
fn any_date_of_a_page() {
    let reviewed = |text| Text("reviewed: 2027-01-01", text);
    let date = |text| Text("date: 2027-01-01", text);
    check_rows(
        &["check", "build"],
        &[
            (reviewed("reviewed: 0000-12-31"), "content/sheet.md:4:11: error[front-matter-value]: the date is out of range: 0000-12-31"),
            (reviewed("reviewed: \"-009999-01-01\""), "the date is out of range: -009999-01-01"),
            (
                reviewed("reviewed: 9999-12-31"),
                "content/sheet.md:5:15: error[front-matter-value]: the time is out of range: 9999-12-31T00:00",
            ),
            (reviewed("reviewed: 10000-01-01"), "invalid date"),
            (Text("review_every: 10w", "review_every: 9999w"), ""),
            (date("date: 0000-12-31"), "content/notices.md:4:7: error[front-matter-value]: the time is out of range: 0000-12-31"),
            (date("date: \"-009999-01-03T00:00:00Z\""), OUTSIDE),
            (date("date: 1026-03-06"), ""),
            (date("date: 9999-12-30T22:00:00Z"), ""),
            (date("date: 9999-12-31"), "is neither a date nor a time with its offset"),
            (date("date: 99999999999999999999"), "error[front-matter"),
            (Text("owner: dba", "weight: 9223372036854775807"), ""),
            (Text("owner: dba", "weight: 99999999999999999999"), "error["),
            (Text("2027-03-05", "0000-12-31"), "runsheet.toml:22:13: error[bad-value]: the date is out of range: 0000-12-31"),
            (Text("2027-03-05", "9999-12-31"), ""),
        ],
    );
}

#[test]
fn any_count() {
    check_rows(
        &["check", "notice merge advance --to out --format mbox"],
        &[
            (Text("revision = 1\n\n", "revision = 9223372036854775807\n\n"), ""),
            (Text("revision = 1\n\n", "revision = 9223372036854775808\n\n"), "error["),
            (Text("\"T-1d\"\nrevision = 1", "\"T-1d\"\nrevision = 99"), ""),
            (Text("\"T-1d\"\nrevision = 1", "\"T-1d\"\nrevision = 9223372036854775807"), "`revision` is out of range"),
        ],
    );
    for arguments in ["--limit=18446744073709551615", "--limit=0", "--shard=1/18446744073709551615", "--skip-bad=18446744073709551615"] {
        let wrong = check_row(&["notice merge advance --to out"], Argument(arguments), "");
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn any_present() {
    let (outside, seconds) = ("error: --now is out of range: ", "error: SOURCE_DATE_EPOCH is out of range: ");
    let epoch = |value| Environment("SOURCE_DATE_EPOCH", value);
    check_rows(
        &["check", "build", "notice preview advance --format eml", "notice list"],
        &[
            (Argument("--now=-009999-01-03T00:00:00Z"), outside),
            (Argument("--now=0000-03-06T02:00:00Z"), outside),
            (Argument("--now=0001-01-02T00:00:00Z"), ""),
            (Argument("--now=1026-03-06T02:00:00Z"), ""),
            (Argument("--now=1969-12-31T23:59:59Z"), ""),
            (Argument("--now=9999-12-30T22:00:00Z"), ""),
            (Argument("--now=9999-12-31T00:00:00Z"), "error: invalid time for --now: "),
            (Argument("--now="), "error: invalid time for --now: "),
            (epoch("-62135510400"), ""),
            (epoch("-62135510401"), seconds),
            (epoch("-1"), ""),
            (epoch("253402207200"), ""),
            (epoch("253402207201"), seconds),
            (epoch("9223372036854775807"), seconds),
            (epoch("9223372036854775808"), "error: invalid SOURCE_DATE_EPOCH: 9223372036854775808"),
            (epoch("1e9"), "error: invalid SOURCE_DATE_EPOCH: 1e9"),
            (Argument("--t0=1026-03-06T02:00"), BEFORE_MAIL),
            (Argument("--t0=0000-03-06T02:00"), "error: --t0: the time is out of range: 0000-03-06T02:00"),
            (Argument("--t0=9999-12-30T22:00:00Z"), "error: --t0: the time is out of range: 3 h after"),
            (Argument("--t0=10000-01-01T00:00"), "is not a date with a time"),
        ],
    );
}

#[test]
fn as_many_jobs_as_there_can_be() {
    let outside = "is not in 1..=256";
    check_rows(
        &["check", "build"],
        &[
            (Argument("--jobs=0"), outside),
            (Argument("--jobs=1"), ""),
            (Argument("--jobs=256"), ""),
            (Argument("--jobs=257"), outside),
            (Argument("--jobs=100000"), "100000 is not in 1..=256"),
            (Argument("--jobs=99999999999999999999"), "invalid value"),
            (Argument("--jobs=-1"), "invalid value"),
            (Environment("RAYON_NUM_THREADS", "1000000"), ""),
            (Environment("RUST_MIN_STACK", "1"), ""),
        ],
    );
}

/// A shell sets the limit, because the standard library has no call for it.
#[test]
fn a_system_that_starts_no_thread() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path(), Argument(""));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -v 200000; exec \"$0\" build --offline --jobs 256", env!("CARGO_BIN_EXE_runsheet")])
        .current_dir(folder.path());
    let output = shell.env_clear().stdin(Stdio::null()).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: cannot start 256 threads: ") && said.contains("help: use a smaller `--jobs`"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_time_has_words_in_every_language(
        first in FIRST.as_second()..=LAST.as_second(),
        last in FIRST.as_second()..=LAST.as_second(),
        zone in prop::sample::select(vec!["UTC", "Europe/London", "Europe/Amsterdam", "Asia/Manila", "Pacific/Kiritimati", "America/New_York"]),
    ) {
        let zoned = |second| jiff::Timestamp::from_second(second).expect("it is in range").to_zoned(jiff::tz::TimeZone::UTC);
        for (start, end) in [(first, last), (FIRST.as_second(), LAST.as_second())] {
            let (start, end) = (zoned(start.min(end)), zoned(start.max(end)));
            for language in LANGUAGES {
                let words = Words::from_language(language).expect("it is listed");
                for form in [Form::Date, Form::Time, Form::DateTime, Form::Range] {
                    prop_assert!(words.write(&start, Some(&end), zone, form).is_ok_and(|text| !text.is_empty()));
                }
            }
        }
    }

    #[test]
    fn every_date_of_a_mail_is_written(second in FIRST.as_second()..=LAST.as_second()) {
        for second in [second, -1, 0, FIRST.as_second(), LAST.as_second()] {
            let date = jiff::Timestamp::from_second(second).expect("it is in range");
            if message::may_be_dated(date) {
                let mut headers = Headers::new();
                headers.set(Date::new(date.into()));
                prop_assert!(headers.to_string().ends_with(" +0000\r\n"));
            }
        }
    }
}
