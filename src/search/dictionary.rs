//! The dictionary of the search: all words in order, split into small files, and for each word the pages that contain it.

use std::cmp::Ordering;
use std::fmt::Write;

use rayon::prelude::*;

use super::count::{IMPACT_BITS, Posting};
use super::fragment::{script, string};

/// The approximate size in bytes of a file of words or of pages.
const SHARD: usize = 8_000;

/// The most pages kept for a word: the highest-ranked ones.
pub const MOST_PAGES: usize = 4096;

/// Digits of numbers.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A word and its postings, in several consecutive parts.
pub struct Entry<'w> {
    pub word: &'w str,
    pub postings: Vec<&'w [Posting]>,
}

/// The files of a dictionary, and the word with which each file of words begins.
#[derive(Debug, Default)]
pub struct Dictionary {
    pub files: Vec<(String, String)>,
    /// Words sorted from their beginning.
    pub firsts: Vec<String>,
    /// Words sorted from their end.
    pub lasts: Vec<String>,
}

/// Makes the files. The entries are in order.
pub fn dictionary(entries: &[Entry]) -> Dictionary {
    let pages: Vec<String> = entries.par_iter().map(pages).collect();
    let mut files = Vec::new();
    let mut firsts = Vec::new();
    let mut rest = entries.iter().zip(&pages).peekable();
    while let Some((first, _)) = rest.peek() {
        let number = firsts.len();
        firsts.push(first.word.to_owned());
        let (mut words, mut block, mut blocks, mut last) = (String::new(), String::new(), 0, "");
        while let Some((entry, pages)) = rest.next_if(|_| words.len() < SHARD) {
            if !words.is_empty() {
                words.push(' ');
            }
            front_code(last, entry.word, &mut words);
            last = entry.word;
            let count: usize = entry.postings.iter().map(|part| part.len()).sum();
            let _ = write!(words, ",{count}");
            block.push_str(pages);
            block.push(' ');
            if block.len() >= SHARD || words.len() >= SHARD || rest.peek().is_none() {
                // The next word's pages are in the next file.
                words.push('!');
                files.push(file(&format!("p/{number}-{blocks}"), block.trim_end()));
                block.clear();
                blocks += 1;
            }
        }
        files.push(file(&format!("w/{number}"), &words));
    }
    let lasts = ends(entries, &mut files);
    Dictionary { files, firsts, lasts }
}

/// The words sorted from their end, to find a word with a wrong beginning. Words with digits are left out: another number is another
/// thing.
fn ends(entries: &[Entry], files: &mut Vec<(String, String)>) -> Vec<String> {
    let is_spelled = |word: &str| !word.contains(char::is_numeric) && word.chars().nth(2).is_some();
    let spelled = entries.iter().map(|entry| entry.word).filter(|word| is_spelled(word));
    let mut reversed: Vec<String> = spelled.map(|word| word.chars().rev().collect()).collect();
    reversed.par_sort_unstable_by(|a, b| order(a, b));
    let mut lasts: Vec<String> = Vec::new();
    let mut rest = reversed.iter().peekable();
    while let Some(first) = rest.peek() {
        let name = format!("e/{}", lasts.len());
        lasts.push((*first).clone());
        let (mut words, mut last) = (String::new(), "");
        while let Some(word) = rest.next_if(|_| words.len() < SHARD) {
            if !words.is_empty() {
                words.push(' ');
            }
            front_code(last, word, &mut words);
            last = word;
        }
        files.push(file(&name, &words));
    }
    lasts
}

fn file(name: &str, content: &str) -> (String, String) {
    (name.to_owned(), script(name, |json| string(content, json)))
}

