//! The words of each language are whole, and each is used: by templates, scripts, styles or the program.
#![allow(clippy::disallowed_methods, reason = "a test reads the sources")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use runsheet::language::Languages;
use runsheet::notice::when::LANGUAGES;
use toml::{Table, Value};

/// Languages that have every word, as English does.
const WHOLE: [&str; 2] = ["de", "fr"];
/// The groups that every language of the program has.
const EVERYWHERE: [&str; 7] = ["button", "date", "frame", "mail", "page", "rule", "search"];

fn words(tag: &str) -> BTreeMap<String, Table> {
    let text = fs::read_to_string(format!("src/language/{tag}.toml")).expect("a file of words");
    let table: Table = text.parse().expect("TOML");
    table.into_iter().map(|(group, words)| (group, words.as_table().expect("a group").clone())).collect()
}

/// The names of the values in a word; of a list how long it is, if that matters.
fn shape(group: &str, word: &Value) -> Vec<String> {
    match word {
        Value::String(text) => {
            let names = text.split('{').skip(1).map(|rest| rest.split('}').next().expect("a value ends").to_owned());
            names.collect::<BTreeSet<String>>().into_iter().collect()
        }
        Value::Array(list) if group == "rule" => vec![format!("a list: {}", !list.is_empty())],
        Value::Array(list) => vec![format!("{} words", list.len())],
        _ => panic!("neither text nor list: {word}"),
    }
}

fn same_words(tag: &str, group: &str, english: &Table, other: &Table) {
    let names = |table: &Table| table.keys().cloned().collect::<BTreeSet<String>>();
    let (ours, theirs) = (names(english), names(other));
    let missing: Vec<&String> = ours.difference(&theirs).collect();
    let unknown: Vec<&String> = theirs.difference(&ours).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "{tag}.toml [{group}]: missing {missing:?}, unknown {unknown:?}");
    for (name, word) in english {
        assert_eq!(shape(group, word), shape(group, &other[name]), "{tag}.toml [{group}] {name}");
        assert!(!word.to_string().contains("%%"), "{name}");
    }
}

/// The languages that there are files for, without English.
fn tags() -> BTreeSet<String> {
    let files = fs::read_dir("src/language").expect("the folder").map(|entry| entry.expect("an entry").path());
    let names = files.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    names.filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).filter(|tag| tag != "en").collect()
}

#[test]
fn languages_have_the_same_words() {
    let english = words("en");
    let tags = tags();
    let known: BTreeSet<String> = Languages::default().all().map(|language| language.file().to_owned()).collect();
    let known: BTreeSet<String> = known.into_iter().filter(|file| !matches!(&**file, "" | "en")).collect();
    assert_eq!(tags, known, "a file is not in the list in src/language/mod.rs");
    assert_eq!(tags, LANGUAGES.iter().filter(|tag| **tag != "en").map(|tag| (*tag).to_owned()).collect(), "languages of mails");
    for tag in &tags {
        let other = words(tag);
        for (group, own) in &other {
            same_words(tag, group, english.get(group).unwrap_or_else(|| panic!("{tag}.toml has an unknown group: {group}")), own);
        }
        let wanted: Vec<&str> =
            if WHOLE.contains(&tag.as_str()) { english.keys().map(String::as_str).collect() } else { EVERYWHERE.to_vec() };
        assert_eq!(other.keys().map(String::as_str).collect::<Vec<_>>(), wanted, "groups of {tag}.toml");
    }
}

/// All texts below a folder with one of some endings, but for tests.
fn texts(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let path = entry.expect("an entry").into_path();
        let is_test = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
        if path.is_file() && !is_test && endings.iter().any(|ending| path.extension().is_some_and(|own| own == *ending)) {
            let text = fs::read_to_string(&path).expect("a text");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            found.push((path.display().to_string(), code));
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// A use of a word: in which file, and with which values if that can be seen.
struct Use {
    file: String,
    key: String,
    values: Option<Vec<String>>,
}

fn is_of_key(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.'
}

/// What stands behind a text, as far as it can be a key.
fn keys_behind<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).map(|rest| rest.split(|c| !is_of_key(c)).next().unwrap_or_default())
}

