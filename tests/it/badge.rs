//! The status badge of a build, tested from outside: with a server that answers as Uptime Kuma did, then with none.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tiny_http::{Header, Response, Server};

/// Recorded answers on a free port; every request is counted.
struct Kuma {
    server: Arc<Server>,
    requests: Arc<AtomicUsize>,
}

impl Kuma {
    fn start(version: &str, page: &str) -> Kuma {
        let server = Arc::new(Server::http("127.0.0.1:0").expect("a free port"));
        let requests = Arc::new(AtomicUsize::new(0));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kuma").join(version);
        let (answering, counted, page) = (Arc::clone(&server), Arc::clone(&requests), page.to_owned());
        std::thread::spawn(move || {
            for request in answering.incoming_requests() {
                counted.fetch_add(1, Ordering::SeqCst);
                let kind = if request.url().contains("/heartbeat/") { "heartbeat" } else { "page" };
                let body = fs::read(folder.join(format!("{kind}-{page}.json"))).expect("a recorded answer");
                let json = Header::from_bytes("Content-Type", "application/json; charset=utf-8").expect("a header");
                request.respond(Response::from_data(body).with_header(json)).ok();
            }
        });
        Kuma { server, requests }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.server_addr())
    }

    fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Kuma {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

fn project(url: &str) -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let root = place.path().to_owned();
    fs::create_dir(root.join("content")).expect("a folder");
    fs::write(root.join("content/index.md"), "# Home\n").expect("a page");
    let config = format!("[status]\nurl = \"{url}\"\nslug = \"freshtrack\"\ntimeout = \"5s\"\n");
    fs::write(root.join("runsheet.toml"), config).expect("the configuration");
    (place, root)
}

/// The recorded beats end at 16:24 UTC on that day.
const SOON_AFTER: &str = "2026-11-22T16:25:00Z";

fn build(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
    command.args(["build", "--now", SOON_AFTER]).args(arguments).current_dir(root).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_state_is_in_the_header_and_in_both_badges() {
    // The newest beat of each recording.
    for (version, minute) in [("v1", "16:23"), ("v2", "16:24")] {
        let kuma = Kuma::start(version, "allup");
        let (_place, root) = project(&kuma.url());
        let output = build(&root, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let page = fs::read_to_string(root.join("public/index.html")).expect("the page");
        assert!(page.contains("state-up") && page.contains("All systems operational"), "{version}: {page}");
        assert!(page.contains(&format!("as of <time datetime=\"2026-11-22T{minute}:")), "{version}");
        let svg = fs::read_to_string(root.join("public/status/badge.svg")).expect("the badge");
        assert!(svg.contains("All systems operational") && svg.contains(&format!("as of 22 Nov {minute} UTC")), "{svg}");
        let json: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(root.join("public/status/badge.json")).expect("the badge")).expect("JSON");
        assert_eq!(json["schemaVersion"], 1);
        assert_eq!(json["isError"], false);
    }
}

#[test]
fn a_server_that_is_gone_leaves_the_last_snapshot_with_its_time() {
    let kuma = Kuma::start("v2", "partial");
    let (_place, root) = project(&kuma.url());
    assert_eq!(build(&root, &[]).status.code(), Some(0));
    let before = fs::read_to_string(root.join("public/status/badge.svg")).expect("the badge");
    drop(kuma);

    let config = fs::read_to_string(root.join("runsheet.toml")).expect("the configuration");
    assert!(root.join(".runsheet/status.json").is_file());
    let output = build(&root, &[]);
    assert_eq!(output.status.code(), Some(0), "{}\n{config}", said(&output));
    assert!(said(&output).contains("warning[status-unreachable]"), "{}", said(&output));
    assert!(said(&output).contains("showing the last snapshot"), "{}", said(&output));
    assert_eq!(fs::read_to_string(root.join("public/status/badge.svg")).expect("the badge"), before);

    let strict = build(&root, &["--deny-warnings"]);
    assert_eq!(strict.status.code(), Some(1), "{}", said(&strict));
}

#[test]
fn without_any_snapshot_the_state_is_unknown_and_the_build_goes_on() {
    let (_place, root) = project("http://127.0.0.1:9");
    let output = build(&root, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("showing `unknown`"), "{}", said(&output));
    let page = fs::read_to_string(root.join("public/index.html")).expect("the page");
    assert!(page.contains("state-unknown") && !page.contains("state-up"), "{page}");
}

#[test]
fn offline_opens_no_connection() {
    let kuma = Kuma::start("v2", "allup");
    let (_place, root) = project(&kuma.url());
    let output = build(&root, &["--offline"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(said(&output).matches("warning").count(), 0, "{}", said(&output));
    assert_eq!(kuma.count(), 0);
}

#[test]
fn names_from_the_server_are_text() {
    let kuma = Kuma::start("v2", "freshtrack");
    let (_place, root) = project(&kuma.url());
    assert_eq!(build(&root, &[]).status.code(), Some(0));
    for file in ["public/index.html", "public/status/badge.svg", "public/status/badge.json"] {
        let text = fs::read_to_string(root.join(file)).expect("a file");
        assert!(!text.contains("alert(1)"), "{file}");
    }
}
