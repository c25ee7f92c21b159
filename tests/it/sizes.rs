//! Size limits for the sources: no function over 80 lines, no file over 500, in the program and in the scripts of its theme.
#![allow(clippy::disallowed_methods, reason = "a test reads the sources")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the line with the function's name to its closing brace.
const LONGEST_FUNCTION: usize = 80;

const LONGEST_FILE: usize = 500;

/// Folders, and the ending of their sources.
const SOURCES: [(&str, &str); 3] = [("src", "rs"), ("themes/default/source", "js"), ("scripts/theme", "mjs")];

/// A function whose body is written in braces.
#[derive(Debug, PartialEq)]
struct Function<'t> {
    /// The line in which it begins, from 1, and that line's text.
    line: usize,
    head: &'t str,
    length: usize,
}

/// All functions of a source, including nested ones. The sources are formatted, so a body ends at the first line with the same
/// indent as its head that begins with a closing brace.
fn functions<'t>(text: &'t str, ending: &str) -> Vec<Function<'t>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_head = if ending == "rs" { is_rust_head } else { is_script_head };
    let heads = lines.iter().enumerate().filter(|(_, line)| is_head(line.trim_start()));
    heads.map(|(at, line)| Function { line: at + 1, head: line.trim(), length: length(&lines[at..]) }).collect()
}

/// How many lines the function that begins in the first of these has.
fn length(lines: &[&str]) -> usize {
    let head = lines[0];
    if head.ends_with(['}', ';']) {
        return 1;
    }
    let indent = &head[..head.len() - head.trim_start().len()];
    let ends = |line: &&str| {
        let Some(rest) = line.strip_prefix(indent) else { return false };
        // Without a body, as in a trait, it ends with the signature.
        rest.starts_with('}') || rest.starts_with(')') && rest.ends_with(';')
    };
    lines[1..].iter().position(ends).map_or(lines.len(), |between| between + 2)
}

/// `fn` and its name, with or without `pub` and the like before it.
fn is_rust_head(line: &str) -> bool {
    let is_qualifier = |word: &&str| word.starts_with("pub") || ["const", "async", "unsafe", "extern", "\"C\"", "in"].contains(word);
    line.split(' ').find(|word| !is_qualifier(word) && !word.ends_with(')')) == Some("fn")
}

/// `function name() {`, `(…) => {` or a method, but no other statement with a body.
fn is_script_head(line: &str) -> bool {
    let Some(line) = line.strip_suffix('{').map(str::trim_end).filter(|line| !line.starts_with("//")) else { return false };
    let is_statement = |line: &str| ["if", "for", "while", "switch", "catch", "with"].iter().any(|word| first_word(line) == *word);
    let has_function = line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "function");
    let line = line.trim_start_matches(['}', ' ']);
    let is_method = line.ends_with(')') && !is_statement(line) && !line.starts_with("else");
    line.ends_with("=>") || has_function || is_method
}

fn first_word(line: &str) -> &str {
    line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("")
}

/// Functions and files of a source that are too long.
fn faults(path: &str, text: &str, ending: &str) -> Vec<String> {
    let lines = text.lines().count();
    let file = (lines > LONGEST_FILE).then(|| format!("{path} has {lines} lines"));
    let long = functions(text, ending).into_iter().filter(|function| function.length > LONGEST_FUNCTION);
    let named = long.map(|Function { line, head, length }| format!("{path}:{line} has {length} lines: {head}"));
    file.into_iter().chain(named).collect()
}

fn sources(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.retain(|entry| !entry.ends_with("node_modules"));
    entries.sort();
    let within = |entry: PathBuf| if entry.is_dir() { sources(&entry, ending) } else { vec![entry] };
    entries.into_iter().flat_map(within).filter(|path| path.extension().is_some_and(|known| known == ending)).collect()
}

#[test]
fn no_function_and_no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for (folder, ending) in SOURCES {
        let mut functions_found = 0;
        for path in sources(&root.join(folder), ending) {
            let text = fs::read_to_string(&path).expect("a source");
            let name = path.strip_prefix(root).expect("it is below the root").to_string_lossy().into_owned();
            functions_found += functions(&text, ending).len();
            found.extend(faults(&name, &text, ending));
        }
        assert!(functions_found > 0, "no function was found in {folder}");
    }
    let limits = format!("no function over {LONGEST_FUNCTION} lines, no file over {LONGEST_FILE}");
    assert!(found.is_empty(), "{limits}:\n{}", found.join("\n"));
}

#[test]
fn functions_are_counted_to_their_braces() {
    let check = |ending: &str, text: &str, expected: &[(usize, usize)]| {
        let found: Vec<_> = functions(text, ending).into_iter().map(|function| (function.line, function.length)).collect();
        assert_eq!(found, expected, "{text}");
    };
    check("rs", "fn a() {\n    b();\n}\n\nfn b() {}\n", &[(1, 3), (5, 1)]);
    check("rs", "impl A {\n    pub(super) const fn a(\n        b: B,\n    ) -> C {\n        d\n    }\n}\n", &[(2, 5)]);
    check("rs", "pub async fn a<T>(b: T)\nwhere\n    T: B,\n{\n    match b {\n    }\n}\n", &[(1, 7)]);
    check("rs", "trait A {\n    fn a(&self);\n    fn b(\n        &self,\n    ) -> C;\n}\n", &[(2, 1), (3, 3)]);
    check("rs", "fn a() {\n    fn b() {\n        c()\n    }\n    b()\n}\n", &[(1, 6), (2, 3)]);
    check("rs", "// fn of a kind\nlet a: fn(u8) -> u8 = b;\nlet a = \"fn b\";\n", &[]);
    check("js", "export async function a(b) {\n  if (b) {\n    c();\n  }\n}\n", &[(1, 5)]);
    check("js", "const a = (b) => {\n  for (const c of b) {\n  }\n};\nconst d = (b) => b;\n", &[(1, 4)]);
    check("js", "addEventListener(\"a\", () => {\n  a.then(({ b }) => {\n    c();\n  }, d);\n});\n", &[(1, 5), (2, 3)]);
    check("js", "const a = {\n  b(c) {\n    d();\n  },\n};\ntry {\n  a();\n} catch (b) {\n  c();\n}\n", &[(2, 3)]);
}

#[test]
fn what_is_too_long_is_named() {
    let function = |lines: usize| format!("fn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2));
    let check = |text: &str, expected: &[&str]| assert_eq!(faults("a.rs", text, "rs"), expected);
    check(&function(80), &[]);
    check(&function(81), &["a.rs:1 has 81 lines: fn a() {"]);
    check(&function(80).repeat(6), &[]);
    check(&"\n".repeat(501), &["a.rs has 501 lines"]);
}
