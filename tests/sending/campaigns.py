"""Cases about what surrounds a sending: that a campaign stays itself, that its time is kept, that the ledger vouches for all it holds."""
import fcntl
import json
import os
import pathlib
import pty
import re
import resource
import shutil
import subprocess
import tempfile
import time

from casebook import QUICK, case, expect, once, states
from project import Project, in_days, in_seconds
from smtp_server import Behaviour, Server

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"


def sql(ledger, statement):
    return subprocess.run(["sqlite3", str(ledger), statement], check=True, capture_output=True, text=True).stdout


def refused(done, *words):
    expect(done.returncode, 2, done.stderr)
    for word in words:
        assert word in done.stderr, f"{word!r} is not in {done.stderr}"


def edit(project, old, new):
    config = project.root / "runsheet.toml"
    text = config.read_text()
    assert old in text, f"{old!r} is not in the configuration"
    config.write_text(text.replace(old, new, 1))


def move_folder(project):
    moved = project.root.with_name("moved")
    project.root.rename(moved)
    project.root = moved


def reorder(project):
    table = project.root / "people.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("\n".join(",".join([row[1], row[0], row[2]]) for row in rows) + "\n")


COSMETIC = {
    "the address is left out": lambda project: edit(project, 'base_url = "https://sending.example/"', ""),
    "another address": lambda project: edit(project, "https://sending.example/", "https://docs.sending.example/notices/"),
    "the case of the host": lambda project: edit(project, "https://sending.example/", "HTTPS://Sending.Example:443"),
    "a letter of the title": lambda project: edit(project, 'title = "Sending"', 'title = "sending"'),
    "the name of the event": lambda project: edit(project, 'name = "Cutover"', 'name = "The cutover"'),
    "the key of the event": lambda project: (project.root / "runsheet.toml").write_text(
        (project.root / "runsheet.toml").read_text().replace("events.cutover", "events.move").replace('event = "cutover"', 'event = "move"')),
    "another language and description": lambda project: edit(project, "[site]", '[site]\nlanguage = "en-GB"\ndescription = "x"'),
    "the name of the sender": lambda project: edit(project, 'from = "Sender <', 'from = "The Sender <'),
    "T-0 moves": lambda project: project.configure(t0=in_days(31)),
    "the columns of the table": reorder,
    "another file of the table": lambda project: ((project.root / "people.csv").rename(project.root / "all.csv"),
                                                  edit(project, "people.csv", "all.csv")),
    "the folder of the project": move_folder,
    "another notice of the same words": lambda project: (project.root / "content/notices.md").rename(project.root / "content/other.md"),
}


@case
def a_campaign_stays_itself(program):
    """Whatever is edited that is not the text to the recipients, nobody gets a second copy, amended or not."""
    for what, change in COSMETIC.items():
        with Server() as server:
            project = Project(program, server.port, 2)
            expect(project.send().returncode, 0, what)
            change(project)
            for arguments in ([], ["--amend"]):
                done = project.send(*arguments)
                assert done.returncode in (0, 2), f"{what}: {done.stderr}"
                assert "new for this campaign" not in done.stderr, f"{what}: {done.stderr}"
            expect(server.record.copies(), {address: 1 for address in project.addresses}, what)


@case
def a_site_without_an_id(program):
    with Server() as server:
        project = Project(program, server.port, 2)
        edit(project, 'id = "sending"', "")
        for arguments in (["--yes", "2"], ["--dry-run"]):
            done = project.run("send", "advance", *arguments)
            refused(done, "[site] has no `id`")
        line = re.search(r'id = "(sending-[0-9a-f]{8})"', done.stderr)
        assert line, done.stderr
        expect(server.record.connections, 0)
        edit(project, "[site]", f"[site]\n{line.group(0)}")
        expect(project.send().returncode, 0)
        expect(project.ledger().name, f"{line.group(1)}.sqlite")
        project = Project(program, server.port, 2)
        for wrong in ("Sending", "a", "-ab", "../x", "x" * 65, "a b"):
            project.configure(site=wrong)
            done = project.send()
            assert done.returncode == 1 and "invalid id" in done.stderr, done.stderr
    # What `init` writes has one, and no two are the same.
    found = set()
    for number in range(2):
        folder = project.root / f"new{number}"
        subprocess.run([program, "init", str(folder)], check=True, capture_output=True)
        found.add(re.search(r'^id = "(our-move-[0-9a-f]{8})"$', (folder / "runsheet.toml").read_text(), re.M).group(1))
    assert len(found) == 2 and "our-move-00000000" not in found, found


