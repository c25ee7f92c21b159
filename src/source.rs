//! Files of the project: their paths, their texts, and places in them.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A range of bytes in a source text.
pub type Span = Range<usize>;

/// A file's or folder's path below the project's root: `/` between the parts, no `.`, no `..`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Arc<str>);

impl RelPath {
    /// Takes a path written with `/`; parts `.` and `..` are resolved. `None` if it leaves the root.
    pub fn new(text: &str) -> Option<RelPath> {
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        Some(RelPath(parts.join("/").into()))
    }

    /// A file as the command line names it, wherever it lies. Nothing is read by it: it is what diagnostics say.
    pub fn as_named(text: &str) -> RelPath {
        RelPath(text.into())
    }

    /// From the root of the repository that holds the project in a folder. A file elsewhere is as it was named.
    pub fn in_repository(&self, folder: &str) -> String {
        if self.0.starts_with(['/', '.']) { self.0.to_string() } else { format!("{folder}{self}") }
    }

    /// Takes a path of the file system that is relative to the root; names that are not UTF-8 give `None`.
    pub fn from_path(path: &Path) -> Option<RelPath> {
        let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
        RelPath::new(&parts?.join("/"))
    }

    /// Follows a link that is written in this file: relative to its folder, or to the root if `link` begins with `/`.
    pub fn join(&self, link: &str) -> Option<RelPath> {
        if link.starts_with('/') {
            return RelPath::new(link);
        }
        RelPath::new(&format!("{}/{link}", self.parent()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that holds it; `""` for the root.
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The last part.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The last part without its ending.
    pub fn stem(&self) -> &str {
        let name = self.name();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// The ending of the name, lower case, without the dot; `""` if there is none.
    pub fn ending(&self) -> String {
        self.name().rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase())
    }

    /// The path below `folder`, if it is below it.
    pub fn below(&self, folder: &str) -> Option<&str> {
        self.0.strip_prefix(folder)?.strip_prefix('/')
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// The name of the file that makes a folder a Runsheet project.
pub const FILE_NAME: &str = "runsheet.toml";

/// The path of that file, for diagnostics about it.
pub fn configuration() -> RelPath {
    RelPath::new(FILE_NAME).expect("the name is a plain path")
}

/// A text file of the project.
#[derive(Clone, Debug)]
pub struct Source {
    pub path: RelPath,
    pub text: Arc<str>,
}

impl Source {
    pub fn new(path: RelPath, text: impl Into<Arc<str>>) -> Source {
        Source { path, text: text.into() }
    }
}

/// Line and column, both from 1, of a byte in a text; the column counts characters.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(RelPath::new(text).map(|path| path.to_string()).as_deref(), expected, "{text}");
        };
        check("content/docs/a.md", Some("content/docs/a.md"));
        check("/content/./docs//a.md", Some("content/docs/a.md"));
        check("content/docs/../b.md", Some("content/b.md"));
        check("../secret", None);
        check("content/../../secret", None);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_column("a\nKöln x", 8), (2, 6));
        assert_eq!(line_column("a", 9), (1, 2));
    }
}
