//! What a run may touch, in the kernel's sandbox and without it.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::project::{Project, WITH_MAILING, ended, files, said};

const PROGRAM: &str = env!("CARGO_BIN_EXE_runsheet");

/// The commands that enter it, except `serve`, which does not end.
const COMMANDS: [&str; 3] = ["build", "check", "schedule"];

/// A project with code, so that something is cached, and with a plan.
fn project() -> Project {
    let project = Project::new(&WITH_MAILING);
    project.write("content/code.md", "# Code\n\n```sh\nls --all\n```\n");
    project.write("content/sheet.md", "---\nkind: run-sheet\n---\n# Sheet\n\n## T-1h Begin\n\n- [ ] Say it\n");
    project
}

/// A command as completed by the closure, without the caller's settings for Git, certificates and libraries.
fn run(told: impl FnOnce(&mut Command) -> &mut Command) -> Output {
    let mut command = Command::new(PROGRAM);
    for name in ["SOURCE_DATE_EPOCH", "LD_LIBRARY_PATH", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"] {
        command.env_remove(name);
    }
    told(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.spawn().expect("it starts");
    ended(output, &format!("{command:?}"))
}

fn assert_done(output: &Output, what: &str) {
    assert!(output.status.success(), "{what}: {}", said(output));
}

/// Whether this kernel has a sandbox; if not, prints what is not tested.
fn is_missing(what: &str) -> bool {
    let project = project();
    let seen = said(&project.done(&["schedule", "--verbose"]));
    let is_missing = !seen.contains("sandbox: Landlock, version ");
    if is_missing {
        println!("NOT SHOWN: {what}. {seen}");
    }
    is_missing
}

fn program(folder: &Path, name: &str, script: &str) {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join(name), format!("#!/bin/bash\n{script}")).expect("a program");
    fs::set_permissions(folder.join(name), Permissions::from_mode(0o755)).expect("it is ours");
}

/// A program in place of `git` that tries things for which no run has a reason, and records what worked.
struct Intruder {
    project: Project,
    elsewhere: TempDir,
    listener: TcpListener,
}

const REFUSED: [&str; 8] = [
    "changed a page",
    "made a page",
    "changed the configuration",
    "made a file of the project",
    "moved a page",
    "read /etc/passwd",
    "read the home folder",
    "wrote elsewhere",
];

