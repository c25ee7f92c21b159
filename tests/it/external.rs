//! `runsheet check --external` with a test server on this machine.

#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

#[test]
fn each_kind_of_answer() {
    let server = Server::start();
    let project = Project::new("retries = 0\ntimeout = '1s'\n");
    project.page(&server.fill(
        "[good](BASE/good) <BASE/gone> BASE/missing.\n\n[forbidden][ref] [no head](BASE/no-head) [reset](BASE/reset) [hang](BASE/hang)\n\n[ref]: BASE/forbidden\n",
    ));
    let seen = project.check(&[]);
    assert_eq!(seen.code, 1, "{seen:?}");
    let expected = [
        "tried 7 addresses on 1 host: 2 good, 2 dead, 3 uncertain",
        "content/index.md:1:COL: error[dead-link]: dead link `BASE/gone`: the server answered 410, gone",
        "content/index.md:1:COL: error[dead-link]: dead link `BASE/missing`: the server answered 404, not found",
        "content/index.md:3:COL: warning[link-uncertain]: cannot confirm link `BASE/forbidden`: the server answered 403: it may block bots",
        "content/index.md:3:COL: warning[link-uncertain]: cannot confirm link `BASE/reset`: the connection was lost: REASON",
        "content/index.md:3:COL: warning[link-uncertain]: cannot confirm link `BASE/hang`: no answer in time",
        "2 errors, 3 warnings",
    ];
    assert_eq!(seen.lines(&server), expected, "{}", seen.text);
    assert_eq!(server.asked("/good"), ["HEAD"]);
    assert_eq!(server.asked("/no-head"), ["HEAD", "GET"]);
    assert_eq!(server.asked("/hang").len(), 1);
}

#[test]
fn redirects_are_followed_and_judged() {
    let server = Server::start();
    let project = Project::new("retries = 0\n");
    project.page(&server.fill("[a](BASE/chain/3) [b](BASE/circle) [c](BASE/endless/0) [d](BASE/to/file) [e](BASE/for-good)\n"));
    let seen = project.check(&[]);
    assert_eq!(seen.code, 0, "{seen:?}");
    let expected = [
        "hint: `BASE/for-good` has moved permanently to `BASE/good`: content/index.md:1:COL",
        "tried 5 addresses on 1 host: 2 good, 0 dead, 3 uncertain",
        "content/index.md:1:COL: warning[link-uncertain]: cannot confirm link `BASE/circle`: redirect loop",
        "content/index.md:1:COL: warning[link-uncertain]: cannot confirm link `BASE/endless/0`: too many redirects",
        "content/index.md:1:COL: warning[link-uncertain]: cannot confirm link `BASE/to/file`: it redirects to `file:///etc/passwd`, which is not checked",
        "3 warnings",
    ];
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    let mut lines = seen.lines(&server);
    lines.sort_unstable();
    assert_eq!(lines, expected, "{}", seen.text);
    assert_eq!(server.asked("/endless/5").len(), 1, "five redirects are followed");
    assert_eq!(server.asked("/endless/6").len(), 0, "and no more");
}

#[test]
fn a_redirect_to_another_host_is_followed() {
    let other = Server::start();
    let server = Server::leading_to(&other);
    let project = Project::new("retries = 0\n");
    project.page(&server.fill("[other](BASE/to/other)\n"));
    let seen = project.check(&[]);
    assert_eq!(seen.lines(&server)[0], "tried 1 address on 1 host: 1 good, 0 dead, 0 uncertain");
    assert_eq!(other.asked("/good"), ["HEAD"]);
}

#[test]
fn passing_faults_are_tried_again() {
    let server = Server::start();
    let project = Project::new("");
    project.page(&server.fill("[busy](BASE/busy-once) [down](BASE/down-twice) [always](BASE/always-busy)\n"));
    let seen = project.check(&[]);
    let always = "content/index.md:1:COL: warning[link-uncertain]: cannot confirm link `BASE/always-busy`: the server answered 429, too many requests";
    assert_eq!(seen.lines(&server), ["tried 3 addresses on 1 host: 2 good, 0 dead, 1 uncertain", always, "1 warning"]);
    assert_eq!(server.asked("/busy-once").len(), 2);
    assert_eq!(server.asked("/down-twice").len(), 3);
    assert_eq!(server.asked("/always-busy").len(), 3);
}

