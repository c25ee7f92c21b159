//! Mailings: recipients read from the world, merged by the core, handed to whoever writes them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::campaign::Frozen;
use super::load::Loaded;
use super::merging::run;
use super::row_faults::{RowFaults, TakeRow, Told};
use super::skip::Skip;
use super::table_file::TableFile;
use crate::config::Mailing;
use crate::diagnostic::Diagnostics;
use crate::mail::Keys;
use crate::notice::Notice;
use crate::notice::engine::Rendered;
use crate::notice::ledger::LeftOut;
use crate::notice::message::Message;
use crate::notice::recipients::Recipient;
use crate::notice::review::Probe;
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
    /// Whether what became of the notice's tags is told, too.
    pub probed: bool,
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
        let (recipients, only, condition) = (None, None, None);
        Selection {
            mailing,
            recipients,
            only,
            condition,
            shard: None,
            limit: None,
            probed: false,
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

/// What became of one recipient.
pub enum Outcome<'a> {
    Written(MergedMessage<'a>),
    Suppressed(&'a Recipient),
    BeyondLimit(&'a Recipient),
    /// The row says the same as an earlier one.
    Repeated(&'a Recipient),
    LeftOut(&'a LeftOut),
}

/// A message that was made, with what it was made of.
pub struct MergedMessage<'a> {
    /// From 1, in the order of the table.
    pub number: u64,
    pub recipient: &'a Recipient,
    pub message: &'a Message,
    pub rendered: &'a Rendered,
    pub notice: &'a Notice,
    /// If it was asked for.
    pub probe: Option<Probe>,
}

/// Merges a mailing: every row is checked, and what becomes of each told, in the order of the table.
///
/// Once a fault is found no more messages are told, but the other rows are still checked.
pub fn merge(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
    tell: impl FnMut(Outcome) -> Result<()>,
) -> Result<Tally> {
    merge_some(loaded, selection, keys, diagnostics, None, tell)
}

/// Says which of some recipients get a message.
pub type Gate<'a> = &'a mut dyn FnMut(&[&Recipient]) -> Result<Vec<bool>>;

/// Merges a mailing for those whom a gate lets through. Messages are made for nobody else.
pub fn merge_some(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    diagnostics: &mut Diagnostics,
    gate: Option<Gate>,
    tell: impl FnMut(Outcome) -> Result<()>,
) -> Result<Tally> {
    let table = TableFile::of(&loaded.root, selection);
    let told = Told::User(RowFaults::new(&table.path, Some(selection.command_to_check())));
    run(loaded, selection, keys, diagnostics, (&table, told), gate, tell)
}

/// Merges a mailing to see what is wrong: each wrong row is handed over, with all of its faults. No message is kept.
pub fn survey(loaded: &Loaded, selection: &Selection, keys: &Keys, diagnostics: &mut Diagnostics, take: TakeRow) -> Result<Tally> {
    let table = TableFile::of(&loaded.root, selection);
    run(loaded, selection, keys, diagnostics, (&table, Told::All(take)), None, |_| Ok(()))
}
