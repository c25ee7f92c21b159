//! The output of `runsheet build` on disk: the same bytes each time, and at every moment either the whole old tree or the whole new one.
#![allow(clippy::disallowed_methods, reason = "a test starts the program and reads what it wrote")]

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::project::{Project, ended};
use crate::{is_long, sample};

/// A page used only by the tests; its title is in the navigation of the other pages.
const PAGE: &str = "content/docs/of-the-test.md";
const TITLES: [&str; 2] = ["First edition", "Second edition"];

/// Files by path below a folder, with their bytes.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

#[test]
fn two_builds_give_the_same_bytes() {
    let project = sample::copy();
    build(project.path());
    let (site, mails) = (tree(&project.path().join("public")), tree(&project.path().join("outbox")));
    assert!(site.contains_key(Path::new("index.html")), "the site has a home page");
    assert!(mails.len() > 1, "there are mails");

    let check = |name: &str, change: &dyn Fn(&mut Command)| {
        let mut command = runsheet(project.path());
        command.args(["build", "--offline"]);
        change(&mut command);
        expect_success(&command.output().expect("the program starts"));
        assert_same(&tree(&project.path().join("public")), &site, &format!("public/ {name}"));
        assert_same(&tree(&project.path().join("outbox")), &mails, &format!("outbox/ {name}"));
    };
    check("built again", &|_| {});
    check("with --jobs 1", &|command| _ = command.args(["--jobs", "1"]));
    check("with --jobs 4", &|command| _ = command.args(["--jobs", "4"]));
    check("in Tokyo, in German", &|command| _ = command.envs([("TZ", "Asia/Tokyo"), ("LANG", "de_DE.UTF-8"), ("LC_ALL", "de_DE.UTF-8")]));
    check("in New York, in C", &|command| _ = command.envs([("TZ", "America/New_York"), ("LANG", "C"), ("LC_ALL", "C")]));
    check("after all output was removed", &|command| {
        fs::remove_dir_all(command.get_current_dir().expect("it is set").join("public")).expect("public/ can be removed");
    });
}

#[test]
fn another_folder_gives_the_same_bytes() {
    let (one, other) = (sample::copy(), sample::copy());
    build(one.path());
    build(other.path());
    for folder in ["public", "outbox"] {
        assert_same(&tree(&one.path().join(folder)), &tree(&other.path().join(folder)), folder);
    }
}

#[test]
fn a_killed_build_leaves_the_old_tree_or_the_new_one() {
    let kills = if is_long() { 40 } else { 8 };
    let project = sample::copy();
    let root = project.path();
    let mut trees = TITLES.map(|title| {
        write_page(root, title);
        build(root);
        tree(&root.join("public"))
    });
    let differing = difference(&trees[0], &trees[1]).len();
    assert!(differing >= 5, "old and new differ in many files, but only {differing} do");

    let mut random = Random::new();
    let mut duration = time_build(root);
    let (mut killed, mut builds, mut left_behind, mut new_seen) = (0, 0, 0, 0);
    while killed < kills {
        write_page(root, TITLES[builds % 2]);
        builds += 1;
        assert!(builds <= 20 * kills, "builds end before they can be killed: only {killed} of {builds} were");
        // The last tree is in public/; the killed build is about to replace it with the other.
        trees.swap(0, 1);
        let [old, new] = &trees;
        // One random moment in each slice of a build.
        let moment = duration.mul_f64((killed as f64 + random.fraction()) / kills as f64);
        let told = format!("build {builds}, to be killed after {moment:?} of {duration:?}");
        let status = kill_after(start_build(root), moment);
        killed += usize::from(status.signal() == Some(9));
        left_behind += leftovers(root).len();

        let found = tree(&root.join("public"));
        new_seen += usize::from(found == *new);
        assert!(found == *old || found == *new, "{told}: public/ is a mixture:\n{}", difference(&found, old).join("\n"));

        duration = time_build(root);
        assert_same(&tree(&root.join("public")), new, &format!("{told}: the next build"));
        assert_eq!(leftovers(root), Vec::<PathBuf>::new(), "{told}: the next build tidies up");
    }
    say(&format!(
        "{killed} of {builds} builds were killed: {new_seen} times public/ was the new tree, {left_behind} trees were left behind"
    ));
}

