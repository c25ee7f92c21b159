//! Reads a table of a data file key by key, and reports its faults.

use std::ops::RangeInclusive;

use super::{Field, Key, Node, Rules, Shape, Spanned, Value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::source::{RelPath, Span};
use crate::text::suggest;

/// Reads a table key by key; whatever was not asked for by the time of `finish` is an unknown key.
pub struct Reader<'a> {
    /// The table's name in messages, such as ``[mail]`` or `the front matter`.
    name: String,
    path: &'a RelPath,
    table: &'a [(Key, Node)],
    rules: Rules,
    /// Where the table begins, used to report missing keys.
    span: Span,
    asked: Vec<&'static str>,
    /// The recorded requests, if the table is described rather than read: see [`super::describe`].
    fields: Option<Vec<Field>>,
    pub diagnostics: Diagnostics,
}

impl<'a> Reader<'a> {
    pub fn new(name: impl Into<String>, path: &'a RelPath, table: &'a [(Key, Node)], span: Span, rules: Rules) -> Reader<'a> {
        Reader { name: name.into(), path, table, rules, span, asked: Vec::new(), fields: None, diagnostics: Diagnostics::default() }
    }

    /// All faults of the table, unknown keys included.
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

    /// Declares the possible values of a key that is read in a special way.
    pub fn holds(&mut self, key: &'static str, shape: Shape) {
        self.field(key, false, || shape);
    }

    /// Records the possible values of a key, if the table is being described. The last declaration counts.
    fn field(&mut self, key: &'static str, is_needed: bool, shape: impl FnOnce() -> Shape) {
        if let Some(fields) = &mut self.fields {
            let is_needed = is_needed || fields.iter().any(|field| field.key == key && field.is_needed);
            fields.retain(|field| field.key != key);
            fields.push(Field { key, shape: shape(), is_needed });
        }
    }

    /// Reports a value of the right type that is invalid.
    pub fn reject(&mut self, span: &Span, message: impl Into<String>, help: Option<String>) {
        let diagnostic = Diagnostic::new(self.rules.bad_value, message).at(self.path, span.clone()).maybe_help(help);
        self.diagnostics.push(diagnostic);
    }

    fn wrong_type(&mut self, key: &str, node: &Node, expected: &str) {
        let message = format!("`{key}` in {} must be {expected}, not {}", self.name, node.value.kind());
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

    /// A required text.
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

    /// A whole number within bounds; `u64::MAX` itself is not allowed.
    pub fn count(&mut self, key: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let number = self.integer(key);
        self.field(key, false, || Shape::Integer(Some(bounds.clone())));
        let number = number?;
        let count = u64::try_from(number.value).ok().filter(|count| bounds.contains(count));
        if count.is_none() {
            let (least, most) = bounds.into_inner();
            let help = match most {
                u64::MAX => format!("use {least} or more"),
                _ => format!("use a number from {least} to {most}"),
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
                Err((format!("invalid value for `{key}`: `{text}`"), help))
            }
        });
        self.field(key, false, || Shape::OneOf(choices.iter().map(|(word, _)| *word).collect()));
        choice
    }

    pub fn texts(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        self.field(key, false, || Shape::Texts);
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(list) = &node.value else {
            self.wrong_type(key, node, "a list of quoted texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in list {
            match &item.value {
                Value::Text(text) | Value::Datetime(text) => {
                    texts.push(Spanned { value: text.clone(), span: item.span.clone() });
                }
                _ => self.wrong_type(key, item, "a list of quoted texts"),
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

    /// Reads a nested table with its own reader; does nothing if it is missing.
    pub fn table(&mut self, key: &'static str, read: impl FnOnce(&mut Reader<'a>)) {
        if self.fields.is_some() {
            let fields = Reader::fields_read_by(read, self.path, self.rules);
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
            let fields = Reader::fields_read_by(|reader| read(&name, reader), self.path, self.rules);
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
            let fields = Reader::fields_read_by(read, self.path, self.rules);
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

    /// Records what a function reads, by giving it an empty table.
    pub(super) fn fields_read_by(read: impl FnOnce(&mut Reader<'a>), path: &'a RelPath, rules: Rules) -> Vec<Field> {
        let mut reader = Reader::new("", path, &[], 0..0, rules);
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
    use crate::data::{FRONT_MATTER, toml};

    #[test]
    fn every_fault_is_reported() {
        let mut diagnostics = Diagnostics::default();
        let path = RelPath::new("f").unwrap();
        let table = toml("tilte = \"x\"\nweight = \"3\"\n", &path, 0, FRONT_MATTER, &mut diagnostics);
        let mut reader = Reader::new("the front matter", &path, &table, 0..0, FRONT_MATTER);
        reader.text("title");
        reader.integer("weight");
        let codes: Vec<&str> = reader.finish().iter().map(|diagnostic| diagnostic.rule.code).collect();
        assert_eq!(codes, ["front-matter-type", "front-matter-key"]);
    }
}
