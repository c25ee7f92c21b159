//! `fence`: code blocks that are never closed, or closed by a fence that was meant to open one.

use super::lines;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rule;
use crate::source::{Source, Span};

struct Open {
    mark: char,
    length: usize,
    indent: usize,
    span: Span,
    /// A fence with a language, inside a code block, where Markdown takes it for text.
    inner: Option<Span>,
}

pub fn check(source: &Source, diagnostics: &mut Diagnostics) {
    let mut open: Option<Open> = None;
    for (start, line) in lines(source) {
        let Some((mark, length, indent, info)) = fence(line) else { continue };
        let span = start..start + line.trim_end().len();
        match &mut open {
            None if mark == '`' && info.contains('`') => {}
            None => open = Some(Open { mark, length, indent, span, inner: None }),
            Some(outer) if outer.mark != mark || length < outer.length => {}
            Some(outer) if info.is_empty() => {
                if let Some(inner) = outer.inner.take().filter(|_| indent <= outer.indent + 3) {
                    let message = "this fence is as long as the one around it, so the outer code block ends too early";
                    let diagnostic = Diagnostic::new(rule::FENCE, message).at(&source.path, inner);
                    diagnostics.push(diagnostic.help("make the outer fence one character longer than the inner ones"));
                }
                open = None;
            }
            Some(outer) => {
                outer.inner.get_or_insert(span);
            }
        }
    }
    if let Some(open) = open {
        let diagnostic = Diagnostic::new(rule::FENCE, "this code block is never closed: the rest of the file is code");
        let close: String = std::iter::repeat_n(open.mark, open.length).collect();
        diagnostics.push(diagnostic.at(&source.path, open.span).help(format!("close it with a line {close}")));
    }
}

/// A fence of three or more backticks or tildes: mark, length, indent, info string.
fn fence(line: &str) -> Option<(char, usize, usize, &str)> {
    let indent = line.len() - line.trim_start_matches([' ', '\t', '>']).len();
    let rest = &line[indent..];
    let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = rest.chars().take_while(|c| *c == mark).count();
    (length >= 3).then(|| (mark, length, indent, rest[length..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::RelPath;

    fn check_text(text: &str, expected: usize) {
        let mut diagnostics = Diagnostics::default();
        check(&Source::new(RelPath::new("a.md").unwrap(), text), &mut diagnostics);
        assert_eq!(diagnostics.iter().count(), expected, "{text}");
    }

    #[test]
    fn fences_are_balanced() {
        check_text("```bash\nls\n```\n", 0);
        check_text("````markdown\n```bash\nls\n```\n````\n", 0);
        check_text("```bash\nls\n", 1);
        check_text("```markdown\n```bash\nls\n```\ntext\n```\n", 2);
        check_text("- item\n  ```bash\n  ls\n  ```\n", 0);
        check_text("~~~\n```\n~~~\n", 0);
    }
}
