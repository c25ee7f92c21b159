//! The program: arguments, environment and terminal become a command, a command becomes an exit code.

use std::process::ExitCode;

use clap::FromArgMatches;
use runsheet::cli::{self, Cli};
use runsheet::commands;

/// Pages consist of many small texts: with the system's allocator a build takes a sixth longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return commands::end(commands::usage(&error)).into(),
    };
    let exit = commands::run(&cli).unwrap_or_else(|error| {
        commands::say(&error, cli.global.message_format);
        error.exit()
    });
    commands::end(exit).into()
}
