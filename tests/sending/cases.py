"""Sends to servers that misbehave; every case is judged by the server's own record, the final states and the exit code.

    python3 tests/sending/cases.py PROGRAM [CASE ...]

The numbers are those of the threats that SECURITY.md lists.
"""
import base64
import collections
import os
import pty
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from casebook import CASES, QUICK, case, expect, once, run, states
from project import Project, in_days
from smtp_server import Behaviour, Hangup, Server, Slow

@case
def good(program):
    with Server() as server:
        project = Project(program, server.port, 40, smtp="per_connection = 7")
        done = project.send()
        expect(done.returncode, 0, done.stderr)
        expect(states(project), {"accepted": 40})
        expect(server.record.copies(), {address: 1 for address in project.addresses})
        assert server.record.connections >= 40 // 7, server.record.connections
        expect(server.record.verbs("BARE"), [])
        # The dot at the beginning of a line is there once, and the messages are those that were planned.
        merged = project.run("merge", "advance", "--to", "-")
        expect(merged.returncode, 0, merged.stderr)
        again = project.send()
        expect((again.returncode, len(server.record.taken)), (0, 40), again.stderr)


@case
def without_pipelining(program):
    class Plain(Behaviour):
        extensions = ["SIZE 1000000"]

    with Server(Plain()) as server:
        project = Project(program, server.port, 12)
        expect(project.send().returncode, 0)
        expect(states(project), {"accepted": 12})
        once(server, project)


class Watches(Behaviour):
    """Sees what has come before a message is answered; `ends` are its answers to some."""

    def __init__(self, ends=None):
        self.ends, self.together = ends or {}, 0

    def end(self, session, to, message):
        if not session.buffer:
            session.stream.settimeout(0.05)
            try:
                session.buffer += session.stream.recv(65536)
            except TimeoutError:
                pass
            session.stream.settimeout(None)
        self.together += session.buffer.count(b"\r\nDATA\r\n")
        answer = self.ends.get(to)
        if answer == "hang up":
            raise Hangup()
        return answer or super().end(session, to, message)


@case
def pipelined(program):
    """The envelope of the next message is there with the end of the one before; whatever is said to that, nobody gets two."""
    one = "connections = 1\n"
    with Server(Watches()) as server:
        project = Project(program, server.port, 12, smtp=one + "per_connection = 5")
        expect(project.send().returncode, 0)
        expect(states(project), {"accepted": 12})
        once(server, project)
        # All but the last of each connection: 5, 5 and 2 messages.
        expect((server.behaviour.together, server.record.connections), (9, 3))
        expect(len(server.record.verbs("MAIL")), 12, "no envelope is for nothing")
    with Server(Watches()) as server:
        project = Project(program, server.port, 12, smtp=one + "pipelining = false")
        expect(project.send().returncode, 0)
        expect((states(project), server.behaviour.together), ({"accepted": 12}, 0))
    for answer, state in (("554 5.7.1 looks like spam", "refused"), ("450 4.2.0 later", "deferred"), ("hang up", "in doubt")):
        # In the middle, and as the last.
        with Server(Watches({"sample2@d2.example": answer, "sample7@d0.example": answer})) as server:
            project = Project(program, server.port, 8, smtp=one + 'retry = ["60s"]')
            done = project.send()
            expect(done.returncode, 3, done.stderr)
            expect(states(project), {"accepted": 6, state: 2}, answer)
            once(server, project)


@case
def pipelined_to_a_server_that_forgets_nothing(program):
    """It keeps the recipients of a message that it refused until it is told to reset: they get neither the next one nor an empty one."""

    class Keeps(Watches):
        kept = None

        def end(self, session, to, message):
            answer = super().end(session, to, message)
            self.kept = None if answer.startswith("250") else to
            return answer

        def mail(self, session):
            session.to = self.kept
            return "503 5.5.1 nested MAIL" if self.kept else super().mail(session)

        def rcpt(self, session, to):
            return "550 5.1.1 nobody" if to.startswith("sample3@") else super().rcpt(session, to)

        def rset(self, session):
            self.kept = None
            return super().rset(session)

    for pipelining in ("true", "false"):
        with Server(Keeps({"sample2@d2.example": "554 5.7.1 looks like spam"})) as server:
            project = Project(program, server.port, 6, smtp=f"connections = 1\npipelining = {pipelining}")
            expect(project.send().returncode, 3)
            expect(states(project), {"accepted": 4, "refused": 2})
            expect(server.record.copies(), {address: 1 for address in project.addresses if not address.startswith(("sample2@", "sample3@"))})
            expect(len(server.record.verbs("RCPT TO:<SAMPLE3@")), 1, "it is asked once")


