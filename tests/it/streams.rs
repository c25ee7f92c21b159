//! Standard output and standard error on a full disk, and with a reader that goes away.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::io::Read;
use std::process::Stdio;

use crate::project::{Project, WITH_MAILING, ended, full, said};

/// Commands that write data to standard output.
const PRINTING: [&[&str]; 19] = [
    &["schedule"],
    &["schedule", "--format", "json"],
    &["schedule", "--format", "ics"],
    &["notice", "list"],
    &["notice", "preview", "advance"],
    &["notice", "preview", "advance", "--format", "eml"],
    &["notice", "preview", "advance", "--format", "html"],
    &["notice", "review", "advance"],
    &["notice", "merge", "advance", "--to", "-"],
    &["notice", "merge", "advance", "--to", "-", "--format", "jsonl"],
    &["notice", "status"],
    &["explain", "broken-link"],
    &["completions", "bash"],
    &["schema"],
    &["check", "--message-format", "json"],
    &["check", "--message-format", "sarif"],
    &["build", "--message-format", "json"],
    &["--help"],
    &["--version"],
];

fn project() -> Project {
    let project = Project::new(&WITH_MAILING);
    // Gives the command something to report.
    project.write("content/second.md", "# Second\n\n![](picture-that-is-gone.png)\n\n[LINK]\n\n<b>x</b>\n");
    project.write("runsheet.toml", project.read("runsheet.toml") + "\n[check]\nlevel = { \"broken-link\" = \"warn\" }\n");
    project
}

#[test]
fn what_cannot_be_printed_is_an_error() {
    let project = project();
    for arguments in PRINTING {
        let good = project.run(arguments);
        assert!(!good.stdout.is_empty(), "{arguments:?} prints something: {}", said(&good));
        let child = project.command(arguments).stdout(full()).spawn().expect("it starts");
        let output = ended(child, &arguments.join(" "));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains("No space left on device"), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn what_cannot_be_said_is_an_error() {
    let project = project();
    for arguments in [&["check"][..], &["build"], &["notice", "list"], &["notice", "check", "advance"], &["no-such-command"]] {
        let good = project.run(arguments);
        assert!(!good.stderr.is_empty(), "{arguments:?} says something");
        let output = ended(project.command(arguments).stderr(full()).spawn().expect("it starts"), &arguments.join(" "));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(output.stdout, good.stdout, "{arguments:?}");
    }
    project.done(&["build", "--quiet"]);
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let project = project();
    let rows: String = (0..4000).map(|number| format!("a{number}@customer.example,A\n")).collect();
    project.write("recipients.csv", format!("email,name\n{rows}"));
    for arguments in [&["schema"][..], &["notice", "merge", "advance", "--all", "--to", "-"], &["--help"], &["schedule"]] {
        let mut child = project.command(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut first = [0; 1];
        let mut out = child.stdout.take().expect("it is piped");
        out.read_exact(&mut first).expect("a byte");
        drop(out);
        let output = ended(child, &arguments.join(" "));
        assert!(output.status.success(), "{arguments:?}: {} {}", output.status, said(&output));
        assert!(!said(&output).contains("error"), "{arguments:?}: {}", said(&output));
    }
}
