//! Rows of a table of recipients that cannot be mailed: what is wrong in them, and that a mailing is sent without them.

use lettre::Address;

use super::ledger::LeftOut;
use super::recipients::Recipient;
use crate::diagnostic::Diagnostic;
use crate::mail::address;
use crate::rule::Severity;

/// A row that cannot be mailed as it stands, with what is wrong in it.
#[derive(Debug)]
pub struct BadRow {
    pub line: u64,
    pub faults: Vec<RowFault>,
    /// Its address, if that could be read.
    pub address: Option<Address>,
    /// The row with something harmless where it is wrong, so that whatever else is wrong shows when its message is made.
    pub stand_in: Option<Recipient>,
    /// Nothing behind it could be read: that is a fault of the table.
    pub ends: bool,
}

/// Something that is wrong in a row.
#[derive(Clone, Debug)]
pub struct RowFault {
    /// As notices name the column; `""` if it is the row.
    pub column: String,
    pub value: String,
    pub diagnostic: Diagnostic,
}

impl RowFault {
    /// A fault of a recipient's column.
    pub fn new(recipient: &Recipient, column: &str, diagnostic: Diagnostic) -> RowFault {
        let value = if column.is_empty() { "" } else { recipient.get(column).unwrap_or("") };
        RowFault { column: column.to_owned(), value: value.to_owned(), diagnostic }
    }
}

impl LeftOut {
    pub fn new(row: &BadRow) -> LeftOut {
        let key = row.address.as_ref().map_or_else(|| format!("line {}", row.line), address::key);
        let mut left_out = LeftOut { key, line: row.line, code: String::new() };
        left_out.add(row);
        left_out
    }

    /// Adds what else is wrong with it.
    pub fn add(&mut self, row: &BadRow) {
        for fault in row.faults.iter().filter(|fault| fault.diagnostic.severity == Severity::Error) {
            if !self.code.split(", ").any(|code| code == fault.diagnostic.rule.code) {
                self.code.push_str(if self.code.is_empty() { "" } else { ", " });
                self.code.push_str(fault.diagnostic.rule.code);
            }
        }
    }
}
