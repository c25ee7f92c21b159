//! Other programs, and signals to this one.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use anyhow::{Context, Result, bail};

/// Opens an address in the user's browser, if there is one.
pub fn open_browser(address: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    Command::new(opener).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok();
}

/// The first line that a program prints. It is started in `folder`, without a shell.
pub fn first_line(command: &[String], folder: &Path) -> Result<String> {
    let (program, arguments) = command.split_first().context("the command is empty")?;
    let output = Command::new(program).args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{program}`"))?;
    if !output.status.success() {
        bail!("`{program}` ended with {}", output.status);
    }
    let text = String::from_utf8(output.stdout).ok().with_context(|| format!("what `{program}` printed is no text"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => bail!("`{program}` printed nothing"),
    }
}

/// The name of this machine.
pub fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Eight hexadecimal digits that no other run of any machine is likely to give.
pub fn unlikely_twice() -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // The order of a fresh hash map is drawn at random by the system.
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), time);
    blake3::hash(format!("{} {} {time:?} {random}", machine(), std::process::id()).as_bytes()).to_hex()[..8].to_owned()
}

/// Told when the user wants this program to end.
#[derive(Default)]
pub struct Signal {
    pub came: AtomicBool,
    code: AtomicU8,
}

impl Signal {
    /// From now on the first SIGINT or SIGTERM is only noted; the second ends the program at once.
    pub fn watch() -> Result<Arc<Signal>> {
        let signal = Arc::new(Signal::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot watch for signals")?;
        let noted = Arc::clone(&signal);
        // Before this returns, the signals are watched for.
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
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
                        std::process::exit(i32::from(code));
                    }
                }
            });
        });
        is_ready.recv().context("cannot watch for signals")?;
        Ok(signal)
    }

    /// The exit code of a program that ended by it.
    pub fn code(&self) -> u8 {
        self.code.load(Ordering::Relaxed)
    }
}