impl Intruder {
    fn new() -> Intruder {
        let (project, elsewhere) = (project(), tempfile::tempdir().expect("a folder"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (root, home) = (project.root(), elsewhere.path().join("home"));
        fs::create_dir(&home).expect("a folder");
        fs::create_dir(root.join(".runsheet")).expect("a folder");
        fs::write(home.join("key"), "a key").expect("a file");
        let tries = [
            "echo more >> ROOT/content/code.md",
            "echo '# More' > ROOT/content/more.md",
            "echo '# more' >> ROOT/runsheet.toml",
            "echo more > ROOT/more",
            "mv ROOT/content/index.md ROOT/content/home.md",
            "cat /etc/passwd",
            "cat HOME/key",
            "echo more > HOME/more",
        ];
        let mut script = "note() { echo \"$1\" >> ROOT/.runsheet/noted; }\nnote started\n".to_owned();
        for (what, how) in REFUSED.iter().zip(tries) {
            script.push_str(&format!("({how}) >/dev/null 2>&1 && {{ note '{what}'; bad=1; }}\n"));
        }
        script.push_str("(exec 3<>/dev/tcp/127.0.0.1/PORT) 2>/dev/null && note connected\n");
        // It reports a shallow history, as Git does: that is visible even if nothing can be recorded.
        script.push_str("[ -z \"$bad\" ] || echo true\n");
        let port = listener.local_addr().expect("it has one").port().to_string();
        let script = script.replace("ROOT", &root.display().to_string()).replace("HOME", &home.display().to_string());
        program(&elsewhere.path().join("programs"), "git", &script.replace("PORT", &port));
        Intruder { project, elsewhere, listener }
    }

    fn settings<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let path = std::env::var("PATH").expect("it is set");
        command.env("PATH", format!("{}:{path}", self.elsewhere.path().join("programs").display()));
        command.env("HOME", self.elsewhere.path().join("home")).current_dir(self.project.root())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = run(|command| self.settings(command.args(arguments)));
        assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {}", said(&output));
        output
    }

    fn noted(&self) -> BTreeSet<String> {
        let file = self.project.root().join(".runsheet/noted");
        let noted = fs::read_to_string(&file).unwrap_or_default().lines().map(str::to_owned).collect();
        fs::remove_file(file).ok();
        noted
    }
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_program_that_a_build_starts_reaches_only_what_the_build_may() {
    if is_missing("what the sandbox keeps from programs") {
        return;
    }
    let intruder = Intruder::new();
    let before = files(&intruder.project.root().join("content"));
    intruder.run(&["build", "--offline"]);
    assert_eq!(intruder.noted(), set(&["started"]), "in the sandbox, with --offline");
    intruder.run(&["build"]);
    assert_eq!(intruder.noted(), set(&["started", "connected"]), "in the sandbox");
    assert_eq!(files(&intruder.project.root().join("content")), before);
    intruder.run(&["build", "--offline", "--no-sandbox"]);
    assert_eq!(intruder.noted(), set(&[&REFUSED[..], &["started", "connected"]].concat()), "without it all of it can be done");
    assert!(intruder.listener.set_nonblocking(true).is_ok() && intruder.listener.accept().is_ok(), "it did connect");
}

#[test]
fn a_program_that_a_check_starts_reaches_nothing() {
    if is_missing("what the sandbox keeps from programs") {
        return;
    }
    let intruder = Intruder::new();
    let output = intruder.run(&["check", "--offline"]);
    assert!(!said(&output).contains("shallow-history"), "{}", said(&output));
    assert_eq!(intruder.noted(), BTreeSet::new(), "it cannot even note that it was started");
    let output = intruder.run(&["check", "--offline", "--no-sandbox"]);
    assert!(said(&output).contains("shallow-history"), "without it something can be done: {}", said(&output));
}

#[test]
fn a_program_that_serve_starts_reaches_nothing_and_the_browser_all() {
    if is_missing("what the sandbox keeps from programs") {
        return;
    }
    let intruder = Intruder::new();
    let opened = intruder.elsewhere.path().join("home/opened");
    let browser = format!("cat /etc/passwd > {0}.tmp && echo \"$1\" >> {0}.tmp && mv {0}.tmp {0}\n", opened.display());
    program(&intruder.elsewhere.path().join("programs"), "xdg-open", &browser);
    let server = Server::start(|command| intruder.settings(command.args(["serve", "--port", "0", "--offline", "--open"])));
    let started = Instant::now();
    while !opened.exists() && started.elapsed() < Duration::from_secs(30) {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let seen = fs::read_to_string(&opened).expect("the browser was opened, outside of the sandbox");
    assert!(seen.contains("root:") && seen.contains(&format!("http://{}/", server.address)), "{seen}");
    assert!(!server.said.contains("shallow-history"), "{}", server.said);
    assert_eq!(intruder.noted(), BTreeSet::new());
    assert!(server.get("/code.html").contains("ls"));
}

/// The program itself reads no page through a link that leaves the project: this works without the kernel.
#[test]
fn no_page_shows_a_file_of_the_system() {
    for options in [&[][..], &["--no-sandbox"]] {
        for name in ["page.md", "picture.svg", "file.txt", "folder"] {
            let project = project();
            let target = if name == "folder" { "/etc" } else { "/etc/passwd" };
            symlink(target, project.root().join("content").join(name)).expect("a link");
            project.write("content/more.md", "# More\n\n[file](../../../../../etc/passwd)\n{% include \"/etc/passwd\" %}\n");
            let output = project.run(&[&["build"], options].concat());
            assert!(said(&output).contains("a symbolic link is not followed"), "{name}: {}", said(&output));
            assert!(!said(&output).contains("root:"), "{name}: {}", said(&output));
            for file in files(&project.root().join("public")) {
                let bytes = fs::read(&file).expect("it can be read");
                assert!(!String::from_utf8_lossy(&bytes).contains("root:"), "{name}: {}", file.display());
            }
        }
    }
}

#[test]
fn verbose_says_what_holds() {
    let project = project();
    let root = project.root().display().to_string();
    for command in COMMANDS {
        let seen = said(&project.done(&[command, "--verbose", "--no-sandbox"]));
        assert!(seen.contains("no sandbox: --no-sandbox\n"), "{command}: {seen}");
        assert!(!said(&project.done(&[command])).contains("sandbox"), "{command} says nothing of it");
    }
    if is_missing("what is said of the sandbox") {
        return;
    }
    let check = |arguments: &[&str], expected: &str| {
        let output = run(|command| command.args(arguments).arg("--verbose").current_dir(project.root()));
        assert_done(&output, "it is well");
        let (seen, expected) = (said(&output), expected.replace("ROOT", &root));
        let line = seen.lines().find(|line| line.starts_with("sandbox: Landlock, version ")).unwrap_or_default();
        assert!(line.ends_with(&expected), "{arguments:?}: {seen}");
    };
    let reads = "reads ROOT and the system files that programs need";
    check(&["schedule"], &format!(": {reads}; writes nothing; no connections"));
    check(&["check"], &format!(": {reads}; writes nothing; connections"));
    check(&["check", "--offline"], &format!(": {reads}; writes nothing; no connections"));
    check(&["build", "--offline"], &format!(": {reads}; writes ROOT/.runsheet, ROOT/public, ROOT/outbox; no connections"));
    check(&["build", "--site-only"], &format!(": {reads}; writes ROOT/.runsheet, ROOT/public; connections"));
}

/// Whether a program is there, to be started.
fn is_there(name: &str, what: &str) -> bool {
    let is_there = Command::new(name).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !is_there {
        println!("NOT SHOWN: {what}. This part needs `{name}`");
    }
    is_there
}

#[test]
fn where_the_kernel_has_none_all_is_done_without() {
    if !is_there("strace", "a kernel without Landlock") {
        return;
    }
    let refusals = [
        ("landlock_create_ruleset", "ENOSYS", "this kernel has no Landlock\n"),
        ("landlock_create_ruleset", "EOPNOTSUPP", "Landlock is not enabled in this kernel\n"),
        ("landlock_restrict_self", "EPERM", ""),
        ("landlock_add_rule", "ENOMEM", ""),
    ];
    for (call, error, why) in refusals {
        let project = project();
        for name in COMMANDS {
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("inject={call}:error={error}"), PROGRAM, name]);
            command.args(["--offline", "--verbose"]).current_dir(project.root());
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let output = ended(command.spawn().expect("strace starts"), name);
            assert_done(&output, &format!("{name}, {call} fails with {error}"));
            assert!(said(&output).contains(&format!("no sandbox: {why}")), "{name}, {call}: {}", said(&output));
        }
        assert!(project.root().join("public/code.html").exists());
    }
}

/// Older kernels support less: each is used as far as possible.
#[test]
fn older_kernels_hold_back_what_they_know() {
    if !is_there("strace", "older kernels") || is_missing("older kernels") {
        return;
    }
    for version in 1..7 {
        let project = project();
        for name in COMMANDS {
            let mut command = Command::new("strace");
            // The first call asks for the version.
            command.args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &format!("inject=landlock_create_ruleset:retval={version}:when=1"),
                PROGRAM,
            ]);
            command.args([name, "--offline", "--verbose"]).current_dir(project.root());
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let output = ended(command.spawn().expect("strace starts"), name);
            assert_done(&output, &format!("{name}, version {version}"));
            assert!(said(&output).contains(&format!("sandbox: Landlock, version {version}: ")), "{name}: {}", said(&output));
        }
        assert!(project.root().join("public/code.html").exists());
    }
}

