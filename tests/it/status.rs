//! The status of the services, from the answers of a server to the badge.

#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use runsheet::language::Language;
use runsheet::status::{Fault, Provider, Settings, Snapshot, State, badge_json, badge_svg, overview, parse};
use runsheet::world::kuma::fetch;

const PAGES: [&str; 8] = ["allup", "partial", "alldown", "maintonly", "pendingonly", "freshtrack", "unpublished", "empty"];

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kuma");
    std::fs::read(folder.join(name)).expect("a recorded answer")
}

fn settings(url: &str, slug: &str) -> Settings {
    Settings {
        provider: Provider::UptimeKuma,
        url: url.to_string(),
        slug: slug.to_string(),
        timeout: SignedDuration::from_secs(20),
        retries: 0,
        ..Settings::default()
    }
}

fn recorded_at() -> Timestamp {
    "2026-11-22T16:24:10Z".parse().expect("a time")
}

fn recorded(version: &str, slug: &str) -> Result<Snapshot, Fault> {
    let page = fixture(&format!("{version}/page-{slug}.json"));
    let heartbeat = fixture(&format!("{version}/heartbeat-{slug}.json"));
    parse(&settings("https://status.example.org", slug), &page, &heartbeat, recorded_at())
}

#[test]
fn every_recorded_page_has_our_state() {
    let check = |slug: &str, state: State, headline: &str| {
        for version in ["v1", "v2"] {
            let snapshot = recorded(version, slug).expect("a page with monitors");
            let overview = overview(Some(&snapshot), &settings("https://status.example.org", slug), recorded_at(), &Language::default());
            assert_eq!((overview.state, overview.headline.as_str()), (state, headline), "{version} {slug}");
        }
    };
    check("allup", State::Up, "All systems operational");
    check("unpublished", State::Up, "All systems operational");
    check("partial", State::Degraded, "Partially degraded (1 down)");
    check("alldown", State::Down, "All systems down");
    check("maintonly", State::Maintenance, "Maintenance");
    check("pendingonly", State::Pending, "Checks failing (1 pending)");
    check("freshtrack", State::Maintenance, "Maintenance (2 down, 1 pending, 1 unknown)");
    for version in ["v1", "v2"] {
        assert_eq!(recorded(version, "empty"), Err(Fault::NoMonitors { slug: "empty".into() }));
    }
}

#[test]
fn the_parts_of_a_recorded_page() {
    for version in ["v1", "v2"] {
        let snapshot = recorded(version, "freshtrack").expect("a page with monitors");
        let parts: Vec<String> = snapshot
            .components
            .iter()
            .map(|it| format!("{} {} [{}] {}", it.id, it.name, it.group.as_deref().unwrap_or("-"), it.words()))
            .collect();
        let expected = [
            "1 FreshTrack platform [Core services] down",
            "2 Web front [Core services] up",
            "3 Partner API [Core services] down",
            "4 Report queue [Core services] pending",
            "6 Old portal [Core services] up",
            "7 Login (TLS) [Core services] up",
            "5 Batch import [Back office] maintenance",
            "9 </title><script>alert(1)</script> Zürich “q” & co [Back office] up",
            "10 Nightly backup [Back office] down",
            "11 Never run [Back office] unknown",
        ];
        assert_eq!(parts, expected, "{version}");
        assert_eq!(snapshot.title, "FreshTrack status");
        let incidents: Vec<&str> = snapshot.incidents.iter().map(|it| it.title.as_str()).collect();
        // Version 1 has one incident, version 2 a list.
        let both = ["Slow logins", "Second incident"];
        assert_eq!(incidents, if version == "v1" { &both[..1] } else { &both[..] });
        assert_eq!(snapshot.incidents[0].style, "warning");
        assert!(snapshot.incidents[0].created.is_some_and(|time| time < recorded_at()));
        let maintenances: Vec<&str> = snapshot.maintenances.iter().map(|it| it.title.as_str()).collect();
        assert_eq!(maintenances, ["Database move", "Cutover window", "Every day patching"]);
        let zoned = snapshot.maintenances[1].end.map(|end| end.to_string());
        assert!(zoned.is_some_and(|end| end.starts_with("2026-11-23T15:2") && end.ends_with("Z")), "{version}");
        assert_eq!(snapshot.maintenances[0].start, None);
        assert!(snapshot.notes.is_empty());
    }
}