#[test]
fn a_failed_build_changes_nothing() {
    let project = sample::copy();
    let root = project.path();
    write_page(root, TITLES[0]);
    build(root);
    let before = (tree(&root.join("public")), tree(&root.join("outbox")));

    append(&root.join(PAGE), "\n[a page that is gone](gone.md)\n");
    let output = run_build(root);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("error[broken-link]"), "{}", stderr(&output));
    assert_same(&tree(&root.join("public")), &before.0, "public/");
    assert_same(&tree(&root.join("outbox")), &before.1, "outbox/");
    assert_eq!(leftovers(root), Vec::<PathBuf>::new());
}

#[test]
fn a_foreign_folder_is_not_touched() {
    let project = sample::copy();
    let elsewhere = tempfile::tempdir().expect("a folder");
    fs::create_dir(elsewhere.path().join("kept")).expect("a folder");
    fs::write(elsewhere.path().join("kept/letter.txt"), "mine").expect("a file");
    fs::write(elsewhere.path().join(".gitignore"), "*").expect("a file");
    let before = tree(elsewhere.path());

    expect_refusal(project.path(), elsewhere.path());
    assert_same(&tree(elsewhere.path()), &before, "the foreign folder");
    assert_eq!(entries(elsewhere.path()), [".gitignore", "kept"]);
    assert_eq!(leftovers(elsewhere.path().parent().expect("it has a parent")).len(), 0);
}

#[test]
fn an_empty_folder_is_taken_and_its_gitignore_kept() {
    let project = sample::copy();
    build(project.path());
    let mut expected = tree(&project.path().join("public"));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let out = elsewhere.path().join("site");

    let build_there =
        || expect_success(&runsheet(project.path()).args(["build", "--offline", "--out"]).arg(&out).output().expect("it starts"));
    fs::create_dir(&out).expect("an empty folder");
    build_there();
    assert_same(&tree(&out), &expected, "the empty folder");

    fs::remove_dir_all(&out).expect("it can be removed");
    fs::create_dir(&out).expect("a folder");
    fs::write(out.join(".gitignore"), "*\n!.gitignore\n").expect("a file");
    expected.insert(".gitignore".into(), b"*\n!.gitignore\n".to_vec());
    for turn in ["first", "second"] {
        build_there();
        assert_same(&tree(&out), &expected, &format!("the folder with a .gitignore, {turn} build"));
    }
    assert_eq!(entries(elsewhere.path()), ["site"]);
}

#[test]
fn sources_and_what_is_above_them_cannot_be_the_output() {
    let parent = tempfile::tempdir().expect("a folder");
    let root = &parent.path().join("project");
    sample::copy_to(root);
    fs::create_dir(parent.path().join("project/docs-to-come")).expect("an empty folder");
    let before = tree(parent.path());
    let link = root.join("link");
    std::os::unix::fs::symlink(root.join("docs-to-come"), &link).expect("a link");

    let project = root.to_str().expect("a plain path");
    let above = parent.path().to_str().expect("a plain path");
    let link = link.to_str().expect("a plain path");
    for out in [project, above, ".", "..", "content", "content/", "content/new", "content/docs/..", "themes", "examples", "docker", link] {
        expect_refusal(root, Path::new(out));
    }
    let home = tempfile::tempdir().expect("an empty folder");
    let output = runsheet(root).env("HOME", home.path()).args(["build", "--offline", "--out"]).arg(home.path()).output();
    assert_eq!(output.expect("the program starts").status.code(), Some(2), "the home folder");
    fs::remove_file(link).expect("the link is still there");
    let after = tree(parent.path());
    assert_same(&after, &before, "the project and what is beside it");
}