@case
def pipelined_through_a_device_that_swallows(program):
    """What follows the end of a message never arrives: that is found out once."""

    class Swallows(Watches):
        def end(self, session, to, message):
            answer = super().end(session, to, message)
            session.buffer = b""
            return answer

    with Server(Swallows()) as server:
        project = Project(program, server.port, 12, smtp='connections = 1\ntimeout = "1s"')
        done = project.send()
        expect(done.returncode, 0, done.stderr)
        expect((server.record.copies(), server.record.connections), ({address: 1 for address in project.addresses}, 2))


@case
def nothing_is_said_into_a_message(program):
    """A server that waits for a message after all is left alone."""

    class Waits(Behaviour):
        lax = True

        def mail(self, session):
            return "450 4.3.0 not now"

    with Server(Waits()) as server:
        project = Project(program, server.port, 3, smtp='connections = 1\nretry = ["60s"]')
        begun = time.monotonic()
        expect(project.send().returncode, 3)
        expect((states(project), server.record.taken), ({"deferred": 3}, []))
        expect(server.record.verbs("IN A MESSAGE"), [])
        assert time.monotonic() - begun < 4, "it waits for no answer"


@case
def n104_disconnect_after_the_end(program):
    class Drops(Behaviour):
        def end(self, session, to, message):
            if to.startswith(("sample3@", "sample8@")):
                raise Hangup()
            return super().end(session, to, message)

    with Server(Drops()) as server:
        project = Project(program, server.port, 12, smtp=QUICK)
        done = project.send()
        expect(done.returncode, 3, done.stderr)
        assert "2 in doubt" in done.stderr, done.stderr
        expect(states(project), {"accepted": 10, "in doubt": 2})
        server.behaviour = Behaviour()
        expect(project.send().returncode, 3)
        once(server, project)
        # What a person decides is done and written down.
        done = project.run("resolve", "advance", project.addresses[3], "--sent", "--why", "the server's log has it")
        expect(done.returncode, 0, done.stderr)
        done = project.run("resolve", "advance", project.addresses[8], "--resend", "--why", "it has not")
        expect(done.returncode, 0, done.stderr)
        expect(project.send().returncode, 0)
        copies = server.record.copies()
        expect((copies[project.addresses[3]], copies[project.addresses[8]]), (1, 2))
        messages = [message for to, message in server.record.taken if to == project.addresses[8]]
        expect(messages[0] == messages[1], True, "a second copy has the same bytes")
        history = project.run("export", "advance", "--format", "json").stdout
        assert "the server's log has it" in history and '"who": "tester"' in history


@case
def n105_disconnect_before_the_end(program):
    class Drops(Behaviour):
        def __init__(self, step):
            self.step, self.left = step, {"sample2@d2.example", "sample5@d5.example"}

        def drop(self, step, to):
            if step == self.step and to in self.left:
                self.left.discard(to)
                raise Hangup()

        def rcpt(self, session, to):
            session.last = to
            self.drop("rcpt", to)
            return super().rcpt(session, to)

        def data(self, session):
            self.drop("data", session.last)
            if self.step == "body" and session.last in self.left:
                # The go-ahead and the end of the connection in one segment: the sender cannot have written the end between them.
                session.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                session.say(super().data(session))
                session.stream.shutdown(socket.SHUT_WR)
                self.drop("body", session.last)
            return super().data(session)

    for step in ("rcpt", "data", "body"):
        with Server(Drops(step)) as server:
            project = Project(program, server.port, 10, smtp=QUICK)
            done = project.send()
            expect(done.returncode, 0, step + done.stderr)
            expect(states(project), {"accepted": 10}, step)
            expect(server.behaviour.left, set(), "all have been dropped once")
            once(server, project)


@case
def n106_421_after_some(program):
    class Closes(Behaviour):
        def mail(self, session):
            if session.messages >= 5:
                session.say("421 4.7.0 too many messages on this connection")
                raise Hangup()
            return super().mail(session)

    with Server(Closes()) as server:
        project = Project(program, server.port, 40, smtp=QUICK)
        done = project.send()
        expect(done.returncode, 0, done.stderr)
        expect(states(project), {"accepted": 40})
        expect(len(server.record.taken), 40)
        once(server, project)


