//! The written search index: what is in it, what is not, and that it is the same every time.
#![allow(clippy::disallowed_methods, reason = "a test acts as the user does")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use unicode_normalization::UnicodeNormalization;

/// The script splits the same list of texts: tests/browser/search.mjs.
#[test]
fn texts_are_cut_into_the_words_that_the_script_knows() {
    let texts: Vec<(String, Vec<String>)> = serde_json::from_str(include_str!("../browser/tokens.json")).expect("the list");
    for (text, expected) in texts {
        // Hangul is decomposed, too.
        let expected: Vec<String> = expected.iter().map(|word| word.nfkd().collect()).collect();
        assert_eq!(runsheet::search::tokens(&text), expected, "{text}");
    }
}

/// Builds a small project; returns its `public/search` by name.
fn build(config: &str, pages: &[(&str, &str)]) -> BTreeMap<String, String> {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(place.path().join("content/guide")).expect("a folder");
    fs::write(place.path().join("runsheet.toml"), config).expect("the configuration");
    for (name, text) in pages {
        fs::write(place.path().join("content").join(name), text).expect("a page");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_runsheet"))
        .args(["build", "--offline", "--now", "2026-11-22T12:00:00Z"])
        .current_dir(place.path())
        .env_clear()
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut files = BTreeMap::new();
    read(&place.path().join("public"), "", &mut files);
    files
}

fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read_to_string(entry.path()).unwrap_or_default());
        }
    }
}

/// All files of the index, one after the other, without the name of their folder.
fn index_of(files: &BTreeMap<String, String>) -> String {
    files.iter().filter(|(name, _)| name.starts_with("search/")).map(|(_, text)| text.as_str()).collect()
}

const CONFIG: &str = "[site]\ntitle = \"Tiny\"\n";

const PAGES: [(&str, &str); 5] = [
    ("index.md", "# Home\n\nWelcome to the pantry.\n"),
    ("guide/one.md", "# First steps\n\nA </script> & <!-- quarry.\n\n## Kettle\n\n```bash\necho lantern # </script>\n```\n"),
    ("guide/hidden.md", "---\ntitle: Hidden\nnav: false\n---\nwalnut\n"),
    ("guide/draft.md", "---\ntitle: Draft\ndraft: true\n---\nsecretword\n"),
    ("guide/two.md", "---\ntitle: Second\n---\nquarry quarry\n"),
];

#[test]
fn the_index_has_what_a_reader_sees_and_no_drafts() {
    let files = build(CONFIG, &PAGES);
    let index = index_of(&files);
    for word in ["pantry", "quarry", "kettle", "lantern", "walnut", "first"] {
        assert!(index.contains(word), "{word} is not in {index}");
    }
    assert!(!index.contains("secretword"), "{index}");
    assert!(!index.contains("not found") && !index.contains("404"), "{index}");
    assert!(!index.contains("</"), "a text must not end a script: {index}");
    let name = files.keys().find(|name| name.ends_with("/d/0/2.js")).expect("the third page");
    assert_eq!(
        files[name],
        "runsheetSearch(\"d/0/2\",[\"First steps\",\"guide/one.html\",\"Guide\",\"\",\"\",\"A \\u003c/script> & \\u003c!-- quarry.\",\
         \"kettle\",\"Kettle\",\"echo lantern # \\u003c/script>\"])\n"
    );
}

#[test]
fn equal_sites_have_equal_indexes_and_others_another_folder() {
    let files = build(CONFIG, &PAGES);
    assert_eq!(files, build(CONFIG, &PAGES));
    let mut pages = PAGES;
    pages[4].1 = "---\ntitle: Second\n---\nquarry\n";
    let others = build(CONFIG, &pages);
    let folder = |files: &BTreeMap<String, String>| files.keys().find(|name| name.ends_with("/w/0.js")).cloned();
    assert_ne!(folder(&files), folder(&others));
    // A page names only the manifest, so it is the same.
    assert_eq!(files["guide/one.html"], others["guide/one.html"]);
}

#[test]
fn no_page_of_the_content_takes_the_name_of_the_index() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(place.path().join("content/Search")).expect("a folder");
    fs::write(place.path().join("runsheet.toml"), CONFIG).expect("the configuration");
    fs::write(place.path().join("content/Search/index.js"), "1\n").expect("a file");
    let build = |config: &str| {
        fs::write(place.path().join("runsheet.toml"), config).expect("the configuration");
        let mut command = Command::new(env!("CARGO_BIN_EXE_runsheet"));
        command.args(["build", "--offline"]).current_dir(place.path()).output().expect("the program runs")
    };
    let refused = build(CONFIG);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("path-collision"), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(build(&format!("{CONFIG}search = false\n")).status.success());
}

#[test]
fn the_search_can_be_left_out() {
    let files = build("[site]\ntitle = \"Tiny\"\nsearch = false\n", &PAGES);
    let left: Vec<&String> = files.keys().filter(|name| name.contains("search")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(files.values().all(|text| !text.contains("search-button\" type")), "no page has the button");
}
