//! Rows of a recipient table that cannot be mailed: their faults, and the harmless values that replace them.

use lettre::Address;

use super::ledger::LeftOut;
use super::recipients::Recipient;
use crate::diagnostic::Diagnostic;
use crate::mail::address;
use crate::rule::Severity;

/// A row that cannot be mailed as it is, with its faults.
#[derive(Debug)]
pub struct BadRow {
    pub line: u64,
    pub faults: Vec<RowFault>,
    /// Its address, if it could be read.
    pub address: Option<Address>,
    /// The row with harmless values where it is wrong, so that further faults show when its message is made.
    pub stand_in: Option<Recipient>,
    /// Whether nothing after it could be read: then it is a fault of the table.
    pub ends: bool,
}

/// A fault in a row.
#[derive(Clone, Debug)]
pub struct RowFault {
    /// The column's name in notices; `""` if the fault concerns the row.
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

    /// Adds further faults.
    pub fn add(&mut self, row: &BadRow) {
        for fault in row.faults.iter().filter(|fault| fault.diagnostic.severity == Severity::Error) {
            if !self.code.split(", ").any(|code| code == fault.diagnostic.rule.code) {
                self.code.push_str(if self.code.is_empty() { "" } else { ", " });
                self.code.push_str(fault.diagnostic.rule.code);
            }
        }
    }
}
