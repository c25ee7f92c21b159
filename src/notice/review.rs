//! Shows what varies over all messages of a mailing, so that reading one page is enough to review many thousands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Notice;
use super::message::Message;
use super::recipients::Recipient;
use crate::page::tags::{BRANCH, END, IS, Kind, Tag, VALUE};
use crate::text::{counted, thousands, visible};

/// The rendered values of a notice's tags for one recipient, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// All different values of a tag: in a loop there may be several.
    pub values: BTreeMap<usize, BTreeSet<String>>,
    pub branches: BTreeSet<usize>,
}

impl Probe {
    /// Reads a rendered probe.
    pub fn read(rendered: &str) -> Probe {
        let mut probe = Probe::default();
        let mut rest = rendered;
        while let Some(at) = rest.find([VALUE, BRANCH]) {
            let is_value = rest[at..].starts_with(VALUE);
            rest = &rest[at + VALUE.len_utf8()..];
            let Some((number, behind)) = rest.split_once(IS) else { break };
            let Ok(number) = number.parse() else { continue };
            rest = behind;
            if is_value {
                let value = behind.split(END).next().unwrap_or("");
                probe.values.entry(number).or_default().insert(value.to_owned());
            } else {
                probe.branches.insert(number);
            }
        }
        probe
    }
}

/// How many values are shown, and how many are kept to choose them from.
const SHOWN: usize = 20;
const KEPT: usize = 1000;
/// Up to this many different values are counted exactly.
const EXACT: usize = 100_000;

/// The values of one expression, wherever it is used in the notice.
#[derive(Clone, Debug)]
pub struct Tally {
    /// How many messages have it.
    seen: u64,
    /// In how many messages each value occurs, by hash, while there are few enough to count.
    counts: Option<BTreeMap<u64, u64>>,
    sketch: Sketch,
    kept: BTreeMap<u64, (String, u64)>,
    longest: Option<(String, u64)>,
    shortest: Option<(String, u64)>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { seen: 0, counts: Some(BTreeMap::new()), sketch: Sketch::default(), kept: BTreeMap::new(), longest: None, shortest: None }
    }
}

impl Tally {
    /// Adds the different values from one message.
    pub fn add<'v>(&mut self, values: impl IntoIterator<Item = &'v str>, line: u64) {
        self.seen += 1;
        values.into_iter().for_each(|value| self.add_value(value, line));
    }

    fn add_value(&mut self, value: &str, line: u64) {
        let hash = u64::from_le_bytes(blake3::hash(value.as_bytes()).as_bytes()[..8].try_into().expect("8 of 32 bytes"));
        self.sketch.add(hash);
        if let Some(counts) = &mut self.counts {
            *counts.entry(hash).or_default() += 1;
            if counts.len() > EXACT {
                self.counts = None;
            }
        }
        if self.kept.len() < KEPT {
            self.kept.entry(hash).or_insert_with(|| (value.to_owned(), line));
        }
        let length = |value: &str| value.chars().count();
        if self.longest.as_ref().is_none_or(|(known, _)| length(known) < length(value)) {
            self.longest = Some((value.to_owned(), line));
        }
        if self.shortest.as_ref().is_none_or(|(known, _)| length(known) > length(value)) {
            self.shortest = Some((value.to_owned(), line));
        }
    }

    /// How many different values there are, in words: exact up to 100,000, then a marked estimate.
    pub fn distinct(&self) -> String {
        match &self.counts {
            Some(counts) => format!("{} different", thousands(counts.len() as u64)),
            None => format!("about {} different (an estimate)", thousands(self.sketch.estimate())),
        }
    }

    fn only(&self) -> Option<&str> {
        let (value, _) = self.kept.values().next()?;
        self.counts.as_ref().is_some_and(|counts| counts.len() == 1).then_some(value)
    }

    /// The most frequent of the kept values, with their counts; `None` where they were not counted.
    fn shown(&self) -> Vec<(&str, u64, Option<u64>)> {
        let count = |hash| self.counts.as_ref().and_then(|counts| counts.get(hash).copied());
        let mut shown: Vec<_> = self.kept.iter().map(|(hash, (value, line))| (value.as_str(), *line, count(hash))).collect();
        shown.sort_by(|a, b| b.2.cmp(&a.2).then(a.1.cmp(&b.1)).then(a.0.cmp(b.0)));
        shown.truncate(SHOWN);
        shown
    }
}

/// HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with 4,096 registers: accurate to about 1.6 %.
#[derive(Clone, Debug)]
struct Sketch(Vec<u8>);

const REGISTERS: usize = 4096;

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch(vec![0; REGISTERS])
    }
}

impl Sketch {
    fn add(&mut self, hash: u64) {
        let register = (hash % REGISTERS as u64) as usize;
        let rank = (hash / REGISTERS as u64).trailing_zeros().min(52) as u8 + 1;
        self.0[register] = self.0[register].max(rank);
    }

    fn estimate(&self) -> u64 {
        let registers = REGISTERS as f64;
        let sum: f64 = self.0.iter().map(|rank| 0.5f64.powi(i32::from(*rank))).sum();
        let alpha = 0.7213 / (1.0 + 1.079 / registers);
        (alpha * registers * registers / sum).round() as u64
    }
}

/// A recipient for whom a branch was taken, and one for whom it was not.
#[derive(Clone, Debug, Default)]
struct Taken {
    count: u64,
    sample: Option<(u64, String)>,
    other: Option<(u64, String)>,
}

/// All results for the messages of one notice in one language.
#[derive(Clone, Debug, Default)]
struct Found {
    messages: u64,
    subjects: Tally,
    /// By the number of the first tag with the expression.
    values: BTreeMap<usize, Tally>,
    /// For each tag, the number of the first tag written in the same way.
    first: Vec<usize>,
    branches: BTreeMap<usize, Taken>,
    largest: Option<(usize, u64)>,
    smallest: Option<(usize, u64)>,
}

/// The review of a mailing, filled message by message.
#[derive(Debug, Default)]
pub struct Review {
    /// By language of the notice; `""` is the original.
    found: BTreeMap<String, Found>,
}

impl Review {
    pub fn add(&mut self, notice: &Notice, recipient: &Recipient, message: &Message, probe: &Probe) {
        let found = self.found.entry(notice.lang.clone().unwrap_or_default()).or_default();
        let line = recipient.line;
        found.messages += 1;
        found.subjects.add([message.subject.as_str()], line);
        if found.first.is_empty() {
            let first_like = |tag: &Tag| notice.tags.iter().position(|other| other.kind == tag.kind && other.inner() == tag.inner());
            found.first = notice.tags.iter().enumerate().map(|(number, tag)| first_like(tag).unwrap_or(number)).collect();
        }
        let mut values: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for (number, of_tag) in &probe.values {
            let first = found.first.get(*number).copied().unwrap_or(*number);
            values.entry(first).or_default().extend(of_tag.iter().map(String::as_str));
        }
        for (first, values) in values {
            found.values.entry(first).or_default().add(values, line);
        }
        let branches = notice.tags.iter().enumerate().filter(|(_, tag)| tag.is_branch()).map(|(number, _)| number);
        for number in branches {
            let taken = found.branches.entry(number).or_default();
            let place = if probe.branches.contains(&number) {
                taken.count += 1;
                &mut taken.sample
            } else {
                &mut taken.other
            };
            place.get_or_insert_with(|| (line, message.to.clone()));
        }
        let size = message.bytes.len();
        if found.largest.is_none_or(|(known, _)| known < size) {
            found.largest = Some((size, line));
        }
        if found.smallest.is_none_or(|(known, _)| known > size) {
            found.smallest = Some((size, line));
        }
    }

    /// The review as text. `versions` are those of the notice, as [`super::merge::Merge`] has them.
    pub fn write<'n>(&self, versions: impl Iterator<Item = &'n Notice>) -> String {
        let mut text = String::new();
        for notice in versions {
            let Some(found) = self.found.get(notice.lang.as_deref().unwrap_or("")) else { continue };
            let language = notice.lang.as_ref().map(|lang| format!(" in `{lang}`")).unwrap_or_default();
            let messages = counted(found.messages, "message", "messages");
            let _ = writeln!(text, "\n{messages} of `{}`{language} ({})", notice.name, notice.path);
            if let (Some((largest, at)), Some((smallest, other))) = (found.largest, found.smallest) {
                let kilobytes = |size: usize| format!("{}.{} KB", size / 1024, size % 1024 * 10 / 1024);
                if kilobytes(smallest) == kilobytes(largest) {
                    let _ = writeln!(text, "  size {}", kilobytes(largest));
                } else {
                    let _ = writeln!(text, "  size {} (line {other}) to {} (line {at})", kilobytes(smallest), kilobytes(largest));
                }
            }
            write_tally(&mut text, "subject", &found.subjects);
            write_values(&mut text, notice, found);
            write_branches(&mut text, notice, found);
        }
        text
    }
}