/// A server whose start is awaited.
struct Server {
    child: Child,
    address: String,
    /// Its output until then.
    said: String,
    _talk: BufReader<std::process::ChildStderr>,
}

impl Server {
    fn start(told: impl FnOnce(&mut Command) -> &mut Command) -> Server {
        let mut command = Command::new(PROGRAM);
        told(&mut command);
        Server::of(command)
    }

    fn of(mut command: Command) -> Server {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut talk = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(talk.read_line(&mut line).is_ok_and(|length| length > 0), "it ended: {said}");
            said.push_str(&line);
            if let Some(rest) = line.strip_prefix("serving http://") {
                break rest.split('/').next().unwrap_or_default().to_owned();
            }
        };
        Server { child, address, said, _talk: talk }
    }

    fn get(&self, target: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not killed at once: strace ends the program that it traces.
        Command::new("kill").arg(self.child.id().to_string()).status().ok();
        self.child.wait().ok();
    }
}

/// Files that the program opens, according to strace; with `O_PATH`, a file is neither read nor written.
fn opened(traces: &Path) -> BTreeSet<PathBuf> {
    let mut opened = BTreeSet::new();
    for file in files(traces) {
        let trace = fs::read_to_string(file).expect("a trace");
        for line in trace.lines().filter(|line| line.starts_with("open") && !line.contains("O_PATH")) {
            let Some((_, result)) = line.rsplit_once(" = ") else { panic!("{line}") };
            // `16</some/path>`, or an error.
            if let Some((_, path)) = result.split_once('<') {
                opened.insert(PathBuf::from(path.rsplit_once('>').expect("it ends").0));
            }
        }
    }
    opened
}

