//! One file per command; each reads like its help: world, core, world.

mod build;
mod check;
mod check_table;
mod completions;
mod confirm;
mod earlier;
mod explain;
mod export;
mod external;
mod handover;
mod identity;
mod init;
mod introduction;
mod ledger;
mod load;
mod mail_server;
mod meter;
mod notice;
mod planned_mailing;
mod refusals;
mod report;
mod sandbox;
mod schedule;
mod schema;
mod send;
mod serve;
mod skip;
mod status;
mod test_message;
mod who;

use crate::cli::{Cli, Command};
use crate::error::{Exit, Result};
use crate::world::threads;

pub use report::{end, error as say, usage};

/// Runs a command. An error is about the world or the command line; faults of the user's files have already been reported.
pub fn run(cli: &Cli) -> Result<Exit> {
    let global = &cli.global;
    // A thread that already runs when the sandbox is entered stays outside it. So commands with a sandbox start threads afterwards.
    let starts_none = matches!(cli.command, Command::Schema { .. } | Command::Explain { .. } | Command::Completions { .. });
    let starts_later =
        matches!(cli.command, Command::Build { .. } | Command::Serve { .. } | Command::Check { .. } | Command::Schedule { .. });
    if !starts_none && !starts_later {
        threads::start_workers(global.jobs)?;
    }
    match &cli.command {
        Command::Init { dir } => init::run(dir, global),
        Command::Build { site_only, all } => build::run(global, *site_only, *all),
        Command::Serve { port, bind, open } => serve::run(global, *bind, *port, *open),
        Command::Check { external } => check::run(global, *external),
        Command::Schedule { page, format } => schedule::run(global, page.as_deref(), *format),
        Command::Notice(command) => notice::run(global, command),
        Command::Status => status::run(global),
        Command::Schema { words } => schema::run(*words),
        Command::Explain { code } => explain::run(code),
        Command::Completions { shell } => completions::run(*shell),
    }
}