fn write_values(text: &mut String, notice: &Notice, found: &Found) {
    let mut constant = Vec::new();
    for (number, tally) in &found.values {
        let Some(tag) = notice.tags.get(*number).filter(|tag| tag.kind == Kind::Expression) else { continue };
        match tally.only() {
            Some(value) if tally.seen == found.messages => constant.push((tag.inner(), value)),
            _ if tally.seen < found.messages => {
                let name = format!("{}, in {} of {}", tag.inner(), thousands(tally.seen), thousands(found.messages));
                write_tally(text, &name, tally);
            }
            _ => write_tally(text, tag.inner(), tally),
        }
    }
    if !constant.is_empty() {
        text.push_str("\n  the same for all\n");
    }
    for (name, value) in constant {
        let _ = writeln!(text, "    {name} = {}", shorten(value));
    }
}

fn write_tally(text: &mut String, name: &str, tally: &Tally) {
    let _ = writeln!(text, "\n  {name}: {}", tally.distinct());
    for (value, line, count) in tally.shown() {
        match count {
            Some(count) => {
                let _ = writeln!(text, "    {:>9}  {}", thousands(count), shorten(value));
            }
            None => {
                let _ = writeln!(text, "    line {line:>6}  {}", shorten(value));
            }
        }
    }
    if tally.only().is_some() {
        return;
    }
    let length = |extreme: &Option<(String, u64)>| extreme.as_ref().map(|(value, _)| value.chars().count());
    let is_even = length(&tally.longest) == length(&tally.shortest);
    for (word, extreme) in [("longest", &tally.longest), ("shortest", &tally.shortest)] {
        let Some((value, line)) = extreme.as_ref().filter(|_| !is_even) else { continue };
        let _ =
            writeln!(text, "    {word}, {} (line {line}): {}", counted(value.chars().count(), "character", "characters"), shorten(value));
    }
}

fn write_branches(text: &mut String, notice: &Notice, found: &Found) {
    for (number, taken) in &found.branches {
        let Some(tag) = notice.tags.get(*number) else { continue };
        let _ = writeln!(text, "\n  {}: {} of {}", tag.text, thousands(taken.count), thousands(found.messages));
        for (word, sample) in [("such as", &taken.sample), ("but not", &taken.other)] {
            if let Some((line, to)) = sample {
                let _ = writeln!(text, "    {word} line {line}, {to}");
            }
        }
    }
}

/// A value on one line, shortened if it would fill the screen.
fn shorten(value: &str) -> String {
    const MOST: usize = 160;
    let line = visible(&value.split_whitespace().collect::<Vec<_>>().join(" "));
    if line.chars().count() <= MOST { line } else { line.chars().take(MOST - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_read() {
        let probe = Probe::read(&format!("x{VALUE}3{IS}a b{END}y{BRANCH}4{IS}{VALUE}3{IS}c{END}{VALUE}"));
        assert_eq!(probe.values, BTreeMap::from([(3, BTreeSet::from(["a b".to_owned(), "c".to_owned()]))]));
        assert_eq!(probe.branches, BTreeSet::from([4]));
    }

    #[test]
    fn values_are_counted_then_estimated() {
        let mut tally = Tally::default();
        for line in 0..1000 {
            tally.add([&*format!("v{}", line % 30)], line);
        }
        assert_eq!(tally.distinct(), "30 different");
        assert_eq!(tally.shown().len(), SHOWN);
        assert_eq!(tally.shown()[0], ("v0", 0, Some(34)));
        for line in 0..300_000 {
            tally.add([&*format!("w{line}")], line);
        }
        let words = tally.distinct();
        let number: u64 = words.replace(',', "").split(' ').nth(1).unwrap().parse().unwrap();
        assert!(words.contains("estimate") && (285_000..315_000).contains(&number), "{words}");
        assert_eq!(tally.longest.as_ref().map(|(value, _)| value.len()), Some(7));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
