#!/usr/bin/env bash
# mailmerge 2.3.0: whether a quotation mark of a recipient's value is read as it is meant depends on where its row is in the file.
#
# Expected: `"the ""night"" desk"` is the value `the "night" desk`, in any row (RFC 4180 §2, rule 7).
# Seen: in the first row it is. In row 41 the same field becomes `the "night"" desk"`, with one quotation mark too many in the
# middle and one at the end, and the mail says so to its recipient. There is no error, though the table is read with
# `strict = True`. The preview that mailmerge makes by default is of the first message only, which looks right.
#
# Cause: `detect_database_format` gives the first 1024 characters to `csv.Sniffer`, and takes over all that it finds, not just
# the delimiter. If no field in these has a doubled quotation mark, the dialect gets `doublequote = False` for the whole file.
# A user is on the safe side if a row with a doubled quotation mark is the first one, or without quotation marks in values.
# Runsheet takes a doubled quotation mark for one in every row, whatever the file begins with.
#
# This script fails if that changes. It needs python3 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mailmerge==2.3.0
FOLDER=$folder "$folder/venv/bin/python" - <<'PYTHON'
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(os.environ["FOLDER"])
HEAD = "email,desk"
ROWS = [f"user{number:02}@customer.example,desk {number:02}" for number in range(1, 41)]
QUOTED = 'night@customer.example,"the ""night"" desk"'

(FOLDER / "template.txt").write_text(
    "To: {{email}}\nSubject: Cutover\nFrom: cutover@provider.example\n\nYour desk is {{desk}}.\n"
)
# Nothing is sent: mailmerge only prints the messages unless it is told otherwise.
(FOLDER / "server.conf").write_text("[smtp_server]\nhost = mail.provider.example\nport = 25\n")


def messages(*rows):
    (FOLDER / "table.csv").write_text("\n".join([HEAD, *rows, ""]))
    command = [Path(sys.executable).with_name("mailmerge"), "--no-limit", "--output-format", "text"]
    command += ["--template", "template.txt", "--database", "table.csv", "--config", "server.conf"]
    printed = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True).stdout
    assert printed.count("\nTo: ") == len(rows), "there is one message for each row"
    (line,) = [line for line in printed.splitlines() if "night" in line and "@" not in line]
    return line


print("mailmerge", version("mailmerge"), "Python", platform.python_version())
first, last = messages(QUOTED, *ROWS), messages(*ROWS, QUOTED)
print(f"in row  1: {first}\nin row 41: {last}")
assert first == 'Your desk is the "night" desk.', "in the first row it is read as it is meant"
assert last == 'Your desk is the "night"" desk".', "this has changed"
print("seen: in a late row the quotation marks are wrong, and there is no error")
PYTHON
