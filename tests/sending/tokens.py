"""Logins by a token that runs out (XOAUTH2, OAUTHBEARER): it is renewed, and is shown to nobody."""
import base64
import json
import pathlib
import subprocess
import time

from casebook import QUICK, case, expect, once, states
from project import Project
from smtp_server import Behaviour, Hangup, Server

# What every token of these tests contains, and nothing else does.
MARK = "ya29-SECRET"
USER = "notices@sending.example"
COMMAND = f'user = "{USER}"\ntoken_command = ["sh", "token.sh"]\n'


class WithTokens(Behaviour):
    """Lets in whoever has a token that is good; tells the others why, in one of the ways that servers have."""

    mechanism = "XOAUTH2"
    why = {"status": "401", "schemes": "bearer", "scope": "https://mail.sending.example/"}
    challenges = True  # 334 with JSON, then 535
    hangs_up = False  # in place of that 535
    refusal = "535 5.7.8 Username and Password not accepted"

    def __init__(self, good):
        self.extensions = Behaviour.extensions + [f"AUTH PLAIN LOGIN {self.mechanism}"]
        self.good, self.seen, self.ends = good, [], []

    def token(self, text):
        """The token of an initial response, which must be as the documents say."""
        if self.mechanism == "XOAUTH2":
            user, bearer, *rest = text.split("\x01")
            expect((user, rest), (f"user={USER}", ["", ""]), text)
        else:
            head, host, port, bearer, *rest = text.split("\x01")
            expect((head, host, rest), (f"n,a={USER},", "host=127.0.0.1", ["", ""]), text)
            assert port.startswith("port="), text
        assert bearer.startswith("auth=Bearer "), text
        return bearer.removeprefix("auth=Bearer ")

    def auth(self, session, line):
        _, mechanism, *response = line.split(" ")
        expect(mechanism, self.mechanism)
        assert len(line) + 2 <= 512, len(line)
        if not response:
            session.say("334 ")
            response = [session.line().rstrip(b"\r").decode()]
        token = self.token(base64.b64decode(response[0]).decode())
        self.seen.append(token)
        if self.is_good(token):
            return "235 2.7.0 Accepted"
        if self.challenges:
            session.say("334 " + base64.b64encode(json.dumps(self.why).encode()).decode())
            self.ends.append(session.line())
            if self.hangs_up:
                raise Hangup()
        return self.refusal.replace("TOKEN", token).replace("RESPONSE", response[0])

    def is_good(self, token):
        return token in self.good


def token(number, length=0):
    return f"{MARK}-{number}".ljust(length, "x")


def project_of(program, server, count, smtp=COMMAND, *, length=0, slow=0, more=QUICK, env=None):
    """A project whose command prints another token each time, and counts how often it is asked."""
    project = Project(program, server.port, count, smtp=smtp + more, env=env)
    script = f"""echo run >> runs
number=$(($(wc -l < runs)))
sleep {slow}
printf '%s-%s' {MARK} $number
printf '%{max(0, length - len(token(1)))}s' '' | tr ' ' x
"""
    (project.root / "token.sh").write_text(script)
    return project


def runs(project):
    path = project.root / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def is_shown_nowhere(project, *outputs):
    """No token is in what was printed, in the ledger, in an export or in what a dry run says."""
    texts = [text for done in outputs for text in (done.stdout, done.stderr)]
    for arguments in (["export", "advance"], ["export", "advance", "--format", "json"], ["status", "advance"], ["send", "advance", "--dry-run"]):
        done = project.run(*arguments)
        texts += [done.stdout, done.stderr]
    if project.state.exists():
        texts.append(subprocess.run(["sqlite3", str(project.ledger()), ".dump"], capture_output=True, text=True, check=True).stdout)
        texts += [path.read_bytes().decode("latin-1") for path in project.state.rglob("*") if path.is_file()]
    # As it is, and as the three ways in which base64 writes it.
    marks = [MARK] + [base64.b64encode(b" " * shift + MARK.encode())[4:12].decode() for shift in range(3)]
    for text in texts:
        for mark in marks:
            assert mark not in text, text


@case
def a_token_that_ran_out_is_renewed(program):
    class Short(WithTokens):
        challenges = False

    class Hanging(WithTokens):
        hangs_up = True

    class Bearer(WithTokens):
        mechanism = "OAUTHBEARER"
        why = {"status": "invalid_token"}

    for kind in (WithTokens, Short, Hanging, Bearer):
        # A token of 1,500 octets does not fit into a command.
        for length in (0, 1500):
            with Server(kind({token(2, length)})) as server:
                project = project_of(program, server, 30, length=length, more=QUICK + "connections = 8\nper_connection = 4\n")
                done = project.send()
                expect(done.returncode, 0, f"{kind.__name__} {length}: {done.stderr}")
                expect((states(project), runs(project)), ({"accepted": 30}, 2))
                once(server, project)
                seen = server.behaviour.seen
                expect((seen[0], seen.count(token(1, length))), (token(1, length), 1), "the old one is tried once")
                wanted = {"OAUTHBEARER": [b"AQ==\r"], "XOAUTH2": [b"\r"]}[kind.mechanism] if kind.challenges else []
                expect(server.behaviour.ends, wanted, "the answer to the error")
                is_shown_nowhere(project, done)


