//! Blocks of code: their language, a title, marked lines.

use std::ops::RangeInclusive;

use pulldown_cmark::CodeBlockKind;

use super::body::Hole;
use super::html::{Dialect, Writer};
use super::markdown::plain_text;
use super::{blank, tags};
use crate::diagnostic::Diagnostic;
use crate::highlight::{self, Code, Language};
use crate::rule;
use crate::text::counted;

/// A block of code that is highlighted when the site is built.
#[derive(Clone, Debug)]
pub struct Block {
    pub code: Code,
    /// Lines to highlight, from 1.
    pub marked: Vec<RangeInclusive<usize>>,
}

/// The words after the fence: ` ```yaml title="compose.yaml" {2,4-6} `.
#[derive(Debug, Default, PartialEq)]
struct Info {
    language: Option<String>,
    title: Option<String>,
    marked: Vec<RangeInclusive<usize>>,
    /// Words without a meaning here.
    strange: Vec<String>,
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
            self.push_text(&tags::in_code(&code));
            self.push("</code></pre>\n");
            return;
        }
        let info = match kind {
            CodeBlockKind::Fenced(info) => Info::read(&blank::restore(info)),
            CodeBlockKind::Indented => Info::default(),
        };
        self.report_info(&info, code.lines().count(), start);
        let language = info.language.as_deref().and_then(|name| self.language(name, start));
        self.open_block(&info);
        match language {
            // Readers fill in values in this code, and colours would hide them.
            _ if self.is_run_sheet() && self.holds_value(&code) => self.code_text(&code),
            Some(language) => {
                self.finds.blocks.push(Block { code: Code::new(language, code), marked: info.marked });
                self.hole(Hole::Code(self.finds.blocks.len() - 1));
            }
            None => {
                let mut html = String::new();
                crate::text::html::escape(&code, &mut html);
                mark_lines(&html, &info.marked, &mut self.body.html);
            }
        }
        self.push(if info.title.is_some() { "</code></pre></figure>\n" } else { "</code></pre></div>\n" });
        self.command_found();
    }

    /// Reports words after the fence that have no effect.
    fn report_info(&mut self, info: &Info, lines: usize, at: usize) {
        let words: Vec<&str> = info.strange.iter().map(|words| if tags::holds_mark(words) { "a tag" } else { words }).collect();
        let strange = match &words[..] {
            [] => None,
            [one] => Some(format!("`{one}` after the fence has no effect")),
            [first, more @ ..] => Some(format!("`{first}` and {} more after the fence have no effect", more.len())),
        };
        let beyond = info.marked.iter().find(|range| range.is_empty() || *range.start() == 0 || *range.end() > lines);
        let has = counted(lines, "line", "lines");
        let beyond = beyond.map(|range| match (range.start(), range.end()) {
            (first, last) if first == last => format!("can't highlight line {first}: the code has {has}"),
            (first, last) => format!("can't highlight lines {first} to {last}: the code has {has}"),
        });
        for message in strange.into_iter().chain(beyond) {
            let help = "after a fence, write only the language, `title=\"…\"` and the lines to highlight, such as `{2,4-6}`";
            self.report(Diagnostic::new(rule::FENCE_WORDS, message).help(help), at);
        }
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
                        Diagnostic::new(rule::UNKNOWN_LANGUAGE, format!("unknown language `{name}`: the code is shown without colours"));
                    self.report(diagnostic.help(highlight::help(name)), at);
                }
                None
            }
        }
    }
}

impl Block {
    /// Writes the code with its marked lines, either highlighted or as plain text in HTML.
    pub fn write(&self, highlighted: &str, html: &mut String) {
        mark_lines(highlighted, &self.marked, html);
    }
}

/// Writes lines of HTML, each complete in itself, with some of them marked.
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
        let first_end = info.find([' ', '\t', ',', '{']).unwrap_or(info.len());
        // A title may come without a language.
        let word_end = if info[..first_end].contains('=') { 0 } else { first_end };
        let word: String =
            info[..word_end].chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.')).collect();
        read.language = (!word.is_empty()).then(|| word.to_ascii_lowercase());
        // Words that follow the language after a comma are for other tools.
        let rest = &info[word_end..];
        let hanging = rest.strip_prefix(',').map_or(0, |words| 1 + words.find([' ', '\t', '{']).unwrap_or(words.len()));
        let mut rest = rest[hanging..].trim_start();
        while !rest.is_empty() {
            let end = read.part(rest).unwrap_or_else(|| {
                let end = rest.find([' ', '\t']).unwrap_or(rest.len());
                read.strange.push(rest[..end].to_owned());
                end
            });
            rest = rest[end..].trim_start();
        }
        read
    }

    /// Takes a title or lines from the front of the words, and returns where they end; `None` if there is neither.
    fn part(&mut self, words: &str) -> Option<usize> {
        if let Some(title) = words.strip_prefix("title=\"").filter(|_| self.title.is_none()) {
            let (title, _) = title.split_once('"')?;
            self.title = Some(title.trim().to_owned()).filter(|title| !title.is_empty());
            return Some("title=\"\"".len() + title.len());
        }
        let (lines, _) = words.strip_prefix('{')?.split_once('}')?;
        self.marked.extend(lines.split(',').map(range).collect::<Option<Vec<_>>>()?);
        Some(lines.len() + 2)
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
            let found = Info::read(info);
            let parts = (found.language.as_deref(), found.title.as_deref(), &found.marked[..]);
            assert_eq!(parts, (language, title, marked), "{info}");
        };
        check("", None, None, &[]);
        check("Bash", Some("bash"), None, &[]);
        check("yaml title=\"a {1} b.yaml\" {2,4-6}", Some("yaml"), Some("a {1} b.yaml"), &[2..=2, 4..=6]);
        check("c++{1}", Some("c++"), None, &[1..=1]);
        check("js {x,-,2-}", Some("js"), None, &[]);
        check("\"><script>", Some("script"), None, &[]);
        check("sh title=\"", Some("sh"), None, &[]);
        check("rust,ignore title=\"x\"{2}", Some("rust"), Some("x"), &[2..=2]);
        check("title=\"x y\" {1} {3}", None, Some("x y"), &[1..=1, 3..=3]);
    }

    #[test]
    fn words_without_a_meaning_are_told() {
        let check = |info: &str, strange: &[&str]| assert_eq!(Info::read(info).strange, strange, "{info}");
        check("yaml title=\"a b\" {1}", &[]);
        check("rust,ignore,no_run", &[]);
        check("yaml title=foo", &["title=foo"]);
        check("yaml titel=\"x\" {1}", &["titel=\"x\""]);
        check("yaml {x} {2-}", &["{x}", "{2-}"]);
        check("{.yaml #id}", &["{.yaml", "#id}"]);
        check("title=\"a\" title=\"b\"", &["title=\"b\""]);
    }

    #[test]
    fn lines_are_marked_whole() {
        let mut html = String::new();
        mark_lines("a\nb\nc", &[2..=3], &mut html);
        assert_eq!(html, "a\n<mark>b</mark>\n<mark>c</mark>");
    }
}