#[test]
fn a_paused_monitor_does_not_stay_up_for_ever() {
    let page = fixture("v1/page-freshtrack.json");
    let heartbeat = fixture("v1/heartbeat-freshtrack.json");
    let settings = Settings { stale_after: SignedDuration::from_mins(3), ..settings("https://a.example", "freshtrack") };
    let snapshot = parse(&settings, &page, &heartbeat, recorded_at()).expect("a page with monitors");
    let paused = snapshot.components.iter().find(|it| it.id == "6").expect("the paused monitor");
    assert_eq!(paused.words(), "unknown (last up at 22 Nov 16:20 UTC)");
}

#[test]
fn the_same_snapshot_and_time_give_the_same_bytes() {
    for slug in PAGES.iter().filter(|slug| **slug != "empty") {
        let snapshot = recorded("v2", slug).expect("a page with monitors");
        let kept = Snapshot::from_json(&snapshot.to_json()).expect("our own file");
        assert_eq!(kept, snapshot);
        let settings = settings("https://status.example.org", slug);
        let bytes = |snapshot: &Snapshot| {
            let overview = overview(Some(snapshot), &settings, recorded_at(), &Language::default());
            (badge_svg(&overview, &Language::default()), badge_json(&overview))
        };
        assert_eq!(bytes(&snapshot), bytes(&kept));
    }
}

#[test]
fn no_text_of_the_server_reaches_the_badge() {
    let snapshot = recorded("v1", "freshtrack").expect("a page with monitors");
    let overview = overview(Some(&snapshot), &settings("https://status.example.org", "freshtrack"), recorded_at(), &Language::default());
    for badge in [badge_svg(&overview, &Language::default()), badge_json(&overview)] {
        for text in ["script", "Zürich", "FreshTrack", "Slow logins", "Database"] {
            assert!(!badge.contains(text), "{text} in {badge}");
        }
        assert!(badge.contains("Maintenance (2 down, 1 pending, 1 unknown), as of 22 Nov 16:2"), "{badge}");
    }
}

/// A server that replays the recorded answers of one version for a number of requests; sends back what it saw.
fn replay(version: &'static str) -> (String, Receiver<(String, bool)>) {
    let server = tiny_http::Server::http("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", server.server_addr());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for request in server.incoming_requests() {
            let path = request.url().to_string();
            let has_bypass = request.headers().iter().any(|header| header.field.equiv("x-apicache-bypass"));
            if sender.send((path.clone(), has_bypass)).is_err() {
                return;
            }
            let (code, kind, body) = replayed(version, &path);
            let header = format!("Content-Type: {kind}; charset=utf-8").parse::<tiny_http::Header>().expect("a header");
            let response = tiny_http::Response::from_data(body).with_status_code(code).with_header(header);
            request.respond(response).ok();
        }
    });
    (url, receiver)
}

fn replayed(version: &str, path: &str) -> (u16, &'static str, Vec<u8>) {
    let json = "application/json";
    if let Some(slug) = path.strip_prefix("/api/status-page/heartbeat/") {
        let name = if PAGES.contains(&slug) { slug } else { "unknown-slug" };
        return (200, json, fixture(&format!("{version}/heartbeat-{name}.json")));
    }
    match path.strip_prefix("/api/status-page/") {
        Some(slug) if PAGES.contains(&slug) => (200, json, fixture(&format!("{version}/page-{slug}.json"))),
        Some(_) => (404, json, fixture("v2/page-unknown-slug.json")),
        None => (200, "text/html", fixture(&format!("{version}/api-unknown-path.html"))),
    }
}

#[test]
fn a_server_is_asked_and_understood() {
    for version in ["v1", "v2"] {
        let (url, seen) = replay(version);
        for slug in PAGES {
            let settings = settings(&url, slug);
            let page = fixture(&format!("{version}/page-{slug}.json"));
            let heartbeat = fixture(&format!("{version}/heartbeat-{slug}.json"));
            assert_eq!(fetch(Path::new(""), &settings, recorded_at()), parse(&settings, &page, &heartbeat, recorded_at()));
            assert_eq!(seen.recv(), Ok((format!("/api/status-page/heartbeat/{slug}"), false)));
            assert_eq!(seen.recv(), Ok((format!("/api/status-page/{slug}"), false)));
        }
    }
}

