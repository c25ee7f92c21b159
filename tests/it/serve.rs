//! What `runsheet serve` answers, and to whom: pages, errors, only the site, and an event after every edit.
#![allow(clippy::disallowed_methods, reason = "a test starts the program and talks to it")]

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::sample;

/// Everything awaited arrives much sooner; after this time it has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// A page used only by the tests.
const PAGE: &str = "content/docs/of-the-test.md";
const PAGE_ADDRESS: &str = "/docs/of-the-test.html";
/// The page with the notices.
const NOTICES: &str = "content/docs/USER_NOTICE_TEMPLATE.md";

/// In a file that must not be served.
const SECRET: &str = "a-secret-of-the-test";

#[test]
fn pages_and_what_is_none() {
    let server = Server::start();
    let check = |target: &str, status: u16, kind: &str, words: &str| {
        let answer = server.get(target);
        assert_eq!(answer.status, status, "{target}: {answer:?}");
        assert!(answer.header("content-type").starts_with(kind), "{target}: {answer:?}");
        assert!(answer.body.contains(words), "{target}: {answer:?}");
    };
    check("/", 200, "text/html", "<!DOCTYPE html>");
    check("/index.html", 200, "text/html", "/_runsheet/reload.js");
    check("/docs/cutover-checklist.html", 200, "text/html", "<h1");
    check(PAGE_ADDRESS, 200, "text/html", "the first words");
    check("/_runsheet/reload.js", 200, "text/javascript", "EventSource");
    check("/no-such-page.html", 404, "text/html", "<h1");
    check("/docs/no-such-page", 404, "text/html", "<h1");

    let answer = server.get("/docs");
    assert_eq!((answer.status, answer.header("location")), (302, "/docs/"), "{answer:?}");
    let policy = server.get("/").header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(server.get("/").header("access-control-allow-origin"), "");
}

