"""Gives whole mails to a program that keeps track of the maintenance of others: announced, moved, called off, as one maintenance.

Usage: maintenance.py RUNSHEET PROJECT_FOLDER
"""

import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from circuit_maintenance_parser import NotificationData, init_provider
from circuit_maintenance_parser.output import Impact, Status

RECIPIENT = "sample@tokyo.example"
ACCOUNT = r"Tokyo, Ltd; \ no. 7"
AFFECTS = {"api": "OUTAGE", "website": "DEGRADED", "reports, nightly": "NO-IMPACT", "archive": "REDUCED-REDUNDANCY"}


def whole_mail(runsheet, root, mailing):
    """The file of one recipient, as `notice merge` writes it."""
    folder = root / "merged"
    subprocess.run([runsheet, "--root", root, "--offline", "-q", "notice", "merge", mailing, "--only", RECIPIENT, "--to", folder], check=True)
    (file,) = folder.glob("*.eml")
    return file.read_bytes()


def read(mail):
    (maintenance,) = init_provider("genericprovider").get_maintenances(NotificationData.init_from_email_bytes(mail))
    return maintenance


def main():
    runsheet, project = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    read_mails = 0
    for mode in ("request", "publish", "attached"):
        for account in (f"account = '{ACCOUNT}'", 'account_column = "customer"'):
            for affects in (AFFECTS, {"api": "OUTAGE"}, {"website": "NO-IMPACT"}):
                read_mails += check(runsheet, project, mode, account, affects)
    print(f"circuit-maintenance-parser read {read_mails} mails: each series is one maintenance, moved, called off and announced again")


def check(runsheet, project, mode, account, affects):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("runsheet.toml", "compose.production.yaml", "content", "examples", "docker"):
            source = project / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
        table = root / "examples/recipients.csv"
        header, *rows = table.read_text(encoding="utf-8").splitlines()
        table.write_text("\n".join([f"{header},customer", *(f'{row},"{ACCOUNT}"' for row in rows)]) + "\n", encoding="utf-8")
        config = root / "runsheet.toml"
        text = config.read_text(encoding="utf-8")
        described = ", ".join(f'"{name}" = "{impact}"' for name, impact in affects.items())
        first = text.replace("revision = 0\n", f"revision = 0\naffects = {{ {described} }}\n", 1)
        first = first.replace("[notices]\n", f'[notices]\ncalendar = "{mode}"\n', 1)
        first = first.replace("[smtp]\n", f'[notices.maintnote]\nprovider = "freshtrackpro.com"\n{account}\n\n[smtp]\n', 1)
        assert first.count("maintnote") == 1 and "affects" in first and mode in first
        times = {1: "t0 = 2027-02-20T02:00:00", 2: "t0 = 2027-03-20T02:00:00"}
        moved, again = (
            first.replace("t0 = 2027-02-13T02:00:00", t0).replace("revision = 0", f"revision = {revision}", 1) for revision, t0 in times.items()
        )
        assert len({first, moved, again}) == 3
        seen = []

        def step(text, mailing, status, start):
            config.write_text(text, encoding="utf-8")
            maintenance = read(whole_mail(runsheet, root, mailing))
            begins = datetime(2027, *start, 2, tzinfo=timezone.utc).timestamp()
            told = (maintenance.status, maintenance.start, maintenance.end, maintenance.provider, maintenance.account)
            wanted = (status, begins, begins + 3 * 3600, "freshtrackpro.com", ACCOUNT)
            assert told == wanted, f"{mode} {mailing}: {told}, not {wanted}"
            impacts = {circuit.circuit_id: circuit.impact for circuit in maintenance.circuits}
            assert impacts == {name: Impact(impact) for name, impact in affects.items()}, f"{mode} {mailing}: {impacts}"
            seen.append(maintenance)

        step(first, "announce", Status.CONFIRMED, (2, 13))
        step(first, "reminder", Status.CONFIRMED, (2, 13))
        step(moved, "announce", Status.CONFIRMED, (2, 20))
        step(moved, "postponed", Status.CANCELLED, (2, 20))
        step(again, "announce", Status.CONFIRMED, (3, 20))
        step(again, "rolled-back", Status.CANCELLED, (3, 20))
        assert len({maintenance.maintenance_id for maintenance in seen}) == 1, "it is one maintenance"
        assert len({maintenance.uid for maintenance in seen}) == 1
        sequences = [maintenance.sequence for maintenance in seen]
        assert sequences == sorted(sequences) and sequences[1] < sequences[2] < sequences[3] < sequences[4] < sequences[5], sequences
        return len(seen)


if __name__ == "__main__":
    main()
