//! Checks the variables of a notice against the available ones, before anything is rendered.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::page::tags::{Kind, Tag};
use crate::rule;
use crate::source::{RelPath, Span};
use crate::text::{MOST_KNOWN, slip, suggest};

/// The names that a notice may use: each root with its members. `None` lets any member pass.
pub type Scope = BTreeMap<String, Option<BTreeSet<String>>>;

/// Functions and tests that templates may call.
const FUNCTIONS: [&str; 4] = ["event.at", "event_at", "range", "throw"];
const KEYWORDS: [&str; 24] = [
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "in",
    "endfor",
    "set",
    "set_global",
    "endset",
    "and",
    "or",
    "not",
    "is",
    "true",
    "false",
    "none",
    "loop",
    "raw",
    "endraw",
    "filter",
    "endfilter",
    "break",
    "continue",
];

/// A variable in a tag.
#[derive(Debug, PartialEq)]
struct Use {
    path: Vec<String>,
    span: Span,
    /// Followed by `| default` or `is defined`: it may be missing.
    optional: bool,
    /// Followed by brackets that contain more than a name.
    is_indexed: bool,
}

/// Reports every variable in the tags that is not in scope, and times without a form.
pub fn check(tags: &[&Tag], scope: &Scope, path: &RelPath, diagnostics: &mut Diagnostics) {
    let mut locals: BTreeSet<String> = BTreeSet::from(["loop".to_owned()]);
    let mut is_raw = false;
    for tag in tags.iter().filter(|tag| tag.kind != Kind::Comment) {
        match tag.inner() {
            "raw" if tag.kind == Kind::Statement => is_raw = true,
            "endraw" if tag.kind == Kind::Statement => is_raw = false,
            _ => {}
        }
        if is_raw {
            continue;
        }
        let tokens = tokens(tag);
        collect_locals(&tokens, &mut locals);
        for used in uses(&tokens) {
            let span = used.span.start + tag.span.start..used.span.end + tag.span.start;
            if locals.contains(&used.path[0]) {
                continue;
            }
            if let Some((message, help)) = unknown(&used, scope) {
                let diagnostic = match used.optional {
                    true => Diagnostic::new(rule::VARIABLE_TYPO, message),
                    false => Diagnostic::new(rule::UNDEFINED_VARIABLE, message),
                };
                diagnostics.push(diagnostic.at(path, span).maybe_help(help));
                continue;
            }
            if used.path.len() == 1
                && (tag.kind == Kind::Expression || used.is_indexed)
                && scope.get(&used.path[0]).is_some_and(|members| !members.as_ref().is_some_and(BTreeSet::is_empty))
            {
                let root = &used.path[0];
                let diagnostic = Diagnostic::new(rule::UNDEFINED_VARIABLE, format!("`{root}` is a group of values, not a value"));
                diagnostics.push(diagnostic.at(path, span).help(format!("use one of them, as `{root}.NAME`")));
            }
        }
        check_arguments(tag, &tokens, path, diagnostics);
        check_times(tag, &tokens, scope, path, diagnostics);
        check_filters(tag, &tokens, path, diagnostics);
        check_comparisons(tag, &tokens, path, diagnostics);
    }
}

/// `safe` would let a value become HTML.
fn check_filters(tag: &Tag, tokens: &[Token], path: &RelPath, diagnostics: &mut Diagnostics) {
    for (index, token) in tokens.iter().enumerate() {
        let Token::Word(word, span) = token else { continue };
        if matches!(word.as_str(), "safe" | "escape" | "escape_html" | "escape_xml") && is_filter(tokens, index) {
            // Explicitly escaped text counts as safe, and later filters could change it.
            let diagnostic = Diagnostic::new(rule::UNSAFE_FILTER, format!("`{word}` could turn a value into HTML"));
            let diagnostic = diagnostic.at(path, span.start + tag.span.start..span.end + tag.span.start);
            diagnostics.push(diagnostic.help("remove it, and put HTML or Markdown in the notice itself"));
        }
    }
}

