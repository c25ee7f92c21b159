//! The reference of diagnostics: a page of the manual, from which the list of codes and `explain` are taken.

use std::sync::LazyLock;

/// The reference as it stands in the manual: one `## code` a diagnostic.
const TEXT: &str = include_str!("../content/reference/diagnostics.md");

/// All codes, in the order of the reference.
pub fn codes() -> Vec<&'static str> {
    static CODES: LazyLock<Vec<&'static str>> =
        LazyLock::new(|| TEXT.lines().filter_map(|line| line.strip_prefix("## ")).map(str::trim).collect());
    CODES.clone()
}

/// What the reference says of a code.
pub fn explain(code: &str) -> Option<&'static str> {
    let start = TEXT.find(&format!("\n## {code}\n"))? + 1;
    let section = &TEXT[start..];
    let end = section[3..].find("\n## ").map_or(section.len(), |end| end + 3);
    Some(section[..end].trim())
}
