//! The words that Runsheet itself writes: a file a language, for pages, run sheets, mails and checks.
//!
//! A file has groups of words. A group that it lacks is English, and is marked as English where it stands. A project adds a language,
//! or changes words of one, by `themes/NAME/languages/TAG.toml`.

mod date;
mod project;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use toml::Table;

use crate::text::html::{escape, escaped};

pub use project::read;

/// The language that has every word.
const ENGLISH: &str = "en";

/// The file of English, which has every word.
pub const ENGLISH_FILE: &str = include_str!("en.toml");

/// The files of the program, by tag.
const FILES: [(&str, &str); 7] = [
    (ENGLISH, ENGLISH_FILE),
    ("de", include_str!("de.toml")),
    ("fr", include_str!("fr.toml")),
    ("es", include_str!("es.toml")),
    ("pt", include_str!("pt.toml")),
    ("nl", include_str!("nl.toml")),
    ("it", include_str!("it.toml")),
];

/// What marks English words on a page of another language.
const MARK: &str = " lang=\"en\" dir=\"ltr\"";

static BUILT_IN: LazyLock<BTreeMap<String, Groups>> = LazyLock::new(|| {
    let read = |(tag, text): (&str, &str)| (tag.to_owned(), groups(&text.parse().expect("the tests read each file")));
    FILES.into_iter().map(read).collect()
});

/// A word, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    One(String),
    List(Vec<String>),
}

/// The words of a file, by group and key.
type Groups = BTreeMap<String, BTreeMap<String, Text>>;

/// The words of a language: its own groups, and those of English for the others.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    /// What its file is called; empty if there is none.
    file: String,
    own: Groups,
    english: Arc<Groups>,
}

/// A language: its tag as a page has it, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    tag: String,
    words: Arc<Words>,
}

impl Default for Language {
    /// English.
    fn default() -> Language {
        Languages::default().site
    }
}

impl Language {
    /// The tag, such as `pt-BR` (RFC 5646).
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The name of the file that its words are from; empty if there is none.
    pub fn file(&self) -> &str {
        &self.words.file
    }

    /// Whether it is written from right to left: by its script if the tag names one, else by the one that it is usually written in.
    pub fn is_right_to_left(&self) -> bool {
        is_right_to_left(&self.tag)
    }

    /// The attributes of an element that is in this language: `lang`, and `dir` where it is not that of most.
    pub fn attributes(&self) -> String {
        let mut html = " lang=\"".to_owned();
        escape(&self.tag, &mut html);
        html.push_str(if self.is_right_to_left() { "\" dir=\"rtl\"" } else { "\"" });
        html
    }

    fn find(&self, key: &str) -> Option<&Text> {
        let (group, name) = key.split_once('.')?;
        self.group(group)?.get(name)
    }

    /// Whether a group of words is in this language, and not in English.
    fn has(&self, group: &str) -> bool {
        self.words.own.contains_key(group)
    }

    fn group(&self, group: &str) -> Option<&BTreeMap<String, Text>> {
        self.words.own.get(group).or_else(|| self.words.english.get(group))
    }

    /// A word by `group.key`. Values in it are still `{name}`.
    pub fn text(&self, key: &str) -> &str {
        match self.find(key) {
            Some(Text::One(text)) => text,
            _ => {
                debug_assert!(false, "there is no word {key}");
                ""
            }
        }
    }

    /// A list of words by `group.key`.
    pub fn list(&self, key: &str) -> &[String] {
        match self.find(key) {
            Some(Text::List(list)) => list,
            _ => {
                debug_assert!(false, "there is no list {key}");
                &[]
            }
        }
    }

    /// The words that a check looks for, in this language alone: those of English would be found as parts of others.
    pub fn words_of_rule(&self, name: &str) -> &[String] {
        match self.words.own.get("rule").and_then(|group| group.get(name)) {
            Some(Text::List(list)) => list,
            _ => &[],
        }
    }

