//! The possible contents of a table, as recorded from the function that reads it.

use std::ops::RangeInclusive;

use super::{CONFIGURATION, Reader};
use crate::source::RelPath;

/// The possible values of a key.
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
    /// A table with free keys whose values all have the same shape.
    Named(Box<Shape>),
    /// A table of tables with free names.
    Tables(Vec<Field>),
    /// A list of tables.
    List(Vec<Field>),
    Either(Vec<Shape>),
}

/// A key and its possible values.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub key: &'static str,
    pub shape: Shape,
    pub is_needed: bool,
}

/// The possible contents of a table, found by letting its function read an empty one and recording each key.
pub fn describe(read: impl FnOnce(&mut Reader)) -> Vec<Field> {
    Reader::fields_read_by(read, &RelPath::default(), CONFIGURATION)
}
