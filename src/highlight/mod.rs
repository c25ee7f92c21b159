//! Highlighting of code when the site is built: code in, HTML with one-letter classes out.
//!
//! A class says what a token is, not how it looks: `a` name of a key or attribute, `c` comment, `d` deleted, `f` function or
//! command, `i` inserted, `k` keyword, `n` number or constant, `o` output, `p` prompt, `s` string, `t` type or tag, `v`
//! variable. Each line is complete: no element continues on the next one.

mod console;
mod grammar;
mod language;
mod syntax;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

pub use language::{Language, help};
pub use syntax::Memo;
pub use token::{Token, Tokens};

/// Increase it when the same code would be split differently, so that cached tokens are no longer used.
pub const FORM: u32 = 3;

/// Code longer than this (bytes) is not highlighted.
const MOST_CODE: usize = 256 << 10;

/// The key of a block of code: part of the BLAKE3 hash of its language and its text.
pub type Key = [u8; 16];

/// A block of code and what it is written in.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    pub language: Language,
    pub text: String,
    pub key: Key,
}

impl Code {
    pub fn new(language: Language, text: String) -> Code {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&FORM.to_le_bytes()).update(language.name().as_bytes()).update(&[0]).update(text.as_bytes());
        let mut key = Key::default();
        hasher.finalize_xof().fill(&mut key);
        Code { language, text, key }
    }

    /// The code cut into tokens.
    pub fn tokens(&self, memo: &mut Memo) -> Tokens {
        if self.text.len() > MOST_CODE {
            return Tokens::plain(&self.text);
        }
        match self.language {
            Language::Syntax(index) => memo.tokens(index, &self.text),
            Language::Grammar(grammar) => grammar.tokens(&self.text),
            Language::Console => console::tokens(&self.text, memo),
        }
    }

    /// The code as HTML, from tokens made earlier. If they do not fit this code, they are made again.
    pub fn html(&self, known: Option<&Tokens>) -> String {
        let html = known.and_then(|tokens| tokens.html(&self.text));
        html.or_else(|| self.tokens(&mut Memo::default()).html(&self.text)).unwrap_or_default()
    }
}

/// Tokens of blocks, by key.
#[derive(Clone, Debug, Default)]
pub struct Highlights(pub BTreeMap<Key, Arc<Tokens>>);

impl Highlights {
    /// Tokens for a site's blocks: from `known`, or made now, in parallel. Blocks that the site does not use are left out.
    pub fn new<'c>(blocks: impl Iterator<Item = &'c Code>, known: &Highlights) -> Highlights {
        let mut kept = BTreeMap::new();
        let mut missing: BTreeMap<Key, &Code> = BTreeMap::new();
        for code in blocks {
            match known.0.get(&code.key) {
                Some(tokens) => drop(kept.insert(code.key, Arc::clone(tokens))),
                None => drop(missing.insert(code.key, code)),
            }
        }
        // Sorted by language, so that neighbours share what a memo has learnt.
        let mut missing: Vec<&Code> = missing.into_values().collect();
        missing.sort_by_key(|code| code.language.name());
        let made: Vec<(Key, Arc<Tokens>)> =
            missing.par_iter().with_min_len(64).map_init(Memo::default, |memo, code| (code.key, Arc::new(code.tokens(memo)))).collect();
        kept.extend(made);
        Highlights(kept)
    }
}
