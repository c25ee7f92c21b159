#!/usr/bin/env python3
"""How fast mails are sent with the ledger on, beside Postfix's smtp-source and beside what the disk can commit.

    python3 bench/sending.py
    python3 bench/sending.py --messages 5000 --runs 3
    python3 bench/sending.py --distance 10

All rows go to Postfix's smtp-sink on this machine, in one run. The bound is the lesser of what smtp-source sends over the
same number of connections, and connections times the commits a second of the disk that holds the ledger: a message that is
accepted needs its own place in a commit. With a distance, in milliseconds for one way, the server seems to be as far away, and what
counts is how often its answer is waited for. It needs Cargo and Debian's postfix (smtp-sink and smtp-source).
"""

import argparse
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "target/bench/sending"
sys.path.insert(0, str(ROOT / "tests/sending"))
from project import Project  # noqa: E402


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def until_it_listens(port, process):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process, port
        except OSError:
            time.sleep(0.02)
    sys.exit(f"{process.args[0]} does not start")


def sink():
    """smtp-sink on a free port; it takes everything, and offers PIPELINING."""
    port = free_port()
    command = ["smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "1024"]
    return until_it_listens(port, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def at_a_distance(port, milliseconds):
    """The same server, further away."""
    far = free_port()
    return until_it_listens(far, subprocess.Popen([sys.executable, ROOT / "bench/distance.py", str(far), str(port), str(milliseconds)]))


def source(port, connections, messages):
    begun = time.monotonic()
    subprocess.run(["smtp-source", "-d", "-s", str(connections), "-m", str(messages), "-l", "8192", "-f", "sender@bench.example",
                    "-t", "sample@bench.example", f"127.0.0.1:{port}"], check=True)
    return messages / (time.monotonic() - begun)


def commits(folder, seconds=2):
    """Transactions of one row that SQLite keeps a second, each on the disk before the next."""
    path = folder / "commits.sqlite"
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (number INTEGER)")
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        database.execute("INSERT INTO row VALUES (1)")
        count += 1
    rate = count / (time.monotonic() - begun)
    database.close()
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    return rate


def runsheet(program, port, connections, messages, more=""):
    project = Project(program, port, messages, smtp=f'{more}connections = {connections}\nper_connection = 1000000\nledger = "ledger.sqlite"')
    # The ledger lies where the commits were measured.
    project.root.joinpath("ledger.sqlite").unlink(missing_ok=True)
    target = FOLDER / "ledger"
    target.mkdir(exist_ok=True)
    for path in target.iterdir():
        path.unlink()
    config = project.root / "runsheet.toml"
    config.write_text(config.read_text().replace('ledger = "ledger.sqlite"', f'ledger = "{target}/ledger.sqlite"'))
    notice = project.root / "content/notices.md"
    notice.write_text(notice.read_text() + "\nA sentence that makes the message longer, as notices are.\n" * 33)
    begun = time.monotonic()
    done = project.send()
    whole = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    database = sqlite3.connect(target / "ledger.sqlite")
    first, last = database.execute("SELECT min(at), max(at) FROM event").fetchone()
    span = database.execute("SELECT (julianday(?) - julianday(?)) * 86400", (last, first)).fetchone()[0]
    size = project.run("preview", "advance", "--format", "eml").stdout
    return messages / span, messages / whole, len(size)


def far_away(program, port, options):
    """What is sent over one connection to a server at a distance."""
    process, far = at_a_distance(port, options.distance)
    messages = max(20, int(2000 / options.distance))
    ways = {
        "smtp-source": lambda: source(far, 1, messages),
        "runsheet": lambda: runsheet(program, far, 1, messages)[0],
        "runsheet, `pipelining = false`": lambda: runsheet(program, far, 1, messages, "pipelining = false\n")[0],
    }
    rates = {name: [] for name in ways}
    try:
        for _ in range(options.runs):
            for name, way in ways.items():
                rates[name].append(way())
    finally:
        process.terminate()
    print(f"| {options.distance:g} ms away, one connection | messages/s | round trips for each |")
    print("| --- | --- | --- |")
    for name, all_rates in rates.items():
        rate = statistics.median(all_rates)
        print(f"| {name} | {rate:.1f} | {1 / rate / (2 * options.distance / 1000):.1f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", default="1,4,16")
    parser.add_argument("--distance", type=float, metavar="MILLISECONDS")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--release"], cwd=ROOT, check=True)
    program = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/runsheet"
    process, port = sink()
    if options.distance:
        try:
            far_away(program, port, options)
        finally:
            process.terminate()
        return
    print("| Connections | smtp-source, messages/s | commits/s of the disk | bound | runsheet, messages/s | of the bound | with reading and planning |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    size = 0
    try:
        for connections in map(int, options.connections.split(",")):
            rows = []
            for _ in range(options.runs):
                by_source, by_disk = source(port, connections, options.messages), commits(FOLDER)
                sent, whole, size = runsheet(program, port, connections, options.messages)
                bound = min(by_source, connections * by_disk)
                rows.append((by_source, by_disk, bound, sent, sent / bound * 100, whole))
            middle = [statistics.median(column) for column in zip(*rows)]
            print("| {} | {:,.0f} | {:,.0f} | {:,.0f} | {:,.0f} | {:.0f} % | {:,.0f} |".format(connections, *middle), flush=True)
    finally:
        process.terminate()
    print(f"\nmessages of {size:,} bytes; load {os.getloadavg()[0]:.1f}; medians of {options.runs} runs")


if __name__ == "__main__":
    main()
