//! How often each word stands where: what a page is worth for a word.

use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexMap;

use super::token::each_token;

/// A page that has a word, and what it is worth for it: `page << 6 | impact`. They are many, so they are small.
pub type Posting = u32;

/// The bits of a posting that say what it is worth.
pub const IMPACT_BITS: u32 = 6;

/// The words of some pages, in the order in which they were met, each with its postings.
#[derive(Debug, Default)]
pub struct Count {
    words: IndexMap<Box<str>, Word, BuildHasherDefault<Mix>>,
    /// Words of the page at hand.
    met: Vec<usize>,
}

#[derive(Debug, Default)]
struct Word {
    postings: Vec<Posting>,
    /// The places in the page at hand.
    places: Places,
}

/// How often a word stands in a page.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Places {
    title: u32,
    headings: u32,
    text: u32,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Title,
    Heading,
    Text,
}

impl Count {
    /// Takes a page. Its texts are given with their fields.
    pub fn add<'t>(&mut self, page: u32, texts: impl Iterator<Item = (Field, &'t str)>) {
        let (mut title_length, mut length) = (0, 0);
        for (field, text) in texts {
            each_token(text, |token| {
                let at = self.words.get_index_of(token).unwrap_or_else(|| self.words.insert_full(token.into(), Word::default()).0);
                let places = &mut self.words[at].places;
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
            let word = &mut self.words[at];
            let places = std::mem::take(&mut word.places);
            word.postings.push(page << IMPACT_BITS | impact(places, title_length, length));
        }
    }

    /// The words with their postings, which are in the order of the pages.
    pub fn into_words(self) -> impl Iterator<Item = (Box<str>, Vec<Posting>)> {
        self.words.into_iter().map(|(text, word)| (text, word.postings))
    }
}

/// What a page is worth for a word: 30 and more if the title has it, and the more the shorter the title is; up to 13 for headings
/// and for text, where each further time counts less.
fn impact(places: Places, title_length: u32, length: u32) -> u32 {
    let title = if places.title == 0 { 0 } else { 30 + 7 / title_length.max(1) };
    let headings = places.headings.min(1000);
    let headings = if headings == 0 { 0 } else { 4 + 9 * headings / (headings + 1) };
    // Of a long page a word says less. 400 words are a page of usual length.
    let text = places.text.min(10_000) * 100;
    let text = if text == 0 { 0 } else { 1 + 12 * text / (text + 60 + 15 * length.min(10_000) / 100) };
    title + headings + text
}

/// A hash that is quick, and the same in every run.
#[derive(Debug, Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        self.write_u64(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    }

    fn finish(&self) -> u64 {
        // The table takes its place from the low bits and a mark from the high ones.
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
}
