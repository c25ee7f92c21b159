//! Code highlighted with a grammar of Sublime Text (syntect, with the set of two-face), remembered line by line.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::LazyLock;

use indexmap::IndexMap;
use syntect::parsing::{ParseState, Scope, ScopeStack, ScopeStackOp, SyntaxSet};

use super::token::{Line, Tokens};

/// All grammars; loaded when the first block needs one.
pub static SET: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// A line longer than this (bytes) is not code for people, and grammars are slow on it.
const MOST_LINE: usize = 4 << 10;
/// How many states and lines of one grammar are remembered.
const MOST_STATES: usize = 256;
const MOST_LINES: usize = 1 << 16;

type Map<K, V> = IndexMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// Results for lines: in the same state of the same grammar, the same line gives the same tokens and the same next state. Commands
/// recur from page to page, so most lines are found here.
#[derive(Default)]
pub struct Memo {
    grammars: Map<usize, Grammar>,
    classes: Map<Scope, Option<char>>,
}

/// The states of a grammar at the beginning of a line, the first one first.
struct Grammar {
    states: Vec<State>,
    lines: usize,
}

struct State {
    parse: ParseState,
    scopes: ScopeStack,
    /// Tokens of a line, and the number of the state behind it.
    lines: Map<Box<str>, (Tokens, usize)>,
}

impl Memo {
    /// Splits code into tokens with the grammar of this number.
    pub fn tokens(&mut self, index: usize, code: &str) -> Tokens {
        let mut tokens = Tokens::default();
        let Some(syntax) = SET.syntaxes().get(index) else { return Tokens::plain(code) };
        let grammar = self.grammars.entry(index).or_insert_with(|| {
            let first = State { parse: ParseState::new(syntax), scopes: ScopeStack::new(), lines: Map::default() };
            Grammar { states: vec![first], lines: 0 }
        });
        let mut at = 0;
        let mut rest = code;
        while !rest.is_empty() {
            let end = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
            let (line, after) = rest.split_at(end);
            if let Some((known, next)) = grammar.states[at].lines.get(line) {
                tokens.extend(known.0.iter().copied());
                at = *next;
                rest = after;
                continue;
            }
            let mut cut = Tokens::default();
            let state = &grammar.states[at];
            let (mut parse, mut scopes) = (state.parse.clone(), state.scopes.clone());
            if line.len() > MOST_LINE || cut_line(line, &mut parse, &mut scopes, &mut self.classes, &mut cut).is_none() {
                tokens.push(None, rest.len());
                return tokens;
            }
            tokens.extend(cut.0.iter().copied());
            let Some(next) = grammar.number_of(parse, scopes) else {
                // A grammar with this many states has gone astray: reset it, and leave the rest of this block plain.
                self.grammars.swap_remove(&index);
                tokens.push(None, after.len());
                return tokens;
            };
            if grammar.lines < MOST_LINES {
                grammar.lines += 1;
                grammar.states[at].lines.insert(line.into(), (cut, next));
            }
            at = next;
            rest = after;
        }
        tokens
    }
}

impl Grammar {
    fn number_of(&mut self, parse: ParseState, scopes: ScopeStack) -> Option<usize> {
        let known = self.states.iter().position(|state| state.parse == parse && state.scopes == scopes);
        if known.is_some() {
            return known;
        }
        if self.states.len() >= MOST_STATES {
            return None;
        }
        self.states.push(State { parse, scopes, lines: Map::default() });
        Some(self.states.len() - 1)
    }
}

/// Splits one line. `None` if the grammar cannot continue.
fn cut_line(
    line: &str,
    parse: &mut ParseState,
    scopes: &mut ScopeStack,
    classes: &mut Map<Scope, Option<char>>,
    tokens: &mut Tokens,
) -> Option<()> {
    let changes = parse.parse_line(line, &SET).ok()?;
    let mut out = Line::new(tokens);
    let mut from = 0;
    for (at, change) in changes.iter().chain([&(line.len(), ScopeStackOp::Noop)]) {
        if *at > from {
            out.token(class_of(scopes.as_slice(), classes), line.get(from..*at)?);
            from = *at;
        }
        scopes.apply(change).ok()?;
    }
    out.end();
    Some(())
}