/// The arguments that filters and functions accept. The engine silently ignores unknown ones.
const ARGUMENTS: [(&str, &[&str]); 35] = [
    ("when", &["zone", "form", "to", "lang"]),
    ("event.at", &["offset"]),
    ("event_at", &["offset"]),
    ("range", &["start", "end", "step_by"]),
    ("throw", &["message"]),
    ("default", &["value", "boolean"]),
    ("replace", &["from", "to"]),
    ("truncate", &["length", "end"]),
    ("pluralize", &["singular", "plural"]),
    ("indent", &["width", "indentation", "first", "blank"]),
    ("round", &["method", "precision"]),
    ("get", &["key", "default"]),
    ("split", &["pat"]),
    ("trim", &["pat"]),
    ("trim_start", &["pat"]),
    ("trim_end", &["pat"]),
    ("int", &["base"]),
    ("nth", &["n"]),
    ("join", &["sep"]),
    ("sort", &["attribute"]),
    ("group_by", &["attribute"]),
    ("upper", &[]),
    ("lower", &[]),
    ("capitalize", &[]),
    ("title", &[]),
    ("str", &[]),
    ("float", &[]),
    ("abs", &[]),
    ("length", &[]),
    ("wordcount", &[]),
    ("newlines_to_br", &[]),
    ("reverse", &[]),
    ("first", &[]),
    ("last", &[]),
    ("unique", &[]),
];

/// A misspelt argument would silently change what is sent.
fn check_arguments(tag: &Tag, tokens: &[Token], path: &RelPath, diagnostics: &mut Diagnostics) {
    for (index, token) in tokens.iter().enumerate() {
        let Some((name, known)) = token.word().and_then(|word| ARGUMENTS.iter().find(|(name, _)| *name == word)) else { continue };
        let is_called = tokens.get(index + 1) == Some(&Token::Mark('('));
        if !is_called || !is_filter(tokens, index) && !FUNCTIONS.contains(name) {
            continue;
        }
        let mut depth = 0;
        for (at, token) in tokens.iter().enumerate().skip(index + 1) {
            match token {
                Token::Mark('(') => depth += 1,
                Token::Mark(')') if depth == 1 => break,
                Token::Mark(')') => depth -= 1,
                Token::Word(argument, span) if depth == 1 && is_argument(tokens, at) && !known.contains(&argument.as_str()) => {
                    let help = suggest(argument, known.iter().copied()).or_else(|| match known {
                        [] => Some(format!("`{name}` takes no arguments")),
                        known => Some(format!("`{name}` takes {}", known.join(", "))),
                    });
                    let diagnostic = Diagnostic::new(rule::UNKNOWN_ARGUMENT, format!("`{name}` has no argument `{argument}`"));
                    let span = span.start + tag.span.start..span.end + tag.span.start;
                    diagnostics.push(diagnostic.at(path, span).maybe_help(help));
                }
                _ => {}
            }
        }
    }
}

/// All values of `r` and `vars` are text, so none ever equals a number.
fn check_comparisons(tag: &Tag, tokens: &[Token], path: &RelPath, diagnostics: &mut Diagnostics) {
    for (index, token) in tokens.iter().enumerate() {
        let Token::Word(word, span) = token else { continue };
        if !word.starts_with("r.") && !word.starts_with("vars.") {
            continue;
        }
        let signs = tokens[index + 1..].iter().take_while(|token| matches!(token, Token::Mark('=' | '!' | '<' | '>'))).count();
        if signs > 0 && tokens.get(index + 1 + signs) == Some(&Token::Mark('0')) {
            let message = format!("`{word}` is text, which never equals a number");
            let diagnostic =
                Diagnostic::new(rule::TEXT_AND_NUMBER, message).at(path, span.start + tag.span.start..span.end + tag.span.start);
            diagnostics.push(diagnostic.help(format!("compare with text: `{word} == \"1\"`; or convert it: `{word} | int`")));
        }
    }
}

/// A displayed time must name its zone and its form.
fn check_times(tag: &Tag, tokens: &[Token], scope: &Scope, path: &RelPath, diagnostics: &mut Diagnostics) {
    if tag.kind != Kind::Expression || tokens.iter().any(|token| token.word() == Some("when")) {
        return;
    }
    for token in tokens {
        let Token::Word(word, span) = token else { continue };
        if matches!(word.as_str(), "event.start" | "event.end" | "event.at" | "event_at") {
            let span = span.start + tag.span.start..span.end + tag.span.start;
            let diagnostic = Diagnostic::new(rule::BARE_TIME, format!("`{word}` prints a time without a zone and a form"));
            // Only a recipient has a zone.
            let zone = if scope.contains_key("r") { "r.zone" } else { "\"UTC\"" };
            diagnostics.push(diagnostic.at(path, span).help(format!("add `| when(zone={zone}, form=\"datetime\")`")));
        }
    }
}

