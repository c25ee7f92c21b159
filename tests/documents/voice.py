"""Counts phrases that sound translated in everything that people read: documents, help, messages, words of page and mail, comments.

Usage: voice.py [FILE ...]    Without files: all that git knows of. Prints each place, and fails if there is one.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What is read: the tests, and what is recorded there, speak to nobody but their authors.
READ = ("*.md", "src/*", "themes/default/source/*", "themes/default/templates/*", "build.rs", "runsheet.toml", "compose.production.yaml")
OTHERS = ("tests/*", "fuzz/*", "bench/*", "themes/default/static/*")

PHRASES = {
    "X is no Y": r"(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|fewer\b|later\b|earlier\b|larger\b|smaller\b|one\b)",
    "that is none": r"(?<!\bthere )\b(?:is|are|was|were) none\b",
    "tells, is told": r"\b(?:tells|told)\b",
    "go on": r"\b(?:go|goes|gone|went|going) on(?! (?:to|the|a|your|its) )\b",
    "hold against": r"\b(?:hold|holds|held)\b[^.;:\n]{0,60}\bagainst\b",
    "mend": r"\bmend(?:s|ed|ing)?\b",
}

# What each of them must find, and what is plain English.
PLANTED = {
    "X is no Y": ["`x` is no time", "these are no hosts"],
    "that is none": ["a certificate that is none"],
    "tells, is told": ["it tells why", "nobody was told"],
    "go on": ["what goes on", "sending is gone on with"],
    "hold against": ["holds the table against the notice"],
    "mend": ["mend it", "what was mended"],
}
INNOCENT = ["there is no page", "it is no longer there", "go on to the next page", "recommend", "hold the lock", "untold"]


def finds(phrase: str, line: str) -> int:
    return len(re.findall(PHRASES[phrase], line, re.IGNORECASE))


def planted() -> list[str]:
    missed = [f"“{line}” is not found as “{phrase}”" for phrase, lines in PLANTED.items() for line in lines if not finds(phrase, line)]
    return missed + [f"“{line}” is found as “{phrase}”" for phrase in PHRASES for line in INNOCENT if finds(phrase, line)]


def files() -> list[str]:
    def listed(patterns):
        return set(subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"))
    return sorted(listed(READ) - listed(OTHERS) - {""})


def main() -> int:
    counts, names = dict.fromkeys(PHRASES, 0), sys.argv[1:] or files()
    for name in names:
        text = (ROOT / name).read_text(encoding="utf-8")
        for number, line in enumerate(text.split("\n"), 1):
            for phrase in PHRASES:
                if found := finds(phrase, line):
                    counts[phrase] += found
                    print(f"{name}:{number}: {phrase}: {line.strip()[:160]}")
    print(f"{len(names)} files: " + ", ".join(f"“{phrase}” {count}" for phrase, count in counts.items()))
    faults = planted()
    for fault in faults:
        print(fault)
    return 1 if faults or any(counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
