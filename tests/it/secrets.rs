//! Secrets stay secret: files with secrets are not published, started programs do not get them, and no page reveals them.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::project::{CONFIG, Project, WITH_MAILING, ended, files, said};

const CANARY: &str = "canary-5d1f0b";

#[test]
fn files_that_hold_secrets_are_not_published() {
    let project = Project::new(&[("runsheet.toml", CONFIG), ("content/index.md", "# Home\n")]);
    let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----\n");
    let account = format!("{{\n  \"type\": \"service_account\",\n  \"private_key\": \"{CANARY}\"\n}}\n");
    let secret = [
        ("credentials.json", CANARY),
        ("service-account.json", CANARY),
        ("passwords.txt", CANARY),
        ("server.pem", CANARY),
        ("id_ed25519.txt", CANARY),
        (".netrc", CANARY),
        ("netrc", CANARY),
        ("backup.sql.gz", CANARY),
        ("users.csv.zip", CANARY),
        ("harmless.txt", &*key),
        ("project-4711.json", &*account),
    ];
    for (name, text) in secret {
        project.write(&format!("content/files/{name}"), text);
    }
    for name in ["password-reset.png", "credentials.svg", "id_card.jpg", "harmless.json"] {
        project.write(&format!("content/files/{name}"), "harmless");
    }
    let output = project.done(&["build"]);
    for file in files(&project.root().join("public")) {
        let bytes = fs::read(&file).expect("it can be read");
        assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{} is published", file.display());
    }
    for (name, _) in secret {
        assert!(!project.root().join("public/files").join(name).exists(), "{name}");
        assert!(name.starts_with('.') || said(&output).contains(&format!("content/files/{name}")), "{name} is said: {}", said(&output));
    }
    for name in ["password-reset.png", "credentials.svg", "id_card.jpg", "harmless.json"] {
        assert!(project.root().join("public/files").join(name).exists(), "{name}");
    }
}

/// Secrets in the environment, under the program's own names, with a value that can be searched for.
fn with_canaries(command: &mut Command) -> &mut Command {
    for name in [
        "RUNSHEET_SMTP_PASSWORD",
        "RUNSHEET_SMTP_TOKEN",
        "RUNSHEET_LEDGER_URL",
        "RUNSHEET_MESSAGE_ID_KEY",
        "RUNSHEET_UNSUBSCRIBE_KEY",
        "RUNSHEET_SEAL_KEY",
        "RUNSHEET_OTHER",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        command.env(name, format!("{CANARY}-{name}"));
    }
    command
}

#[test]
fn programs_that_are_started_get_no_secret() {
    let project = Project::new(&WITH_MAILING);
    let programs = project.root().join("programs");
    // Where a build may write.
    let seen = project.root().join(".runsheet/seen");
    fs::create_dir(&programs).expect("a folder");
    // Both are started by name: `git` by a build, the other for the key of a seal.
    for name in ["git", "secret"] {
        let path = programs.join(name);
        fs::write(&path, format!("#!/bin/sh\nenv >> {}\necho key\n", seen.display())).expect("a program");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it is ours");
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("it is set"));
    let mut build = project.command(&["build"]);
    let output = ended(with_canaries(&mut build).env("PATH", &path).spawn().expect("it starts"), "build");
    assert!(output.status.success(), "{}", said(&output));
    project.write(
        "runsheet.toml",
        project.read("runsheet.toml")
            + "\n[smtp]\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = 1\nuser = \"u\"\npassword_command = [\"secret\"]\n",
    );
    let mut send = project.command(&["notice", "send", "advance", "--test", "me@customer.example", "--yes", "1"]);
    send.arg("--dry-run").env("PATH", &path).env("XDG_STATE_HOME", project.root().join("state"));
    with_canaries(&mut send).env_remove("RUNSHEET_SMTP_PASSWORD").env_remove("RUNSHEET_SMTP_TOKEN").env_remove("RUNSHEET_LEDGER_URL");
    ended(send.spawn().expect("it starts"), "send");
    let seen = fs::read_to_string(&seen).expect("a program was started");
    assert!(seen.contains("AWS_SECRET_ACCESS_KEY"), "what is not ours stays: {seen}");
    let ours: Vec<&str> = seen.lines().filter(|line| line.starts_with("RUNSHEET_")).collect();
    assert!(ours.is_empty(), "a program gets {ours:?}");
}

