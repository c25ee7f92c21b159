//! The Caddyfile of the operations host is one that Debian's Caddy takes.
#![allow(clippy::disallowed_methods, reason = "a test starts Caddy")]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[test]
fn caddy_takes_the_caddyfile() {
    let home = tempfile::tempdir().expect("a folder");
    let hash = run(caddy(&home).args(["hash-password", "--plaintext", "of the test"]));
    assert!(hash.status.success(), "caddy hash-password: {}", said(&hash));
    let hash = String::from_utf8(hash.stdout).expect("a hash is text");

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/caddy/Caddyfile");
    let validate = |hash: &str| {
        let mut command = caddy(&home);
        command.args(["validate", "--adapter", "caddyfile", "--config"]).arg(&file);
        run(command.env("ACME_EMAIL", "ops@example.org").env("DOCS_USER", "ops").env("DOCS_PASSWORD_HASH", hash))
    };
    let output = validate(hash.trim());
    assert!(output.status.success(), "caddy validate: {}", said(&output));
    // What .env.example warns of: an empty hash must not pass as a site without a login.
    let output = validate("");
    assert!(!output.status.success(), "without a hash, caddy validate fails: {}", said(&output));
}

/// The recipe of the manual, too.
#[test]
fn caddy_takes_the_recipe_of_the_manual() {
    let home = tempfile::tempdir().expect("a folder");
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("content/guide/publishing.md")).expect("the manual");
    let recipe = manual.split("```caddy\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a recipe");
    let file = home.path().join("Caddyfile");
    std::fs::write(&file, recipe).expect("a file");
    let output = run(caddy(&home).args(["validate", "--adapter", "caddyfile", "--config"]).arg(&file));
    assert!(output.status.success(), "caddy validate: {}", said(&output));
}

/// What is public is shown, and with which headers; both by the recipe of the manual and on the operations host.
#[test]
fn caddy_shows_what_is_public_and_no_more() {
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("content/guide/publishing.md")).expect("the manual");
    let recipe = manual.split("```caddy\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a recipe");
    let recipe = format!("{{\n\tadmin off\n}}\n{}", recipe.replace("docs.example.org {", "http://127.0.0.1:PORT {"));
    let host = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/caddy/Caddyfile")).expect("the Caddyfile");
    let host = host.replace("docs.freshtrackpro.com {", "http://127.0.0.1:PORT {").replacen('{', "{\n\tadmin off", 1);
    let host = host.split("status.freshtrackpro.com {").next().expect("the first site").to_owned();
    for (text, has_login) in [(recipe, false), (host, true)] {
        // A folder with a dot would be hidden as a whole.
        let home = tempfile::Builder::new().prefix("caddy").tempdir().expect("a folder");
        for (name, text) in [
            ("index.html", "home"),
            ("404.html", "gone"),
            (".well-known/security.txt", "Contact"),
            (".hidden", "hidden"),
            ("_headers", "rules"),
            ("status/badge.svg", "<svg/>"),
            ("docs/.secret/a.html", "hidden"),
        ] {
            let path = home.path().join("public").join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let hash = run(caddy(&home).args(["hash-password", "--plaintext", "of the test"]));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let file = home.path().join("Caddyfile");
        let public = home.path().join("public").display().to_string();
        std::fs::write(&file, text.replace("PORT", &port.to_string()).replace("/srv/docs/public", &public)).expect("a file");
        let mut command = caddy(&home);
        command
            .env("ACME_EMAIL", "ops@example.org")
            .env("DOCS_USER", "ops")
            .env("DOCS_PASSWORD_HASH", String::from_utf8_lossy(&hash.stdout).trim());
        let log = std::fs::File::create(home.path().join("log")).expect("a file");
        let mut server = command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file).stderr(log).spawn().expect("caddy starts");
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        // ops:of the test
        let login = if has_login { "Authorization: Basic b3BzOm9mIHRoZSB0ZXN0\r\n" } else { "" };
        let get = |path: &str, head: &str| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("caddy is there");
            write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{head}\r\n").expect("it listens");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("it answers");
            answer
        };
        let seen: Vec<(&str, String)> = ["/.well-known/security.txt", "/status/badge.svg", "/"].map(|path| (path, get(path, ""))).into();
        let with_login: Vec<(&str, String)> =
            ["/", "/.hidden", "/_headers", "/docs/.secret/a.html", "/gone.html"].map(|path| (path, get(path, login))).into();
        server.kill().expect("it is our child");
        server.wait().expect("it is our child");
        let begins = |answers: &[(&str, String)]| answers.iter().map(|(_, answer)| answer[9..12].to_owned()).collect::<Vec<_>>();
        assert_eq!(begins(&seen), ["200", "200", if has_login { "401" } else { "200" }], "{seen:?}");
        assert_eq!(begins(&with_login), ["200", "404", "404", "404", "404"], "{with_login:?}");
        assert!(!seen[1].1.contains("Cross-Origin-Resource-Policy"), "{}", seen[1].1);
        for (name, value) in runsheet::render::HEADERS {
            assert!(with_login[0].1.contains(&format!("{name}: {value}\r\n")), "{name}: {}", with_login[0].1);
        }
    }
}

/// Caddy, which keeps its files in a folder of the test.
fn caddy(home: &TempDir) -> Command {
    let mut command = Command::new("caddy");
    command.env("HOME", home.path()).env("XDG_DATA_HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
    command
}

fn run(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("caddy is missing: install it (`apt-get install --no-install-recommends caddy`), or run scripts/test as root")
        }
        Err(error) => panic!("caddy does not start: {error}"),
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