#[test]
fn a_server_that_wants_to_rest_long_is_left_alone() {
    let server = Server::start();
    let project = Project::new("");
    project.page(&server.fill("[rest](BASE/rest-long)\n"));
    let seen = project.check(&["--deny-warnings"]);
    assert_eq!(seen.code, 1, "{seen:?}");
    assert_eq!(server.asked("/rest-long"), ["HEAD"]);
}

#[test]
fn good_answers_are_kept_and_bad_ones_are_not() {
    let server = Server::start();
    let project = Project::new("retries = 0\n");
    project.page(&server.fill("[good](BASE/good#part) [again](BASE/good) [gone](BASE/gone) [moved](BASE/for-good)\n"));
    let first = project.check(&[]);
    assert!(first.text.contains("tried 3 addresses on 1 host: 2 good, 1 dead, 0 uncertain\n"), "{first:?}");
    let asked = server.asked("/good").len();
    let second = project.check(&[]);
    assert!(second.text.contains("tried 3 addresses on 1 host: 2 good, 1 dead, 0 uncertain (2 from the cache)\n"), "{second:?}");
    assert!(second.text.contains("has moved permanently"), "{second:?}");
    assert_eq!(server.asked("/good").len(), asked, "a kept answer is not asked for");
    assert_eq!(server.asked("/gone").len(), 4, "a bad answer is asked for each time, by HEAD and GET");

    let eight_days_later = project.check(&["--now", "2026-11-30T12:00:00Z"]);
    assert!(!eight_days_later.text.contains("cache"), "{eight_days_later:?}");
    fs::write(project.folder.path().join(".runsheet/links.json"), "{ broken").expect("a file");
    let broken = project.check(&[]);
    assert!(broken.text.contains("2 good, 1 dead, 0 uncertain\n"), "{broken:?}");

    let plain = project.run(&["check", "--offline"]);
    assert_eq!((plain.code, plain.text.contains("tried")), (0, false), "nothing is asked without the option: {plain:?}");
}

#[test]
fn each_address_is_asked_once_and_reported_everywhere() {
    let server = Server::start();
    let links = format!("[links]\ngone = '{}'\n", server.fill("BASE/gone"));
    let project = Project::new(&format!("retries = 0\n{links}"));
    project.page(&server.fill("[one](BASE/gone) [two](BASE/gone#part) BASE/gone\n\n[three][x]\n\n[x]: BASE/gone\n"));
    let seen = project.check(&[]);
    let places: Vec<String> =
        seen.lines(&server).iter().filter_map(|line| line.split_once(": error[dead-link]")).map(|it| it.0.to_owned()).collect();
    let page = "content/index.md";
    assert_eq!(
        places,
        [&format!("{page}:1:COL"), &format!("{page}:1:COL"), &format!("{page}:1:COL"), &format!("{page}:3:COL"), "runsheet.toml:5:COL"]
    );
    assert_eq!(server.asked("/gone"), ["HEAD", "GET"]);
}

#[test]
fn a_host_is_never_asked_twice_at_once() {
    let server = Server::start();
    let project = Project::new("at_once = 8\n");
    let links: String = (0..12).map(|number| server.fill(&format!("[{number}](BASE/held/{number})\n"))).collect();
    project.page(&links);
    let seen = project.check(&[]);
    assert!(seen.text.contains("tried 12 addresses on 1 host: 12 good"), "{seen:?}");
    assert_eq!(server.state.lock().expect("the state").most_at_once, 1);
}

