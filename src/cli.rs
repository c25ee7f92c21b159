//! The command line: what can be typed, and its help.

use std::path::PathBuf;

use clap::{Arg, Args, Command as Described, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::diagnostic::MessageFormat;
use crate::notice::shard::Shard;

/// The run sheet, the guide and the notices of a cutover, from one folder of Markdown, on one clock
#[derive(Debug, Parser)]
#[command(
    name = "runsheet",
    version,
    after_help = "Examples:\n  runsheet init my-cutover     a small project to begin with\n  runsheet serve               look at it while you write\n  runsheet check               what does not hold together\n  runsheet build               the site to public/, the mails to outbox/"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What `send` follows `runsheet.toml` and the clock for; it refuses these options.
const NOT_FOR_SEND: [&str; 3] = ["t0", "now", "event"];

/// The description of the command line: no command lists an option that it refuses.
pub fn command() -> Described {
    let command = Cli::command();
    let is_refused = |option: &&Arg| NOT_FOR_SEND.contains(&option.get_id().as_str());
    let hidden: Vec<Arg> = command.get_arguments().filter(is_refused).map(|option| option.clone().hide(true)).collect();
    command.mut_subcommand("notice", |notice| notice.mut_subcommand("send", |send| send.args(hidden)))
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The project's folder [default: the nearest one upwards with a runsheet.toml]
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Where the site is written [default: public]
    #[arg(long, global = true, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The event that pages run on which name none
    #[arg(long, global = true, value_name = "NAME")]
    pub event: Option<String>,
    /// T-0 instead of the event's own, such as "2027-02-13T02:00[Europe/London]"
    #[arg(long, global = true, value_name = "TIME")]
    pub t0: Option<String>,
    /// Take this as the present, such as 2027-02-13T01:30:00Z
    #[arg(long, global = true, value_name = "RFC3339")]
    pub now: Option<String>,
    /// Open no connection
    #[arg(long, global = true)]
    pub offline: bool,
    /// Run without the kernel's sandbox (Landlock)
    #[arg(long, global = true)]
    pub no_sandbox: bool,
    /// Work on so many pages at once [default: one for each processor]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Warnings are errors
    #[arg(long, global = true)]
    pub deny_warnings: bool,
    /// How diagnostics are written
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Say only what is wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a small project that builds cleanly
    #[command(after_help = "Example:\n  runsheet init my-cutover && cd my-cutover && runsheet serve")]
    Init {
        /// The folder to make it in
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Write the site to public/ and the declared mailings to outbox/
    #[command(
        after_help = "Examples:\n  runsheet build\n  runsheet build --site-only --offline\n  runsheet build --t0 \"2027-02-20T02:00[Europe/London]\" --out /tmp/preview"
    )]
    Build {
        /// Only the site, no mails
        #[arg(long)]
        site_only: bool,
        /// Merge mailings of any size
        #[arg(long)]
        all: bool,
    },
    /// Serve the site on this machine and show every edit at once
    #[command(after_help = "Examples:\n  runsheet serve\n  runsheet serve --port 8080 --open")]
    Serve {
        #[arg(long, default_value_t = 4000)]
        port: u16,
        /// Another address to listen on: whoever reaches it can read everything
        #[arg(long, default_value = "127.0.0.1", value_name = "ADDR")]
        bind: std::net::IpAddr,
        /// Open a browser
        #[arg(long)]
        open: bool,
    },
    /// Hold all documents against each other and against every rule; write nothing
    #[command(
        after_help = "Examples:\n  runsheet check\n  runsheet check --deny-warnings --message-format github\n  runsheet check --external"
    )]
    Check {
        /// Try the links to other sites, too
        #[arg(long)]
        external: bool,
    },
    /// The plan of the run sheets with real times
    #[command(after_help = "Examples:\n  runsheet schedule\n  runsheet schedule content/docs/CUTOVER_CHECKLIST.md --format json")]
    Schedule {
        /// A page's file; all run sheets without it
        page: Option<String>,
        #[arg(long, value_enum, default_value_t)]
        format: ScheduleFormat,
    },
    /// List, preview, merge and send notices
    #[command(subcommand)]
    Notice(NoticeCommand),
    /// Fetch and show the status page
    #[command(after_help = "Examples:\n  runsheet status\n  runsheet status --offline")]
    Status,
    /// Print the JSON Schema of runsheet.toml, for editors
    #[command(
        after_help = "Examples:\n  runsheet schema > runsheet.schema.json\n  runsheet schema --words > themes/default/languages/ar.toml"
    )]
    Schema {
        /// Print the words of pages, run sheets and mails instead, as a file to translate
        #[arg(long)]
        words: bool,
    },
    /// Explain the code of a diagnostic
    #[command(after_help = "Example:\n  runsheet explain broken-link")]
    Explain {
        /// Such as broken-link
        code: String,
    },
    /// Print a script that completes commands and options in a shell
    #[command(
        after_help = "Examples:\n  runsheet completions bash > ~/.local/share/bash-completion/completions/runsheet\n  runsheet completions zsh > ~/.zfunc/_runsheet\n  runsheet completions fish > ~/.config/fish/completions/runsheet.fish"
    )]
    Completions {
        /// The shell that reads the script
        shell: Shell,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ScheduleFormat {
    #[default]
    Table,
    Json,
    /// A calendar (RFC 5545)
    Ics,
}

#[derive(Debug, Subcommand)]
pub enum NoticeCommand {
    /// The notices and the mailings that send them
    #[command(after_help = "Example:\n  runsheet notice list")]
    List,
    /// A notice as one recipient gets it
    #[command(
        after_help = "Examples:\n  runsheet notice preview advance\n  runsheet notice preview advance --to someone@example.org --format eml > advance.eml"
    )]
    Preview {
        /// The notice's or a mailing's name
        name: String,
        /// A recipient of one of its mailings [default: the sample of the configuration]
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        #[arg(long, value_enum, default_value_t)]
        format: PreviewFormat,
        /// With --to: leave out the faulty rows of the table, if there are exactly this many
        #[arg(long, value_name = "COUNT", requires = "to")]
        skip_bad: Option<u64>,
    },
    /// What varies over all recipients, on one page
    #[command(
        after_help = "Examples:\n  runsheet notice review advance\n  runsheet notice review advance --recipients people.csv --where 'r.lang == \"de\"'"
    )]
    Review {
        /// A mailing's id, or a notice's name together with --recipients
        name: String,
        /// Other recipients than the mailing's
        #[arg(long, value_name = "FILE")]
        recipients: Option<PathBuf>,
        /// Only recipients that meet a condition, such as 'r.lang == "de"'
        #[arg(long = "where", value_name = "CONDITION")]
        condition: Option<String>,
        /// Leave out the faulty rows of the table, if there are exactly this many
        #[arg(long, value_name = "COUNT")]
        skip_bad: Option<u64>,
    },
    /// Check every row of a recipient table; write no messages
    #[command(
        after_help = "Examples:\n  runsheet notice check advance\n  runsheet notice check advance --report bad.csv\n  runsheet notice check complete --recipients people.csv --report bad.csv\n\nExit codes: 0 no faults; 1 faults; 2 it could not be checked"
    )]
    Check {
        /// A mailing's id, or a notice's name together with --recipients
        name: String,
        /// Other recipients than the mailing's
        #[arg(long, value_name = "FILE")]
        recipients: Option<PathBuf>,
        /// Write a CSV with every faulty row: line, column, code, severity, value, help, message
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Write one message a recipient
    #[command(
        after_help = "Examples:\n  runsheet notice merge advance\n  runsheet notice merge complete --recipients people.csv --to /tmp/complete\n  runsheet notice merge advance --only someone@example.org\n  runsheet notice merge advance --where 'r.lang == \"de\"' --to german.mbox\n  runsheet notice merge advance --all --to - | wc -c"
    )]
    Merge {
        /// A mailing's id, or a notice's name together with --recipients
        name: String,
        /// Other recipients than the mailing's
        #[arg(long, value_name = "FILE")]
        recipients: Option<PathBuf>,
        /// The folder or file for the messages, `-` for standard output [default: outbox/NAME]
        #[arg(long, value_name = "PATH")]
        to: Option<PathBuf>,
        /// How messages are written [default: eml; mbox to `-` and to a file.mbox; jsonl to a file.jsonl]
        #[arg(long, value_enum, value_name = "FORMAT")]
        format: Option<MergeFormat>,
        /// Only recipients that meet a condition, such as 'r.lang == "de"'
        #[arg(long = "where", value_name = "CONDITION")]
        condition: Option<String>,
        /// Only this recipient
        #[arg(long, value_name = "ADDRESS")]
        only: Option<String>,
        /// At most so many messages
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// One of so many parts, such as 1/4: each recipient is in exactly one
        #[arg(long, value_name = "I/N")]
        shard: Option<Shard>,
        /// A CSV that tells what became of each recipient
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// All recipients, however many there are
        #[arg(long)]
        all: bool,
        /// Leave out the faulty rows of the table, if there are exactly this many
        #[arg(long, value_name = "COUNT")]
        skip_bad: Option<u64>,
    },
    /// Send a mailing, each recipient once and only once; run it again to resume
    #[command(
        after_help = "Examples:\n  runsheet notice send advance --dry-run\n  runsheet notice send advance --test me@example.org\n  runsheet notice send advance --test me@example.org,you@example.org --only someone@example.org\n  runsheet notice send advance\n  runsheet notice send advance --yes 12 --wait\n\nEnvironment:\n  RUNSHEET_SMTP_PASSWORD   the password of the server\n  RUNSHEET_SMTP_TOKEN      an access token in place of a password\n  RUNSHEET_LEDGER_URL      the address of a ledger in PostgreSQL\n\nExit codes: 0 all accepted; 2 stopped; 3 some deferred, refused or in doubt; 130 after a signal"
    )]
    Send {
        /// A mailing's id
        name: String,
        /// Use this table instead of the mailing's own; it may lie outside the project
        #[arg(long, value_name = "FILE", conflicts_with = "test")]
        recipients: Option<PathBuf>,
        /// Confirm this many messages without being asked
        #[arg(long, value_name = "COUNT")]
        yes: Option<u64>,
        /// Send one message, the first, to this address instead, marked as a test; repeat it, or separate addresses with commas
        #[arg(long, value_name = "ADDRESS", value_delimiter = ',', conflicts_with_all = ["yes", "dry_run", "limit", "amend", "wait"])]
        test: Vec<String>,
        /// With --test: the message of this recipient, in its language
        #[arg(long, value_name = "RECIPIENT", requires = "test")]
        only: Option<String>,
        /// Show what would be sent, and what `send` would refuse, with its exit code
        #[arg(long)]
        dry_run: bool,
        /// Stop after this many messages
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// Send a changed text to those who were not reached yet
        #[arg(long)]
        amend: bool,
        /// Stay until deferred messages are sent or their retries are used up
        #[arg(long)]
        wait: bool,
        /// Send although the time of the mailing has passed, and keep this reason in the ledger
        #[arg(long, value_name = "REASON", conflicts_with = "test")]
        late: Option<String>,
        /// What to do with messages whose delivery was never confirmed
        #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
        in_doubt: InDoubt,
        /// Leave out the faulty rows of the table, if there are exactly this many
        #[arg(long, value_name = "COUNT")]
        skip_bad: Option<u64>,
    },
    /// Where the mailings stand, by the ledger
    #[command(after_help = "Examples:\n  runsheet notice status\n  runsheet notice status advance")]
    Status {
        /// A mailing's id [default: all]
        name: Option<String>,
    },
    /// Decide what became of messages that are in doubt, or plan refused and deferred ones again
    #[command(
        override_usage = "runsheet notice resolve [OPTIONS] <NAME> <ADDRESS|--all|--all-planned|--all-refused|--all-deferred|--code <CODE>> <--sent|--resend|--cancel> --why <TEXT>",
        after_help = "Examples:\n  runsheet notice resolve advance someone@example.org --sent --why \"the relay's log has it\"\n  runsheet notice resolve advance --all --resend --why \"the relay lost its queue\"\n  runsheet notice resolve advance --all-refused --code 550 --resend --why \"the quota is raised\"",
        group = clap::ArgGroup::new("decision").required(true).args(["sent", "resend", "cancel"]),
        group = clap::ArgGroup::new("whom").required(true).multiple(true).args(["address", "all", "all_planned", "all_refused", "all_deferred", "code"])
    )]
    Resolve {
        /// A mailing's id
        name: String,
        /// The recipient
        address: Option<String>,
        /// All that are in doubt
        #[arg(long, conflicts_with = "address")]
        all: bool,
        /// All that were refused
        #[arg(long, conflicts_with_all = ["address", "all"])]
        all_refused: bool,
        /// All whose turn is still to come, planned or deferred: with --cancel
        #[arg(long, conflicts_with_all = ["address", "all", "all_refused", "all_deferred", "code"])]
        all_planned: bool,
        /// All that are deferred, also those whose retries are used up
        #[arg(long, conflicts_with_all = ["address", "all", "all_refused"])]
        all_deferred: bool,
        /// Only those that were refused or deferred with this code, such as 550
        #[arg(long, value_name = "CODE", conflicts_with_all = ["address", "all"], value_parser = clap::value_parser!(u16).range(400..600))]
        code: Option<u16>,
        /// The server has it: in doubt becomes accepted
        #[arg(long)]
        sent: bool,
        /// Send it again: in doubt, refused, deferred or cancelled becomes planned
        #[arg(long)]
        resend: bool,
        /// Never send it: in doubt, planned or deferred becomes cancelled
        #[arg(long)]
        cancel: bool,
        /// How that is known; the ledger keeps it
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Who decides [default: the user]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Name the recipient behind an unsubscribe link or a bounce address
    #[command(
        after_help = "Examples:\n  runsheet notice who bounces+4f0c…@example.org\n  runsheet notice who \"https://example.org/leave?u=91be…\" advance\n\nEnvironment:\n  RUNSHEET_UNSUBSCRIBE_KEY   the key that the token was made with\n\nExit codes: 0 found; 1 nobody has this token"
    )]
    Who {
        /// The token, or an address or a link that contains it
        token: String,
        /// Look in this mailing only [default: all]
        mailing: Option<String>,
        /// The recipient table that was sent, if it is another one than the mailing's
        #[arg(long, value_name = "FILE")]
        recipients: Option<PathBuf>,
    },
    /// Take over what was sent under another name of this site, or say that it is another site
    #[command(
        after_help = "Examples:\n  runsheet notice adopt advance --why \"the title was changed\"\n  runsheet notice adopt advance --from \"Our move\" --why \"it had no id then\"\n  runsheet notice adopt advance --from other-move-1f2e --apart --why \"the same customers, another move\""
    )]
    Adopt {
        /// A mailing's id
        name: String,
        /// The site's name in that ledger, as `send` says it [default: the only one there is]
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        /// Treat it as a different site, and do not ask again
        #[arg(long)]
        apart: bool,
        /// How that is known; the ledger keeps it
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Who decides [default: the user]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Check the seal of an exported ledger
    #[command(after_help = "Example:\n  runsheet notice verify advance.json\n\nEnvironment:\n  RUNSHEET_SEAL_KEY   the key of the seal")]
    Verify {
        /// A file that `notice export` wrote while a key was configured
        file: PathBuf,
    },
    /// Print the ledger of a mailing, and whether anybody has tampered with it
    #[command(
        after_help = "Examples:\n  runsheet notice export advance > advance.csv\n  runsheet notice export advance --format json > advance.json"
    )]
    Export {
        /// A mailing's id
        name: String,
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum InDoubt {
    /// Leave them
    #[default]
    Hold,
    /// Send them again, with the same Message-ID
    Resend,
    /// Take them for accepted
    AssumeSent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One row a recipient
    #[default]
    Csv,
    /// The plan, the recipients and the whole history
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MergeFormat {
    /// A folder with one file a message
    Eml,
    /// One file (RFC 4155, mboxrd)
    Mbox,
    /// A folder with new/, cur/ and tmp/
    Maildir,
    /// One object a line: to, subject, message_id, text, html
    Jsonl,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PreviewFormat {
    /// Recipient, subject, Message-ID and the text part
    #[default]
    Text,
    /// A page that shows it on a desk, on a phone, in the dark, and as text
    Html,
    /// The message as it is sent
    Eml,
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    fn help(path: &[&str]) -> String {
        let mut command = command();
        command.build();
        let command = path.iter().fold(&mut command, |command, name| command.find_subcommand_mut(name).expect("a command"));
        command.render_long_help().to_string()
    }

    #[test]
    fn no_command_lists_an_option_that_it_refuses() {
        for option in ["--t0", "--now", "--event"] {
            assert!(!help(&["notice", "send"]).contains(&format!("{option} <")), "{option}");
            assert!(help(&["notice", "merge"]).contains(&format!("{option} <")), "{option}");
        }
    }

    #[test]
    fn what_is_refused_is_still_understood() {
        let matches = command().try_get_matches_from(["runsheet", "notice", "send", "advance", "--t0", "2027-02-13T02:00"]);
        let cli = Cli::from_arg_matches(&matches.expect("it is refused later")).expect("it is refused later");
        assert_eq!(cli.global.t0.as_deref(), Some("2027-02-13T02:00"));
    }

    #[test]
    fn options_of_every_command_come_last_and_together() {
        for path in [&["build"][..], &["notice", "send"], &["notice", "merge"], &["serve"]] {
            let help = help(path);
            let (own, all) = help.split_once("Options of every command:").expect("the heading");
            for option in ["--root", "--message-format", "--color", "--quiet", "--verbose"] {
                assert!(all.contains(option) && !own.contains(option), "{option} of {path:?}");
            }
        }
    }
}
