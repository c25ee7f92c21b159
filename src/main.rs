//! The program: arguments, environment and terminal become a command, a command becomes an exit code.

use std::process::ExitCode;

use clap::FromArgMatches;
use runsheet::cli::{self, Cli};
use runsheet::commands;

/// Pages are made of many small texts: the system's allocator takes a sixth of the time of a build more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::from_arg_matches(&cli::command().get_matches()).unwrap_or_else(|error| error.exit());
    match commands::run(&cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            commands::say(&error, cli.global.message_format);
            error.exit().into()
        }
    }
}
