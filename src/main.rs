//! The program: arguments, environment and terminal become a command, a command becomes an exit code.

use std::process::ExitCode;

use clap::Parser;
use runsheet::cli::Cli;
use runsheet::commands;

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
