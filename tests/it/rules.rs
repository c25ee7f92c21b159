//! Each rule has a version and a page in the reference, with an example that really raises it.
//!
//! `RUNSHEET_BLESS=1 cargo test --test it rules::` writes the parts that come from the table: the line of facts, the indexes, and the
//! codes in the page on troubleshooting.
#![allow(clippy::disallowed_methods, reason = "a test runs the program on real files")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;
use runsheet::rule::{self, Area, RULES, Rule};

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("content/reference")
}

fn page_of(rule: &Rule) -> PathBuf {
    reference().join(rule.area.folder()).join(format!("{}.md", rule.code))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares a file with its expected content, or writes it.
fn hold(path: &Path, expected: &str, faults: &mut Vec<String>) {
    if fs::read_to_string(path).is_ok_and(|text| text == expected) {
        return;
    }
    if env::var_os("RUNSHEET_BLESS").is_some() {
        assert!(env::var_os("CI").is_none(), "RUNSHEET_BLESS is refused where CI is set");
        fs::write(path, expected).expect("the file can be written");
        return;
    }
    faults.push(format!("{} is not what the table of rules says: see the top of tests/it/rules.rs", path.display()));
}

/// The page with the line of facts below its title.
fn with_facts(page: &str, rule: &Rule) -> String {
    let title = format!("# {}\n\n", rule.code);
    let at = page.find(&title).unwrap_or_else(|| panic!("{} has no title", rule.code)) + title.len();
    let rest = match page[at..].strip_prefix("Severity: ") {
        Some(rest) => rest.split_once("\n\n").map_or("", |(_, rest)| rest),
        None => &page[at..],
    };
    format!("{}{}\n\n{rest}", &page[..at], rule.facts())
}

fn in_area(area: Area) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.area == area).copied()
}

/// The index of an area: its rules, each with its severity and its meaning.
fn index_of(area: Area) -> String {
    let (title, about) = area.title();
    let mut text = format!("---\ntitle: {title}\ndescription: {about}\nweight: {}\n---\n\n# {title}\n\n{about}\n\n", 20 + area as u32);
    text.push_str("| Code | Severity | Meaning |\n| --- | --- | --- |\n");
    for rule in in_area(area) {
        text.push_str(&format!("| [{0}]({0}.md) | {1} | {2} |\n", rule.code, rule.severity.word(), rule.title().replace('|', "\\|")));
    }
    text
}

/// The overall index: the codes of each area.
fn index() -> String {
    let page = read(&reference().join("diagnostics.md"));
    let start = page.find("\n## ").map_or(page.len(), |at| at + 1);
    let mut text = page[..start].to_owned();
    for area in Area::ALL {
        let (title, about) = area.title();
        let codes: Vec<String> = in_area(area).map(|rule| format!("[{}]({}/{0}.md)", rule.code, area.folder())).collect();
        text.push_str(&format!("## {title}\n\n[{about}]({}/index.md)\n\n{}\n\n", area.folder(), codes.join(" · ")));
    }
    format!("{}\n", text.trim_end())
}

/// What to do about a rule: the first paragraph of its way out, without references to other pages.
fn remedy(rule: &Rule) -> String {
    let (_, section) = rule.text().rsplit_once("\n## How to fix it\n").expect("a way out");
    let paragraph = rule::plain(section.trim().split("\n\n").next().unwrap_or_default()).replace('\n', " ");
    let sentences = paragraph.split_inclusive(". ").filter(|sentence| !sentence.starts_with("See ") && !sentence.contains("; see "));
    sentences.collect::<String>().trim().to_owned()
}