@case
def an_older_ledger_is_taken_over(program):
    """A campaign that was begun before sites had ids: half of it is sent, and the other half is sent now, with the Message-IDs of then."""
    def old(project):
        project.state.joinpath("runsheet").mkdir(parents=True)
        file = project.state / "runsheet/sending-example-b1ad5f3b.sqlite"
        subprocess.run(["sqlite3", str(file)], input=(FIXTURES / "ledger-1.sql").read_text(), check=True, text=True)
        return file

    with Server() as server:
        project = Project(program, server.port, 6, t0="2099-01-10T02:00")
        file = old(project)
        planned = dict(line.split("|") for line in sql(file, "SELECT key, message_id FROM recipient").splitlines())
        # It can be read before.
        done = project.run("status", "advance")
        assert done.returncode == 0 and "3 of 6 reached" in done.stdout, done.stdout + done.stderr
        done = project.run("export", "advance")
        assert done.returncode == 0 and "not covered by the history" in done.stderr, done.stderr
        assert "3 of 6" in project.run("send", "advance", "--dry-run").stderr
        done = project.send()
        assert "adopted the ledger of" in done.stderr, done.stderr
        # The mails of this runsheet may look different from those of then.
        if done.returncode == 2:
            refused(done, "has changed: 3 messages differ (3 of 6")
            done = project.send("--amend")
        expect(done.returncode, 0, done.stderr)
        expect(server.record.copies(), {address: 1 for address in project.addresses[3:]})
        for to, message in server.record.taken:
            assert planned[to].encode() in message, to
        expect(states(project), {"accepted": 6})
        # Once more, and by the title, the name without an address: nothing.
        expect(project.send().returncode, 0)
        expect(len(server.record.taken), 3)
    # A plan of then in a ledger of now: from here on it is covered.
    with Server() as server:
        project = Project(program, server.port, 6, t0="2099-01-10T02:00", smtp='ledger = "../here.sqlite"')
        shutil.copy(old(project), project.root.parent / "here.sqlite")
        shutil.rmtree(project.state)
        done = project.send("--amend")
        expect((done.returncode, len(server.record.taken)), (0, 3), done.stderr)
        ledger = project.root.parent / "here.sqlite"
        expect(sql(ledger, "SELECT state FROM event WHERE key = '' ORDER BY at, number").split("\n")[0], "adopted")
        expect(sql(ledger, "SELECT version FROM ledger").strip(), "2")
    # A newer one is left alone.
    with Server() as server:
        project = Project(program, server.port, 2)
        expect(project.send("--limit", "1").returncode, 0)
        sql(project.ledger(), "UPDATE ledger SET version = 3")
        refused(project.send(), "has version 3, but this runsheet supports 2")
        expect(len(server.record.taken), 1)


