//! Merging a mailing: the rows of its table are pulled one after another, and the outcome of each comes out.
//!
//! [`Merging`] covers all of it: who is selected, who is suppressed, what is wrong in a row, the messages of the others. Commands pull
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
    /// Whether to return the rendered values of the notice's tags, too.
    pub probed: bool,
    /// Whether each faulty row comes out with all of its faults. Otherwise only the first ones are reported.
    pub surveyed: bool,
    /// What the plan fixes for the messages, if there is a plan.
    pub frozen: Option<&'a Frozen>,
    /// Faulty rows that are left out.
    pub skip: Option<&'a Skip>,
    /// Whether the mailing is skipped if its table is missing. A mailing named by the user must be complete.
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

    /// The command that lists all faulty rows of the table.
    pub fn command_to_check(&self) -> String {
        let of = self.recipients.map(|file| format!(" --recipients {}", file.display())).unwrap_or_default();
        format!("runsheet notice check {}{of} --report bad.csv", self.mailing.id.value)
    }

    /// Whether no recipient is left out by selection.
    pub fn takes_all(&self) -> bool {
        self.only.is_none() && self.condition.is_none() && self.shard.is_none()
    }
}

/// The totals of a merge.
#[derive(Debug, Default)]
pub struct Tally {
    pub written: u64,
    /// Non-empty rows of the table.
    pub rows: u64,
    /// Recipients beyond the limit.
    pub beyond_limit: u64,
    /// Faulty rows that were left out.
    pub left_out: u64,
    /// Rows that repeat an earlier address.
    pub repeated: u64,
    /// Recipients on the suppression list.
    pub suppressed: u64,
    /// Recipients that the selection leaves out.
    pub not_chosen: u64,
    /// Recipients that the gate does not let through.
    pub passed_by: u64,
    /// How many get another language than their own, by language.
    pub untranslated: BTreeMap<String, u64>,
    /// There is no table of recipients.
    pub skipped: bool,
    /// Something was wrong, so not all messages were made. No level of `[check]` changes that.
    pub incomplete: bool,
    /// The fault was not only in rows: it was in the notice, the configuration, or the table as a whole.
    pub beyond_rows: bool,
    /// The hash of the table as it was read.
    pub table: String,
}

impl Tally {
    /// `, no version in de (66)`; empty if everyone reads their own language.
    pub fn untranslated_text(&self) -> String {
        let languages: Vec<String> = self.untranslated.iter().map(|(language, count)| format!("{language} ({count})")).collect();
        if languages.is_empty() { String::new() } else { format!(", no version in {}", languages.join(", ")) }
    }
}

/// The outcome of one row. `P` is the gate's value for a recipient that it let through.
#[derive(Debug)]
pub enum Outcome<'a, P> {
    Written(Box<MergedMessage<'a, P>>),
    Suppressed(Recipient),
    BeyondLimit(Recipient),
    /// The gate did not let it through.
    PassedBy(Recipient),
    /// The row repeats an earlier one.
    Repeated(Recipient),
    /// It is faulty, and somebody chose to continue without it.
    LeftOut(&'a LeftOut),
    /// It is faulty, or only doubtful; then its message follows, too. Comes out only of a survey.
    Faulty(BadRow),
}

/// A finished message, with its inputs.
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
