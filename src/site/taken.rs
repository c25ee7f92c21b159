//! The addresses in use, so that no two files share one.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// The addresses of a site, compared as the least strict file system compares them.
#[derive(Debug, Default)]
pub struct Taken {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Taken {
    /// Reserves an address; `false` if a file has it already, or if it would be both a file and a folder.
    pub fn add(&mut self, route: &str) -> bool {
        let route = folded(route);
        let above = |route: &str| route.match_indices('/').map(|(at, _)| route[..at].to_owned()).collect::<Vec<_>>();
        let folders = above(&route);
        if self.folders.contains(&route) || folders.iter().any(|folder| self.files.contains(folder)) || self.files.contains(&route) {
            return false;
        }
        self.folders.extend(folders);
        self.files.insert(route)
    }
}

/// Normalises names that some file system considers equal: without case, in one Unicode form.
pub fn folded(route: &str) -> String {
    if route.is_ascii() {
        return route.to_ascii_lowercase();
    }
    route.nfc().collect::<String>().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_meet() {
        let check = |first: &str, second: &str, both: bool| {
            let mut taken = Taken::default();
            assert!(taken.add(first), "{first}");
            assert_eq!(taken.add(second), both, "{first} and {second}");
        };
        check("a.html", "b.html", true);
        check("x.html", "x/index.html", true);
        check("a/b.html", "a/c.html", true);
        check("a.html", "A.html", false);
        check("é.html", "e\u{301}.html", false);
        check("É.html", "e\u{301}.html", false);
        check("a.html", "a.html/index.html", false);
        check("a.html/index.html", "A.html", false);
    }
}
