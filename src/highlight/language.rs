//! The known languages, by the word after the fence.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::grammar::{CADDYFILE, Grammar, PROMQL};
use super::syntax::SET;
use crate::text::nearest;

/// What code is written in.
#[derive(Clone, Copy, Debug)]
pub enum Language {
    /// The grammar with this number in the set.
    Syntax(usize),
    /// A small grammar of our own.
    Grammar(&'static Grammar),
    /// Commands after a prompt, and their output.
    Console,
}

impl PartialEq for Language {
    fn eq(&self, other: &Language) -> bool {
        self.name() == other.name()
    }
}

/// Names that the grammars do not list as file endings. Most are GitHub Linguist's names of the languages.
const ALIASES: [(&str, &str); 69] = [
    ("apache", "envvars"),
    ("assembly", "asm"),
    ("bash-session", "console"),
    ("batch", "bat"),
    ("caddy", "caddyfile"),
    ("compose", "yaml"),
    ("cron", "crontab"),
    ("csharp", "cs"),
    ("docker", "dockerfile"),
    ("dos", "bat"),
    ("editorconfig", "ini"),
    ("elisp", "lisp"),
    ("elixir", "ex"),
    ("emacs-lisp", "lisp"),
    ("erlang", "erl"),
    ("fortran", "f90"),
    ("fsharp", "fs"),
    ("gdscript", "gd"),
    ("golang", "go"),
    ("graphviz", "dot"),
    ("haskell", "hs"),
    ("hcl", "tf"),
    ("javascript", "js"),
    ("json5", "json"),
    ("jsonc", "json"),
    ("jsonl", "json"),
    ("kotlin", "kt"),
    ("make", "makefile"),
    ("markdown", "md"),
    ("mysql", "sql"),
    ("ndjson", "json"),
    ("node", "js"),
    ("obj-c", "objective-c"),
    ("objc", "objective-c"),
    ("objectivec", "objective-c"),
    ("octave", "matlab"),
    ("perl", "pl"),
    ("pgsql", "sql"),
    ("plpgsql", "sql"),
    ("plsql", "sql"),
    ("postgres", "sql"),
    ("postgresql", "sql"),
    ("powershell", "ps1"),
    ("protobuf", "proto"),
    ("psql", "sql"),
    ("pwsh", "ps1"),
    ("python", "py"),
    ("python2", "py"),
    ("python3", "py"),
    ("regex", "re"),
    ("ruby", "rb"),
    ("rust", "rs"),
    ("scheme", "lisp"),
    ("service", "ini"),
    ("sh-session", "console"),
    ("shell", "sh"),
    ("shell-session", "console"),
    ("shellsession", "console"),
    ("sqlite", "sql"),
    ("sshconfig", "ssh_config"),
    ("starlark", "py"),
    ("systemd", "ini"),
    ("tera", "jinja2"),
    ("tsql", "sql"),
    ("typescript", "ts"),
    ("udiff", "diff"),
    ("vimscript", "vim"),
    ("yml", "yaml"),
    ("zsh", "sh"),
];

/// Pictures written as text. They are shown as text.
const DIAGRAMS: [&str; 4] = ["d2", "mermaid", "plantuml", "puml"];

/// How similar a word must be to a suggestion, from 0 to 1.
const LIKE: f64 = 0.85;

/// Words for plain text.
const PLAIN: [&str; 6] = ["text", "txt", "plain", "plaintext", "none", "output"];

static NAMES: LazyLock<BTreeMap<String, Language>> = LazyLock::new(|| {
    let mut names: BTreeMap<String, Language> = BTreeMap::new();
    for (index, syntax) in SET.syntaxes().iter().enumerate().filter(|(_, syntax)| !syntax.hidden && syntax.name != "Plain Text") {
        for name in syntax.file_extensions.iter().chain([&syntax.name]) {
            names.entry(name.to_ascii_lowercase()).or_insert(Language::Syntax(index));
        }
    }
    names.insert("console".to_owned(), Language::Console);
    for grammar in [&CADDYFILE, &PROMQL] {
        names.insert(grammar.name.to_owned(), Language::Grammar(grammar));
    }
    for (alias, name) in ALIASES {
        if let (Some(language), false) = (names.get(name).copied(), names.contains_key(alias)) {
            names.insert(alias.to_owned(), language);
        }
    }
    names
});

impl Language {
    /// The language of a name, in lower case; the error says whether the name at least means plain text.
    pub fn find(name: &str) -> Result<Language, bool> {
        NAMES.get(name).copied().ok_or_else(|| PLAIN.contains(&name))
    }

    /// A unique name for the language.
    pub fn name(&self) -> &str {
        match self {
            Language::Syntax(index) => SET.syntaxes().get(*index).map_or("", |syntax| &syntax.name),
            Language::Grammar(grammar) => grammar.name,
            Language::Console => "console",
        }
    }
}

/// Help for an unknown name.
pub fn help(name: &str) -> String {
    if DIAGRAMS.contains(&name) {
        return "add a picture in `content/`, or use `text`: diagrams are not drawn".to_owned();
    }
    // Names of several words cannot follow a fence, and short names resemble anything.
    let words = NAMES.keys().filter(|known| known.len() > 2 && !known.contains(' ') && !known.starts_with('.'));
    let near = nearest(name, words.map(String::as_str).chain(PLAIN)).filter(|near| strsim::jaro_winkler(near, name) > LIKE);
    near.map_or_else(|| "use `text` for anything that is not code".to_owned(), |near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that authors of cutover documents put after a fence.
    const WRITTEN_NAMES: &str = "\
        apache asm awk bash bat c caddyfile clojure cmake console cpp crontab crystal csharp css csv d dart diff dockerfile \
        dotenv elixir elm erlang fish fortran fsharp go graphql groovy haskell hcl html http ini java javascript jq json jsonc \
        jsonnet julia kotlin latex less lisp log lua makefile markdown nginx nim nix objective-c ocaml pascal perl php \
        powershell promql properties protobuf puppet python r rego ruby rust sass scala scss sh solidity sql svelte swift syslog \
        systemd terraform toml tsx typescript vim vue xml yaml yml zig zsh";

    #[test]
    fn words_of_the_trade_are_known() {
        for name in WRITTEN_NAMES.split(' ') {
            assert!(Language::find(name).is_ok(), "{name}");
        }
        assert_eq!(Language::find("text"), Err(true));
        assert_eq!(Language::find("bahs"), Err(false));
    }

    #[test]
    fn help_names_what_can_be_written() {
        let check = |name: &str, expected: &str| assert_eq!(help(name), expected, "{name}");
        check("bahs", "did you mean `bash`?");
        check("javascrpt", "did you mean `javascript`?");
        check("postgress", "did you mean `postgres`?");
        check("mermaid", "add a picture in `content/`, or use `text`: diagrams are not drawn");
        check("cobol", "use `text` for anything that is not code");
        check("qq", "use `text` for anything that is not code");
    }

    #[test]
    fn each_alias_leads_somewhere() {
        for (alias, _) in ALIASES {
            assert!(Language::find(alias).is_ok(), "{alias}");
        }
    }
}
