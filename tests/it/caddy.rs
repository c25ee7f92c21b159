//! Debian's Caddy accepts the Caddyfile of the operations host.
#![allow(clippy::disallowed_methods, reason = "a test starts Caddy")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::sample;
use crate::web_server::{self, WebServer, code};

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
    // The case that .env.example warns of: an empty hash must not result in a site without a login.
    let output = validate("");
    assert!(!output.status.success(), "without a hash, caddy validate fails: {}", said(&output));
}

/// The manual's recipe is valid, too.
#[test]
fn caddy_takes_the_recipe_of_the_manual() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("Caddyfile");
    std::fs::write(&file, web_server::recipe("caddy")).expect("a file");
    let output = run(caddy(&home).args(["validate", "--adapter", "caddyfile", "--config"]).arg(&file));
    assert!(output.status.success(), "caddy validate: {}", said(&output));
}

/// Public files are served, with the right headers; both by the manual's recipe and on the operations host.
#[test]
fn caddy_shows_what_is_public_and_no_more() {
    let recipe = format!("{{\n\tadmin off\n}}\n{}", web_server::recipe("caddy").replace("docs.example.org {", "http://127.0.0.1:PORT {"));
    for (text, has_login) in [(recipe, false), (documentation_host(), true)] {
        let names =
            ["index.html", "404.html", ".well-known/security.txt", ".hidden", "_headers", "status/badge.svg", "docs/.secret/a.html"];
        let server = start(web_server::home(&names), &text);
        let login = if has_login { LOGIN } else { "" };
        let seen = ["/.well-known/security.txt", "/status/badge.svg", "/"].map(|path| server.get(path, ""));
        let with_login = ["/", "/.hidden", "/_headers", "/docs/.secret/a.html", "/gone.html"].map(|path| server.get(path, login));
        assert_eq!(seen.each_ref().map(|answer| code(answer)), ["200", "200", if has_login { "401" } else { "200" }], "{seen:?}");
        assert_eq!(with_login.each_ref().map(|answer| code(answer)), ["200", "404", "404", "404", "404"], "{with_login:?}");
        assert!(!seen[1].contains("Cross-Origin-Resource-Policy"), "{}", seen[1]);
        for (name, value) in runsheet::render::HEADERS {
            assert!(with_login[0].contains(&format!("{name}: {value}\r\n")), "{name}: {}", with_login[0]);
        }
    }
}

/// On the operations host, every link in every notice of the sample opens without a login, or leads to the product or its status page.
/// The linked pages load nothing that requires a login, and everything else does require it.
#[test]
fn customers_can_open_what_notices_link_to() {
    let project = sample::copy();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_runsheet")).arg("--offline").args(arguments).current_dir(project.path()).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let config = std::fs::read_to_string(project.path().join("runsheet.toml")).expect("the configuration");
    let config: toml::Table = config.parse().expect("it is TOML");
    let base = config["site"]["base_url"].as_str().expect("an address");
    let mut links = BTreeSet::new();
    for mailing in config["mailings"].as_array().expect("the mailings") {
        let id = mailing["id"].as_str().expect("a name");
        for line in run(&["notice", "merge", id, "--all", "--format", "jsonl", "--to", "-"]).lines() {
            let message: serde_json::Value = serde_json::from_str(line).expect("JSON Lines");
            let html = message["html"].as_str().expect("an HTML part");
            links.extend(html.split("href=\"").skip(1).map(|rest| rest.split('"').next().expect("it ends").replace("&amp;", "&")));
        }
    }
    let theirs = ["https://freshtrackpro.com", "https://status.freshtrackpro.com", "mailto:support@freshtrackpro.com"];
    let (ours, others): (Vec<&String>, Vec<&String>) = links.iter().partition(|link| link.starts_with(base));
    for link in others {
        assert!(
            theirs.iter().any(|known| link.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))),
            "{link}"
        );
    }
    assert!(ours.len() >= 2, "the notices link to pages of the site: {links:?}");

    let home = web_server::home(&[]);
    let public = home.path().join("public");
    run(&["build", "--site-only", "--out", public.to_str().expect("a path")]);
    let server = start(home, &documentation_host());
    for link in ours {
        let path = format!("/{}", link.strip_prefix(base).expect("ours").split('#').next().expect("a path"));
        let answer = server.get(&path, "");
        assert_eq!(code(&answer), "200", "{path}: {answer}");
        for name in ["src=\"", "rel=\"stylesheet\" href=\"", "rel=\"icon\" href=\"", "type=\"image/svg+xml\" href=\""] {
            for rest in answer.split(name).skip(1) {
                let loaded = rest.split('"').next().expect("it ends").trim_start_matches("../");
                let loaded = format!("/{loaded}");
                assert_eq!(code(&server.get(&loaded, "")), "200", "{path} loads {loaded}");
            }
        }
    }
    let mut closed = 0;
    for file in
        walkdir::WalkDir::new(&public).into_iter().map(|entry| entry.expect("it can be read")).filter(|entry| entry.file_type().is_file())
    {
        let path = format!("/{}", file.path().strip_prefix(&public).expect("below it").display());
        let is_public = ["/customers/", "/assets/", "/.well-known/", "/status/badge."].iter().any(|public| path.starts_with(public));
        let answer = server.get(&path, "");
        if !is_public {
            closed += 1;
            assert_eq!(code(&answer), "401", "{path} opens without a login");
        }
    }
    assert!(closed > 100, "{closed} files ask for a login");
}

/// The documentation host of the operations host's Caddyfile, on loopback.
fn documentation_host() -> String {
    let host = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/caddy/Caddyfile")).expect("the Caddyfile");
    let host = host.replace("docs.freshtrackpro.com {", "http://127.0.0.1:PORT {").replacen('{', "{\n\tadmin off", 1);
    host.split("status.freshtrackpro.com {").next().expect("the first site").to_owned()
}

/// The credentials "ops:of the test".
const LOGIN: &str = "Authorization: Basic b3BzOm9mIHRoZSB0ZXN0\r\n";

/// Caddy, serving the site in its home folder. Port and site folder are inserted into the Caddyfile.
fn start(home: TempDir, text: &str) -> WebServer {
    let hash = run(caddy(&home).args(["hash-password", "--plaintext", "of the test"]));
    let port = web_server::free_port();
    let file = home.path().join("Caddyfile");
    let public = home.path().join("public").display().to_string();
    std::fs::write(&file, text.replace("PORT", &port.to_string()).replace("/srv/docs/public", &public)).expect("a file");
    let mut command = caddy(&home);
    command
        .env("ACME_EMAIL", "ops@example.org")
        .env("DOCS_USER", "ops")
        .env("DOCS_PASSWORD_HASH", String::from_utf8_lossy(&hash.stdout).trim());
    WebServer::start(home, port, command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file))
}

/// Caddy, with its files in a folder of the test.
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