#[test]
fn the_folder_of_mails_cannot_be_the_output() {
    let project = sample::copy();
    expect_refusal(project.path(), Path::new("outbox"));
    assert!(!project.path().join("outbox").exists(), "nothing is written");
    build(project.path());
    let before = tree(&project.path().join("outbox"));
    expect_refusal(project.path(), Path::new("outbox"));
    assert_same(&tree(&project.path().join("outbox")), &before, "outbox/");
}

#[test]
fn a_mount_point_is_updated_file_by_file() {
    let Some(unshare) = unshare() else {
        say("NOT SHOWN: an output folder that is a mount point. This part needs root, or user namespaces, for `unshare --mount`");
        return;
    };
    let project = sample::copy();
    let root = project.path();
    let store = tempfile::tempdir().expect("a folder");
    let mounted = || {
        let script = r#"mount --bind "$1" public && shift && exec "$@""#;
        let mut command = without_settings(Command::new("unshare"));
        command.args(unshare).args(["sh", "-ec", script, "sh"]).arg(store.path());
        command.arg(env!("CARGO_BIN_EXE_runsheet")).args(["build", "--offline"]).current_dir(root);
        let output = command.output().expect("unshare starts");
        expect_success(&output);
        assert!(stderr(&output).contains("file by file"), "it is said: {}", stderr(&output));
    };

    fs::create_dir(root.join("public")).expect("a place to mount at");
    fs::write(store.path().join(".gitignore"), "*\n").expect("a file");
    write_page(root, TITLES[0]);
    append(&root.join(PAGE), "\nSee also [the other](another-of-the-test.md).\n");
    fs::write(root.join("content/docs/another-of-the-test.md"), "# Another page\n").expect("a page");
    mounted();
    assert!(store.path().join("docs/another-of-the-test.html").is_file(), "the mounted folder was written");
    assert_eq!(tree(&root.join("public")), Tree::new(), "the mount is the other process's own");

    // The second build changes pages and removes one.
    fs::remove_file(root.join("content/docs/another-of-the-test.md")).expect("the page can be removed");
    write_page(root, TITLES[1]);
    mounted();
    let mut expected = built_normally(root);
    expected.insert(".gitignore".into(), b"*\n".to_vec());
    assert_same(&tree(store.path()), &expected, "the mounted folder");
}

#[test]
fn a_build_waits_for_no_other_and_says_so() {
    let project = sample::copy();
    let root = project.path();
    build(root);
    let before = tree(&root.join("public"));
    let place = root.join(".public.lock");
    assert!(!place.exists(), "a build leaves no lock behind");
    let lock = fs::File::create(&place).expect("a file");
    lock.try_lock().expect("nobody holds the lock");

    write_page(root, TITLES[0]);
    let output = run_build(root);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("another run is writing to"), "{}", stderr(&output));
    assert_same(&tree(&root.join("public")), &before, "public/");
    // The mails have their own lock, and so does another folder.
    let elsewhere = tempfile::tempdir().expect("a folder");
    expect_success(&runsheet(root).args(["build", "--offline", "--out"]).arg(elsewhere.path().join("site")).output().expect("it starts"));

    drop(lock);
    build(root);
    assert!(!difference(&tree(&root.join("public")), &before).is_empty(), "the lock is free again");
}

#[test]
fn two_builds_at_once_leave_a_whole_tree() {
    let project = sample::copy();
    let root = project.path();
    let expected = TITLES.map(|title| {
        write_page(root, title);
        build(root);
        tree(&root.join("public"))
    });
    for turn in 0..if is_long() { 20 } else { 4 } {
        let expected = &expected[turn % 2];
        write_page(root, TITLES[turn % 2]);
        let outputs = [start_build(root), start_build(root)].map(|child| child.wait_with_output().expect("it ends"));
        for output in &outputs {
            let refused = output.status.code() == Some(2) && stderr(output).contains("another run is writing to");
            assert!(output.status.success() || refused, "{}", stderr(output));
        }
        assert!(outputs.iter().any(|output| output.status.success()), "one of the two builds");
        assert_same(&tree(&root.join("public")), expected, &format!("turn {turn}"));
        assert_eq!(leftovers(root), Vec::<PathBuf>::new());
    }
}