fn unknown(used: &Use, scope: &Scope) -> Option<(String, Option<String>)> {
    let root = &used.path[0];
    let Some(members) = scope.get(root) else {
        if used.optional {
            return None;
        }
        let help = match &**root {
            "r" | "mailing" => Some("use it only in notices: pages have no recipients or mailings".to_owned()),
            _ => suggest(root, scope.keys().map(String::as_str)),
        };
        return Some((format!("there is no variable `{root}`"), help));
    };
    let (Some(members), Some(member)) = (members, used.path.get(1)) else { return None };
    if members.contains(member) {
        return None;
    }
    let message = format!("there is no `{root}.{member}`");
    if used.optional {
        // A variable that may be missing is reported only if it resembles an existing one.
        let near = slip(member, members.iter().map(String::as_str).filter(|known| letters(member) != letters(known)))?;
        return Some((message, Some(format!("did you mean `{root}.{near}`?"))));
    }
    let known: Vec<String> = members.iter().map(|member| format!("{root}.{member}")).take(MOST_KNOWN + 1).collect();
    let near = || suggest(&format!("{root}.{member}"), known.iter().map(String::as_str));
    // Any event may have these two: then they are missing, not misspelt.
    let help = if root == "event" && matches!(&**member, "start" | "end") { declare(root) } else { near().or_else(|| declare(root)) };
    Some((message, help))
}

/// A name without its number, so that `org2` is not reported as a misspelt `org1`.
fn letters(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn declare(root: &str) -> Option<String> {
    match root {
        "event" => Some(
            "set the event with `event: NAME` in the front matter, or with `default_event` in [site] if there are several; `start` also needs its \
             `t0`, and `end` its `window`"
                .to_owned(),
        ),
        "links" | "vars" => Some(format!("add it to [{root}] in runsheet.toml")),
        "r" => {
            let mapped = "to rename a column, set `columns = { first_name = \"First name\" }` in the mailing";
            Some(format!("add it as a column of the recipient table and to `sample` in [notices]; {mapped}"))
        }
        _ => None,
    }
}

/// Reports `if` without `endif`, `endfor` without `for`, and the like.
///
/// `home` gives the Markdown element of each tag: a statement must close in the element in which it opens, or the HTML would not.
pub fn check_blocks(tags: &[&Tag], home: impl Fn(&Tag) -> Option<usize>, path: &RelPath, diagnostics: &mut Diagnostics) {
    let mut open: Vec<(&'static str, &Tag)> = Vec::new();
    for tag in tags.iter().filter(|tag| tag.kind == Kind::Statement) {
        let word = tag.word();
        let (opens, closes) = match word {
            "if" => (Some("if"), None),
            "for" => (Some("for"), None),
            "endif" => (None, Some("if")),
            "endfor" => (None, Some("for")),
            _ => (None, None),
        };
        if let Some(name) = opens {
            open.push((name, tag));
        }
        let Some(name) = closes else { continue };
        match open.pop_if(|(last, _)| *last == name) {
            None => {
                let diagnostic = Diagnostic::new(rule::TEMPLATE_SYNTAX, format!("`{word}` has nothing to close here"));
                diagnostics.push(diagnostic.at(path, tag.span.clone()));
            }
            Some((_, opener)) if home(opener) != home(tag) => {
                let message = format!("`{word}` is in a different paragraph, list or table than its `{name}`");
                let diagnostic = Diagnostic::new(rule::TEMPLATE_SYNTAX, message).at(path, tag.span.clone());
                diagnostics.push(diagnostic.help("put both in the same paragraph, or each on its own line"));
            }
            Some(_) => {}
        }
    }
    for (name, tag) in open {
        let span = tag.span.clone();
        let diagnostic = Diagnostic::new(rule::UNCLOSED_TAG, format!("`{name}` is not closed"));
        diagnostics.push(diagnostic.at(path, span).help(format!("close it with `{{% end{name} %}}`")));
    }
}

/// The variables that a tag uses, such as `vars.reason`.
pub fn used(tag: &Tag) -> impl Iterator<Item = String> {
    uses(&tokens(tag)).into_iter().map(|used| used.path.join("."))
}

/// The variables that a tag needs: those without a fallback if they are empty.
pub fn needed(tag: &Tag) -> impl Iterator<Item = String> {
    uses(&tokens(tag)).into_iter().filter(|used| !used.optional).map(|used| used.path.join("."))
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String, Span),
    Mark(char),
}

impl Token {
    fn word(&self) -> Option<&str> {
        if let Token::Word(word, _) = self { Some(word) } else { None }
    }
}

/// Words (with their dots) and marks of a tag; strings are left out.
fn tokens(tag: &Tag) -> Vec<Token> {
    let mut tokens = Vec::new();
    let text = &*tag.text;
    let bytes = text.as_bytes();
    let mut at = 2 + usize::from(tag.trims_before());
    let end = text.len() - 2 - usize::from(tag.trims_behind());
    while at < end {
        let byte = bytes[at];
        if byte == b'"' || byte == b'\'' || byte == b'`' {
            at = text[at + 1..end].find(char::from(byte)).map_or(end, |close| at + close + 2);
            tokens.push(Token::Mark('"'));
            continue;
        }
        if byte.is_ascii_alphabetic() || byte == b'_' {
            let start = at;
            while at < end && (bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'_' | b'.')) {
                at += 1;
            }
            let mut word = text[start..at].to_owned();
            while let Some((name, length)) = bracketed_name(&text[at..end]) {
                word = format!("{word}.{name}");
                at += length;
            }
            tokens.push(Token::Word(word, start..at));
            continue;
        }
        if byte.is_ascii_digit() {
            while at < end && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'.') {
                at += 1;
            }
            tokens.push(Token::Mark('0'));
            continue;
        }
        let c = text[at..].chars().next().unwrap_or(' ');
        if !c.is_whitespace() {
            tokens.push(Token::Mark(c));
        }
        at += c.len_utf8();
    }
    tokens
}

