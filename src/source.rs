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

    /// A file named on the command line, anywhere on the disk. Used only in diagnostics, never to read.
    pub fn as_named(text: &str) -> RelPath {
        RelPath(text.into())
    }

    /// The path from the root of the repository that contains the project. A file elsewhere keeps the path it was named by.
    pub fn in_repository(&self, folder: &str) -> String {
        if self.0.starts_with(['/', '.']) { self.0.to_string() } else { format!("{folder}{self}") }
    }

    /// Takes a path of the file system that is relative to the root; names that are not UTF-8 give `None`.
    pub fn from_path(path: &Path) -> Option<RelPath> {
        let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
        RelPath::new(&parts?.join("/"))
    }

    /// Follows a link written in this file: relative to its folder, or to the root if `link` begins with `/`.
    pub fn join(&self, link: &str) -> Option<RelPath> {
        if link.starts_with('/') {
            return RelPath::new(link);
        }
        RelPath::new(&format!("{}/{link}", self.parent()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that contains it; `""` for the root.
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

/// How many bytes of a text are between two marks of [`Lines`].
const STEP: usize = 1024;

/// Lines and columns of many places in one text. Counts are stored at marks, so that no place is counted from the beginning: a text
/// may have as many places as words, and all of them on one line.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    /// Line and column at each mark.
    marks: Vec<(usize, usize)>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Lines<'a> {
        let mut marks = vec![(1, 1)];
        for number in 0..text.len() / STEP {
            let part = boundary(text, number * STEP)..boundary(text, (number + 1) * STEP);
            marks.push(count(marks[number], &text[part]));
        }
        Lines { text, marks }
    }

    /// Line and column, both from 1, of a byte; the column counts characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = boundary(self.text, offset);
        let mark = offset / STEP;
        count(self.marks[mark], &self.text[boundary(self.text, mark * STEP)..offset])
    }
}

/// Line and column after a text that begins at a given line and column.
fn count((line, column): (usize, usize), passed: &str) -> (usize, usize) {
    let lines = memchr::memchr_iter(b'\n', passed.as_bytes()).count();
    match passed.rfind('\n') {
        Some(newline) => (line + lines, passed[newline + 1..].chars().count() + 1),
        None => (line, column + passed.chars().count()),
    }
}

/// The start of the character that contains a byte; the end of the text for a byte after it.
pub fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Line and column, both from 1, of a byte in a text; the column counts characters. For many places use [`Lines`].
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    count((1, 1), &text[..boundary(text, offset)])
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

    #[test]
    fn lines_are_those_that_are_counted_from_the_beginning() {
        for text in
            ["Köln x\n".repeat(700), "ä🎉".repeat(900), format!("{}\n{}", "x".repeat(STEP - 1), "y".repeat(3 * STEP)), String::new()]
        {
            let lines = Lines::new(&text);
            for offset in 0..text.len() + 2 {
                assert_eq!(lines.line_column(offset), line_column(&text, offset), "{offset} of {} bytes", text.len());
            }
        }
    }
}