    /// A word with its values in their places.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        fill(self.text(key), values)
    }

    /// A word as HTML. One that is English on a page of another language is marked so.
    pub fn html(&self, key: &str) -> String {
        self.fill_html(key, &[])
    }

    /// The same with values, which are HTML.
    pub fn fill_html(&self, key: &str, values: &[(&str, &str)]) -> String {
        let html = fill(&escaped(self.text(key)), values);
        match self.mark(key.split('.').next().unwrap_or_default()) {
            "" => html,
            mark => format!("<span{mark}>{html}</span>"),
        }
    }

    /// What marks words of a group as English, if they are English in another language; as attributes.
    pub fn mark(&self, group: &str) -> &'static str {
        if self.has(group) { "" } else { MARK }
    }

    /// All words as HTML, by group and key: see [`Language::html`]. Lists are left out.
    pub fn all_html(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.all(|key| self.html(key))
    }

    /// All words as text, by group and key.
    pub fn all_plain(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.all(|key| self.text(key).to_owned())
    }

    /// What marks the words of each group as English, if they are English in another language; as attributes.
    pub fn all_marks(&self) -> BTreeMap<String, &'static str> {
        self.groups().map(|group| (group.clone(), self.mark(group))).collect()
    }

    fn groups(&self) -> impl Iterator<Item = &String> {
        self.words.english.keys().chain(self.words.own.keys())
    }

    fn all(&self, write: impl Fn(&str) -> String) -> BTreeMap<String, BTreeMap<String, String>> {
        let texts = |group: &String| {
            let ones = self.group(group).into_iter().flatten().filter(|(_, text)| matches!(text, Text::One(_)));
            ones.map(|(key, _)| (key.clone(), write(&format!("{group}.{key}")))).collect()
        };
        self.groups().map(|group| (group.clone(), texts(group))).collect()
    }

    /// A script or a style with its words in place of their names: `%%group.key%%`, or `%%group.key first second%%` where the script
    /// puts values into `{0}` and `{1}`; a list is joined by `|`. A name may stand in any kind of quotes, so the words are escaped for
    /// all of them. `"%%mark group%%"` becomes an object of the attributes that mark the group. Also returns the names of unknown words.
    pub fn put_into(&self, script: &str) -> (String, Vec<String>) {
        let (mut made, mut unknown) = (String::with_capacity(script.len()), Vec::new());
        let mut rest = script;
        while let Some(from) = rest.find("%%") {
            let (before, behind) = (&rest[..from], &rest[from + 2..]);
            let name = behind.split_once("%%").map(|(name, _)| name).filter(|name| is_name(name));
            let Some(name) = name else {
                made.push_str(&rest[..from + 2]);
                rest = behind;
                continue;
            };
            rest = &behind[name.len() + 2..];
            let mut parts = name.split(' ');
            let key = parts.next().unwrap_or_default();
            if key == "mark" {
                // The quotes around it go.
                made.push_str(before.strip_suffix(['"', '\'', '`']).unwrap_or(before));
                rest = rest.strip_prefix(['"', '\'', '`']).unwrap_or(rest);
                let is_own = parts.next().is_none_or(|group| self.has(group));
                made.push_str(if is_own { "{}" } else { "{lang:\"en\",dir:\"ltr\"}" });
                continue;
            }
            made.push_str(before);
            match self.find(key) {
                Some(Text::One(text)) => {
                    let numbers: Vec<(&str, String)> = parts.enumerate().map(|(number, name)| (name, format!("{{{number}}}"))).collect();
                    let values: Vec<(&str, &str)> = numbers.iter().map(|(name, number)| (*name, &**number)).collect();
                    made.push_str(&quoted(&fill(text, &values)));
                }
                Some(Text::List(list)) => made.push_str(&quoted(&list.join("|"))),
                None => unknown.push(key.to_owned()),
            }
        }
        made.push_str(rest);
        (made, unknown)
    }
}

/// Whether a text between `%%` and `%%` is the name of a word: others may mean something else by it.
fn is_name(text: &str) -> bool {
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let (key, values) = text.split_once(' ').unwrap_or((text, ""));
    let is_key = key == "mark" || key.split_once('.').is_some_and(|(group, name)| is_word(group) && is_word(name));
    is_key && (values.is_empty() || values.split(' ').all(is_word))
}

/// A text as it is written in any kind of string of JavaScript, and in one of CSS.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '"' | '\'' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(if c.is_control() { ' ' } else { c });
    }
    quoted
}

