//! Text that looks like a time but is not: the headings of everyday documents, and constructed near misses.
#![allow(clippy::disallowed_methods, reason = "a test reads the documents of installed packages")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Tag};
use runsheet::page::markdown;
use runsheet::schedule::{Found, heading, recurrence};
use walkdir::WalkDir;

/// With fewer headings than this, the test proves nothing.
const FEWEST_HEADINGS: usize = 800;
const FEWEST_NEAR_MISSES: usize = 200;

const NEAR_MISSES: &str = include_str!("../fixtures/near-misses.txt");
/// The comment that separates the near misses without a hint from those that deserve one.
const HINTS: &str = "# A hint: no unit";

#[test]
fn headings_of_installed_packages_say_nothing() {
    let places = places();
    let headings = headings(&places);
    let parents: BTreeSet<&Path> = places.iter().filter_map(|place| place.parent()).collect();
    assert!(
        headings.len() >= FEWEST_HEADINGS,
        "{} different headings where {FEWEST_HEADINGS} are needed; `cargo fetch --locked` brings them. \
         Looked for *.md in {} folders in {parents:?}",
        headings.len(),
        places.len()
    );
    let wrong: Vec<String> =
        headings.iter().filter_map(|(text, file)| Some(format!("  {text}: {} ({})\n", time(text)?, file.display()))).collect();
    assert!(wrong.is_empty(), "{} of {} headings:\n{}", wrong.len(), headings.len(), wrong.concat());
    println!("{} different headings in {} folders", headings.len(), places.len());
}

#[test]
fn near_misses_say_nothing() {
    let (nothing, hints) = NEAR_MISSES.split_once(HINTS).expect("the fixture has two parts");
    let (nothing, hints) = (rows(nothing), rows(hints));
    let mut rows = [&nothing[..], &hints[..]].concat();
    rows.sort_unstable();
    rows.dedup();
    assert!(rows.len() >= FEWEST_NEAR_MISSES, "{} different near misses", rows.len());
    assert_eq!(rows.len(), nothing.len() + hints.len(), "a near miss is there twice");

    let for_nothing = nothing.iter().filter_map(|text| Some(format!("  {text}: {}\n", time(text)?)));
    let for_hints = hints.iter().filter_map(|text| match time(text) {
        Some(found) if found.starts_with("hint: no unit in `T") => None,
        found => Some(format!("  {text}: {}, expected a hint\n", found.as_deref().unwrap_or("nothing"))),
    });
    let wrong: Vec<String> = for_nothing.chain(for_hints).collect();
    assert!(wrong.is_empty(), "{} of {} near misses:\n{}", wrong.len(), rows.len(), wrong.concat());
    println!("{} near misses: {} say nothing, {} give a hint", rows.len(), nothing.len(), hints.len());
}

/// How a heading is understood; `None` if it contains no time.
fn time(text: &str) -> Option<String> {
    if let Some(rhythm) = recurrence::read(text) {
        return Some(format!("rhythm {rhythm}"));
    }
    match heading::read(text, None) {
        Found::Nothing => None,
        Found::Timing(timing) => Some(format!("{} | {}", timing.start, timing.label)),
        Found::Hint(error) => Some(format!("hint: {error}")),
        Found::Error(error) => Some(format!("error: {error}")),
    }
}

fn rows(part: &str) -> Vec<&str> {
    part.lines().filter(|line| !line.is_empty() && *line != "#" && !line.starts_with("# ")).collect()
}

/// The folders of the packages that `Cargo.lock` names, and of those that the browser tests install.
///
/// Other versions may be beside them; only the locked ones are the same on every machine.
fn places() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock: toml::Table = fs::read_to_string(root.join("Cargo.lock")).expect("a lock file").parse().expect("the lock file is TOML");
    let packages = lock["package"].as_array().expect("the lock file names packages");
    let field = |package: &toml::Value, name: &str| package[name].as_str().expect("a text").to_owned();
    let names = packages.iter().filter(|package| package.get("source").is_some());
    let names: Vec<String> = names.map(|package| format!("{}-{}", field(package, "name"), field(package, "version"))).collect();

    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo"))).expect("a home");
    let sources = cargo.join("registry/src");
    let registries = fs::read_dir(&sources).into_iter().flatten().filter_map(Result::ok);
    let mut places: Vec<PathBuf> = registries.flat_map(|registry| names.iter().map(move |name| registry.path().join(name))).collect();
    if places.is_empty() {
        places.push(sources);
    }
    places.push(root.join("tests/browser/node_modules"));
    places
}

/// The visible text of every distinct heading in the Markdown files of some folders, with a file that contains it.
fn headings(places: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    let files = places.iter().flat_map(|place| WalkDir::new(place).sort_by_file_name()).filter_map(Result::ok);
    let is_markdown = |path: &Path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md"));
    let mut headings = BTreeMap::new();
    for file in files.filter(|file| file.file_type().is_file() && is_markdown(file.path())) {
        let text = fs::read(file.path()).expect("a readable file");
        let text = String::from_utf8_lossy(&text);
        let events = markdown::events(&text);
        for (start, (event, _)) in events.iter().enumerate() {
            if matches!(event, Event::Start(Tag::Heading { .. })) {
                let heading = markdown::plain_text(&events[start..markdown::end_of(&events, start)]);
                headings.entry(heading.trim().to_owned()).or_insert_with(|| file.path().to_owned());
            }
        }
    }
    headings.remove("");
    headings
}
