//! The program: arguments, environment and terminal become a command, a command becomes an exit code.

use std::process::ExitCode;

use clap::Parser;
use runsheet::cli::Cli;
use runsheet::commands;

/// Pages are made of many small texts: the system's allocator takes a sixth of the time of a build more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(&cli) {
        Ok(code) => code,
        Err(error) => {
            commands::say_error(&error);
            ExitCode::from(2)
        }
    }
}