/// The system files that may be read; nothing else.
fn is_of_the_system(path: &Path) -> bool {
    let folders = ["/usr", "/lib", "/lib64", "/sys/fs/cgroup", "/sys/devices/system", "/sys/kernel/mm"];
    let names = ["/dev/null", "/dev/urandom", "/etc/ld.so.cache", "/etc/localtime", "/etc/gitconfig", "/proc/sys/vm/overcommit_memory"];
    let own = ["status", "cgroup", "mountinfo", "maps"];
    let is_own = |name: &str| path.starts_with("/proc") && path.components().count() == 4 && path.ends_with(name);
    folders.iter().any(|folder| path.starts_with(folder)) || names.iter().any(|name| path == Path::new(name)) || own.into_iter().any(is_own)
}

#[test]
fn nothing_else_is_opened() {
    if !is_there("strace", "what is opened") {
        return;
    }
    let empty = tempfile::tempdir().expect("a folder");
    let shell = "/bin/sh";
    for sandbox in [&[][..], &["--no-sandbox"]] {
        for arguments in [&["build"][..], &["check"], &["schedule"], &["serve", "--port", "0"], &["build", "--out", "../site"]] {
            let project = project();
            project.write("content/picture.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
            project.write("themes/mine/templates/part.html", "a part");
            let traces = tempfile::tempdir().expect("a folder");
            let trace = traces.path().join("of").display().to_string();
            let mut command = Command::new(if Path::new("/usr/bin/strace").exists() { "/usr/bin/strace" } else { "strace" });
            command.args(["-ff", "-y", "-qq", "-I2", "-e", "trace=open,openat,openat2,open_by_handle_at", "-o", &trace, PROGRAM]);
            command.args(arguments).args(sandbox).arg("--offline").current_dir(project.root());
            // There is no Git to find, so everything seen is the program's own.
            command.env_clear().env("PATH", empty.path()).env("HOME", empty.path()).env("SHELL", shell);
            if arguments[0] == "serve" {
                let server = Server::of(command);
                assert!(server.get("/code.html").contains("200 OK") && server.get("/picture.svg").contains("200 OK"));
            } else {
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                assert_done(&ended(command.spawn().expect("strace starts"), "strace"), &format!("{arguments:?}"));
            }
            let root = fs::canonicalize(project.root()).expect("it is there");
            let seen = opened(traces.path());
            assert!(seen.contains(&root.join("content/code.md")), "it was seen at work: {seen:?}");
            let parent = root.parent().expect("it has one");
            let beside = |path: &Path| {
                let name = path.strip_prefix(parent).ok().and_then(|path| Some(path.iter().next()?.to_str()?.to_owned()));
                // Its folder is searched for leftovers.
                path == parent || name.is_some_and(|name| name == "site" || name == ".site.lock" || name.starts_with(".site.tmp-"))
            };
            let is_output = |path: &Path| arguments.contains(&"--out") && beside(path);
            for path in &seen {
                assert!(path.starts_with(&root) || is_output(path) || is_of_the_system(path), "{arguments:?} opens {}", path.display());
            }
        }
    }
}

/// A thread started earlier would stay outside forever.
#[test]
fn it_is_entered_before_any_thread_runs() {
    if !is_there("strace", "when threads are started") || is_missing("when threads are started") {
        return;
    }
    for arguments in [&["build"][..], &["check"], &["schedule"], &["serve", "--port", "0"]] {
        let project = project();
        let trace = project.root().join("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-I2", "-e", "trace=clone,clone3,fork,vfork,landlock_restrict_self", "-o"]).arg(&trace).arg(PROGRAM);
        command.args(arguments).args(["--offline"]).current_dir(project.root());
        if arguments[0] == "serve" {
            Server::of(command).get("/code.html");
        } else {
            assert_done(
                &ended(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("strace starts"), "strace"),
                &format!("{arguments:?}"),
            );
        }
        let trace = fs::read_to_string(trace).expect("a trace");
        let main = trace.split_whitespace().next().expect("a line");
        let is_entered = |line: &&str| line.starts_with(main) && line.contains("landlock_restrict_self");
        let started = trace.lines().filter(|line| !line.contains("resumed>")).take_while(|line| !is_entered(line));
        let started = started.filter(|line| !line.contains("landlock_restrict_self")).count();
        assert!(trace.lines().any(|line| is_entered(&line)), "{arguments:?}: {trace}");
        assert_eq!(started, 1, "{arguments:?}: the rehearsal, and no other: {trace}");
    }
}