@case
def a_token_that_is_refused_stops_all(program):
    class Echoes(WithTokens):
        """It says again what it was told: three parts with dots between them look like a status."""

        why = {"status": f"{MARK}-1", "error": f"{MARK}-2", "schemes": f"{MARK}-3"}
        refusal = "535 TOKEN RESPONSE"

    class Jwt(Echoes):
        refusal = f"535 {MARK}.a.b TOKEN"

    class Garbage(WithTokens):
        def auth(self, session, line):
            self.seen.append(line)
            return line

    for kind, says in ((WithTokens, "535 5.7.8 (status 401)"), (Echoes, "at AUTH: 535;"), (Jwt, "at AUTH: 535;")):
        with Server(kind(set())) as server:
            project = project_of(program, server, 30, more=QUICK + "connections = 8\n")
            done = project.send()
            expect(done.returncode, 2, done.stderr)
            assert says in done.stderr and "the previous token was refused, too" in done.stderr, done.stderr
            # Twice in a row, and never again.
            expect((server.behaviour.seen, runs(project)), ([token(1), token(2)], 2))
            expect((states(project), server.record.taken), ({"planned": 30}, []), "nobody is to blame")
            is_shown_nowhere(project, done)
    with Server(Garbage(set())) as server:
        project = project_of(program, server, 3, more='connections = 1\ntimeout = "1s"')
        done = project.send()
        expect((done.returncode, states(project)), (2, {"planned": 3}), done.stderr)
        is_shown_nowhere(project, done)


@case
def the_same_token_is_tried_once(program):
    with Server(WithTokens(set())) as server:
        project = project_of(program, server, 5, f'user = "{USER}"\n', env={"RUNSHEET_SMTP_TOKEN": token(7)})
        done = project.send()
        expect((done.returncode, server.behaviour.seen), (2, [token(7)]), done.stderr)
        assert "its source has no new one" in done.stderr, done.stderr
        is_shown_nowhere(project, done)
        server.behaviour.good = {token(7)}
        done = project.send()
        expect((done.returncode, states(project)), (0, {"accepted": 5}), done.stderr)
        is_shown_nowhere(project, done)


@case
def a_token_is_renewed_in_the_middle(program):
    class RunsOut(WithTokens):
        """The first token is good for so many messages: then it opens no connection, and may end those that are open."""

        def __init__(self, ends_connections):
            super().__init__(set())
            self.ends_connections = ends_connections

        def has_run_out(self):
            return len(self.record.taken) >= 20

        def is_good(self, text):
            return text == token(1) and not self.has_run_out() or text == token(2) and self.has_run_out()

        def auth(self, session, line):
            answer = super().auth(session, line)
            session.token = self.seen[-1]
            return answer

        def mail(self, session):
            if self.ends_connections and self.has_run_out() and session.token == token(1):
                return "530 5.7.57 Client not authenticated to send mail"
            return super().mail(session)

    class NeverServes(WithTokens):
        def mail(self, session):
            return "530 5.7.57 Client not authenticated to send mail"

    # A server that lets everybody in and takes nothing: a new token would not help.
    with Server(NeverServes({token(number) for number in range(9)})) as server:
        project = project_of(program, server, 20)
        done = project.send()
        expect((done.returncode, states(project), runs(project)), (2, {"planned": 20}, 1), done.stderr)
        assert "530 5.7.57" in done.stderr, done.stderr
    for ends_connections in (False, True):
        behaviour = RunsOut(ends_connections)
        with Server(behaviour) as server:
            behaviour.record = server.record
            # The command takes a second, and sixteen connections want what it prints: it runs once for all of them.
            per = 1000 if ends_connections else 2
            project = project_of(program, server, 120, slow=1, more=f"connections = 16\nper_connection = {per}\n")
            done = project.send()
            expect((done.returncode, states(project)), (0, {"accepted": 120}), done.stderr)
            expect(runs(project), 2, "a token is asked for once")
            once(server, project)
            assert {token(1), token(2)} == set(behaviour.seen), set(behaviour.seen)
            is_shown_nowhere(project, done)


