//! A value of a data file with its place: what TOML and YAML have in common, and a reader that
//! reports every unknown key and wrong type.

use std::ops::RangeInclusive;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule::{self, Rule};
use crate::source::{RelPath, Span};
use crate::text::suggest;

/// A value and where it stands in its file.
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

/// A value that was read, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
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

/// The rules that a kind of data file is read by: whoever lowers the level of one kind is not blind to the other.
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

/// A value may be written by its number, such as `\uF8FF`, so it is judged when it is read. Such characters are marks of our own.
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
            // What beginners write: `title: Cutover: the plan`.
            let is_colon = error.info().starts_with("mapping values are not allowed");
            let help = is_colon.then(|| "put a value that holds `: ` in quotes".to_owned());
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

/// Deepest nesting that is followed; deeper values are read as nothing.
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

/// What a key may hold, as its reader asks for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Text,
    /// A text, or a date or time of TOML.
    Moment,
    Bool,
    /// A whole number, with its bounds if there are some.
    Integer(Option<RangeInclusive<u64>>),
    /// One of some words.
    OneOf(Vec<&'static str>),
    Texts,
    /// A table with free keys: texts, numbers, true and false.
    Words,
    Table(Vec<Field>),
    /// A table of tables with free names.
    Tables(Vec<Field>),
    /// A list of tables.
    List(Vec<Field>),
    Either(Vec<Shape>),
}

/// A key, and what it may hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub key: &'static str,
    pub shape: Shape,
    pub is_needed: bool,
}

/// Reads a table key by key; whatever was not asked for by the time of `finish` is an unknown key.
pub struct Reader<'a> {
    /// How the table is called in messages, such as ``[mail]`` or `the front matter`.
    name: String,
    path: &'a RelPath,
    table: &'a [(Key, Node)],
    rules: Rules,
    /// Where the table begins, for keys that are missing.
    span: Span,
    asked: Vec<&'static str>,
    /// What was asked for, if the table is not read but described: see [`describe`].
    fields: Option<Vec<Field>>,
    pub diagnostics: Diagnostics,
}

/// What a table may hold, from the function that reads it: it asks for all of its keys, and none is there.
pub fn describe(read: impl FnOnce(&mut Reader)) -> Vec<Field> {
    let path = RelPath::default();
    let mut reader = Reader::new("", &path, &[], 0..0, CONFIGURATION);
    reader.fields = Some(Vec::new());
    read(&mut reader);
    reader.fields.unwrap_or_default()
}

