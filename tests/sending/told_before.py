"""Cases of what recipients were told before: T-0 that has moved, revisions, whom an earlier mailing has reached, rows that turn faulty."""
import re
import signal
import time

from campaigns import edit, refused, staged
from casebook import QUICK, case, expect, once, states
from project import Project, in_days, in_seconds
from smtp_server import Behaviour, HangsUp, Server, Slow

def mailing_of(notice, more=""):
    """One mailing more, in the configuration."""
    return f'\n[[mailings]]\nid = "{notice}"\nnotice = "{notice}"\nevent = "cutover"\nrecipients = "people.csv"\n{more}\n'


LATER = mailing_of("done", 'reached_by = "advance"')


def with_notice(project, name, stage=""):
    notice = project.root / "content/notices.md"
    head = f"id: {name}" + (f", stage: {stage}" if stage else "")
    notice.write_text(notice.read_text() + f"\n## {name.title()}\n<!-- {head} -->\n**Subject:** {name}\n\nHello {{{{ r.name }}}}.\n")


def with_calendar(project):
    edit(project, "calendar = false\n", "")
    project.settings["notices"] = "calendar = true"


@case
def a_moved_t0_is_said(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send("--limit", "1").returncode, 0)
        project.configure(t0=in_days(31))
        notice = project.root / "content/notices.md"
        notice.write_text(notice.read_text().replace("this is number", "this is the number"))
        done = project.send("--amend", "--limit", "1")
        expect(done.returncode, 0, done.stderr)
        assert re.search(r"moved     T-0 was .* when `advance` was sent, but is .* here", done.stderr), done.stderr
        assert "1 recipient already reached won't learn of this: to send it to everyone, set `revision = 2`" in done.stderr, done.stderr
        # Nothing is said where nothing has moved.
        done = project.send("--limit", "1")
        assert "moved" not in done.stderr, done.stderr


@case
def calendars_are_told_of_a_moved_t0(program):
    """A window that moves needs a higher revision of its event, or calendars keep the old time."""
    with Server() as server:
        project = Project(program, server.port, 2, mailing=mailing_of("next"))
        with_calendar(project)
        staged(project, "scheduled")
        with_notice(project, "next", "reminder")
        expect(project.send().returncode, 0)
        edit(project, project.settings["t0"], in_days(31))
        for arguments in (["--yes", "2"], ["--dry-run"]):
            refused(project.run("send", "next", *arguments), "when `advance` was sent", "calendars would ignore this", "set `revision = 1` in [events.cutover]")
        expect(len(server.record.taken), 2)
        edit(project, 'name = "Cutover"', 'name = "Cutover"\nrevision = 1')
        done = project.run("send", "next", "--yes", "2")
        expect(done.returncode, 0, done.stderr)
        sequences = [re.search(rb"SEQUENCE:(\d+)", message).group(1) for _, message in server.record.taken]
        assert len(set(sequences)) == 2, sequences
        # What tells calendars nothing is free to go.
        project = Project(program, server.port, 2)
        staged(project, "scheduled")
        expect(project.send().returncode, 0)
        project.configure(t0=in_days(31), mailing="revision = 2")
        staged(project, "scheduled")
        expect(project.send().returncode, 0)


@case
def reached_in_whatever_revision(program):
    with Server(Behaviour()) as server:
        project = Project(program, server.port, 4, mailing=LATER)
        with_notice(project, "done")
        expect(project.send("--limit", "3").returncode, 0)
        edit(project, 'recipients = "people.csv"\n\n[[', 'recipients = "people.csv"\nrevision = 2\n\n[[')
        expect(project.send("--limit", "1").returncode, 0)
        done = project.run("send", "done", "--dry-run")
        assert done.returncode == 0 and "3 messages to send, 1 not reached by `advance`" in done.stderr, done.stderr
        # A third that was not sent yet takes nothing away.
        edit(project, "revision = 2", "revision = 3")
        done = project.run("send", "done", "--dry-run")
        assert done.returncode == 0 and "3 messages to send" in done.stderr, done.stderr
        # And it is not said that nothing was sent.
        refused(project.run("export", "advance"), "revision 3 of the mailing `advance` has not been sent yet", "revision 2 was sent")


