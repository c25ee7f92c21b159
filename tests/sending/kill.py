"""Kills senders with SIGKILL at random moments and counts: nobody lost, nobody twice, few in doubt.

    python3 tests/sending/kill.py PROGRAM [--rounds 20] [--store sqlite|postgres] [--workers 1] [--seed N] [--teeth]

In every round a mailing to 40 to 300 recipients is sent by one or several processes over 1 to 4 connections each; they are
killed and started again until the mailing is done. The judge is what the server has taken.

--teeth: after each kill the mark `sending` is taken out of the ledger. That is a ledger which writes only after the answer,
and the test must find second copies then, or it could not find any.
"""
import argparse
import os
import random
import subprocess
import sys
import time

from at_once import JOBS, at_once
from project import Project
from smtp_server import Behaviour, Server

DATABASE = os.environ.get("RUNSHEET_TEST_POSTGRES", "postgres://runsheet:runsheet@127.0.0.1/runsheet")


class Busy(Behaviour):
    """Takes a moment for everything, so that a kill may come between any two steps."""

    def __init__(self, chance):
        self.chance = chance

    def pause(self):
        time.sleep(self.chance.random() * 0.004)

    def rcpt(self, session, to):
        self.pause()
        return super().rcpt(session, to)

    def end(self, session, to, message):
        self.pause()
        return super().end(session, to, message)

    def after_end(self, session, to):
        self.pause()


def forget(project, postgres):
    statement = "UPDATE recipient SET state = 'planned' WHERE state = 'sending'"
    if postgres:
        statement += f" AND campaign LIKE '%{project.site}%'"
        subprocess.run(["psql", "-q", DATABASE, "-c", statement], check=True)
    elif project.state.exists():
        subprocess.run(["sqlite3", str(project.ledger()), statement], stderr=subprocess.DEVNULL)


def one_round(task):
    program, number, options = task
    chance = random.Random(f"{options.seed} {number}")
    count, connections = chance.randint(40, 300), chance.randint(1, 4)
    postgres = options.store == "postgres"
    with Server(Busy(chance)) as server:
        smtp = f'connections = {connections}\n' + ('timeout = "1s"\nfinal_timeout = "1s"\nlease = "5s"\n' if postgres else "")
        # In one database each round has people of its own: another site to the same ones would be refused.
        project = Project(program, server.port, count, smtp=smtp, who=f"sample-{os.getpid()}-{number}-",
                          env={"RUNSHEET_LEDGER_URL": DATABASE} if postgres else {})
        project.site = f"round-{os.getpid()}-{number}"
        project.configure(site=project.site)
        kills = 0
        # Two that begin at once would both want to freeze the plan: the first does, as an operator would let it.
        senders = [project.start()]
        while options.workers > 1 and not server.record.taken and senders[0].poll() is None:
            time.sleep(0.005)
        senders += [project.start() for _ in range(options.workers - 1)]
        victims = chance.randint(1, 3) if options.workers == 1 else 2
        for _ in range(victims):
            # At some moment of what is left: the server's record says how far it is.
            until = len(server.record.taken) + chance.randint(0, max(1, (count - len(server.record.taken)) // 3))
            alive = [sender for sender in senders if sender.poll() is None]
            if not alive:
                break
            victim = chance.choice(alive)
            while len(server.record.taken) < until and victim.poll() is None:
                time.sleep(0.0005)
            time.sleep(chance.random() * 0.01)
            if victim.poll() is not None:
                continue
            victim.kill()
            victim.communicate()
            kills += 1
            if options.teeth:
                forget(project, postgres)
            senders.remove(victim)
            senders.append(project.start())
        for sender in senders:
            sender.communicate(timeout=120)
        # Whatever leases the dead have left run out; then nothing is left to do.
        for _ in range(40):
            done = project.send()
            assert done.returncode in (0, 3), done.stderr
            states = project.states()
            if not set(states.values()) & {"planned", "claimed", "sending", "deferred"}:
                break
            time.sleep(0.5)
        copies = server.record.copies()
        in_doubt = [address for address, state in states.items() if state == "in doubt"]
        result = {
            "recipients": count,
            "kills": kills,
            "second": sum(number - 1 for number in copies.values() if number > 1),
            "lost": sum(1 for address in project.addresses if address not in copies and states[address] != "in doubt"),
            "untrue": sum(1 for address, state in states.items() if state == "accepted" and address not in copies),
            "unfinished": sum(1 for state in states.values() if state not in ("accepted", "in doubt")),
            "in doubt": len(in_doubt),
            "too many in doubt": max(0, len(in_doubt) - connections * kills),
        }
        return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--teeth", action="store_true")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    total = {}
    rounds = 0
    for (_, number, _), result in at_once(one_round, [(program, number, options) for number in range(options.rounds)], 1 if options.teeth else JOBS):
        rounds += 1
        for key, value in result.items():
            total[key] = total.get(key, 0) + value
            if value and key in ("second", "lost", "untrue", "unfinished", "too many in doubt"):
                print(f"round {number}: {value} {key}", flush=True)
        if options.teeth and total["second"]:
            break
    print(f"{options.store}, {options.workers} worker(s), seed {options.seed}, {rounds} rounds: " + ", ".join(f"{value} {key}" for key, value in total.items()))
    faults = sum(total[key] for key in ("second", "lost", "untrue", "unfinished", "too many in doubt"))
    if options.teeth:
        if not total["second"]:
            sys.exit("a ledger that writes too late was not found out: the test has no teeth")
        print("the ledger that writes too late was found out")
    elif faults or not total["kills"]:
        sys.exit("FAILED")


if __name__ == "__main__":
    main()
