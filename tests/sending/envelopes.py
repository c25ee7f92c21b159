"""What stands around a message: the name in EHLO, the sender of the envelope, whose token it is, and test messages."""
import email
import email.policy
import re
import socket
import subprocess

from casebook import QUICK, case, expect, once, states
from project import Project
from smtp_server import Behaviour, Hangup, Server

KEY = {"RUNSHEET_UNSUBSCRIBE_KEY": "a key of these tests"}


def envelopes(server):
    """The senders of the envelopes, by recipient."""
    senders, last = {}, {}
    for connection, _, line in server.record.commands:
        verb, _, address = line.partition(":<")
        if verb.upper() == "MAIL FROM":
            last[connection] = address.split(">")[0]
        elif verb.upper() == "RCPT TO":
            senders.setdefault(address.split(">")[0], set()).add(last[connection])
    return senders


def parsed(message):
    return email.message_from_bytes(message, policy=email.policy.default)


@case
def the_name_in_ehlo(program):
    with Server() as server:
        project = Project(program, server.port, 1, smtp='hello = "mail.sending.example"')
        expect(project.send().returncode, 0)
        expect(set(server.record.verbs("EHLO")), {"EHLO mail.sending.example"})
    with Server() as server:
        expect(Project(program, server.port, 1, smtp='hello = "[192.0.2.1]"').send().returncode, 0)
        expect(set(server.record.verbs("EHLO")), {"EHLO [192.0.2.1]"})
    # Of its own accord: the full name of the machine, or the address of the connection.
    with Server() as server:
        expect(Project(program, server.port, 1).send().returncode, 0)
        (said,) = set(server.record.verbs("EHLO"))
        name = said.removeprefix("EHLO ")
        assert name == "[127.0.0.1]" or socket.gethostname().split(".")[0].lower() == name.split(".")[0].lower() and "." in name, name
    # A machine with a name of its own, told by /etc/hosts.
    with Server() as server:
        project = Project(program, server.port, 1)
        hosts = project.root / "hosts"
        hosts.write_text("127.0.0.1 localhost\n127.0.1.1 box.sending.example box\n")
        script = f'hostname box && mount --bind {hosts} /etc/hosts && exec "$@"'
        command = ["unshare", "--user", "--map-root-user", "--uts", "--mount", "sh", "-c", script, "sh"]
        if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
            print("NOT CHECKED: a machine with a name of its own, as user namespaces are not allowed here")
        else:
            done = subprocess.run([*command, *project.command("send", "advance", "--yes", "1")], env=project.env, capture_output=True, text=True)
            expect((done.returncode, set(server.record.verbs("EHLO"))), (0, {"EHLO box.sending.example"}), done.stderr)
    for bad in ("mail", "192.0.2.1", "a b.example", "mail.example\\r\\nRSET"):
        done = Project(program, 25, 1, smtp=f'hello = "{bad}"').send()
        assert done.returncode == 1 and "invalid name for `hello`" in done.stderr, done.stderr


@case
def bounces_go_elsewhere(program):
    with Server() as server:
        project = Project(program, server.port, 12, notices='bounce_to = "bounces@sending.example"', smtp="connections = 2")
        expect(project.send().returncode, 0)
        expect(envelopes(server), {address: {"bounces@sending.example"} for address in project.addresses})
        assert all(parsed(message)["From"] == "Sender <sender@sending.example>" for _, message in server.record.taken)
        assert all("Return-Path" not in parsed(message) for _, message in server.record.taken), "it is the last server's to add"