/// Runs all four commands, set up by the closure; the site is the same as without the sandbox. `out` is where it is written.
fn all_is_well(what: &str, out: &Path, told: &dyn Fn(&mut Command) -> &mut Command) {
    let run_with = |name: &str, option: &str| {
        let output =
            run(|command| told(command.args([name, "--offline", "--verbose"]).args(Some(option).filter(|option| !option.is_empty()))));
        assert_done(&output, &format!("{what}, {name}"));
        let expected = if option.is_empty() { "sandbox: Landlock, version " } else { "no sandbox: --no-sandbox" };
        assert!(said(&output).contains(expected), "{what}, {name}: {}", said(&output));
        output
    };
    let tree = || -> Vec<_> { files(out).into_iter().map(|file| (file.clone(), fs::read(file).expect("it can be read"))).collect() };
    let mut trees = Vec::new();
    // Created, replaced, and replaced without.
    for option in ["", "", "--no-sandbox"] {
        run_with("build", option);
        trees.push(tree());
    }
    assert!(!trees[0].is_empty() && trees[0] == trees[1], "{what}: two builds differ");
    assert!(trees[1] == trees[2], "{what}: the sandbox changes the site");
    for name in ["check", "schedule"] {
        let (with, without) = (run_with(name, ""), run_with(name, "--no-sandbox"));
        assert_eq!(with.stdout, without.stdout, "{what}, {name}");
    }
    let server = Server::start(|command| told(command.args(["serve", "--port", "0", "--offline", "--verbose"])));
    assert!(server.said.contains("sandbox: Landlock"), "{what}: {}", server.said);
    assert!(server.get("/code.html").contains("200 OK") && server.get("/code.html").contains("ls"), "{what}");
    assert!(!beside(out), "{what}: something is left beside the output");
}

