//! Definitions of links, as in `[name]: https://…`, and references to names that nobody defined.

use pulldown_cmark::{BrokenLink, CowStr, LinkType, RefDefs};

use super::blank;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::source::{RelPath, Span};

/// References without a definition: Markdown shows them as the text that they are.
#[derive(Debug, Default)]
pub struct Undefined {
    found: Vec<(String, Span)>,
    /// Names that the text defines.
    pub defined: Vec<String>,
}

/// The names that a text defines, in order. Only a text that could refer to one by two pairs of brackets needs them.
pub fn names(text: &str, definitions: &RefDefs) -> Vec<String> {
    if !text.contains("][") {
        return Vec::new();
    }
    let mut names: Vec<String> = definitions.iter().map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

impl Undefined {
    /// Keeps `[a][b]` and `[b][]`; a lone `[b]` is ordinary text. It never makes a link.
    pub fn note<'t>(&mut self, link: &BrokenLink) -> Option<(CowStr<'t>, CowStr<'t>)> {
        if matches!(link.link_type, LinkType::Reference | LinkType::Collapsed) {
            self.found.push((blank::restore(&link.reference), link.span.clone()));
        }
        None
    }

    /// Reports each; `offset` is where the text begins in its file.
    pub fn report(&self, path: &RelPath, offset: usize, diagnostics: &mut Diagnostics) {
        for (name, span) in &self.found {
            let help = match nearest(name, self.defined.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("define it by a line such as `[{name}]: page.md`, or put the brackets into `code`"),
            };
            let diagnostic = Diagnostic::warning("broken-reference", format!("`[{name}]` is not defined on this page: this is no link"));
            diagnostics.push(diagnostic.at(path, span.start + offset..span.end + offset).help(help));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::markdown;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let mut diagnostics = Diagnostics::default();
        let path = RelPath::new("page.md").unwrap();
        markdown::read(text, &path, 0, &mut diagnostics);
        let found: Vec<(&str, String)> = diagnostics
            .iter()
            .map(|diagnostic| {
                let crate::diagnostic::Place::Span(span) = &diagnostic.place else { panic!("no place") };
                (&text[span.clone()], diagnostic.help.clone().unwrap_or_default())
            })
            .collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(place, help)| (*place, &**help)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn two_pairs_of_brackets_must_be_defined() {
        let near = "did you mean `the plan`?";
        check("a [text][the plna] b\n\n[the plan]: plan.md\n", &[("[text][the plna]", near)]);
        check("[The  Plan][] [x][THE PLAN]\n\n[the plan]: plan.md\n", &[]);
        check("[the plna][]\n\n[the plan]: plan.md\n", &[("[the plna]", near)]);
        let define = "define it by a line such as `[b]: page.md`, or put the brackets into `code`";
        check("> - see *[a][b]*\n", &[("[a][b]", define)]);
        check("![a][b]", &[("![a][b]", define)]);
    }

    #[test]
    fn ordinary_brackets_are_ordinary_text() {
        for text in [
            "[DATE/TIME]",
            "- [ ] [ ] both",
            "`[a][b]`",
            "    [a][b]\n",
            "[a] [b]",
            "\\[a][b]\\",
            "[^1][^2]",
            "[a](b.md)[]",
            "<!-- [a][b] -->",
        ] {
            check(text, &[]);
        }
    }
}
