//! `runsheet completions`: a completion script for a shell, generated from the command line's own description.

use clap_complete::Shell;

use super::report;
use crate::cli;
use crate::error::{Exit, Result};

pub fn run(shell: Shell) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "runsheet", &mut script);
    report::data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