/// Whether a lock or half a tree is beside an output.
fn beside(out: &Path) -> bool {
    let names =
        fs::read_dir(out.parent().expect("it has one")).expect("it is there").map(|entry| entry.expect("it can be read").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).any(|name| name.ends_with(".lock") || name.contains(".tmp-"))
}

#[test]
fn ordinary_projects_are_not_held_up() {
    if is_missing("that the sandbox holds nobody up") {
        return;
    }
    let elsewhere = tempfile::tempdir().expect("a folder");
    let place = |name: &str| elsewhere.path().join(name);

    let own = project();
    let root = own.root();
    all_is_well("in its folder", &root.join("public"), &|command| command.current_dir(&root));
    all_is_well("below it", &root.join("public"), &|command| command.current_dir(root.join("content")));
    all_is_well("from elsewhere", &root.join("public"), &|command| command.current_dir("/").arg("--root").arg(&root));
    all_is_well("no HOME", &root.join("public"), &|command| command.current_dir(&root).env_remove("HOME"));
    let out = place("a/new/site");
    all_is_well("out elsewhere", &out, &|command| command.current_dir(&root).arg("--out").arg(&out));
    let out = root.parent().expect("it has one").join("site");
    all_is_well("out beside it", &out, &|command| command.current_dir(&root).args(["--out", "../site"]));
    let out = root.join("build/deep/site");
    all_is_well("out below it", &out, &|command| command.current_dir(&root).args(["--out", "build/deep/site"]));
    symlink(&root, place("link")).expect("a link");
    all_is_well("in a link", &root.join("public"), &|command| command.current_dir(place("link")));
    all_is_well("by a link", &root.join("public"), &|command| command.arg("--root").arg(place("link")));

    let kept = project();
    let root = kept.root();
    fs::create_dir(place("kept")).expect("a folder");
    symlink(place("kept"), root.join(".runsheet")).expect("a link");
    all_is_well("what is kept lies elsewhere", &root.join("public"), &|command| command.current_dir(&root));
    assert!(place("kept/highlights").exists(), "it was kept");

    if Path::new("/dev/shm").is_dir() {
        let memory = tempfile::tempdir_in("/dev/shm").expect("a folder");
        let copied = Command::new("cp").arg("-r").arg(own.root()).arg(memory.path().join("project")).status();
        assert!(copied.expect("cp starts").success());
        let root = memory.path().join("project");
        all_is_well("in memory", &root.join("public"), &|command| command.current_dir(&root));
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "user.name=A", "-c", "user.email=a@customer.example", "-c", "commit.gpgsign=false"]);
    let output = command.args(arguments).env_remove("GIT_DIR").output().expect("git starts");
    assert_done(&output, &format!("git {arguments:?}"));
}

