"""Cases in which somebody would have had a second copy, or none: ledgers that are copied, renamed, handed over or restored."""
import copy
import json
import re
import shlex
import shutil
import signal
import subprocess
import time

from campaigns import FIXTURES, edit, refused, sql, staged
from casebook import QUICK, case, expect, once, states
from project import Project
from smtp_server import Behaviour, Hangup, HangsUp, Server, Slow


def clone(project, **changes):
    """A second checkout of a project, on the same account."""
    other = copy.copy(project)
    other.root, other.settings = project.root.with_name("clone"), dict(project.settings)
    shutil.copytree(project.root, other.root, ignore=shutil.ignore_patterns(".runsheet"))
    other.configure(**changes)
    return other


@case
def one_recipient_is_no_limit(program):
    with Server() as server:
        project = Project(program, server.port, 3)
        for more in (["--yes", "3"], ["--dry-run"], ["--limit", "1"]):
            refused(project.run("send", "advance", "--only", project.addresses[0], *more), "--only is for test messages")
        expect(server.record.connections, 0)


@case
def what_is_handed_over_is_not_sent_twice(program):
    with Server() as server:
        project = Project(program, server.port, 6)
        expect(project.send("--limit", "3").returncode, 0)
        project.configure(site="zzz")
        done = project.send()
        refused(done, "of the site `sending`")
        # What is printed as a way out works as it stands.
        command = re.search(r"`runsheet notice (adopt advance --from sending --why REASON)`", done.stderr)
        assert command, done.stderr
        expect(project.run(*shlex.split(command.group(1))).returncode, 0)
        # The id is brought back, and another checkout has it still.
        for other in (clone(project, site="sending"), project):
            other.configure(site="sending")
            for arguments in (["--yes", "6"], ["--dry-run"]):
                refused(other.run("send", "advance", *arguments), "the site `zzz` has adopted this campaign")
        project.configure(site="zzz")
        expect(project.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def two_checkouts_of_an_older_project(program):
    """Both are asked for an id, and get the same: what one of them takes over and sends, the other does not send again."""
    with Server() as server:
        project = Project(program, server.port, 6, t0="2099-01-10T02:00")
        edit(project, 'id = "sending"', "")
        file = project.state / "runsheet/sending-example-b1ad5f3b.sqlite"
        file.parent.mkdir(parents=True)
        subprocess.run(["sqlite3", str(file)], input=(FIXTURES / "ledger-1.sql").read_text(), check=True, text=True)
        other = copy.copy(project)
        other.root = project.root.with_name("clone")
        shutil.copytree(project.root, other.root)
        for one in (project, other):
            done = one.send()
            refused(done, "[site] has no `id`")
            edit(one, "[site]", "[site]\n" + re.search(r'id = "[^"]*"', done.stderr).group(0))
            one.send("--amend")
        expect(server.record.copies(), {address: 1 for address in project.addresses[3:]})
        expect(states(other), {"accepted": 6})
        # The line is lost, and the one that it was is asked for.
        edit(project, 'id = "', '# id = "')
        refused(project.send(), 'mails were sent with `sending-', 'restore this line')


@case
def adopted_with_its_series(program):
    """Message-IDs, References and the window of a campaign that is taken over stay what they were."""
    with Server() as server:
        project = Project(program, server.port, 4, mailing="revision = 2", notices="calendar = true")
        edit(project, "calendar = false\n", "")
        project.settings["notices"] = "calendar = true"
        staged(project, "scheduled")
        expect(project.send("--limit", "2").returncode, 0)
        edit(project, 'id = "sending"', 'id = "another"')
        refused(project.send(), "of the site `sending`")
        expect(project.run("adopt", "advance", "--why", "renamed").returncode, 0)
        done = project.send()
        expect(done.returncode, 0, done.stderr)
        uids = {re.search(rb"\nUID:(.*)", message.replace(b"=\r\n", b"")).group(1) for _, message in server.record.taken}
        expect((len(server.record.taken), len(uids)), (4, 1))


@case
def copies_of_a_ledger(program):
    with Server() as server:
        project = Project(program, server.port, 10)
        ledgers = project.state / "runsheet"
        expect(project.send("--limit", "5").returncode, 0)
        shutil.copy(ledgers / "sending.sqlite", ledgers / "sending-backup.sqlite")
        expect(project.send("--limit", "2").returncode, 0)
        # A copy of before does not stop the newest.
        expect(project.send("--limit", "1").returncode, 0)
        # Nor is it taken over in silence.
        project.configure(site="zzz")
        refused(project.send(), "of the site `sending`")
        refused(project.run("adopt", "advance", "--from", "sending", "--why", "x"), "several ledgers contain `advance` of `sending`")
        project.configure(site="sending")
        # The ledger has another name, and nothing is left beside the project.
        (ledgers / "sending.sqlite").rename(ledgers / "moved.sqlite")
        (ledgers / "sending-backup.sqlite").unlink()
        shutil.rmtree(project.root / ".runsheet")
        refused(project.send(), "shows 8 of these recipients as reached")
        # Or the configuration names another place.
        (ledgers / "moved.sqlite").rename(ledgers / "sending.sqlite")
        other = clone(project, smtp='ledger = "../other.sqlite"')
        refused(other.send(), "shows 8 of these recipients as reached")
        expect(project.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def a_conflict_that_comes_later(program):
    with Server() as server:
        first = Project(program, server.port, 3)
        expect(first.send().returncode, 0)
        second = clone(first, site="zzz")
        table = second.root / "people.csv"
        everybody = table.read_text()
        table.write_text("email,name,number\nnobody-else@d1.example,N,9\n")
        expect(second.send(count=1).returncode, 0)
        table.write_text(everybody + "nobody-else@d1.example,N,9\n")
        for arguments in (["--yes", "4"], ["--dry-run"]):
            refused(second.run("send", "advance", "--amend", *arguments), "of the site `sending`, which reached 3 in all")
        expect(len(server.record.taken), 4)


@case
def restored_copies(program):
    with Server(Slow(0.01)) as server:
        for made in ("before the run", "during it"):
            server.record.taken.clear()
            project = Project(program, server.port, 400)
            expect(project.send("--limit", "5").returncode, 0)
            ledgers = project.state / "runsheet"
            if made == "before the run":
                shutil.copytree(ledgers, project.state / "copy")
            process = project.start()
            while len(server.record.taken) < 60:
                time.sleep(0.005)
            if made == "during it":
                (project.state / "copy").mkdir()
                subprocess.run(["sqlite3", str(project.ledger()), f".backup '{project.state / 'copy' / project.ledger().name}'"], check=True)
                seen = len(server.record.taken)
                while len(server.record.taken) < seen + 20:
                    time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            shutil.rmtree(ledgers)
            shutil.copytree(project.state / "copy", ledgers)
            for arguments in (["send", "advance", "--yes", "400"], ["send", "advance", "--dry-run"],
                              ["resolve", "advance", project.addresses[399], "--cancel", "--why", "x"]):
                refused(project.run(*arguments), "the ledger is older than the last send from here")
            once(server, project)


@case
def what_an_export_sees(program):
    with Server() as server:
        for state in ("suppressed", "left out"):
            project = Project(program, server.port, 4)
            expect(project.send("--limit", "2").returncode, 0)
            sql(project.ledger(), f"UPDATE recipient SET state = '{state}' WHERE key LIKE 'sample3@%'")
            refused(project.run("export", "advance"), f"`sample3@d3.example` is {state}, but its history does not show that")
        project = Project(program, server.port, 6)
        for _ in range(3):
            expect(project.send("--limit", "2").returncode, 0)
        middle = sql(project.ledger(), "SELECT DISTINCT sender FROM event ORDER BY sender LIMIT 1 OFFSET 1").strip()
        keys = sql(project.ledger(), f"SELECT DISTINCT key FROM event WHERE sender = '{middle}' AND key <> ''").split()
        quoted = ",".join(f"'{key}'" for key in keys)
        sql(project.ledger(), f"DELETE FROM event WHERE sender = '{middle}'")
        sql(project.ledger(), f"UPDATE recipient SET state = 'planned', code = 0, reply = '' WHERE key IN ({quoted})")
        refused(project.run("export", "advance"), "are missing")
        # Who was reached is believed only if the history says so.
        more = '\n[[mailings]]\nid = "done"\nnotice = "advance"\nevent = "cutover"\nrecipients = "people.csv"\nreached_by = "advance"\n'
        project = Project(program, server.port, 4, mailing=more)
        expect(project.send("--limit", "2").returncode, 0)
        sql(project.ledger(), "UPDATE recipient SET state = 'accepted'")
        refused(project.run("send", "done", "--yes", "4"), "the ledger of `advance` was changed outside Runsheet")


@case
def a_lower_revision(program):
    with Server() as server:
        project = Project(program, server.port, 2, mailing="revision = 3")
        expect(project.send().returncode, 0)
        project.configure(mailing="revision = 2")
        for arguments in (["--yes", "2"], ["--dry-run"]):
            refused(project.run("send", "advance", *arguments), "revision 3 of `advance` was already sent", "revision = 4")
        for wrong in ("0", "-1", "100", "20270213", "9223372036854775807"):
            project.configure(mailing=f"revision = {wrong}")
            done = project.send()
            assert done.returncode == 1 and "`revision` is out of range" in done.stderr, done.stderr
        once(server, project)


@case
def a_pattern_suppresses_nobody(program):
    project = Project(program, 25, 2, notices='suppress = "gone.txt"')
    (project.root / "gone.txt").write_text("*@d0.example\n")
    done = project.send()
    assert done.returncode == 1 and "wildcards are not supported" in done.stderr, done.stderr


@case
def a_dry_run_tries_all_but_the_server(program):
    with Server() as server:
        project = Project(program, server.port, 2)
        refused(project.run("send", "advance", "--dry-run", "--yes", "7"), "--yes confirms 7")
        for smtp in ('user = "x"\npassword_file = "nowhere"', 'user = "x"', 'ca_file = "nowhere.pem"'):
            project.configure(smtp=smtp)
            expect([project.run("send", "advance", "--dry-run").returncode, project.send().returncode], [2, 2], smtp)
        # A row that is wrong hides nothing.
        project.configure(smtp="", mode="rehearsal")
        (project.root / "people.csv").write_text("email,name,number\nnobody,x,1\n")
        refused(project.run("send", "advance", "--dry-run"), "bad-address", "is a rehearsal")
        expect(server.record.connections, 0)


@case
def nothing_is_answered(program):
    class Drops(Behaviour):
        def end(self, session, to, message):
            raise Hangup()

    with Server(Drops()) as server:
        project = Project(program, server.port, 300, smtp=QUICK)
        refused(project.send(), "the server did not confirm 10 messages in a row")
        found = states(project)
        assert 10 <= found["in doubt"] <= 18 and found["planned"] >= 280, found


@case
def mended_after_an_amendment(program):
    with Server() as server:
        project = Project(program, server.port, 5)
        table = project.root / "people.csv"
        good = table.read_text()
        # What is looked at is what will be sent.
        to = project.addresses[1]
        table.write_text(good.replace(project.addresses[4], "sample4@nowhere"))
        for arguments in (["send", "advance", "--test", "me@self.example"], ["review", "advance"], ["preview", "advance", "--to", to]):
            done = project.run(*arguments)
            assert done.returncode == 1 and "invalid mail address" in done.stderr, done.stderr
            refused(project.run(*arguments, "--skip-bad", "2"), "--skip-bad expects 2, but 1 row is faulty")
            done = project.run(*arguments, "--skip-bad", "1")
            expect(done.returncode, 0, done.stderr)
        expect([to for to, _ in server.record.taken], ["me@self.example"])
        server.record.taken.clear()
        table.write_text(good.replace("Sample 4,4", ",4"))
        expect(project.send("--skip-bad", "1", "--limit", "2", count=4).returncode, 0)
        notice = project.root / "content/notices.md"
        notice.write_text(notice.read_text().replace("this is number", "this is the number"))
        expect(project.send("--skip-bad", "1", "--amend", count=4).returncode, 0)
        table.write_text(good)
        done = project.send()
        expect(done.returncode, 0, done.stderr)
        assert "1 row left out before is now good, and planned" in done.stderr and "1 message still to send, of 5" in done.stderr, done.stderr
        expect(server.record.copies(), {address: 1 for address in project.addresses})
        # With nothing left nobody is asked.
        done = project.run("send", "advance")
        assert done.returncode == 0 and "nothing left to send" in done.stderr, done.stderr
        # But another text is no mended row.
        notice.write_text(notice.read_text().replace("this is the number", "this is number"))
        table.write_text(good + "new@d1.example,New,9\n")
        refused(project.send(count=6), "has changed: 1 recipient is new")


@case
def sealed_exports_that_are_cut(program):
    with Server() as server:
        project = Project(program, server.port, 3, env={"RUNSHEET_SEAL_KEY": "s3al"})
        expect(project.send().returncode, 0)
        table = project.run("export", "advance").stdout
        lines = table.splitlines(keepends=True)
        whole = project.run("export", "advance", "--format", "json").stdout
        file = project.root / "export"
        for text in ("".join(lines[:-1]), lines[0], table.replace("email,state", "mail,status"), whole.replace("{", '{"subject": "another",', 1),
                     whole.replace('"recipients"', '"recipients": [], "recipients"', 1)):
            file.write_bytes(text.encode())
            refused(project.run("verify", str(file)), "is invalid")
        for text in (table, whole):
            file.write_bytes(text.encode())
            expect(project.run("verify", str(file)).returncode, 0)
        json.loads(whole)


@case
def an_answer_that_repeats_a_secret(program):
    """A relay that repeats what let us in, after it did: the answer is kept and shown without it."""
    class Repeats(Behaviour):
        extensions = Behaviour.extensions + ["AUTH PLAIN"]

        def auth(self, session, line):
            self.said = line.split()[-1]
            return "235 2.7.0 Ok"

        def rcpt(self, session, to):
            return f"550 5.7.1 no {self.said} for pa55-w0rd"

    with Server(Repeats()) as server:
        project = Project(program, server.port, 2, smtp='user = "someone"\n' + QUICK, env={"RUNSHEET_SMTP_PASSWORD": "pa55-w0rd"})
        done = project.send()
        assert done.returncode == 3 and "550 5.7.1 no (hidden) for (hidden)" in done.stderr, done.stderr
        for text in (done.stdout + done.stderr, project.run("export", "advance", "--format", "json").stdout, sql(project.ledger(), ".dump")):
            assert "pa55-w0rd" not in text and server.behaviour.said not in text, text


@case
def a_take_over_that_was_interrupted(program):
    """Between the two ledgers it was killed: the old one says that it is handed over, and the new one knows nothing."""
    handed = "INSERT INTO handed_over (name, successor, at, who) VALUES ('[\"sending\",\"advance\",1]', '[\"zzz\",\"advance\",1]', '2026-01-01T00:00:00Z', 'x')"
    with Server() as server:
        for way in ("killed", "lost"):
            server.record.taken.clear()
            project = Project(program, server.port, 6)
            expect(project.send("--limit", "3").returncode, 0)
            project.configure(site="zzz")
            if way == "killed":
                sql(project.ledger(), handed)
            else:
                # It was taken over, and the ledger that took it is gone, with what lies beside the project.
                expect(project.run("adopt", "advance", "--from", "sending", "--why", "renamed").returncode, 0)
                (project.state / "runsheet/zzz.sqlite").unlink()
                shutil.rmtree(project.root / ".runsheet")
            for arguments in (["--yes", "6"], ["--dry-run"]):
                refused(project.run("send", "advance", *arguments), "of the site `sending`, which reached 3 in all")
            done = project.run("adopt", "advance", "--from", "sending", "--why", "again")
            assert done.returncode == 0 and "it was adopted before" in done.stderr, done.stderr
            expect(project.send().returncode, 0)
            expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def an_interrupted_take_over_of_an_older_ledger(program):
    with Server() as server:
        project = Project(program, server.port, 6, t0="2099-01-10T02:00")
        file = project.state / "runsheet/sending-example-b1ad5f3b.sqlite"
        file.parent.mkdir(parents=True)
        subprocess.run(["sqlite3", str(file)], input=(FIXTURES / "ledger-1.sql").read_text(), check=True, text=True)
        name = sql(file, "SELECT name FROM campaign").strip()
        quote = lambda text: "'" + text.replace("'", "''") + "'"
        sql(file, "CREATE TABLE handed_over (name TEXT NOT NULL, successor TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL)")
        sql(file, f"INSERT INTO handed_over VALUES ({quote(name)}, '[\"sending\",\"advance\",1]', '2026-01-01T00:00:00Z', 'x')")
        expect(project.send("--amend").returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses[3:]})


@case
def an_old_copy_is_not_taken_over(program):
    with Server() as server:
        project = Project(program, server.port, 10)
        expect(project.send("--limit", "2").returncode, 0)
        shutil.copytree(project.state / "runsheet", project.state / "copy")
        expect(project.send().returncode, 0)
        shutil.rmtree(project.state / "runsheet")
        shutil.copytree(project.state / "copy", project.state / "runsheet")
        project.configure(site="zzz")
        refused(project.run("adopt", "advance", "--from", "sending", "--why", "x"), "the ledger is older than the last send from here", "nothing was adopted")
        # Nor is its absence a clean slate.
        shutil.rmtree(project.state / "runsheet")
        for arguments in (["--dry-run"], ["--yes", "10"], ["--dry-run"]):
            refused(project.run("send", "advance", *arguments), "was sent from here under the name `sending`, but its ledger is missing")
        expect(len(server.record.taken), 10)


@case
def one_ledger_by_two_paths(program):
    with Server(Slow(1.5)) as server:
        project = Project(program, server.port, 6, smtp='ledger = "../l.sqlite"\nconnections = 2')
        expect(project.send("--limit", "1").returncode, 0)
        (project.root.parent / "m.sqlite").symlink_to(project.root.parent / "l.sqlite")
        other = clone(project, smtp='ledger = "../m.sqlite"\nconnections = 2')
        process = project.start()
        time.sleep(0.7)
        for arguments in (["--yes", "6", "--in-doubt", "resend"], ["--dry-run"]):
            refused(other.run("send", "advance", *arguments), "another sender is using the ledger")
        process.communicate()
        expect(other.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})
        # The file in its usual place, and a link to it elsewhere: it is one ledger.
        project = Project(program, server.port, 3, who="more")
        expect(project.send("--limit", "1").returncode, 0)
        (project.root.parent / "n.sqlite").symlink_to(project.ledger())
        other = clone(project, smtp='ledger = "../n.sqlite"')
        expect(other.send().returncode, 0)
        once(server, project)


