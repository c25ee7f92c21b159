//! Counts where and how often each word occurs, to rank the pages for a word.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use indexmap::{Equivalent, IndexMap};

use super::token::each_token;

/// A page with a word, and its rank for that word: `page << 6 | impact`. There are many of these, so they are small.
pub type Posting = u32;

/// The bits of a posting for the rank.
pub const IMPACT_BITS: u32 = 6;

/// The words of some pages, in the order of their first occurrence, each with its postings.
#[derive(Debug, Default)]
pub struct Count {
    words: IndexMap<Key<Box<[u8]>>, Vec<Posting>, BuildHasherDefault<Mix>>,
    /// Recently seen words, by part of their hash: most words of a text are a few words repeated.
    recent: Recent,
    /// For each word, its occurrences on the current page.
    places: Vec<Places>,
    /// Words of the current page.
    met: Vec<usize>,
}

/// The first bytes of words, and the numbers of the words.
#[derive(Debug)]
struct Recent([(u128, usize); 1 << RECENT_BITS]);

const RECENT_BITS: u32 = 12;

impl Default for Recent {
    fn default() -> Recent {
        // The empty key can never match: every word has at least one byte.
        Recent([(0, 0); 1 << RECENT_BITS])
    }
}

/// How often a word occurs on a page, by field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Places {
    title: u32,
    headings: u32,
    text: u32,
}

/// The part of the page that a text belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Title,
    Heading,
    Text,
}

impl Count {
    /// Adds a page. Its texts come with their fields.
    pub fn add<'t>(&mut self, page: u32, texts: impl Iterator<Item = (Field, &'t str)>) {
        let (mut title_length, mut length) = (0, 0);
        for (field, text) in texts {
            each_token(text, |token| {
                let at = self.number(token);
                let places = &mut self.places[at];
                if *places == Places::default() {
                    self.met.push(at);
                }
                match field {
                    Field::Title => (places.title, title_length) = (places.title + 1, title_length + 1),
                    Field::Heading => places.headings += 1,
                    Field::Text => (places.text, length) = (places.text + 1, length + 1),
                }
            });
        }
        for at in self.met.drain(..) {
            let places = std::mem::take(&mut self.places[at]);
            self.words[at].push(page << IMPACT_BITS | impact(places, title_length, length));
        }
    }

    /// Returns the number of a word.
    fn number(&mut self, word: &str) -> usize {
        let key = Key::new(word);
        let slot = key.slot();
        let (head, number) = self.recent.0[slot];
        if head == key.head && key.rest.is_empty() {
            return number;
        }
        let number = self.words.get_index_of(&key).unwrap_or_else(|| {
            self.places.push(Places::default());
            self.words.insert_full(Key { head: key.head, rest: key.rest.into() }, Vec::new()).0
        });
        if key.rest.is_empty() {
            self.recent.0[slot] = (key.head, number);
        }
        number
    }

    /// The words with their postings, which are in the order of the pages.
    pub fn into_words(self) -> impl Iterator<Item = (Box<str>, Vec<Posting>)> {
        self.words.into_iter().map(|(key, postings)| (key.word(), postings))
    }
}

/// The rank of a page for a word: 30 and more if the title has it, and the more the shorter the title is; up to 13 for headings
/// and for text, where each repetition counts less.
fn impact(places: Places, title_length: u32, length: u32) -> u32 {
    let title = if places.title == 0 { 0 } else { 30 + 7 / title_length.max(1) };
    let headings = places.headings.min(1000);
    let headings = if headings == 0 { 0 } else { 4 + 9 * headings / (headings + 1) };
    // On a long page, one occurrence means less. A page of usual length has 400 words.
    let text = places.text.min(10_000) * 100;
    let text = if text == 0 { 0 } else { 1 + 12 * text / (text + 60 + 15 * length.min(10_000) / 100) };
    title + headings + text
}

/// A word for look-ups. Its first 16 bytes, which cover nearly every word, are compared as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key<Rest> {
    head: u128,
    rest: Rest,
}

const HEAD: usize = size_of::<u128>();

