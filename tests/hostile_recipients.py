"""Merges tables of recipients as nobody should send them, and reads what is written with Python's mail and HTML parsers.

Usage: hostile_recipients.py RUNSHEET

Each case has a number of the list in tests/cases/HOSTILE.md. A table is refused with a code, exit 1, and nothing written;
or every message parses without a defect, has no header but ours, and shows each field letter by letter.
"""

import resource
import subprocess
import sys
import tempfile
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path

CONFIG = """[site]
title = "Sample"
base_url = "https://sample.example/"
[events.move]
name = "The move"
t0 = 2027-02-13T02:00:00
time_zone = "Europe/London"
window = "3h"
[notices]
from = "Sample Team <team@sample.example>"
reply_to = "team@sample.example"
list_id = "<notices.sample.example>"
unsubscribe = "https://sample.example/leave?u={token}"
sample = { name = "Sample", zone = "UTC", link = "https://sample.example/" }
[[mailings]]
id = "advance"
notice = "advance"
recipients = "people.csv"
when = "T-48h"
"""
NOTICE = """---
kind: notice
---
# Advance

<!-- stage: scheduled -->

**Subject:** For {{ r.name | default(value="you") }}

Name ⟪{{ r.name | default(value="you") }}⟫ and *⟪{{ r.name | default(value="you") }}⟫*

| Name |
| --- |
| ⟪{{ r.name | default(value="you") }}⟫ |
"""
# Parts for tables that have the column.
PARTS = {
    "zone": '\n- {{ event.start | when(zone=r.zone) }}\n',
    "link": '\n[⟪{{ r.name | default(value="you") }}⟫]({{ r.link }})\n',
}
OURS = {"from", "to", "subject", "date", "message-id", "auto-submitted", "reply-to", "list-id", "list-unsubscribe",
        "list-unsubscribe-post", "mime-version", "content-type", "references"}
failures = []


def expect(holds, case, text):
    if not holds:
        failures.append(f"{case}: {text}")


