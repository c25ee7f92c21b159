"""Reads the calendars of a project with another program's parser and holds them against the pages: every time, in four zones.

Usage: check.py RUNSHEET PROJECT_FOLDER...
"""

import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

from icalendar import Calendar

ZONES = ["Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
faults = []
compared = 0


def attribute(name, html):
    return [unescape(value) for value in re.findall(rf'{name}="([^"]*)"', html)]


def instants(html):
    return [datetime.fromisoformat(text) for text in attribute("datetime", html)]


def words(html):
    return [unescape(text) for text in re.findall(r"<time [^>]*>([^<]*)</time>", html)]


def page_times(html):
    """What the page shows below each heading: its times in each zone, and the starts of its rounds."""
    found = {}
    parts = re.split(r'<h[2-6] id="([^"]*)">', html)
    for anchor, part in zip(parts[1::2], parts[2::2]):
        anchor = unescape(anchor)
        when = re.search(r'<p class="when".*?</p>', part, re.S)
        rounds = [instants(row)[0] for row in re.findall(r'<tr data-round.*?</th>', part, re.S)]
        when = when[0] if when else ""
        found[anchor] = (when, instants(when), words(when), rounds)
    return found


def same(what, seen, expected):
    global compared
    compared += 1
    if seen != expected:
        faults.append(f"{what}: the calendar says {seen}, the page {expected}")


def kind(entry):
    return entry["CATEGORIES"].to_ical().decode()


def compare(page, calendar):
    entries = calendar.walk("VEVENT")
    broken = [part.errors for part in calendar.walk() if part.errors]
    if not entries or broken:
        faults.append(f"{page.name}: the calendar is empty or has faults: {broken}")
    uids = [str(entry["UID"]) for entry in entries]
    same(f"{page.name}: UIDs", len(set(uids)), len(uids))
    by_anchor = {}
    for entry in entries:
        by_anchor.setdefault(str(entry.get("URL", "")).partition("#")[2], []).append(entry)
    for anchor, (when, times, texts, rounds) in page_times(page.read_text()).items():
        ours = by_anchor.get(anchor, [])
        if times:
            steps = [entry for entry in ours if kind(entry) in ("Phase", "Step", "Gate", "Deadline")]
            same(f"{page.name}#{anchor}: entries", len(steps), 1)
            compare_step(f"{page.name}#{anchor}", steps[0], when, times, texts)
        if rounds:
            seen = sorted(entry["DTSTART"].dt for entry in ours if kind(entry) == "Round")
            same(f"{page.name}#{anchor}: rounds", seen, sorted(rounds))


def compare_step(place, step, when, times, texts):
    is_range = "</time> to <time" in when
    ends = [("DTSTART", 0)] + ([("DTEND", 1)] if is_range else [])
    for name, offset in ends:
        same(f"{place}: {name}", step[name].dt, times[offset])
        shown = texts[offset::2] if is_range else texts
        for zone in ZONES:
            # What the page writes for that zone must be the wall clock of the calendar's instant there.
            clock = step[name].dt.astimezone(ZoneInfo(zone)).strftime("%a %-d %b %Y, %H:%M")
            same(f"{place}: {name} in {zone}, {clock}", any(text.startswith(clock) for text in shown), True)


def main():
    runsheet, projects = Path(sys.argv[1]).resolve(), sys.argv[2:]
    for project in projects:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "project"
            shutil.copytree(project, copy)
            subprocess.run([runsheet, "--offline", "build", "--site-only", "-q"], cwd=copy, check=True)
            for page in sorted((copy / "public").rglob("*.html")):
                calendar = page.with_suffix(".ics")
                if calendar.exists():
                    compare(page, Calendar.from_ical(calendar.read_bytes()))
    for fault in faults:
        print(f"FAILED  {fault}")
    print(f"calendar: {compared} comparisons, {len(faults)} failed")
    # Nothing compared is nothing shown.
    sys.exit(bool(faults) or compared < 50)


main()