#[test]
fn other_names_and_other_methods_are_refused() {
    let server = Server::start();
    let port = server.address.port();
    let check = |request: String, status: u16| {
        let answer = server.ask(&request);
        assert_eq!(answer.status, status, "{request}{answer:?}");
        assert!(!answer.body.contains("<h1"), "{request}{answer:?}");
    };
    let with_host = |host: &str| format!("GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    check(with_host("Host: docs.freshtrackpro.com\r\n"), 421);
    check(with_host(&format!("Host: evil.example:{port}\r\n")), 421);
    check(with_host(&format!("Host: 127.0.0.1.evil.example:{port}\r\n")), 421);
    check(with_host(&format!("Host: 0.0.0.0:{port}\r\n")), 421);
    check(with_host(&format!("Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n")), 421);
    check(with_host(""), 421);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        check(format!("{method} / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), 405);
    }
    assert_eq!(server.ask(&with_host(&format!("Host: localhost:{port}\r\n"))).status, 200);
    let head = server.ask(&format!("HEAD / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn nothing_but_the_site_is_served() {
    let server = Server::start();
    let ways_up = "/.. /%2e%2e /.%2e /%2E. /docs/../.. /docs/%2e%2e/%2e%2e /docs/..%2f.. /docs%2f..%2f.. /..%5c // /.".split(' ');
    let files = ["runsheet.toml", "examples/recipients.csv", ".env", "content/index.md", ".runsheet/lock", ".git/config"];
    let mut targets: Vec<String> = files.iter().map(|file| format!("/{file}")).collect();
    for way in ways_up {
        targets.extend(files.iter().flat_map(|file| [format!("{way}/{file}"), format!("{way}%2f{file}"), format!("{way}{file}")]));
    }
    targets.extend(["/%00", "/index.html%00.css", "/%zz", "/%", "/%c0%ae%c0%ae/.env", "/..;/.env", "\\..\\.env"].map(str::to_owned));
    targets.push(format!("/{}", "a/".repeat(5000)));
    let private = ["base_url =", "sample@newyork.example", SECRET, "owner:"];
    for target in &targets {
        let answer = server.get(target);
        assert_ne!(answer.status, 200, "{target}: {answer:?}");
        assert!(!private.iter().any(|words| answer.body.contains(words)), "{target}: {answer:?}");
    }
    assert_eq!(server.get("/").status, 200, "the server is well after {} requests", targets.len());
}

#[test]
fn an_edit_is_told_and_shown() {
    let server = Server::start();
    let mut events = server.events();
    let first = events.next();
    assert_eq!(first["faults"], "", "{first}");

    server.write_page("the second words");
    let body = events.next_until(|_| server.get(PAGE_ADDRESS).body.contains("the second words"));
    assert!(body["change"].as_u64() > first["change"].as_u64(), "{body} comes after {first}");
    assert!(!server.get(PAGE_ADDRESS).body.contains("the first words"));

    // As many editors do: a new file replaces the old one.
    let new = server.path("content/docs/.of-the-test.md.new");
    fs::write(&new, page("the third words")).expect("the file can be written");
    fs::rename(new, server.path(PAGE)).expect("the file can be renamed");
    events.next_until(|_| server.get(PAGE_ADDRESS).body.contains("the third words"));

    // A reader who connects later gets the present state at once.
    let late = server.events().next();
    assert_eq!(late["faults"], "", "{late}");
}

#[test]
fn a_fault_keeps_the_last_good_page() {
    let server = Server::start();
    let address = "/docs/user-notice-template.html";
    let notices = fs::read_to_string(server.path(NOTICES)).expect("the notices are there");
    let good = server.get(address).body;
    let mut events = server.events();
    assert_eq!(events.next()["faults"], "");

    let broken = notices.replacen("Hello {{ r.name }},", "Greetings {{ r.name,", 1);
    assert_ne!(broken, notices, "a notice is changed");
    fs::write(server.path(NOTICES), broken).expect("the file can be written");
    let event = events.next_until(|event| event["faults"] != "");
    let faults = event["faults"].as_str().expect("a text");
    assert!(faults.contains("error[") && faults.contains(NOTICES), "{faults}");
    assert_eq!(server.get(address).body, good, "the page is the last good one");
    assert_eq!(server.events().next()["faults"], event["faults"], "a reader who comes later sees the fault too");

    fs::write(server.path(NOTICES), notices.replacen("Hello {{ r.name }},", "Greetings {{ r.name }},", 1)).expect("it can be written");
    events.next_until(|event| event["faults"] == "");
    assert!(server.get(address).body.contains("Greetings"), "the repaired page is shown");
}

#[test]
fn the_page_of_no_address_finds_its_files_wherever_the_site_will_be() {
    let server = Server::start();
    let config = fs::read_to_string(server.path("runsheet.toml")).expect("the configuration is there");
    assert!(config.contains("base_url = \"https://docs.freshtrackpro.com/"), "{config}");
    let mut events = server.events();
    events.next();
    let below = config.replacen("base_url = \"https://docs.freshtrackpro.com/", "base_url = \"https://docs.freshtrackpro.com/ops/", 1);
    fs::write(server.path("runsheet.toml"), below).expect("the configuration can be written");
    events.next();
    let body = server.get("/no/such/page").body;
    assert!(body.contains("=/assets/") || body.contains("\"/assets/"), "{body}");
    assert!(!body.contains("/ops/assets/"), "{body}");
}

#[test]
fn folders_that_come_later_are_seen_and_those_that_come_back() {
    let server = Server::start();
    let mut events = server.events();
    events.next();
    let shown = |words: &str| server.get(PAGE_ADDRESS).body.contains(words);

    // As version control does: the folder disappears, and another one takes its name.
    fs::rename(server.path("content"), server.path("content.away")).expect("the folder can be moved");
    events.next_until(|event| event["faults"] != "");
    fs::rename(server.path("content.away"), server.path("content")).expect("the folder can be moved back");
    events.next_until(|event| event["faults"] == "");
    for words in ["words after the first move", "words after that"] {
        server.write_page(words);
        events.next_until(|_| shown(words));
    }

    // A folder of this name inside the content is not an output.
    let moved = server.path("content/public");
    fs::create_dir(server.path("elsewhere")).expect("a folder can be made");
    fs::write(server.path("elsewhere/inside.md"), page("the words inside")).expect("the file can be written");
    fs::rename(server.path("elsewhere"), &moved).expect("the folder can be moved");
    events.next_until(|_| server.get("/public/inside.html").body.contains("the words inside"));
}

#[test]
fn it_listens_on_this_machine_only() {
    let server = Server::start();
    let port = server.address.port();
    assert_eq!(listening("/proc/net/tcp", port), [format!("0100007F:{port:04X}")], "127.0.0.1 and nothing else");
    assert_eq!(listening("/proc/net/tcp6", port), Vec::<String>::new());
}

/// The local addresses on which this machine listens at a port, in the kernel's notation.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let text = match fs::read_to_string(table) {
        Ok(text) => text,
        // A kernel without IPv6 has no such table.
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => panic!("cannot read {table}: {error}"),
    };
    let columns = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let at_port = columns.filter(|columns| columns.len() > 3 && columns[3] == LISTEN && columns[1].ends_with(&format!(":{port:04X}")));
    at_port.map(|columns| columns[1].to_owned()).collect()
}

/// A server for a copy of this project; it ends when dropped.
struct Server {
    project: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Server {
        let project = project();
        let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
        command.args(["serve", "--port", "0", "--offline"]).current_dir(project.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let lines = lines_of(child.stderr.take().expect("it is piped"));
        let address = address_in(&lines);
        Server { project, child, address }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    fn write_page(&self, words: &str) {
        fs::write(self.path(PAGE), page(words)).expect("the page can be written");
    }

    fn get(&self, target: &str) -> Answer {
        self.ask(&format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    /// Sends a raw request, and reads until the server closes.
    fn ask(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("the request can be sent");
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("no whole answer to {request}{error}"),
        }
        Answer::parse(&String::from_utf8_lossy(&bytes))
    }

    fn events(&self) -> Events {
        let mut stream = self.connect();
        let request = format!("GET /_runsheet/events HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).expect("the request can be sent");
        Events(BufReader::new(stream))
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A copy of this project, with one more page and a secret.
fn project() -> TempDir {
    let folder = sample::copy();
    fs::write(folder.path().join(".env"), format!("PASSWORD={SECRET}\n")).expect("a file");
    fs::create_dir(folder.path().join(".git")).expect("a folder");
    fs::write(folder.path().join(".git/config"), format!("# {SECRET}\n")).expect("a file");
    fs::write(folder.path().join(PAGE), page("the first words")).expect("a page");
    folder
}

fn page(words: &str) -> String {
    format!("---\ntitle: Of the test\n---\n\n# Of the test\n\nHere are {words}.\n")
}

/// The output of a program, line by line, for as long as it runs.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody reads on once the address is known, but the pipe must still be emptied.
            sender.send(line).ok();
        }
    });
    lines
}

fn address_in(lines: &Receiver<String>) -> SocketAddr {
    let mut said = Vec::new();
    let end = Instant::now() + DEADLINE;
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        let address = line.strip_prefix("serving http://").and_then(|rest| rest.split('/').next());
        if let Some(address) = address {
            return address.parse().expect("an address and a port");
        }
        said.push(line);
    }
    panic!("the server does not say where it serves:\n{}", said.join("\n"));
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn parse(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no HTTP answer: {text}"));
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// A header's value; empty if it is missing.
    fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next().unwrap_or("")
    }
}

/// The events of a server, as a browser gets them.
struct Events(BufReader<TcpStream>);

impl Events {
    /// The next event.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.0.read_line(&mut line).expect("an event comes in time");
            assert!(length > 0, "the server has closed the stream of events");
            if let Some(data) = line.trim_end().strip_prefix("data: ") {
                return serde_json::from_str(data).expect("an event is JSON");
            }
        }
    }

    /// The first event that meets a condition; an edit may arrive in two steps.
    fn next_until(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let event = self.next();
            if holds(&event) {
                return event;
            }
            assert!(Instant::now() < end, "what is waited for does not come; the last event is {event}");
        }
    }
}
