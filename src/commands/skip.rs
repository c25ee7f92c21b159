//! `--skip-bad COUNT`: finds the faulty rows of a table before anything is merged.

use super::load::Loaded;
use crate::diagnostic::Diagnostics;
use crate::error::{Result, bail};
use crate::mail::Keys;
use crate::mailing::{FaultyRows, Outcome, Selection, Skip};
use crate::text::thousands;

/// The result of `--skip-bad`.
pub enum Asked {
    /// It was not given, or these rows are left out.
    Rows(Option<Skip>),
    /// Something else is wrong, too; it is reported.
    Refused,
}

/// Finds the faulty rows of a table, if a number is given; a different number of them is an error. It is the number that `notice
/// check` shows, whichever recipients are selected. If all is well, the rows' own diagnostics are not shown.
pub fn asked(loaded: &Loaded, selection: &Selection, keys: &Keys, count: Option<u64>, diagnostics: &mut Diagnostics) -> Result<Asked> {
    let Some(count) = count else { return Ok(Asked::Rows(None)) };
    let all = Selection { recipients: selection.recipients, surveyed: true, ..Selection::all(selection.mailing) };
    let mut merging = loaded.merge(&all, keys, diagnostics)?;
    let mut faulty = FaultyRows::default();
    for outcome in &mut merging {
        if let Outcome::Faulty(row) = outcome? {
            faulty.add(&row);
        }
    }
    let (tally, found) = merging.finish();
    if tally.beyond_rows || tally.skipped {
        diagnostics.extend(found);
        diagnostics.extend(faulty.others);
        return Ok(Asked::Refused);
    }
    let found = faulty.rows.len() as u64;
    if found != count {
        let are = if found == 1 { "row is" } else { "rows are" };
        let help = match found {
            0 => "leave out --skip-bad".to_owned(),
            _ => format!("list them with `{}`", selection.command_to_check()),
        };
        bail!("--skip-bad expects {}, but {} {are} faulty; nothing was written or sent", thousands(count), thousands(found); help: "{help}");
    }
    Ok(Asked::Rows(Some(Skip { rows: faulty.rows, table: tally.table })))
}
