//! A value of a data file with its place: what TOML and YAML have in common, and a reader that
//! reports every unknown key and wrong type.

mod reader;
mod shape;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule::{self, Rule};
use crate::source::{RelPath, Span};

pub use reader::Reader;
pub use shape::{Field, Shape, describe};

/// A value and its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// A date or time of TOML, as it was written.
    Datetime(String),
    List(Vec<Node>),
    Table(Table),
}

/// The entries of a table in the order of the file.
pub type Table = Vec<(Key, Node)>;

#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub name: String,
    pub span: Span,
}

/// A value that was read, and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::Null => "an empty value",
            Value::Bool(_) => "true or false",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::Datetime(_) => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// The rules for one kind of data file, so that lowering a level for one kind leaves the other kind strict.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    syntax: &'static Rule,
    unknown_key: &'static Rule,
    wrong_type: &'static Rule,
    bad_value: &'static Rule,
}

/// Those of `runsheet.toml`.
pub const CONFIGURATION: Rules =
    Rules { syntax: rule::TOML_SYNTAX, unknown_key: rule::UNKNOWN_KEY, wrong_type: rule::WRONG_TYPE, bad_value: rule::BAD_VALUE };

/// Those of the front matter of pages.
pub const FRONT_MATTER: Rules = Rules {
    syntax: rule::FRONT_MATTER_SYNTAX,
    unknown_key: rule::FRONT_MATTER_KEY,
    wrong_type: rule::FRONT_MATTER_TYPE,
    bad_value: rule::FRONT_MATTER_VALUE,
};

/// Those of files of words.
pub const LANGUAGE: Rules = Rules {
    syntax: rule::LANGUAGE_FILE,
    unknown_key: rule::LANGUAGE_FILE,
    wrong_type: rule::LANGUAGE_FILE,
    bad_value: rule::LANGUAGE_FILE,
};

/// Reads TOML. What could be understood is returned even if there are faults.
///
/// `offset` is where `text` begins in its file: places are counted in the file.
pub fn toml(text: &str, path: &RelPath, offset: usize, rules: Rules, diagnostics: &mut Diagnostics) -> Table {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        diagnostics.push(Diagnostic::new(rules.syntax, message).at(path, shift(span, offset)));
    }
    from_toml_table(table.get_ref(), offset)
}

fn shift(span: Span, offset: usize) -> Span {
    span.start + offset..span.end + offset
}

