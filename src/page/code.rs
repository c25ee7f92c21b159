//! Blocks of code: their language, a title, marked lines.

use std::ops::RangeInclusive;

use pulldown_cmark::CodeBlockKind;

use super::blank;
use super::html::{Dialect, Hole, Writer};
use super::markdown::plain_text;
use crate::diagnostic::{Diagnostic, suggest};
use crate::highlight::{self, Code, Language};

/// A block of code that is highlighted when the site is made.
#[derive(Clone, Debug)]
pub struct Block {
    pub code: Code,
    /// Lines to be marked, from 1.
    pub marked: Vec<RangeInclusive<usize>>,
}

/// What stands behind the fence: ` ```yaml title="compose.yaml" {2,4-6} `.
#[derive(Debug, Default, PartialEq)]
struct Info {
    language: Option<String>,
    title: Option<String>,
    marked: Vec<RangeInclusive<usize>>,
}

impl Writer<'_, '_, '_> {
    pub(super) fn code_block(&mut self, kind: &CodeBlockKind) {
        let start = self.at;
        let end = self.end_of(start);
        let code = blank::restore(&plain_text(&self.events[start + 1..end]));
        let span = self.span(start);
        self.finds.code.push(span);
        self.at = end + 1;
        if self.context.dialect == Dialect::Mail {
            self.push("<pre><code>");
            self.push_text(&super::tags::in_code(&code));
            self.push("</code></pre>\n");
            return;
        }
        let info = match kind {
            CodeBlockKind::Fenced(info) => Info::read(info),
            CodeBlockKind::Indented => Info::default(),
        };
        let language = info.language.as_deref().and_then(|name| self.language(name, start));
        self.open_block(&info);
        match language {
            // What a reader fills in stands in the code: its colours would hide it.
            _ if self.is_run_sheet() && self.holds_value(&code) => self.code_text(&code),
            Some(language) => {
                self.finds.blocks.push(Block { code: Code::new(language, code), marked: info.marked });
                self.hole(Hole::Code(self.finds.blocks.len() - 1));
            }
            None => {
                let mut html = String::new();
                super::html::escape(&code, &mut html);
                mark_lines(&html, &info.marked, &mut self.body.html);
            }
        }
        self.push(if info.title.is_some() { "</code></pre></figure>\n" } else { "</code></pre></div>\n" });
        self.command_found();
    }

    fn open_block(&mut self, info: &Info) {
        self.push(if info.title.is_some() { "<figure class=\"code\"" } else { "<div class=\"code\"" });
        if let Some(language) = &info.language {
            self.push(" data-language=\"");
            self.push_text(language);
            self.push("\"");
        }
        self.push(">");
        if let Some(title) = &info.title {
            self.push("<figcaption>");
            self.push_text(title);
            self.push("</figcaption>");
        }
        self.push("<pre tabindex=\"0\"><code");
        if let Some(language) = &info.language {
            self.push(" class=\"language-");
            self.push_text(language);
            self.push("\"");
        }
        self.push(">");
    }

    fn language(&mut self, name: &str, at: usize) -> Option<Language> {
        match Language::find(name) {
            Ok(language) => Some(language),
            Err(is_plain) => {
                if !is_plain {
                    let diagnostic =
                        Diagnostic::warning("unknown-language", format!("the language `{name}` is not known: its code has no colours"));
                    let help = suggest(name, highlight::names()).unwrap_or_else(|| "`text` is for what is no code".to_owned());
                    self.report(diagnostic.help(help), at);
                }
                None
            }
        }
    }
}

impl Block {
    /// Writes the code with its marked lines, given its colours or plain text as HTML.
    pub fn write(&self, highlighted: &str, html: &mut String) {
        mark_lines(highlighted, &self.marked, html);
    }
}

/// Writes lines of HTML, each whole in itself, with some of them marked.
fn mark_lines(lines: &str, marked: &[RangeInclusive<usize>], html: &mut String) {
    if marked.is_empty() {
        return html.push_str(lines);
    }
    for (index, line) in lines.split_inclusive('\n').enumerate() {
        if !marked.iter().any(|range| range.contains(&(index + 1))) {
            html.push_str(line);
            continue;
        }
        let words = line.trim_end_matches('\n');
        html.push_str("<mark>");
        html.push_str(words);
        html.push_str("</mark>");
        html.push_str(&line[words.len()..]);
    }
}

impl Info {
    fn read(info: &str) -> Info {
        let mut read = Info::default();
        let word_end = info.find([' ', '\t', ',', '{']).unwrap_or(info.len());
        let word: String =
            info[..word_end].chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.')).collect();
        read.language = (!word.is_empty()).then(|| word.to_ascii_lowercase());
        let rest = &info[word_end..];
        if let Some(title) = rest.split_once("title=\"").and_then(|(_, after)| after.split_once('"')) {
            read.title = Some(title.0.trim().to_owned()).filter(|title| !title.is_empty());
        }
        let without_title = rest.split('"').step_by(2).collect::<String>();
        if let Some((lines, _)) = without_title.split_once('{').and_then(|(_, after)| after.split_once('}')) {
            read.marked = lines.split(',').filter_map(range).collect();
        }
        read
    }
}

/// `3` or `4-6`.
fn range(text: &str) -> Option<RangeInclusive<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_behind_a_fence_are_read() {
        let check = |info: &str, language: Option<&str>, title: Option<&str>, marked: &[RangeInclusive<usize>]| {
            let expected = Info { language: language.map(str::to_owned), title: title.map(str::to_owned), marked: marked.to_vec() };
            assert_eq!(Info::read(info), expected, "{info}");
        };
        check("", None, None, &[]);
        check("Bash", Some("bash"), None, &[]);
        check("yaml title=\"a {1} b.yaml\" {2,4-6}", Some("yaml"), Some("a {1} b.yaml"), &[2..=2, 4..=6]);
        check("c++{1}", Some("c++"), None, &[1..=1]);
        check("js {x,-,2-}", Some("js"), None, &[]);
        check("\"><script>", Some("script"), None, &[]);
        check("sh title=\"", Some("sh"), None, &[]);
    }

    #[test]
    fn lines_are_marked_whole() {
        let mut html = String::new();
        mark_lines("a\nb\nc", &[2..=3], &mut html);
        assert_eq!(html, "a\n<mark>b</mark>\n<mark>c</mark>");
    }
}