/// Templates of pages, notices and a theme try every imaginable way to read the environment.
#[test]
fn the_environment_reaches_no_page_and_no_mail() {
    let asks = [
        "{{ get_env(name=\"RUNSHEET_OTHER\") }}",
        "{{ env.RUNSHEET_OTHER }}",
        "{{ RUNSHEET_OTHER }}",
        "{{ $RUNSHEET_OTHER }}",
        "${RUNSHEET_OTHER}",
        "$RUNSHEET_OTHER",
        "{{ __tera_context }}",
        "{$RUNSHEET_OTHER}",
        "{{ load_data(path=\"/proc/self/environ\") }}",
        "{{ config.RUNSHEET_OTHER }}",
        "{% include \"/proc/self/environ\" %}",
        "{{ site.env }}",
    ];
    for ask in asks {
        let project = Project::new(&WITH_MAILING);
        let notices = project.read("content/notices.md") + ask + "\n";
        project.write("content/notices.md", notices);
        project.write("content/page.md", format!("---\ntitle: \"{}\"\n---\n# A page\n\n{ask}\n", ask.replace('"', "'")));
        let theme = "title = \"A site\"\ntheme = \"mine\"\n";
        project.write("themes/mine/templates/page.html", format!("<p>{ask}</p>"));
        project.write(
            "runsheet.toml",
            project.read("runsheet.toml").replace("title = \"A site\"\n", theme).replace("The move", &ask.replace('"', "'")),
        );
        for arguments in [&["build"][..], &["check"], &["notice", "merge", "advance", "--to", "mails"], &["schedule", "--format", "json"]] {
            let mut command = project.command(arguments);
            let output = ended(with_canaries(&mut command).spawn().expect("it starts"), ask);
            let out = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!said(&output).contains(CANARY) && !out.contains(CANARY), "{ask}, {arguments:?}: {}{out}", said(&output));
        }
        for folder in ["public", "outbox", "mails", ".runsheet"] {
            for file in files(&project.root().join(folder)) {
                let bytes = fs::read(&file).expect("it can be read");
                assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{ask}: {}", file.display());
            }
        }
    }
}

/// A project that sends through a missing server, with its password in a file.
fn sending(password_file: &Path) -> Project {
    let project = Project::new(&WITH_MAILING);
    let smtp = format!(
        "\n[smtp]\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = 1\nuser = \"u\"\npassword_file = \"{}\"\n",
        password_file.display()
    );
    project.write("runsheet.toml", project.read("runsheet.toml") + &smtp);
    project
}

/// What a dry run reports about the password file.
fn dry_run(project: &Project, before: &[&str]) -> String {
    let mut command = match before {
        [] => project.command(&[]),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(env!("CARGO_BIN_EXE_runsheet")).current_dir(project.root());
            command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command
        }
    };
    command.args(["notice", "send", "advance", "--dry-run"]).env("XDG_STATE_HOME", project.root().join("state"));
    said(&ended(command.spawn().expect("it starts"), "send"))
}

#[test]
fn a_file_with_a_password_is_read_if_nobody_else_can() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let open = elsewhere.path().join("open");
    fs::create_dir(&open).expect("a folder");
    fs::set_permissions(elsewhere.path(), Permissions::from_mode(0o755)).expect("it is ours");
    let file = open.join("password");
    fs::write(&file, format!("{CANARY}\n")).expect("a file");
    let project = sending(&file);
    // The folder of the test may itself be closed to others.
    let is_shut = file.ancestors().skip(1).any(|folder| fs::metadata(folder).expect("it is there").permissions().mode() & 0o011 == 0);
    let check = |mode: u32, folder: u32, expected: Option<&str>| {
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("it is ours");
        fs::set_permissions(&open, Permissions::from_mode(folder)).expect("it is ours");
        let seen = dry_run(&project, &[]);
        assert!(!seen.contains(CANARY), "{seen}");
        match expected.filter(|_| !is_shut) {
            Some(expected) => assert!(seen.contains(expected), "{mode:o} in {folder:o}: {seen}"),
            None => assert!(!seen.contains("(its mode is"), "{mode:o} in {folder:o}: {seen}"),
        }
    };
    check(0o600, 0o755, None);
    check(0o400, 0o755, None);
    check(0o444, 0o755, Some("can be read by others, and is not on a read-only in-memory mount"));
    check(0o640, 0o755, Some("can be read by others"));
    check(0o622, 0o755, Some("can be written by others"));
    check(0o444, 0o700, None);
    check(0o444, 0o710, Some("can be read by others"));
}

/// The way Docker and Kubernetes give a secret to a container: a world-readable file, on a read-only mount in memory.
#[test]
fn a_mounted_secret_of_a_container_is_taken() {
    let place = tempfile::tempdir().expect("a folder");
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("it is ours");
    let project = sending(&place.path().join("password"));
    let mount = |then: &str| {
        format!(
            "mount -t tmpfs none '{0}' && echo {CANARY} > '{0}/password' && chmod 444 '{0}/password' && {then} && exec \"$@\"",
            place.path().display()
        )
    };
    let alone = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"];
    let script = mount(&format!("mount -o remount,ro '{}'", place.path().display()));
    let shell = ["sh", "-ec", script.as_str(), "sh"];
    if !Command::new(alone[0]).args(&alone[1..]).arg("true").status().is_ok_and(|status| status.success()) {
        println!("NOT SHOWN: a mounted secret. This part needs root, for `unshare --mount --pid`");
        return;
    }
    let seen = dry_run(&project, &[&alone[..], &shell].concat());
    assert!(seen.contains("message") && !seen.contains("(its mode is"), "in a container: {seen}");
    let writable = mount("true");
    let seen = dry_run(&project, &[&alone[..], &["sh", "-ec", &writable, "sh"]].concat());
    assert!(seen.contains("is not on a read-only in-memory mount"), "{seen}");
    // Another user's process in the same container.
    let other = mount(&format!(
        "mount -o remount,ro '{}' && (setpriv --reuid=4242 --regid=4242 --clear-groups sleep 60 & sleep 0.3)",
        place.path().display()
    ));
    let seen = dry_run(&project, &[&alone[..], &["sh", "-ec", &other, "sh"]].concat());
    assert!(seen.contains("who run programs in this container"), "{seen}");
}
