"""Shows that every mail of an outbox is well formed and says what the recipients and the configuration promise.

Usage: mail_check.py OUTBOX EXPECTED_JSON

Needs nothing but Python 3.9 and the system's time zones. Writes the Message-ID of each mail as JSON; faults go to
standard error, and the exit code is 1.
"""

import csv
import json
import re
import sys
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from zoneinfo import ZoneInfo

LEFT_OVER = re.compile(r"\{\{|\{%|\{#|\[[A-Z][A-Z0-9]+(?:[ /_:-][A-Z0-9]+)*\]")
NO_MAIL = {".runsheet-outbox", ".gitignore"}

faults = []


def expect(holds, mail, text):
    if not holds:
        faults.append(f"{mail}: {text}")


def check_bytes(mail, data):
    expect(data.isascii() and b"\0" not in data, mail, "is not 7 bit")
    without_ends = data.replace(b"\r\n", b"")
    expect(b"\r" not in without_ends and b"\n" not in without_ends, mail, "has other line ends than CRLF")
    longest = max(len(line) for line in data.split(b"\n"))
    expect(longest <= 998 + len(b"\r"), mail, f"has a line of {longest} octets; 998 are allowed")
    # RFC 2369 §2: the address of a list header cannot be broken.
    head = [line for line in data.split(b"\r\n\r\n", 1)[0].split(b"\r\n") if not line.startswith(b"List-")]
    expect(all(len(line) <= 78 for line in head), mail, f"has a header line of {max(map(len, head))} octets; 78 are enough")


def check_defects(mail, message):
    for part in message.walk():
        expect(not part.defects, mail, f"defect in {part.get_content_type()}: {part.defects}")
        for name, value in part.items():
            defects = getattr(value, "defects", ())
            expect(not defects, mail, f"defect in the header {name}: {defects}")
    names = [name.lower() for name in message.keys()]
    for name in ("from", "to", "subject", "date", "message-id", "mime-version"):
        expect(names.count(name) == 1, mail, f"has {names.count(name)} headers {name}; one is expected")


def contents(mail, message):
    """The text and the HTML of a mail."""
    kinds = [part.get_content_type() for part in message.iter_parts()]
    expected = ["text/plain", "text/html"]
    found = f"{message.get_content_type()} of {kinds}"
    good = message.get_content_type() == "multipart/alternative" and kinds[:2] == expected and kinds[2:] in ([], ["text/calendar"])
    expect(good, mail, f"is {found}")
    if not good:
        return "", ""
    return tuple(part.get_content() for part in list(message.iter_parts())[:2])


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


DAYS = {"en": "Mon Tue Wed Thu Fri Sat Sun", "de": "Mo Di Mi Do Fr Sa So", "fr": "lun mar mer jeu ven sam dim"}
MONTHS = {
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "fr": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
}


def local(start, zone, lang):
    """Such as "Sat 13 Feb 2027, 02:00", in the language of the mail; the same in every locale."""
    at = start.astimezone(ZoneInfo(zone))
    lang = lang if lang in DAYS else "en"
    day = DAYS[lang].split()[at.weekday()]
    if lang == "de":
        return f"{day}., {at:%d.%m.%Y, %H:%M}"
    return f"{day}{'.' if lang == 'fr' else ''} {at.day} {MONTHS[lang].split()[at.month - 1]} {at:%Y, %H:%M}"


def address(text):
    """An address as it stands in a mail: the domain in ASCII."""
    name, _, domain = text.rpartition("@")
    return f"{name}@{domain.encode('idna').decode()}"


def addresses(message):
    return message["To"].addresses if message["To"] else ()


def check_mail(mail, data, mailing, people, start):
    check_bytes(mail, data)
    message = message_from_bytes(data, policy=policy.default)
    check_defects(mail, message)
    text, html = contents(mail, message)
    for name, value in (("subject", str(message["Subject"])), ("text", text), ("html", html)):
        found = LEFT_OVER.search(value)
        expect(not found, mail, f"{found and found.group()} is left over in the {name}")
        expect(value.strip(), mail, f"has no {name}")
    date = message["Date"] and message["Date"].datetime
    expect(date == moment(mailing["when"]), mail, f"Date is {message['Date']}, not {mailing['when']}")

    to = addresses(message)
    person = people.get(to[0].addr_spec) if len(to) == 1 else None
    if person is None:
        faults.append(f"{mail}: to {message['To']}, who is not among the recipients")
        return message
    expect(to[0].display_name == person["name"], mail, f"is to {to[0].display_name!r}, not {person['name']!r}")
    expect(person["name"] in " ".join(text.split()), mail, "does not name the recipient")
    if start:
        expected = local(start, person["zone"], person.get("lang"))
        expect(expected in " ".join(text.split()), mail, f"the start time {expected} is not in the text")
    return message


def check_mailing(outbox, mailing, start):
    """Checks a mailing and gives the Message-ID of each mail."""
    with open(mailing["recipients"], encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    people = {address(row["email"]): row for row in rows}
    expect(rows, mailing["id"], "has no recipients")
    identifiers, reached = {}, []
    for path in sorted((outbox / mailing["id"]).iterdir()):
        if path.name in NO_MAIL:
            continue
        mail = path.relative_to(outbox).as_posix()
        message = check_mail(mail, path.read_bytes(), mailing, people, start)
        expect(path.suffix == ".eml", mail, "is no .eml file")
        identifiers[mail] = str(message["Message-ID"])
        reached += [to.addr_spec for to in addresses(message)]
    expect(sorted(reached) == sorted(people), mailing["id"], f"{sorted(reached)} are reached, not the recipients")
    return identifiers


def main():
    outbox, expected = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    start = moment(expected["start"])
    identifiers = {}
    for mailing in expected["mailings"]:
        names_start = mailing["id"] == expected["names_start"]
        identifiers |= check_mailing(outbox, mailing, start if names_start else None)
    found = {entry.name for entry in outbox.iterdir()} - NO_MAIL
    declared = {mailing["id"] for mailing in expected["mailings"]}
    expect(found == declared, outbox.name, f"holds {sorted(found)}; the mailings are {sorted(declared)}")
    expect(expected["names_start"] in declared, outbox.name, "lacks the mailing that names the start")
    for mail, identifier in identifiers.items():
        unique = list(identifiers.values()).count(identifier) == 1
        expect(unique and re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", identifier), mail, f"Message-ID {identifier} is not unique")
    if faults:
        sys.exit("\n".join(faults))
    json.dump(identifiers, sys.stdout)


if __name__ == "__main__":
    main()