/// The list of all codes at the end of the page on troubleshooting: what one sees, what it means, what to do.
fn troubleshooting() -> String {
    let page = read(&reference().with_file_name("guide/troubleshooting.md"));
    let title = "\n## By code\n";
    let mut text = page[..page.find(title).expect("the heading") + title.len()].to_owned();
    for area in Area::ALL {
        text.push_str(&format!("\n### {}\n\n| You see | It means | What to do |\n| --- | --- | --- |\n", area.title().0));
        for rule in in_area(area) {
            let cell = |text: &str| text.replace('|', "\\|");
            let (code, folder) = (rule.code, area.folder());
            text.push_str(&format!("| [{code}](../reference/{folder}/{code}.md) | {} | {} |\n", cell(rule.title()), cell(&remedy(rule))));
        }
    }
    text
}

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let mut faults = Vec::new();
    for rule in RULES {
        let path = page_of(rule);
        let page = read(&path);
        hold(&path, &with_facts(&page, rule), &mut faults);
        let begins = format!("---\ntitle: {}\ndescription: {}\n---\n", rule.code, rule.title());
        let says = |what: &str| page.contains(what);
        let first = format!("\n\n{}", rule.title().trim_end_matches('.'));
        if !page.starts_with(&begins)
            || rule.title().is_empty()
            || !says(&first)
            || !says("\n## Example\n")
            || !says("\n## How to fix it\n")
        {
            faults.push(format!("{} lacks its title, its first sentence, an example or a way out", path.display()));
        }
        let numbers: Vec<u32> = rule.since.split('.').filter_map(|number| number.parse().ok()).collect();
        let current: Vec<u32> = env!("CARGO_PKG_VERSION").split('.').filter_map(|number| number.parse().ok()).collect();
        if numbers.len() != 3 || numbers > current {
            faults.push(format!("{} came with no version that there is: {}", rule.code, rule.since));
        }
    }
    for area in Area::ALL {
        hold(&reference().join(area.folder()).join("index.md"), &index_of(area), &mut faults);
    }
    hold(&reference().join("diagnostics.md"), &index(), &mut faults);
    hold(&reference().with_file_name("guide/troubleshooting.md"), &troubleshooting(), &mut faults);
    let expected: BTreeSet<PathBuf> = RULES.iter().map(|rule| page_of(rule)).collect();
    for area in Area::ALL {
        for entry in fs::read_dir(reference().join(area.folder())).expect("the folder of the area") {
            let path = entry.expect("an entry").path();
            if !expected.contains(&path) && path.file_name().is_some_and(|name| name != "index.md") {
                faults.push(format!("{} is the page of no rule", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every rule in the table can be raised: the examples show that each is, and this shows that no other name is used.
#[test]
fn codes_are_found_and_the_renamed_ones_told() {
    assert!(RULES.len() > 100);
    let (message, help) = rule::unknown("yaml-syntax");
    assert!(message.contains("front-matter-syntax") && help.is_some(), "{message}");
    let (message, help) = rule::unknown("broken-lnk");
    assert_eq!((&*message, help.as_deref()), ("unknown code `broken-lnk`", Some("did you mean `broken-link`?")));
}

/// The parts of an example.
#[derive(Debug, Default, PartialEq)]
struct Example {
    /// Path, whether the text is added to the file, and the text.
    files: Vec<(String, bool, String)>,
    commands: Vec<String>,
}

impl Example {
    /// Reads the example of a page: blocks of code after their paths, and commands in a console.
    fn read(page: &str) -> Example {
        let (_, section) = page.split_once("\n## Example\n").expect("an example");
        let (section, _) = section.rsplit_once("\n## How to fix it\n").expect("a way out behind the example");
        let mut example = Example::default();
        let mut path: Option<(String, bool)> = None;
        let mut lines = section.lines();
        while let Some(line) = lines.next() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            if ticks < 3 {
                if !line.is_empty() {
                    path = name_of_file(line);
                }
                continue;
            }
            let fence = &line[..ticks];
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != fence).collect();
            match (path.take(), line[ticks..].trim()) {
                (Some((path, is_added)), _) => example.files.push((path, is_added, text.join("\n") + "\n")),
                (None, "console") => example.commands.extend(text.iter().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned)),
                (None, _) => panic!("a block of code that is neither a file nor a console: {text:?}"),
            }
        }
        if !example.commands.iter().any(|command| command.contains("runsheet ")) {
            example.commands.push("runsheet check".to_owned());
        }
        example
    }

    /// Runs it in a new project, and returns the output.
    fn run(&self, folder: &Path) -> String {
        let mut said = String::new();
        let program = Path::new(env!("CARGO_BIN_EXE_runsheet")).parent().expect("a folder");
        let path = format!("{}:{}", program.display(), env::var("PATH").unwrap_or_default());
        let project = folder.join("project");
        let mut run = |command: &str, at: &Path| {
            // A proxy would answer for missing hosts, and Git's configuration could sign the commits.
            let output = Command::new("sh")
                .args(["-c", command])
                .current_dir(at)
                .env_clear()
                .env("PATH", &path)
                .env("HOME", folder)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .output()
                .expect("sh starts");
            said.push_str(&format!("$ {command}\n"));
            said.push_str(&String::from_utf8_lossy(&output.stdout));
            said.push_str(&String::from_utf8_lossy(&output.stderr));
        };
        run("runsheet init project", folder);
        for (path, is_added, text) in &self.files {
            let path = project.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
            let before = if *is_added { read(&path) + "\n" } else { String::new() };
            fs::write(path, before + text).expect("the file is written");
        }
        for command in &self.commands {
            run(command, &project);
        }
        said
    }
}

/// `` `content/plan.md` `` or `` `runsheet.toml`, added ``, alone on its line.
fn name_of_file(line: &str) -> Option<(String, bool)> {
    let (line, is_added) = line.strip_suffix(", added").map_or((line, false), |line| (line, true));
    let name = line.strip_prefix('`')?.strip_suffix('`')?;
    (!name.contains('`')).then(|| (name.to_owned(), is_added))
}

#[test]
fn every_example_raises_its_rule() {
    let faults: Vec<String> = RULES
        .par_iter()
        .filter_map(|rule| {
            let folder = tempfile::tempdir().expect("a folder");
            let said = Example::read(&read(&page_of(rule))).run(folder.path());
            let wanted = format!("{}[{}]", rule.severity.word(), rule.code);
            (!said.contains(&wanted)).then(|| format!("the example of {wanted} does not raise it:\n{said}"))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn an_example_is_read() {
    let page = "# x\n\n## Example\n\n`a.md`\n\n````markdown\n## Way\n```\nx\n```\n````\n\nWords.\n\n`b`, added\n\n```\ny\n```\n\n```console\n$ ls\nz\n```\n\n## How to fix it\n\nNone.\n";
    let files = vec![("a.md".to_owned(), false, "## Way\n```\nx\n```\n".to_owned()), ("b".to_owned(), true, "y\n".to_owned())];
    assert_eq!(Example::read(page), Example { files, commands: vec!["ls".to_owned(), "runsheet check".to_owned()] });
}
