//! Nothing is read through a link that leaves the project, even if the link appears while the program runs; nor anything that blocks
//! the program, or that has no end.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::is_long;
use crate::project::{CONFIG, Project, WITH_MAILING, ended, files, pipe, said};

const FOREIGN: &str = "Words of somebody else";

/// A folder beside the project with files that must not be read.
fn elsewhere(project: &Project) -> std::path::PathBuf {
    let folder = project.root().parent().expect("it has one").join("elsewhere");
    fs::create_dir_all(folder.join("static")).expect("a folder");
    for name in ["page.md", "picture.svg", "index.html", "style.css", "static/style.css"] {
        fs::write(folder.join(name), format!("# {FOREIGN}\n")).expect("a file");
    }
    fs::write(folder.join("list.csv"), "email,name\nforeign@elsewhere.example,Foreign\n").expect("a file");
    folder
}

fn assert_nothing_foreign(folder: &Path, when: &str) {
    for file in files(folder) {
        let text = String::from_utf8_lossy(&fs::read(&file).expect("it can be read")).into_owned();
        assert!(!text.contains(FOREIGN) && !text.contains("elsewhere.example"), "{when}: {} holds foreign words", file.display());
    }
}

/// Keeps replacing a file with something else and back, each in one step, until the end.
fn swap(place: &Path, other: impl Fn(&Path), is_over: &AtomicBool, swaps: &AtomicUsize) {
    let (good, bad) = (place.with_extension("good~"), place.with_extension("bad~"));
    while !is_over.load(Ordering::Relaxed) {
        other(&bad);
        fs::rename(place, &good).expect("it can be moved");
        fs::rename(&bad, place).expect("it can be moved");
        swaps.fetch_add(1, Ordering::Relaxed);
        std::thread::park_timeout(Duration::from_micros(50));
        if place.is_dir() && !place.is_symlink() {
            fs::remove_dir_all(place).ok()
        } else {
            fs::remove_file(place).ok()
        };
        fs::rename(&good, place).expect("it can be moved");
    }
}

/// Builds and merges while files, a folder and a table are swapped for links that leave the project.
#[test]
fn what_is_swapped_for_a_link_is_not_read() {
    let (wanted, least) = if is_long() { (10_000, 40) } else { (500, 6) };
    let project = Project::new(&WITH_MAILING);
    for number in 0..20 {
        project.write(&format!("content/docs/page-{number}.md"), format!("# Page {number}\n"));
    }
    project.write("content/picture.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    project.write("content/docs/picture.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    project.write("themes/mine/templates/part.html", "a part");
    project.write("themes/mine/static/style.css", "a {}");
    project.write("runsheet.toml", project.read("runsheet.toml").replace("title = \"A site\"\n", "title = \"A site\"\ntheme = \"mine\"\n"));
    project.write("content/second.md", "# Second\n");
    let (root, elsewhere) = (&project.root(), &elsewhere(&project));
    let (mut done, mut all) = (0, 0);
    for (place, other) in [
        ("content/second.md", "page.md"),
        ("content/picture.svg", "picture.svg"),
        ("content/docs", ""),
        ("recipients.csv", "list.csv"),
        ("themes/mine/static/style.css", "style.css"),
        ("themes/mine/static", "static"),
    ] {
        let (is_over, swaps) = (&AtomicBool::new(false), &AtomicUsize::new(0));
        let mut rounds = 0;
        std::thread::scope(|scope| {
            // A panic here must end the other thread, too.
            let _end = over_at_end(is_over);
            scope.spawn(move || swap(&root.join(place), |bad| symlink(elsewhere.join(other), bad).expect("a link"), is_over, swaps));
            while swaps.load(Ordering::Relaxed) < wanted || rounds < least {
                rounds += 1;
                let build = project.run(&["build"]);
                let merge = project.run(&["notice", "merge", "advance", "--to", "mails"]);
                for output in [build, merge] {
                    assert!(matches!(output.status.code(), Some(0..=2)), "{}: {}", output.status, said(&output));
                    assert!(!said(&output).contains(FOREIGN), "it is not even quoted: {}", said(&output));
                    done += usize::from(output.status.success());
                    all += 1;
                }
                for folder in ["public", "outbox", "mails"] {
                    assert_nothing_foreign(&root.join(folder), &format!("{place}, round {rounds}"));
                }
            }
        });
        println!("{place}: {} swaps in {rounds} rounds", swaps.load(Ordering::Relaxed));
    }
    assert!(done * 4 > all, "only {done} of {all} runs came to their end");
}

/// Sets a flag when dropped.
fn over_at_end(flag: &AtomicBool) -> impl Drop + '_ {
    struct Guard<'a>(&'a AtomicBool);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    Guard(flag)
}

