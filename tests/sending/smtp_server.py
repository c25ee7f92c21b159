"""A mail server that misbehaves as it is told to, and writes down all that it sees.

It listens on 127.0.0.1. `Behaviour` is what it does; a test makes a subclass of it. `Record` is what it saw.
"""
import base64
import re
import socket
import ssl
import threading
import time


class Record:
    """What a server saw: connections, commands, and messages that it has said it took."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connections = 0
        self.commands = []  # (connection, was encrypted, line)
        self.taken = []  # (recipient, message): the server had its end
        self.said = []  # recipients whose 250 was written

    def command(self, connection, encrypted, line):
        with self.lock:
            self.commands.append((connection, encrypted, line))

    def take(self, to, message):
        with self.lock:
            self.taken.append((to, message))

    def copies(self):
        """How often each recipient's message was taken."""
        with self.lock:
            counts = {}
            for to, _ in self.taken:
                counts[to] = counts.get(to, 0) + 1
            return counts

    def verbs(self, verb):
        with self.lock:
            return [line for _, _, line in self.commands if line.upper().startswith(verb)]


class Hangup(Exception):
    """The server closes the connection."""


class Behaviour:
    """A good server. Every method gives an answer, or raises Hangup."""

    extensions = ["PIPELINING", "SIZE 10485760", "8BITMIME"]
    tls = None  # an ssl.SSLContext: STARTTLS is offered
    implicit = False
    lax = False  # a recipient is taken also after a sender that was not

    def greeting(self, session):
        return "220 sink.example ESMTP"

    def ehlo(self, session):
        lines = ["sink.example"] + self.extensions
        if self.tls and not session.encrypted and not self.implicit:
            lines.append("STARTTLS")
        return "\r\n".join(f"250{'-' if line is not lines[-1] else ' '}{line}" for line in lines)

    def starttls(self, session):
        return "220 2.0.0 go on"

    def auth(self, session, line):
        return "503 5.5.1 not offered"

    def mail(self, session):
        return "250 2.1.0 Ok"

    def rcpt(self, session, to):
        return "250 2.1.5 Ok"

    def rset(self, session):
        return "250 2.0.0 Ok"

    def data(self, session):
        return "354 End data with <CR><LF>.<CR><LF>"

    def after_data(self, session):
        """After the answer to DATA was written."""

    def end(self, session, to, message):
        """After the end of the message was read; the message is taken when this returns 250."""
        return "250 2.0.0 Ok: queued"

    def after_end(self, session, to):
        """After the answer to the message was written."""


class Session(threading.Thread):
    def __init__(self, server, stream, number):
        super().__init__(daemon=True)
        self.server, self.behaviour, self.record, self.number = server, server.behaviour, server.record, number
        self.stream = stream
        self.encrypted = False
        self.buffer = b""
        self.messages = 0
        self.to = None
        self.mail = False

    def say(self, answer):
        if answer is not None:
            self.stream.sendall(answer.encode("latin-1") + b"\r\n" if isinstance(answer, str) else answer)

    def line(self):
        while b"\n" not in self.buffer:
            more = self.stream.recv(65536)
            if not more:
                raise Hangup()
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def run(self):
        try:
            if self.behaviour.implicit:
                self.stream = self.behaviour.tls.wrap_socket(self.stream, server_side=True)
                self.encrypted = True
            self.talk()
        except (Hangup, OSError, ssl.SSLError):
            pass
        finally:
            try:
                self.stream.close()
            except OSError:
                pass

    def talk(self):
        do = self.behaviour
        self.say(do.greeting(self))
        while True:
            line = self.line().rstrip(b"\r").decode("latin-1")
            self.record.command(self.number, self.encrypted, line)
            verb = line.upper()
            if verb.startswith("EHLO"):
                self.say(do.ehlo(self))
            elif verb == "STARTTLS":
                answer = do.starttls(self)
                self.say(answer)
                if (answer if isinstance(answer, str) else answer.decode("latin-1")).startswith("220"):
                    self.stream = do.tls.wrap_socket(self.stream, server_side=True)
                    self.encrypted, self.buffer = True, b""
            elif verb.startswith("AUTH"):
                self.say(do.auth(self, line))
            elif verb.startswith("MAIL FROM"):
                self.to = None
                answer = do.mail(self)
                self.mail = bool(answer) and answer.startswith("250") or do.lax
                self.say(answer)
            elif verb.startswith("RCPT TO"):
                if not self.mail:
                    self.say("503 5.5.1 need MAIL")
                    continue
                to = re.search(r"<([^>]*)>", line).group(1)
                answer = do.rcpt(self, to)
                if answer and answer.startswith("250"):
                    self.to = to
                self.say(answer)
            elif verb == "DATA":
                if self.to is None:
                    self.say("503 5.5.1 no recipients")
                    continue
                answer = do.data(self)
                self.say(answer)
                if answer and answer.startswith("354"):
                    do.after_data(self)
                    self.message()
            elif verb == "RSET":
                self.to = None
                self.say(do.rset(self))
            elif verb == "NOOP":
                self.say("250 2.0.0 Ok")
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                raise Hangup()
            else:
                self.say("500 5.5.2 unknown")

    def message(self):
        lines = []
        while True:
            line = self.line() + b"\n"
            if line == b".\r\n":
                break
            if not line.endswith(b"\r\n"):
                self.server.record.command(self.number, self.encrypted, "BARE LF")
            if line in (b"QUIT\r\n", b"RSET\r\n"):
                self.server.record.command(self.number, self.encrypted, "IN A MESSAGE " + line.decode().strip())
            lines.append(line[1:] if line.startswith(b".") else line)
        message = b"".join(lines)
        if b"\r" in message.replace(b"\r\n", b""):
            self.server.record.command(self.number, self.encrypted, "BARE CR")
        to, self.to = self.to, None
        try:
            answer = self.behaviour.end(self, to, message)
        except Hangup:
            # It is the worst kind: the server has the message, and says nothing.
            self.record.take(to, message)
            raise
        if answer is None or answer.startswith("250"):
            self.record.take(to, message)
            self.messages += 1
        self.say(answer)
        if answer and answer.startswith("250"):
            with self.record.lock:
                self.record.said.append(to)
        self.behaviour.after_end(self, to)


class Slow(Behaviour):
    """Takes so many seconds for each message."""

    def __init__(self, seconds):
        self.seconds = seconds

    def end(self, session, to, message):
        time.sleep(self.seconds)
        return super().end(session, to, message)


class HangsUp(Behaviour):
    """Says nothing to the end of the message of one recipient."""

    def __init__(self, who):
        self.who = who

    def end(self, session, to, message):
        if to.startswith(self.who):
            raise Hangup()
        return super().end(session, to, message)


class Server:
    """Listens until it is stopped."""

    def __init__(self, behaviour=None):
        self.behaviour = behaviour or Behaviour()
        self.record = Record()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self):
        while True:
            try:
                stream, _ = self.socket.accept()
            except OSError:
                return
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.record.lock:
                self.record.connections += 1
                number = self.record.connections
            Session(self, stream, number).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A thread that still waits in accept() would take connections of the next server, whose socket gets the same number.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.listener.join()
        self.socket.close()