/// The name in `["name"]`, which means the same as `.name`, and its length with the brackets.
fn bracketed_name(text: &str) -> Option<(&str, usize)> {
    let inner = &text[1..text.starts_with('[').then(|| text.find(']'))??];
    let name = inner.trim();
    let quote = name.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let name = name.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, inner.len() + 2))
}

/// Names that a `for` or a `set` introduces.
fn collect_locals(tokens: &[Token], locals: &mut BTreeSet<String>) {
    match tokens.first().and_then(Token::word) {
        Some("for") => {
            let names = tokens[1..].iter().take_while(|token| token.word() != Some("in")).filter_map(Token::word);
            locals.extend(names.map(str::to_owned));
        }
        Some("set" | "set_global") => locals.extend(tokens.get(1).and_then(Token::word).map(str::to_owned)),
        _ => {}
    }
}

/// Whether the word at a place names a filter: after `|`, or in `{% filter NAME %}`.
fn is_filter(tokens: &[Token], index: usize) -> bool {
    let before = index.checked_sub(1).map(|index| &tokens[index]);
    before == Some(&Token::Mark('|')) || before.and_then(Token::word) == Some("filter")
}

/// Whether the word at a place, within parentheses, names an argument: one `=` follows.
fn is_argument(tokens: &[Token], index: usize) -> bool {
    tokens.get(index + 1) == Some(&Token::Mark('=')) && tokens.get(index + 2) != Some(&Token::Mark('='))
}

