//! The reference of diagnostics: pages of the manual, from which the list of codes and `explain` are taken.

use std::sync::LazyLock;

/// The reference as it stands in the manual, a page for each area: one `## code` a diagnostic.
const PAGES: [&str; 2] = [include_str!("../content/reference/diagnostics.md"), include_str!("../content/reference/diagnostics-notices.md")];

/// All codes, sorted.
pub fn codes() -> Vec<&'static str> {
    static CODES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let lines = PAGES.iter().flat_map(|page| page.lines());
        let mut codes: Vec<&str> = lines.filter_map(|line| line.strip_prefix("## ")).map(str::trim).collect();
        codes.sort_unstable();
        codes
    });
    CODES.clone()
}

/// What the reference says of a code.
pub fn explain(code: &str) -> Option<&'static str> {
    PAGES.iter().find_map(|page| section(page, code))
}

fn section(page: &'static str, code: &str) -> Option<&'static str> {
    let start = page.find(&format!("\n## {code}\n"))? + 1;
    let section = &page[start..];
    let end = section[3..].find("\n## ").map_or(section.len(), |end| end + 3);
    Some(section[..end].trim())
}