@case
def who_is_in_doubt_is_not_passed_over_in_silence(program):
    with Server(HangsUp("sample1@")) as server:
        project = Project(program, server.port, 4, smtp=QUICK, mailing=LATER)
        with_notice(project, "done")
        expect(project.send().returncode, 3)
        expect(states(project), {"accepted": 3, "in doubt": 1})
        done = project.run("send", "done", "--dry-run")
        assert "3 messages to send, 1 not reached by `advance` (1 in doubt)" in done.stderr, done.stderr


@case
def an_older_ledger_reaches_nobody(program):
    """`reached_by`, `status` and `export` see what `send` sees: the ledger is a copy of before."""
    with Server() as server:
        project = Project(program, server.port, 10, mailing=LATER)
        with_notice(project, "done")
        expect(project.send("--limit", "2").returncode, 0)
        copy = project.ledger().read_bytes()
        expect(project.send().returncode, 0)
        for name in project.ledger().parent.iterdir():
            name.unlink()
        for there in (True, False):
            if there:
                (project.state / "runsheet/sending.sqlite").write_bytes(copy)
            else:
                (project.state / "runsheet/sending.sqlite").unlink()
            words = "the ledger is older than the last send from here" if there else "the ledger of the last send from here is missing"
            for arguments in (["send", "done", "--yes", "2"], ["send", "done", "--dry-run"], ["export", "advance"], ["status"],
                              ["send", "advance", "--yes", "10"]):
                refused(project.run(*arguments), words)
            assert "advance  unknown" in project.run("status").stdout
        expect(len(server.record.taken), 10)


