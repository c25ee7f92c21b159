//! A small project for a test, and ways to run the program in it.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

pub const CONFIG: &str = "[site]\ntitle = \"A site\"\n";

/// A project with an event and a mailing to three recipients.
pub const WITH_MAILING: [(&str, &str); 4] = [
    (
        "runsheet.toml",
        "[site]\ntitle = \"A site\"\nid = \"a-site\"\n\n[events.move]\nname = \"The move\"\nt0 = 2027-02-13T02:00:00\ntime_zone = \"UTC\"\n\
         window = \"2h\"\n\n[notices]\nfrom = \"Team <team@sample.example>\"\nsample = { name = \"Sample\" }\n\n\
         [[mailings]]\nid = \"advance\"\nnotice = \"advance\"\nrecipients = \"recipients.csv\"\nwhen = \"T-1d\"\n",
    ),
    ("content/index.md", "# Home\n\n## T-1h\n\n- [ ] Say it\n"),
    ("content/notices.md", "---\nkind: notices\n---\n# Notices\n\n## Advance\n\n**Subject:** The move\n\nHello {{ r.name }}.\n"),
    ("recipients.csv", "email,name\na@customer.example,A\nb@customer.example,B\nc@customer.example,C\n"),
];

/// A project in a folder of its own.
pub struct Project {
    folder: TempDir,
}

impl Project {
    pub fn new(files: &[(&str, &str)]) -> Project {
        let project = Project { folder: tempfile::tempdir().expect("a folder") };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program in the project, with none of the caller's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
        command.args(arguments).arg("--offline").current_dir(self.root());
        for name in ["SOURCE_DATE_EPOCH", "RUNSHEET_MESSAGE_ID_KEY", "RUNSHEET_UNSUBSCRIBE_KEY"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end, which must come soon.
    pub fn run(&self, arguments: &[&str]) -> Output {
        ended(self.command(arguments).spawn().expect("the program starts"), &arguments.join(" "))
    }

    /// Runs it; it must succeed.
    pub fn done(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        output
    }
}

/// What it printed on standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits for a program; waiting too long is a fault.
pub fn ended(child: Child, what: &str) -> Output {
    let (pid, (sender, receiver)) = (child.id().to_string(), mpsc::channel());
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(Duration::from_secs(60)) {
        Ok(output) => output.expect("it is our child"),
        Err(_) => {
            Command::new("kill").args(["-9", &pid]).status().ok();
            panic!("{what}: it does not end");
        }
    }
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// A pipe that nobody writes to: opening it blocks.
pub fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success());
}

/// A device on which every write fails as on a full disk.
pub fn full() -> File {
    File::options().write(true).open("/dev/full").expect("/dev/full")
}
