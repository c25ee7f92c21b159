//! What a merge says of rows that are wrong, and who else takes it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::table_file::{OpenTable, TableFile};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::notice::recipients::{MOST_NAMED, Recipients};
use crate::notice::repeats::{Pair, Repeats};
use crate::notice::rows::{BadRow, RowFault};
use crate::notice::table::Row;
use crate::rule;
use crate::source::RelPath;
use crate::text::counted;

/// Takes each row that is wrong.
pub type TakeRow<'a> = &'a mut dyn FnMut(&BadRow) -> Result<()>;

/// Who is told of rows that are wrong.
pub enum Told<'a> {
    /// The user, as diagnostics: the first are named.
    User(RowFaults<'a>),
    /// Somebody who takes every row.
    All(TakeRow<'a>),
}

impl Told<'_> {
    pub fn add(&mut self, row: BadRow, diagnostics: &mut Diagnostics) -> Result<()> {
        match self {
            Told::User(_) if row.faults.is_empty() => Ok(()),
            Told::User(faults) => {
                faults.add(row.faults, diagnostics);
                Ok(())
            }
            Told::All(take) => take(&row),
        }
    }

    /// Says what differs between rows of one address: the table is read once more.
    pub fn add_repeats<R: std::io::Read>(
        &mut self,
        differing: &[(u64, u64)],
        rows: &Recipients<R>,
        table: &TableFile,
        diagnostics: &mut Diagnostics,
    ) -> Result<()> {
        if differing.is_empty() {
            return Ok(());
        }
        match self {
            Told::User(faults) => {
                let named = &differing[..differing.len().min(MOST_NAMED)];
                let repeats = Repeats::new(named, rows.columns(), &table.path);
                each_pair(repeats, rows, table, |pair, _| {
                    diagnostics.push(pair.later.1);
                    Ok(())
                })?;
                faults.count("duplicate-recipient", differing.len() - named.len());
                Ok(())
            }
            Told::All(take) => {
                let repeats = Repeats::new(differing, rows.columns(), &table.path).with_same();
                each_pair(repeats, rows, table, |pair, recipients| {
                    for (line, diagnostic) in pair.first.into_iter().chain([pair.later]) {
                        let column = recipients.header("email").to_owned();
                        let fault = RowFault { column, value: pair.address.clone(), diagnostic };
                        let address = crate::mail::address::parse(&pair.address).ok();
                        take(&BadRow { line, faults: vec![fault], address, stand_in: None, ends: false })?;
                    }
                    Ok(())
                })
            }
        }
    }
}

fn each_pair<R: std::io::Read>(
    mut repeats: Repeats,
    rows: &Recipients<R>,
    table: &TableFile,
    mut take: impl FnMut(Pair, &Recipients<R>) -> Result<()>,
) -> Result<()> {
    let Some(Ok(OpenTable { rows: again, .. })) = table.open()? else { bail!("{} changed while it was read", table.path) };
    let again = again.filter_map(Result::ok);
    for row in again {
        if repeats.is_over(row.line) {
            break;
        }
        let row: Row = rows.prepared(row);
        if let Some(pair) = repeats.add(&row) {
            take(pair, rows)?;
        }
    }
    Ok(())
}

/// Faults of rows: the first are named, and the first of each kind; the others are counted.
pub struct RowFaults<'a> {
    path: &'a RelPath,
    /// The command that names them all, if there is one.
    names_all: Option<String>,
    rows: usize,
    named: BTreeSet<&'static str>,
    counted: BTreeMap<&'static str, usize>,
}

impl<'a> RowFaults<'a> {
    pub fn new(path: &'a RelPath, names_all: Option<String>) -> RowFaults<'a> {
        RowFaults { path, names_all, rows: 0, named: BTreeSet::new(), counted: BTreeMap::new() }
    }

    pub fn add(&mut self, faults: Vec<RowFault>, diagnostics: &mut Diagnostics) {
        self.rows += 1;
        let is_new = faults.iter().any(|fault| !self.named.contains(fault.diagnostic.rule.code));
        if self.rows <= MOST_NAMED || is_new {
            self.named.extend(faults.iter().map(|fault| fault.diagnostic.rule.code));
            diagnostics.extend(faults.into_iter().map(|fault| fault.diagnostic));
        } else if let Some(fault) = faults.first() {
            self.count(fault.diagnostic.rule.code, 1);
        }
    }

    fn count(&mut self, code: &'static str, rows: usize) {
        if rows > 0 {
            *self.counted.entry(code).or_default() += rows;
        }
    }

    pub fn finish(&self, diagnostics: &mut Diagnostics) {
        let more: usize = self.counted.values().sum();
        if more > 0 {
            let kinds: Vec<String> = self.counted.iter().map(|(code, count)| format!("{count} {code}")).collect();
            let message = format!("{} refused: {}", counted(more, "more row is", "more rows are"), kinds.join(", "));
            let help = self.names_all.as_ref().map(|command| format!("`{command}` names all of them"));
            diagnostics.push(Diagnostic::new(rule::MORE_BAD_ROWS, message).in_file(self.path).maybe_help(help));
        }
    }
}
