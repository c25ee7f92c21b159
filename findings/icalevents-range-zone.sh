#!/usr/bin/env bash
# icalevents 0.3.1 (with icalendar 7.3.2): `events(start=..., end=...)` asks for other hours than it was given, if an event is in
# another time zone.
#
# Expected: the events between two instants. `parse_events` says of its bounds "in UTC format". 02:00 in Tokyo and 17:00 UTC of
# the day before are one instant, so it must not matter which of the two a calendar has (RFC 5545 §3.3.5, forms 2 and 3).
# Seen: asked for 16:30 to 19:00 UTC, it finds the event at 17:00 UTC, but not the one at 02:00 in Tokyo. It finds that one if it
# is asked for 01:30 to 04:00 UTC of the next day, nine hours late. There is no error: a cutover is missing from a list, or it is
# in the list of a night that it does not touch.
#
# Cause: `parse_events` makes its bounds anew from the year, month, day, hour and minute of those it was given, with
# `tzinfo=e.start.tzinfo`. So the digits of the clock stay, and the zone is replaced. `astimezone` would keep the instant.
# A user is on the safe side with bounds that are a day wider on both sides, and a second look at what is found. A sender is with
# times in UTC, as Runsheet writes them, as long as the bounds are in UTC too.
#
# This script fails if that changes. It needs python3 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check icalevents==0.3.1 icalendar==7.3.2
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime, timezone
from importlib.metadata import version

from icalevents.icalevents import events

ZONE = """BEGIN:VTIMEZONE
TZID:Asia/Tokyo
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0900
TZOFFSETTO:+0900
TZNAME:JST
END:STANDARD
END:VTIMEZONE
"""
LOCAL = ZONE, "DTSTART;TZID=Asia/Tokyo:20270213T020000", "DTEND;TZID=Asia/Tokyo:20270213T033000"
UTC = "", "DTSTART:20270212T170000Z", "DTEND:20270212T183000Z"


def utc(day, hour, minute):
    return datetime(2027, 2, day, hour, minute, tzinfo=timezone.utc)


RIGHT = utc(12, 16, 30), utc(12, 19, 0)
NINE_HOURS_LATE = utc(13, 1, 30), utc(13, 4, 0)


def found(event, between):
    zone, start, end = event
    calendar = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Sample//EN
{zone}BEGIN:VEVENT
UID:1@cutover.example
DTSTAMP:20270101T000000Z
{start}
{end}
SUMMARY:Cutover
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n").encode()
    listed = events(string_content=calendar, start=between[0], end=between[1])
    return [event.start.astimezone(timezone.utc) for event in listed]


print("icalevents", version("icalevents"), "icalendar", version("icalendar"))
START = [utc(12, 17, 0)]
assert found(UTC, RIGHT) == START and found(UTC, NINE_HOURS_LATE) == [], "an event in UTC is found where it is"
assert found(LOCAL, RIGHT) == [], "this has changed: the event in Tokyo is found where it is"
assert found(LOCAL, NINE_HOURS_LATE) == START, "this has changed: the event in Tokyo is not found nine hours late"
print("seen: 02:00 in Tokyo is not found around 17:00 UTC, but around 02:00 UTC")
PYTHON
