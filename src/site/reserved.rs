//! Addresses that Runsheet reserves: no page may take one, even before it is used.

use super::taken::folded;

/// A reserved page address, or a folder with a trailing `/`, and what it is reserved for. Sorted.
const RESERVED: [(&str, &str); 5] = [
    ("_runsheet/", "shared runs"),
    ("assets/", "styles, scripts and icons"),
    ("live.html", "the live view of a run"),
    ("search/", "the search index"),
    ("status/", "the service status and its badge"),
];

/// The reserved address that a page at `route` would take, and its purpose. Case is ignored.
pub fn kept_for(route: &str) -> Option<(&'static str, &'static str)> {
    let route = folded(route);
    let takes = |address: &str| route == address || address.ends_with('/') && route.starts_with(address);
    RESERVED.into_iter().find(|(address, _)| takes(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_at_and_below_these_addresses_take_them() {
        let check = |route: &str, expected: Option<&str>| assert_eq!(kept_for(route).map(|(address, _)| address), expected, "{route}");
        check("live.html", Some("live.html"));
        check("LIVE.html", Some("live.html"));
        check("status/index.html", Some("status/"));
        check("search/a/b.html", Some("search/"));
        check("_runsheet/x.html", Some("_runsheet/"));
        check("status.html", None);
        check("live/index.html", None);
        check("guide/status/index.html", None);
        check("assets.html", None);
        assert!(RESERVED.is_sorted());
    }

    /// The manual has the same list.
    #[test]
    fn the_manual_lists_them() {
        let manual = include_str!("../../content/guide/publishing.md");
        for (address, what) in RESERVED {
            assert!(manual.contains(&format!("| `{address}` | {}", capital(what))), "{address} is not in publishing.md");
        }
    }

    fn capital(text: &str) -> String {
        let mut letters = text.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    }
}
