//! Other programs, and signals to this one.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::threads;
use crate::config::is_full_name;
use crate::error::{Context, Error, Result, bail};

/// A program to start. It gets none of this program's own secrets from the environment.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    for (variable, _) in std::env::vars_os().filter(|(variable, _)| variable.as_encoded_bytes().starts_with(b"RUNSHEET_")) {
        command.env_remove(variable);
    }
    command
}

/// From now on, a crash writes no memory of this program, which contains secrets and recipients, to a file.
pub fn leave_no_core() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).ok();
    // For a core that the system pipes into a program, only this limit works.
    #[cfg(target_os = "linux")]
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
}

/// Whether another person's program, except those of the system, can be seen running.
pub fn others_run_here() -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::getuid().as_raw();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(std::io::Result::ok);
    let is_process = |entry: &std::fs::DirEntry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
    processes.filter(is_process).any(|entry| entry.metadata().is_ok_and(|process| process.uid() != user && process.uid() != 0))
}

/// A program that waits for an address and opens it in the user's browser. It is started before the sandbox is entered: programs
/// started later share this program's restrictions, and a browser needs more.
pub struct Browser(ChildStdin);

impl Browser {
    /// `None` if it cannot be started.
    pub fn ready() -> Option<Browser> {
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let mut waiting = program("sh");
        waiting.args(["-c", r#"read -r address && exec "$0" "$address" </dev/null"#, opener]);
        let mut child = waiting.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        child.stdin.take().map(Browser)
    }

    /// Opens an address.
    pub fn open(mut self, address: &str) {
        writeln!(self.0, "{address}").ok();
    }
}

/// The first line that a program prints. It is started in `folder`, without a shell.
pub fn first_line(command: &[String], folder: &Path) -> Result<String> {
    let (name, arguments) = command.split_first().context("the command is empty")?;
    let output = program(name).args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` ended with {}", output.status);
    }
    only_line(name, output.stdout)
}

/// The first line that a program prints within a time limit.
pub fn first_line_within(command: &[String], folder: &Path, time: Duration) -> Result<String> {
    let (name, arguments) = command.split_first().context("the command is empty")?;
    let until = Instant::now() + time;
    let started = program(name).args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = started.with_context(|| format!("cannot start `{name}`"))?;
    let mut output = child.stdout.take().context("the program has no output")?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader = threads::start(move || {
        let mut text = Vec::new();
        let read = output.by_ref().take(MOST_OUTPUT).read_to_end(&mut text);
        sender.send(read.map(|_| text)).ok();
    });
    if let Err(error) = reader {
        child.kill().ok();
        child.wait().ok();
        return Err(error);
    }
    let text = receiver.recv_timeout(time);
    let status = loop {
        if let Some(status) = child.try_wait().with_context(|| format!("cannot wait for `{name}`"))? {
            break Some(status);
        }
        if text.is_err() || Instant::now() >= until {
            break None;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    };
    let (Ok(text), Some(status)) = (text, status) else {
        child.kill().ok();
        child.wait().ok();
        bail!("`{name}` took longer than {} s", time.as_secs());
    };
    if !status.success() {
        bail!("`{name}` ended with {status}");
    }
    only_line(name, text.with_context(|| format!("cannot read the output of `{name}`"))?)
}

/// How much of a program's output is read.
const MOST_OUTPUT: u64 = 64 << 10;

fn only_line(program: &str, output: Vec<u8>) -> Result<String> {
    let text = String::from_utf8(output).ok().with_context(|| format!("the output of `{program}` is not text"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => bail!("`{program}` printed nothing"),
    }
}

/// The name of this machine.
pub fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The full name of this machine: its own name if that has a domain, otherwise the one in /etc/hosts.
pub fn full_name() -> Option<String> {
    let name = machine();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    full_name_of(&name, &hosts)
}

fn full_name_of(name: &str, hosts: &str) -> Option<String> {
    let is_full = |name: &&str| {
        let is_here = ["localdomain", "localhost"].iter().any(|last| name.to_ascii_lowercase().ends_with(last));
        is_full_name(name) && !is_here
    };
    if is_full(&name) {
        return Some(name.to_owned());
    }
    // An address, its full name, other names: hosts(5).
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or("").split_whitespace().skip(1));
    lines
        .filter(|names| !name.is_empty() && names.clone().any(|known| known.eq_ignore_ascii_case(name)))
        .find_map(|mut names| names.find(is_full))
        .map(str::to_owned)
}

/// Eight hexadecimal digits that are very unlikely to occur in another run on any machine.
pub fn unlikely_twice() -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // The system seeds a new hash map at random.
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), time);
    blake3::hash(format!("{} {} {time:?} {random}", machine(), std::process::id()).as_bytes()).to_hex()[..8].to_owned()
}

/// Becomes true when the user wants this program to end.
#[derive(Default)]
pub struct Signal {
    pub came: AtomicBool,
    code: AtomicU8,
}

impl Signal {
    /// From now on, the first SIGINT or SIGTERM is only recorded; the second ends the program at once, and `say` gets the reason.
    pub fn watch(why: Error, say: impl Fn(&Error) + Send + 'static) -> Result<Arc<Signal>> {
        let signal = Arc::new(Signal::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot watch for signals")?;
        let noted = Arc::clone(&signal);
        // Don't return before the signals are being watched.
        let (ready, is_ready) = std::sync::mpsc::channel();
        threads::start(move || {
            runtime.block_on(async {
                use tokio::signal::unix::{SignalKind, signal};
                let streams = signal(SignalKind::interrupt()).and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
                let Ok((mut interrupt, mut terminate)) = streams else { return };
                ready.send(()).ok();
                loop {
                    let code = tokio::select! {
                        _ = interrupt.recv() => 130,
                        _ = terminate.recv() => 143,
                    };
                    noted.code.store(code, Ordering::Relaxed);
                    if noted.came.swap(true, Ordering::Relaxed) {
                        say(&why);
                        std::process::exit(i32::from(code));
                    }
                }
            });
        })?;
        is_ready.recv().context("cannot watch for signals")?;
        Ok(signal)
    }

    /// The exit code of a program that ended because of it.
    pub fn code(&self) -> u8 {
        self.code.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names() {
        let check = |name: &str, hosts: &str, expected: Option<&str>| assert_eq!(full_name_of(name, hosts).as_deref(), expected, "{name}");
        check("mail.example.org", "", Some("mail.example.org"));
        check("mail", "127.0.0.1 localhost\n127.0.1.1 mail.example.org mail # us\n", Some("mail.example.org"));
        check("MAIL", "10.0.0.2 mail mail.example.org\n", Some("mail.example.org"));
        check("4f1c2ab09d3e", "127.0.0.1 localhost\n172.17.0.2\t4f1c2ab09d3e\n", None);
        check("box", "127.0.0.1 localhost.localdomain box\n# 10.0.0.2 box.example.org box\n", None);
        check("under_score.example.org", "", None);
        check("", "10.0.0.2 a.example.org\n", None);
    }

    #[test]
    fn a_program_is_not_waited_for_too_long() {
        let run = |script: &str, time| {
            let command = ["sh", "-c", script].map(str::to_owned);
            first_line_within(&command, Path::new("/"), Duration::from_millis(time)).map_err(|error| error.to_string())
        };
        assert_eq!(run("echo one; echo two", 20_000), Ok("one".to_owned()));
        assert_eq!(run("exit 3", 20_000), Err("`sh` ended with exit status: 3".to_owned()));
        assert_eq!(run("true", 20_000), Err("`sh` printed nothing".to_owned()));
        assert_eq!(run("exec sleep 60", 100), Err("`sh` took longer than 0 s".to_owned()));
        assert_eq!(run("echo early; exec >&-; exec sleep 60", 300), Err("`sh` took longer than 0 s".to_owned()));
    }
}
