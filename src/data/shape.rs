//! What a table may hold, as the function that reads it asks for it.

use std::ops::RangeInclusive;

use super::{CONFIGURATION, Reader};
use crate::source::RelPath;

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
    /// Two texts.
    Pair,
    /// A table with free keys: texts, numbers, true and false.
    Words,
    Table(Vec<Field>),
    /// A table with free keys that all hold the same.
    Named(Box<Shape>),
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

/// What a table may hold, from the function that reads it: it asks for all of its keys, and none is there.
pub fn describe(read: impl FnOnce(&mut Reader)) -> Vec<Field> {
    Reader::fields_read_by(read, &RelPath::default(), CONFIGURATION)
}
