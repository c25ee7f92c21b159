//! `runsheet explain`: what the reference says of a diagnostic's code.

use std::process::ExitCode;

use anyhow::{Result, anyhow};

use super::report;
use crate::rule;

pub fn run(code: &str) -> Result<ExitCode> {
    let Some(rule) = rule::find(code) else {
        let (message, help) = rule::unknown(code);
        return Err(anyhow!("{message}{}", help.map(|help| format!("\nhelp: {help}")).unwrap_or_default()));
    };
    report::data(&format!("{}\n", rule.plain_text()));
    Ok(ExitCode::SUCCESS)
}