@case
def another_identity_stops_it(program):
    """The same mailing to the same people under another name: nothing is sent until somebody says which it is."""
    with Server() as server:
        def sent():
            project = Project(program, server.port, 4)
            expect(project.send("--limit", "2").returncode, 0)
            return project

        project = sent()
        project.configure(site="sending-again")
        for arguments in (["--yes", "4"], ["--dry-run"]):
            refused(project.run("send", "advance", *arguments), "lists 4 of these recipients in the mailing `advance` of the site `sending`, which reached 2 in all", "notice adopt advance --from sending")
        expect(len(server.record.taken), 2)
        refused(project.run("adopt", "advance", "--from", "nobody", "--why", "x"), "known: `sending`")
        done = project.run("adopt", "advance", "--why", "the id was changed")
        assert done.returncode == 0 and "2 planned, 2 accepted" in done.stderr, done.stderr
        expect(project.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})
        expect(states(project), {"accepted": 4})
        # It is another site: somebody says so, once for all its mailings.
        more = '\n[[mailings]]\nid = "later"\nnotice = "advance"\nevent = "cutover"\nrecipients = "people.csv"\n'
        project = sent()
        project.configure(mailing=more)
        expect(project.run("send", "later", "--yes", "4").returncode, 0)
        project.configure(site="another")
        refused(project.send(), "of the site `sending`")
        expect(project.run("adopt", "advance", "--from", "sending", "--apart", "--why", "the same people").returncode, 0)
        expect(project.send().returncode, 0)
        expect(project.run("send", "later", "--yes", "4").returncode, 0)
        # Another revision is another campaign, whatever the site is called.
        project = sent()
        project.configure(site="yet-another", mailing="revision = 2")
        expect(project.send().returncode, 0)
        # The identity before may be in the same ledger.
        project = Project(program, server.port, 4, smtp='ledger = "../one.sqlite"')
        expect(project.send("--limit", "2").returncode, 0)
        before = len(server.record.taken)
        project.configure(site="sending-again")
        refused(project.send(), "this ledger lists")
        expect(project.run("adopt", "advance", "--why", "the id was changed").returncode, 0)
        expect(project.send().returncode, 0)
        expect(len(server.record.taken), before + 2)


@case
def what_the_ledger_vouches_for(program):
    """Each part of plan and rows is held against the history, by `export`, `status` and `send`."""
    def tampered(statement):
        project = Project(program, server.port, 4)
        expect(project.send("--limit", "2").returncode, 0)
        sql(project.ledger(), statement)
        return project

    with Server() as server:
        first = "key = 'sample0@d0.example'"
        by_all = ["UPDATE recipient SET message_id = '<x@y>' WHERE " + first, "UPDATE campaign SET subject = 'another'",
                  "UPDATE recipient SET hash = 'x' WHERE " + first, "DELETE FROM recipient WHERE key = 'sample3@d3.example'",
                  "UPDATE campaign SET hash = 'x'", "UPDATE campaign SET frozen = '2027-01-01T00:00:00Z'",
                  "INSERT INTO recipient SELECT campaign, 'new@d1.example', 9, message_id, hash, state, claim, tries, owner, until, code, reply FROM recipient WHERE " + first]
        by_export = ["UPDATE recipient SET reply = 'another' WHERE " + first, "UPDATE recipient SET code = 251 WHERE " + first,
                     "UPDATE event SET reply = 'another' WHERE number = 3", "DELETE FROM event WHERE number = 2",
                     "UPDATE recipient SET state = 'accepted' WHERE key = 'sample3@d3.example'"]
        for statement in by_all + by_export:
            project = tampered(statement)
            taken = len(server.record.taken)
            refused(project.run("export", "advance"), "the ledger was changed outside Runsheet")
            if statement in by_all:
                refused(project.run("status", "advance"), "the ledger was changed outside Runsheet")
                refused(project.run("send", "advance", "--dry-run"), "the ledger was changed outside Runsheet")
                refused(project.send(), "the ledger was changed outside Runsheet")
                expect(len(server.record.taken), taken, statement)


@case
def an_older_copy_is_noticed(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send("--limit", "1").returncode, 0)
        copy = project.state / "copy"
        shutil.copytree(project.state / "runsheet", copy)
        done = project.send("--limit", "2")
        head = re.search(r"last line of the ledger: ([0-9a-f]{32})", done.stderr)
        assert head, done.stderr
        kept = [file.read_text().splitlines()[0] for file in (project.root / ".runsheet/ledger-heads").iterdir()]
        expect(kept, [head.group(1)])
        for state, words in (("older", "the ledger is older than the last send from here"), ("none", "the ledger of the last send from here is missing")):
            shutil.rmtree(project.state / "runsheet")
            if state == "older":
                shutil.copytree(copy, project.state / "runsheet")
            for arguments in (["--yes", "4"], ["--dry-run"]):
                refused(project.run("send", "advance", *arguments), words, head.group(1))
        expect(len(server.record.taken), 3)
        once(server, project)


