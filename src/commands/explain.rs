//! `runsheet explain`: what the reference says of a diagnostic's code.

use std::process::ExitCode;

use anyhow::{Result, anyhow};

use super::report;
use crate::diagnostic::suggest;
use crate::reference;

pub fn run(code: &str) -> Result<ExitCode> {
    let Some(text) = reference::explain(code) else {
        let help = suggest(code, reference::codes()).map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        return Err(anyhow!("no diagnostic has the code `{code}`{help}"));
    };
    report::data(&format!("{text}\n"));
    Ok(ExitCode::SUCCESS)
}
