//! `runsheet notice check`: lists every faulty row of a table, so that the table can be fixed in one round.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::load::{HistoryFrom, Loaded, StatusFrom, load};
use super::{notice, report};
use crate::cli::Global;
use crate::diagnostic::{Diagnostic, Diagnostics, MessageFormat};
use crate::error::{Context, Exit, Result, bail};
use crate::mail::Keys;
use crate::mailing::{Outcome, Selection, Source, Tally, campaign};
use crate::notice::rows::{BadRow, RowFault};
use crate::rule::{self, Severity};
use crate::text::{counted, thousands, visible};
use crate::world::environment;
use crate::world::lock::Locks;
use crate::world::sink::{FaultRow, TableReport};
use crate::world::table_file::TableFile;

pub fn run(global: &Global, name: &str, recipients: Option<&Path>, report_to: Option<&Path>) -> Result<Exit> {
    let loaded = load(global, StatusFrom::Kept, HistoryFrom::Nowhere, None)?;
    let mailing = campaign::find_mailing(&loaded.project, name)?;
    notice::refuse_undeclared(&loaded.project.config, &mailing, recipients)?;
    let loaded = loaded.merging(&mailing);
    let selection = Selection { recipients, surveyed: true, ..Selection::all(&mailing) };
    let table = TableFile::new(&loaded.root, &selection);
    if let Some(report) = report_to {
        refuse_report(report, &table)?;
    }
    let mut locks = Locks::new(&loaded.root);
    let mut written = report_to.map(|report| TableReport::new(&loaded.root, report, &mut locks)).transpose()?;
    let mut keys = environment::keys();
    // Nothing is written, so the check must work without the secret.
    keys.unsubscribe.get_or_insert_with(|| "unused: no message is made with this key".to_owned());
    let mut diagnostics = loaded.site.diagnostics.clone();
    let known = diagnostics.iter().count();
    let surveyed = survey(&loaded, &selection, &keys, written.as_mut(), &mut diagnostics);
    let (found, tally) = surveyed.with_context(|| format!("cannot check `{name}`"))?;
    if let Some(mut written) = written {
        // Faults of the table as a whole belong in the report, too.
        for diagnostic in diagnostics.iter().skip(known).filter(|diagnostic| diagnostic.path.as_ref() == Some(table.path())) {
            let line = diagnostic.line().unwrap_or(1);
            written.add(&FaultRow { line, column: "", value: "", diagnostic })?;
        }
        written.finish()?;
    }
    let failed = say(global, &loaded, diagnostics, &tally, &found, &table);
    if let Some(report) = report_to {
        report::note(global, &format!("report in {}", report.display()));
    } else if found.faults() > 0 {
        report::note(global, &format!("get all faults as a table: `{}`", selection.command_to_check()));
    }
    Ok(if failed || tally.skipped || tally.incomplete { Exit::Faults } else { Exit::Done })
}

/// Checks all rows, and writes their faults to the report if there is one.
fn survey(
    loaded: &Loaded,
    selection: &Selection,
    keys: &Keys,
    mut report: Option<&mut TableReport>,
    diagnostics: &mut Diagnostics,
) -> Result<(Found, Tally)> {
    let mut found = Found::default();
    let mut merging = loaded.merge(selection, keys, diagnostics)?;
    for outcome in &mut merging {
        let Outcome::Faulty(row) = outcome? else { continue };
        found.add(&row);
        let Some(report) = &mut report else { continue };
        for RowFault { column, value, diagnostic } in &row.faults {
            report.add(&FaultRow { line: row.line, column, value, diagnostic })?;
        }
    }
    let (tally, more) = merging.finish();
    diagnostics.extend(more);
    Ok((found, tally))
}

fn refuse_report(report: &Path, table: &TableFile) -> Result<()> {
    notice::refuse_dash(report)?;
    if table.is(report) {
        bail!("the report would overwrite the table: {}", report.display(); help: "choose another file with --report");
    }
    Ok(())
}

