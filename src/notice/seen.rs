//! The addresses seen so far in a table, so that each is used once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lettre::Address;

use crate::mail::address;

/// The addresses seen so far in the table.
#[derive(Default)]
pub struct Seen {
    /// By address hash, for which 96 bits are enough in any table: the line, and part of the hash of the other values.
    rows: BTreeMap<[u8; 12], (u32, u32)>,
    /// Rows with one address but other values: the first line and the later one.
    pub differing: Vec<(u64, u64)>,
}

/// How a row relates to earlier rows.
pub(super) enum Sight {
    New,
    Same,
    Different,
}

impl Seen {
    /// Records a row, and says how it relates to earlier ones.
    pub(super) fn look(&mut self, address: &Address, line: u64, values: &[String], email: usize) -> Sight {
        let [key @ .., _, _, _, _] = address::hash(address).to_le_bytes();
        let mut others = blake3::Hasher::new();
        for (_, value) in values.iter().enumerate().filter(|(index, _)| *index != email) {
            others.update(value.trim().as_bytes()).update(b"\0");
        }
        let [a, b, c, d, ..] = *others.finalize().as_bytes();
        let others = u32::from_le_bytes([a, b, c, d]);
        match self.rows.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert((u32::try_from(line).unwrap_or(u32::MAX), others));
                Sight::New
            }
            Entry::Occupied(entry) => {
                let (first, known) = *entry.get();
                if known == others {
                    return Sight::Same;
                }
                self.differing.push((u64::from(first), line));
                Sight::Different
            }
        }
    }
}