#[test]
fn the_cache_of_the_server_is_passed_by_only_when_asked() {
    let (url, seen) = replay("v2");
    let settings = Settings { fresh: true, ..settings(&format!("{url}/"), "allup") };
    assert!(fetch(Path::new(""), &settings, recorded_at()).is_ok());
    assert_eq!(seen.recv(), Ok(("/api/status-page/heartbeat/allup".into(), true)));
    assert_eq!(seen.recv(), Ok(("/api/status-page/allup".into(), true)));
}

#[test]
fn a_wrong_slug_or_base_is_named() {
    let (url, _seen) = replay("v2");
    let fault = fetch(Path::new(""), &settings(&url, "FreshTrack"), recorded_at()).expect_err("no such page");
    assert_eq!(fault, Fault::NoSuchSlug { slug: "FreshTrack".into() });
    assert!(fault.help().is_some_and(|help| help.contains("letter case")));

    let fault = fetch(Path::new(""), &settings(&format!("{url}/kuma"), "allup"), recorded_at()).expect_err("HTML");
    assert_eq!(fault, Fault::NotJson { got: "HTML".into() });
    assert!(fault.help().is_some_and(|help| help.contains("check `url`:")));
}

/// A server that hands each connection to `answer` after reading its request.
fn stub(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound port"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            if let Some(path) = asked_path(&mut stream) {
                answer(&path, &mut stream);
            }
        }
    });
    url
}

fn asked_path(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    String::from_utf8(request).ok()?.split(' ').nth(1).map(str::to_string)
}

fn answer_with(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok();
    stream.write_all(body).ok();
}

const JSON: &str = "200 OK\r\nContent-Type: application/json; charset=utf-8";
const ENDLESS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";

/// Queries a stub with a deadline of 300 ms, which must not be exceeded noticeably.
fn asked(settings: Settings) -> Fault {
    let begun = Instant::now();
    let settings = Settings { timeout: SignedDuration::from_millis(300), ..settings };
    let fault = fetch(Path::new(""), &settings, recorded_at()).expect_err("no snapshot from a stub");
    assert!(begun.elapsed() < Duration::from_secs(3), "{fault} after {:?}", begun.elapsed());
    fault
}

/// Holds connections open until the test ends.
fn hold() -> (Sender<()>, Receiver<()>) {
    mpsc::channel()
}

fn timeout(slug: &str) -> Fault {
    Fault::Timeout { slug: slug.into(), after: SignedDuration::from_millis(300) }
}

#[test]
fn a_silent_server_ends_at_the_deadline() {
    let (_keep, held) = hold();
    let url = stub(move |_, _| {
        held.recv().ok();
    });
    let fault = asked(Settings { retries: 5, ..settings(&url, "freshtrack") });
    assert_eq!(fault, timeout("freshtrack"));
    assert_eq!(fault.to_string(), "no complete answer about `freshtrack` within 300ms");
    assert!(fault.help().is_some_and(|help| help.contains("letter case")));
}

#[test]
fn silence_about_the_groups_of_a_page_without_beats_means_no_such_page() {
    let (_keep, held) = hold();
    let url = stub(move |path, stream| match path.contains("/heartbeat/") {
        true => answer_with(stream, JSON, &fixture("v1/heartbeat-unknown-slug.json")),
        false => {
            held.recv().ok();
        }
    });
    assert_eq!(asked(settings(&url, "FreshTrack")), Fault::NoSuchSlug { slug: "FreshTrack".into() });
}