/// Puts values in the places of their names. Braces in a value stay what they are.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(from) = rest.find('{') {
        filled.push_str(&rest[..from]);
        let known = rest[from + 1..].split_once('}').and_then(|(name, behind)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((value, behind))
        });
        match known {
            Some((value, behind)) => {
                filled.push_str(value);
                rest = behind;
            }
            None => {
                filled.push('{');
                rest = &rest[from + 1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// The names of the values in a text.
fn values(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// The groups of a file that is known to be right.
fn groups(table: &Table) -> Groups {
    let text = |value: &toml::Value| match value {
        toml::Value::Array(list) => Text::List(list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()),
        one => Text::One(one.as_str().unwrap_or_default().to_owned()),
    };
    let group = |value: &toml::Value| value.as_table().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect();
    table.iter().map(|(name, value)| (name.clone(), group(value))).collect()
}

/// All languages that there are words of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Languages {
    site: Language,
    known: BTreeMap<String, Arc<Words>>,
    /// English, for a language without a file.
    none: Arc<Words>,
}

impl Default for Languages {
    /// Those of the program, for a site in English.
    fn default() -> Languages {
        Languages::new(ENGLISH, BTreeMap::new())
    }
}

impl Languages {
    /// The languages of the program with the files of a project over them, for a site in a language.
    fn new(site: &str, added: BTreeMap<String, Groups>) -> Languages {
        let mut all = BUILT_IN.clone();
        for (tag, groups) in added {
            // The words of a region are laid over those of its language.
            let mut known = nearest(&all, &tag).cloned().unwrap_or_default();
            for (group, texts) in groups {
                known.entry(group).or_default().extend(texts);
            }
            all.insert(tag, known);
        }
        let english = Arc::new(all[ENGLISH].clone());
        let words = |file: String, own| Arc::new(Words { file, own, english: Arc::clone(&english) });
        let none = words(String::new(), BTreeMap::new());
        let known = all.into_iter().map(|(tag, own)| (tag.clone(), words(tag, own))).collect();
        let mut languages = Languages { site: Language { tag: String::new(), words: Arc::clone(&none) }, known, none };
        languages.site = languages.of(site);
        languages
    }

    /// The language of the site.
    pub fn site(&self) -> &Language {
        &self.site
    }

    /// A language by its tag: with the words of that file, or of the nearest that is less exact, such as `pt` for `pt-BR`.
    pub fn of(&self, tag: &str) -> Language {
        let words = nearest(&self.known, tag).unwrap_or(&self.none);
        Language { tag: tag.to_owned(), words: Arc::clone(words) }
    }

    /// One language for each file of words, and one for those without.
    pub fn all(&self) -> impl Iterator<Item = Language> + '_ {
        let files = self.known.values().map(|words| Language { tag: words.file.clone(), words: Arc::clone(words) });
        files.chain([Language { tag: String::new(), words: Arc::clone(&self.none) }])
    }

    /// The words of a list in every language that has one of its own.
    pub fn lists<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let (group, name) = key.split_once('.').unwrap_or_default();
        let lists = self.known.values().filter_map(move |words| words.own.get(group)?.get(name));
        lists
            .flat_map(|text| match text {
                Text::List(list) => list.as_slice(),
                Text::One(_) => &[],
            })
            .map(String::as_str)
    }
}

/// What is known of a language, or of one that is less exact: of `pt` for `pt-BR`.
fn nearest<'a, T>(known: &'a BTreeMap<String, T>, tag: &str) -> Option<&'a T> {
    let mut name = tag.replace('_', "-");
    loop {
        if let Some((_, found)) = known.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(&name)) {
            return Some(found);
        }
        name.truncate(name.rfind('-')?);
    }
}

/// Reads the tag of a language. An error is what is wrong, and the way out.
pub fn parse(text: &str) -> Result<String, (String, Option<String>)> {
    if is_tag(text) && !text.contains('_') {
        Ok(text.to_owned())
    } else {
        Err((format!("invalid language `{text}`"), Some("use a tag such as `en` or `pt-BR`".to_owned())))
    }
}

/// The form of a language tag: two or three letters, then parts of up to eight (RFC 5646 §2.1).
pub fn is_tag(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let primary = parts.next().unwrap_or("");
    (2..=3).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether a language is written from right to left: by its script if it names one, else by the one that it is usually written in.
fn is_right_to_left(tag: &str) -> bool {
    let tag = tag.to_ascii_lowercase();
    let mut parts = tag.split(['-', '_']);
    let primary = parts.next().unwrap_or("");
    match parts.find(|part| part.len() == 4) {
        Some(script) => matches!(script, "arab" | "hebr" | "thaa" | "syrc" | "nkoo" | "adlm" | "rohg"),
        None => matches!(primary, "ar" | "he" | "fa" | "ur" | "yi" | "ps" | "sd" | "ug" | "dv" | "ckb"),
    }
}

#[cfg(test)]
mod tests;
