//! The columns of a recipient table: their names in the table, and in notices.

use crate::config::Columns;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::RelPath;
use crate::text::suggest;

const MOST_COLUMNS: usize = 256;

/// The columns under the names that notices use: in lower case, or as the mailing maps them. Also says whether names are taken from
/// the address column.
pub fn named(written: &[String], path: &RelPath, names: &Columns, line: u64) -> Result<(Vec<String>, bool), Vec<Diagnostic>> {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let fault = |rule, message: String| Diagnostic::new(rule, message).at_line(path, line, 1);
    let mut faults = Vec::new();
    if written.iter().all(|column| column.trim().is_empty()) {
        return Err(vec![
            fault(rule::MISSING_COLUMN, "the table is empty".to_owned()).help("name the columns in the first row, such as `email,name`"),
        ]);
    }
    if written.len() > MOST_COLUMNS {
        return Err(vec![fault(rule::TOO_LARGE, format!("the table has more than {MOST_COLUMNS} columns"))]);
    }
    let mut columns: Vec<String> = written.iter().map(|name| name.trim().to_lowercase()).collect();
    let taken_as = |wanted: &str| names.iter().find(|(name, _)| name == wanted).map(|(_, header)| header.value.trim().to_lowercase());
    let holds_names = taken_as("email").is_some() && taken_as("email") == taken_as("name");
    if holds_names {
        columns.iter_mut().filter(|column| *column == "name").for_each(String::clear);
    }
    for (name, header) in names.iter().filter(|(name, _)| !holds_names || name != "name") {
        match columns.iter().zip(written).position(|(_, column)| column.trim().eq_ignore_ascii_case(header.value.trim())) {
            Some(index) => columns[index].clone_from(name),
            None => {
                let help = suggest(&header.value, written.iter().map(String::as_str));
                let message = format!("missing column `{}`, which the mailing uses as `{name}`", header.value);
                faults.push(fault(rule::MISSING_COLUMN, message).maybe_help(help));
            }
        }
    }
    if !columns.iter().any(|column| column == "email") && !names.iter().any(|(name, _)| name == "email") {
        let known: Vec<String> = written.iter().take(12).map(|name| format!("`{}`", crate::text::visible(name.trim()))).collect();
        let help = suggest("email", columns.iter().map(String::as_str))
            .unwrap_or_else(|| format!("choose one of {} in the mailing, as in `columns = {{ email = \"E-Mail\" }}`", known.join(", ")));
        faults.push(fault(rule::MISSING_COLUMN, "missing column `email`".to_owned()).help(help));
    }
    // A column that no notice can name does no harm.
    for (index, column) in columns.iter().enumerate().filter(|(_, column)| is_name(column)) {
        if columns[..index].contains(column) {
            let shown = crate::text::visible(column);
            faults.push(fault(rule::DUPLICATE_COLUMN, format!("duplicate column `{shown}`")));
        }
    }
    if faults.is_empty() { Ok((columns, holds_names)) } else { Err(faults) }
}

/// Whether a notice can name a column, as in `{{ r.first_name }}`.
pub fn is_name(column: &str) -> bool {
    column.starts_with(|c: char| c.is_ascii_alphabetic()) && column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