/// Two checkouts, one output: each build either reports the other, or runs after it.
#[test]
fn two_projects_at_once_leave_a_whole_tree_of_one() {
    let turns = if is_long() { 200 } else { 60 };
    let place = tempfile::tempdir().expect("a folder");
    let out = place.path().join("deep/site");
    let projects = TITLES.map(|title| {
        let project = Project::new(&[("runsheet.toml", &format!("[site]\ntitle = \"{title}\"\n"))]);
        for number in 0..12 {
            project.write(&format!("content/folder-{}/page-{number}.md", number % 4), format!("# Page {number} of {title}\n"));
        }
        project.write(&format!("content/only-in-{}.md", title.len()), "# Only here\n");
        project
    });
    let start = |project: &Project| project.command(&["build"]).arg("--out").arg(&out).spawn().expect("it starts");
    let expected = [&projects[0], &projects[1]].map(|project| {
        expect_success(&ended(start(project), "alone"));
        tree(&out)
    });
    let (mut refused, mut both) = (0, 0);
    for turn in 0..turns {
        if turn % 5 == 0 {
            fs::remove_dir_all(place.path().join("deep")).expect("it is there");
        }
        let outputs = [start(&projects[turn % 2]), start(&projects[1 - turn % 2])].map(|child| ended(child, "beside another"));
        let done = outputs.iter().filter(|output| output.status.success()).count();
        for output in outputs.iter().filter(|output| !output.status.success()) {
            assert!(output.status.code() == Some(2) && stderr(output).contains("another run is writing to"), "{}", stderr(output));
            refused += 1;
        }
        assert!(done > 0, "turn {turn}: one of the two");
        both += usize::from(done == 2);
        let found = tree(&out);
        assert!(expected.contains(&found), "turn {turn}: a mixture:\n{}", difference(&found, &expected[0]).join("\n"));
        assert_eq!(entries(place.path()), ["deep"], "turn {turn}");
        assert_eq!(entries(&place.path().join("deep")), ["site"], "turn {turn}");
    }
    say(&format!("{turns} turns: {refused} builds were refused, {both} times one came after the other"));
}

/// Another program deletes files during a build: it must not report success, and the old tree stays.
#[test]
fn a_folder_that_vanishes_under_a_build_is_an_error() {
    let project = Project::new(&[("runsheet.toml", "[site]\ntitle = \"A site\"\n")]);
    for number in 0..300 {
        project.write(&format!("content/folder-{}/page-{number}.md", number % 20), format!("# Page {number}\n"));
    }
    project.done(&["build"]);
    let (root, whole) = (project.root(), tree(&project.root().join("public")));
    let mut told = [0; 3];
    for turn in 0..if is_long() { 120 } else { 24 } {
        let mut child = project.command(&["build"]).spawn().expect("it starts");
        let mut removed = false;
        // The whole tree, one of its folders, or one of its files.
        while !removed && child.try_wait().expect("it is our child").is_none() {
            let aside = entries(&root).into_iter().find(|name| name.starts_with(".public.tmp-")).map(|name| root.join(name));
            removed = aside.is_some_and(|aside| match turn % 3 {
                0 => fs::rename(&aside, root.join("gone")).is_ok(),
                1 => fs::remove_dir_all(aside.join("folder-7")).is_ok(),
                _ => fs::remove_file(aside.join("folder-7/page-7.html")).is_ok(),
            });
        }
        let output = ended(child, "build");
        assert_same(&tree(&root.join("public")), &whole, &format!("turn {turn}: {}", stderr(&output)));
        if !output.status.success() {
            assert_eq!(output.status.code(), Some(2), "turn {turn}: {}", stderr(&output));
            assert!(stderr(&output).contains("another program changed"), "turn {turn}: {}", stderr(&output));
            told[turn % 3] += 1;
        }
        fs::remove_dir_all(root.join("gone")).ok();
        assert_eq!(leftovers(&root), Vec::<PathBuf>::new(), "turn {turn}");
    }
    say(&format!("{told:?} times it was noticed that the tree, a folder or a file was gone"));
    assert!(told.iter().all(|times| *times > 0), "{told:?}");
}

