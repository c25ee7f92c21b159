"""Holds the JSON Schema of runsheet.toml against the program, by a tool that checks TOML: both refuse the same keys and types.

Usage: check.py RUNSHEET TAPLO PATH...

Each configuration at or below a path is judged by both. The schema may take what the program refuses for a reason that no type can say (`bad-value`),
but never the other way round.
"""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# What both must find, and what only the program can.
SHARED = {"unknown-key", "wrong-type", "missing-key", "toml-syntax"}
FINER = {"bad-value", "bad-zone", "bad-clock", "bad-offset"}

PLANTS = {
    "a key that is not there": '[site]\ntitel = "x"\n',
    "a table that is not there": "[stie]\n",
    "a number for a text": "[site]\ntitle = 3\n",
    "a text for a number": '[smtp]\nhost = "mail.example.org"\nport = "25"\n',
    "a number out of bounds": '[smtp]\nhost = "mail.example.org"\nport = 70000\n',
    "a word that is none of the choices": '[events.move]\nname = "x"\nmode = "drill"\n',
    "a mailing without a notice": '[[mailings]]\nid = "a"\nrecipients = "a.csv"\n',
    "a password": '[smtp]\nhost = "mail.example.org"\npassword = "x"\n',
    "a code that is not there": '[check.level]\nbroken-lnk = "off"\n',
    "a level that is none": '[check.level]\nbroken-link = "warning"\n',
    "a level of what stops a merge": '[check.level]\nbad-address = "off"\n',
    "a level of what was split": '[check.level]\nplaceholder = "error"\n',
    "a number for a link": "[links]\na = 5\n",
    "an unknown impact": '[events.move]\naffects = { api = "outage" }\n',
    "three colours": '[look.colors]\naccent = ["#7a1f5c", "#f0a6d8", "#000000"]\n',
    "a table for a text": "[status]\nurl = {}\nslug = \"x\"\n",
    "a status page without an address": '[status]\nslug = "x"\n',
}
FINE = {
    "nothing": "",
    "a status that is switched off": '[status]\nprovider = "none"\n',
    "an instant": '[events.move]\nt0 = 2027-02-13T02:00:00Z\n',
    "a day of holidays": '[events.move]\nholidays = ["2027-02-12"]\n',
    "two ways to leave": '[notices]\nunsubscribe = ["https://example.org/leave", "mailto:leave@example.org"]\n',
    "no calendar": "[notices]\ncalendar = false\n",
    "values of each kind": '[vars]\na = 1\nb = true\nc = "x"\nd = 1.5\ne = 2027-02-13\n',
    "what users feel": '[events.move]\naffects = { api = "OUTAGE" }\n',
    "a colour by day and by night": '[look.colors]\naccent = ["#7a1f5c", "#f0a6d8"]\n',
}


def main():
    runsheet, taplo, *paths = sys.argv[1:]
    work = Path(tempfile.mkdtemp())
    taplo = str(Path(taplo).absolute())
    schema = work / "schema.json"
    schema.write_text(subprocess.run([runsheet, "schema"], check=True, capture_output=True, text=True).stdout)

    def accepted(path):
        done = subprocess.run([taplo, "check", "--schema", schema.as_uri(), path], capture_output=True, text=True, cwd=work)
        return done.returncode == 0

    def codes(text):
        folder = Path(tempfile.mkdtemp(dir=work))
        (folder / "content").mkdir()
        (folder / "runsheet.toml").write_text(text)
        command = [runsheet, "--root", folder, "--offline", "check", "--message-format", "json"]
        said = subprocess.run(command, capture_output=True, text=True).stdout
        found = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
        return folder / "runsheet.toml", {one["code"] for one in found if one.get("file") == "runsheet.toml"}

    def judge(name, text):
        path, found = codes(text)
        takes = accepted(path)
        if found & SHARED and takes:
            return f"{name}: the program says {sorted(found)}, and the schema takes it"
        if not found & (SHARED | FINER) and not takes:
            return f"{name}: the program takes it, and the schema does not"
        return None

    faults = []
    for name, text in PLANTS.items():
        path, found = codes(text)
        if not found & (SHARED | FINER):
            faults.append(f"{name}: the program takes it")
        if accepted(path):
            faults.append(f"{name}: the schema takes it")
    for name, text in FINE.items():
        path, found = codes(text)
        if found & (SHARED | FINER) or not accepted(path):
            faults.append(f"{name}: refused ({sorted(found)})")
    found = (Path(path) for path in paths)
    configurations = sorted(one for path in found for one in ([path] if path.is_file() else path.rglob("runsheet.toml")))
    texts = [(str(path), path.read_bytes().decode("utf-8", "replace")) for path in configurations]
    with ThreadPoolExecutor(4) as pool:
        faults += [fault for fault in pool.map(lambda one: judge(*one), texts) if fault]
    print(f"{len(PLANTS)} plants, {len(FINE)} that are fine, {len(texts)} configurations: {len(faults)} faults")
    for fault in faults:
        print(" ", fault)
    if not configurations:
        sys.exit("no configuration was given")
    sys.exit(bool(faults))


main()
