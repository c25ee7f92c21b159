//! The files of a project that add a language, or change words of one.

use std::collections::BTreeMap;

use super::{BUILT_IN, ENGLISH, Groups, Languages, Text, is_tag, nearest, values};
use crate::data::{self, Key, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::source::{RelPath, Source, Span};
use crate::text::suggest;

/// A group for templates of the project's own: it may hold any word.
const FREE: &str = "theme";

/// The group of words that checks look for: as many as a language has.
const RULES: &str = "rule";

/// The languages of a site: those of the program, and over them the files `TAG.toml`, named with their paths below the folder of
/// languages.
pub fn read<'a>(site: &str, files: impl Iterator<Item = (&'a str, &'a Source)>, diagnostics: &mut Diagnostics) -> Languages {
    let mut added: BTreeMap<String, Groups> = BTreeMap::new();
    let mut sources: BTreeMap<String, &Source> = BTreeMap::new();
    for (name, source) in files {
        let Some(tag) = name.strip_suffix(".toml").filter(|tag| is_tag(tag)) else {
            let diagnostic = Diagnostic::new(rule::LANGUAGE_FILE, format!("the file is not named after a language: {name}"));
            diagnostics.push(diagnostic.in_file(&source.path).help("name it `de.toml` or `pt-BR.toml`"));
            continue;
        };
        let tag = tag.replace('_', "-");
        let table = data::toml(&source.text, &source.path, 0, data::LANGUAGE, diagnostics);
        let groups = table.iter().filter_map(|(key, node)| group(key, node, &source.path, diagnostics)).collect();
        added.insert(tag.clone(), groups);
        sources.insert(tag, source);
    }
    for (tag, source) in sources {
        complete(&tag, &mut added, source, diagnostics);
    }
    Languages::new(site, added)
}

fn fault(message: String, path: &RelPath, span: &Span) -> Diagnostic {
    Diagnostic::new(rule::LANGUAGE_FILE, message).at(path, span.clone())
}

/// A group as far as it is right; what is wrong is reported.
fn group(key: &Key, node: &Node, path: &RelPath, diagnostics: &mut Diagnostics) -> Option<(String, BTreeMap<String, Text>)> {
    let english = BUILT_IN[ENGLISH].get(&key.name);
    if english.is_none() && key.name != FREE {
        let help = suggest(&key.name, BUILT_IN[ENGLISH].keys().map(String::as_str).chain([FREE]));
        diagnostics.push(fault(format!("unknown group of words: {}", key.name), path, &key.span).maybe_help(help));
        return None;
    }
    let Value::Table(table) = &node.value else {
        diagnostics.push(fault(format!("`{}` is a group: write `[{}]` above its words", key.name, key.name), path, &key.span));
        return None;
    };
    let mut texts = BTreeMap::new();
    for (word, node) in table {
        let known = english.and_then(|group| group.get(&word.name));
        if let (Some(group), None) = (english, known) {
            let help = suggest(&word.name, group.keys().map(String::as_str));
            diagnostics.push(fault(format!("unknown word in [{}]: {}", key.name, word.name), path, &word.span).maybe_help(help));
            continue;
        }
        match read_text(node, known, key.name != RULES) {
            Ok(text) => {
                texts.insert(word.name.clone(), text);
            }
            Err(message) => diagnostics.push(fault(format!("`{}` {message}", word.name), path, &node.span)),
        }
    }
    Some((key.name.clone(), texts))
}

/// A word like that of English: text or list, with the same values. An error is what is wrong with it.
fn read_text(node: &Node, known: Option<&Text>, is_counted: bool) -> Result<Text, String> {
    match (&node.value, known) {
        (Value::Text(text), Some(Text::One(english))) => {
            let (wanted, got) = (values(english), values(text));
            match (wanted.difference(&got).next(), got.difference(&wanted).next()) {
                (Some(value), _) => Err(format!("needs the value {{{value}}}")),
                (None, Some(value)) => Err(format!("contains an unknown value: {{{value}}}")),
                (None, None) => Ok(Text::One(text.clone())),
            }
        }
        (Value::Text(text), None) => Ok(Text::One(text.clone())),
        (Value::List(list), Some(Text::List(english))) => {
            let texts: Option<Vec<String>> =
                list.iter().map(|node| if let Value::Text(text) = &node.value { Some(text.clone()) } else { None }).collect();
            let texts = texts.ok_or("should be a list of texts")?;
            if is_counted && texts.len() != english.len() {
                return Err(format!("should have {} entries, not {}", english.len(), texts.len()));
            }
            if is_counted && texts.iter().any(|text| text.contains('|')) {
                return Err("should not contain `|`, which separates its entries in scripts".to_owned());
            }
            Ok(Text::List(texts))
        }
        (_, Some(Text::List(_))) => Err("should be a list of texts".to_owned()),
        _ => Err("should be text in quotes".to_owned()),
    }
}

/// A group that a file has begun must be whole, unless the program or a less exact file, such as that of `ar` for `ar-EG`, has it;
/// otherwise it is left out. A less exact file comes first, so it is complete by now.
fn complete(tag: &str, added: &mut BTreeMap<String, Groups>, source: &Source, diagnostics: &mut Diagnostics) {
    let Some(mut groups) = added.remove(tag) else { return };
    let bases = [nearest(&BUILT_IN, tag), nearest(added, tag)];
    groups.retain(|name, texts| {
        let is_based = bases.iter().flatten().any(|base| base.contains_key(name));
        let Some(english) = BUILT_IN[ENGLISH].get(name).filter(|_| !is_based) else {
            return true;
        };
        let missing: Vec<&str> = english.keys().filter(|key| !texts.contains_key(*key)).map(String::as_str).collect();
        if !missing.is_empty() {
            let message =
                format!("[{name}] lacks {} of {} words, so this group stays English: {}", missing.len(), english.len(), missing.join(", "));
            let diagnostic = Diagnostic::new(rule::MISSING_WORDS, message).in_file(&source.path);
            diagnostics.push(diagnostic.help("translate these, or remove the group"));
        }
        missing.is_empty()
    });
    added.insert(tag.to_owned(), groups);
}
