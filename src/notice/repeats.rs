//! Rows with the same address but different content.

use std::collections::BTreeMap;

use super::table::Row;
use crate::diagnostic::Diagnostic;
use crate::mail::address;
use crate::rule;
use crate::source::RelPath;
use crate::text::visible;

/// Pairs up such rows, whose lines are known: it takes the rows of the table a second time, in order.
///
/// Of the first row of an address, only what is compared and shown is kept.
pub struct Repeats {
    path: RelPath,
    /// Under the names that notices use, without the address column.
    columns: Vec<(usize, String)>,
    email: usize,
    /// The later lines, with the first line of the same address.
    later: BTreeMap<u64, u64>,
    /// The first lines, with the number of later ones still to come, and the first of them.
    first: BTreeMap<u64, (usize, u64)>,
    kept: BTreeMap<u64, First>,
    last: u64,
    /// Whether equal rows are reported, too: by address hash, the first line and a line that differs.
    same: Option<BTreeMap<u128, (u64, u64)>>,
}

/// The first row of an address.
struct First {
    /// For each column, a hash and what is shown.
    cells: Vec<(u64, String)>,
    is_reported: bool,
}

/// The faults of the two rows of a pair. Empty for the first row if it was reported with an earlier pair.
pub struct Pair {
    pub first: Option<(u64, Diagnostic)>,
    pub later: (u64, Diagnostic),
    /// The address as written in the later row.
    pub address: String,
}

const HELP: &str = "keep the right row: each address gets one message";

impl Repeats {
    /// `differing`: the first line and the later one of each pair.
    pub fn new(differing: &[(u64, u64)], columns: &[String], path: &RelPath) -> Repeats {
        let mut first: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
        differing.iter().for_each(|(line, later)| first.entry(*line).or_insert((0, *later)).0 += 1);
        let later: BTreeMap<u64, u64> = differing.iter().map(|(first, later)| (*later, *first)).collect();
        let last = later.keys().next_back().copied().unwrap_or(0);
        let email = columns.iter().position(|column| column == "email").unwrap_or(0);
        let columns = columns.iter().cloned().enumerate().filter(|(_, column)| column != "email").collect();
        Repeats { path: path.clone(), columns, email, later, first, kept: BTreeMap::new(), last, same: None }
    }

    /// Also reports rows that equal the first one of their address: otherwise whoever keeps a later one would meet the fault next time.
    pub fn with_same(self) -> Repeats {
        Repeats { same: Some(BTreeMap::new()), ..self }
    }

    /// Whether no pair can come from this line or a later one.
    pub fn is_over(&self, line: u64) -> bool {
        line > self.last && self.same.is_none()
    }

    /// Takes a row; returns the pair of which it is the later row.
    pub fn add(&mut self, row: &Row) -> Option<Pair> {
        if self.first.contains_key(&row.line) {
            let cells = self.columns.iter().map(|(index, _)| cell(row.values.get(*index).map_or("", String::as_str))).collect();
            self.kept.insert(row.line, First { cells, is_reported: false });
        }
        let Some(line) = self.later.get(&row.line).copied() else { return self.add_same(row) };
        let first = self.kept.get_mut(&line)?;
        let later: Vec<(u64, String)> =
            self.columns.iter().map(|(index, _)| cell(row.values.get(*index).map_or("", String::as_str))).collect();
        let address = row.values.get(self.email).map_or("", |value| value.trim()).to_owned();
        let differing = || self.columns.iter().zip(&first.cells).zip(&later).filter(|((_, first), later)| first.0 != later.0);
        let differences = |there: &str, here: &str| {
            let parts =
                differing().map(|(((_, column), first), later)| format!("`{column}` is `{}` {there} and `{}` {here}", first.1, later.1));
            parts.collect::<Vec<_>>().join(", ")
        };
        let at = |line, message| fault(&self.path, line, message);
        let shown = visible(&address);
        let pair = Pair {
            first: (!first.is_reported)
                .then(|| at(line, format!("`{shown}` is also in line {}, but {}", row.line, differences("here", "there")))),
            later: at(row.line, format!("`{shown}` is also in line {line}, but {}", differences("there", "here"))),
            address,
        };
        first.is_reported = true;
        if let Some(open) = self.first.get_mut(&line) {
            open.0 -= 1;
            if open.0 == 0 {
                self.first.remove(&line);
                self.kept.remove(&line);
            }
        }
        Some(pair)
    }