impl<'a> Reader<'a> {
    pub fn new(name: impl Into<String>, path: &'a RelPath, table: &'a [(Key, Node)], span: Span, rules: Rules) -> Reader<'a> {
        Reader { name: name.into(), path, table, rules, span, asked: Vec::new(), fields: None, diagnostics: Diagnostics::default() }
    }

    /// Everything that was wrong with the table, unknown keys included.
    pub fn finish(mut self) -> Diagnostics {
        for (key, _) in self.table {
            if self.asked.contains(&key.name.as_str()) {
                continue;
            }
            let message = format!("unknown key `{}` in {}", key.name, self.name);
            let help = suggest(&key.name, self.asked.iter().copied());
            let diagnostic = Diagnostic::new(self.rules.unknown_key, message).at(self.path, key.span.clone()).maybe_help(help);
            self.diagnostics.push(diagnostic);
        }
        self.diagnostics
    }

    pub fn path(&self) -> &'a RelPath {
        self.path
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(entry, _)| entry.name == key)
    }

    /// The value of a key, whatever it is.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.table.iter().find(|(entry, _)| entry.name == key).map(|(_, node)| node)
    }

    /// Says what a key may hold, where it is read in a way of its own.
    pub fn holds(&mut self, key: &'static str, shape: Shape) {
        self.field(key, false, || shape);
    }

    /// Keeps what a key may hold, if that is asked for. What was said last of a key counts.
    fn field(&mut self, key: &'static str, is_needed: bool, shape: impl FnOnce() -> Shape) {
        if let Some(fields) = &mut self.fields {
            let is_needed = is_needed || fields.iter().any(|field| field.key == key && field.is_needed);
            fields.retain(|field| field.key != key);
            fields.push(Field { key, shape: shape(), is_needed });
        }
    }

    /// Reports a value that has the right type and yet is wrong.
    pub fn reject(&mut self, span: &Span, message: impl Into<String>, help: Option<String>) {
        let diagnostic = Diagnostic::new(self.rules.bad_value, message).at(self.path, span.clone()).maybe_help(help);
        self.diagnostics.push(diagnostic);
    }

    fn wrong_type(&mut self, key: &str, node: &Node, expected: &str) {
        let message = format!("`{key}` in {} should be {expected}, not {}", self.name, node.value.kind());
        self.diagnostics.push(Diagnostic::new(self.rules.wrong_type, message).at(self.path, node.span.clone()));
    }

    fn missing(&mut self, key: &str) {
        let message = format!("{} needs `{key}`", self.name);
        self.diagnostics.push(Diagnostic::new(rule::MISSING_KEY, message).at(self.path, self.span.clone()));
    }

    pub fn text(&mut self, key: &'static str) -> Option<Spanned<String>> {
        self.field(key, false, || Shape::Text);
        let node = self.node(key)?;
        let Value::Text(text) = &node.value else {
            self.wrong_type(key, node, "text in quotes");
            return None;
        };
        Some(Spanned { value: text.clone(), span: node.span.clone() })
    }

    /// A text that must be there.
    pub fn needed_text(&mut self, key: &'static str) -> Option<Spanned<String>> {
        self.field(key, true, || Shape::Text);
        if !self.has(key) {
            self.asked.push(key);
            self.missing(key);
            return None;
        }
        self.text(key)
    }

    /// A text, a date or a time: all as they were written.
    pub fn moment(&mut self, key: &'static str) -> Option<Spanned<String>> {
        self.field(key, false, || Shape::Moment);
        let node = self.node(key)?;
        match &node.value {
            Value::Text(text) | Value::Datetime(text) => Some(Spanned { value: text.clone(), span: node.span.clone() }),
            _ => {
                self.wrong_type(key, node, "a date and time");
                None
            }
        }
    }

    pub fn bool(&mut self, key: &'static str) -> Option<bool> {
        self.field(key, false, || Shape::Bool);
        let node = self.node(key)?;
        let Value::Bool(yes) = node.value else {
            self.wrong_type(key, node, "true or false");
            return None;
        };
        Some(yes)
    }

    pub fn integer(&mut self, key: &'static str) -> Option<Spanned<i64>> {
        self.field(key, false, || Shape::Integer(None));
        let node = self.node(key)?;
        let Value::Integer(number) = node.value else {
            self.wrong_type(key, node, "a whole number");
            return None;
        };
        Some(Spanned { value: number, span: node.span.clone() })
    }

    /// A whole number within bounds; `u64::MAX` is none.
    pub fn count(&mut self, key: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let number = self.integer(key);
        self.field(key, false, || Shape::Integer(Some(bounds.clone())));
        let number = number?;
        let count = u64::try_from(number.value).ok().filter(|count| bounds.contains(count));
        if count.is_none() {
            let (least, most) = bounds.into_inner();
            let help = match most {
                u64::MAX => format!("write {least} or more"),
                _ => format!("write a number from {least} to {most}"),
            };
            self.reject(&number.span, format!("`{key}` is out of range: {}", number.value), Some(help));
        }
        count
    }

    /// A text that `parse` understands; its error is message and help.
    pub fn parsed<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, (String, Option<String>)>) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text.value) {
            Ok(value) => Some(value),
            Err((message, help)) => {
                self.reject(&text.span, message, help);
                None
            }
        }
    }

    /// A text that is one of some words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let choice = self.parsed(key, |text| match choices.iter().find(|(word, _)| *word == text) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let help = suggest(text, choices.iter().map(|(word, _)| *word));
                Err((format!("`{key}` cannot be `{text}`"), help))
            }
        });
        self.field(key, false, || Shape::OneOf(choices.iter().map(|(word, _)| *word).collect()));
        choice
    }

    pub fn texts(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        self.field(key, false, || Shape::Texts);
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(list) = &node.value else {
            self.wrong_type(key, node, "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in list {
            match &item.value {
                Value::Text(text) | Value::Datetime(text) => {
                    texts.push(Spanned { value: text.clone(), span: item.span.clone() });
                }
                _ => self.wrong_type(key, item, "a list of texts"),
            }
        }
        texts
    }

    /// A table with free keys, each a text, a number, or true or false.
    pub fn words(&mut self, key: &'static str) -> Vec<(Key, String)> {
        self.field(key, false, || Shape::Words);
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::Table(table) = &node.value else {
            self.wrong_type(key, node, "a table");
            return Vec::new();
        };
        let mut words = Vec::new();
        for (name, node) in table {
            match &node.value {
                Value::Text(text) | Value::Datetime(text) => words.push((name.clone(), text.clone())),
                Value::Integer(number) => words.push((name.clone(), number.to_string())),
                Value::Float(number) => words.push((name.clone(), number.to_string())),
                Value::Bool(yes) => words.push((name.clone(), yes.to_string())),
                _ => self.wrong_type(&name.name, node, "a text"),
            }
        }
        words
    }

    /// Reads a nested table by a reader of its own; nothing happens if it is not there.
    pub fn table(&mut self, key: &'static str, read: impl FnOnce(&mut Reader<'a>)) {
        if self.fields.is_some() {
            let fields = self.describe_nested(read);
            return self.field(key, false, || Shape::Table(fields));
        }
        let Some(node) = self.node(key) else { return };
        let Value::Table(table) = &node.value else {
            self.wrong_type(key, node, "a table");
            return;
        };
        let outer = self.name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).filter(|name| !name.starts_with('['));
        let name = outer.map_or_else(|| format!("[{key}]"), |outer| format!("[{outer}.{key}]"));
        self.nested(name, table, &node.span, read);
    }

    /// Reads each entry of a table whose keys are free, such as `[events.NAME]`.
    pub fn tables(&mut self, key: &'static str, mut read: impl FnMut(&Key, &mut Reader<'a>)) {
        if self.fields.is_some() {
            let name = Key { name: String::new(), span: 0..0 };
            let fields = self.describe_nested(|reader| read(&name, reader));
            return self.field(key, false, || Shape::Tables(fields));
        }
        let Some(node) = self.node(key) else { return };
        let Value::Table(entries) = &node.value else {
            self.wrong_type(key, node, "a table");
            return;
        };
        for (name, entry) in entries {
            match &entry.value {
                Value::Table(table) => {
                    self.nested(format!("[{key}.{}]", name.name), table, &name.span, |reader| read(name, reader));
                }
                _ => self.wrong_type(&name.name, entry, "a table"),
            }
        }
    }

    /// Reads each of `[[key]]`.
    pub fn list_of_tables(&mut self, key: &'static str, mut read: impl FnMut(&mut Reader<'a>)) {
        if self.fields.is_some() {
            let fields = self.describe_nested(read);
            return self.field(key, false, || Shape::List(fields));
        }
        let Some(node) = self.node(key) else { return };
        let Value::List(list) = &node.value else {
            self.wrong_type(key, node, &format!("a list of tables, written as [[{key}]]"));
            return;
        };
        for item in list {
            match &item.value {
                Value::Table(table) => self.nested(format!("[[{key}]]"), table, &item.span, &mut read),
                _ => self.wrong_type(key, item, &format!("a list of tables, written as [[{key}]]")),
            }
        }
    }

    fn describe_nested(&self, read: impl FnOnce(&mut Reader<'a>)) -> Vec<Field> {
        let mut reader = Reader::new("", self.path, &[], 0..0, self.rules);
        reader.fields = Some(Vec::new());
        read(&mut reader);
        reader.fields.unwrap_or_default()
    }

    fn nested(&mut self, name: String, table: &'a [(Key, Node)], span: &Span, read: impl FnOnce(&mut Reader<'a>)) {
        let mut reader = Reader::new(name, self.path, table, span.clone(), self.rules);
        read(&mut reader);
        self.diagnostics.extend(reader.finish());
    }
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
    fn every_fault_is_reported() {
        let mut diagnostics = Diagnostics::default();
        let path = path();
        let table = toml("tilte = \"x\"\nweight = \"3\"\n", &path, 0, FRONT_MATTER, &mut diagnostics);
        let mut reader = Reader::new("the front matter", &path, &table, 0..0, FRONT_MATTER);
        reader.text("title");
        reader.integer("weight");
        let codes: Vec<&str> = reader.finish().iter().map(|diagnostic| diagnostic.rule.code).collect();
        assert_eq!(codes, ["front-matter-type", "front-matter-key"]);
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