fn uses() -> Vec<Use> {
    let mut found = Vec::new();
    for (file, text) in texts("themes/default/templates", &["html"]) {
        for before in ["{ words.", "{ plain.", "\"{{ plain.", "% if words."] {
            found.extend(keys_behind(&text, before).map(|key| Use { file: file.clone(), key: key.to_owned(), values: None }));
        }
    }
    for (file, text) in texts("themes/default/source", &["js", "css"]) {
        for name in text.split("%%").skip(1).step_by(2) {
            let mut parts = name.split(' ').map(str::to_owned);
            let key = parts.next().unwrap_or_default();
            found.push(Use { file: file.clone(), key, values: Some(parts.collect::<BTreeSet<String>>().into_iter().collect()) });
        }
    }
    let groups: Vec<String> = words("en").into_keys().collect();
    for (file, text) in texts("src", &["rs"]) {
        for group in &groups {
            let before = format!("\"{group}.");
            let keys = text.split(&before).skip(1).filter_map(|rest| rest.split('"').next());
            let keys = keys.filter(|name| !name.is_empty() && name.chars().all(|c| is_of_key(c) && c != '.'));
            found.extend(keys.map(|name| Use { file: file.clone(), key: format!("{group}.{name}"), values: None }));
        }
    }
    found
}

/// Words that a file of the program puts together from a group and a name in it.
const COMPOSED: [(&str, &str); 5] = [
    ("src/page/html.rs", "page"),
    ("src/render/paper.rs", "sheet"),
    ("src/sheet/timeline/mod.rs", "sheet"),
    ("src/check/notices.rs", "rule"),
    ("src/status/overview.rs", "status"),
];

#[test]
fn each_word_is_used_and_each_use_is_a_word() {
    let english = words("en");
    let mut used: BTreeSet<String> = BTreeSet::new();
    for Use { file, key, values } in uses() {
        let (group, name) = key.split_once('.').unwrap_or_else(|| panic!("{file}: {key} is without a group"));
        // Names of files, such as `page.html`.
        if values.is_none() && ["html", "txt", "toml", "md", "css", "js"].contains(&name) {
            continue;
        }
        let word = english.get(group).and_then(|group| group.get(name)).unwrap_or_else(|| panic!("{file}: there is no word {key}"));
        if let (Some(values), Value::String(_)) = (values, word) {
            assert_eq!(values, shape(group, word), "{file}: {key}");
        }
        used.insert(key);
    }
    for (file, group) in COMPOSED {
        let text = fs::read_to_string(Path::new(file)).expect("a source");
        used.extend(english[group].keys().filter(|name| text.contains(&format!("\"{name}\""))).map(|name| format!("{group}.{name}")));
    }
    let unused: Vec<String> = english
        .iter()
        .flat_map(|(group, words)| words.keys().map(move |name| format!("{group}.{name}")))
        .filter(|key| !used.contains(key))
        .collect();
    assert!(unused.is_empty(), "words that nothing uses: {unused:?}");
}

/// What the page on troubleshooting quotes of a run sheet is what a run sheet says.
#[test]
fn the_manual_quotes_words_that_there_are() {
    let page = fs::read_to_string("content/guide/troubleshooting.md").expect("the page");
    let (_, table) = page.split_once("\n## On the run sheet\n").expect("the section");
    let (table, _) = table.split_once("\n## ").expect("the next section");
    let english = words("en");
    let said: Vec<&str> = ["run", "button", "sheet"].iter().flat_map(|group| english[*group].values()).filter_map(Value::as_str).collect();
    let quotes: Vec<&str> = table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    assert!(quotes.len() >= 8, "{quotes:?}");
    for quote in quotes {
        let begin = quote.trim_end_matches([' ', '…']);
        assert!(said.iter().any(|words| words.starts_with(begin)), "no run sheet says `{quote}`");
    }
}
