//! The search index: small files beside the site, of which a browser loads the few that a query needs.
//!
//! | File | Content |
//! | --- | --- |
//! | `w/N` | A part of all words in order, each with the number of its pages |
//! | `p/N-M` | The pages of some of these words |
//! | `e/N` | A part of all words sorted from their end, for misspelt words |
//! | `d/M/N` | The text of page N: for its excerpt, and to know the heading to jump to |
//!
//! Each is a script that passes JSON to the page, because a page opened from disk can read no other file.

mod count;
mod dictionary;
mod fragment;
mod passage;
mod token;

use blake3::{Hash, Hasher};
use rayon::prelude::*;

use crate::render;
use crate::site::{Route, Site, SitePage, Target};
use count::{Count, Field, Posting};
use dictionary::{Dictionary, Entry};
use passage::Passage;

pub use token::{each_token, tokens};

/// Fragments are in folders of this many, as a number of bits: threads that write into one folder wait for each other.
const FOLDER_BITS: usize = 8;

/// An index that has been written.
pub struct Index {
    /// The name of the folder below `search/` for its files: part of the hash of them all.
    pub folder: String,
    /// The content of [`crate::site::SEARCH_MANIFEST`].
    pub manifest: Vec<u8>,
}

/// Makes the index of a site. Each file is handed over with its name as soon as it is made; none is kept.
pub fn index<E: Send>(site: &Site, write: impl Fn(&str, &[u8]) -> Result<(), E> + Sync) -> Result<Index, E> {
    let shown: Vec<(&Route, &Target)> =
        site.routes.iter().filter(|(_, target)| matches!(target, Target::Page(_) | Target::Section(_))).collect();
    let write = |name: &str, content: &str| write(&format!("{name}.js"), content.as_bytes()).map(|()| blake3::hash(content.as_bytes()));
    // With only one part per thread, one thread would keep the others waiting.
    let length = shown.len().div_ceil(4 * rayon::current_num_threads()).max(1);
    let parts: Vec<(Words, Vec<Hash>)> =
        shown.par_chunks(length).enumerate().map(|(number, part)| read(site, number * length, part, &write)).collect::<Result<_, E>>()?;
    let dictionary = dictionary::dictionary(&merge(&parts));
    let hashes: Vec<Hash> = dictionary.files.par_iter().map(|(name, content)| write(name, content)).collect::<Result<_, E>>()?;
    let mut hasher = Hasher::new();
    for hash in parts.iter().flat_map(|(_, hashes)| hashes).chain(&hashes) {
        hasher.update(hash.as_bytes());
    }
    let folder = hasher.finalize().to_hex()[..16].to_owned();
    Ok(Index { manifest: manifest(&folder, shown.len(), &dictionary), folder })
}

/// Words in order, with their pages.
type Words = Vec<(Box<str>, Vec<Posting>)>;

/// Counts the words of some pages, the first of which has the number `first`, and writes their fragments.
fn read<E>(
    site: &Site,
    first: usize,
    pages: &[(&Route, &Target)],
    write: &impl Fn(&str, &str) -> Result<Hash, E>,
) -> Result<(Words, Vec<Hash>), E> {
    let mut count = Count::default();
    let mut hashes = Vec::with_capacity(pages.len());
    for (number, (route, target)) in (first..).zip(pages) {
        let (title, passages) = match target {
            Target::Page(at) => text_of(site, &site.pages[*at]),
            Target::Section(at) => (site.sections[*at].title.as_str(), vec![Passage::default()]),
            _ => continue,
        };
        let texts = passages.iter().flat_map(|passage| [(Field::Heading, passage.heading.as_str()), (Field::Text, &passage.text)]);
        count.add(u32::try_from(number).unwrap_or(u32::MAX), std::iter::once((Field::Title, title)).chain(texts));
        let above: Vec<String> = site.breadcrumbs(route, site.languages.site()).into_iter().skip(1).map(|crumb| crumb.title).collect();
        let name = format!("d/{}/{number}", number >> FOLDER_BITS);
        hashes.push(write(&name, &fragment::fragment(&name, title, route, &above, &passages))?);
    }
    let mut words: Words = count.into_words().collect();
    words.sort_unstable_by(|a, b| dictionary::order(&a.0, &b.0));
    Ok((words, hashes))
}

fn text_of<'s>(site: &Site, page: &'s SitePage) -> (&'s str, Vec<Passage>) {
    (&page.page.title, passage::passages(&render::body::colourless(site, page)))
}

/// Merges the words of all parts. Pages stay in order, as the parts are.
fn merge(parts: &[(Words, Vec<Hash>)]) -> Vec<Entry<'_>> {
    let mut all: Vec<(&str, usize, &[Posting])> = Vec::new();
    for (number, (words, _)) in parts.iter().enumerate() {
        all.extend(words.iter().map(|(word, postings)| (&**word, number, postings.as_slice())));
    }
    // The parts are already sorted, which this sort detects.
    all.par_sort_by(|a, b| dictionary::order(a.0, b.0).then(a.1.cmp(&b.1)));
    let same = all.chunk_by(|a, b| a.0 == b.0);
    same.map(|same| Entry { word: same[0].0, postings: same.iter().map(|one| one.2).collect() }).collect()
}

fn manifest(folder: &str, pages: usize, dictionary: &Dictionary) -> Vec<u8> {
    let file = fragment::script("index", |json| {
        json.push_str(&format!("[\"{folder}\",{pages},"));
        fragment::string(&dictionary.firsts.join(" "), json);
        json.push(',');
        fragment::string(&dictionary.lasts.join(" "), json);
        json.push(']');
    });
    file.into_bytes()
}
