//! Merging a mailing: the rows of its table are pulled one after another, and each comes out as what became of it.
//!
//! [`Merging`] is the whole of it: who is chosen, who gets nothing, what is wrong in a row, the messages of the others. Commands pull
//! from it and hand on what they get. It reads through a [`Source`] and asks a gate who may pass, and does nothing else to the world.

pub mod campaign;
mod chosen;
mod merging;
mod prepare;
mod row_faults;
mod skip;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

pub use campaign::Frozen;
pub use merging::{Made, Merging, Watch, everybody};
pub use prepare::{Materials, prepare};
pub use skip::{FaultyRows, Skip};
pub use source::{Source, open};

use crate::config::Mailing;
use crate::notice::Notice;
use crate::notice::engine::Rendered;
use crate::notice::ledger::LeftOut;
use crate::notice::message::Message;
use crate::notice::recipients::Recipient;
use crate::notice::review::Probe;
use crate::notice::rows::BadRow;
use crate::notice::shard::Shard;

/// What to merge.
#[derive(Clone)]
pub struct Selection<'a> {
    pub mailing: &'a Mailing,
    /// A table other than the mailing's.
    pub recipients: Option<&'a Path>,
    pub only: Option<&'a str>,
    /// A condition over the columns, such as `r.lang == "de"`.
    pub condition: Option<&'a str>,
    pub shard: Option<Shard>,
    pub limit: Option<u64>,
    /// Whether to also report what the notice's tags became.
    pub probed: bool,
    /// Whether each row that is wrong comes out, with all of its faults. Else the first of them are reported.
    pub surveyed: bool,
    /// What the plan says of the messages, if there is one.
    pub frozen: Option<&'a Frozen>,
    /// Rows that are left out, as they are wrong.
    pub skip: Option<&'a Skip>,
    /// Without its table it is left out. Whoever names a mailing wants it whole.
    pub may_be_skipped: bool,
}

impl<'a> Selection<'a> {
    /// All recipients of a mailing.
    pub fn all(mailing: &'a Mailing) -> Selection<'a> {
        Selection {
            mailing,
            recipients: None,
            only: None,
            condition: None,
            shard: None,
            limit: None,
            probed: false,
            surveyed: false,
            frozen: None,
            skip: None,
            may_be_skipped: false,
        }
    }

    /// The command that names all wrong rows of the table.
    pub fn command_to_check(&self) -> String {
        let of = self.recipients.map(|file| format!(" --recipients {}", file.display())).unwrap_or_default();
        format!("runsheet notice check {}{of} --report bad.csv", self.mailing.id.value)
    }

    /// Whether nobody is left out by choice.
    pub fn takes_all(&self) -> bool {
        self.only.is_none() && self.condition.is_none() && self.shard.is_none()
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    pub written: u64,
    /// Rows of the table that hold something.
    pub rows: u64,
    /// Recipients beyond the limit.
    pub beyond_limit: u64,
    /// Rows that were left out, as they are wrong.
    pub left_out: u64,
    /// Addresses that stood in the table more than once.
    pub repeated: u64,
    /// Recipients who get nothing more.
    pub suppressed: u64,
    /// Recipients whom the selection does not choose.
    pub not_chosen: u64,
    /// Recipients whom the gate does not let through.
    pub passed_by: u64,
    /// How many have to read another language than theirs.
    pub untranslated: BTreeMap<String, u64>,
    /// There is no table of recipients.
    pub skipped: bool,
    /// Something was wrong, so not all messages were made. No level of `[check]` makes that right.
    pub incomplete: bool,
    /// It was not only rows: the notice, the configuration, or the table as a whole.
    pub beyond_rows: bool,
    /// The hash of the table as it was read.
    pub table: String,
}

impl Tally {
    /// `, not written in de (66)`; nothing if all read their own language.
    pub fn untranslated_text(&self) -> String {
        let languages: Vec<String> = self.untranslated.iter().map(|(language, count)| format!("{language} ({count})")).collect();
        if languages.is_empty() { String::new() } else { format!(", not written in {}", languages.join(", ")) }
    }
}

/// What became of one row. `P` is what the gate gave for a recipient whom it let through.
#[derive(Debug)]
pub enum Outcome<'a, P> {
    Written(Box<MergedMessage<'a, P>>),
    Suppressed(Recipient),
    BeyondLimit(Recipient),
    /// The gate did not let it through.
    PassedBy(Recipient),
    /// The row says the same as an earlier one.
    Repeated(Recipient),
    /// It is wrong, and somebody chose to continue without it.
    LeftOut(&'a LeftOut),
    /// It is wrong, or only doubtful: then its message comes too. Comes out only of a survey.
    Faulty(BadRow),
}

/// A message that was made, with what it was made of.
#[derive(Debug)]
pub struct MergedMessage<'a, P> {
    /// From 1, in the order of the table.
    pub number: u64,
    pub recipient: Recipient,
    pub message: Message,
    pub rendered: Rendered,
    pub notice: &'a Notice,
    /// If it was asked for.
    pub probe: Option<Probe>,
    pub pass: P,
}
