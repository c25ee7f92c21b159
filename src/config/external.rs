//! `[check.external]`: how links to other sites are tried.

use jiff::SignedDuration;

use super::duration;
use crate::data::Reader;

/// How `runsheet check --external` queries other sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Addresses that are not checked; `*` stands for any letters.
    pub ignore: Vec<String>,
    /// How long one request may take.
    pub timeout: SignedDuration,
    /// How often an address is retried after a temporary fault.
    pub retries: u32,
    /// How many hosts are queried at once.
    pub at_once: usize,
    /// How long a good answer stays valid.
    pub cache: SignedDuration,
    /// Whether addresses of this machine and of private networks are checked.
    pub allow_private: bool,
}

impl Default for External {
    fn default() -> External {
        External {
            ignore: Vec::new(),
            timeout: SignedDuration::from_secs(20),
            retries: 2,
            at_once: 8,
            cache: SignedDuration::from_hours(7 * 24),
            allow_private: false,
        }
    }
}

/// Reads the table.
pub fn read(reader: &mut Reader) -> External {
    let default = External::default();
    let mut ignore = Vec::new();
    for pattern in reader.texts("ignore") {
        let begins = ["http://", "https://", "*"].iter().any(|start| pattern.value.starts_with(start));
        if begins {
            ignore.push(pattern.value);
            continue;
        }
        let help = format!("use a whole address, with `*` for any characters: `https://{}/*`", pattern.value.trim_end_matches(['/', '*']));
        reader.reject(&pattern.span, format!("`{}` can never match an address", pattern.value), Some(help));
    }
    External {
        ignore,
        timeout: reader.parsed("timeout", positive).unwrap_or(default.timeout),
        retries: reader.count("retries", 0..=5).and_then(|count| u32::try_from(count).ok()).unwrap_or(default.retries),
        at_once: reader.count("at_once", 1..=32).and_then(|count| usize::try_from(count).ok()).unwrap_or(default.at_once),
        cache: reader.parsed("cache", duration).unwrap_or(default.cache),
        allow_private: reader.bool("allow_private").unwrap_or(default.allow_private),
    }
}

fn positive(text: &str) -> super::Parsed<SignedDuration> {
    match duration(text)? {
        length if length.is_positive() => Ok(length),
        _ => Err((format!("invalid timeout `{text}`: use more than 0 s"), None)),
    }
}