@case
def a_token_in_a_file_is_read_again(program):
    class Rotates(WithTokens):
        def is_good(self, text):
            if text == token(1) and len(self.record.taken) >= 6:
                self.file.write_text(token(2) + "\n")
                return False
            return True

    behaviour = Rotates(set())
    with Server(behaviour) as server:
        behaviour.record = server.record
        project = project_of(program, server, 20, f'user = "{USER}"\ntoken_file = "secret"\n', more="connections = 1\nper_connection = 3\n")
        behaviour.file = project.root / "secret"
        behaviour.file.write_text(token(1) + "\nanother line\n")
        # Others can come here.
        project.root.parent.chmod(0o755)
        behaviour.file.chmod(0o644)
        done = project.send()
        assert done.returncode == 2 and "can be read by others" in done.stderr, done.stderr
        is_shown_nowhere(project, done)
        behaviour.file.chmod(0o600)
        done = project.send()
        expect((done.returncode, states(project)), (0, {"accepted": 20}), done.stderr)
        expect(behaviour.seen.count(token(1)), 3, "two connections, and the one that is refused")
        is_shown_nowhere(project, done)


@case
def a_token_is_in_no_argument(program):
    class Slow(WithTokens):
        def end(self, session, to, message):
            time.sleep(0.05)
            return super().end(session, to, message)

    with Server(Slow({token(1)})) as server:
        project = project_of(program, server, 30, more="connections = 1\n")
        process = project.start()
        looked = 0
        while process.poll() is None:
            for name in ("cmdline", "environ"):
                try:
                    text = pathlib.Path(f"/proc/{process.pid}/{name}").read_bytes()
                except OSError:
                    continue
                looked += 1
                assert MARK.encode() not in text, text
            time.sleep(0.02)
        assert process.returncode == 0 and looked > 10, (process.returncode, looked)
        assert MARK not in process.stdout.read()


@case
def a_token_cannot_be_had(program):
    with Server(WithTokens({token(1)})) as server:
        def fails(words, smtp, code=2, **more):
            project = project_of(program, server, 3, smtp, **more)
            done = project.send()
            assert done.returncode == code and words in done.stderr, (done.returncode, done.stderr)
            is_shown_nowhere(project, done)

        user = f'user = "{USER}"\n'
        fails("ended with exit status: 3", user + f'token_command = ["sh", "-c", "echo {MARK}; exit 3"]\n')
        fails("printed nothing", user + 'token_command = ["true"]\n')
        fails("cannot start `no-such-program`", user + 'token_command = ["no-such-program"]\n')
        fails("contains a space", user + f'token_command = ["echo", "Bearer {MARK}"]\n')
        fails("both configured", COMMAND + 'password_file = "secret"\n', 1)
        fails("needs `user`", 'token_command = ["sh", "token.sh"]\n', 1)
        fails("don't belong in the configuration", user + f'token = "{MARK}"\n', 1)
        expect(server.record.connections, 0)

    class Passwords(Behaviour):
        extensions = Behaviour.extensions + ["AUTH PLAIN LOGIN"]

    with Server(Passwords()) as server:
        fails("offers neither AUTH XOAUTH2 nor AUTH OAUTHBEARER", COMMAND)

    class Later(WithTokens):
        refusal = "454 4.7.0 Temporary authentication failure"
        challenges = False

        def is_good(self, text):
            return len(self.seen) > 1

    class RunsOut(WithTokens):
        def is_good(self, text):
            return len(self.record.taken) < 6

    # It cannot be renewed in the middle: the rest waits, and nobody is marked.
    behaviour = RunsOut(set())
    with Server(behaviour) as server:
        behaviour.record = server.record
        project = project_of(program, server, 12, more="connections = 1\nper_connection = 3\n")
        script = (project.root / "token.sh").read_text().replace("sleep 0", "[ -e broken ] && echo no network >&2 && exit 7")
        (project.root / "token.sh").write_text(script)
        behaviour.taken = server.record.take

        def take(to, message):
            behaviour.taken(to, message)
            (project.root / "broken").touch()

        server.record.take = take
        done = project.send()
        expect((done.returncode, states(project)), (2, {"accepted": 6, "planned": 6}), done.stderr)
        assert "cannot get a token for 127.0.0.1" in done.stderr and "`sh` ended with exit status: 7" in done.stderr, done.stderr
        is_shown_nowhere(project, done)
        # A dry run needs no token.
        before = runs(project)
        expect((project.run("send", "advance", "--dry-run").returncode, runs(project)), (0, before))
        (project.root / "broken").unlink()
        behaviour.is_good = lambda text: True
        server.record.take = behaviour.taken
        done = project.send()
        expect((done.returncode, states(project)), (0, {"accepted": 12}), done.stderr)
        once(server, project)

    # What passes is no matter of the token.
    with Server(Later(set())) as server:
        project = project_of(program, server, 3, more=QUICK + "connections = 1\n")
        done = project.send()
        expect((done.returncode, server.behaviour.seen, runs(project)), (0, [token(1)] * 2, 1), done.stderr)
