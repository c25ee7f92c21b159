"""Holds the times of forty zones over three years against Python's zoneinfo: page, calendar, mail, and the page's script in two engines.

Every twelve days, and an hour before and after each change of the clocks. Python has the release of the database that the program has built
in (requirements.txt), the system any other one, and so have Node and Chromium.

Usage: zones.py RUNSHEET [--system-zones FOLDER]    With another folder of zones for the program to find on the system
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from html import unescape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

ZONES = """
America/Vancouver America/Edmonton America/Winnipeg America/Havana Africa/Casablanca
Europe/London Europe/Dublin Europe/Lisbon Europe/Berlin Europe/Kyiv Europe/Istanbul Europe/Chisinau Atlantic/Azores
America/New_York America/Los_Angeles America/St_Johns America/Phoenix America/Mexico_City America/Sao_Paulo America/Santiago
America/Nuuk America/Caracas Africa/Cairo Africa/Johannesburg Africa/El_Aaiun Antarctica/Troll
Asia/Tehran Asia/Kolkata Asia/Kathmandu Asia/Gaza Asia/Jerusalem Asia/Almaty Asia/Tokyo
Australia/Lord_Howe Australia/Sydney Australia/Eucla Pacific/Chatham Pacific/Apia Pacific/Kiritimati UTC
""".split()
YEARS = (2026, 2027, 2028)
MIDDLE = datetime(2027, 7, 1, 2)
BROWSER = Path(__file__).resolve().parent.parent / "browser"
faults = []
compared = 0


def same(what, seen, expected):
    global compared
    compared += 1
    if seen != expected:
        faults.append(f"{what}: {seen}, and Python says {expected}")


def offset_of(moment):
    """`+05:30` and `UTC+5:30`."""
    seconds = int(moment.utcoffset().total_seconds())
    sign, seconds = "-" if seconds < 0 else "+", abs(seconds)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{sign}{hours:02}:{minutes:02}", f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")


def name_of(moment):
    """Its abbreviation, or the offset where that has no letters."""
    return moment.tzname() if moment.tzname().isalpha() else offset_of(moment)[0]


def long(moment):
    zone = offset_of(moment)[1]
    if moment.tzname().isalpha():
        zone = moment.tzname() if moment.tzname() == "UTC" else f"{moment.tzname()} ({zone})"
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M} {zone}"


def in_days(zone, days):
    """A wall clock that does not exist moves forward, of one that exists twice the first is meant: so does `fold=0`."""
    wall = (MIDDLE + timedelta(days=days)).replace(tzinfo=zone)
    return wall.astimezone(timezone.utc).astimezone(zone)


def changes(zone):
    """The moments at which the offset changes, to the minute."""
    at, end = datetime(YEARS[0], 1, 1, tzinfo=timezone.utc), datetime(YEARS[-1] + 1, 1, 1, tzinfo=timezone.utc)
    while at < end:
        after = at + timedelta(days=1)
        if at.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            low, high = at, after
            while high - low > timedelta(minutes=1):
                middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
                is_before = middle.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset()
                low, high = (middle, high) if is_before else (low, middle)
            yield high
        at = after


def offset_to(zone, t0, moment):
    """Days first, which keep the wall clock, then hours and minutes, which elapse."""
    sign = -1 if moment < t0.astimezone(timezone.utc) else 1
    days = abs(moment - t0.astimezone(timezone.utc)).days
    left = (moment.astimezone(timezone.utc) - in_days(zone, sign * days).astimezone(timezone.utc)) * sign
    if left < timedelta(0):
        days -= 1
        left = (moment.astimezone(timezone.utc) - in_days(zone, sign * days).astimezone(timezone.utc)) * sign
    minutes = left // timedelta(minutes=1)
    return f"T{'-' if sign < 0 else '+'}{days}d{minutes // 60}h{minutes % 60}m"


def plan(name):
    """Offsets from T-0 with their moments, in their order."""
    zone = ZoneInfo(name)
    t0 = MIDDLE.replace(tzinfo=zone)
    steps = {f"T{days:+}d" if days else "T-0": in_days(zone, days) for days in range(-540, 541, 12)}
    for change in changes(zone):
        for minutes in (-60, 0, 60):
            moment = (change + timedelta(minutes=minutes)).astimezone(zone)
            if abs(moment - t0.astimezone(timezone.utc)) <= timedelta(days=540):
                steps[offset_to(zone, t0, moment)] = moment
    return sorted(steps.items(), key=lambda step: step[1])


def write_project(folder, plans):
    content = folder / "content"
    content.mkdir()
    config = '[site]\nid = "zones"\ntitle = "Zones"\n[notices]\nfrom = "Sample <sample@sender.example>"\nsample = { email = "p0@sample.example", zone = "UTC" }\n'
    for number, (name, steps) in enumerate(plans.items()):
        config += f'[events.z{number}]\nname = "{name}"\nt0 = 2027-07-01T02:00:00\ntime_zone = "{name}"\nwindow = "3h"\n'
        headings = "".join(f"\n## {offset}: Step {index}\n\n- [ ] Look\n" for index, (offset, _) in enumerate(steps))
        (content / f"z{number}.md").write_text(f"---\ntitle: {name}\nkind: run-sheet\nevent: z{number}\n---\n\n# {name}\n{headings}")
    config += '[[mailings]]\nid = "times"\nnotice = "times"\nevent = "z5"\nrecipients = "people.csv"\n'
    (folder / "runsheet.toml").write_text(config)
    lines = "".join(f'- {{{{ event.at(offset="{offset}") | when(zone=r.zone) }}}}\n' for offset, _ in plans["Europe/London"])
    lines += '- {{ event.start | when(zone=r.zone, form="range", to=event.end) }}\n'
    (content / "times.md").write_text(f"---\nkind: notices\nevent: z5\n---\n\n# Notices\n\n## Times\n\n<!-- id: times -->\n\n**Subject:** Times\n\n{lines}")
    (content / "index.md").write_text("# Zones\n")
    with open(folder / "people.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "zone"])
        rows.writerows([f"p{number}@sample.example", name] for number, name in enumerate(plans))


def compare_page(name, html, steps):
    shown = re.findall(r'<p class="when"[^>]*>.*?<time datetime="([^"]*)">([^<]*)</time>', html)
    same(f"{name}: times on the page", len(shown), len(steps))
    for (attribute, words), (offset, moment) in zip(shown, steps):
        same(f"{name} {offset} on the page", attribute, f"{moment:%Y-%m-%dT%H:%M:%S}{offset_of(moment)[0]}")
        same(f"{name} {offset} in words", unescape(words).replace("\N{MINUS SIGN}", "-"), long(moment))


def compare_calendar(name, text, steps):
    starts = re.findall(r"^DTSTART:(\S+)\r?$", text, re.M)[: len(steps)]
    expected = [f"{moment.astimezone(timezone.utc):%Y%m%dT%H%M%SZ}" for _, moment in steps]
    same(f"{name}: the calendar", starts, expected)


def compare_mail(name, message, steps):
    text = message.get_body(("plain",)).get_content()
    shown = [line.removeprefix("- ").strip() for line in text.splitlines() if line.startswith("- ")]
    zone = ZoneInfo(name)
    local = [moment.astimezone(zone) for _, moment in steps]
    same(f"{name}: times in the mail", shown[:-1], [long(moment) for moment in local])


def wrong_zones(folder):
    """A folder in which each zone has the clock of Kathmandu."""
    kathmandu = files("tzdata").joinpath("zoneinfo/Asia/Kathmandu").read_bytes()
    for name in ZONES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(kathmandu)
    return folder


def written(folder):
    return {path.relative_to(folder): path.read_bytes() for top in ("public", "outbox") for path in (folder / top).rglob("*") if path.is_file()}


def main():
    # This list of zones, and not the system's.
    reset_tzpath(to=[])
    release = str(files("tzdata").joinpath("zoneinfo/tzdata.zi").read_text().split("\n", 1)[0]).removeprefix("# version ")
    program = str(Path(sys.argv[1]).resolve())
    told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    same("the release of the database", re.search(r"tzdata (\w+)\)", told)[1], release)
    plans = {name: plan(name) for name in ZONES}
    folder = Path(tempfile.mkdtemp(prefix="runsheet-zones-"))
    try:
        write_project(folder, plans)
        trees = []
        for zones in (None, wrong_zones(folder / "wrong")):
            environment = dict(os.environ, **({"TZDIR": str(zones)} if zones else {}))
            for command in (["build", "--site-only"], ["notice", "merge", "times"]):
                subprocess.run([program, "--offline", "-q", "--now", "2026-12-01T12:00:00Z", *command], cwd=folder, check=True, env=environment)
            trees.append(written(folder))
        same("with wrong zones on the system", sum(trees[0][path] != trees[1].get(path) for path in trees[0]), 0)
        mails = {}
        for path in folder.glob("outbox/**/*.eml"):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            mails[message["To"].addresses[0].addr_spec] = message
        for number, (name, steps) in enumerate(plans.items()):
            compare_page(name, (folder / f"public/z{number}.html").read_text(), steps)
            compare_calendar(name, (folder / f"public/z{number}.ics").read_bytes().decode(), steps)
            compare_mail(name, mails[f"p{number}@sample.example"], plans["Europe/London"])
        moments = sum(map(len, plans.values()))
        print(f"{len(plans)} zones, {YEARS[0]} to {YEARS[-1]}, {moments} moments: {compared} comparisons with Python's tzdata {version('tzdata')}")
        expected = {
            f"z{number}": {"zone": name, "usual": name_of(MIDDLE.replace(tzinfo=ZoneInfo(name))), "moments": [
                {"at": int(moment.timestamp() * 1000), "wall": f"{moment:%Y-%m-%d %H:%M}", "words": f"{moment.day} {moment:%b %H:%M}", "name": name_of(moment)}
                for _, moment in steps]}
            for number, (name, steps) in enumerate(plans.items())
        }
        (folder / "expected.json").write_text(json.dumps(expected))
        scripts = subprocess.run(["node", str(BROWSER / "zones.mjs"), str(folder / "public"), str(folder / "expected.json")], check=False)
        if scripts.returncode:
            faults.append("the page's script: see above")
    finally:
        shutil.rmtree(folder)
    for fault in faults[:40]:
        print(f"FAILED  {fault}")
    print(f"{len(faults)} faults")
    return 1 if faults or not compared else 0


sys.exit(main())
