//! The Caddyfile of the operations host is one that Debian's Caddy takes.
#![allow(clippy::disallowed_methods, reason = "a test starts Caddy")]

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

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
