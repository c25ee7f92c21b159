//! `runsheet explain`: prints the reference page of a diagnostic's code.

use super::report;
use crate::error::{Error, Exit, Result};
use crate::rule;

pub fn run(code: &str) -> Result<Exit> {
    let Some(rule) = rule::find(code) else {
        let (message, help) = rule::unknown(code);
        return Err(Error::new(message).maybe_help(help));
    };
    report::data(&format!("{}\n", rule.plain_text()))?;
    Ok(Exit::Done)
}