/// The order in which a browser compares words: by UTF-16.
pub fn order(a: &str, b: &str) -> Ordering {
    match a.bytes().zip(b.bytes()).find(|(a, b)| a != b) {
        None => a.len().cmp(&b.len()),
        // Up to U+DFFF it is the order of bytes. The first difference is at the start of a character, or after an equal start.
        Some((x, y)) if x.max(y) < 0xEE => x.cmp(&y),
        Some(_) => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

/// A word relative to the previous one: the length of the common beginning, as a letter, and the rest.
fn front_code(last: &str, word: &str, words: &mut String) {
    let (mut bytes, mut units) = (0, 0);
    for (a, b) in last.chars().zip(word.chars()) {
        if a != b || units + a.len_utf16() >= LETTERS.len() {
            break;
        }
        bytes += a.len_utf8();
        units += a.len_utf16();
    }
    words.push(char::from(LETTERS[units]));
    words.push_str(&word[bytes..]);
}

/// The pages of a word: the distance to each next page as a number, and a letter for the rank.
fn pages(entry: &Entry) -> String {
    let count: usize = entry.postings.iter().map(|part| part.len()).sum();
    let mut pages = String::with_capacity(3 * count.min(MOST_PAGES));
    let least = if count > MOST_PAGES { least(entry) } else { (0, usize::MAX) };
    let (level, mut at_level) = least;
    let mut last = 0;
    for posting in entry.postings.iter().copied().flatten() {
        let impact = posting & ((1 << IMPACT_BITS) - 1);
        if impact < level || impact == level && at_level == 0 {
            continue;
        }
        if impact == level {
            at_level -= 1;
        }
        let page = posting >> IMPACT_BITS;
        number(page - last, &mut pages);
        pages.push(char::from(LETTERS[impact as usize]));
        last = page;
    }
    pages
}

/// The lowest rank that is kept, and how many pages with exactly that rank.
fn least(entry: &Entry) -> (u32, usize) {
    let mut counts = [0; 1 << IMPACT_BITS];
    for posting in entry.postings.iter().copied().flatten() {
        counts[(posting & ((1 << IMPACT_BITS) - 1)) as usize] += 1;
    }
    let mut left = MOST_PAGES;
    for (level, count) in (0..1 << IMPACT_BITS).zip(counts).rev() {
        if count > left {
            return (level, left);
        }
        left -= count;
    }
    (0, usize::MAX)
}

/// A number in digits of five bits, the lowest first; a sixth bit says that another follows.
fn number(mut number: u32, text: &mut String) {
    loop {
        let digit = (number & 31) as usize;
        number >>= 5;
        text.push(char::from(LETTERS[if number > 0 { digit | 32 } else { digit }]));
        if number == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_share_their_beginnings() {
        let postings = [1 << IMPACT_BITS | 2, 40 << IMPACT_BITS | 63];
        let entry = |word| Entry { word, postings: vec![&postings[..1], &postings[1..]] };
        let dictionary = dictionary(&[entry("drain"), entry("drained"), entry("x1")]);
        let file = |name: &str| dictionary.files.iter().find(|(file, _)| file == name).map(|(_, text)| text.as_str());
        assert_eq!(file("w/0"), Some("runsheetSearch(\"w/0\",\"Adrain,2 Fed,2 Ax1,2!\")\n"));
        assert_eq!(file("p/0-0"), Some("runsheetSearch(\"p/0-0\",\"BCnB_ BCnB_ BCnB_\")\n"));
        assert_eq!(file("e/0"), Some("runsheetSearch(\"e/0\",\"Adeniard Aniard\")\n"));
        assert_eq!(
            (dictionary.files.len(), dictionary.firsts, dictionary.lasts),
            (3, vec!["drain".to_owned()], vec!["deniard".to_owned()])
        );
    }

    #[test]
    fn the_best_pages_are_kept() {
        let postings: Vec<Posting> = (0..6000).map(|page| (page << IMPACT_BITS) | (u32::from(page % 2 == 1) * 9 + 1)).collect();
        let kept = pages(&Entry { word: "x", postings: vec![&postings] });
        assert_eq!(kept.matches('K').count(), 3000, "all that are worth 10");
        assert_eq!(kept.matches('B').count() - kept[..4000].matches("BK").count(), kept.matches('B').count() - 1000);
        assert_eq!(kept.len(), 2 * MOST_PAGES);
    }

    #[test]
    fn the_order_is_that_of_a_browser() {
        let mut words = ["\u{FB4F}", "\u{20000}", "z", "\u{4E00}", "a"];
        words.sort_unstable_by(|a, b| order(a, b));
        assert_eq!(words, ["a", "z", "\u{4E00}", "\u{20000}", "\u{FB4F}"]);
        let parts = ["", "a", "ab", "é", "è", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{10000}", "\u{10FFFF}"];
        let words: Vec<String> = parts.iter().flat_map(|a| parts.map(|b| format!("{a}{b}"))).collect();
        for (a, b) in words.iter().flat_map(|a| words.iter().map(move |b| (a, b))) {
            assert_eq!(order(a, b), a.encode_utf16().cmp(b.encode_utf16()), "{a:?} {b:?}");
        }
    }
}
