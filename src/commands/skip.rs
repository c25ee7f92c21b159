//! `--skip-bad COUNT`: a mailing without the rows that are wrong, if there are as many as the user says.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::load::Loaded;
use super::mailings::{self, Selection};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::mail::Keys;
use crate::notice::ledger::LeftOut;
use crate::notice::recipients::MOST_NAMED;
use crate::notice::rows::BadRow;
use crate::rule::Severity;
use crate::text::{counted, thousands};

/// Rows that a mailing is merged without, by their lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    pub rows: BTreeMap<u64, LeftOut>,
    /// The hash of the table in which they are.
    pub table: String,
}

/// What `--skip-bad` comes to.
pub enum Asked {
    /// It was not asked for, or these rows are left out.
    Rows(Option<Skip>),
    /// Something else is wrong, too, and is reported.
    Refused,
}

impl Skip {
    /// Finds the wrong rows of a table, if a number is given; another number of them is an error. It is that of `notice check`, whoever
    /// is chosen. What they are reported with, if all is well, is not.
    pub fn asked(loaded: &Loaded, selection: &Selection, keys: &Keys, count: Option<u64>, diagnostics: &mut Diagnostics) -> Result<Asked> {
        let Some(count) = count else { return Ok(Asked::Rows(None)) };
        let before = diagnostics.clone();
        let Some(skip) = Skip::find(loaded, selection, keys, count, diagnostics)? else { return Ok(Asked::Refused) };
        *diagnostics = before;
        Ok(Asked::Rows(Some(skip)))
    }

    fn find(loaded: &Loaded, selection: &Selection, keys: &Keys, count: u64, diagnostics: &mut Diagnostics) -> Result<Option<Skip>> {
        let mut rows: BTreeMap<u64, LeftOut> = BTreeMap::new();
        let mut others: Vec<Diagnostic> = Vec::new();
        let mut take = |row: &BadRow| {
            let errors = || row.faults.iter().map(|fault| &fault.diagnostic).filter(|fault| fault.severity == Severity::Error);
            // What lies in the notice, and what ends the table, is no fault of a row.
            let is_other = |fault: &&Diagnostic| row.ends || fault.line().is_none();
            let room = MOST_NAMED.saturating_sub(others.len());
            others.extend(errors().filter(is_other).take(room).cloned());
            // One without faults repeats an address with other values: it comes again with what differs.
            if errors().next().is_some() {
                rows.entry(row.line).and_modify(|known| known.add(row)).or_insert_with(|| LeftOut::new(row));
            }
            Ok(())
        };
        let all = Selection { recipients: selection.recipients, ..Selection::all(selection.mailing) };
        let tally = mailings::survey(loaded, &all, keys, diagnostics, &mut take)?;
        if tally.beyond_rows || tally.skipped {
            diagnostics.extend(others);
            return Ok(None);
        }
        let found = rows.len() as u64;
        if found != count {
            let are = if found == 1 { "row is" } else { "rows are" };
            let help = match found {
                0 => "leave --skip-bad out".to_owned(),
                _ => format!("`{}` names each of them", selection.command_to_check()),
            };
            bail!("--skip-bad says {}, and {} {are} faulty; nothing was written or sent\nhelp: {help}", thousands(count), thousands(found));
        }
        Ok(Some(Skip { rows, table: tally.table }))
    }

    /// The option that asks for it.
    pub fn option(&self) -> String {
        format!("--skip-bad {}", self.rows.len())
    }

    /// The first of those who are left out, and how many there are besides. `None` if nobody is.
    pub fn first_of(left_out: &[LeftOut]) -> Option<String> {
        let first: Vec<String> = left_out
            .iter()
            .take(3)
            .map(
                |LeftOut { key, line, code }| {
                    if key.contains('@') { format!("{key} (line {line}, {code})") } else { format!("{key} ({code})") }
                },
            )
            .collect();
        let more = left_out.len() - first.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!first.is_empty()).then(|| format!("{}{more}", first.join(", ")))
    }

    /// `46 faulty rows left out`
    pub fn text(count: u64) -> String {
        format!("{} left out", counted(count, "faulty row", "faulty rows"))
    }
}