@case
def n107_4xx_then_good(program):
    class Later(Behaviour):
        def __init__(self, times):
            self.times, self.tried = times, collections.Counter()

        def rcpt(self, session, to):
            if to.startswith("sample4@"):
                self.tried[to] += 1
                if self.tried[to] <= self.times:
                    return "450 4.2.0 greylisted"
            return super().rcpt(session, to)

    # It is tried again while it runs, if it is due by then; with --wait always.
    with Server(Later(1)) as server:
        project = Project(program, server.port, 10, smtp=QUICK)
        done = project.send("--wait")
        expect(done.returncode, 0, done.stderr)
        expect(states(project), {"accepted": 10})
        expect(server.behaviour.tried["sample4@d4.example"], 2)
        once(server, project)
    # Else the run ends, says when, and running it again goes on.
    with Server(Later(1)) as server:
        project = Project(program, server.port, 10, smtp='retry = ["2s"]')
        done = project.send()
        expect(done.returncode, 3, done.stderr)
        assert "1 deferred, next attempt at " in done.stderr and "run it again then" in done.stderr, done.stderr
        expect(states(project), {"accepted": 9, "deferred": 1})
        time.sleep(2.1)
        expect(project.send().returncode, 0)
        once(server, project)
    # After the last retry it stays deferred, with the server's words, until somebody plans it again.
    with Server(Later(3)) as server:
        project = Project(program, server.port, 10, smtp=QUICK)
        done = project.send("--wait")
        expect(done.returncode, 3, done.stderr)
        expect(states(project), {"accepted": 9, "deferred": 1})
        expect(server.behaviour.tried["sample4@d4.example"], 3)
        assert "450 4.2.0 greylisted" in done.stderr and "--all-deferred" in done.stderr, done.stderr
        again = project.send("--wait")
        expect((again.returncode, server.behaviour.tried["sample4@d4.example"]), (3, 3), again.stderr)
        expect(project.run("resolve", "advance", "--all-deferred", "--resend", "--why", "it takes them now").returncode, 0)
        expect(project.send("--wait").returncode, 0)
        once(server, project)


@case
def n108_5xx(program):
    class Refuses(Behaviour):
        def rcpt(self, session, to):
            if to.startswith("sample1@"):
                return "550 5.1.1 <\x1b[31mnobody\x07> " + "x" * 2000
            return super().rcpt(session, to)

        def end(self, session, to, message):
            if to.startswith("sample2@"):
                return "554 5.7.1 looks like spam"
            return super().end(session, to, message)

    with Server(Refuses()) as server:
        project = Project(program, server.port, 10, smtp=QUICK)
        done = project.send()
        expect(done.returncode, 3, done.stderr)
        expect(states(project), {"accepted": 8, "refused": 2})
        assert "554 5.7.1 looks like spam" in done.stderr and "\x1b" not in done.stderr and "\x07" not in done.stderr
        assert max(map(len, done.stderr.splitlines())) < 700
        expect(len(server.record.verbs("RCPT")), 10)
        again = project.send()
        expect((again.returncode, len(server.record.verbs("RCPT"))), (3, 10), "a refused recipient is not tried again")


@case
def n108_all_refused(program):
    class Refuses(Behaviour):
        def rcpt(self, session, to):
            return "554 5.7.1 relay access denied"

    with Server(Refuses()) as server:
        project = Project(program, server.port, 200, smtp=QUICK)
        done = project.send()
        expect(done.returncode, 2, done.stderr)
        assert "were all refused" in done.stderr, done.stderr
        assert len(server.record.verbs("RCPT")) <= 20 + 4, "it stops at the twentieth"
        expect(states(project)["planned"] >= 170, True)


@case
def n108_5xx_at_mail(program):
    class Refuses(Behaviour):
        def mail(self, session):
            return "550 5.7.1 this sender is not allowed"

    with Server(Refuses()) as server:
        project = Project(program, server.port, 10, smtp=QUICK)
        done = project.send()
        expect(done.returncode, 2, done.stderr)
        assert "this sender is not allowed" in done.stderr
        expect(states(project), {"planned": 10}, "nobody is to blame")
        expect(len(server.record.taken), 0)


@case
def n109_slow_and_hanging(program):
    class Drips(Behaviour):
        def ehlo(self, session):
            for byte in super().ehlo(session):
                session.say(byte.encode())
                time.sleep(0.4)
            return ""

    # A byte now and then does not hold it: the deadline is for the whole answer.
    with Server(Drips()) as server:
        project = Project(program, server.port, 3, smtp=QUICK + "connections = 1")
        begun = time.monotonic()
        done = project.send(timeout=60)
        expect(done.returncode, 2, done.stderr)
        assert "took too long" in done.stderr and time.monotonic() - begun < 30, done.stderr
        expect(states(project), {"planned": 3})

    class Hangs(Behaviour):
        def end(self, session, to, message):
            if to.startswith("sample1@"):
                time.sleep(30)
            return super().end(session, to, message)

    with Server(Hangs()) as server:
        project = Project(program, server.port, 5, smtp=QUICK)
        done = project.send()
        expect(done.returncode, 3, done.stderr)
        expect(states(project), {"accepted": 4, "in doubt": 1})

    class HangsAtRcpt(Behaviour):
        def rcpt(self, session, to):
            if to.startswith("sample1@"):
                time.sleep(30)
            return super().rcpt(session, to)

    with Server(HangsAtRcpt()) as server:
        project = Project(program, server.port, 5, smtp=QUICK)
        done = project.send()
        expect(done.returncode, 3, done.stderr)
        expect(states(project), {"accepted": 4, "deferred": 1})
        once(server, project)


