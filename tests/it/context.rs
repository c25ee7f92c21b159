//! Template variables are exactly those listed in the manual.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The names `WHAT.name` in the manual. `page.html` and `site.css` are files.
fn documented(what: &str) -> BTreeSet<String> {
    let manual = include_str!("../../content/guide/themes.md");
    let start = format!("`{what}.");
    let names = manual.split(&start).skip(1).filter_map(|rest| rest.split('`').next());
    names
        .filter(|name| {
            (what == "assets" || !["html", "css", "js"].contains(name))
                && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}

/// The variables available to a template on a run sheet with a status.
fn found(what: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write(
        "runsheet.toml",
        "[site]\nbase_url = \"https://docs.example.org/\"\n[events.e]\nt0 = 2027-03-06T08:00:00\ntime_zone = \"Europe/London\"\n\
         [status]\nurl = \"https://status.example.org\"\nslug = \"s\"\n",
    );
    write("content/sheet.md", "# Sheet\n\n## T-1h: Begin\n\n- [ ] Say it (owner: x)\n");
    let keys = "{% for key, value in WHAT %}[{{ key }}]{% endfor %}".replace("WHAT", what);
    write("themes/default/templates/checklist.html", &keys);
    let output = Command::new(env!("CARGO_BIN_EXE_runsheet"))
        .args(["build", "--offline", "--now", "2026-11-22T12:00:00Z"])
        .current_dir(folder.path())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = fs::read_to_string(folder.path().join("public/sheet.html")).expect("the page");
    page.split('[').skip(1).filter_map(|rest| rest.split(']').next()).map(str::to_owned).collect()
}

#[test]
fn the_manual_lists_what_templates_know() {
    for what in ["page", "site", "look", "event", "sheet", "status", "built_at", "assets"] {
        assert_eq!(documented(what), found(what), "{what}");
    }
}