impl<'t> Key<&'t [u8]> {
    fn new(word: &'t str) -> Key<&'t [u8]> {
        let (head, rest) = word.as_bytes().split_at(word.len().min(HEAD));
        Key { head: as_number(head), rest }
    }

    /// Its possible slot among the recent words.
    fn slot(&self) -> usize {
        let mut mix = Mix::default();
        mix.write_u128(self.head);
        (mix.0 >> (u64::BITS - RECENT_BITS)) as usize
    }
}

/// Up to 16 bytes as a little-endian number. More than three are read as two halves that may overlap, because copying is slower.
fn as_number(bytes: &[u8]) -> u128 {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << (8 * (length - 8))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u128::from(u32::from_le_bytes(*first)) | u128::from(u32::from_le_bytes(*last)) << (8 * (length - 4))
    } else {
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

impl Key<Box<[u8]>> {
    fn word(&self) -> Box<str> {
        let head = self.head.to_le_bytes();
        // No word contains a zero byte, which is not alphanumeric.
        let head = head.split(|byte| *byte == 0).next().unwrap_or(&[]);
        String::from_utf8_lossy(&[head, &self.rest].concat()).into()
    }
}

impl Equivalent<Key<Box<[u8]>>> for Key<&[u8]> {
    fn equivalent(&self, other: &Key<Box<[u8]>>) -> bool {
        // Nearly every word consists only of its head: comparing an empty rest would cost a call.
        self.head == other.head && self.rest.len() == other.rest.len() && (self.rest.is_empty() || *self.rest == *other.rest)
    }
}

impl<Rest: AsRef<[u8]>> Hash for Key<Rest> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let rest = self.rest.as_ref();
        hasher.write_u128(self.head);
        if !rest.is_empty() {
            hasher.write(rest);
        }
    }
}

/// A fast hash that is the same in every run.
#[derive(Debug, Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        // The hash table uses the low bits for the slot and the high bits for a tag.
        self.0 ^ self.0 >> 29
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_worth_more_than_headings_and_text_together() {
        let places = |title, headings, text| Places { title, headings, text };
        let most = impact(places(0, u32::MAX, u32::MAX), 5, 1);
        let title = impact(places(1, 0, 0), 12, 400);
        assert!(most < title, "{most} {title}");
        assert!(impact(places(1, 0, 0), 2, 400) > title);
        assert!(impact(places(u32::MAX, u32::MAX, u32::MAX), 1, 1) < 1 << IMPACT_BITS);
        assert!(impact(places(0, 1, 0), 5, 400) > impact(places(0, 0, 1), 5, 400));
        assert!(impact(places(0, 0, 1), 5, 100) > impact(places(0, 0, 1), 5, 4000));
        assert!(impact(places(0, 0, 1), 5, u32::MAX) > 0);
    }

    #[test]
    fn words_have_the_pages_that_have_them() {
        let mut count = Count::default();
        count.add(0, [(Field::Title, "Alpha"), (Field::Text, "beta beta")].into_iter());
        count.add(1, [(Field::Title, "Gamma"), (Field::Text, "alpha")].into_iter());
        let words: Vec<_> =
            count.into_words().map(|(word, postings)| (word, postings.iter().map(|one| one >> IMPACT_BITS).collect::<Vec<_>>())).collect();
        assert_eq!(words, [("alpha".into(), vec![0, 1]), ("beta".into(), vec![0]), ("gamma".into(), vec![1])]);
    }

    #[test]
    fn words_of_any_length_come_back() {
        let long = [
            "a",
            "ab",
            "abc",
            "abcd",
            "abcdefg",
            "abcdefgh",
            "abcdefghijklmno",
            "abcdefghijklmnop",
            "abcdefghijklmnopq",
            "abcdefghijklmnoø",
            "abcdefghijklmnoøx",
            "ø",
        ];
        let mut count = Count::default();
        count.add(0, long.iter().map(|word| (Field::Text, *word)));
        let words: Vec<_> = count.into_words().map(|(word, _)| word).collect();
        assert_eq!(words.iter().map(|word| &**word).collect::<Vec<_>>(), long);
    }
}
