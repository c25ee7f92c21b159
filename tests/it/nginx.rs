//! nginx accepts the manual's recipe for it, and sends what a site needs.
#![allow(clippy::disallowed_methods, reason = "a test starts nginx")]

use std::fs;
use std::process::Command;

use crate::web_server::{self, WebServer, code};

#[test]
fn nginx_serves_by_the_recipe_of_the_manual() {
    let files = ["index.html", "404.html", "docs/plan.ics", "status/badge.svg", "_headers", ".well-known/security.txt", ".hidden/a.ics"];
    let home = web_server::home(&files);
    let port = web_server::free_port();
    let at = |name: &str| home.path().join(name).display().to_string();
    let recipe = web_server::recipe("nginx");
    let recipe = recipe.replace("listen 80;", &format!("listen 127.0.0.1:{port};")).replace("/srv/docs/public", &at("public"));
    let own = format!(
        "daemon off;\nmaster_process off;\npid {pid};\nerror_log stderr;\nevents {{}}\nhttp {{\ninclude /etc/nginx/mime.types;\naccess_log off;\n\
         client_body_temp_path {body};\nproxy_temp_path {body};\nfastcgi_temp_path {body};\nuwsgi_temp_path {body};\nscgi_temp_path {body};\n{recipe}\n}}\n",
        pid = at("pid"),
        body = at("body"),
    );
    let file = home.path().join("nginx.conf");
    fs::write(&file, own).expect("a file");
    let server = WebServer::start(home, port, Command::new("nginx").arg("-c").arg(file).arg("-e").arg("stderr"));
    let answers: Vec<String> = files.iter().map(|name| server.get(&format!("/{name}"), "")).collect();
    let codes: Vec<&str> = answers.iter().map(|answer| code(answer)).collect();
    // The page for missing addresses has no address of its own.
    assert_eq!(codes, ["200", "404", "200", "200", "404", "200", "404"], "{answers:?}");
    let calendar = &answers[2];
    assert!(calendar.contains("\r\nContent-Type: text/calendar; charset=utf-8\r\n"), "{calendar}");
    for (name, value) in runsheet::render::HEADERS {
        assert!(calendar.contains(&format!("{name}: {value}\r\n")), "{name}: {calendar}");
    }
}