class Text(HTMLParser):
    """What a reader sees, and where links lead."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.text, self.links, self.tags = "", [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name in ("href", "src")]

    def handle_data(self, data):
        self.text += data


def fields(text):
    return [part.split("⟫")[0] for part in text.split("⟪")[1:]]


def read(case, data, expected_name):
    without_ends = data.replace(b"\r\n", b"")
    expect(data.isascii() and b"\0" not in data, case, "is not 7 bit")
    expect(b"\r" not in without_ends and b"\n" not in without_ends, case, "a bare CR or LF")
    longest = max(len(line) for line in data.split(b"\r\n"))
    expect(longest <= 998, case, f"a line of {longest}")
    body_lines = data.split(b"\r\n\r\n", 1)[1].split(b"\r\n")
    expect(not any(line.startswith((b".", b"From ")) for line in body_lines), case, "a line that SMTP or an mbox would change")
    head_lines = data.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    expect(all(len(line) <= 76 for line in head_lines if not line.startswith(b"List-Unsubscribe")), case, "a header line over 76")
    message = message_from_bytes(data, policy=policy.default)
    for part in message.walk():
        expect(not part.defects, case, f"defect {part.defects}")
        for name, value in part.items():
            expect(not getattr(value, "defects", ()), case, f"defect in {name}: {getattr(value, 'defects', ())}")
    names = [name.lower() for name in message.keys()]
    expect(set(names) <= OURS, case, f"headers {set(names) - OURS}")
    expect(len(names) == len(set(names)), case, f"repeated headers {names}")
    expect(not any(c in str(message["Subject"]) + str(message["To"]) for c in "\r\n\0"), case, "a line break in a decoded header")
    expect(len(message["To"].addresses) == 1, case, f"to {message['To']}")
    plain, html, calendar = list(message.iter_parts())
    parsed = Text()
    parsed.feed(html.get_content())
    shown = fields(parsed.text)
    expect(len(shown) >= 3 and all(one == expected_name for one in shown), case, f"the HTML shows {shown}, not {expected_name!r}")
    seen = [" ".join(one.split()) for one in fields(plain.get_content())]
    expect(all(one == " ".join(expected_name.split()) for one in seen), case, f"the text shows {seen}")
    expect(not parsed.tags & {"script", "img", "iframe", "svg", "object"}, case, f"elements {parsed.tags}")
    expect(all(link.startswith("https://sample.example/") for link in parsed.links), case, f"links {parsed.links}")
    expect(calendar.get_content().count("BEGIN:VEVENT") == 1, case, "more than one event")
    return message


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


def run(runsheet, root, *arguments, seconds=60):
    command = [runsheet, "--root", root, "--offline", "--color", "never", *arguments]
    environment = {"RUNSHEET_UNSUBSCRIBE_KEY": "a key of the test"}
    result = subprocess.run(command, capture_output=True, timeout=seconds, preexec_fn=limit, env=environment)
    return result.returncode, result.stderr.decode()


def case(runsheet, number, title, table, code=None, names=None, to=None, name="people.csv", config=CONFIG):
    """`code`: the table is refused with it. Else the names that the messages show, in order."""
    label = f"no. {number}, {title}"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "content").mkdir()
        header = table[:200].splitlines()[0] if table and isinstance(table, str) else ""
        parts = [part for column, part in PARTS.items() if column in header.split(",")]
        (root / "content/advance.md").write_text(NOTICE + "".join(parts), encoding="utf-8")
        (root / "content/index.md").write_text("# Sample\n", encoding="utf-8")
        (root / "runsheet.toml").write_text(config.replace("people.csv", name), encoding="utf-8")
        (root / name).write_bytes(table if isinstance(table, bytes) else table.encode())
        exit_code, said = run(runsheet, root, "notice", "merge", "advance", "--all", "--to", root / "mails")
        expect(exit_code not in (101, 134, 139, -6, -9, -11), label, f"it died: {exit_code} {said[-300:]}")
        expect("\x1b" not in said and not any("\u202a" <= c <= "\u202e" for c in said), label, "the terminal gets control characters")
        mails = sorted((root / "mails").glob("*.eml"))
        if code:
            expect(exit_code == 1 and f"[{code}]" in said, label, f"exit {exit_code}, {code} expected: {said[:400]}")
            expect(not (root / "mails").exists(), label, "mails are there")
            return
        expect(exit_code == 0 and len(mails) == len(names), label, f"exit {exit_code}, {len(mails)} mails: {said[:400]}")
        messages = [read(f"{label}, {path.name}", path.read_bytes(), shown) for path, shown in zip(mails, names)]
        if to:
            found = [message["To"].addresses[0].addr_spec for message in messages]
            expect(found == to, label, f"to {found}")


def main():
    runsheet = Path(sys.argv[1]).resolve()
    one = lambda number, title, table, code=None, **more: case(runsheet, number, title, table, code, **more)
    row = lambda value: 'email,name\na@b.example,"' + value.replace('"', '""') + '"\n'
    for end in ("\r\n", "\n", "\r"):
        one(1, f"line end {end!r} in a name", row(f"Evil{end}Bcc: victim@evil.example"), "control-character")
    one(2, "a command in the address", 'email\n"a@b.example\r\nRCPT TO:<x@y.example>"\n', "control-character")
    one(3, "an encoded word", row("=?utf-8?q?x=0D=0ABcc:_y?="), "encoded-word")
    one(4, "NUL", row("a\0b"), "control-character")
    one(5, "BOM", b"\xef\xbb\xbfemail,name\na@b.example,One\n", names=["One"])
    one(6, "UTF-16", "email,name\na@b.example,One\n".encode("utf-16"), "bad-encoding")
    one(6, "Latin-1", "email,name\na@b.example,Köln\n".encode("latin-1"), "bad-encoding")
    one(7, "a column twice", "email,name,Name\na@b.example,x,y\n", "duplicate-column")
    one(8, "no email", "mail,name\na@b.example,x\n", "missing-column")
    one(9, "a short row", "email,name\na@b.example\n", "bad-row")
    one(9, "a long row", "email,name\na@b.example,x,y\n", "bad-row")
    one(10, "an open quote", 'email,name\na@b.example,"x\nc@d.example,y\n', "open-quote")
    one(11, "an address thrice", "email,name\na@b.example,x\nA@b.example,x\na@B.EXAMPLE,x\n", names=["x"])
    one(11, "an address with two names", "email,name\na@b.example,x\nA@b.example,y\n", "duplicate-recipient")
    one(12, "plus tags", "email,name\na@b.example,x\na+t@b.example,y\n", names=["x", "y"])
    one(13, "a foreign letter before the @", "email,name\npаypal@b.example,x\n", "bad-address")
    one(13, "a domain of two scripts", "email,name\na@pаypal.example,x\n", "mixed-script")
    for c in "\u202e\u200b\u2028\u2066\ufeff":
        one(14, f"U+{ord(c):04X}", row(f"x{c}y"), None if c == "" else ("control-character" if c == "\u2028" else "invisible-character"))
    for address in ("a@b.example;c@d.example", '"a@b.example,victim@evil.example"', "group:a@b.example;", "Name <a@b.example>", "@r.example:a@b.example"):
        one(15, address, f"email,name\n{address},x\n", "bad-address")
    for address in ("a@[127.0.0.1]", "a@localhost", "a@b", "a@127.0.0.1"):
        one(16, address, f"email,name\n{address},x\n", "bad-address")
    for address in ("a" * 65 + "@b.example", "a@" + "b" * 250 + ".example", "a..b@c.example", "a@b.example.", "a@b_c.example", ".a@b.example"):
        one(17, address[:20], f"email,name\n{address},x\n", "bad-address")
    one(17, "many bad rows", "email,name\n" + "nobody,x\n" * 500, "more-bad-rows")
    for value in ("=HYPERLINK(\"http://evil.example\")", "+cmd", "@SUM(1)", "-1"):
        one(18, value, row(value), names=[value])
    for value in ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "&lt;b&gt; & <b>", "' \" `", "</td></table><a href=http://evil.example>x</a>"):
        one(19, value, row(value), names=[value])
    for value in ("{{ 7*191 }}", "{% raw %}", "{# x #}", "*x* [y](http://evil.example) `z` <http://evil.example>", "⟨{{ r.email }}⟩"):
        one(20, value, row(value), names=[value])
    for value in ("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://sample.example@evil.example/", "//evil.example", "/x", "vbscript:x", "https:evil.example", "https:mailto://sample.example", "https://", "http:/x"):
        one(21, value, f'email,name,link\na@b.example,x,"{value}"\n', "template-render")
    one(21, "a good link", "email,name,link\na@b.example,x,https://sample.example/?a=1&b=%22\n", names=["x"])
    one(22, "a dot", row(". QUIT"), names=[". QUIT"])
    one(22, "lines of a dot", row(".\r\nQUIT\r\n."), "control-character")
    one(23, "an empty file", "", "missing-column")
    one(23, "a header alone", "email,name\n", "empty-table")
    one(23, "blank rows", "email,name\n\n,\n  ,\na@b.example,x\n\n", names=["x"])
    one(24, "semicolons", "email;name\r\na@b.example;x,y\r\n", names=["x,y"])
    one(24, "TAB and old line ends", "email\tname\ra@b.example\tx\r", names=["x"])
    one(25, "a field of 2 MB", row("x" * 2_000_000), "too-large")
    one(25, "a field of 100 KB", row("x" * 100_000), "too-large")
    one(25, "5,000 columns", "email," + ",".join(f"c{n}" for n in range(5000)) + "\n", "too-large")
    one(25, "a line of 100 MB", "email,name\na@b.example," + "x" * 100_000_000, "too-large")
    for column in ("__tera_context", "a-b", "", "1a", "a b"):
        one(27, f"column {column!r}", f"email,name,{column}\na@b.example,x,y\n", names=["x"])
    one(28, "columns of ours", "email,name,site,t0,event,loop,smtp_password\na@b.example,x,1,2,3,4,5\n", names=["x"])
    one(29, "columns like headers", "email,name,bcc,subject,from,message_id,to,reply_to\na@b.example,x,v@evil.example,s,f@evil.example,m,v@evil.example,r@evil.example\n",
        names=["x"], to=["a@b.example"])
    one(30, "an empty field with a default", "email,name\na@b.example,\n", names=["you"])
    for zone in ("../../etc/passwd", "Mars/Phobos", ":/etc/localtime", "/etc/localtime"):
        one(31, f"zone {zone}", f"email,name,zone\na@b.example,x,{zone}\n", "bad-zone")
    for name in ("😀" * 1500, "x" * 1500, "word " * 300, "é" * 700, "a" * 61 + " b"):
        one(32, f"{len(name)} letters", row(name.strip()), names=[name.strip()])
    one(33, "IDN", "email,name\na@kühlhaus.example,x\n", names=["x"], to=["a@xn--khlhaus-n2a.example"])
    one(33, "letters before the @", "email,name\nпочта@b.example,x\n", "bad-address")
    one(34, "ESC", row("\x1b[31mred\x1b]0;title\x07"), "control-character")
    one(34, "ESC in an address", "email,name\n\x1b[31ma@b.example,x\n", "control-character")
    one(19, "JSON Lines", '{"email": "a@b.example", "name": "<b>\\"{{ x }}"}\n', names=['<b>"{{ x }}'], name="people.jsonl")
    one(1, "JSON Lines", '{"email": "a@b.example", "name": "x\\r\\nBcc: y@z.example"}\n', "control-character", name="people.jsonl")
    if failures:
        sys.exit("\n".join(failures))
    print("all tables were refused or became mails that say what they should")


if __name__ == "__main__":
    main()