/// The program in a project, with none of the caller's settings.
fn runsheet(root: &Path) -> Command {
    let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_runsheet")));
    command.current_dir(root);
    command
}

fn without_settings(mut command: Command) -> Command {
    for name in ["SOURCE_DATE_EPOCH", "RUNSHEET_MESSAGE_ID_KEY", "RUNSHEET_UNSUBSCRIBE_KEY"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run_build(root: &Path) -> Output {
    start_build(root).wait_with_output().expect("it ends")
}

fn start_build(root: &Path) -> Child {
    runsheet(root).args(["build", "--offline"]).spawn().expect("the program starts")
}

fn build(root: &Path) {
    expect_success(&run_build(root));
}

/// The site that a build into a new folder produces.
fn built_normally(root: &Path) -> Tree {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let out = elsewhere.path().join("site");
    expect_success(&runsheet(root).args(["build", "--offline", "--site-only", "--out"]).arg(&out).output().expect("it starts"));
    tree(&out)
}

fn expect_success(output: &Output) {
    assert!(output.status.success(), "{}\n{}", output.status, stderr(output));
}

fn expect_refusal(root: &Path, out: &Path) {
    let output = runsheet(root).args(["build", "--offline", "--out"]).arg(out).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "--out {}: {}", out.display(), stderr(&output));
    assert!(stderr(&output).starts_with("error: "), "--out {}: {}", out.display(), stderr(&output));
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes the tests' page with a title.
fn write_page(root: &Path, title: &str) {
    fs::write(root.join(PAGE), format!("---\ntitle: {title}\n---\n\n# {title}\n\nWords.\n")).expect("the page can be written");
}

fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().append(true).open(path).expect("the file is there");
    file.write_all(text.as_bytes()).expect("the file can be written");
}

/// Builds, and returns how long it takes here, now.
fn time_build(root: &Path) -> Duration {
    let start = Instant::now();
    build(root);
    start.elapsed()
}

/// Lets a build run for a time, then kills it with SIGKILL.
fn kill_after(mut child: Child, moment: Duration) -> std::process::ExitStatus {
    let end = Instant::now() + moment;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
    child.kill().expect("it is our child");
    child.wait().expect("it is our child")
}

/// Half-built trees beside the output.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let is_leftover = |name: &String| name.starts_with(".public.tmp-") || name.starts_with(".outbox.tmp-");
    entries(folder).into_iter().filter(is_leftover).map(PathBuf::from).collect()
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it can be read"));
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn tree(folder: &Path) -> Tree {
    let mut files = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for name in entries(&next) {
            let path = next.join(name);
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("the file can be read");
            files.insert(path.strip_prefix(folder).expect("it is below").to_owned(), bytes);
        }
    }
    files
}

/// The paths at which two trees differ.
fn difference(one: &Tree, other: &Tree) -> Vec<String> {
    let mut paths: Vec<&PathBuf> = one.keys().chain(other.keys()).filter(|path| one.get(*path) != other.get(*path)).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| path.display().to_string()).collect()
}

fn assert_same(found: &Tree, expected: &Tree, name: &str) {
    let paths = difference(found, expected);
    assert!(paths.is_empty(), "{name}: these differ:\n{}", paths.join("\n"));
}

/// The command that makes a private mount possible here, if there is one.
fn unshare() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
    ways.into_iter().find(|way| {
        let script = "mount --bind /tmp /tmp";
        Command::new("unshare").args(*way).args(["sh", "-c", script]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    })
}

/// Prints something even if the test passes.
fn say(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").expect("standard error can be written");
}

/// Numbers that differ in each run (xorshift64*).
struct Random(u64);

impl Random {
    fn new() -> Random {
        Random(RandomState::new().build_hasher().finish() | 1)
    }

    /// A number from 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = u32::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32).expect("32 bits are left");
        f64::from(high) / f64::from(u32::MAX)
    }
}
