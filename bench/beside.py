#!/usr/bin/env python3
"""Two programs beside each other in what the other benchmarks time: builds, merges and sendings, in turn on one machine.

    python3 bench/beside.py OLD NEW
    python3 bench/beside.py OLD NEW --old-project FOLDER --runs 5 --pages 1000,10000 --recipients 100000 --connections 1,4,16

OLD and NEW are programs of one profile. Each turn runs both of a row, and every second turn begins with NEW, so that a change
of the machine meets both. A row is slower if the new median is more than 5 % above the old one and above every old value; the
exit code is then 1. Both merge the notice of this repository, unless OLD cannot read it: then it needs a project of its own.
"""
import argparse
import os
import shutil
import statistics
import sys
from pathlib import Path

import merge
import run
import sending

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "target/bench"
TOLERANCE = 1.05


def builds(programs, sizes):
    """Seconds of a build of each size, from nothing and with its cache."""
    aside = CACHE / "aside"

    def row_of(program, folder, primed):
        command = [program, "build", "--site-only", "--offline", "--quiet"]
        return run.Row("", command, folder, folder / "public", [folder / ".runsheet"], primed=primed)

    def seconds(row):
        result, fault = row.run(aside)
        return result[0] if result else sys.exit(fault)

    for size in sizes:
        folder = run.corpus_of(size, "runsheet", CACHE)
        yield f"build, {size:,} pages", [lambda row=row_of(program, folder, False): seconds(row) for program in programs]
        # Each has a cache of its own: neither reads what the other has kept.
        copies = []
        for name in ("old", "new"):
            copy = folder.with_name(f"{folder.name}-{name}")
            if not copy.exists():
                copy.mkdir()
                shutil.copytree(folder / "content", copy / "content", copy_function=os.link)
                shutil.copy(folder / "runsheet.toml", copy)
            shutil.rmtree(copy / ".runsheet", ignore_errors=True)
            copies.append(copy)
        warm = [row_of(program, copy, True) for program, copy in zip(programs, copies)]
        for row in warm:
            row.run(aside)
        yield f"build, {size:,} pages, warm", [lambda row=row: seconds(row) for row in warm]
    shutil.rmtree(aside, ignore_errors=True)


def merges(programs, projects, count):
    """Seconds of a merge to one file, on one core."""
    people = merge.recipients(count)
    target = merge.FOLDER / "beside.mbox"

    def seconds(program, project):
        # A merge writes over nothing that another program has written.
        target.unlink(missing_ok=True)
        command = [program, "--root", project, "--offline", "--quiet", "notice", "merge", "advance", "--all", "--recipients", people, "--to", target]
        return merge.timed(command)["wall"]

    yield f"merge, {count:,} recipients", [lambda pair=pair: seconds(*pair) for pair in zip(programs, projects)]


def sendings(programs, port, connections, messages):
    """Milliseconds a message with the ledger on, over so many connections."""
    for number in connections:
        yield f"send, {number} connections, ms a message", [lambda program=program: 1000 / sending.runsheet(program, port, number, messages)[0] for program in programs]


def judge(name, ways, turns):
    """Runs both ways in turn, prints their row, and says whether the new one is not slower."""
    values = [[], []]
    for turn in range(turns):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            values[side].append(ways[side]())
    old, new = map(statistics.median, values)
    is_slower = new > TOLERANCE * old and new > max(values[0])
    spread = ["{:.3f}–{:.3f}".format(min(side), max(side)) for side in values]
    print(f"| {name} | {old:.3f} | {spread[0]} | {new:.3f} | {spread[1]} | {new / old:.2f} | {'SLOWER' if is_slower else ''} |", flush=True)
    return not is_slower


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--old-project", type=Path, default=ROOT, metavar="FOLDER", help="the project that OLD merges [this one]")
    parser.add_argument("--runs", type=int, default=5, help="runs of each row [5]")
    parser.add_argument("--pages", default="1000,10000", help="sizes of the corpus, with commas")
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--connections", default="1,4,16")
    parser.add_argument("--messages", type=int, default=20_000)
    options = parser.parse_args()
    programs = [run.program(options.old), run.program(options.new)]
    for folder in (CACHE, merge.FOLDER, sending.FOLDER):
        folder.mkdir(parents=True, exist_ok=True)
    server, port = sending.sink()
    print("| Row | Old, median | spread | New, median | spread | New to old | |\n| --- | ---: | --- | ---: | --- | ---: | --- |")
    try:
        rows = [
            *merges(programs, [options.old_project.resolve(), ROOT], options.recipients),
            *sendings(programs, port, map(int, options.connections.split(",")), options.messages),
        ]
        fine = [judge(*row, options.runs) for row in rows]
        # A row of builds prepares its folders when it is asked for.
        fine += [judge(*row, options.runs) for row in builds(programs, map(int, options.pages.split(",")))]
    finally:
        server.terminate()
    print(f"\nmedians of {options.runs} runs, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
