"""A random walk over all that can happen to a mailing, judged after every step by what the server has taken.

    python3 tests/sending/walk.py PROGRAM [--seeds 3] [--steps 100] [--first 1] [--teeth]

A step sends, kills a sender, changes the mood of the server, resumes, edits notice or table, amends, resolves, sends without faulty rows,
suppresses somebody, or moves T-0. After each step:

- nobody has a notice twice, but those whom a person chose to send it again although the server had it;
- nobody has got one that its time refused;
- the state of each recipient is what the server's record says.

--teeth: after each kill the mark `sending` is taken out of the ledger, as by a ledger that writes only after the answer: the walk must
find that, or it could find nothing.
"""
import argparse
import collections
import random
import subprocess
import sys
import threading
import time

from at_once import JOBS, at_once
from project import Project, in_days
from smtp_server import Behaviour, Hangup, Server, Session

MAILING = 'when = "T-1h"\nnot_after = "T+1h"'
#: T-0 in days from now, and whether that is a time to send.
TIMES = {"early": (2, False), "due": (0.02, True), "late": (-1, False)}
SMTP = 'connections = {connections}\nretry = ["1s"]\ntimeout = "2s"\nfinal_timeout = "2s"\n'


class Moody(Behaviour):
    """Takes a moment for everything, and treats some recipients badly."""

    def __init__(self, chance):
        self.chance, self.moods, self.quota = chance, {}, None

    def pause(self):
        time.sleep(self.chance.random() * 0.002)

    def rcpt(self, session, to):
        self.pause()
        if self.quota is not None:
            if self.quota == 0:
                return "550 5.7.1 daily sending quota exceeded"
            self.quota -= 1
        return {"refuse": "550 5.1.1 unknown", "defer": "450 4.2.0 later"}.get(self.moods.get(to)) or super().rcpt(session, to)

    def end(self, session, to, message):
        self.pause()
        mood = self.moods.get(to)
        if mood == "hang up":
            raise Hangup()
        if mood == "lose":
            session.stream.close()
            raise OSError("the message is not taken, and nobody is told")
        return super().end(session, to, message)

    def after_end(self, session, to):
        self.pause()