@case
def each_bounce_has_an_address_of_its_own(program):
    class Later(Behaviour):
        """Refuses some for now, and drops some: whatever is tried again has the same sender."""

        def __init__(self):
            self.left = {"sample3@d3.example", "sample8@d1.example"}

        def rcpt(self, session, to):
            if to == "sample8@d1.example" and to in self.left:
                self.left.discard(to)
                raise Hangup()
            if to in self.left:
                self.left.discard(to)
                return "450 4.2.0 greylisted"
            return super().rcpt(session, to)

    notices = 'bounce_to = "bounces+{token}@sending.example"\nunsubscribe = ["https://sending.example/leave?u={token}", "mailto:leave+{token}@sending.example"]'
    for smtp in ("connections = 1\n", "connections = 4\nper_connection = 5\n", "pipelining = false\n"):
        with Server(Later()) as server:
            project = Project(program, server.port, 20, smtp=QUICK + smtp, notices=notices, env=KEY)
            done = project.send("--wait")
            expect((done.returncode, states(project)), (0, {"accepted": 20}), done.stderr)
            once(server, project)
            senders = envelopes(server)
            expect(set(map(len, senders.values())), {1}, "the same at every attempt")
            all_senders = {sender for (sender,) in senders.values()}
            expect(len(all_senders), 20, "each has its own")
            for sender in all_senders:
                local = sender.split("@")[0]
                assert re.fullmatch(r"bounces\+[0-9a-z]{32}", local) and len(local) <= 64, sender
    # Each is found again, by the whole address, by the token, and by the links.
    who = lambda *arguments: project.run("who", *arguments)
    for address, (sender,) in senders.items():
        expect(who(sender).stdout, f"{address}  mailing advance, revision 1, bounce token\n")
    (sender,) = senders[project.addresses[5]]
    for text in (sender.upper(), f"<SRS0=ab=cd={sender}>", sender.split("+")[1].split("@")[0]):
        expect(who(text, "advance").stdout, f"{project.addresses[5]}  mailing advance, revision 1, bounce token\n", text)
    message = next(parsed(message) for to, message in server.record.taken if to == project.addresses[5])
    https, mailto = re.fullmatch(r"<(https:\S+)>, <(mailto:\S+)>", message["List-Unsubscribe"]).groups()
    expect(message["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click")
    for link in (https, mailto, https.replace("?", "%3F").replace("=", "%3D")):
        expect(who(link).stdout, f"{project.addresses[5]}  mailing advance, revision 1, unsubscribe token\n", link)
    assert https in message.get_body(("plain",)).get_content()
    # A later revision finds those of the earlier ones.
    project.configure(mailing="revision = 3")
    expect(who(sender).stdout, f"{project.addresses[5]}  mailing advance, revision 1, bounce token\n")
    # Nobody; no token; another key; none; another table.
    done = who("0" * 40)
    assert done.returncode == 1 and "no recipient has this token: 20 rows searched" in done.stderr, done.stderr
    done = who("bounces@sending.example")
    assert done.returncode == 2 and "no token found" in done.stderr, done.stderr
    other = project.root / "other.csv"
    other.write_text("email,name,number\n" + project.addresses[5].upper() + ",x,1\n")
    expect(who(sender, "advance", "--recipients", str(other)).stdout, f"{project.addresses[5]}  mailing advance, revision 1, bounce token\n")
    expect((who(sender, "nothing").returncode, who("x" * 5000).returncode), (2, 2))
    project.env["RUNSHEET_UNSUBSCRIBE_KEY"] = "another"
    expect((who(sender).returncode, who(sender).stdout), (1, ""))
    del project.env["RUNSHEET_UNSUBSCRIBE_KEY"]
    done = who(sender)
    assert done.returncode == 2 and "RUNSHEET_UNSUBSCRIBE_KEY" in done.stderr, done.stderr
    done = project.send(count=20)
    assert done.returncode == 1 and "missing-secret" in done.stderr, done.stderr


@case
def test_messages_are_marked(program):
    class Refuses(Behaviour):
        def rcpt(self, session, to):
            return "550 5.1.1 nobody" if to == "gone@self.example" else super().rcpt(session, to)

    notices = 'bounce_to = "bounces+{token}@sending.example"\nunsubscribe = "https://sending.example/leave?u={token}"'
    with Server(Refuses()) as server:
        project = Project(program, server.port, 5, notices=notices, env=KEY)
        test = lambda *arguments: project.run("send", "advance", *arguments)
        done = test("--test", "a@self.example", "--test", "b@self.example,gone@self.example, A@self.example", "--test", "c@self.example")
        expect(done.returncode, 3, done.stderr)
        for line in ("sent to a@self.example: 250", "sent to b@self.example: 250", "sent to c@self.example: 250",
                     "not sent to gone@self.example: ", "550 5.1.1 nobody at RCPT TO", "1 test message was not sent"):
            assert line in done.stderr, done.stderr
        expect(server.record.copies(), {f"{name}@self.example": 1 for name in "abc"})
        assert not project.state.exists(), "it is in no ledger"
        for to, message in server.record.taken:
            message = parsed(message)
            expect((message["Subject"], message["To"]), ("[TEST] A test for Sample 0", f"Sample 0 <{to}>"))
            expect(message["Auto-Submitted"], "auto-generated")
            for kind in ("plain", "html"):
                text = message.get_body((kind,)).get_content()
                assert "TEST of the mailing advance" in text.split("Hello Sample 0")[0], text
                assert "It shows what sample0@d0.example gets." in text.split("Hello Sample 0")[0], text
            # Its tokens are those of no recipient: nobody is taken off a list by a click of a tester.
            link = re.search(r"<(https:\S+)>", message["List-Unsubscribe"]).group(1)
            assert project.run("who", link).returncode == 1
        for senders in envelopes(server).values():
            assert all(project.run("who", sender).returncode == 1 for sender in senders)
        expect(test("--test", "a@self.example", "--only", project.addresses[3]).returncode, 0)
        assert "sample3@d3.example" in parsed(server.record.taken[-1][1]).get_body(("plain",)).get_content()
        done = test("--test", "a@self.example,nonsense")
        assert done.returncode == 2 and "nonsense" in done.stderr, done.stderr
        expect(len(server.record.taken), 4)
        # The messages of the mailing itself bear no mark.
        expect(project.send().returncode, 0)
        assert all(b"TEST" not in message for to, message in server.record.taken if not to.endswith("@self.example"))
