//! The recipe of the manual for nginx is one that nginx takes, and it sends what a site needs.
#![allow(clippy::disallowed_methods, reason = "a test starts nginx")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn nginx_serves_by_the_recipe_of_the_manual() {
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("content/guide/publishing.md")).expect("the manual");
    let recipe = manual.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a recipe");
    let home = tempfile::Builder::new().prefix("nginx").tempdir().expect("a folder");
    let files = ["index.html", "404.html", "docs/plan.ics", "status/badge.svg", "_headers", ".well-known/security.txt", ".hidden/a.ics"];
    for name in files {
        let path = home.path().join("public").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, name).expect("a file");
    }
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let at = |name: &str| home.path().join(name).display().to_string();
    let recipe = recipe.replace("listen 80;", &format!("listen 127.0.0.1:{port};")).replace("/srv/docs/public", &at("public"));
    let own = format!(
        "daemon off;\nmaster_process off;\npid {pid};\nerror_log stderr;\nevents {{}}\nhttp {{\ninclude /etc/nginx/mime.types;\naccess_log off;\n\
         client_body_temp_path {body};\nproxy_temp_path {body};\nfastcgi_temp_path {body};\nuwsgi_temp_path {body};\nscgi_temp_path {body};\n{recipe}\n}}\n",
        pid = at("pid"),
        body = at("body"),
    );
    fs::write(home.path().join("nginx.conf"), own).expect("a file");
    let log = fs::File::create(home.path().join("log")).expect("a file");
    let mut command = Command::new("nginx");
    command.arg("-c").arg(home.path().join("nginx.conf")).arg("-e").arg("stderr").stderr(log);
    let mut server = command.spawn().expect("nginx is installed (`apt-get install --no-install-recommends nginx-light`)");
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() && Instant::now() < until {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let get = |path: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("nginx is there");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: docs.example.org\r\nConnection: close\r\n\r\n").expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    };
    let answers: Vec<String> = files.iter().map(|name| get(&format!("/{name}"))).collect();
    server.kill().expect("it is our child");
    server.wait().expect("it is our child");
    let codes: Vec<&str> = answers.iter().map(|answer| &answer[9..12]).collect();
    // A page for what is missing is no page of its own.
    assert_eq!(codes, ["200", "404", "200", "200", "404", "200", "404"], "{answers:?}");
    let calendar = &answers[2];
    assert!(calendar.contains("\r\nContent-Type: text/calendar; charset=utf-8\r\n"), "{calendar}");
    for (name, value) in runsheet::render::HEADERS {
        assert!(calendar.contains(&format!("{name}: {value}\r\n")), "{name}: {calendar}");
    }
}
