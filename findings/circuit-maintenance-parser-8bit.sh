#!/usr/bin/env bash
# circuit-maintenance-parser 2.12.0 (with icalendar 5.0.14): a mail whose calendar part is UTF-8 as 8bit (RFC 6152) is read with
# wrong letters, and nobody is told.
#
# Expected: the same account and object, however the part is encoded (RFC 2045 §6): 8bit, quoted-printable or base64.
# Seen: with 8bit the account `Łódź Kühlhaus` becomes the text `\u0141\ufffdd\u017a K\ufffdhlhaus`, of which `\u0141` and `\u017a`
# are six characters each, and ó and ü are lost. So a notice belongs to an account and an object that nobody has.
#
# Cause: `NotificationData.init_from_email_bytes` decodes the whole mail and gives it to `email.message_from_string`, whose
# `get_payload(decode=True)` writes what is not ASCII as `raw-unicode-escape`. `email.message_from_bytes` keeps the octets.
# A sender is on the safe side with quoted-printable or base64, as Runsheet is.
#
# This script fails if that changes. It needs python3 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check circuit-maintenance-parser==2.12.0 icalendar==5.0.14
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import quopri
from importlib.metadata import version

from circuit_maintenance_parser import NotificationData, init_provider

ACCOUNT, CIRCUIT = "Łódź Kühlhaus", "linia-Łódź"
CALENDAR = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Sample//EN
BEGIN:VEVENT
UID:1@provider.example
DTSTAMP:20270101T000000Z
SEQUENCE:0
DTSTART:20270213T020000Z
DTEND:20270213T050000Z
SUMMARY:Maintenance
ORGANIZER:mailto:noc@provider.example
X-MAINTNOTE-PROVIDER:provider.example
X-MAINTNOTE-ACCOUNT:{ACCOUNT}
X-MAINTNOTE-MAINTENANCE-ID:M-1
X-MAINTNOTE-OBJECT-ID:{CIRCUIT}
X-MAINTNOTE-IMPACT:OUTAGE
X-MAINTNOTE-STATUS:CONFIRMED
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n").encode()
WAYS = {"8bit": lambda octets: octets, "quoted-printable": quopri.encodestring, "base64": base64.encodebytes}


def read(way):
    head = f"""From: noc@provider.example
To: noc@customer.example
Subject: Maintenance
Date: Fri, 01 Jan 2027 00:00:00 +0000
MIME-Version: 1.0
Content-Type: text/calendar; charset=utf-8
Content-Transfer-Encoding: {way}

""".replace("\n", "\r\n").encode()
    data = NotificationData.init_from_email_bytes(head + WAYS[way](CALENDAR))
    (maintenance,) = init_provider("genericprovider").get_maintenances(data)
    return str(maintenance.account), str(maintenance.circuits[0].circuit_id)


print("circuit-maintenance-parser", version("circuit-maintenance-parser"), "icalendar", version("icalendar"))
seen = {way: read(way) for way in WAYS}
for way, (account, circuit) in seen.items():
    print(f"{way:17} account {account!a}, object {circuit!a}")
expected = (ACCOUNT, CIRCUIT)
assert seen["quoted-printable"] == seen["base64"] == expected, "the other two are read as they are meant"
assert seen["8bit"] == ("\\u0141\ufffdd\\u017a K\ufffdhlhaus", "linia-\\u0141\ufffdd\\u017a"), "this has changed"
print("seen: with 8bit the letters are wrong, and there is no error")
PYTHON
