"""An export of 5,000 rows with 46 faults: checked, mended by its report, and sent, in one round.

    python3 tests/sending/export.py PROGRAM

The export is made up, and the same each time. Whoever mends it does what the report says of each cell, and no more: where the report
cannot know what was meant, the value is looked up where the export came from.
"""
import collections
import csv
import io
import pathlib
import random
import re
import subprocess
import sys
import time

from project import Project
from smtp_server import Server

ROWS = 5000
HEADER = ["E-Mail", "Full name", "Organisation", "zone", "lang", "notes"]
ZONES = ["Europe/London", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Adelaide"]
COLUMNS = 'columns = { email = "E-Mail", name = "Full name", org = "Organisation" }'
NOTICE = """---
kind: notices
---
# Notices

## Advance
<!-- id: advance -->
**Subject:** For {{ r.name }}

Hello {{ r.name }} of {{ r.org }},

it begins at {{ event.start | when(zone=r.zone) }}.
"""


def good_rows():
    """What the rows should be. Some notes have several lines, and some names letters that need UTF-8."""
    chance = random.Random(5000)
    names = ["Jürgen Muster", "Zoé Échantillon", "Sample Person", "Łucja Przykład", "見本"]
    rows = []
    for number in range(ROWS):
        notes = chance.choice(["", "", "called", "two\nlines", "a; semicolon", 'a "quote"'])
        rows.append([f"person{number}@customer{number % 97}.example", f"{chance.choice(names)} {number}", f"Sample Ltd {number % 300}",
                     chance.choice(ZONES), chance.choice(["", "en", "de"]), notes])
    return rows


def cell(column, change):
    def spoil(row):
        row[column] = change(row[column])
    return spoil


# Each fault, and what it does to a row.
FAULTS = [
    ("bad-address", cell(0, lambda it: it.replace("@", " at "))),
    ("bad-address", cell(0, lambda it: it.split(".")[0])),
    ("bad-address", cell(0, lambda it: it + ".")),
    ("bad-address", cell(0, lambda it: "mailto:" + it)),
    ("bad-address", cell(0, lambda it: "")),
    ("bad-address", cell(0, lambda it: it.replace("person", "per\u00a0son"))),
    ("bad-address", cell(0, lambda it: f"Sample Person <{it}>")),
    ("bad-address", cell(0, lambda it: f"{it}; second.{it}")),
    ("bad-address", cell(0, lambda it: f"{it}, second.{it}")),
    ("mixed-script", cell(0, lambda it: it.replace("customer", "cust\u043emer"))),
    ("bad-zone", cell(3, lambda it: "Mars/Phobos")),
    ("bad-zone", cell(3, lambda it: it.replace("/", "-"))),
    ("bad-zone", cell(3, lambda it: "GMT+25")),
    ("bad-language", cell(4, lambda it: "klingon")),
    ("bad-language", cell(4, lambda it: "d e")),
    ("empty-field", cell(1, lambda it: "")),
    ("empty-field", cell(2, lambda it: "  ")),
    ("empty-field", cell(3, lambda it: "")),
    ("control-character", cell(1, lambda it: it + "\nBcc: someone")),
    ("control-character", cell(2, lambda it: it + "\x1b[0m")),
    ("control-character", cell(2, lambda it: it + "\uf8ff")),
    ("invisible-character", cell(1, lambda it: "\u200b" + it)),
    ("invisible-character", cell(1, lambda it: "\u202e" + it)),
    ("invisible-character", cell(0, lambda it: it + "\u200b")),
    ("filler-value", cell(2, lambda it: "#N/A")),
    ("filler-value", cell(1, lambda it: "[NAME]")),
    ("filler-value", cell(1, lambda it: "{{ first_name }}")),
    ("mojibake", cell(1, lambda it: "Jürgen".encode().decode("cp1252"))),
    ("mojibake", cell(2, lambda it: "Kühlhaus".encode().decode("cp1252"))),
    ("bad-encoding", cell(1, lambda it: "J\udcfcrgen")),
    ("bad-encoding", cell(2, lambda it: "K\ufffdhlhaus")),
    ("encoded-word", cell(1, lambda it: "=?utf-8?q?J=C3=BCrgen?=")),
    ("too-large", cell(2, lambda it: "x" * 70_000)),
    ("bad-row", lambda row: row.pop()),
    ("bad-row", lambda row: row.append("one more")),
]
# Rows with more than one fault: whoever mends the first must not find the second later.
FAULTS_TOGETHER = [
    (cell(3, lambda it: "Mars/Phobos"), cell(1, lambda it: "")),
    (cell(0, lambda it: "nobody"), cell(2, lambda it: "#REF!")),
    (cell(1, lambda it: "[NAME]"), cell(2, lambda it: "")),
]
# An address that is there again, with another value: once in a good row, once in a row that is wrong anyhow.
AGAIN = [lambda row: None, cell(3, lambda it: "Mars/Phobos")]


def made():
    """The bytes of the export, the good rows, and what is wrong: (code, number of the good row)."""
    good = good_rows()
    chance = random.Random(46)
    numbers = chance.sample(range(100, ROWS - 100), len(FAULTS) + len(FAULTS_TOGETHER) + len(AGAIN))
    rows = [(number, list(row)) for number, row in enumerate(good)]
    faults = 0
    for code, spoil in FAULTS:
        spoil(rows[numbers.pop()][1])
        faults += 1
    for spoils in FAULTS_TOGETHER:
        row = rows[numbers.pop()][1]
        for spoil in spoils:
            spoil(row)
            faults += 1
    for number, spoil in zip(numbers, AGAIN):
        again = [*good[number][:2], "Another Ltd", *good[number][3:]]
        before = list(again)
        spoil(again)
        rows.insert(number + 40, (None, again))
        # Both rows are named.
        faults += 2 + (again != before)
    return rows, good, faults


def written(rows):
    text = io.StringIO()
    text.write("sep=;\r\n")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows([HEADER, *rows])
    return "\ufeff".encode() + text.getvalue().encode("utf-8", "surrogateescape")


def lines_of(data):
    """The index of the row that begins on each line of the file, without `sep=` and header."""
    text = data.decode("utf-8", "surrogateescape").lstrip("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    begins, before = {}, 0
    for number, _ in enumerate(reader):
        begins[before + 1] = number - 2
        before = reader.line_num
    return begins


def mend(rows, good, report, begins):
    """Does what the report says of each cell. Gives the rows, and the addresses that have become rows of their own."""
    more, gone = [], set()
    for fault in report:
        index = begins[int(fault["line"])]
        number, row = rows[index]
        code, help_ = fault["code"], fault["help"]
        if code == "duplicate-recipient":
            if number is None:
                gone.add(index)
            continue
        if number is None:
            continue
        if code == "bad-row":
            row[:] = good[number]
            continue
        column = HEADER.index(fault["column"])
        written_out = re.match(r"write `([^` ]+@[^` ]+)`(?: here, and `(.+)` in the column `name`)?", help_)
        if code == "bad-address" and "its own row" in help_:
            first, second = re.split(r"[;,] ", row[0])
            row[0] = first
            more.append((None, [second, *row[1:]]))
        elif code == "bad-address" and written_out:
            row[0] = written_out[1]
            if written_out[2]:
                row[1] = written_out[2]
        else:
            row[column] = good[number][column]
    kept = [row for index, row in enumerate(rows) if index not in gone]
    return kept + more, [row[0] for _, row in more]


def read_report(project):
    with open(project.root / "bad.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def expect(actual, wanted, what):
    assert actual == wanted, f"{what}: {actual!r}, not {wanted!r}"


def prepared(program, server):
    project = Project(program, server.port, 0, mailing=COLUMNS, notices='', smtp="connections = 8")
    (project.root / "content/notices.md").write_text(NOTICE)
    config = project.root / "runsheet.toml"
    config.write_text(config.read_text().replace('number = "0"', 'org = "Sample Ltd", zone = "UTC"'))
    return project


def one_round(program):
    """From the first check to everybody's mail: how many rounds, and how long each program took."""
    with Server() as server:
        project = prepared(program, server)
        rows, good, faults = made()
        expect(faults, 46, "faults of the export")
        table = project.root / "people.csv"
        table.write_bytes(written([row for _, row in rows]))
        rounds, seconds, added = 0, {"check": 0.0, "send": 0.0}, []
        while True:
            begin = time.monotonic()
            done = project.run("check", "advance", "--report", "bad.csv", cwd=project.root)
            seconds["check"] += time.monotonic() - begin
            if done.returncode == 0:
                break
            expect(done.returncode, 1, done.stderr)
            report = read_report(project)
            if rounds == 0:
                expect(len(report), faults, "lines of the report")
                codes = {fault["code"] for fault in report}
                expect(codes, {code for code, _ in FAULTS} | {"duplicate-recipient"}, "codes of the report")
                kinds = [fault["code"] for fault in report]
                expect(len([1 for one, two in zip(kinds, kinds[1:]) if one != two]) + 1, len(codes), "runs of one kind")
                assert f"{faults} faults in" in done.stderr, done.stderr
            rows, more = mend(rows, good, report, lines_of(table.read_bytes()))
            added += more
            table.write_bytes(written([row for _, row in rows]))
            rounds += 1
            assert rounds < 5, done.stderr
        expect(rounds, 1, "rounds")
        everybody = sorted([row[0] for row in good] + added)
        begin = time.monotonic()
        done = project.send(count=len(everybody))
        seconds["send"] = time.monotonic() - begin
        expect(done.returncode, 0, done.stderr)
        expect(sorted(server.record.copies().items()), [(address, 1) for address in everybody], "who got how many")
        print(f"export of {ROWS:,} rows with {faults} faults: {rounds} round, {seconds['check']:.1f} s to check twice, "
              f"{seconds['send']:.1f} s to send {len(everybody):,}")


def without_bad_rows(program):
    """The dirty export is sent without its faulty rows: only with their number, and nobody of them gets a mail."""
    with Server() as server:
        project = prepared(program, server)
        rows, good, _ = made()
        table = project.root / "people.csv"
        table.write_bytes(written([row for _, row in rows]))
        done = project.run("check", "advance", "--report", "bad.csv", cwd=project.root)
        begins = lines_of(table.read_bytes())
        bad = {begins[int(fault["line"])] for fault in read_report(project) if fault["severity"] == "error"}
        assert f"in {len(bad)} of {len(rows):,} rows" in done.stderr, done.stderr
        fine = sorted(row[0] for index, (_, row) in enumerate(rows) if index not in bad)
        for wrong in (len(bad) - 1, len(bad) + 1, 0):
            done = project.send("--skip-bad", str(wrong), count=len(fine))
            expect(done.returncode, 2, done.stderr)
            assert f"{len(bad)} rows are faulty" in done.stderr, done.stderr
        expect(project.send(count=len(fine)).returncode, 1, "without --skip-bad")
        expect(server.record.taken, [], "mails before the right number was given")
        done = project.send("--skip-bad", str(len(bad)), count=len(fine))
        expect(done.returncode, 0, done.stderr)
        assert f", {len(bad)} left out" in done.stderr, done.stderr
        expect(sorted(server.record.copies().items()), [(address, 1) for address in fine], "who got how many")
        states = collections.Counter(project.states().values())
        expect((states["accepted"], set(states)), (len(fine), {"accepted", "left out"}), "states")
        again = project.send("--skip-bad", str(len(bad)), count=len(fine))
        expect((again.returncode, len(server.record.taken)), (0, len(fine)), again.stderr)
        # Mended, a plain send reaches those who were left out, and nobody twice.
        rows, _ = mend(rows, good, read_report(project), begins)
        rows = [row for row in rows if not row[1][0].startswith("second.")]
        table.write_bytes(written([row for _, row in rows]))
        everybody = sorted(row[0] for row in good)
        done = project.send(count=len(everybody))
        expect(done.returncode, 0, done.stderr)
        assert f"{len(everybody) - len(fine)} rows left out before are now good, and planned" in done.stderr, done.stderr
        expect(sorted(server.record.copies().items()), [(address, 1) for address in everybody], "who got how many, when mended")
        expect(collections.Counter(project.states().values()), {"accepted": len(everybody)}, "states when mended")
        print(f"without {len(bad)} faulty rows: {len(fine):,} mails, none to them; mended, {len(everybody) - len(fine)} more by a plain send")


def stopped(program):
    """A run without its faulty rows that was limited goes on, and leaves out the same rows when it reads the table again."""
    with Server() as server:
        project = Project(program, server.port, 30)
        table = project.root / "people.csv"
        table.write_text(table.read_text() + "bad@,Bad,1\nsample3@d3.example,Other,3\n")
        fine = sorted(address for address in project.addresses if address != "sample3@d3.example")
        done = project.send("--skip-bad", "3", "--limit", "10", count=29)
        expect((done.returncode, len(server.record.taken)), (0, 10), done.stderr)
        done = project.send("--skip-bad", "3", count=29)
        expect(done.returncode, 0, done.stderr)
        expect(sorted(server.record.copies().items()), [(address, 1) for address in fine], "who got how many")
        # A stranger is not one of those who were left out.
        table.write_text("\n".join(table.read_text().split("\n")[:-3]) + "\nstranger@b.example,Stranger,1\nother@b.example,Other,1\n")
        done = project.send(count=32)
        expect((done.returncode, "recipients are new" in done.stderr), (2, True), done.stderr)
        table.write_text(table.read_text().replace("stranger@b.example,Stranger,1\n", ""))
        done = project.send(count=31)
        expect((done.returncode, len(server.record.taken)), (0, 31), done.stderr)


def elsewhere(program):
    """A table outside of the project is named as it was given."""
    with Server() as server:
        project = Project(program, server.port, 2)
        outside = project.root.parent / "elsewhere.csv"
        outside.write_text("email,name,number\na@b.example,A,1\nbad,B,2\n")
        for name, cwd in ((str(outside), None), ("../elsewhere.csv", project.root)):
            for command in ("check", "merge"):
                done = project.run(command, "advance", "--recipients", name, cwd=cwd)
                expect(done.returncode, 1, done.stderr)
                assert f"{name}:3" in done.stderr and "people.csv" not in done.stderr, done.stderr
            done = project.run("check", "advance", "--recipients", name, "--message-format", "sarif", cwd=cwd)
            assert f'"uri":"{name}"' in done.stdout, done.stdout


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    assert subprocess.run([program, "--version"], stdout=subprocess.DEVNULL, check=False).returncode == 0
    for case in (one_round, without_bad_rows, stopped, elsewhere):
        case(program)


if __name__ == "__main__":
    main()
