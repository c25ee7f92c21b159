#!/usr/bin/env python3
"""How long `notice check` takes for a table with faulty rows, beside a merge of the same table without them, and how much memory.

    python3 bench/bad_rows.py
    python3 bench/bad_rows.py --recipients 50000 --bad 500 --runs 5

All rows run in turn on one core, in one run, with the notice of the sample. A third row checks a table of which every second row is
faulty: memory does not grow with their number. What it makes lies below target/bench/merge.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import time
import os

from merge import FOLDER, ROOT, built, recipients

# What is done to a row: an address, a zone, a name, an organisation that no message can have.
SPOILS = [("email", "nobody"), ("zone", "Mars/Phobos"), ("name", ""), ("org", "#N/A"), ("lang", "klingon"), ("email", "a@b.example; c@d.example")]


def spoiled(count, bad):
    path = FOLDER / f"recipients-{count}-{bad}-bad.csv"
    if not path.exists():
        with open(recipients(count), encoding="utf-8") as source, open(path, "w", newline="", encoding="utf-8") as target:
            rows = csv.DictReader(source)
            writer = csv.DictWriter(target, rows.fieldnames)
            writer.writeheader()
            for number, row in enumerate(rows):
                if number % (count // bad) == 1:
                    column, value = SPOILS[number // (count // bad) % len(SPOILS)]
                    row[column] = value
                writer.writerow(row)
    return path


def timed(command, code):
    """Wall and CPU seconds, and the peak in MiB."""
    begin = time.monotonic()
    process = subprocess.Popen(["taskset", "-c", "0", *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    if os.waitstatus_to_exitcode(status) != code:
        sys.exit(f"exit code {os.waitstatus_to_exitcode(status)}: {errors.decode()}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipients", type=int, default=50_000)
    arguments.add_argument("--bad", type=int, default=500)
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_args()
    count, bad = options.recipients, options.bad
    FOLDER.mkdir(parents=True, exist_ok=True)
    program = [built(ROOT, ROOT / "target") / "runsheet", "--root", ROOT, "--offline", "--quiet", "notice"]
    mbox, report = FOLDER / "good.mbox", FOLDER / "bad.csv"
    for old in (mbox, report):
        old.unlink(missing_ok=True)
    merge = f"merge of {count:,} good rows to one mbox"
    check = f"check of {count:,} rows, {bad:,} of them faulty"
    half = f"check of {count:,} rows, {count // 2:,} of them faulty"
    rows = {
        merge: ([*program, "merge", "advance", "--all", "--recipients", recipients(count), "--to", mbox], 0),
        check: ([*program, "check", "advance", "--recipients", spoiled(count, bad), "--report", report], 1),
        half: ([*program, "check", "advance", "--recipients", spoiled(count, count // 2), "--report", report], 1),
    }
    results = {name: [] for name in rows}
    for run in range(options.runs):
        for name, (command, code) in rows.items():
            results[name].append(timed(command, code))
            print(f"run {run + 1}: {name}: {results[name][-1]['wall']:.2f} s", file=sys.stderr)
    middle = lambda name, key: statistics.median(result[key] for result in results[name])
    print("| Row | Seconds | CPU seconds | Peak MiB |\n| --- | --- | --- | --- |")
    for name in rows:
        print(f"| {name} | {middle(name, 'wall'):.2f} | {middle(name, 'cpu'):.2f} | {middle(name, 'peak'):.0f} |")
    ratio = middle(check, "wall") / middle(merge, "wall")
    print(f"check: {ratio:.2f} x the time of the merge, at most 1.2 are allowed")
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, one used")
    sys.exit(ratio > 1.2)


if __name__ == "__main__":
    main()