@case
def exports_are_sealed(program):
    with Server() as server:
        project = Project(program, server.port, 3, notices='seal = { key_command = ["printf", "s3al-k3y"] }')
        expect(project.send().returncode, 0)
        for form in ("json", "csv"):
            done = project.run("export", "advance", "--format", form)
            expect(done.returncode, 0, done.stderr)
            assert "s3al-k3y" not in done.stdout + done.stderr
            file = project.root / f"out.{form}"
            file.write_bytes(done.stdout.encode())
            expect(project.run("verify", str(file)).returncode, 0)
            for old, new in (("sample1@d1.example", "sample9@d1.example"), ("accepted", "refused"), ("250", "251")):
                if old in done.stdout:
                    file.write_bytes(done.stdout.replace(old, new, 1).encode())
                    refused(project.run("verify", str(file)), "is invalid")
            lines = done.stdout.splitlines(keepends=True)
            if form == "csv":
                file.write_bytes("".join(lines[:1] + lines[2:]).encode())
                refused(project.run("verify", str(file)), "is invalid")
        # The code is that of other programs.
        whole = json.loads(project.run("export", "advance", "--format", "json").stdout)
        seal = whole.pop("seal")
        text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
        mac = subprocess.run(["openssl", "dgst", "-sha256", "-hmac", "s3al-k3y"], input=text, capture_output=True, text=True).stdout.split()[-1]
        expect((seal["algorithm"], seal["mac"]), ("HMAC-SHA256", mac))
        project.configure(notices="")
        project.env["RUNSHEET_SEAL_KEY"] = "another"
        refused(project.run("verify", str(project.root / "out.json")), "is invalid")
        del project.env["RUNSHEET_SEAL_KEY"]
        refused(project.run("verify", str(project.root / "out.json")), "no key to check the seal with")


@case
def an_export_is_verified_by_itself(program):
    """Without the ledger, without a key, and outside of any project."""
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send().returncode, 0)
        done = project.run("export", "advance", "--format", "json")
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "kept.json"

            def verify(text):
                file.write_text(text)
                return subprocess.run([program, "notice", "verify", str(file)], cwd=folder, env=project.env, capture_output=True, text=True)

            good = verify(done.stdout)
            expect(good.returncode, 0, good.stderr)
            assert "history verified: 9 lines, unchanged" in good.stderr and "no seal:" in good.stderr, good.stderr
            whole = json.loads(done.stdout)
            changes = {
                "a state": lambda it: it["recipients"][0].update(state="refused"),
                "an address": lambda it: it["recipients"][0].update(email="other@d0.example"),
                "a recipient less": lambda it: it["recipients"].pop(),
                "a line less": lambda it: it["history"].pop(3),
                "an answer": lambda it: it["history"][4].update(code=550),
                "the campaign": lambda it: it.update(campaign="another"),
            }
            for what, change in changes.items():
                changed = json.loads(done.stdout)
                change(changed)
                assert changed != whole, what
                refused(verify(json.dumps(changed)), "is invalid")
            refused(verify("{}"), "not an exported ledger")
            refused(verify("email,state\r\n"), "has no seal")


