//! Who may read what the program writes, and that folders keep permissions that somebody has set.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::project::{CONFIG, Project, WITH_MAILING, said};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).mode() & 0o7777
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

/// Every file and folder below a folder, and the folder itself, is accessible only to its owner.
fn assert_private(path: &Path) {
    assert_eq!(mode(path) & 0o077, 0, "{} has the mode {:o}", path.display(), mode(path));
    if path.is_dir() {
        assert_eq!(mode(path), 0o700, "{}", path.display());
        fs::read_dir(path).expect("it can be read").for_each(|entry| assert_private(&entry.expect("it can be read").path()));
    } else {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
}

#[test]
fn names_and_addresses_are_the_owners_alone() {
    let project = Project::new(&WITH_MAILING);
    project.write("content/code.md", "# Code\n\n```sh\nls\n```\n");
    let root = project.root();
    for turn in ["the first time", "again"] {
        project.done(&["build"]);
        assert_private(&root.join("outbox"));
        assert_private(&root.join(".runsheet"));
        for arguments in [
            &["notice", "merge", "advance"][..],
            &["notice", "merge", "advance", "--to", "mails"],
            &["notice", "merge", "advance", "--to", "maildir", "--format", "maildir"],
            &["notice", "merge", "advance", "--to", "mails.mbox", "--report", "report.csv"],
            &["notice", "merge", "advance", "--to", "mails.jsonl"],
            &["notice", "check", "advance", "--report", "faults.csv"],
        ] {
            project.done(arguments);
        }
        for place in ["outbox", "mails", "maildir", "mails.mbox", "mails.jsonl", "report.csv", "faults.csv", ".runsheet"] {
            assert!(root.join(place).exists(), "{place}, {turn}");
            assert_private(&root.join(place));
        }
        // As an earlier version left them.
        for folder in ["outbox", "outbox/advance", "mails", "maildir"] {
            set(&root.join(folder), 0o755);
        }
    }
    // Only the user decides who else works in a project.
    set(&root.join(".runsheet"), 0o2770);
    project.write("content/code.md", "# Code\n\n```sh\nls -l\n```\n");
    project.done(&["build"]);
    assert_eq!(mode(&root.join(".runsheet")), 0o2770);
    assert_eq!(mode(&root.join(".runsheet/highlights")), 0o660);
}

#[test]
fn the_site_keeps_mode_group_and_setgid() {
    let project = Project::new(&[("runsheet.toml", CONFIG), ("content/index.md", "# Home\n"), ("content/docs/page.md", "# Page\n")]);
    let public = project.root().join("public");
    project.done(&["build"]);
    for kept in [0o755, 0o700, 0o750, 0o2775, 0o711] {
        set(&public, kept);
        project.write("content/index.md", format!("# Home, {kept:o}\n"));
        project.done(&["build"]);
        assert_eq!(mode(&public), kept, "{kept:o}");
        assert!(project.read("public/index.html").contains(&format!("Home, {kept:o}")));
    }
    // Only root can give a folder to any group.
    let group = 4242;
    if chown(&public, None, Some(group)).is_ok() {
        set(&public, 0o2750);
        project.write("content/index.md", "# Home of the group\n");
        project.done(&["build"]);
        let found = |name: &str| fs::metadata(public.join(name)).expect("it is there").gid();
        assert_eq!((mode(&public), found("")), (0o2750, group));
        assert_eq!((found("index.html"), found("docs"), found("docs/page.html")), (group, group, group));
        assert_eq!(mode(&public.join("docs")) & 0o2000, 0o2000);
    }
}

/// A web server that reads the site by its group must not lose access.
#[test]
fn a_group_that_cannot_be_kept_fails_the_build() {
    let project = Project::new(&[("runsheet.toml", CONFIG), ("content/index.md", "# Home\n")]);
    let (root, public) = (project.root(), project.root().join("public"));
    project.done(&["build"]);
    let (user, group) = (4242, 4343);
    if chown(&root, Some(user), Some(user)).is_err() {
        println!("NOT SHOWN: a group that cannot be kept. This part needs root, to be another user");
        return;
    }
    set(root.parent().expect("it has one"), 0o755);
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"].map(|option| option as &str));
        command.arg(env!("CARGO_BIN_EXE_runsheet")).args(arguments).current_dir(&root).env("HOME", &root);
        command.output().expect("setpriv starts")
    };
    if !run(&["--version"]).status.success() {
        println!("NOT SHOWN: a group that cannot be kept. Other users cannot start the program where it lies");
        return;
    }
    for (mode, is_kept) in [(0o750, true), (0o2755, true), (0o755, false)] {
        chown(&public, Some(user), Some(group)).expect("we are root");
        set(&public, mode);
        project.write("content/index.md", format!("# Home, {mode:o}\n"));
        let output = run(&["build", "--offline"]);
        let is_new = project.read("public/index.html").contains(&format!("Home, {mode:o}"));
        assert_eq!((output.status.code(), is_new), if is_kept { (Some(2), false) } else { (Some(0), true) }, "{mode:o}: {}", said(&output));
        assert_eq!(said(&output).contains("cannot keep the group 4343"), is_kept, "{mode:o}: {}", said(&output));
        assert_eq!(mode_and_group(&public), (mode, if is_kept { group } else { user }), "{mode:o}");
    }
}

fn mode_and_group(path: &Path) -> (u32, u32) {
    (mode(path), fs::metadata(path).expect("it is there").gid())
}

#[test]
fn the_umask_is_kept_where_all_may_read() {
    let project = Project::new(&WITH_MAILING);
    let script = "umask 027; exec \"$0\" build --offline";
    let mut command = std::process::Command::new("sh");
    let output = command.args(["-c", script, env!("CARGO_BIN_EXE_runsheet")]).current_dir(project.root()).output().expect("it starts");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!((mode(&project.root().join("public")), mode(&project.root().join("public/index.html"))), (0o750, 0o640));
    assert_private(&project.root().join("outbox"));
}