@case
def rows_that_turn_faulty_before_a_resume(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        table = project.root / "people.csv"
        good = table.read_text()
        bad = good + "new1@d1.example,,8\nnew2@d1.example,,9\n"
        expect(project.send("--limit", "1").returncode, 0)
        table.write_text(bad)
        done = project.send("--skip-bad", "2", "--limit", "1")
        assert done.returncode == 0 and "2 left out" in done.stderr, done.stderr
        expect(states(project), {"accepted": 2, "planned": 2, "left out": 2})
        expect(project.send("--skip-bad", "2").returncode, 0)
        # Also when nothing is left to send.
        table.write_text(bad + "new3@d1.example,,9\n")
        expect(project.send("--skip-bad", "3").returncode, 0)
        expect(states(project), {"accepted": 4, "left out": 3})
        table.write_text(good + "new1@d1.example,One,8\nnew2@d1.example,Two,9\nnew3@d1.example,Three,9\n")
        done = project.send(count=7)
        assert done.returncode == 0 and "3 rows left out before are now good" in done.stderr, done.stderr
        once(server, project)
        expect(len(server.record.taken), 7)


@case
def planned_ones_that_turn_faulty(program):
    with Server() as server:
        project = Project(program, server.port, 4, notices='suppress = "gone.txt"')
        (project.root / "gone.txt").write_text("")
        table = project.root / "people.csv"
        good = table.read_text()
        table.write_text(good.replace("Sample 1,", ","))
        expect(project.send("--skip-bad", "1", "--limit", "1", count=3).returncode, 0)
        table.write_text(good.replace("Sample 2,", ","))
        expect(project.send("--skip-bad", "1", "--amend", count=3).returncode, 0)
        expect(states(project), {"accepted": 3, "left out": 1})
        # One that is good again, and suppressed meanwhile, is no new message.
        table.write_text(good)
        (project.root / "gone.txt").write_text(project.addresses[2] + "\n")
        done = project.run("send", "advance", "--dry-run")
        assert done.returncode == 0 and "nobody" not in done.stderr and "row left out before is now good" not in done.stderr, done.stderr
        (project.root / "gone.txt").write_text("")
        done = project.send()
        assert done.returncode == 0 and "1 row left out before is now good, and planned" in done.stderr, done.stderr
        once(server, project)
        expect(states(project), {"accepted": 4})


@case
def who_is_back_in_the_table(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        table = project.root / "people.csv"
        good = table.read_text()
        expect(project.send("--limit", "1").returncode, 0)
        table.write_text("".join(good.splitlines(keepends=True)[:4]))
        expect(project.send("--amend", count=3).returncode, 0)
        table.write_text(good)
        refused(project.send(), "1 recipient is back")
        done = project.send("--amend")
        assert done.returncode == 0 and "1 message still to send, of 4" in done.stderr, done.stderr
        expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def one_number_of_faulty_rows(program):
    """Whoever is chosen: every command counts the faulty rows of the table."""
    with Server() as server:
        project = Project(program, server.port, 6, mailing=LATER)
        with_notice(project, "done")
        expect(project.send("--limit", "3").returncode, 0)
        table = project.root / "people.csv"
        table.write_text(table.read_text().replace("Sample 1,", ",").replace("Sample 5,", ","))
        checked = project.run("check", "done")
        assert "2 faults in 2 of 6 rows" in checked.stderr, checked.stderr
        to = project.addresses[0]
        for arguments in (["send", "done", "--dry-run"], ["send", "done", "--test", "me@self.example"], ["review", "done"],
                          ["preview", "done", "--to", to], ["merge", "done", "--to", "-"], ["merge", "done", "--to", "-", "--only", to],
                          ["merge", "done", "--to", "-", "--where", "r.number == '0'"], ["review", "done", "--where", "r.number == '0'"]):
            done = project.run(*arguments, "--skip-bad", "2")
            expect(done.returncode, 0, f"{arguments}: {done.stderr}")
            refused(project.run(*arguments, "--skip-bad", "1"), "--skip-bad expects 1, but 2 rows are faulty")
        server.record.taken.clear()
        done = project.run("send", "done", "--skip-bad", "2", "--yes", "2")
        expect(done.returncode, 0, done.stderr)
        # Whom the earlier mailing did not reach has no part in it, faulty or not.
        assert "2 messages to send, 1 left out" in done.stderr, done.stderr
        # What is printed works as it stands.
        command = re.search(r"`runsheet notice (preview done --to \S+ --skip-bad 2)`", done.stderr)
        assert command, done.stderr
        expect(project.run(*command.group(1).split()).returncode, 0)


@case
def a_reason_for_lateness_is_kept_when_it_is_given(program):
    class Later(Behaviour):
        def rcpt(self, session, to):
            return "450 4.2.0 later" if time.monotonic() < self.until else super().rcpt(session, to)

    behaviour = Later()
    behaviour.until = time.monotonic() + 5
    with Server(behaviour) as server:
        t0 = in_seconds(3)
        project = Project(program, server.port, 2, t0=t0, smtp='retry = ["3s", "3s", "3s"]')
        staged(project, "scheduled")
        done = project.send("--wait", "--late", "the relay was down")
        expect(done.returncode, 0, done.stderr)
        export = project.run("export", "advance", "--format", "json")
        assert '"late"' in export.stdout and "the relay was down" in export.stdout, export.stdout


@case
def what_was_put_off_twice(program):
    """The second notice that puts an event off is held against what was announced, not against the first."""
    with Server() as server:
        t0 = in_seconds(4)
        project = Project(program, server.port, 2, t0=t0, mailing="".join(mailing_of(name, 'when = "T-60d"') for name in ("one", "two")))
        for name in ("one", "two"):
            with_notice(project, name, "postponed")
        expect(project.send().returncode, 0)
        edit(project, t0, in_days(30))
        done = project.run("send", "one", "--yes", "2")
        expect(done.returncode, 0, done.stderr)
        time.sleep(5)
        refused(project.run("send", "two", "--yes", "2"), "the announced T-0")


@case
def a_window_that_never_opens(program):
    with Server() as server:
        project = Project(program, server.port, 2, t0=in_days(0.5), mailing=mailing_of("off", 'when = "T-1h"'))
        with_notice(project, "off", "postponed")
        expect(project.send().returncode, 0)
        edit(project, project.settings["t0"], in_days(9))
        refused(project.run("send", "off", "--yes", "2"), "change `when` or `not_before` of the mailing: its end, ", "change `when`")


@case
def the_rest_is_called_off(program):
    with Server() as server:
        project = Project(program, server.port, 5)
        expect(project.send("--limit", "2").returncode, 0)
        done = project.run("resolve", "advance", "--all", "--cancel", "--why", "x")
        assert "no message is in doubt; use --all for messages in doubt" in done.stderr, done.stderr
        refused(project.run("resolve", "advance", "--all-planned", "--resend", "--why", "x"), "use --all-planned with --cancel")
        done = project.run("resolve", "advance", "--all-planned", "--cancel", "--why", "the event is off")
        expect(done.returncode, 0, done.stderr)
        expect(states(project), {"accepted": 2, "cancelled": 3})
        done = project.send()
        assert "nothing left to send" in done.stderr, done.stderr
        expect(len(server.record.taken), 2)


@case
def stopped_at_once(program):
    """The second Ctrl-C ends it in the middle: it says so, and `status` says what to do."""
    # It would take so long only if the second Ctrl-C ended nothing.
    with Server(Slow(10)) as server:
        project = Project(program, server.port, 12, smtp="connections = 2")
        process = project.start()
        while not server.record.connections:
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
        expect(process.returncode, 130, output)
        assert "stopped immediately: messages that were being sent are in doubt" in output, output
        status = project.run("status").stdout
        assert "a sender ended too early, and none is running: run `runsheet notice send advance` again" in status, status


@case
def a_test_without_a_message_says_why(program):
    with Server() as server:
        project = Project(program, server.port, 3, notices='suppress = "gone.txt"')
        (project.root / "gone.txt").write_text(project.addresses[0] + "\n")
        table = project.root / "people.csv"
        table.write_text(table.read_text().replace("Sample 1,", ","))
        test = lambda *more: project.run("send", "advance", "--test", "me@self.example", *more)
        refused(test("--only", project.addresses[0]), f"`{project.addresses[0]}` is suppressed and gets no mail")
        done = test("--only", project.addresses[1], "--skip-bad", "1")
        assert done.returncode == 1 and "was left out, because its row in line 3 is faulty (empty-field)" in done.stderr, done.stderr
        (project.root / "gone.txt").write_text("\n".join(project.addresses) + "\n")
        refused(test(), "no recipient for a test message")
        expect(len(server.record.taken), 0)


@case
def a_dry_run_of_faulty_rows_does_not_say_that_all_is_well(program):
    with Server() as server:
        project = Project(program, server.port, 3)
        table = project.root / "people.csv"
        table.write_text(table.read_text().replace("Sample 1,", ","))
        done = project.run("send", "advance", "--dry-run")
        expect(done.returncode, 1, done.stderr)
        assert "dry run: `send` would refuse this" in done.stderr, done.stderr


@case
def some_refusals_among_deferrals_are_no_quota(program):
    """A server that puts everybody off at first, and some dead addresses."""
    class Greylisting(Behaviour):
        seen = set()

        def rcpt(self, session, to):
            if int(re.search(r"\d+", to).group()) % 10 == 0:
                return "550 5.1.1 unknown"
            if to in self.seen:
                return super().rcpt(session, to)
            self.seen.add(to)
            return "450 4.2.0 greylisted, try again"

    with Server(Greylisting()) as server:
        project = Project(program, server.port, 240, smtp='retry = ["1s"]\nconnections = 4')
        done = project.send("--wait")
        expect(done.returncode, 3, done.stderr)
        expect(states(project), {"accepted": 216, "refused": 24})


@case
def what_was_taken_out_of_calendars_comes_back(program):
    """Each calendar takes the last message: its SEQUENCE is higher than those before."""
    with Server() as server:
        for moved_first in (True, False):
            server.record.taken.clear()
            project = Project(program, server.port, 1, mailing=mailing_of("off", 'when = "T-60d"'))
            with_calendar(project)
            staged(project, "scheduled")
            with_notice(project, "off", "postponed")
            expect(project.send().returncode, 0)
            if moved_first:
                edit(project, project.settings["t0"], in_days(40))
            # What takes the window out keeps no time.
            done = project.run("send", "off", "--yes", "1")
            expect(done.returncode, 0, done.stderr)
            if not moved_first:
                edit(project, project.settings["t0"], in_days(40))
            edit(project, 'recipients = "people.csv"\n\n[[', 'recipients = "people.csv"\nrevision = 2\n\n[[')
            refused(project.send(), "`off` removed the window from calendars", "set `revision = 1` in [events.cutover]")
            edit(project, 'name = "Cutover"', 'name = "Cutover"\nrevision = 1')
            done = project.send()
            expect(done.returncode, 0, done.stderr)
            sequences = [int(re.search(rb"SEQUENCE:(\d+)", message).group(1)) for _, message in server.record.taken]
            expect(sequences, [0, 1, 2])


@case
def a_mailing_of_the_next_event(program):
    """A mailing is used again for another event: what was told of the one before does not count."""
    with Server() as server:
        project = Project(program, server.port, 2)
        with_calendar(project)
        staged(project, "scheduled")
        expect(project.send().returncode, 0)
        edit(project, "[notices]", f'[events.next]\nname = "Next"\nt0 = "{in_days(60)}"\ntime_zone = "Europe/London"\nwindow = "1h"\n\n[notices]')
        edit(project, 'event = "cutover"', 'event = "next"\nrevision = 2')
        done = project.send()
        expect(done.returncode, 0, done.stderr)
        assert "moved" not in done.stderr, done.stderr


@case
def a_killed_sender_has_told_calendars(program):
    class Slow(Behaviour):
        def after_end(self, session, to):
            time.sleep(3)

    with Server(Slow()) as server:
        project = Project(program, server.port, 3, smtp="connections = 1")
        with_calendar(project)
        staged(project, "scheduled")
        process = project.start()
        while not server.record.taken:
            time.sleep(0.01)
        process.kill()
        process.communicate()
        edit(project, project.settings["t0"], in_days(31))
        refused(project.send("--amend"), "would ignore this", "set `revision = 1`")


@case
def a_revision_that_was_only_looked_at(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send("--limit", "1").returncode, 0)
        project.configure(mailing="revision = 2")
        # Nobody confirms the number.
        expect(project.run("send", "advance").returncode, 2)
        project.configure(mailing="")
        expect(project.send().returncode, 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def faulty_rows_that_come_and_go(program):
    """However rows turn faulty and good, the history of the export holds."""
    class Refusing(Behaviour):
        is_cross = True

        def rcpt(self, session, to):
            return "550 5.1.1 unknown" if self.is_cross and to.startswith("sample2@") else super().rcpt(session, to)

    behaviour = Refusing()
    with Server(behaviour) as server:
        project = Project(program, server.port, 4, smtp=QUICK)
        table = project.root / "people.csv"
        good = table.read_text()
        bad = good.replace("Sample 2,", ",")
        project.send("--limit", "3")
        behaviour.is_cross = False
        expect(project.run("resolve", "advance", project.addresses[2], "--resend", "--why", "it is there").returncode, 0)
        table.write_text(bad)
        expect(project.send("--amend", "--skip-bad", "1", count=3).returncode, 0)
        table.write_text(good)
        done = project.send("--amend")
        expect(done.returncode, 0, done.stderr)
        expect(states(project), {"accepted": 4})
        # Out of the table, in it again, faulty, and good.
        project = Project(program, server.port, 4, who="more")
        table = project.root / "people.csv"
        good = table.read_text()
        expect(project.send("--limit", "1").returncode, 0)
        for text, count, more in ((good.replace("more2@d2.example,Sample 2,2\n", ""), 3, []), (good, 4, []), (good.replace("Sample 2,", ","), 3, ["--skip-bad", "1"]), (good, 4, [])):
            table.write_text(text)
            done = project.send("--amend", "--limit", "1", *more, count=count)
            expect(done.returncode, 0, done.stderr)
            states(project)
        expect(project.send().returncode, 0)
        expect(states(project), {"accepted": 4})
        once(server, project)