fn from_toml_table(table: &DeTable, offset: usize) -> Table {
    let mut entries: Table = table
        .iter()
        .map(|(key, value)| {
            let key = Key { name: key.get_ref().to_string(), span: shift(key.span(), offset) };
            let node = Node { span: shift(value.span(), offset), value: from_toml(value.get_ref(), offset) };
            (key, node)
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    entries
}

/// A value may contain an escape such as `\uF8FF`, so it is checked after reading. Runsheet uses such characters as marks.
fn without_private_use(text: &str) -> String {
    text.replace(crate::text::private_use::is_private_use, "\u{FFFD}")
}

fn from_toml(value: &DeValue, offset: usize) -> Value {
    match value {
        DeValue::String(text) => Value::Text(without_private_use(text)),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or_else(|_| Value::Text(number.as_str().to_owned()), Value::Integer)
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(datetime) => Value::Datetime(datetime.to_string()),
        DeValue::Array(list) => Value::List(
            list.iter().map(|item| Node { span: shift(item.span(), offset), value: from_toml(item.get_ref(), offset) }).collect(),
        ),
        DeValue::Table(table) => Value::Table(from_toml_table(table, offset)),
    }
}

/// Reads one YAML document whose top is a mapping. Repeated keys and endless aliases are refused by the reader.
pub fn yaml(text: &str, path: &RelPath, offset: usize, diagnostics: &mut Diagnostics) -> Table {
    let bytes: Vec<usize> = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
    let byte = |character: usize| offset + bytes.get(character).copied().unwrap_or(text.len());
    let documents = match MarkedYaml::load_from_str(text) {
        Ok(documents) => documents,
        Err(error) => {
            let at = byte(error.marker().index());
            let diagnostic = Diagnostic::new(rule::FRONT_MATTER_SYNTAX, error.info().to_owned()).at(path, at..at);
            // A common beginner's mistake: `title: Cutover: the plan`.
            let is_colon = error.info().starts_with("mapping values are not allowed");
            let help = is_colon.then(|| "put quotes around a value that contains `: `".to_owned());
            let diagnostic = diagnostic.maybe_help(help);
            diagnostics.push(diagnostic);
            return Table::new();
        }
    };
    let Some(document) = documents.first() else { return Table::new() };
    match from_yaml(document, &byte, 0).value {
        Value::Table(table) => table,
        Value::Null => Table::new(),
        other => {
            let message = format!("expected `key: value` lines, found {}", other.kind());
            diagnostics.push(Diagnostic::new(rule::FRONT_MATTER_SYNTAX, message).at(path, offset..offset + text.len()));
            Table::new()
        }
    }
}

/// The deepest nesting that is followed; deeper values are treated as missing.
const MAX_DEPTH: usize = 32;

fn from_yaml(node: &MarkedYaml, byte: &impl Fn(usize) -> usize, depth: usize) -> Node {
    let span = byte(node.span.start.index())..byte(node.span.end.index());
    if depth > MAX_DEPTH {
        return Node { span, value: Value::Null };
    }
    let value = match &node.data {
        YamlData::Value(Scalar::Null) | YamlData::BadValue | YamlData::Alias(_) => Value::Null,
        YamlData::Value(Scalar::Boolean(yes)) => Value::Bool(*yes),
        YamlData::Value(Scalar::Integer(number)) => Value::Integer(*number),
        YamlData::Value(Scalar::FloatingPoint(number)) => Value::Float(**number),
        YamlData::Value(Scalar::String(text)) => Value::Text(without_private_use(text)),
        YamlData::Representation(text, _, _) => Value::Text(without_private_use(text)),
        YamlData::Sequence(list) => Value::List(list.iter().map(|item| from_yaml(item, byte, depth + 1)).collect()),
        YamlData::Mapping(map) => Value::Table(
            map.iter()
                .map(|(key, value)| {
                    let key_node = from_yaml(key, byte, depth + 1);
                    let name = match key_node.value {
                        Value::Text(text) => text,
                        Value::Integer(number) => number.to_string(),
                        Value::Bool(yes) => yes.to_string(),
                        other => other.kind().to_owned(),
                    };
                    (Key { name, span: key_node.span }, from_yaml(value, byte, depth + 1))
                })
                .collect(),
        ),
        YamlData::Tagged(_, inner) => from_yaml(inner, byte, depth + 1).value,
    };
    Node { span, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> RelPath {
        RelPath::new("f").unwrap()
    }

    #[test]
    fn toml_and_yaml_give_the_same() {
        let mut diagnostics = Diagnostics::default();
        let from_toml = toml("title = \"Köln\"\nweight = 3\n", &path(), 0, CONFIGURATION, &mut diagnostics);
        let from_yaml = yaml("title: Köln\nweight: 3\n", &path(), 0, &mut diagnostics);
        assert!(diagnostics.is_empty());
        let plain = |table: Table| table.into_iter().map(|(key, node)| (key.name, node.value)).collect::<Vec<_>>();
        assert_eq!(plain(from_toml), plain(from_yaml));
    }

    #[test]
    fn yaml_places_are_bytes_of_the_file() {
        let mut diagnostics = Diagnostics::default();
        let text = "title: Köln\nkey: x\n";
        let table = yaml(text, &path(), 100, &mut diagnostics);
        assert_eq!(&text[table[1].0.span.start - 100..table[1].0.span.end - 100], "key");
        assert_eq!(&text[table[0].1.span.start - 100..table[0].1.span.end - 100], "Köln");
    }

    #[test]
    fn hostile_yaml_is_an_error() {
        for text in ["a: 1\na: 2\n", "a: [1, 2", "- 1\n", "a: *nope\n", "\u{0}"] {
            let mut diagnostics = Diagnostics::default();
            yaml(text, &path(), 0, &mut diagnostics);
            assert!(diagnostics.has_errors(), "{text:?}");
        }
    }
}
