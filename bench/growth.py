#!/usr/bin/env python3
"""How the time grows with the size of what is read: 1, 2, 4 and 8 times as much of it, for anchors, references, tables, run files and more.

    python3 bench/growth.py target/dist/runsheet
    python3 bench/growth.py target/dist/runsheet --runs 5 anchors "a run file"

Time is that of the processor in the program itself (user time, the mean of some runs), less what the program takes for next to nothing.
A row is linear if 8 times as much takes at most 8 x 1.3 times as long; the exit code is 1 if one is not. Run files are opened in Chromium,
where the time is that of the page's own thread; `npm ci` in tests/browser comes before that.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMES = (1, 2, 4, 8)
MOST = 1.3
# Less than this, in seconds, is noise.
LEAST = 0.01

SITE = '[site]\nid = "growth-01"\ntitle = "Growth"\n'
EVENT = (
    SITE
    + '[events.move]\nname = "Move"\nt0 = 2027-03-06T08:00:00\ntime_zone = "Europe/London"\n'
    + '[notices]\nfrom = "S <s@example.org>"\nreply_to = "s@example.org"\n'
    + 'sample = { name = "S", email = "s@customer.example", zone = "Europe/London" }\n'
    + '[[mailings]]\nid = "m"\nnotice = "n"\nevent = "move"\nrecipients = "recipients.csv"\nwhen = "T-1d"\n'
    + '[events.move.roles]\nops = "Operations"\n'
)
NOTICE = "---\ntitle: Notices\nkind: notices\n---\n\n# Notices\n\n## N\n\n<!-- id: n -->\n\n**Subject:** S\n\nHello {{ r.name }}\n"
BUILD, CHECK = ["build", "--site-only"], ["check"]
TABLE = ["notice", "check", "m"]


def each(count, line, between="\n"):
    return between.join(line(number) for number in range(count)) + "\n"


def page(text, kind="page"):
    return {"content/index.md": f"---\ntitle: Page\nkind: {kind}\n---\n\n# Page\n\n{text}\n"}


def sheet(text):
    return page(text, "run-sheet") | {"runsheet.toml": EVENT, "content/n.md": NOTICE, "recipients.csv": "name,email,zone\n"}


def pages(count):
    return {f"content/{place(number)}.md": f"---\nkind: page\n---\n\n# Page {number}\n" for number in range(count)}


def place(number):
    """No folder has many pages or folders: its sidebar names all of them."""
    return f"{number // 400}/{number // 20}/page-{number}"


def recipients(line, count):
    return {
        "runsheet.toml": EVENT,
        "content/n.md": NOTICE,
        "recipients.csv": "name,email,zone\n" + each(count, line),
    }


# What grows: its number at 1 x, the files with so much of it, and what is run.
GROWS = {
    "anchors that are there": (16000, lambda n: page(each(n, lambda i: f"## Heading number {i}\n\n[x](#heading-number-{i})\n")), BUILD),
    "anchors that are not there": (4000, lambda n: page(each(n, lambda i: f"## Heading number {i}\n\n[x](#headin-number-{i})\n")), CHECK),
    "headings of one name": (32000, lambda n: page("## Same\n\n" * n), BUILD),
    "links to pages": (2000, lambda n: page(each(n, lambda i: f"[x]({place(i)}.md)")) | pages(n), CHECK),
    "links to pages that are not there": (1000, lambda n: page(each(n, lambda i: f"[x](pagg-{i}.md)")) | pages(n), CHECK),
    "links to addresses that are not there": (1000, lambda n: page(each(n, lambda i: f"[x](/0/0/pagg-{i})")) | pages(n), CHECK),
    "references": (24000, lambda n: page(each(n, lambda i: f"[r{i}]") + "\n" + each(n, lambda i: f"[r{i}]: tel:1")), BUILD),
    "references without a definition": (4000, lambda n: page(each(n, lambda i: f"[t][q{i}]") + "\n" + each(n, lambda i: f"[r{i}]: /{i}")), CHECK),
    "brackets in one paragraph": (12500, lambda n: page("[a]" * n), CHECK),
    "pairs of brackets in one paragraph": (6250, lambda n: page("[a][b]" * n), CHECK),
    "footnotes": (24000, lambda n: page(each(n, lambda i: f"x[^n{i}]") + "\n" + each(n, lambda i: f"[^n{i}]: y\n")), BUILD),
    "footnotes without a text": (6250, lambda n: page("x[^a]" * n), CHECK),
    "raw HTML in one paragraph": (6250, lambda n: page("<b>" * n), CHECK),
    "rows of a table on a page": (40000, lambda n: page("| a | b |\n|---|---|\n" + "| x | [y](https://x.example/) |\n" * n), BUILD),
    "columns of a table on a page": (60000, lambda n: page("| a " * n + "|\n" + "|---" * n + "|\n" + "| x " * n + "|\n"), BUILD),
    "links in one cell": (40000, lambda n: page("| a |\n|---|\n| " + "[y](https://x.example/) " * n + "|\n"), BUILD),
    "headings of a run sheet": (2000, lambda n: sheet(each(n, lambda i: f"## T+{i}m: Do {i} (ops)\n\n- [ ] It\n")), BUILD),
    "items of a run sheet": (8000, lambda n: sheet("## T-0: Do (ops)\n\n" + each(n, lambda i: f"- [ ] Do {i} (id: i{i}; ~1m)")), BUILD),
    "items that wait for others": (
        8000,
        lambda n: sheet("## T-0: Do (ops)\n\n" + each(n, lambda i: f"- [ ] Do {i} (id: i{i}; after: {f'i{i - 1}' if i else 'none'})")),
        BUILD,
    ),
    "values that code names": (
        8000,
        lambda n: sheet("## T-0: Do (ops)\n\n" + each(n, lambda i: f"- [ ] Value: _____ <!-- var: V{i} -->\n\n  `echo $V{i}`\n")),
        BUILD,
    ),
    "rows of recipients": (10000, lambda n: recipients(lambda i: f"N{i},n{i}@customer.example,Europe/London", n), TABLE),
    "rows of one recipient": (10000, lambda n: recipients(lambda i: "N,n@customer.example,Europe/London", n), TABLE),
    "rows with a fault": (2000, lambda n: recipients(lambda i: f"N{i},n{i},Mars/Phobos", n), TABLE),
}


def user_time(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"exit code {os.waitstatus_to_exitcode(status)}: {' '.join(map(str, command))}")
    return usage.ru_utime


def seconds(program, folder, files, command, runs):
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in ({"runsheet.toml": SITE} | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    # The kernel samples user time: of a short run the mean is right, and the least is too little.
    return statistics.fmean(user_time([program, "--root", folder, "--offline", *command]) for _ in range(runs))


def row(name, number, spent, unit):
    """A line of the table, and whether what it says is linear."""
    ratio = spent[-1] / max(spent[0], LEAST) / TIMES[-1]
    is_fine = ratio <= MOST
    doubled = " ".join(f"{after / before:.1f}" if before > 0 else "-" for before, after in zip(spent, spent[1:]))
    times = " | ".join(f"{one:.2f}" for one in spent)
    print(f"| {name} | {number:,} | {times} | {unit} | {doubled} | {ratio:.2f}{'' if is_fine else ' NOT LINEAR'} |", flush=True)
    return is_fine


def run_files(program):
    """The rows of run files: opening one, and each tick behind that."""
    made = subprocess.run(["node", HERE / "growth/run_file.mjs", program], stdout=subprocess.PIPE, check=True, text=True).stdout
    found = [json.loads(line) for line in made.splitlines()]
    base = {"open": 0, "tick": 0, "listed": 0}
    fine = True
    for kind in dict.fromkeys(one["kind"] for one in found):
        ones = [one for one in found if one["kind"] == kind]
        for what, words in [("open", "opened"), ("tick", "a tick"), ("listed", "a tick with the log unfolded")]:
            if ones[0]["size"] == 0:
                base[what] = ones[0][what]
                continue
            spent = [max(one[what] - base[what], 0) / 1000 for one in ones]
            name = f"a run file of {ones[-1]['bytes'] / 1e6:.1f} MB: {kind}: {words}"
            fine &= row(name, ones[0]["size"], spent, "s of the page")
    return fine


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", type=Path)
    arguments.add_argument("wanted", nargs="*", help="only what has one of these words in its name; `a run file` for those")
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_intermixed_args()
    program, wanted = options.program.resolve(), options.wanted
    print("| What grows | 1 x | 1 x | 2 x | 4 x | 8 x | Unit | Each doubling | 8 x beside 8 times 1 x |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        for name, (number, files, command) in GROWS.items():
            if wanted and not any(part in name for part in wanted):
                continue
            base = seconds(program, Path(folder) / "project", files(1), command, options.runs)
            spent = [max(seconds(program, Path(folder) / "project", files(number * times), command, options.runs) - base, 0) for times in TIMES]
            fine &= row(name, number, spent, "s")
    if not wanted or "a run file" in wanted:
        fine &= run_files(program)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
