//! Time grows linearly with the input: cases that once took quadratic time finish within a limit that quadratic time would exceed by
//! far. `bench/growth.py` measures how long each takes.

use crate::project::{Project, said};

const CONFIG: &str = "[site]\nid = \"growth-01\"\ntitle = \"Growth\"\n[events.move]\nname = \"Move\"\nt0 = 2027-03-06T08:00:00\n\
    time_zone = \"Europe/London\"\n[events.move.roles]\nops = \"Operations\"\n";

/// The output of a command on a project with these files. It must finish within a minute, even on a busy machine: it takes a few
/// seconds, and used to take minutes.
fn run(files: &[(String, String)], arguments: &[&str]) -> String {
    let project = Project::new(&[("runsheet.toml", CONFIG)]);
    for (name, text) in files {
        project.write(name, text);
    }
    let output = project.run(&[arguments, &["--color", "never", "--jobs", "2", "--now", "2026-11-22T12:00:00Z"]].concat());
    String::from_utf8_lossy(&output.stdout).into_owned() + &said(&output)
}

fn page(kind: &str, body: &str) -> (String, String) {
    ("content/index.md".to_owned(), format!("---\ntitle: Page\nkind: {kind}\n---\n\n# Page\n\n{body}\n"))
}

fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn thousands_of_broken_anchors_get_a_suggestion_each() {
    let body = each(16_000, |number| format!("## Heading number {number}\n\n[x](#headin-number-{number})\n"));
    let said = run(&[page("page", &body)], &["check", "--message-format", "json"]);
    assert_eq!(said.matches("\"code\":\"broken-anchor\"").count(), 16_000);
    assert_eq!(said.matches("did you mean `#heading-number-").count(), 16_000);
    assert!(said.contains("there is no heading `#headin-number-8191`"), "{}", said.len());
    assert!(said.contains("\"did you mean `#heading-number-8191`?\""), "the right one is not the nearest");
}

#[test]
fn thousands_of_undefined_references_get_a_suggestion_each() {
    let body =
        each(32_000, |number| format!("[text][entyr-{number}]")) + "\n\n" + &each(32_000, |number| format!("[entry-{number}]: /{number}"));
    let said = run(&[page("page", &body)], &["check", "--message-format", "short"]);
    assert_eq!(said.matches("broken-reference").count(), 32_000, "{}", said.chars().take(2000).collect::<String>());
}

#[test]
fn a_paragraph_of_brackets_is_drawn_line_by_line_of_what_is_meant() {
    let said = run(&[page("page", &"[a]".repeat(50_000))], &["check"]);
    // Each but the last refers to the next one.
    assert_eq!(said.matches("warning[broken-reference]").count(), 49_999, "{}", said.chars().take(2000).collect::<String>());
    assert!(said.len() < 50_000 * 500, "{} bytes are said", said.len());
    let column = said.lines().filter(|line| line.contains("--> content/index.md:8:")).count();
    assert_eq!(column, 49_999);
    assert!(said.contains("--> content/index.md:8:149995"), "the place of the last one is lost");
}

#[test]
fn thousands_of_broken_links_among_thousands_of_pages_get_a_suggestion_each() {
    let mut files: Vec<(String, String)> =
        (0..8000).map(|number| (format!("content/{}/page-{number}.md", number / 20), format!("# Page {number}\n"))).collect();
    files.push(page(
        "page",
        &each(8000, |number| format!("[x](pgae-{number}.md) [y](/{}/page-{number}.html) [z](/7/pgae-{number})", number / 20)),
    ));
    let said = run(&files, &["check", "--message-format", "short"]);
    assert_eq!(said.matches("broken-link").count(), 16_000, "{}", said.chars().take(2000).collect::<String>());
}

#[test]
fn a_sheet_of_thousands_of_steps_is_planned_once() {
    let wait = |number: usize| if number == 0 { String::new() } else { format!("; after: i{}", number - 1) };
    let body = each(12_000, |number| {
        format!(
            "## Step {number}: do it (T+{number}m, ops)\n\n- [ ] Do {number} (id: i{number}; ~1m{})\n\n  `echo $V{number}`: _____ <!-- var: V{number} -->\n",
            wait(number)
        )
    });
    let said = run(&[page("run-sheet", &body)], &["build", "--site-only", "--message-format", "short"]);
    // It used to take more than the ten seconds allowed for a page.
    assert!(said.starts_with("1 page in "), "{}", said.chars().take(2000).collect::<String>());
}