/// The class of a token: that of the innermost scope with a class. Punctuation has no class of its own.
fn class_of(scopes: &[Scope], classes: &mut Map<Scope, Option<char>>) -> Option<char> {
    // From the outside in, so that all scopes are known when the innermost one decides.
    let (mut innermost, mut is_key, mut is_string) = (None, false, false);
    for scope in scopes {
        let class = *classes.entry(*scope).or_insert_with(|| class_of_scope(&scope.build_string()));
        is_key |= class == Some(KEYS);
        is_string |= class == Some('s');
        innermost = class.or(innermost);
    }
    // Everything in a string belongs to it: a colour for each variable would cost more HTML than it is worth.
    match innermost? {
        'c' => Some('c'),
        _ if is_string && is_key => Some('a'),
        _ if is_string => Some('s'),
        '-' | KEYS => None,
        class => Some(class),
    }
}

/// Marks that a string inside is the key of an object.
const KEYS: char = '+';

/// Beginnings of scopes and their classes; the first that fits holds. `-` ends the search without a class.
const CLASSES: [(&str, char); 38] = [
    ("comment", 'c'),
    ("string.unquoted", '-'),
    ("string", 's'),
    ("constant.character", 's'),
    ("constant", 'n'),
    ("keyword.operator.word", 'k'),
    ("keyword.operator.logical.python", 'k'),
    ("keyword.operator", '-'),
    ("keyword.other.unit", 'n'),
    ("keyword", 'k'),
    ("storage.type.function", 'k'),
    ("storage", 'k'),
    ("entity.name.function", 'f'),
    ("entity.name.section", 'k'),
    ("entity.name.tag.yaml", 'a'),
    ("entity.name.tag.toml", 'a'),
    ("entity.name.key", 'a'),
    ("entity.name", 't'),
    ("entity.other.attribute-name", 'a'),
    ("entity.other.inherited-class", 't'),
    ("entity", 't'),
    ("support.function", 'f'),
    ("support.type.property-name", 'a'),
    ("support.constant", 'n'),
    ("support", 't'),
    ("punctuation.definition.variable", 'v'),
    ("variable.function", 'f'),
    ("variable.parameter.option", '-'),
    ("variable.language", 'k'),
    ("variable.other.readwrite.assignment", 'v'),
    ("variable.other.readwrite.shell", 'v'),
    ("variable.other.env", 'v'),
    ("variable.other.php", 'v'),
    ("meta.mapping.key", KEYS),
    ("markup.inserted", 'i'),
    ("markup.deleted", 'd'),
    ("markup.heading", 'k'),
    ("markup.raw", 's'),
];

fn class_of_scope(scope: &str) -> Option<char> {
    let fits = |start: &str| scope.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    CLASSES.iter().find(|(start, _)| fits(start)).map(|(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::highlight::Language;

    fn check(language: &str, code: &str, expected: &str) {
        let Ok(Language::Syntax(index)) = Language::find(language) else { panic!("{language} is known") };
        let mut memo = Memo::default();
        let first = memo.tokens(index, code);
        assert_eq!(first.html(code).as_deref(), Some(expected), "{language}");
        assert_eq!(memo.tokens(index, code), first, "a memo changes nothing");
    }

    #[test]
    fn tokens_have_short_classes() {
        check(
            "json",
            "{\"a\": 1, \"b\": \"x\"}\n",
            "{<span class=\"a\">\"a\"</span>: <span class=\"n\">1</span>, <span class=\"a\">\"b\"</span>: <span class=\"s\">\"x\"</span>}\n",
        );
        check("yaml", "a: \"b\" # c\n", "<span class=\"a\">a</span>: <span class=\"s\">\"b\"</span> <span class=\"c\"># c</span>\n");
        check(
            "bash",
            "for i in 1; do ls; done\n",
            "<span class=\"k\">for</span> i <span class=\"k\">in</span> 1; <span class=\"k\">do</span> <span class=\"f\">ls</span>; <span class=\"k\">done</span>\n",
        );
    }

    #[test]
    fn a_line_break_within_a_string_is_in_no_element() {
        check("python", "x = '''a\nb'''\n", "x = <span class=\"s\">'''a</span>\n<span class=\"s\">b'''</span>\n");
    }

    #[test]
    fn a_long_line_stays_plain() {
        let long = format!("x = '{}'\n", "<".repeat(5000));
        check("python", &long, &long.replace('<', "&lt;"));
    }
}
