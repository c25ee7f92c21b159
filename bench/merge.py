#!/usr/bin/env python3
"""How long a merge takes, beside mailmerge 2.3.0 and beside a bare loop that only formats the same parts with lettre.

    python3 bench/merge.py
    python3 bench/merge.py --recipients 100000,1000000 --runs 3

All rows run in turn on one core (taskset), in one run. It needs Cargo, and access to PyPI once. What it makes lies below
target/bench/merge. The 1,000,000 are written to standard output and counted there.
"""

import argparse
import csv
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "target/bench/merge"
ZONES = ["Europe/London", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Adelaide"]
MAILMERGE = "2.3.0"
MAILMERGE_COUNT = 2000


def recipients(count):
    path = FOLDER / f"recipients-{count}.csv"
    if not path.exists():
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["email", "name", "zone", "lang", "org"])
            for number in range(count):
                organisation = f"Sample Cold Store {number % 5000}"
                rows.writerow([f"sample{number}@customer{number % 977}.example", f"Sample Person {number}", ZONES[number % 5], "en", organisation])
    return path


def built(folder, target):
    """Builds a program in the profile `release`; nothing is made beside its sources."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", target)) if folder == ROOT else target
    command = ["cargo", "build", "--quiet", "--locked", "--release", "--manifest-path", str(folder / "Cargo.toml")]
    subprocess.run([*command, "--target-dir", str(target)], check=True)
    return target / "release"


def mailmerge():
    """The program of PyPI, in a virtual environment of its own, and the same notice as a template of its own."""
    program = FOLDER / "venv/bin/mailmerge"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER / "venv"], check=True)
        subprocess.run([FOLDER / "venv/bin/pip", "install", "--quiet", f"mailmerge=={MAILMERGE}"], check=True)
    text = (ROOT / "content/docs/USER_NOTICE_TEMPLATE.md").read_text(encoding="utf-8")
    notice = text.split("## Advance notice", 1)[1].split("\n## ", 1)[0]
    notice = notice.replace("<!-- id: advance -->", "")
    subject = re.search(r"\*\*Subject:\*\* (.*)", notice).group(1)
    body = notice.split(subject, 1)[1]

    def plain(text):
        text = re.sub(r"\{\{ event[^}]*zone=r\.zone[^}]*\}\}", "{{local}}", text)
        text = re.sub(r"\{\{ event[^}]*\}\}", "{{utc}}", text)
        text = re.sub(r"\{\{ r\.(\w+) \}\}", r"{{\1}}", text)
        text = text.replace("{{ links.support }}", "mailto:support@freshtrackpro.com")
        text = re.sub(r"\{\{ links\.(\w+) \}\}", r"https://freshtrackpro.com/\1", text)
        return re.sub(r"\{\{ vars\.(\w+) \}\}", r"\1", text)

    folder = FOLDER / "mailmerge"
    folder.mkdir(exist_ok=True)
    head = f"TO: {{{{email}}}}\nSUBJECT: {plain(subject)}\nFROM: FreshTrack Pro <support@freshtrackpro.com>\nContent-Type: text/markdown; charset=utf-8\n"
    (folder / "template.txt").write_text(head + "\n" + plain(body).strip() + "\n", encoding="utf-8")
    (folder / "server.conf").write_text("[smtp_server]\nhost = localhost\nport = 25\n")
    with open(recipients(MAILMERGE_COUNT), encoding="utf-8") as source, open(folder / "people.csv", "w", newline="", encoding="utf-8") as target:
        rows = list(csv.DictReader(source))[:MAILMERGE_COUNT]
        writer = csv.DictWriter(target, [*rows[0], "local", "utc"])
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"local": "Sat 13 Feb 2027, 02:00 to 05:00 GMT (UTC+0)", "utc": "Sat 13 Feb 2027, 02:00 to 05:00 UTC"})
    return [program, "--no-limit", "--dry-run", "--output-format", "raw", "--template", folder / "template.txt",
            "--database", folder / "people.csv", "--config", folder / "server.conf"]


def timed(command, count_messages=None):
    """Wall and CPU seconds, peak in MiB; with a marker, the number of lines of the output that begin with it."""
    output = subprocess.PIPE if count_messages else subprocess.DEVNULL
    begin = time.monotonic()
    process = subprocess.Popen(["taskset", "-c", "0", *map(str, command)], stdout=output, stderr=subprocess.PIPE)
    found = sum(line.startswith(count_messages) for line in process.stdout) if count_messages else None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command[0]} failed: {errors.decode()}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024, "found": found}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipients", default="100000")
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    program = built(ROOT, ROOT / "target") / "runsheet"
    letters = built(ROOT / "bench/letters", FOLDER / "letters") / "letters"
    merge = [program, "--root", ROOT, "--offline", "--quiet", "notice", "merge", "advance", "--all"]
    line = FOLDER / "line.jsonl"
    # Of an earlier run, perhaps of another program: a merge writes over nothing that it does not know.
    for old in (line, FOLDER / "out.mbox"):
        old.unlink(missing_ok=True)
    subprocess.run([*merge, "--recipients", recipients(1000), "--limit", "1", "--to", line], check=True)
    sizes = [int(size) for size in options.recipients.split(",")]
    rows = {f"mailmerge {MAILMERGE}, {MAILMERGE_COUNT} messages": (MAILMERGE_COUNT, mailmerge(), None)}
    for size in sizes:
        name = f"runsheet, {size:,}"
        if size <= 100_000:
            rows[f"lettre alone, {size:,}"] = (size, [letters, line, size], None)
            rows[name + " to one mbox"] = (size, [*merge, "--recipients", recipients(size), "--to", FOLDER / "out.mbox"], None)
        else:
            rows[name + " to `-`, counted"] = (size, [*merge, "--recipients", recipients(size), "--to", "-"], b"From ")
    results = {name: [] for name in rows}
    for run in range(options.runs):
        for name, (size, command, marker) in rows.items():
            result = timed(command, marker)
            if marker and result["found"] != size:
                sys.exit(f"{name}: {result['found']} messages were counted")
            results[name].append(result)
            print(f"run {run + 1}: {name}: {result['wall']:.2f} s", file=sys.stderr)
    middle = lambda name, key: statistics.median(result[key] for result in results[name])
    print("| Row | Messages/s | CPU µs a message | Peak MiB |\n| --- | --- | --- | --- |")
    for name, (size, _, _) in rows.items():
        print(f"| {name} | {size / middle(name, 'wall'):,.0f} | {middle(name, 'cpu') / size * 1e6:,.0f} | {middle(name, 'peak'):.0f} |")
    rate = {name: size / middle(name, "wall") for name, (size, _, _) in rows.items()}
    first = next(iter(rows))
    for size in sizes:
        for name in rows:
            if name.startswith(f"runsheet, {size:,}"):
                print(f"{name}: {rate[name] / rate[first]:.0f} x the messages a second of {first}")
                bare = f"lettre alone, {size:,}"
                if bare in rows:
                    print(f"{name}: {middle(name, 'cpu') / middle(bare, 'cpu'):.2f} x the CPU of {bare}")
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, one used")


if __name__ == "__main__":
    main()