/// A repository may be spread over several places, and so may its configuration: the site is the same, with its dates.
#[test]
fn the_history_is_read_wherever_it_lies() {
    if is_missing("that the sandbox lets Git read a repository") {
        return;
    }
    let project = project();
    let (top, place) = (project.root(), project.root().parent().expect("it has one").to_owned());
    for name in ["content", "runsheet.toml", "recipients.csv"] {
        fs::create_dir_all(top.join("below/docs")).expect("a folder");
        fs::rename(top.join(name), top.join("below/docs").join(name)).expect("it is there");
    }
    fs::write(top.join(".mailmap"), "B <b@customer.example> <a@customer.example>\n").expect("a file");
    git(&top, &["init", "--quiet"]);
    git(&top, &["add", "."]);
    git(&top, &["commit", "--quiet", "--message", "all"]);
    git(&top, &["worktree", "add", "--quiet", "--detach", &place.join("worktree").display().to_string()]);
    let borrowed = place.join("borrowed").display().to_string();
    git(&place, &["clone", "--quiet", "--shared", &top.display().to_string(), &borrowed]);

    // The user's configuration is in several files.
    let home = place.join("home");
    fs::create_dir_all(home.join("dotfiles")).expect("a folder");
    fs::write(home.join("dotfiles/main"), "[user]\n\tname = A\n[include]\n\tpath = more\n").expect("a file");
    fs::write(home.join("dotfiles/more"), "[core]\n\tquotePath = false\n[include]\n\tpath = \"~/last\"\n").expect("a file");
    fs::write(home.join("last"), "[log]\n\tdate = iso\n").expect("a file");
    symlink("dotfiles/main", home.join(".gitconfig")).expect("a link");
    fs::rename(home.join("dotfiles/more"), home.join("more")).expect("it is there");
    for repository in ["project", "worktree", "borrowed"] {
        let root = place.join(repository).join("below/docs");
        all_is_well(repository, &root.join("public"), &|command| command.current_dir(&root).env("HOME", &home));
        let page = fs::read_to_string(root.join("public/code.html")).expect("a page");
        assert!(page.contains("<time"), "{repository}: the page says when it was changed: {page}");
    }
}

#[test]
fn a_certificate_is_read_wherever_it_lies() {
    let certificates = "/etc/ssl/certs/ca-certificates.crt";
    if !Path::new(certificates).exists() {
        println!("NOT SHOWN: a certificate outside the project. This part needs {certificates}");
        return;
    }
    let project = project();
    let elsewhere = tempfile::tempdir().expect("a folder");
    fs::copy(certificates, elsewhere.path().join("ca.pem")).expect("a file");
    let status =
        format!("\n[status]\nurl = \"https://127.0.0.1:1\"\nslug = \"x\"\nca_file = \"{}\"\n", elsewhere.path().join("ca.pem").display());
    project.write("runsheet.toml", project.read("runsheet.toml") + &status);
    for name in ["build", "check"] {
        let seen = |option: &[&str]| said(&run(|command| command.arg(name).args(option).current_dir(project.root())));
        assert_eq!(seen(&[]), seen(&["--no-sandbox"]), "{name}");
        assert!(seen(&[]).contains("refused"), "{name}: nobody listens there, but the certificates are read: {}", seen(&[]));
    }
}

#[test]
fn a_project_that_cannot_be_written_is_checked() {
    let ways: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
    let project = project();
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && cd \"$1\" && shift && exec \"$@\"";
    for way in ways {
        let mut command = Command::new("unshare");
        command.args(way).args(["sh", "-ec", script, "sh"]).arg(project.root()).arg(PROGRAM);
        let output = command.args(["check", "--verbose"]).stdin(Stdio::null()).output().expect("unshare starts");
        if said(&output).contains("unshare") || said(&output).contains("mount:") {
            continue;
        }
        assert_done(&output, "check");
        assert!(said(&output).contains("2 warnings"), "{}", said(&output));
        // A build with its output elsewhere only has to read the project.
        project.write("content/code.md", "# Code\n\nls\n");
        let out = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("unshare");
        command.args(way).args(["sh", "-ec", script, "sh"]).arg(project.root()).arg(PROGRAM).args(["build", "--site-only", "--out"]);
        let output = command.arg(out.path().join("site")).stdin(Stdio::null()).output().expect("unshare starts");
        assert_done(&output, "build");
        assert!(out.path().join("site/code.html").exists());
        return;
    }
    println!("NOT SHOWN: a project that cannot be written. This part needs root, or user namespaces, for `unshare --mount`");
}
