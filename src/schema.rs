//! The JSON Schema of `runsheet.toml`, with which editors complete keys and find slips while you type.
//!
//! Keys and types come from the functions that read them, levels from the table of rules, and descriptions from the manual.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::config;
use crate::data::{Field, Shape};
use crate::rule::{self, CheckLevel, RULES};

/// The page of the manual whose tables describe the keys.
const MANUAL: &str = include_str!("../content/guide/configuration.md");

/// The schema (JSON Schema draft 7, which Taplo reads).
pub fn schema() -> Value {
    let manual = descriptions(MANUAL);
    let mut schema = table("", &config::fields(), &manual);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("runsheet.toml");
    schema["description"] = json!(format!("The configuration of a Runsheet project, as Runsheet {} reads it.", env!("CARGO_PKG_VERSION")));
    schema["properties"]["check"]["properties"]["level"] = levels(&manual);
    // With `provider = "none"`, no server is queried, so none has to be named.
    if let Some(needed) = schema["properties"]["status"].as_object_mut().and_then(|status| status.remove("required")) {
        let off = json!({ "properties": { "provider": { "const": "none" } }, "required": ["provider"] });
        schema["properties"]["status"]["anyOf"] = json!([{ "required": needed }, off]);
    }
    schema
}

/// The manual's description of each key, by table name, dot, and key.
pub fn descriptions(manual: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut name = String::new();
    for line in manual.lines() {
        if let Some(heading) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
            name = heading.trim_matches(['`', '[', ']']).to_lowercase();
            continue;
        }
        let Some(row) = line.strip_prefix("| `") else { continue };
        let (Some((keys, _)), Some((_, meaning))) = (row.split_once(" | "), row.trim_end_matches(" |").rsplit_once(" | ")) else {
            continue;
        };
        for key in keys.split(", ") {
            found.insert(format!("{name}.{}", key.trim_matches('`')), rule::plain(meaning).replace("\\|", "|"));
        }
    }
    found
}

fn table(name: &str, fields: &[Field], manual: &BTreeMap<String, String>) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let key = if name.is_empty() { field.key.to_owned() } else { format!("{name}.{}", field.key) };
        let mut value = shape(&key, &field.shape, manual);
        if let Some(text) = manual.get(&key) {
            value["description"] = json!(text);
        }
        properties.insert(field.key.to_owned(), value);
    }
    let mut table = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let needed: Vec<&str> = fields.iter().filter(|field| field.is_needed).map(|field| field.key).collect();
    if !needed.is_empty() {
        table["required"] = json!(needed);
    }
    table
}

fn shape(name: &str, shape_of: &Shape, manual: &BTreeMap<String, String>) -> Value {
    let text = || json!({ "type": "string" });
    match shape_of {
        Shape::Text | Shape::Moment => text(),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Integer(None) => json!({ "type": "integer" }),
        Shape::Integer(Some(bounds)) => {
            let mut number = json!({ "type": "integer", "minimum": bounds.start() });
            if *bounds.end() != u64::MAX {
                number["maximum"] = json!(bounds.end());
            }
            number
        }
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::Texts => json!({ "type": "array", "items": text() }),
        Shape::Pair => json!({ "type": "array", "items": text(), "minItems": 2, "maxItems": 2 }),
        Shape::Named(each) => json!({ "type": "object", "additionalProperties": shape(name, each, manual) }),
        Shape::Words => json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } }),
        Shape::Table(fields) => table(name, fields, manual),
        Shape::Tables(fields) => json!({ "type": "object", "additionalProperties": table(name, fields, manual) }),
        Shape::List(fields) => json!({ "type": "array", "items": table(name, fields, manual) }),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(|one| shape(name, one, manual)).collect::<Vec<_>>() }),
    }
}

/// The rules that accept a level, each with its allowed levels.
fn levels(manual: &BTreeMap<String, String>) -> Value {
    let mut properties = Map::new();
    for rule in RULES {
        let levels: Vec<&str> =
            CheckLevel::WORDS.into_iter().filter(|word| word.parse().is_ok_and(|level| rule::refuse(rule, level).is_none())).collect();
        if !levels.is_empty() {
            properties.insert(rule.code.to_owned(), json!({ "enum": levels, "description": rule::plain(rule.title()) }));
        }
    }
    let description = manual.get("check.level");
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "description": description })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names of all keys, and of the tables that contain them.
    fn keys(name: &str, fields: &[Field], found: &mut BTreeSet<String>) {
        for Field { key, shape, .. } in fields {
            let name = if name.is_empty() { (*key).to_owned() } else { format!("{name}.{key}") };
            match shape {
                Shape::Table(fields) | Shape::Tables(fields) | Shape::List(fields) if *key != "header" => keys(&name, fields, found),
                _ => drop(found.insert(name)),
            }
        }
    }

    #[test]
    fn the_manual_describes_every_key_and_no_other() {
        let mut read = BTreeSet::new();
        keys("", &config::fields(), &mut read);
        // The manual describes free keys and colours in prose.
        read.retain(|name| !["links", "vars"].contains(&&**name) && !name.starts_with("look.colors."));
        let mut described: BTreeSet<String> = descriptions(MANUAL).into_keys().collect();
        described.retain(|name| !name.starts_with("environment variables."));
        assert_eq!(read, described);
    }

    #[test]
    fn levels_are_those_that_the_configuration_takes() {
        let schema = schema();
        let level = |code: &str| schema["properties"]["check"]["properties"]["level"]["properties"][code]["enum"].clone();
        assert_eq!(level("broken-link"), json!(["error", "warn", "off"]));
        assert_eq!(level("bad-address"), json!(["error"]));
        assert_eq!(level("placeholder"), Value::Null, "no level is taken");
        assert_eq!(level("no-such-code"), Value::Null);
    }

    #[test]
    fn what_is_needed_and_the_bounds_of_numbers_are_said() {
        let schema = schema();
        let at = |pointer: &str| schema.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at("/properties/mailings/items/required"), json!(["id", "notice", "recipients"]));
        assert_eq!(at("/properties/smtp/properties/port/maximum"), json!(65535));
        assert_eq!(at("/properties/smtp/properties/password"), Value::Null, "a secret has no place");
        assert_eq!(at("/properties/events/additionalProperties/properties/mode/enum"), json!(["live", "rehearsal"]));
        assert_eq!(at("/additionalProperties"), json!(false));
    }
}
