//! `runsheet schema`: the JSON Schema of `runsheet.toml`.

use super::report;
use crate::error::{Exit, Result};

pub fn run() -> Result<Exit> {
    report::data(&format!("{:#}\n", crate::schema::schema()))?;
    Ok(Exit::Done)
}