fn uses(tokens: &[Token]) -> Vec<Use> {
    let mut uses = Vec::new();
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        let (word, span) = match token {
            Token::Mark('(') => {
                depth += 1;
                continue;
            }
            Token::Mark(')') => {
                depth -= 1;
                continue;
            }
            Token::Mark(_) => continue,
            Token::Word(word, span) => (word, span),
        };
        let before = index.checked_sub(1).map(|index| &tokens[index]);
        let next = tokens.get(index + 1);
        let after_is = before.and_then(Token::word) == Some("is")
            || before.and_then(Token::word) == Some("not") && index >= 2 && tokens[index - 2].word() == Some("is");
        let is_function = next == Some(&Token::Mark('(')) && FUNCTIONS.contains(&word.as_str());
        let is_name = is_filter(tokens, index) || depth > 0 && is_argument(tokens, index) || is_function;
        if KEYWORDS.contains(&word.as_str()) || after_is || is_name {
            continue;
        }
        let following: Vec<Option<&str>> = (1..=3).map(|step| tokens.get(index + step).and_then(Token::word)).collect();
        let optional = next == Some(&Token::Mark('|')) && following[1] == Some("default")
            || following[0] == Some("is")
                && (following[1] == Some("defined") || following[2] == Some("defined") || following[1] == Some("undefined"));
        let path = word.trim_end_matches('.').split('.').map(str::to_owned).collect();
        uses.push(Use { path, span: span.clone(), optional, is_indexed: next == Some(&Token::Mark('[')) });
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::tags;

    fn check_text(text: &str, expected: &[&str]) {
        let path = RelPath::new("n.md").unwrap();
        let mut diagnostics = Diagnostics::default();
        let marked = tags::mark(text, &path, 0, &mut diagnostics);
        let scope: Scope = BTreeMap::from([
            ("r".to_owned(), Some(BTreeSet::from(["name".to_owned(), "zone".to_owned()]))),
            ("event".to_owned(), Some(BTreeSet::from(["name".to_owned(), "start".to_owned(), "end".to_owned()]))),
            ("vars".to_owned(), None),
        ]);
        check_blocks(&marked.tags.iter().collect::<Vec<_>>(), |_| None, &path, &mut diagnostics);
        check(&marked.tags.iter().collect::<Vec<_>>(), &scope, &path, &mut diagnostics);
        let found: Vec<String> = diagnostics.iter().map(|one| format!("{}: {}", one.rule.code, one.message)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn unknown_names_are_found() {
        check_text("{{ r.name }} {{ r.zone | upper }}", &[]);
        check_text("{{ r.nmae }}", &["undefined-variable: there is no `r.nmae`"]);
        check_text("{{ nope }}", &["undefined-variable: there is no variable `nope`"]);
        check_text("{{ r.org | default(value=\"x\") }}{% if r.org is defined %}a{% endif %}", &[]);
        check_text("{{ event.start | when(zone=r.zone, form=\"time\", to=event.end) }}", &[]);
        check_text("{{ event.at(offset=\"T-1h\") | when(zone=\"UTC\") }}", &[]);
        check_text("{% for x in vars.list %}{{ x }}{{ loop.index }}{% endfor %}", &[]);
        check_text("{% set a = r.name %}{{ a }}", &[]);
        check_text("{{ event.start }}", &["bare-time: `event.start` prints a time without a zone and a form"]);
        check_text("{{ event.at(offset=\"T-1h\") }}", &["bare-time: `event.at` prints a time without a zone and a form"]);
        check_text("{{ event.start | upper }}", &["bare-time: `event.start` prints a time without a zone and a form"]);
        check_text("{{ event[\"start\"] }}", &["bare-time: `event.start` prints a time without a zone and a form"]);
        check_text("{% if r[\"nmae\"] == \"x\" %}a{% endif %}{{ r['name'] }}", &["undefined-variable: there is no `r.nmae`"]);
        check_text("{% if r[vars.x] %}a{% endif %}", &["undefined-variable: `r` is a group of values, not a value"]);
        check_text("{{ r.nmae | default(value=\"x\") }}", &["variable-typo: there is no `r.nmae`"]);
        check_text("{%- for c in r.name | split(pat=\",\") -%}{{- c -}}{%- endfor -%}{%- set a = r.zone -%}{{ a }}", &[]);
        check_text("{{ r }}", &["undefined-variable: `r` is a group of values, not a value"]);
        check_text("{% raw %}{{ x }}{% endraw %}", &[]);
        check_text("{% if vars.x %}", &["unclosed-tag: `if` is not closed"]);
        check_text("{% endif %}", &["template-syntax: `endif` has nothing to close here"]);
        check_text("{{ event.start | when(zone=r.zone, fomr=\"range\") }}", &["unknown-argument: `when` has no argument `fomr`"]);
        check_text(
            "{{ event.at(offset=\"T\", zone=\"UTC\") | when(zone=\"UTC\") }}",
            &["unknown-argument: `event.at` has no argument `zone`"],
        );
        check_text("{% filter upper(x=1) %}a{% endfilter %}", &["unknown-argument: `upper` has no argument `x`"]);
        check_text("{{ r.name | upper(x=1) }}", &["unknown-argument: `upper` has no argument `x`"]);
        check_text("{{ r.name | default(value=vars.x == vars.y) | truncate(length=3, end=\"\") }}", &[]);
        check_text("{{ 'r.nope' }}", &[]);
        check_text("{{ r.name | safe }}", &["unsafe-filter: `safe` could turn a value into HTML"]);
        check_text("{% set x = r.name | upper | safe %}", &["unsafe-filter: `safe` could turn a value into HTML"]);
        check_text("{% if r.name == 1 %}{% endif %}", &["text-and-number: `r.name` is text, which never equals a number"]);
        check_text("{% if r.name == \"1\" and r.zone | int > 1 %}{% endif %}", &[]);
    }
}