#[test]
fn links_that_leave_the_project_are_refused_wherever_they_lie() {
    let base = || {
        let project = Project::new(&WITH_MAILING);
        let elsewhere = elsewhere(&project);
        (project, elsewhere)
    };
    let check = |place: &str, other: &str, arguments: &[&str], expected: &str| {
        let (project, elsewhere) = base();
        let place = project.root().join(place);
        fs::create_dir_all(place.parent().expect("it has one")).expect("a folder");
        fs::remove_file(&place).ok();
        symlink(elsewhere.join(other), &place).expect("a link");
        let output = project.run(arguments);
        assert!(said(&output).contains(expected), "{}: {}", place.display(), said(&output));
        for folder in ["public", "outbox", "mails"] {
            assert_nothing_foreign(&project.root().join(folder), &place.display().to_string());
        }
    };
    check("content/page.md", "page.md", &["build"], "a symbolic link is not followed");
    check("content/picture.svg", "picture.svg", &["build"], "a symbolic link is not followed");
    check("recipients.csv", "list.csv", &["notice", "merge", "advance"], "a link that leaves the project");
    check("recipients.csv", "list.csv", &["build"], "a link that leaves the project");

    // A whole theme, and the configuration.
    let (project, elsewhere) = base();
    fs::create_dir_all(project.root().join("themes")).expect("a folder");
    symlink(&elsewhere, project.root().join("themes/mine")).expect("a link");
    project.write("runsheet.toml", project.read("runsheet.toml").replace("title = \"A site\"\n", "title = \"A site\"\ntheme = \"mine\"\n"));
    let output = project.run(&["build"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("a link that leaves the project"), "{}", said(&output));
    let (project, elsewhere) = base();
    fs::write(elsewhere.join("runsheet.toml"), CONFIG).expect("a file");
    fs::remove_file(project.root().join("runsheet.toml")).expect("it is there");
    symlink(elsewhere.join("runsheet.toml"), project.root().join("runsheet.toml")).expect("a link");
    let output = project.run(&["check"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[test]
fn links_that_stay_inside_are_followed() {
    let project = Project::new(&WITH_MAILING);
    project.write("content/docs/real.md", "# Real\n");
    project.write("content/docs/real.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    project.write("lists/real.csv", project.read("recipients.csv"));
    fs::remove_file(project.root().join("recipients.csv")).expect("it is there");
    symlink("lists/real.csv", project.root().join("recipients.csv")).expect("a link");
    symlink("docs/real.md", project.root().join("content/relative.md")).expect("a link");
    symlink(project.root().join("content/docs/real.svg"), project.root().join("content/absolute.svg")).expect("a link");
    project.done(&["build"]);
    assert!(project.read("public/relative.html").contains("Real"));
    assert!(project.read("public/absolute.svg").contains("svg"));
    assert_eq!(files(&project.root().join("outbox/advance")).len(), 4, "three messages and the mark");
}

/// Nobody writes to these pipes: opening one would block forever.
#[test]
fn pipes_and_devices_are_not_opened() {
    for place in
        ["content/pipe.md", "content/pipe.svg", "content/pipe.txt", "themes/mine/static/pipe.css", "themes/mine/templates/pipe.html"]
    {
        let project = Project::new(&WITH_MAILING);
        project.write("themes/mine/templates/part.html", "a part");
        project.write("themes/mine/static/style.css", "a {}");
        project.write(
            "runsheet.toml",
            project.read("runsheet.toml").replace("title = \"A site\"\n", "title = \"A site\"\ntheme = \"mine\"\n"),
        );
        pipe(&project.root().join(place));
        let output = project.run(&["build"]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{place}: {}", said(&output));
        assert!(!place.starts_with("content") || said(&output).contains("not a regular file"), "{place}: {}", said(&output));
    }
    for arguments in [&["build"][..], &["notice", "merge", "advance"], &["notice", "check", "advance"], &["notice", "review", "advance"]] {
        let project = Project::new(&WITH_MAILING);
        fs::remove_file(project.root().join("recipients.csv")).expect("it is there");
        pipe(&project.root().join("recipients.csv"));
        let output = project.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains("not a regular file"), "{arguments:?}: {}", said(&output));
    }
    let project = Project::new(&WITH_MAILING);
    for file in ["/dev/zero", "/dev/tty", "/dev"] {
        let output = project.run(&["notice", "merge", "advance", "--recipients", file]);
        assert_eq!(output.status.code(), Some(2), "{file}: {}", said(&output));
        assert!(said(&output).contains("not a regular file"), "{file}: {}", said(&output));
    }
    fs::create_dir_all(project.root().join(".runsheet")).expect("a folder");
    for kept in ["highlights", "status.json", "merged.json", "version", "links.json"] {
        pipe(&project.root().join(".runsheet").join(kept));
    }
    project.write("content/code.md", "# Code\n\n```sh\nls\n```\n");
    project.done(&["build"]);
}

/// A pipe replaces a file between its check and its opening.
#[test]
fn what_is_swapped_for_a_pipe_is_not_waited_for() {
    let project = Project::new(&[("runsheet.toml", CONFIG), ("content/index.md", "# Home\n"), ("content/a.svg", "<svg/>")]);
    let root = &project.root();
    let (is_over, swaps) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for place in ["content/index.md", "content/a.svg"] {
            scope.spawn(move || swap(&root.join(place), pipe, is_over, swaps));
        }
        let _end = over_at_end(is_over);
        for _ in 0..40 {
            let output = project.run(&["build"]);
            assert!(matches!(output.status.code(), Some(0..=2)), "{}", said(&output));
        }
    });
    assert!(swaps.load(Ordering::Relaxed) > 20, "{swaps:?} swaps");
}

#[test]
fn a_large_file_is_copied_and_not_held() {
    const LENGTH: u64 = 200 << 20;
    let project = Project::new(&[("runsheet.toml", CONFIG), ("content/index.md", "# Home\n")]);
    let large = fs::File::create(project.root().join("content/large.zip")).expect("a file");
    large.set_len(LENGTH).expect("it takes no room");
    let mut child = project.command(&["build"]).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("it is our child").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0).max(most);
        std::thread::park_timeout(Duration::from_micros(200));
    }
    let output = ended(child, "build");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::metadata(project.root().join("public/large.zip")).expect("it is published").len(), LENGTH);
    assert!(most > 1 << 10, "it was seen at work");
    assert!(most << 10 < LENGTH / 2, "{most} kB of memory");
}
