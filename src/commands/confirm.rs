//! What a person confirms on the terminal before mails go out.

use std::io::{BufRead, IsTerminal};

use crate::error::{Context, Result, bail};
use crate::text::thousands;
use crate::world::streams;

/// How the number was confirmed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    ByOption,
    /// Typed by a person, which takes a while.
    ByHand,
}

/// Requires the number of messages, either typed now or given as an option, which was checked earlier.
pub fn count(yes: Option<u64>, messages: u64) -> Result<Confirmed> {
    if yes.is_some() {
        return Ok(Confirmed::ByOption);
    }
    if !std::io::stdin().is_terminal() {
        bail!("the number of messages was not confirmed; nothing was sent"; help: "type it on a terminal, or pass --yes {messages}");
    }
    let line = ask(&format!("type the number of messages of this mailing ({}) to send it: ", thousands(messages)))?;
    let typed: String = line.trim().chars().filter(|c| !matches!(c, ',' | ' ')).collect();
    if typed != messages.to_string() {
        bail!("you did not type {}; nothing was sent", thousands(messages));
    }
    Ok(Confirmed::ByHand)
}

/// Asks on the terminal.
pub fn ask(question: &str) -> Result<String> {
    streams::err(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read from the terminal")?;
    Ok(line)
}
