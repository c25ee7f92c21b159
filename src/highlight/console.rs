//! A console session: commands are code, the rest is output.

use super::language::Language;
use super::syntax::Memo;
use super::token::{Line, Tokens};

/// The prompt of a line: `$ `, `# `, `% ` or `> `, with or without a name before it, as in `ops@db1:~$ `.
fn prompt(line: &str) -> Option<usize> {
    for sign in ['$', '#', '%', '>'] {
        let Some(at) = line.find(sign) else { continue };
        let rest = &line[at + 1..];
        if !rest.starts_with(' ') && !rest.trim_end().is_empty() {
            continue;
        }
        let name = &line[..at];
        let is_name = name.is_empty()
            || (name.contains('@') || name.starts_with(['(', '[']) || name.ends_with('~'))
                && !name.ends_with(' ')
                && name.chars().all(|c| c.is_alphanumeric() || "@:.~/-_()[] ".contains(c));
        let is_prompt = is_name || sign == '>' && name.starts_with("PS ");
        if is_prompt {
            return Some(at + 1 + usize::from(rest.starts_with(' ')));
        }
    }
    None
}

/// Splits a session: prompts become `p`, output `o`, commands shell code.
pub fn tokens(code: &str, memo: &mut Memo) -> Tokens {
    let mut tokens = Tokens::default();
    let mut lines = code.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let Some(start) = prompt(line) else {
            let mut out = Line::new(&mut tokens);
            out.token(Some('o'), line);
            out.end();
            continue;
        };
        // A backslash continues the command on the next line, with or without a prompt.
        let mut parts = vec![line.split_at(start)];
        while parts.last().is_some_and(|(_, command)| command.trim_end().ends_with('\\'))
            && let Some(next) = lines.next()
        {
            let start = if next.starts_with('>') { prompt(next).unwrap_or(0) } else { 0 };
            parts.push(next.split_at(start));
        }
        let command: String = parts.iter().map(|(_, command)| *command).collect();
        let mut shell = shell(&command, memo);
        for (prompt, command) in parts {
            tokens.push(Some('p'), prompt.len());
            tokens.extend(shell.take(command.len()));
        }
    }
    tokens
}

fn shell(command: &str, memo: &mut Memo) -> Tokens {
    match Language::find("bash") {
        Ok(Language::Syntax(index)) => memo.tokens(index, command),
        _ => Tokens::plain(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_told_from_output() {
        let check = |line: &str, expected: Option<&str>| assert_eq!(prompt(line).map(|at| &line[..at]), expected, "{line}");
        check("$ ls", Some("$ "));
        check("# systemctl restart caddy", Some("# "));
        check("ops@db1:~$ psql", Some("ops@db1:~$ "));
        check("[root@web /]# id", Some("[root@web /]# "));
        check("PS C:\\ops> Get-Item", Some("PS C:\\ops> "));
        check("> continued", Some("> "));
        check("$", Some("$"));
        check("total 8", None);
        check("cost: 5$ a day", None);
        check("$HOME is set", None);
        check("a -> b", None);
    }

    #[test]
    fn a_session_has_three_parts() {
        let code = "$ echo a \\\n  b\na b\n";
        let seen = tokens(code, &mut Memo::default()).html(code).unwrap();
        assert_eq!(seen, "<span class=\"p\">$ </span><span class=\"f\">echo</span> a \\\n  b\n<span class=\"o\">a b</span>\n");
    }
}
