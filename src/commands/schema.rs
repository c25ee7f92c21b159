//! `runsheet schema`: the JSON Schema of `runsheet.toml`, and the words that a language needs.

use super::report;
use crate::error::{Exit, Result};
use crate::language;

pub fn run(words: bool) -> Result<Exit> {
    if words {
        report::data(language::ENGLISH_FILE)?;
    } else {
        report::data(&format!("{:#}\n", crate::schema::schema()))?;
    }
    Ok(Exit::Done)
}