#[test]
fn some_addresses_are_never_asked() {
    let server = Server::start();
    let ignore = server.fill("ignore = ['BASE/inner/*']\n");
    let project = Project::new(&ignore);
    project.page(&server.fill(
        "[a](BASE/inner/x) <https://www.example.com/> <https://docs.sample.example/> <http://a.invalid> <http://b.test> mailto:me@c.example",
    ));
    let seen = project.check(&[]);
    let left_out = "5 links were skipped: on this site, on the ignore list, or example domains";
    assert_eq!(seen.lines(&server)[..2], ["tried 0 addresses on 0 hosts: 0 good, 0 dead, 0 uncertain", left_out]);
    assert_eq!(server.asked("/inner/x").len(), 0);
}

#[test]
fn private_addresses_are_asked_only_if_the_configuration_allows_it() {
    let server = Server::start();
    let project = Project::new("");
    fs::write(project.folder.path().join("runsheet.toml"), "").expect("a file");
    // A number is also a host name: the look-up turns it into 127.0.0.1.
    let number = format!("http://2130706433:{}/good", server.address.port());
    project.page(&server.fill(&format!("[a](BASE/good) <http://localhost/> <http://10.0.0.1/> <{number}>\n")));
    let seen = project.check(&[]);
    let skipped = "4 links lead into a private network and were not tried: set `allow_private` in [check.external] to check them";
    assert!(seen.text.contains(skipped), "{seen:?}");
    assert_eq!(seen.code, 0);
    assert_eq!(server.asked("/good").len(), 0);
}

#[test]
fn what_cannot_be_meant_is_said() {
    let project = Project::new("ignore = ['intranet/*']\ntimeot = '1s'\ntimeout = '0s'\n");
    project.page("<https://me:secret@docs.sample.example/>\n");
    let seen = project.check(&[]);
    let expected = [
        "content/index.md:1:COL: warning[link-uncertain]: cannot confirm link `https://…@docs.sample.example/`: not a plain web address",
        "runsheet.toml:3:COL: error[bad-value]: `intranet/*` can never match an address",
        "runsheet.toml:4:COL: error[unknown-key]: unknown key `timeot` in [check.external]",
        "runsheet.toml:5:COL: error[bad-value]: invalid timeout `0s`: use more than 0 s",
    ];
    let lines = seen.lines(&Server::start());
    assert_eq!(
        lines.iter().filter(|line| line.contains(".md:") || line.contains(".toml:")).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
}

/// A project in a folder of its own.
struct Project {
    folder: TempDir,
}

#[derive(Debug)]
struct Seen {
    code: i32,
    text: String,
}

impl Project {
    /// `external` are the lines of `[check.external]` and anything after them.
    fn new(external: &str) -> Project {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("content")).expect("a folder");
        let config = format!("[check.external]\nallow_private = true\n{external}");
        fs::write(folder.path().join("runsheet.toml"), config).expect("a file");
        Project { folder }
    }

    fn page(&self, text: &str) {
        fs::write(self.folder.path().join("content/index.md"), text).expect("a page");
    }

    fn check(&self, more: &[&str]) -> Seen {
        let now = ["--now", "2026-11-22T12:00:00Z"];
        let now = if more.contains(&"--now") { &[][..] } else { &now[..] };
        self.run(&[&["check", "--external", "--message-format", "short"], now, more].concat())
    }

    fn run(&self, arguments: &[&str]) -> Seen {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
        let output = command.args(arguments).current_dir(self.folder.path()).env_clear().output().expect("the program runs");
        Seen { code: output.status.code().unwrap_or(-1), text: String::from_utf8_lossy(&output.stderr).into_owned() }
    }
}

impl Seen {
    /// The output without ports, columns and messages of the system.
    fn lines(&self, server: &Server) -> Vec<String> {
        let plain = |line: &str| {
            let line = line.replace(&server.fill("BASE"), "BASE");
            let line = line
                .split_once("the connection was lost: ")
                .map_or(line.clone(), |(before, _)| format!("{before}the connection was lost: REASON"));
            let mut parts: Vec<String> = line.splitn(4, ':').map(str::to_owned).collect();
            let at = parts.iter().position(|part| part.ends_with(".md") || part.ends_with(".toml"));
            match at {
                Some(0) if parts.len() == 4 => {
                    parts[2] = "COL".to_owned();
                    parts.join(":")
                }
                _ => match line.rsplit_once(':') {
                    Some((before, column)) if line.starts_with("hint: ") && column.parse::<u32>().is_ok() => format!("{before}:COL"),
                    _ => line,
                },
            }
        };
        self.text.lines().map(plain).collect()
    }
}