    /// A row that is in no pair but may have such an address.
    fn add_same(&mut self, row: &Row) -> Option<Pair> {
        let same = self.same.as_mut()?;
        let differs = self.first.get(&row.line).map(|(_, later)| *later);
        if differs.is_none() && same.is_empty() {
            return None;
        }
        let address = row.values.get(self.email).map_or("", |value| value.trim());
        let hash = address::hash(&address::parse(address).ok()?);
        if let Some(differs) = differs {
            same.insert(hash, (row.line, differs));
            return None;
        }
        let (first, differs) = same.get(&hash)?;
        let message = format!("`{}` is also in line {first}, and line {differs} differs", visible(address));
        Some(Pair { first: None, later: fault(&self.path, row.line, message), address: address.to_owned() })
    }
}

fn fault(path: &RelPath, line: u64, message: String) -> (u64, Diagnostic) {
    let number = usize::try_from(line).unwrap_or(usize::MAX);
    (line, Diagnostic::new(rule::DUPLICATE_RECIPIENT, message).at_line(path, number, 1).help(HELP))
}

fn cell(value: &str) -> (u64, String) {
    let value = value.trim();
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(value.as_bytes()).as_bytes();
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]), visible(&value.chars().take(60).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64, values: [&str; 3]) -> Row {
        Row { line, values: values.map(str::to_owned).to_vec(), broken: Vec::new() }
    }

    #[test]
    fn rows_of_one_address_are_paired() {
        let path = RelPath::new("r.csv").unwrap();
        let columns = ["email", "name", "org"].map(str::to_owned);
        let mut repeats = Repeats::new(&[(2, 4), (2, 6), (3, 5)], &columns, &path);
        assert!(repeats.add(&row(2, ["a@b.example", "x", "o"])).is_none());
        assert!(repeats.add(&row(3, ["c@d.example", "x", "o"])).is_none());
        let pair = repeats.add(&row(4, ["A@b.example ", "y", "o"])).unwrap();
        assert_eq!(pair.first.unwrap().1.message, "`A@b.example` is also in line 4, but `name` is `x` here and `y` there");
        assert_eq!(pair.later.1.message, "`A@b.example` is also in line 2, but `name` is `x` there and `y` here");
        let pair = repeats.add(&row(5, ["c@d.example", "x", "p"])).unwrap();
        assert_eq!((pair.first.unwrap().0, pair.later.0), (3, 5));
        assert!(!repeats.is_over(6));
        let pair = repeats.add(&row(6, ["a@b.example", "x", "q"])).unwrap();
        assert!(pair.first.is_none() && pair.later.1.message.ends_with("`org` is `o` there and `q` here"));
        assert!(repeats.kept.is_empty() && repeats.is_over(7));
    }

    #[test]
    fn rows_that_say_the_same_are_told_where_that_is_asked_for() {
        let path = RelPath::new("r.csv").unwrap();
        let columns = ["email", "name", "org"].map(str::to_owned);
        let mut repeats = Repeats::new(&[(2, 4)], &columns, &path).with_same();
        let mut pairs = Vec::new();
        for (line, name) in [(2, "x"), (3, "x"), (4, "y"), (5, "x")] {
            let pair = repeats.add(&row(line, ["a@b.example", name, "o"]));
            pairs.extend(pair.map(|pair| (pair.first.map(|first| first.0), pair.later.0, pair.later.1.message)));
            assert!(repeats.add(&row(line + 10, ["other@b.example", name, "o"])).is_none());
        }
        let same = "`a@b.example` is also in line 2, and line 4 differs".to_owned();
        assert_eq!(pairs[0], (None, 3, same.clone()));
        assert_eq!((pairs[1].0, pairs[1].1), (Some(2), 4));
        assert_eq!(pairs[2], (None, 5, same));
        assert!(!repeats.is_over(6));
    }
}
