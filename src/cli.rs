//! The command line: what can be typed, and its help.

use std::path::PathBuf;

use clap::{Arg, Args, Command as Described, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::diagnostic::MessageFormat;
use crate::notice::shard::Shard;

/// Build the run sheet, guide and notices of a cutover from one folder of Markdown, on one clock
#[derive(Debug, Parser)]
#[command(
    name = "runsheet",
    version,
    after_help = "Examples:\n  runsheet init my-cutover     create a small project to start from\n  runsheet serve               preview the site while you write\n  runsheet check               find broken links, times and notices\n  runsheet build               write the site to public/ and the mails to outbox/"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that `send` refuses: it takes these values from `runsheet.toml` and the clock.
const NOT_FOR_SEND: [&str; 3] = ["t0", "now", "event"];

/// The description of the command line: no command lists an option that it refuses.
pub fn command() -> Described {
    let command = Cli::command();
    let is_refused = |option: &&Arg| NOT_FOR_SEND.contains(&option.get_id().as_str());
    let hidden: Vec<Arg> = command.get_arguments().filter(is_refused).map(|option| option.clone().hide(true)).collect();
    command.mut_subcommand("notice", |notice| notice.mut_subcommand("send", |send| send.args(hidden)))
}

/// Options that every command has.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Project folder [default: the nearest folder with a runsheet.toml, from here upwards]
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Write the site to this folder [default: public]
    #[arg(long, global = true, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Use this event for all pages, whatever event they name
    #[arg(long, global = true, value_name = "NAME")]
    pub event: Option<String>,
    /// Use this T-0 instead of the event's own, such as "2027-02-13T02:00[Europe/London]"
    #[arg(long, global = true, value_name = "TIME")]
    pub t0: Option<String>,
    /// Use this as the current time, such as 2027-02-13T01:30:00Z
    #[arg(long, global = true, value_name = "RFC3339")]
    pub now: Option<String>,
    /// Open no network connections
    #[arg(long, global = true)]
    pub offline: bool,
    /// Run without the kernel's sandbox (Landlock)
    #[arg(long, global = true)]
    pub no_sandbox: bool,
    /// Pages to process in parallel [default: one per processor]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Treat warnings as errors
    #[arg(long, global = true)]
    pub deny_warnings: bool,
    /// Format of errors and warnings
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Print only errors and warnings
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more detail
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
    /// Create a small project that builds cleanly
    #[command(after_help = "Example:\n  runsheet init my-cutover && cd my-cutover && runsheet serve")]
    Init {
        /// Folder to create it in
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Write the site to public/ and the declared mailings to outbox/
    #[command(
        after_help = "Examples:\n  runsheet build\n  runsheet build --site-only --offline\n  runsheet build --t0 \"2027-02-20T02:00[Europe/London]\" --out /tmp/preview"
    )]
    Build {
        /// Write only the site, no mails
        #[arg(long)]
        site_only: bool,
        /// Merge mailings of any size
        #[arg(long)]
        all: bool,
    },
    /// Serve the site on this machine and show every edit immediately
    #[command(after_help = "Examples:\n  runsheet serve\n  runsheet serve --port 8080 --open")]
    Serve {
        /// Port to listen on
        #[arg(long, default_value_t = 4000)]
        port: u16,
        /// Address to listen on: anyone who can reach it can read the site
        #[arg(long, default_value = "127.0.0.1", value_name = "ADDR")]
        bind: std::net::IpAddr,
        /// Open the site in a browser
        #[arg(long)]
        open: bool,
    },
    /// Check links, times and rules across the project; write nothing
    #[command(
        after_help = "Examples:\n  runsheet check\n  runsheet check --deny-warnings --message-format github\n  runsheet check --external"
    )]
    Check {
        /// Also check links to other sites
        #[arg(long)]
        external: bool,
    },
    /// Print the plan of the run sheets with real times
    #[command(after_help = "Examples:\n  runsheet schedule\n  runsheet schedule content/docs/CUTOVER_CHECKLIST.md --format json")]
    Schedule {
        /// File of the run sheet [default: all run sheets]
        page: Option<String>,
        /// Format of the plan
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
    /// Explain an error or warning by its code
    #[command(after_help = "Example:\n  runsheet explain broken-link")]
    Explain {
        /// Code, such as broken-link
        code: String,
    },
    /// Print a shell completion script
    #[command(
        after_help = "Examples:\n  runsheet completions bash > ~/.local/share/bash-completion/completions/runsheet\n  runsheet completions zsh > ~/.zfunc/_runsheet\n  runsheet completions fish > ~/.config/fish/completions/runsheet.fish"
    )]
    Completions {
        /// Shell to write the script for
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
    /// List the notices and the mailings that send them
    #[command(after_help = "Example:\n  runsheet notice list")]
    List,
    /// Show a notice as one recipient gets it
    #[command(
        after_help = "Examples:\n  runsheet notice preview advance\n  runsheet notice preview advance --to someone@example.org --format eml > advance.eml"
    )]
    Preview {
        /// Name of a notice, or id of a mailing
        name: String,
        /// Recipient in one of its mailings [default: the sample in runsheet.toml]
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        /// Format of the preview
        #[arg(long, value_enum, default_value_t)]
        format: PreviewFormat,
        /// With --to: leave out the faulty rows of the table, if there are exactly this many
        #[arg(long, value_name = "COUNT", requires = "to")]
        skip_bad: Option<u64>,
    },
    /// Summarise on one page what varies between recipients
    #[command(
        after_help = "Examples:\n  runsheet notice review advance\n  runsheet notice review advance --recipients people.csv --where 'r.lang == \"de\"'"
    )]
    Review {
        /// Id of a mailing, or name of a notice with --recipients
        name: String,
        /// Use this table instead of the mailing's own
        #[arg(long, value_name = "FILE")]
        recipients: Option<PathBuf>,
        /// Only recipients that match this condition, such as 'r.lang == "de"'
        #[arg(long = "where", value_name = "CONDITION")]
        condition: Option<String>,
        /// Leave out the faulty rows of the table, if there are exactly this many
        #[arg(long, value_name = "COUNT")]
        skip_bad: Option<u64>,
    },
    /// Check every row of a recipient table; write no messages
    #[command(
        after_help = "Examples:\n  runsheet notice check advance\n  runsheet notice check advance --report bad.csv\n  runsheet notice check complete --recipients people.csv --report bad.csv\n\nExit codes: 0 no faults; 1 faults found; 2 the check could not run"
    )]
    Check {
        /// Id of a mailing, or name of a notice with --recipients
        name: String,
        /// Use this table instead of the mailing's own
        #[arg(long, value_name = "FILE")]
        recipients: Option<PathBuf>,
        /// Write every faulty row to this CSV: line, column, code, severity, value, help, message
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Write one message per recipient
    #[command(
        after_help = "Examples:\n  runsheet notice merge advance\n  runsheet notice merge complete --recipients people.csv --to /tmp/complete\n  runsheet notice merge advance --only someone@example.org\n  runsheet notice merge advance --where 'r.lang == \"de\"' --to german.mbox\n  runsheet notice merge advance --all --to - | wc -c"
    )]
    Merge {
        /// Id of a mailing, or name of a notice with --recipients
        name: String,
        /// Use this table instead of the mailing's own
        #[arg(long, value_name = "FILE")]
        recipients: Option<PathBuf>,
        /// Folder or file for the messages, or `-` for standard output [default: outbox/NAME]
        #[arg(long, value_name = "PATH")]
        to: Option<PathBuf>,
        /// Format of the messages [default: eml; mbox for `-` and FILE.mbox; jsonl for FILE.jsonl]
        #[arg(long, value_enum, value_name = "FORMAT")]
        format: Option<MergeFormat>,
        /// Only recipients that match this condition, such as 'r.lang == "de"'
        #[arg(long = "where", value_name = "CONDITION")]
        condition: Option<String>,
        /// Only this recipient
        #[arg(long, value_name = "ADDRESS")]
        only: Option<String>,
        /// Write at most this many messages
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// Only one part of the recipients, such as 1/4: each recipient is in exactly one part
        #[arg(long, value_name = "I/N")]
        shard: Option<Shard>,
        /// Write the outcome for each recipient to this CSV
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// Merge all recipients, however many there are
        #[arg(long)]
        all: bool,
        /// Leave out the faulty rows of the table, if there are exactly this many
        #[arg(long, value_name = "COUNT")]
        skip_bad: Option<u64>,
    },
    /// Send a mailing, exactly once to each recipient; run it again to resume
    #[command(
        after_help = "Examples:\n  runsheet notice send advance --dry-run\n  runsheet notice send advance --test me@example.org\n  runsheet notice send advance --test me@example.org,you@example.org --only someone@example.org\n  runsheet notice send advance\n  runsheet notice send advance --yes 12 --wait\n\nEnvironment:\n  RUNSHEET_SMTP_PASSWORD   password for the mail server\n  RUNSHEET_SMTP_TOKEN      access token, instead of a password\n  RUNSHEET_LEDGER_URL      address of a ledger in PostgreSQL\n\nExit codes: 0 all accepted; 2 stopped; 3 some deferred, refused or in doubt; 130 after a signal"
    )]
    Send {
        /// Id of a mailing
        name: String,
        /// Use this table instead of the mailing's own; it may be outside the project
        #[arg(long, value_name = "FILE", conflicts_with = "test")]
        recipients: Option<PathBuf>,
        /// Confirm this many messages without being asked
        #[arg(long, value_name = "COUNT")]
        yes: Option<u64>,
        /// Send only the first message, marked as a test, to this address; for several, repeat it or use commas
        #[arg(long, value_name = "ADDRESS", value_delimiter = ',', conflicts_with_all = ["yes", "dry_run", "limit", "amend", "wait"])]
        test: Vec<String>,
        /// With --test: send the message for this recipient, in their language
        #[arg(long, value_name = "RECIPIENT", requires = "test")]
        only: Option<String>,
        /// Show what would be sent, or why `send` would refuse, with the same exit code
        #[arg(long)]
        dry_run: bool,
        /// Stop after this many messages
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// Send the changed text to recipients not reached yet
        #[arg(long)]
        amend: bool,
        /// Wait until deferred messages are sent or out of retries
        #[arg(long)]
        wait: bool,
        /// Send even though the mailing's time has passed, and record this reason in the ledger
        #[arg(long, value_name = "REASON", conflicts_with = "test")]
        late: Option<String>,
        /// What to do with messages whose delivery was never confirmed
        #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
        in_doubt: InDoubt,
        /// Leave out the faulty rows of the table, if there are exactly this many
        #[arg(long, value_name = "COUNT")]
        skip_bad: Option<u64>,
    },
    /// Show how far each mailing has got, from the ledger
    #[command(after_help = "Examples:\n  runsheet notice status\n  runsheet notice status advance")]
    Status {
        /// Id of a mailing [default: all]
        name: Option<String>,
    },
    /// Settle messages in doubt, cancel messages, or retry refused and deferred messages
    #[command(
        override_usage = "runsheet notice resolve [OPTIONS] <NAME> <ADDRESS|--all|--all-planned|--all-refused|--all-deferred|--code <CODE>> <--sent|--resend|--cancel> --why <TEXT>",
        after_help = "Examples:\n  runsheet notice resolve advance someone@example.org --sent --why \"the relay's log has it\"\n  runsheet notice resolve advance --all --resend --why \"the relay lost its queue\"\n  runsheet notice resolve advance --all-refused --code 550 --resend --why \"the quota was raised\"",
        group = clap::ArgGroup::new("decision").required(true).args(["sent", "resend", "cancel"]),
        group = clap::ArgGroup::new("whom").required(true).multiple(true).args(["address", "all", "all_planned", "all_refused", "all_deferred", "code"])
    )]
    Resolve {
        /// Id of a mailing
        name: String,
        /// Address of one recipient
        address: Option<String>,
        /// All messages in doubt
        #[arg(long, conflicts_with = "address")]
        all: bool,
        /// All refused messages
        #[arg(long, conflicts_with_all = ["address", "all"])]
        all_refused: bool,
        /// With --cancel: all messages still to send, planned or deferred
        #[arg(long, conflicts_with_all = ["address", "all", "all_refused", "all_deferred", "code"])]
        all_planned: bool,
        /// All deferred messages, including those out of retries
        #[arg(long, conflicts_with_all = ["address", "all", "all_refused"])]
        all_deferred: bool,
        /// Only messages refused or deferred with this code, such as 550
        #[arg(long, value_name = "CODE", conflicts_with_all = ["address", "all"], value_parser = clap::value_parser!(u16).range(400..600))]
        code: Option<u16>,
        /// The server has it: mark messages in doubt as accepted
        #[arg(long)]
        sent: bool,
        /// Send it again: plan messages in doubt, refused, deferred or cancelled
        #[arg(long)]
        resend: bool,
        /// Never send it: cancel messages in doubt, planned or deferred
        #[arg(long)]
        cancel: bool,
        /// Reason for the decision; the ledger keeps it
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Name to record with the decision [default: your user name]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Find the recipient behind an unsubscribe link or bounce address
    #[command(
        after_help = "Examples:\n  runsheet notice who bounces+4f0c…@example.org\n  runsheet notice who \"https://example.org/leave?u=91be…\" advance\n\nEnvironment:\n  RUNSHEET_UNSUBSCRIBE_KEY   key that the token was made with\n\nExit codes: 0 found; 1 no recipient has this token"
    )]
    Who {
        /// Token, or an address or link that contains it
        token: String,
        /// Look in this mailing only [default: all]
        mailing: Option<String>,
        /// Recipient table that was used for sending, if not the mailing's own
        #[arg(long, value_name = "FILE")]
        recipients: Option<PathBuf>,
    },
    /// Adopt a ledger from an earlier name of this site, or mark it as a different site
    #[command(
        after_help = "Examples:\n  runsheet notice adopt advance --why \"the title was changed\"\n  runsheet notice adopt advance --from \"Our move\" --why \"it had no id then\"\n  runsheet notice adopt advance --from other-move-1f2e --apart --why \"the same customers, another move\""
    )]
    Adopt {
        /// Id of a mailing
        name: String,
        /// Name of the site in that ledger, as `send` prints it [default: the only one]
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        /// Treat it as a different site, and don't ask again
        #[arg(long)]
        apart: bool,
        /// Reason for the decision; the ledger keeps it
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Name to record with the decision [default: your user name]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Check the seal of an exported ledger
    #[command(after_help = "Example:\n  runsheet notice verify advance.json\n\nEnvironment:\n  RUNSHEET_SEAL_KEY   key of the seal")]
    Verify {
        /// File that `notice export` wrote while a key was configured
        file: PathBuf,
    },
    /// Print the ledger of a mailing, and check it for tampering
    #[command(
        after_help = "Examples:\n  runsheet notice export advance > advance.csv\n  runsheet notice export advance --format json > advance.json"
    )]
    Export {
        /// Id of a mailing
        name: String,
        /// Format of the ledger
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum InDoubt {
    /// Leave them in doubt
    #[default]
    Hold,
    /// Send them again, with the same Message-ID
    Resend,
    /// Count them as accepted
    AssumeSent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One row per recipient
    #[default]
    Csv,
    /// The plan, the recipients and the whole history
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MergeFormat {
    /// A folder with one file per message
    Eml,
    /// One file (RFC 4155, mboxrd)
    Mbox,
    /// A folder with new/, cur/ and tmp/
    Maildir,
    /// One JSON object per line: to, subject, message_id, text, html
    Jsonl,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PreviewFormat {
    /// Recipient, subject, Message-ID and the text part
    #[default]
    Text,
    /// A page that shows it on a desktop, on a phone, in dark mode, and as text
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
    fn global_options_come_last_and_together() {
        for path in [&["build"][..], &["notice", "send"], &["notice", "merge"], &["serve"]] {
            let help = help(path);
            let (own, all) = help.split_once("Global options:").expect("the heading");
            for option in ["--root", "--message-format", "--color", "--quiet", "--verbose"] {
                assert!(all.contains(option) && !own.contains(option), "{option} of {path:?}");
            }
        }
    }
}
