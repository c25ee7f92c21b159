//! A third-party web server that publishes a site: the manual's recipe, the server itself, and its answers.
#![allow(clippy::disallowed_methods, reason = "a test starts web servers")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The manual's recipe in this language.
pub fn recipe(language: &str) -> String {
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("content/guide/publishing.md")).expect("the manual");
    let recipe = manual.split(&format!("```{language}\n")).nth(1).and_then(|rest| rest.split("```").next());
    recipe.expect("a recipe").to_owned()
}

/// A folder for a server whose site has these files, each with its name as its text. Not a hidden folder, which the server would hide.
pub fn home(files: &[&str]) -> TempDir {
    let home = tempfile::Builder::new().prefix("web").tempdir().expect("a folder");
    for name in files {
        let path = home.path().join("public").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, name).expect("a file");
    }
    home
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// A server on loopback, stopped when dropped.
pub struct WebServer {
    child: Child,
    port: u16,
    _home: TempDir,
}

impl WebServer {
    /// Starts a server for this port, and waits until it listens. Its log is in its home folder.
    pub fn start(home: TempDir, port: u16, command: &mut Command) -> WebServer {
        let log = fs::File::create(home.path().join("log")).expect("a file");
        let child = command.stderr(log).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        WebServer { child, port, _home: home }
    }

    /// The whole answer to a request with these lines in its head.
    pub fn get(&self, path: &str, head: &str) -> String {
        let port = self.port;
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it is there");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{head}\r\n").expect("it listens");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }
}

/// The code of an answer, such as `200`.
pub fn code(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("")
}
