"""A small project whose one mailing is sent, and the program that sends it."""
import datetime
import json
import os
import pathlib
import subprocess
import tempfile

CONFIG = """
[site]
id = "{site}"
title = "Sending"
base_url = "https://sending.example/"

[events.cutover]
name = "Cutover"
t0 = "{t0}"
time_zone = "Europe/London"
window = "2h"
mode = "{mode}"

[notices]
from = "Sender <sender@sending.example>"
calendar = false
sample = {{ name = "Sample", number = "0" }}
{notices}

[[mailings]]
id = "advance"
notice = "advance"
event = "cutover"
recipients = "people.csv"
{mailing}

[smtp]
host = "{host}"
port = {port}
tls = "{tls}"
{smtp}
"""

NOTICE = """---
title: Notices
kind: notices
---
# Notices

## Advance
<!-- id: advance -->
**Subject:** A test for {{ r.name }}

Hello {{ r.name }},

this is number {{ r.number }}.

.a line that begins with a dot
"""


def in_days(days):
    """A T-0 so many days from now."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def in_seconds(seconds):
    """A T-0 so many seconds from now."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


class Project:
    """A folder with a project; its ledger lies in a folder of its own."""

    def __init__(self, program, port, count=10, *, host="127.0.0.1", tls="none", smtp="", notices="", mailing="", mode="live",
                 t0=None, site="sending", who="sample", env=None):
        self.program, self.who = str(program), who
        self.folder = tempfile.TemporaryDirectory(prefix="runsheet-sending-")
        self.root = pathlib.Path(self.folder.name) / "project"
        self.state = pathlib.Path(self.folder.name) / "state"
        self.env = dict(os.environ, XDG_STATE_HOME=str(self.state), USER="tester", **(env or {}))
        for name in ("RUNSHEET_LEDGER_URL", "RUNSHEET_SMTP_PASSWORD", "RUNSHEET_SMTP_TOKEN", "RUNSHEET_UNSUBSCRIBE_KEY", "SOURCE_DATE_EPOCH"):
            if not env or name not in env:
                self.env.pop(name, None)
        self.settings = dict(port=port, host=host, tls=tls, smtp=smtp, notices=notices, mailing=mailing, mode=mode, t0=t0 or in_days(30), site=site)
        (self.root / "content").mkdir(parents=True)
        (self.root / "content/notices.md").write_text(NOTICE)
        self.configure()
        self.people(count)

    def configure(self, **changes):
        self.settings.update(changes)
        (self.root / "runsheet.toml").write_text(CONFIG.format(**self.settings))

    def people(self, count):
        self.addresses = [f"{self.who}{number}@d{number % 7}.example" for number in range(count)]
        rows = [f"{address},Sample {number},{number}" for number, address in enumerate(self.addresses)]
        (self.root / "people.csv").write_text("\n".join(["email,name,number", *rows]) + "\n")
        self.count = count

    def command(self, *arguments):
        return [self.program, "--root", str(self.root), "notice", *arguments]

    def run(self, *arguments, timeout=120, **more):
        more = {"stdin": subprocess.DEVNULL, "text": True, **more}
        return subprocess.run(self.command(*arguments), env=self.env, capture_output=True, timeout=timeout, **more)

    def send(self, *arguments, count=None, **more):
        return self.run("send", "advance", "--yes", str(self.count if count is None else count), *arguments, **more)

    def start(self, *arguments):
        command = self.command("send", "advance", "--yes", str(self.count), *arguments)
        return subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def states(self):
        """The state of each recipient, by the export; its history must hold."""
        done = self.run("export", "advance", "--format", "json")
        assert done.returncode == 0, done.stderr
        return {row["email"]: row["state"] for row in json.loads(done.stdout)["recipients"]}

    def ledger(self):
        return next((self.state / "runsheet").glob("*.sqlite"))
