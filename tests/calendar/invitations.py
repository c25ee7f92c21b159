"""Takes the calendar parts of mails into a calendar, by another program's parser: announced, moved, called off.

Usage: invitations.py RUNSHEET PROJECT_FOLDER
"""

import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from email import message_from_bytes, policy
from pathlib import Path

from icalendar import Calendar

RECIPIENT = "sample@tokyo.example"


def mail(runsheet, root, mailing):
    """The mail of a mailing to one recipient."""
    command = [runsheet, "--root", root, "--offline", "notice", "merge", mailing, "--only", RECIPIENT, "--to", "-"]
    mbox = subprocess.run(command, check=True, capture_output=True).stdout
    return message_from_bytes(mbox.split(b"\n", 1)[1], policy=policy.default)


def calendar_part(message, mode):
    parts = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert len(parts) == 1, f"{len(parts)} calendar parts in {message['Subject']}"
    assert not parts[0].defects and not message.defects
    if mode == "attached":
        assert message.get_content_type() == "multipart/mixed"
        assert [part.get_content_type() for part in message.iter_attachments()] == ["text/calendar"]
        assert (parts[0].get_content_disposition(), parts[0].get_filename()) == ("attachment", "cutover.ics")
    else:
        assert message.get_content_type() == "multipart/alternative"
        assert (parts[0].get_content_disposition(), parts[0].get_filename()) == (None, None)
    assert message.get_body(("html",)) and message.get_body(("plain",)), "text and HTML are found in each"
    calendar = Calendar.from_ical(parts[0].get_content())
    assert not calendar.errors and all(not entry.errors for entry in calendar.walk())
    assert parts[0]["Content-Type"].params["method"] == calendar["METHOD"], "RFC 6047: both say the same method"
    (event,) = calendar.walk("VEVENT")
    if mode == "request":
        assert str(event["ATTENDEE"]) == f"mailto:{message['To'].addresses[0].addr_spec}"
    else:
        # RFC 5546 §3.2.1: what is published has none, and what is published is called off without one (§4.1.3).
        assert "ATTENDEE" not in event, mode
    wanted = "REQUEST" if mode == "request" else "PUBLISH"
    assert calendar["METHOD"] in (wanted, "CANCEL"), calendar["METHOD"]
    assert (calendar["METHOD"] == "CANCEL") == (event["STATUS"] == "CANCELLED")
    assert str(event["ORGANIZER"]) == f"mailto:{message['From'].addresses[0].addr_spec}"
    return calendar["METHOD"], event


class Store:
    """What a calendar program keeps: an event a UID, of the highest SEQUENCE and then the latest DTSTAMP (RFC 5546 §2.1.5)."""

    def __init__(self):
        self.events = {}

    def take(self, method, event):
        key, rank = str(event["UID"]), (event["SEQUENCE"], event["DTSTAMP"].dt)
        if key in self.events and self.events[key][0] >= rank:
            return "ignored"
        known = key in self.events
        self.events[key] = (rank, None if method == "CANCEL" else (event["DTSTART"].dt, event["DTEND"].dt))
        return "cancelled" if method == "CANCEL" else "moved" if known else "added"


def main():
    runsheet, project = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    for mode, setting in (("request", ""), ("request", "true"), ("request", '"request"'), ("publish", '"publish"'), ("attached", '"attached"')):
        follow(runsheet, project, mode, setting)
    print("the window was added, moved, called off and announced again: one event all the while, in each of the three forms")


def follow(runsheet, project, mode, setting):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("runsheet.toml", "compose.production.yaml", "content", "examples", "docker"):
            source = project / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
        config = root / "runsheet.toml"
        first = config.read_text(encoding="utf-8")
        if setting:
            first = first.replace("[notices]\n", f"[notices]\ncalendar = {setting}\n", 1)
            assert setting in first
        store = Store()

        def step(text, mailing, outcome, start=None):
            config.write_text(text, encoding="utf-8")
            message = mail(runsheet, root, mailing)
            assert store.take(*calendar_part(message, mode)) == outcome, mailing
            assert len(store.events) == 1, "it is one event"
            ((_, times),) = store.events.values()
            assert (times and times[0]) == start, f"{mailing}: {times}"

        moved = first.replace("t0 = 2027-02-13T02:00:00", "t0 = 2027-02-20T02:00:00").replace("revision = 0", "revision = 1", 1)
        again = first.replace("t0 = 2027-02-13T02:00:00", "t0 = 2027-03-20T02:00:00").replace("revision = 0", "revision = 2", 1)
        assert first != moved != again
        at = lambda month, day: datetime(2027, month, day, 2, tzinfo=timezone.utc)
        step(first, "announce", "added", at(2, 13))
        step(first, "advance", "moved", at(2, 13))
        step(moved, "reminder", "moved", at(2, 20))
        step(first, "advance", "ignored", at(2, 20))
        step(moved, "postponed", "cancelled")
        step(moved, "announce", "ignored")
        step(again, "announce", "moved", at(3, 20))
        step(again, "rolled-back", "cancelled")
        config.write_text(first, encoding="utf-8")
        for mailing in ("started", "delayed", "verifying", "complete"):
            kinds = [part.get_content_type() for part in mail(runsheet, root, mailing).walk()]
            assert "text/calendar" not in kinds, mailing
        config.write_text(first.replace(f"calendar = {setting}\n", "").replace("[notices]\n", "[notices]\ncalendar = false\n", 1), encoding="utf-8")
        kinds = [part.get_content_type() for part in mail(runsheet, root, "announce").walk()]
        assert "text/calendar" not in kinds, "with `false` there is none"


if __name__ == "__main__":
    main()