#[test]
fn a_server_that_drips_ends_at_the_deadline() {
    for head in [&b"HTTP/1.1 200 OK\r\nX: "[..], ENDLESS] {
        let (_keep, held) = hold();
        let url = stub(move |_, stream| {
            let mut is_open = stream.write_all(head).is_ok();
            while is_open && held.recv_timeout(Duration::from_millis(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
                is_open = stream.write_all(b" ").is_ok();
            }
        });
        assert_eq!(asked(settings(&url, "x")), timeout("x"));
    }
}

#[test]
fn an_endless_answer_ends_at_the_size() {
    let url = stub(|_, stream| {
        let mut is_open = stream.write_all(ENDLESS).is_ok();
        while is_open {
            is_open = stream.write_all(&[b' '; 4096]).is_ok();
        }
    });
    let settings = Settings { max_bytes: 64 * 1024, ..settings(&url, "x") };
    assert_eq!(asked(settings), Fault::TooLarge { limit: 64 * 1024 });
}

#[test]
fn a_packed_answer_is_unpacked_but_only_to_the_size() {
    let bomb = fixture("bomb.json.gz");
    assert!(bomb.len() < 20_000);
    let url = stub(move |_, stream| answer_with(stream, &format!("{JSON}\r\nContent-Encoding: gzip"), &bomb));
    let begun = fetch(Path::new(""), &settings(&url, "x"), recorded_at());
    assert_eq!(begun, Err(Fault::TooLarge { limit: 4 * 1024 * 1024 }));
}

#[test]
fn a_packed_answer_that_never_yields_a_byte_ends_at_the_deadline() {
    // A gzip head, then empty stored blocks without end.
    let url = stub(|_, stream| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n";
        let begin = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        let mut is_open = stream.write_all(head).and_then(|()| stream.write_all(&begin)).is_ok();
        while is_open {
            is_open = stream.write_all(&[0, 0, 0, 255, 255].repeat(800)).is_ok();
        }
    });
    assert_eq!(asked(settings(&url, "x")), timeout("x"));
}

#[test]
fn redirects_are_followed_on_the_same_host_and_three_times() {
    let url = stub(|path, stream| match path.strip_prefix("/moved") {
        Some("") => unreachable!("the slug follows"),
        Some(rest) if rest.contains("/heartbeat/") => answer_with(stream, JSON, &fixture("v2/heartbeat-allup.json")),
        Some(_) => answer_with(stream, JSON, &fixture("v2/page-allup.json")),
        None => answer_with(stream, &format!("302 Found\r\nLocation: /moved{path}"), b""),
    });
    let settings = settings(&url, "allup");
    let snapshot = fetch(Path::new(""), &settings, recorded_at()).expect("an answer behind a redirect");
    assert_eq!(overview(Some(&snapshot), &settings, recorded_at(), &Language::default()).state, State::Up);

    let url = stub(|_, stream| answer_with(stream, "301 Moved\r\nLocation: /again", b""));
    assert_eq!(asked(self::settings(&url, "x")), Fault::TooManyRedirects { limit: 3 });
}

#[test]
fn redirects_elsewhere_are_not_followed() {
    let (sender, canary) = mpsc::channel();
    let elsewhere = stub(move |path, _| sender.send(path.to_string()).expect("the test is listening"));
    let local = elsewhere.replace("127.0.0.1", "localhost");
    let targets = [elsewhere.as_str(), local.as_str(), "http://169.254.169.254/latest", "file:///etc/passwd", "gopher://x"];
    for target in targets {
        let location = format!("302 Found\r\nLocation: {target}");
        let url = stub(move |_, stream| answer_with(stream, &location, b""));
        assert_eq!(asked(settings(&url, "x")), Fault::Redirect { target: target.to_string() });
    }
    assert!(canary.try_recv().is_err(), "nothing was asked elsewhere");
}