class Walk:
    def __init__(self, program, seed, server, teeth):
        self.teeth, self.program, self.server = teeth, program, server
        self.chance = random.Random(seed)
        server.behaviour = Moody(random.Random(seed + 1))
        self.mailings = self.copies = 0
        self.begin()

    def begin(self):
        """A mailing that nobody has heard of, and a server in a mood."""
        self.mailings += 1
        self.steps = 0
        self.copies += len(self.server.record.taken)
        self.server.record.taken.clear()
        self.project = Project(self.program, self.server.port, 0, smtp=SMTP.format(connections=self.chance.randint(1, 4)), mailing=MAILING,
                               notices='suppress = "gone.txt"', t0=in_days(TIMES["due"][0]))
        self.time, self.text, self.forced = "due", 0, False
        # Whom a person has sent a second copy, and whom a person took for reached.
        self.again, self.believed, self.given_up = collections.Counter(), set(), set()
        self.known, self.before = {}, None
        self.rows = {f"sample{number}@d{number % 5}.example": f"Sample {number}" for number in range(self.chance.randint(40, 120))}
        self.suppressed = set(self.chance.sample(sorted(self.rows), 2))
        self.bad = set(self.chance.sample(sorted(self.rows), self.chance.choice([0, 0, 1, 2])))
        self.is_moody()
        self.write()

    def write(self):
        lines = [f"{address},{name},{'Mars/Base' if address in self.bad else 'UTC'},7" for address, name in self.rows.items()]
        (self.project.root / "people.csv").write_text("\n".join(["email,name,zone,number", *lines]) + "\n")
        (self.project.root / "gone.txt").write_text("".join(f"{address}\n" for address in sorted(self.suppressed)))

    def count(self):
        return sum(1 for address in self.rows if address not in self.suppressed and address not in self.bad)

    def arguments(self):
        return ["--skip-bad", str(len(self.bad))] if self.bad else []

    def judge(self, what, done=None):
        # A session that is just being started can't be joined.
        end = time.monotonic() + 5
        while any(isinstance(thread, Session) for thread in threading.enumerate()) and time.monotonic() < end:
            time.sleep(0.005)
        copies = self.server.record.copies()
        more = {to: number for to, number in copies.items() if number > 1 + self.again[to]}
        assert not more, f"after {what}: second copies {more}\n{done.stderr if done else ''}"
        assert self.before is None or len(self.server.record.taken) == self.before, f"after {what}: sent although its time refuses it"
        export = self.project.run("export", "advance", "--format", "json")
        if "has not been sent yet" in export.stderr:
            assert not copies, f"after {what}: {copies} and no ledger"
            return
        self.known = self.project.states() if export.returncode == 0 else {}
        assert export.returncode == 0, f"after {what}: {export.stderr}"
        for address, state in self.known.items():
            has = copies.get(address, 0) > 0
            if state == "accepted":
                assert has or address in self.believed, f"after {what}: {address} is accepted, and the server has nothing"
            elif state == "sending":
                raise AssertionError(f"after {what}: {address} is sending, and nobody sends")
            elif state != "in doubt" and has and not self.again[address] and not (state == "cancelled" and address in self.given_up):
                raise AssertionError(f"after {what}: {address} is {state}, and the server has its message")
        for address in copies:
            assert address in self.known, f"after {what}: {address} has a message and is not in the ledger"

    def send(self, *more):
        late = ["--late", "somebody said so"] if self.forced else []
        refused = not TIMES[self.time][1] and not (self.forced and self.time == "late")
        self.before = len(self.server.record.taken) if refused else None
        done = self.project.run("send", "advance", "--yes", str(self.count()), *self.arguments(), *late, *more)
        assert done.returncode in (0, 1, 2, 3), f"exit {done.returncode}: {done.stderr}"
        if refused:
            assert done.returncode == 2, done.stderr
        return done

    # The steps.

    def sends(self):
        return self.send(*self.some())

    def some(self):
        return self.chance.choice([[], *[["--limit", str(self.chance.randint(1, 12))]] * 6])

    def amends(self):
        return self.send("--amend", *self.some())

    def kills(self):
        if not TIMES[self.time][1]:
            return None
        process = subprocess.Popen(self.project.command("send", "advance", "--yes", str(self.count()), *self.arguments()), env=self.project.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = len(self.server.record.taken) + self.chance.randint(0, 12)
        deadline = time.monotonic() + self.chance.random() * 0.4 + 0.05
        while len(self.server.record.taken) < until and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.0005)
        process.kill()
        process.wait()
        if self.teeth and list((self.project.state / "runsheet").glob("*.sqlite")):
            subprocess.run(["sqlite3", str(self.project.ledger()), "UPDATE recipient SET state = 'planned' WHERE state = 'sending'"], stderr=subprocess.DEVNULL)
        # What it was sending is in doubt for the next one that looks.
        return self.project.run("resolve", "advance", "nobody@d0.example", "--cancel", "--why", "to sweep")

    def is_moody(self):
        moods = self.server.behaviour.moods
        if self.chance.random() < 0.4:
            moods.clear()
            self.server.behaviour.quota = None
        else:
            for address in self.chance.sample(sorted(self.rows), len(self.rows) // 6):
                moods[address] = self.chance.choice(["refuse", "defer", "hang up", "lose"])
            if self.chance.random() < 0.15:
                self.server.behaviour.quota = self.chance.randint(0, 5)

    def edits_text(self):
        self.text += 1
        notice = self.project.root / "content/notices.md"
        notice.write_text(notice.read_text().replace("this is number", f"this is, in words of version {self.text}, number"))

    def edits_table(self):
        addresses = sorted(self.rows)
        what = self.chance.choice(["name", "new", "gone", "bad", "good"])
        one = self.chance.choice(addresses)
        if what == "name":
            self.rows[one] = f"Renamed {self.chance.randint(1, 99)}"
        elif what == "new":
            number = self.chance.randint(100, 999)
            self.rows[f"sample{number}@d{number % 5}.example"] = f"Sample {number}"
        elif what == "gone" and len(addresses) > 8:
            del self.rows[one]
            self.bad.discard(one)
        elif what == "bad" and len(self.bad) < 3:
            self.bad.add(one)
        elif what == "good":
            self.bad.clear()
        self.write()

    def suppresses(self):
        one = self.chance.choice(sorted(self.rows))
        self.suppressed.symmetric_difference_update({one})
        self.write()

    def moves(self):
        self.time = self.chance.choice(["early", "due", "due", "due", "late"])
        self.forced = self.time == "late" and self.chance.random() < 0.5
        self.project.configure(t0=in_days(TIMES[self.time][0]))

    def resolves(self):
        copies = self.server.record.copies()
        in_doubt = sorted(address for address, state in self.known.items() if state == "in doubt")
        why = ["--why", "the walk"]
        what = self.chance.choice(["truth", "truth", "wrong", "refused", "deferred", "code", "cancel"])
        if what in ("truth", "wrong") and in_doubt:
            one = self.chance.choice(in_doubt)
            has = copies.get(one, 0) > 0
            if what == "truth":
                return self.project.run("resolve", "advance", one, "--sent" if has else "--resend", *why)
            if has:
                self.again[one] += 1
                return self.project.run("resolve", "advance", one, "--resend", *why)
            self.believed.add(one)
            return self.project.run("resolve", "advance", one, "--sent", *why)
        if what == "cancel" and self.known:
            one = self.chance.choice(sorted(self.known))
            # Of one in doubt nobody knows whether the server has it, also when a person gives it up.
            if self.known[one] == "in doubt":
                self.given_up.add(one)
            return self.project.run("resolve", "advance", one, "--cancel", *why)
        arguments = {"refused": ["--all-refused"], "deferred": ["--all-deferred"], "code": ["--code", "550"]}.get(what)
        return self.project.run("resolve", "advance", *arguments, "--resend", *why) if arguments else None

    def step(self):
        self.steps += 1
        if self.steps > 40 or self.known and not set(self.known.values()) & {"planned", "deferred", "in doubt", "refused"}:
            self.begin()
        steps = [(self.sends, 6), (self.kills, 4), (self.is_moody, 4), (self.edits_text, 1), (self.edits_table, 2), (self.amends, 5),
                 (self.resolves, 5), (self.suppresses, 1), (self.moves, 2)]
        step = self.chance.choices([step for step, _ in steps], [weight for _, weight in steps])[0]
        self.before = len(self.server.record.taken) if step not in (self.sends, self.kills, self.amends) else None
        done = step()
        assert done is None or "panicked" not in done.stderr, done.stderr
        self.judge(step.__name__, done)
        return step.__name__


def one_walk(task):
    options, seed = task
    counts, seen = collections.Counter(), collections.Counter()
    with Server() as server:
        walk = Walk(options.program, seed, server, options.teeth)
        for number in range(options.steps):
            try:
                counts[walk.step()] += 1
                seen.update(walk.known.values())
            except AssertionError as fault:
                return {"fault": f"seed {seed}, step {number + 1}: {fault}"}
        return {"counts": counts, "seen": seen, "copies": walk.copies + len(server.record.taken), "mailings": walk.mailings}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--teeth", action="store_true")
    options = parser.parse_args()
    counts, seen = collections.Counter(), collections.Counter()
    copies = mailings = 0
    begun = time.monotonic()
    tasks = [(options, seed) for seed in range(options.first, options.first + options.seeds)]
    for _, result in at_once(one_walk, tasks, 1 if options.teeth else JOBS):
        if "fault" in result:
            if options.teeth:
                return print(f"{result['fault'].splitlines()[0]}: was found out")
            sys.exit(result["fault"])
        counts.update(result["counts"])
        seen.update(result["seen"])
        copies += result["copies"]
        mailings += result["mailings"]
    if options.teeth:
        sys.exit("a ledger that forgets was not found out")
    # A walk that never comes somewhere shows nothing about it.
    wanted = {"planned", "accepted", "deferred", "refused", "in doubt", "suppressed", "cancelled", "left out"}
    if options.seeds * options.steps >= 200 and wanted - set(seen):
        sys.exit(f"never seen: {', '.join(sorted(wanted - set(seen)))}")
    told = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
    print(f"{options.seeds} walks of {options.steps} steps in {time.monotonic() - begun:.0f} s ({told}): {mailings} mailings, {copies} messages taken, all as the record says")


if __name__ == "__main__":
    main()