@case
def a_ledger_that_cannot_be_written_is_read(program):
    """On a read-only mount, as of a backup."""
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send().returncode, 0)
        script = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; shift; exec "$@"'

        def read_only(*command):
            alone = ["unshare", "--mount", "sh", "-ec", script, "sh", str(project.ledger().parent)]
            return subprocess.run([*alone, *project.command(*command)], env=project.env, capture_output=True, text=True)

        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
            print("NOT CHECKED: a ledger on a read-only mount, which takes root")
            return
        for command in (["status"], ["status", "advance"], ["export", "advance"], ["export", "advance", "--format", "json"], ["list"]):
            done, here = read_only(*command), project.run(*command)
            expect(done.returncode, 0, done.stderr)
            expect((done.stdout, done.stderr), (here.stdout, here.stderr), command)
        refused(read_only("send", "advance", "--yes", "4"), "read-only file system".capitalize())
        for beside in project.ledger().parent.glob("*.sqlite-*"):
            beside.unlink()
        # What stands in the write-ahead log alone would be missed.
        ahead = project.ledger().with_name(project.ledger().name + "-wal")
        ahead.write_bytes(b"x")
        refused(read_only("export", "advance"), "was not closed, and its folder is read-only")
        ahead.unlink()
        # Nor is it read while somebody writes.
        with open(f"{project.ledger()}.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            refused(read_only("export", "advance"), "a sender is using the ledger")


@case
def an_export_to_a_full_disk_is_an_error(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send().returncode, 0)
        for command in (["export", "advance"], ["export", "advance", "--format", "json"], ["status"], ["status", "advance"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run(project.command(*command), env=project.env, stdout=full, stderr=subprocess.PIPE, text=True)
            refused(done, "cannot write to standard output")
            assert "verified" not in done.stderr, done.stderr


@case
def what_a_sending_keeps_is_its_owners(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send().returncode, 0)
        for place in (project.state / "runsheet", project.root / ".runsheet"):
            for path in (place, *place.rglob("*")):
                expect(oct(path.stat().st_mode & 0o7777), "0o700" if path.is_dir() else "0o600", path)


@case
def a_sender_leaves_no_core(program):
    """Its memory holds the password and the addresses."""
    with Server() as server:
        project = Project(program, server.port, 300)
        with open(project.root / "said", "w") as said:
            sender = subprocess.Popen(project.command("send", "advance", "--yes", "300"), env=project.env, stdin=subprocess.DEVNULL,
                                      stdout=said, stderr=said, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
        until = time.monotonic() + 60
        limits, seen = pathlib.Path(f"/proc/{sender.pid}/limits"), ""
        while sender.poll() is None and time.monotonic() < until:
            try:
                lines = limits.read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                break
            cores = [line.split()[4:6] for line in lines if line.startswith("Max core file size")]
            if cores == [["0", "0"]]:
                seen = cores[0]
        expect(sender.wait(), 0, (project.root / "said").read_text())
        expect(seen, ["0", "0"], "the limit of its core")


def staged(project, stage):
    notice = project.root / "content/notices.md"
    notice.write_text(notice.read_text().replace("<!-- id: advance -->", f"<!-- id: advance, stage: {stage} -->"))


@case
def late_notices(program):
    """What was due long ago is said to be so, and is not sent without a reason."""
    with Server() as server:
        project = Project(program, server.port, 2, t0=in_days(-9), mailing='when = "T-1d"')
        # Without a stage nothing says until when it holds: somebody is asked.
        refused(project.send(), "was due 10 days ago (T-1d)", "--late REASON")
        done = project.run("send", "advance", "--dry-run")
        refused(done, "10 days ago (T-1d): LATE", "was due 10 days ago")
        assert "10 days ago (T-1d): late" in project.run("list").stdout, project.run("list").stdout

        def typed(*lines):
            primary, secondary = pty.openpty()
            process = subprocess.Popen(project.command("send", "advance"), env=project.env, stdin=secondary, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            os.close(secondary)
            os.write(primary, b"".join(lines))
            output = process.communicate(timeout=60)[0].decode()
            os.close(primary)
            return process.returncode, output

        code, output = typed(b"2\n", b"yes\n")
        assert code == 2 and "type `late`" in output and "nothing was sent" in output, output
        expect(server.record.connections, 0)
        code, output = typed(b"2\n", b"late\n")
        expect((code, len(server.record.taken)), (0, 2), output)

        # The stage says until when.
        for stage, t0, is_late in (("scheduled", 1, False), ("scheduled", -1, True), ("reminder", -1, True), ("in-progress", -0.05, False),
                                   ("in-progress", -1, True), ("verifying", -1, True), ("delayed", -1, True), ("completed", -6, False),
                                   ("completed", -8, True), ("rolled-back", -8, True), ("postponed", -1, True)):
            project = Project(program, server.port, 2, t0=in_days(t0), mailing='when = "T-2d"')
            staged(project, stage)
            before = len(server.record.taken)
            done = project.send()
            if not is_late:
                expect((done.returncode, len(server.record.taken)), (0, before + 2), f"{stage} {done.stderr}")
                continue
            refused(done, "too late for the mailing `advance`", f"its stage is `{stage}`", "--late REASON")
            refused(project.run("send", "advance", "--dry-run"), "too late for the mailing `advance`")
            expect(len(server.record.taken), before, stage)
            expect(project.send("--late", "").returncode, 2)
            done = project.send("--late", "the relay was down until now")
            expect((done.returncode, len(server.record.taken)), (0, before + 2), done.stderr)
            history = json.loads(project.run("export", "advance", "--format", "json").stdout)["history"]
            late = [line for line in history if line["state"] == "late"]
            expect([(line["who"], line["why"]) for line in late], [("tester", "the relay was down until now")])


@case
def what_is_put_off_was_announced(program):
    """A notice that puts an event off holds until it was to begin, not until the T-0 to which it was moved."""
    more = '\n[[mailings]]\nid = "off"\nnotice = "off"\nevent = "cutover"\nrecipients = "people.csv"\nwhen = "T-30d"\n'
    with Server() as server:
        for announced, code in ((0.5, 0), (0, 2)):
            project = Project(program, server.port, 2, t0=in_days(announced) if announced else in_seconds(3), mailing=more)
            notice = project.root / "content/notices.md"
            notice.write_text(notice.read_text() + "\n## Off\n<!-- id: off, stage: postponed -->\n**Subject:** Put off\n\nIt is put off.\n")
            expect(project.send().returncode, 0)
            time.sleep(0 if announced else 4)
            project.configure(t0=in_days(20))
            done = project.run("send", "off", "--yes", "2")
            expect(done.returncode, code, done.stderr)
            assert code == 0 or "the announced T-0" in done.stderr, done.stderr


@case
def a_dry_run_tells_the_truth(program):
    """Whatever `send` refuses, `--dry-run` refuses with the same code; and the other way round."""
    with Server() as server:
        def both(project, words, count=None):
            before = len(server.record.taken)
            dry, wet = project.run("send", "advance", "--dry-run"), project.send(count=count)
            expect((dry.returncode, wet.returncode), (2, 2), dry.stderr + wet.stderr)
            assert words in dry.stderr and words in wet.stderr, f"{words!r} is not in {dry.stderr}\nor {wet.stderr}"
            expect(len(server.record.taken), before)

        both(Project(program, server.port, 2, mode="rehearsal"), "is a rehearsal")
        both(Project(program, server.port, 2, mailing='when = "T-1h"'), "must not be sent before")
        both(Project(program, server.port, 2, mailing='not_after = "T-60d"'), "too late for the mailing")
        both(Project(program, server.port, 2, smtp="max_recipients = 1"), "`max_recipients` in [smtp] is 1")
        both(Project(program, server.port, 2, host="mail.sending.test", tls="starttls"), "2 recipients have sample addresses")
        project = Project(program, server.port, 2, notices='suppress = "gone.txt"')
        (project.root / "gone.txt").write_text("\n".join(project.addresses) + "\n")
        both(project, "no messages to send", count=0)
        project = Project(program, server.port, 3)
        expect(project.send("--limit", "1").returncode, 0)
        project.people(4)
        both(project, "has changed: 1 recipient is new (2 of 3 not reached yet)")
        project = Project(program, server.port, 2)
        expect(project.run("send", "advance", "--dry-run").returncode, 0)
        expect(project.send().returncode, 0)
        project = Project(program, server.port, 2)
        (project.root / "people.csv").write_text("email,name,number\nnobody,x,1\n")
        expect((project.run("send", "advance", "--dry-run").returncode, project.send().returncode), (1, 1))


class Quota(Behaviour):
    """Takes so many, then answers each recipient in the same words until it is told to go on."""

    def __init__(self, takes, answer="550 5.7.1 daily sending quota exceeded"):
        self.takes, self.answer, self.tried = takes, answer, 0

    def rcpt(self, session, to):
        self.tried += 1
        return super().rcpt(session, to) if self.tried <= self.takes else self.answer


@case
def the_brake_works_all_night(program):
    with Server(Quota(100)) as server:
        project = Project(program, server.port, 1000)
        done = project.send()
        refused(done, "messages in a row were refused with the same answer, 550 5.7.1 daily sending quota exceeded", "messages not started stay planned", "--all-refused")
        found = states(project)
        assert found["accepted"] == 100 and found["planned"] == 900 - found["refused"], found
        # Twenty in a row, and two on each of four connections on their way. An acceptance that is heard late begins the row anew.
        history = json.loads(project.run("export", "advance", "--format", "json").stdout)["history"]
        answers = [line["state"] for line in history if line["state"] in ("accepted", "refused")]
        in_a_row = answers[::-1].index("accepted")
        assert 20 <= in_a_row <= 28 and found["refused"] - in_a_row < 20, (found, in_a_row)
        server.behaviour.takes = 10_000
        refused(project.run("resolve", "advance", "--all-refused", "--sent", "--why", "x"), "--sent is only for messages in doubt")
        done = project.run("resolve", "advance", "--all-refused", "--code", "554", "--resend", "--why", "x")
        assert done.returncode == 0 and done.stderr.startswith("0 now planned"), done.stderr
        done = project.run("resolve", "advance", "--all-refused", "--code", "550", "--resend", "--why", "the quota is raised", "--who", "the night shift")
        assert done.returncode == 0 and f"{found['refused']} now planned, decided by the night shift" in done.stderr, done.stderr
        expect(project.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})
        history = json.loads(project.run("export", "advance", "--format", "json").stdout)["history"]
        lines = [line for line in history if line["state"] == "resolved"]
        expect([(line["who"], line["why"], json.loads(line["reply"])["decided"]) for line in lines],
               [("the night shift", "the quota is raised", f"{found['refused']} of refused with code 550: now planned")])

    # Half of the last hundred, in words of their own, in the middle of the run.
    class Half(Behaviour):
        seen = 0

        def rcpt(self, session, to):
            self.seen += 1
            dead = self.seen > 200 and self.seen % 2
            return f"550 5.1.1 {'abcdefghijklmnopqrst'[self.seen % 20]} is unknown" if dead else super().rcpt(session, to)

    with Server(Half()) as server:
        project = Project(program, server.port, 600, smtp="connections = 1")
        refused(project.send(), "50 of the last 100 messages were refused")
        expect(states(project)["planned"], 301)
        # Running it again resumes with the others.
        project.send()
        once(server, project)

    # Deferred to the end of the retries, and by their code.
    with Server(Quota(3, "451 4.3.0 later")) as server:
        project = Project(program, server.port, 10, smtp="retry = []\nconnections = 1")
        done = project.send()
        expect(done.returncode, 3, done.stderr)
        expect(states(project), {"accepted": 3, "deferred": 7})
        server.behaviour.takes = 100
        expect(project.send().returncode, 3, "not by itself")
        expect(len(server.record.taken), 3)
        done = project.run("resolve", "advance", "--code", "451", "--resend", "--why", "it is up again")
        assert done.returncode == 0 and "7 now planned" in done.stderr, done.stderr
        expect(project.send().returncode, 0)
        once(server, project)

    # Nobody has to be called USER.
    with Server() as server:
        project = Project(program, server.port, 2)
        for name in ("USER", "LOGNAME"):
            project.env.pop(name, None)
        expect(project.send("--limit", "1").returncode, 0)
        done = project.run("resolve", "advance", project.addresses[1], "--cancel", "--why", "x")
        assert done.returncode == 0 and "decided by " in done.stderr, done.stderr


@case
def what_is_said_is_true(program):
    with Server() as server:
        # On a resume: what is still to send, and what is done.
        project = Project(program, server.port, 40)
        expect(project.send("--limit", "25").returncode, 0)
        done = project.run("send", "advance", "--dry-run")
        assert "15 messages still to send, of 40" in done.stderr and "reached   25 of 40" in done.stderr, done.stderr
        # Only a text has changed, and all are reached.
        expect(project.send().returncode, 0)
        notice = project.root / "content/notices.md"
        notice.write_text(notice.read_text().replace("this is number", "this is the number"))
        refused(project.send(), "40 messages already sent would differ now (0 of 40 not reached yet)")

        # "amended" is said when it is.
        project = Project(program, server.port, 4)
        expect(project.send("--limit", "1").returncode, 0)
        notice = project.root / "content/notices.md"
        notice.write_text(notice.read_text().replace("this is number", "this is the number"))
        primary, secondary = pty.openpty()
        process = subprocess.Popen(project.command("send", "advance", "--amend"), env=project.env, stdin=secondary, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.close(secondary)
        os.write(primary, b"no\n")
        output = process.communicate(timeout=60)[0].decode()
        os.close(primary)
        assert "changes to send: 3 messages differ" in output and "\namended" not in output, output
        done = project.send("--amend")
        assert done.returncode == 0 and "\namended\n" in done.stderr, done.stderr

        # Somebody who is suppressed now is no message that differs.
        project = Project(program, server.port, 4, notices='suppress = "gone.txt"')
        (project.root / "gone.txt").write_text("")
        expect(project.send("--limit", "1").returncode, 0)
        (project.root / "gone.txt").write_text(project.addresses[3] + "\n")
        refused(project.send(count=3), "has changed: 1 recipient is now suppressed (3 of 4 not reached yet)")

        # The subject in each language.
        project = Project(program, server.port, 3)
        text = notice_of(project).read_text()
        front, body = text.split("# Notices\n")
        (project.root / "content/notices.md").unlink()
        for name, subject in (("advance.md", "A test"), ("advance.de.md", "Ein Versuch")):
            (project.root / "content" / name).write_text(f"---\ntitle: {subject}\nkind: notice\n---\n**Subject:** {subject}\n\nHello {{{{ r.name }}}}.\n")
        rows = [f"{address},x,{number},{'de' if number else 'en'}" for number, address in enumerate(project.addresses)]
        (project.root / "people.csv").write_text("\n".join(["email,name,number,lang", *rows]) + "\n")
        done = project.run("send", "advance", "--dry-run")
        assert "subject   A test\n" in done.stderr and "subject   (de) Ein Versuch\n" in done.stderr, done.stderr


def notice_of(project):
    return project.root / "content/notices.md"


@case
def sample_people_get_no_mail(program):
    with Server() as server:
        project = Project(program, server.port, 3)
        done = project.send()
        assert done.returncode == 0 and "3 recipients are samples, allowed because the server is this machine" in done.stderr, done.stderr
        taken = len(server.record.taken)
        for domain in ("d.example", "d.test", "x.invalid", "y.localhost", "example.org"):
            project = Project(program, 587, 2, host="mail.sending.test", tls="starttls", smtp=QUICK)
            (project.root / "people.csv").write_text(f"email,name,number\nsomebody@{domain},x,1\nreal@freshtrackpro.com,y,2\n")
            refused(project.send(), f"1 recipient has a sample address: somebody@{domain}; nothing was sent")
        expect(len(server.record.taken), taken)


@case
def another_table_on_the_command_line(program):
    with Server() as server:
        project = Project(program, server.port, 2)
        table = project.root.parent / "elsewhere.csv"
        table.write_text("email,name,number\nother1@d1.example,Other 1,1\nother2@d2.example,Other 2,2\n")
        done = project.send("--recipients", str(table))
        expect(done.returncode, 0, done.stderr)
        expect(server.record.copies(), {"other1@d1.example": 1, "other2@d2.example": 1})
        history = json.loads(project.run("export", "advance", "--format", "json").stdout)["history"]
        frozen = [json.loads(line["reply"]) for line in history if line["state"] == "frozen"]
        expect([line["table"][0] for line in frozen], [str(table)])
        assert re.fullmatch("[0-9a-f]{32}", frozen[0]["table"][1]), frozen
        # The table of the mailing is another plan.
        refused(project.send(), "has changed: 2 recipients are new, 2 recipients are gone")
        expect(project.send("--recipients", str(table)).returncode, 0)
        expect(len(server.record.taken), 2)


@case
def a_faulty_site_and_another_table(program):
    """The site is at fault, and so is the table that was named: one run names both, and no other table."""
    project = Project(program, 1, 2)
    (project.root / "content/page.md").write_text("# A page\n\n[nowhere](nowhere.md)\n")
    (project.root / "people.csv").write_text("email,name,number\nnot-an-address,Sample,0\n")
    table = project.root / "others.csv"
    table.write_text("email,name,number\nneither-one,Sample,0\n")
    done = project.run("send", "advance", "--dry-run", "--recipients", str(table))
    expect(done.returncode, 1, done.stderr)
    for words in ("broken-link", "neither-one", "nothing was sent"):
        assert words in done.stderr, f"{words!r} is not in {done.stderr}"
    assert "not-an-address" not in done.stderr, done.stderr