@case
def n110_garbage(program):
    answers = {
        "garbage": b"\xff\xfe\x00\x01garbage\r\n",
        "no code": b"hello there\r\n",
        "huge": b"250-" + b"x" * 300 + b"\r\n",
        "code 999": b"999 what\r\n",
        "two codes": b"250-one\r\n550 two\r\n",
    }
    for name, answer in answers.items():
        class Odd(Behaviour):
            def ehlo(self, session):
                session.say(answer * (100000 if name == "huge" else 1))
                raise Hangup()

        with Server(Odd()) as server:
            project = Project(program, server.port, 3, smtp=QUICK + "connections = 1")
            done = subprocess.run(["sh", "-c", 'ulimit -v 4000000; exec "$@"', "sh", *project.command("send", "advance", "--yes", "3")],
                                  env=project.env, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
            expect(done.returncode, 2, name + done.stderr.decode())
            assert all(byte >= 32 or byte == 10 for byte in done.stderr), done.stderr
            expect(states(project), {"planned": 3}, name)

    class OddAtEnd(Behaviour):
        def end(self, session, to, message):
            if to.startswith("sample1@"):
                self.record.take(to, message)
                session.say(b"\x1b[2Jwhat?\r\n")
                raise Hangup()
            return super().end(session, to, message)

    behaviour = OddAtEnd()
    with Server(behaviour) as server:
        behaviour.record = server.record
        server.record.take = lambda to, message: server.record.taken.append((to, message))
        project = Project(program, server.port, 5, smtp=QUICK)
        done = project.send()
        expect(done.returncode, 3, done.stderr)
        expect(states(project), {"accepted": 4, "in doubt": 1})
        assert "\x1b" not in done.stderr


class Certificates:
    """A certificate authority for tests, and servers that it signs."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="runsheet-ca-")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA")

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder.name, check=True, capture_output=True)

    @property
    def ca(self):
        return self.folder.name + "/ca.pem"

    def context(self, name, *, days="2", signed=True, san="DNS:localhost"):
        here = self.folder.name
        self.run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=localhost")
        with open(f"{here}/{name}.ext", "w") as file:
            file.write(f"subjectAltName={san}\nbasicConstraints=CA:FALSE\n")
        signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"] if signed else ["-signkey", f"{name}.key"]
        validity = ["-days", days] if days != "expired" else ["-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
        if days == "expired":
            # OpenSSL 3.0's `x509` knows no dates; a certificate of minus one day is expired, too.
            validity = ["-days", "-1"]
        self.run("x509", "-req", "-in", f"{name}.csr", *signer, *validity, "-extfile", f"{name}.ext", "-out", f"{name}.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{here}/{name}.pem", f"{here}/{name}.key")
        return context


@case
def n111_starttls(program):
    certificates = Certificates()
    trust = f'ca_file = "{certificates.ca}"\nuser = "someone"\n' + QUICK
    secret = {"RUNSHEET_SMTP_PASSWORD": "pa55-w0rd"}

    class WithLogin(Behaviour):
        tls = certificates.context("good")

        def __init__(self):
            self.extensions = Behaviour.extensions + ["AUTH PLAIN LOGIN"]

        def auth(self, session, line):
            given = base64.b64decode(line.split()[2]).split(b"\0")
            return "235 2.7.0 Ok" if given == [b"", b"someone", b"pa55-w0rd"] else "535 5.7.8 no"

    class Missing(WithLogin):
        tls = None

    class Refused(WithLogin):
        def starttls(self, session):
            return "454 4.7.0 not now"

    class Injected(WithLogin):
        def starttls(self, session):
            return b"220 2.0.0 go on\r\n250-sink.example\r\n250 AUTH PLAIN\r\n"

    def send(behaviour):
        server = Server(behaviour)
        project = Project(program, server.port, 3, host="localhost", tls="starttls", smtp=trust, env=secret)
        return server, project, project.send()

    server, project, done = send(WithLogin())
    expect(done.returncode, 0, done.stderr)
    expect(len(server.record.taken), 3)
    for behaviour in (Missing(), Refused(), Injected()):
        server, project, done = send(behaviour)
        expect(done.returncode, 2, done.stderr)
        expect(server.record.verbs("AUTH") + server.record.verbs("MAIL"), [], type(behaviour).__name__)
        assert "STARTTLS" in done.stderr or "before TLS started" in done.stderr, done.stderr
        expect(states(project), {"planned": 3})
    # Nothing went in the clear, and the password is nowhere.
    clear = [line for _, encrypted, line in server.record.commands if not encrypted]
    assert all(line.upper().startswith(("EHLO", "STARTTLS", "QUIT")) for line in clear), clear
    assert "pa55-w0rd" not in done.stderr


@case
def n112_certificates(program):
    certificates = Certificates()
    contexts = {
        "another name": certificates.context("other", san="DNS:elsewhere.example"),
        "expired": certificates.context("expired", days="expired"),
        "self-signed": certificates.context("own", signed=False),
    }
    for name, context in contexts.items():
        for tls in ("starttls", "implicit"):
            class Odd(Behaviour):
                implicit = tls == "implicit"

            Odd.tls = context
            with Server(Odd()) as server:
                project = Project(program, server.port, 3, host="localhost", tls=tls, smtp=f'ca_file = "{certificates.ca}"\n' + QUICK)
                done = project.send()
                expect(done.returncode, 2, name + done.stderr)
                assert "TLS with localhost" in done.stderr, done.stderr
                expect((server.record.verbs("MAIL"), states(project)), ([], {"planned": 3}), name)

    class Good(Behaviour):
        implicit = True
        tls = certificates.context("good")

    with Server(Good()) as server:
        # Without the pinned certificate it is not trusted, either.
        project = Project(program, server.port, 3, host="localhost", tls="implicit", smtp=QUICK)
        expect(project.send().returncode, 2)
        project.configure(smtp=f'ca_file = "{certificates.ca}"\n')
        done = project.send()
        expect(done.returncode, 0, done.stderr)
        expect(len(server.record.taken), 3)
    help = subprocess.run([str(program), "notice", "send", "--help"], capture_output=True, text=True).stdout
    assert "insecure" not in help and "invalid" not in help and "password" not in help.split("Environment:")[0]


@case
def n113_auth_refused(program):
    class Refuses(Behaviour):
        extensions = Behaviour.extensions + ["AUTH LOGIN PLAIN"]

        def auth(self, session, line):
            return "535 5.7.8 wrong"

    with Server(Refuses()) as server:
        project = Project(program, server.port, 30, smtp='user = "someone"\nconnections = 8\n' + QUICK, env={"RUNSHEET_SMTP_PASSWORD": "pa55-w0rd"})
        done = project.send()
        expect(done.returncode, 2, done.stderr)
        expect((len(server.record.verbs("AUTH")), len(server.record.taken)), (1, 0))
        expect(states(project), {"planned": 30})
        assert "535 5.7.8" in done.stderr and "pa55-w0rd" not in done.stderr
        encoded = base64.b64encode(b"\0someone\0pa55-w0rd").decode()
        assert encoded not in done.stderr


@case
def secrets(program):
    class Login(Behaviour):
        extensions = Behaviour.extensions + ["AUTH LOGIN"]

        def auth(self, session, line):
            session.say("334 VXNlcm5hbWU6")
            user = base64.b64decode(session.line())
            session.say("334 UGFzc3dvcmQ6")
            word = base64.b64decode(session.line())
            return "235 2.7.0 Ok" if (user, word) == (b"someone", b"pa55-w0rd") else "535 5.7.8 no"

    with Server(Login()) as server:
        project = Project(program, server.port, 3, smtp='user = "someone"\npassword_file = "secret"\n' + QUICK)
        secret = project.root / "secret"
        secret.write_text("pa55-w0rd\n")
        # Others can come here.
        project.root.parent.chmod(0o755)
        secret.chmod(0o644)
        done = project.send()
        assert done.returncode == 2 and "can be read by others" in done.stderr, done.stderr
        secret.chmod(0o600)
        expect(project.send().returncode, 0)
        project = Project(program, server.port, 3, smtp='user = "someone"\npassword_command = ["printf", "pa55-w0rd"]\n' + QUICK)
        expect(project.send().returncode, 0)
        project = Project(program, server.port, 3, smtp='user = "someone"\n' + QUICK)
        done = project.send()
        assert done.returncode == 2 and "no password" in done.stderr, done.stderr
        project = Project(program, server.port, 3, smtp='user = "someone"\npassword = "pa55-w0rd"\n' + QUICK)
        done = project.send()
        assert done.returncode == 1 and "don't belong in the configuration" in done.stderr, done.stderr
        assert "pa55-w0rd" not in done.stderr + done.stdout
        project = Project(program, server.port, 3, host="mail.example.org", smtp=QUICK)
        done = project.send()
        assert done.returncode == 1 and "without TLS" in done.stderr, done.stderr


@case
def n114_two_at_once(program):
    with Server(Slow(0.05)) as server:
        project = Project(program, server.port, 60)
        first = project.start()
        while not server.record.taken:
            time.sleep(0.01)
        second = project.send()
        assert second.returncode == 2 and "another sender is using the ledger" in second.stderr, second.stderr
        expect(project.run("status", "advance").returncode, 0, "the status can be read meanwhile")
        expect(first.wait(60), 0)
        expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def n116_unconfirmed(program):
    with Server() as server:
        project = Project(program, server.port, 3)
        done = project.run("send", "advance")
        assert done.returncode == 2 and "--yes 3" in done.stderr, done.stderr
        done = project.send(count=4)
        assert done.returncode == 2 and "the number of messages is 3" in done.stderr, done.stderr
        expect(server.record.connections, 0)

        def typed(text):
            primary, secondary = pty.openpty()
            process = subprocess.Popen(project.command("send", "advance"), env=project.env, stdin=secondary, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            os.close(secondary)
            os.write(primary, text)
            output = process.communicate(timeout=60)[0].decode()
            os.close(primary)
            return process.returncode, output

        code, output = typed(b"yes\n")
        assert code == 2 and "nothing was sent" in output, output
        code, output = typed(b"\x04")
        assert code == 2 and "nothing was sent" in output, output
        expect(server.record.connections, 0)
        code, output = typed(b"3\n")
        expect((code, len(server.record.taken)), (0, 3), output)


@case
def n117_none_or_too_many(program):
    with Server() as server:
        project = Project(program, server.port, 0)
        expect(project.send(count=0).returncode, 1)
        project = Project(program, server.port, 5, smtp="max_recipients = 4")
        done = project.send()
        assert done.returncode == 2 and "`max_recipients` in [smtp] is 4" in done.stderr, done.stderr
        project = Project(program, server.port, 2, notices='suppress = "gone.txt"')
        (project.root / "gone.txt").write_text("\n".join(project.addresses) + "\n")
        done = project.send(count=0)
        assert done.returncode == 2 and "no messages to send" in done.stderr, done.stderr
        expect(server.record.connections, 0)


@case
def n118_test_and_dry_run(program):
    with Server() as server:
        # Before its time, in a rehearsal: a message to oneself is sent all the same, and is in no ledger.
        project = Project(program, server.port, 5, mode="rehearsal", mailing='when = "T-1h"', t0="2099-01-10T02:00")
        done = project.run("send", "advance", "--test", "me@self.example")
        expect(done.returncode, 0, done.stderr)
        expect(server.record.copies(), {"me@self.example": 1})
        assert not project.state.exists()
        # The message of somebody else than the first, such as one in another language.
        done = project.run("send", "advance", "--test", "me@self.example", "--only", project.addresses[3])
        expect(done.returncode, 0, done.stderr)
        assert b"Sample 3" in server.record.taken[-1][1], server.record.taken[-1]
        done = project.run("send", "advance", "--test", "me@self.example", "--only", "nobody@d0.example")
        assert done.returncode == 1 and "is not a recipient" in done.stderr, done.stderr
        expect(server.record.copies(), {"me@self.example": 2})
        connections = server.record.connections
        done = project.run("send", "advance", "--dry-run")
        # It tells what `send` would refuse, all of it, with the same code.
        expect((done.returncode, server.record.connections), (2, connections), done.stderr)
        for words in ("5 messages to send", "is a rehearsal", "must not be sent before", "nothing was sent"):
            assert words in done.stderr, done.stderr
        assert not project.state.exists()
        project.configure(mode="live", mailing="")
        done = project.run("send", "advance", "--dry-run")
        expect((done.returncode, server.record.connections), (0, connections), done.stderr)
        trace = project.root / "trace"
        command = ["strace", "-f", "-e", "trace=connect,socket", "-o", str(trace), *project.command("send", "advance", "--dry-run")]
        expect(subprocess.run(command, env=project.env, capture_output=True, stdin=subprocess.DEVNULL).returncode, 0)
        assert "AF_INET" not in trace.read_text(), trace.read_text()


@case
def a_limit_takes_the_first_rows(program):
    with Server() as server:
        # In the order of the letters the eleventh of them would be among the first three.
        project = Project(program, server.port, 12)
        expect(project.send("--limit", "3").returncode, 0)
        expect(sorted(to for to, _ in server.record.taken), project.addresses[:3])


@case
def n35_the_table_changes(program):
    with Server() as server:
        project = Project(program, server.port, 10)
        expect(project.send("--limit", "3").returncode, 0)
        expect(len(server.record.taken), 3)
        table = project.root / "people.csv"
        text = table.read_text()
        for changed in (text.replace("Sample 7", "Sample 8"), text.replace("Sample 1,1", "Sample 1,2"), text + "new@d1.example,New,11\n",
                        "\n".join(text.splitlines()[:-1]) + "\n"):
            table.write_text(changed)
            done = project.send("--wait", count=len(changed.splitlines()) - 1)
            expect(done.returncode, 2, done.stderr)
            assert "has changed" in done.stderr and "--amend" in done.stderr, done.stderr
            expect(len(server.record.taken), 3, "nothing more was sent")
        # Between what is shown and what is typed.
        table.write_text(text)
        primary, secondary = pty.openpty()
        process = subprocess.Popen(project.command("send", "advance"), env=project.env, stdin=secondary, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(secondary)
        shown = b""
        while b"type the number" not in shown:
            shown += os.read(process.stderr.fileno(), 4096)
        table.write_text(text.replace("Sample 7", "Sample 8"))
        os.write(primary, b"10\n")
        rest = process.communicate(timeout=60)[1].decode()
        os.close(primary)
        assert process.returncode == 2 and "changed while you read this" in rest, rest
        expect(len(server.record.taken), 3)
        # The notice, too.
        table.write_text(text)
        notice = project.root / "content/notices.md"
        notice.write_text(notice.read_text().replace("this is number", "this is the number"))
        done = project.send()
        assert done.returncode == 2 and "7 messages differ" in done.stderr, done.stderr
        # Amended, it goes to those who were not reached, and to nobody else.
        done = project.send("--amend")
        expect(done.returncode, 0, done.stderr)
        expect(server.record.copies(), {address: 1 for address in project.addresses})
        new = [message for _, message in server.record.taken if b"this is the number" in message]
        expect(len(new), 7)


@case
def an_answer_before_the_end(program):
    """A stray 250 before the end of a message is no acceptance, and nothing more is said on that connection."""

    class Early(Behaviour):
        def data(self, session):
            return "354 go on\r\n250 2.0.0 stray"

    certificates = Certificates()

    class Encrypted(Behaviour):
        implicit, tls = True, certificates.context("good")

    class InOneRecord(Encrypted):
        def data(self, session):
            # The sender reads 4096 octets at a time: what is behind them has been decrypted, and lies in wait.
            time.sleep(0.05)
            last = "354 go on\r\n"
            return "354-" + "x" * (4096 - len("354-\r\n" + last)) + "\r\n" + last + "250 2.0.0 stray"

    class InItsOwnRecord(Encrypted):
        def data(self, session):
            session.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            return super().data(session)

        def after_data(self, session):
            session.say("250 2.0.0 stray")
            session.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    for behaviour in (Early(), InOneRecord(), InItsOwnRecord()):
        more = dict(host="localhost", tls="implicit") if behaviour.implicit else {}
        with Server(behaviour) as server:
            trust = f'ca_file = "{certificates.ca}"\n' if behaviour.implicit else ""
            project = Project(program, server.port, 2, smtp=trust + 'retry = []\ntimeout = "2s"', **more)
            done = project.send()
            expect((done.returncode, server.record.copies()), (3, {}), type(behaviour).__name__ + done.stderr)
            expect(states(project), {"deferred": 2})


@case
def amended_and_resent(program):
    class Drops(Behaviour):
        def end(self, session, to, message):
            if to.startswith(("sample0@", "sample1@")):
                raise Hangup()
            return super().end(session, to, message)

    with Server(Drops()) as server:
        project = Project(program, server.port, 5, smtp=QUICK + "connections = 1")
        expect(project.send("--limit", "3").returncode, 3)
        expect(project.run("resolve", "advance", project.addresses[0], "--cancel", "--why", "never").returncode, 0)
        server.behaviour = Behaviour()
        notice = project.root / "content/notices.md"
        notice.write_text(notice.read_text().replace("this is number", "this is the number"))
        done = project.send("--amend", "--in-doubt", "resend")
        expect(done.returncode, 0, done.stderr)
        # Whom a person took out gets nothing more; who was in doubt gets the new text, as somebody chose.
        expect(server.record.copies(), {project.addresses[0]: 1, project.addresses[1]: 2, **{address: 1 for address in project.addresses[2:]}})
        expect(states(project), {"cancelled": 1, "accepted": 4})


@case
def exported_while_it_is_sent(program):
    with Server() as server:
        project = Project(program, server.port, 1500)
        process = project.start()
        while not server.record.taken:
            time.sleep(0.01)
        exports = 0
        while process.poll() is None:
            done = project.run("export", "advance")
            expect(done.returncode, 0, done.stderr)
            exports += 1
        expect((process.returncode, exports > 2), (0, True), f"{exports} exports")


@case
def refused_by_time(program):
    with Server() as server:
        def refused(words, **settings):
            project = Project(program, server.port, 2, **settings)
            done = project.send()
            assert done.returncode == 2 and words in done.stderr, done.stderr

        refused("is a rehearsal", mode="rehearsal")
        refused("must not be sent before", mailing='when = "T-1h"', t0="2099-01-10T02:00")
        refused("too late for the mailing", mailing='when = "T-48h"\nnot_after = "T-1h"', t0=in_days(-1))
        expect(server.record.connections, 0)
        project = Project(program, server.port, 2)
        done = subprocess.run([str(program), "--now", "2020-01-01T00:00:00Z", *project.command("send", "advance", "--yes", "2")[1:]], env=project.env, capture_output=True, text=True)
        assert done.returncode == 2 and "`send` uses only runsheet.toml and the clock" in done.stderr, done.stderr


@case
def those_reached_before(program):
    class Refuses(Behaviour):
        def rcpt(self, session, to):
            return "550 5.1.1 nobody" if to.startswith("sample2@") else super().rcpt(session, to)

    with Server(Refuses()) as server:
        more = '\n[[mailings]]\nid = "done"\nnotice = "advance"\nevent = "cutover"\nrecipients = "people.csv"\nreached_by = "advance"\n'
        project = Project(program, server.port, 5, mailing=more)
        early = project.run("send", "done", "--yes", "5")
        assert early.returncode == 2 and "reached no recipients" in early.stderr, early.stderr
        expect(project.send().returncode, 3)
        server.behaviour = Behaviour()
        done = project.run("send", "done", "--yes", "4")
        expect(done.returncode, 0, done.stderr)
        expect({to: copies for to, copies in server.record.copies().items()}, {address: 2 for address in project.addresses if not address.startswith("sample2@")})


@case
def interrupted(program):
    for signals, code in (([signal.SIGINT], 130), ([signal.SIGTERM], 143)):
        with Server(Slow(0.2)) as server:
            project = Project(program, server.port, 60)
            process = project.start()
            while len(server.record.taken) < 4:
                time.sleep(0.01)
            begun = len(server.record.taken)
            for number in signals:
                process.send_signal(number)
            expect(process.wait(10), code)
            expect(set(project.states().values()), {"accepted", "planned"}, "what was in flight had its answer")
            assert len(server.record.taken) <= begun + 4, "nothing was begun after it"
            expect(project.send().returncode, 0)
            expect(server.record.copies(), {address: 1 for address in project.addresses})


@case
def paced(program):
    with Server() as server:
        project = Project(program, server.port, 21, smtp='rate = "10/s"')
        begun = time.monotonic()
        expect(project.send().returncode, 0)
        took = time.monotonic() - begun
        assert 1.6 < took < 6, took
        project = Project(program, server.port, 21, smtp='per_domain = "1/s"')
        begun = time.monotonic()
        expect(project.send().returncode, 0)
        took = time.monotonic() - begun
        assert 1.6 < took < 6, took


@case
def tampered(program):
    with Server() as server:
        project = Project(program, server.port, 4)
        expect(project.send().returncode, 0)
        subprocess.run(["sqlite3", str(project.ledger()), "UPDATE event SET reply = 'another' WHERE number = 3"], check=True)
        done = project.run("export", "advance")
        assert done.returncode == 2 and "the ledger was changed outside Runsheet" in done.stderr, done.stderr


@case
def a_disk_that_fails(program):
    """When an fsync fails, the end of the message is not written."""
    seen = 0
    for number in range(1, 26):
        with Server() as server:
            project = Project(program, server.port, 6, smtp="connections = 1")
            command = ["strace", "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", f"inject=fsync,fdatasync:error=EIO:when={number}+",
                       *project.command("send", "advance", "--yes", "6")]
            done = subprocess.run(command, env=project.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
            taken = len(server.record.taken)
            if done.returncode == 0:
                expect(taken, 6)
                break
            expect(done.returncode, 2, done.stderr)
            seen += 1
            # With a good disk again: nobody gets two, nobody is lost.
            again = project.send()
            assert again.returncode in (0, 3), again.stderr
            once(server, project)
            found = states(project)
            expect(found.get("accepted", 0) + found.get("in doubt", 0), 6, f"fsync {number}")
            assert found.get("in doubt", 0) <= 1, found
    assert seen >= 6, f"{seen} faults"


@case
def notices_of_faults(program):
    """A server that is not there, and a ledger where none can be."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    project = Project(program, port, 3, smtp="connections = 2")
    done = project.send()
    assert done.returncode == 2 and f"cannot reach 127.0.0.1:{port}" in done.stderr, done.stderr
    expect(states(project), {"planned": 3})
    project = Project(program, port, 3, smtp='ledger = "public/ledger.sqlite"')
    done = project.send()
    assert done.returncode == 2 and "can't be in public/" in done.stderr, done.stderr
    project = Project(program, port, 3)
    project.configure(smtp="", host="127.0.0.1")
    config = project.root / "runsheet.toml"
    config.write_text(config.read_text().split("[smtp]")[0])
    done = project.send()
    assert done.returncode == 2 and "no mail server is configured" in done.stderr, done.stderr


import second_copies  # noqa: E402,F401
import campaigns  # noqa: E402,F401  its cases are in the same book
import envelopes  # noqa: E402,F401
import told_before  # noqa: E402,F401
import tokens  # noqa: E402,F401

if __name__ == "__main__":
    for tool in ("strace", "openssl", "sqlite3"):
        assert shutil.which(tool), f"{tool} is missing"
    run(os.path.abspath(sys.argv[1]), sys.argv[2:])
