//! `runsheet schema`: the JSON Schema of `runsheet.toml`.

use std::process::ExitCode;

use anyhow::Result;

use super::report;

pub fn run() -> Result<ExitCode> {
    report::data(&format!("{:#}\n", crate::schema::schema()));
    Ok(ExitCode::SUCCESS)
}