/// Prints what was found. Returns whether it stops the mailing.
fn say(global: &Global, loaded: &Loaded, mut diagnostics: Diagnostics, tally: &Tally, found: &Found, table: &TableFile) -> bool {
    let as_text = global.message_format == MessageFormat::Text;
    if !as_text {
        for (kind, some) in &found.kinds {
            diagnostics.extend(some.first.iter().cloned());
            let more = some.faults - some.first.len() as u64;
            if more > 0 {
                let message = format!("{}: {}", counted(more, "more fault", "more faults"), kind.code);
                let rule = if kind.severity == Severity::Error { rule::MORE_BAD_ROWS } else { rule::MORE_WARNED_ROWS };
                diagnostics.push(Diagnostic::new(rule, message).in_file(table.path()).help("list all of them with `--report FILE`"));
            }
        }
    }
    let failed = report::diagnostics(&loaded.settle(diagnostics, global), &loaded.inputs, global);
    if as_text {
        report::wrong(&found.text(&table.path().to_string()));
    }
    let denied = global.deny_warnings && found.kinds.keys().any(|kind| kind.severity == Severity::Warning);
    if found.faulty_rows() > 0 {
        report::note(global, &found.summary(tally));
    } else if !tally.incomplete && !tally.skipped {
        report::note(global, &format!("{} checked, no faults found", counted(tally.rows, "row", "rows")));
    }
    failed || denied
}

/// The faults of the rows of a table: how many, and the first ones of each kind.
#[derive(Default)]
struct Found {
    kinds: BTreeMap<Kind, Some>,
    /// Lines of rows that cannot be mailed. Stored in four bytes each, since a table may have many.
    lines: Vec<u32>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    severity: Severity,
    code: &'static str,
}

/// The faults of one kind.
#[derive(Default)]
struct Some {
    faults: u64,
    first: Vec<Diagnostic>,
}

/// How many faults of a kind are shown.
const MOST_SHOWN: usize = 3;

impl Found {
    fn add(&mut self, row: &BadRow) {
        for fault in &row.faults {
            let diagnostic = &fault.diagnostic;
            let some = self.kinds.entry(Kind { severity: diagnostic.severity, code: diagnostic.rule.code }).or_default();
            some.faults += 1;
            if some.first.len() < MOST_SHOWN {
                some.first.push(diagnostic.clone());
            }
        }
        if row.faults.iter().any(|fault| fault.diagnostic.severity == Severity::Error) {
            self.lines.push(u32::try_from(row.line).unwrap_or(u32::MAX));
        }
    }

    fn faults(&self) -> u64 {
        self.kinds.values().map(|some| some.faults).sum()
    }

    fn faulty_rows(&self) -> usize {
        let mut lines = self.lines.clone();
        lines.sort_unstable();
        lines.dedup();
        lines.len()
    }

    /// By kind, with the first of each.
    fn text(&self, path: &str) -> String {
        let mut text = String::new();
        for (Kind { severity, code }, some) in &self.kinds {
            text.push_str(&format!("{}[{code}]: {}\n", severity.word(), counted(some.faults, "fault", "faults")));
            for diagnostic in &some.first {
                let file = diagnostic.path.as_ref().map_or(path, |path| path.as_str());
                let place = diagnostic.line().map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
                text.push_str(&format!("  {place}: {}\n", visible(&diagnostic.message)));
            }
            let more = some.faults - some.first.len() as u64;
            if more > 0 {
                text.push_str(&format!("  and {} more\n", thousands(more)));
            }
            let helps: BTreeSet<&str> = some.first.iter().filter_map(|diagnostic| diagnostic.help.as_deref()).collect();
            helps.iter().for_each(|help| text.push_str(&format!("  = help: {}\n", visible(help))));
            text.push('\n');
        }
        text
    }

    fn summary(&self, tally: &Tally) -> String {
        let errors = self.kinds.iter().filter(|(kind, _)| kind.severity == Severity::Error).map(|(_, some)| some.faults).sum::<u64>();
        format!(
            "{} in {} of {}",
            counted(errors, "fault", "faults"),
            thousands(self.faulty_rows() as u64),
            counted(tally.rows, "row", "rows")
        )
    }
}