@case
def renamed_twice_and_back(program):
    with Server() as server:
        project = Project(program, server.port, 6)
        expect(project.send("--limit", "2").returncode, 0)
        for before, name in (("sending", "zzz"), ("zzz", "yyy")):
            project.configure(site=name)
            refused(project.send(), f"of the site `{before}`")
            expect(project.run("adopt", "advance", "--from", before, "--why", "renamed").returncode, 0)
            done = project.send("--limit", "1")
            expect(done.returncode, 0, done.stderr)
        # The line is lost: the last name is asked for.
        edit(project, 'id = "yyy"', "")
        refused(project.send(), "mails were sent with `yyy`")
        project.configure(site="yyy")
        expect(project.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})
        # Within one file it may come back.
        server.record.taken.clear()
        project = Project(program, server.port, 4, smtp='ledger = "../l.sqlite"')
        expect(project.send("--limit", "1").returncode, 0)
        project.configure(site="zzz")
        expect(project.run("adopt", "advance", "--from", "sending", "--why", "renamed").returncode, 0)
        expect(project.send("--limit", "1").returncode, 0)
        project.configure(site="sending")
        refused(project.send(), "the site `zzz` has adopted this campaign")
        expect(project.run("adopt", "advance", "--from", "zzz", "--why", "and back").returncode, 0)
        expect(project.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def a_copy_that_knows_of_a_doubt(program):
    """A copy of the ledger lies beside it, in which somebody is in doubt as in the ledger itself: it holds nothing up."""
    with Server(HangsUp("sample1@")) as server:
        project = Project(program, server.port, 6, smtp='timeout = "2s"')
        expect(project.send("--limit", "3").returncode, 3)
        shutil.copy(project.ledger(), project.state / "runsheet/copy.sqlite")
        done = project.send()
        expect(done.returncode, 3, done.stderr)
        expect(states(project), {"accepted": 5, "in doubt": 1})


@case
def an_older_ledger_and_a_lower_revision(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send("--limit", "1").returncode, 0)
        shutil.copytree(project.state / "runsheet", project.state / "copy")
        project.configure(mailing="revision = 2")
        expect(project.send().returncode, 0)
        shutil.rmtree(project.state / "runsheet")
        shutil.copytree(project.state / "copy", project.state / "runsheet")
        project.configure(mailing="")
        refused(project.send(), "revision 2 of `advance` was already sent")
        expect(len(server.record.taken), 5)


@case
def a_newer_file_of_the_name_that_was_taken_over(program):
    """An older copy was taken over, and the newest comes back beside it."""
    with Server() as server:
        project = Project(program, server.port, 10)
        expect(project.send("--limit", "5").returncode, 0)
        ledgers = project.state / "runsheet"
        shutil.copy(ledgers / "sending.sqlite", project.state / "old.sqlite")
        expect(project.send("--limit", "3").returncode, 0)
        (ledgers / "sending.sqlite").rename(project.state / "newest.sqlite")
        for name in list(ledgers.iterdir()):
            name.unlink()
        shutil.copy(project.state / "old.sqlite", ledgers / "sending.sqlite")
        other = clone(project, site="zzz")
        expect(other.run("adopt", "advance", "--from", "sending", "--why", "renamed").returncode, 0)
        shutil.copy(project.state / "newest.sqlite", ledgers / "newest.sqlite")
        for arguments in (["--yes", "10"], ["--dry-run"]):
            refused(other.run("send", "advance", *arguments), "of the site `sending`, which reached 8 in all")
        (ledgers / "newest.sqlite").unlink()
        expect(other.send("--limit", "1").returncode, 0)


@case
def a_link_to_a_ledger_that_is_not_there_yet(program):
    with Server(Slow(1)) as server:
        project = Project(program, server.port, 4, smtp="connections = 1")
        share = project.state / "share"
        share.mkdir(parents=True)
        (project.state / "runsheet").mkdir()
        (project.state / "runsheet/sending.sqlite").symlink_to(share / "sending.sqlite")
        process = project.start()
        while not server.record.taken:
            time.sleep(0.01)
        refused(project.send("--in-doubt", "resend"), "another sender is using the ledger")
        process.communicate()
        expect(project.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def a_copy_of_a_project_is_another_site(program):
    """Its `.runsheet` came with it, and the ledger did not."""
    with Server() as server:
        project = Project(program, server.port, 3)
        expect(project.send().returncode, 0)
        other = Project(program, server.port, 3, site="zzz", who="other")
        shutil.copytree(project.root / ".runsheet", other.root / ".runsheet", dirs_exist_ok=True)
        refused(other.send(), "was sent from here under the name `sending`", "adopt advance --from sending --apart --why REASON")
        expect(other.run("adopt", "advance", "--from", "sending", "--apart", "--why", "a template").returncode, 0)
        expect(other.send().returncode, 0)
        expect(len(server.record.taken), 6)