#[derive(Default)]
struct State {
    asked: BTreeMap<String, Vec<String>>,
    now: usize,
    most_at_once: usize,
}

/// A server whose paths determine its behaviour.
struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    fn start() -> Server {
        Server::serve(None)
    }

    /// A server whose `/to/other` redirects to `/good` on another one, under another name.
    fn leading_to(other: &Server) -> Server {
        Server::serve(Some(format!("http://localhost:{}/good", other.address.port())))
    }

    fn serve(other: Option<String>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (state, other) = (Arc::clone(&shared), other.clone());
                thread::spawn(move || answer(stream, &state, other.as_deref()));
            }
        });
        Server { address, state }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("BASE", &format!("http://{}", self.address))
    }

    /// The methods used for a path.
    fn asked(&self, path: &str) -> Vec<String> {
        self.state.lock().expect("the state").asked.get(path).cloned().unwrap_or_default()
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>, other: Option<&str>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let agent = headers.iter().find_map(|line| line.strip_prefix("user-agent: ").or_else(|| line.strip_prefix("User-Agent: ")));
    assert_eq!(agent, Some(concat!("runsheet/", env!("CARGO_PKG_VERSION"), " (+link check)")));
    let times = {
        let mut state = state.lock().expect("the state");
        state.now += 1;
        state.most_at_once = state.most_at_once.max(state.now);
        let asked = state.asked.entry(path.clone()).or_default();
        asked.push(method.clone());
        asked.len()
    };
    if path.starts_with("/held/") {
        // Long enough to overlap with a second request.
        thread::sleep(Duration::from_millis(20));
    }
    let said = said(&path, &method, times, other);
    state.lock().expect("the state").now -= 1;
    match said.as_str() {
        "reset" => return None,
        "hang" => return BufReader::new(stream).lines().next()?.ok().map(|_| ()),
        said => write!(stream, "HTTP/1.1 {said}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?,
    }
    Some(())
}

/// Status line and headers.
fn said(path: &str, method: &str, times: usize, other: Option<&str>) -> String {
    let (folder, number) = path.rsplit_once('/').unwrap_or((path, ""));
    let number: usize = number.parse().unwrap_or(0);
    let to = |location: &str| format!("302 Found\r\nLocation: {location}");
    match (folder, path) {
        (_, "/gone") => "410 Gone".to_owned(),
        (_, "/missing") => "404 Not Found".to_owned(),
        (_, "/forbidden") => "403 Forbidden".to_owned(),
        (_, "/no-head") if method == "HEAD" => "405 Method Not Allowed".to_owned(),
        (_, "/reset" | "/hang") => path[1..].to_owned(),
        (_, "/busy-once") if times == 1 => "429 Too Many Requests\r\nRetry-After: 0".to_owned(),
        (_, "/always-busy") => "429 Too Many Requests\r\nRetry-After: 0".to_owned(),
        (_, "/down-twice") if times < 3 => "503 Service Unavailable\r\nRetry-After: 0".to_owned(),
        (_, "/rest-long") => "503 Service Unavailable\r\nRetry-After: 3600".to_owned(),
        (_, "/for-good") => "301 Moved Permanently\r\nLocation: /good".to_owned(),
        (_, "/circle") => to("/circle/back"),
        (_, "/circle/back") => to("/circle"),
        (_, "/to/file") => to("file:///etc/passwd"),
        (_, "/to/other") => to(other.unwrap_or("/missing")),
        ("/chain", _) if number > 0 => to(&format!("{}", number - 1)),
        ("/endless", _) => to(&format!("/endless/{}", number + 1)),
        _ => "200 OK".to_owned(),
    }
}
