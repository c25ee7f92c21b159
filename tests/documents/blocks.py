"""Every block of commands in the documents parses in bash and in zsh, and works when it is pasted into either.

Usage: blocks.py [FILE ...]

Takes the `bash` and `sh` fences of Markdown files, also those in lists and quotes, and the scripts in their here-documents. Each is judged by
`bash -n`, `zsh -n`, shellcheck, and by rules of its own for what parses, but does something else where it is pasted. Without files: the
documents, the manual, the README and what is below `docker/`. Prints file:line of each fault, and ends with 1 if there is one. Before that, the
rules are tried on blocks that are planted: a rule that finds nothing in its own is a fault, too.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["content/docs/*.md", "docker/**/*.md", "README.md", "content/guide/*.md"]

# What shellcheck is right about in a script, and wrong about in a block that a person pastes.
EXCLUDED = {
    "SC1090": "the sourced file is on the host",
    "SC1091": "the sourced file is on the host",
    "SC2029": "a variable in a command for ssh is meant to be that of the laptop",
    "SC2034": "a variable may be for the next block",
    "SC2154": "a variable may be from the block before, or a field of the sheet",
    "SC2164": "a `cd` that fails is seen, and no script runs on",
    "SC2312": "shown only on request, and not asked for",
}

# A here-document ends at one of these words if it holds a script, and what it is fed to says the rest.
SCRIPT_WORDS = {"SH", "BASH"}

NAMES_OF_ZSH = "status|path|cdpath|fpath|mailpath|manpath|argv|options|commands|functions|aliases|signals|pipestatus|prompt|watch|modules"

# Name, pattern, where it must stand ("c" code, "d" double quotes), what to do instead.
RULES = [
    ("read-prompt", r"\bread\s+(?:-\w+\s+)*-\w*p", "c", "zsh's `read -p` reads from another program: printf the question, then read -r"),
    ("read-option", r"\bread\s+(?:-\w+\s+)*-[a-zA-Z]*[aAeiknN]", "c", "this option of `read` means something else in zsh, or nothing"),
    ("bash-only", r"\b(?:PIPESTATUS|BASH_SOURCE|BASH_REMATCH|FUNCNAME|mapfile|readarray|shopt)\b|\$\{!|\$\{\w+(?:\^|,|@[A-Za-z])", "cdv",
     "zsh does not know it: in a subshell, `set -o pipefail` gives the exit code of a pipe"),
    ("array-index", r"\$\{\w+\[\d+\]|(?:^|[\s;(])\w+\[\d+\]=", "cdv", "zsh counts from 1"),
    ("unsplit-loop", r"\bfor\s+\w+\s+in\b[^;\n]*\s\$\{?\w+", "c", "zsh does not split a variable into words: name the words, or use $(...)"),
    ("history", r"!(?![\s=)\"'])(?!$)", "cd", "both shells take it for a command of the history: use single quotes"),
    ("modifier", r"\$\w*[A-Za-z_]\w*:[A-Za-z&]", "cd", "zsh takes the colon for a modifier: write ${NAME}"),
    ("subscript", r"\$\w*[A-Za-z_]\w*\[", "cd", "zsh takes the bracket for a subscript: write ${NAME}"),
    ("equals", r"(?:^|[\s;|&(])=(?:=?(?=\s)|\w)", "c", "zsh takes a word that begins with = for the path of a program: write one = between blanks, or quote it"),
    ("own-name", rf"(?:^|[\s;|&(])(?:(?:{NAMES_OF_ZSH})=|(?:for|read\s+-\w+|local|export)\s+(?:{NAMES_OF_ZSH})\b)", "c", "a variable of zsh itself: choose another name"),
    ("echo-escape", r"\becho\s+(?:-\w+\s+)?[\"'][^\"'\n]*\\[abcefnrtv0]", "cds", "zsh's `echo` reads the escape, bash's prints it: use printf"),
    ("ends-shell", r"(?:^|[;&|{]|\bthen|\bdo|\belse)\s*(?:set\s+-\w*[eu]|exit\b|exec\s+\w)", "0", "it ends the shell that it is pasted into: put it in ( )"),
]


class Block:
    """Lines of commands, and where they stand. A script of a here-document is not pasted, so zsh does not read it."""

    def __init__(self, path, first, lines, pasted=True):
        self.path, self.first, self.lines, self.pasted = path, first, lines, pasted
        self.text = "".join(line + "\n" for line in lines)

    def at(self, line):
        return f"{self.path}:{self.first + max(line, 1) - 1}"


def fences(path, text):
    """The blocks of a Markdown file. What is inside of a longer or another fence is text, and no block."""
    lines, at = text.split("\n"), 0
    while at < len(lines):
        opening = re.match(r"^((?:\s|>)*)(`{3,}|~{3,})\s*([\w+-]*)[^`]*$", lines[at])
        at += 1
        if not opening:
            continue
        before, marks, language = opening.groups()
        quote, first, body = before.count(">"), at + 1, []
        while at < len(lines):
            line = lines[at]
            for _ in range(quote):
                line = re.sub(r"^\s*> ?", "", line)
            indent = len(before.rsplit(">", 1)[-1].expandtabs(4)) - (1 if quote else 0)
            line = re.sub(rf"^ {{0,{max(indent, 0)}}}", "", line)
            at += 1
            if re.match(rf"^ {{0,3}}{marks[0]}{{{len(marks)},}}\s*$", line):
                break
            body.append(line)
        else:
            raise SystemExit(f"{path}:{first - 1}: this fence is never closed")
        if language in ("bash", "sh"):
            yield Block(path, first, body)


def kinds(text):
    """For each character what it is part of: (c)ode, (s)ingle or (d)ouble quotes, a (v)ariable in braces, a comment (#), a (h)ere-document.
    Also the depth of round brackets there, and the here-documents: word, line of the command, first line, lines."""
    kind, depth, documents, awaited = [], [], [], []
    stack, round_, at = ["c"], 0, 0
    # A `$(` in double quotes is code again, until its bracket closes.
    closes = []
    while at < len(text):
        char, now = text[at], stack[-1]
        two = text[at:at + 2]

        def put(count, what, deep=None):
            kind.extend(what * count)
            depth.extend([round_ if deep is None else deep] * count)

        if char == "\n" and awaited and now == "c":
            put(1, "c")
            at += 1
            for word, dashed, line in awaited:
                first, body = text.count("\n", 0, at) + 1, []
                while at < len(text):
                    end = text.find("\n", at)
                    end = len(text) if end < 0 else end
                    content = text[at:end]
                    put(min(end + 1, len(text)) - at, "h")
                    at = min(end + 1, len(text))
                    if (content.lstrip("\t") if dashed else content) == word:
                        break
                    body.append(content)
                documents.append((word, line, first, body))
            awaited = []
        elif now == "s":
            put(1, "s")
            stack.pop() if char == "'" else None
            at += 1
        elif char == "\\":
            put(len(two), "s" if len(two) == 2 else now)
            at += 2
        elif now == "#":
            if char == "\n":
                stack.pop()
                continue
            put(1, "#")
            at += 1
        elif two == "$(":
            put(2, "c")
            stack.append("c")
            closes.append((len(stack), round_))
            round_ += 1
            at += 2
        elif two == "${":
            put(2, "v")
            stack.append("v")
            at += 2
        elif now == "v":
            put(1, "v")
            if char == "}":
                stack.pop()
            elif char == '"':
                stack.append("d")
            at += 1
        elif now == "d":
            put(1, "d")
            stack.pop() if char == '"' else None
            at += 1
        elif char in "'\"":
            stack.append("s" if char == "'" else "d")
            put(1, stack[-1])
            at += 1
        elif char == "#" and (at == 0 or text[at - 1] in " \t\n;&|("):
            stack.append("#")
        elif char == "(":
            round_ += 1
            put(1, "c")
            at += 1
        elif char == ")":
            put(1, "c")
            if closes and closes[-1] == (len(stack), round_ - 1):
                closes.pop()
                stack.pop()
            round_ = max(round_ - 1, 0)
            at += 1
        elif two == "<<" and text[at:at + 3] != "<<<":
            found = re.match(r"<<(-?)[ \t]*(['\"]?)(\w+)\2", text[at:])
            if found:
                awaited.append((found[3], found[1], text.count("\n", 0, at) + 1))
            put(len(found[0]) if found else 2, "c")
            at += len(found[0]) if found else 2
        else:
            put(1, "c")
            at += 1
    return kind, depth, documents


def whole(lines):
    """If these lines are whole commands, so that a shell would run them before it reads on."""
    done = subprocess.run(["bash", "-n"], input="".join(line + "\n" for line in lines), capture_output=True, text=True)
    return done.returncode == 0 and not done.stderr and not lines[-1].rstrip().endswith(("&&", "||", "|", "\\"))


def traps(block):
    """What parses, and does something else where it is pasted."""
    text = block.text
    kind, depth, _ = kinds(text)
    line_of = lambda at: text.count("\n", 0, at) + 1
    for name, pattern, where, instead in RULES:
        for found in re.finditer(pattern, text, re.MULTILINE):
            at = found.end() - 1 if name in ("read-prompt", "read-option", "own-name", "ends-shell") else found.start()
            while at < found.end() - 1 and text[at] in " \t\n;|&(":
                at += 1
            allowed = kind[at] == "c" and depth[at] == 0 if where == "0" else kind[at] in where
            if not allowed or (name == "bash-only" and kind[found.start()] in "#sh"):
                continue
            if name == "history" and at and text[at - 1] in "$[{":
                continue
            if name == "equals" and re.match(r"=?=(?=\s)", text[at:]) and (text[at:at + 2] != "==" or inside_double_bracket(text, at)):
                continue
            yield line_of(at), name, f"{instead}: {found[0].strip()}"
    yield from globs(text, kind, line_of)
    if block.pasted:
        yield from swallowed(block, kind)


def inside_double_bracket(text, at):
    return text.rfind("[[", 0, at) > text.rfind("]]", 0, at)


def globs(text, kind, line_of):
    """Words that zsh takes for a pattern by mistake: it refuses a command whose pattern fits no file."""
    for word in re.finditer(r"\S+", text):
        code = "".join(char if kind[at] == "c" else "\0" for at, char in enumerate(word[0], word.start()))
        # Skips what zsh does not take for a pattern: tests, cases, `$?`, and assignments, which are not matched against files.
        if code.strip("\0") in ("[", "[[", "]", "]]", "];", "]];") or code.startswith(("((", "$((")) or re.match(r"\w+=(?!\()", code):
            continue
        bare = re.sub(r"\$\?|\$\*|\)$|\);;$", "", code)
        if ("?" in bare or re.search(r"\[[^\]]*\]", bare) or ("*" in bare and (bare.startswith("-") or "://" in bare))) and not bare.startswith("["):
            yield line_of(word.start()), "glob", f"zsh takes it for a pattern of file names, and stops if none fits: quote it: {word[0]}"


def swallowed(block, kind):
    """A question that is followed by another command: a terminal that pastes line by line answers with that command."""
    offset = 0
    for at, line in enumerate(block.lines):
        start, offset = offset, offset + len(line) + 1
        found = re.search(r"(?:^|[\s;&|(])read\s+-", line)
        if not found or kind[start + found.end() - 2] != "c" or re.search(r"\bwhile\b", line[:found.end()]):
            continue
        for end in range(at + 1, len(block.lines) + 1):
            if whole(block.lines[:end]):
                rest = [other for other in block.lines[end:] if other.strip() and not other.lstrip().startswith("#")]
                if rest:
                    yield at + 1, "answer", f"a terminal that pastes line by line answers with `{rest[0].strip()}`: chain the commands with &&, or end the block here"
                break


def scripts(block):
    """The here-documents of a block: what is run by bash, as blocks of their own, and faults in JSON."""
    for word, line, first, body in kinds(block.text)[2]:
        script = Block(block.path, block.first + first - 1, body, pasted=False)
        if word in SCRIPT_WORDS or re.match(r"\s*(?:bash|sh)\b", block.lines[line - 1]):
            yield script, None
        elif word == "JSON":
            try:
                json.loads(script.text)
            except ValueError as error:
                yield None, (block.at(first), "json", str(error))


def shell(program, block):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(block.text)
        file.flush()
        done = subprocess.run([*program, file.name], capture_output=True, text=True)
        said = done.stderr.strip().replace(f"{file.name}: ", "").replace(f"{file.name}:", "line ")
    if done.returncode or said:
        line = re.search(r"line (\d+)", said)
        yield block.at(int(line[1]) if line else 1), program[0], said.splitlines()[0] if said else "it does not parse"


def shellcheck(blocks):
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, block in enumerate(blocks):
            names[f"{folder}/{number}"] = block
            Path(f"{folder}/{number}").write_text(block.text)
        command = ["shellcheck", "--format=json1", "--shell=bash", f"--exclude={','.join(EXCLUDED)}", *names]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode > 1:
            raise SystemExit(f"shellcheck: {done.stderr}")
        for fault in json.loads(done.stdout)["comments"]:
            yield names[fault["file"]].at(fault["line"]), f"SC{fault['code']}", fault["message"]


def judge(blocks):
    blocks, faults = list(blocks), []
    for block in list(blocks):
        for script, fault in scripts(block):
            blocks.append(script) if script else faults.append(fault)
    for block in blocks:
        faults += shell(["bash", "-n"], block)
        if block.pasted:
            faults += shell(["zsh", "-f", "-n"], block)
            faults += [(block.at(line), name, why) for line, name, why in traps(block)]
    return blocks, faults + list(shellcheck(blocks))


# Rule, and a block that it must find; "" stands for a block that is fine. `rule` also names bash, zsh and codes of shellcheck.
PLANTS = [
    ("read-prompt", "read -rp 'tag: ' TAG && echo \"$TAG\""),
    ("read-prompt", "( IFS= read -rsp 'secret: ' v )"),
    ("read-option", "read -ra words && echo \"${words[@]}\""),
    ("bash-only", "false | true; echo \"exit ${PIPESTATUS[0]}\""),
    ("array-index", "a=(x y)\necho \"${a[0]}\""),
    ("unsplit-loop", "names='a b'\nfor n in $names; do echo \"$n\"; done"),
    ("history", "echo \"well done!now\""),
    ("modifier", "sudo setfacl -m \"g:$M:r\" file"),
    ("subscript", "echo \"$name[1]\""),
    ("equals", "[ a == b ]"),
    ("equals", "echo =ls"),
    ("own-name", "path=/tmp && ls"),
    ("own-name", "printf 'x: ' && read -r status"),
    ("echo-escape", "echo 'a\\tb'"),
    ("ends-shell", "set -eu\nls"),
    ("ends-shell", "ls || { echo no; exit 1; }"),
    ("glob", "curl https://example.org/?id=1"),
    ("glob", "grep -r --include=*.md word ."),
    ("answer", "printf 'tag: ' && read -r TAG\ngit checkout \"$TAG\""),
    ("bash", "if true; then echo a"),
    ("zsh", "coproc x { true; }"),
    ("SC2086", "rm $file"),
    ("SC2086", "cat > x <<'SH'\n#!/bin/sh\nrm $file\nSH"),
    ("bash", "bash <<'END'\nif true\nEND"),
    ("json", "cat > x <<'JSON'\n{ \"a\": 1, }\nJSON"),
    ("", "# it isn't run\nprintf 'tag: ' && read -r TAG &&\ngit checkout \"refs/tags/$TAG\" && [ ! -e x ]"),
    ("", "( set -o pipefail; make 2>&1 | tee log ); echo \"exit $?\"\n[[ $a == b ]] || echo \"${M}:r\" 'https://x/?a=1'"),
    ("", "cat > x <<'SH'\n#!/usr/bin/env bash\nset -euo pipefail\necho \"${PIPESTATUS[0]}\"\nexit 1\nSH\nchmod 700 x"),
    ("", "for ns in $(dig +short NS x); do echo \"$ns\"; done; while read -r id; do echo \"$id\"; done < list\nls secrets/*.txt"),
]


def planted():
    for rule, text in PLANTS:
        # As in a list, with a fence around it.
        page = "- [ ] item\n  ```bash\n" + "".join(f"  {line}\n" for line in text.split("\n")) + "  ```\n"
        found = judge(fences("planted", page))[1]
        names = {name for _, name, _ in found}
        if (rule and rule not in names) or (not rule and found):
            yield f"planted: `{text}`: wanted {rule or 'no fault'}, found {found or 'none'}"


def main():
    paths = [Path(name) for name in sys.argv[1:]] or sorted(path for pattern in DOCUMENTS for path in ROOT.glob(pattern))
    missed = list(planted())
    blocks = []
    for path in paths:
        name = path.resolve().relative_to(ROOT) if path.resolve().is_relative_to(ROOT) else path
        blocks += fences(name, path.read_text())
    found, faults = judge(blocks)
    order = lambda fault: (fault[0].rsplit(":", 1)[0], int(fault[0].rsplit(":", 1)[1]))
    for place, name, why in sorted(set(faults), key=order):
        print(f"{place}: {name}: {why}")
    for line in missed:
        print(line)
    if faults or missed:
        raise SystemExit(1)
    print(f"{len(blocks)} blocks of {len(paths)} files, and {len(found) - len(blocks)} scripts in them: no fault. {len(PLANTS)} planted blocks: judged as they must be.")


if __name__ == "__main__":
    main()