#[test]
fn answers_that_are_none() {
    let check = |head: &'static str, body: &'static str, expected: &str| {
        let url = stub(move |_, stream| answer_with(stream, head, body.as_bytes()));
        let fault = asked(settings(&url, "x")).to_string().replace(&url, "http://host");
        assert_eq!(fault, expected, "{head} {body}");
    };
    let html = "200 OK\r\nContent-Type: text/html; charset=utf-8";
    check(html, "<!DOCTYPE html>", "got HTML instead of JSON");
    check(html, r#"{"heartbeatList":{},"uptimeList":{}}"#, "got HTML instead of JSON");
    check(JSON, "<html>", "got HTML instead of JSON");
    check(JSON, "", "got an empty answer instead of JSON");
    check("200 OK", "{}", "got an answer without a content type instead of JSON");
    check("200 OK\r\nContent-Type: image/svg+xml", "<svg/>", "got `image/svg+xml` instead of JSON");
    check(JSON, "{}", "not the answer of a status page: it has no `heartbeatList`");
    check(JSON, r#"{"heartbeatList":{}}"#, "not the answer of a status page: it has no `uptimeList`");
    let heartbeat = "http://host/api/status-page/heartbeat/x";
    check("404 Not Found\r\nContent-Type: application/json", "{}", &format!("`{heartbeat}` answered 404"));
    check("503 Busy\r\nContent-Type: application/json", "{}", &format!("`{heartbeat}` answered 503"));
    check("302 Found", "", &format!("`{heartbeat}` answered 302"));
    check("204 No Content", "", &format!("`{heartbeat}` answered 204"));
}

#[test]
fn a_page_without_beats_and_monitors_is_not_green() {
    let url = stub(|path, stream| match path.contains("/heartbeat/") {
        true => answer_with(stream, JSON, &fixture("v2/heartbeat-empty.json")),
        false => answer_with(stream, JSON, &fixture("v2/page-empty.json")),
    });
    assert_eq!(asked(settings(&url, "empty")), Fault::NoMonitors { slug: "empty".into() });
}

#[test]
fn broken_connections_are_a_fault_of_their_own() {
    let check = |bytes: &'static [u8]| {
        let url = stub(move |_, stream| drop(stream.write_all(bytes)));
        let fault = asked(settings(&url, "x"));
        assert!(matches!(fault, Fault::Broken { .. }), "{fault:?} for {}", String::from_utf8_lossy(bytes));
        assert!(!fault.to_string().contains(char::is_control), "{fault}");
    };
    check(b"");
    check(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{");
    check(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999999\r\n\r\n{");
    check(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n");
    check(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\nnot packed");
    check(b"\x1b[2J\x00\xff\xfe garbage\r\n\r\n");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound port"));
    // Closing before the request is read resets the connection.
    thread::spawn(move || listener.incoming().for_each(drop));
    let fault = asked(settings(&url, "x"));
    assert!(matches!(fault, Fault::Broken { .. }), "{fault:?}");
}

#[test]
fn a_reset_is_tried_again() {
    let (sender, receiver) = mpsc::channel();
    sender.send(()).expect("the receiver is here");
    let url = stub(move |path, stream| {
        // The first connection closes without an answer.
        if receiver.try_recv().is_ok() {
            return;
        }
        let kind = if path.contains("/heartbeat/") { "heartbeat" } else { "page" };
        answer_with(stream, JSON, &fixture(&format!("v1/{kind}-partial.json")));
    });
    let settings = Settings { retries: 1, ..settings(&url, "partial") };
    assert!(fetch(Path::new(""), &settings, recorded_at()).is_ok());
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    drop(listener);
    let fault = asked(Settings { retries: 1, ..settings(&format!("http://{address}"), "x") });
    assert_eq!(fault, Fault::Refused { host: address.to_string() });
}

#[test]
fn plain_words_on_a_secure_port_are_a_tls_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("one visitor");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        // Read to the end, so that closing does not destroy what was written.
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    let fault = asked(settings(&format!("https://{address}"), "x"));
    assert!(matches!(fault, Fault::Tls { .. }), "{fault:?}");
}

#[test]
fn settings_are_checked_before_anything_is_asked() {
    let check = |settings: Settings, expected: &str| {
        assert_eq!(fetch(Path::new(""), &settings, recorded_at()).expect_err("a mistake").to_string(), expected);
    };
    check(settings("http://me:secret@127.0.0.1:1", "x"), "`http://…@127.0.0.1:1` contains a user name or a password");
    check(settings("file:///etc/passwd", "x"), "`file:///etc/passwd` is not an http or https address");
    check(settings("http://127.0.0.1:1", "a/b"), "invalid name of a status page: `a/b`");
    let missing = Settings { ca_file: Some("no-such-file.pem".into()), ..settings("https://127.0.0.1:1", "x") };
    assert!(fetch(Path::new(""), &missing, recorded_at()).is_err_and(|fault| matches!(fault, Fault::CaFile { .. })));
}
