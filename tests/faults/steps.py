"""Fails every step of what must be whole in turn: the swap of a build, a merge, the ledger of a sending.

    python3 tests/faults/steps.py PROGRAM [--full] [OPERATION ...]

A step is a call with which the program, or a library in it, changes a file (failing.py). Each is failed alone with EIO, as by
a disk that has a bad block; with --full also together with all that come after it with ENOSPC, as by a disk that is full. After
each, what was there before must be there whole, or what comes after; and the same command without a fault must end well.
"""
import argparse
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "sending"))

import failing
from at_once import at_once
from project import Project
from smtp_server import Server

MODES = {"fails": (errno.EIO, False), "is full from then on": (errno.ENOSPC, True)}
OPERATIONS = {}
# No operation has fewer: if hardly any are seen, failing.py looks in the wrong place.
LEAST_STEPS = 10
# Of the processes at once: they compute, and do not wait.
JOBS = 2


def operation(function):
    OPERATIONS[function.__name__] = function
    return function


def tree(folder):
    """Files by path with their bytes, or those of a file; `None`: there is neither."""
    if not folder.is_dir():
        return folder.read_bytes() if folder.exists() else None
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def beside(root):
    """What lies beside the output at the top of a project."""
    return sorted(entry.name for entry in root.iterdir())


class Built:
    """A project in a folder, built as it was and edited; `round` is given a copy of it."""

    def __init__(self, program, command, outputs, before=()):
        self.program, self.command, self.outputs = program, command, outputs
        self.project = Project(program, 1, 6)
        self.root = self.project.root
        for first in before:
            self.plain(self.root, first)
        self.old = self.outputs_in(self.root)
        config = self.root / "runsheet.toml"
        config.write_text(config.read_text().replace('title = "Sending"', 'title = "Sent"'))
        notice = self.root / "content/notices.md"
        notice.write_text(notice.read_text().replace("this is number", "the number is"))
        (self.root / "content/second.md").write_text("# A second page\n\nIt is new.\n")
        done = self.copy()
        self.plain(done, command)
        self.new, self.names = self.outputs_in(done), beside(done)
        shutil.rmtree(done.parent)

    def copy(self):
        place = pathlib.Path(tempfile.mkdtemp(prefix="runsheet-faults-")) / "project"
        shutil.copytree(self.root, place, symlinks=True)
        return place

    def plain(self, root, command):
        done = subprocess.run([self.program, *command], env=self.project.env, cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return done

    def outputs_in(self, root):
        return [tree(root / output) for output in self.outputs]

    def round(self, at, mode):
        root = self.copy()
        try:
            error, stays = MODES[mode]
            done = failing.run([self.program, *self.command], self.project.env, str(root), at, error, stays)
            assert "panicked" not in done.output, done.output
            assert done.returncode in (0, 2), f"exit code {done.returncode}: {done.output}"
            for name, seen, old, new in zip(self.outputs, self.outputs_in(root), self.old, self.new):
                assert seen in (old, new), f"{name} is neither the old nor the new one: {done.output}"
                assert done.returncode or seen == new, f"{name} is the old one, and the program says that all is well"
            assert done.returncode == 0 or "error: " in done.output, f"it does not say why: {done.output!r}"
            if done.failed:
                self.plain(root, self.command)
                assert self.outputs_in(root) == self.new, "the next one does not mend it"
                assert beside(root) == self.names, f"{beside(root)} lie there, not {self.names}"
            return done
        finally:
            shutil.rmtree(root.parent)


@operation
def first_build(program):
    return Built(program, ["--offline", "build"], ["public", "outbox"])


@operation
def build(program):
    return Built(program, ["--offline", "build"], ["public", "outbox"], [["--offline", "build"]])


@operation
def merge_to_a_folder(program):
    return Built(program, ["notice", "merge", "advance", "--to", "mails"], ["mails"])


@operation
def merge_to_maildir(program):
    return Built(program, ["notice", "merge", "advance", "--to", "mails", "--format", "maildir"], ["mails"])


@operation
def merge_to_mbox(program):
    return Built(program, ["notice", "merge", "advance", "--to", "mails.mbox"], ["mails.mbox"])


@operation
def merge_to_json_lines_with_a_report(program):
    return Built(program, ["notice", "merge", "advance", "--to", "mails.jsonl", "--report", "report.csv"], ["mails.jsonl", "report.csv"])


@operation
def report_of_a_table(program):
    return Built(program, ["notice", "check", "advance", "--report", "faults.csv"], ["faults.csv"])


class Printed:
    """What goes to standard output, and there into a file: all of it is there, or the program says that it is not."""

    # It is written in few pieces.
    least_steps = 2

    def __init__(self, program, command):
        with Server() as server:
            self.project = Project(program, server.port, 6)
            sent = self.project.send()
        assert sent.returncode == 0, sent.stderr
        whole = self.project.run(*command, text=False)
        assert whole.returncode == 0 and whole.stdout, whole.stderr
        self.command, self.whole = self.project.command(*command), whole.stdout

    def round(self, at, mode):
        error, stays = MODES[mode]
        with tempfile.TemporaryDirectory(prefix="runsheet-faults-") as folder:
            command = ["sh", "-c", 'exec "$@" >out', "sh", *self.command]
            done = failing.run(command, self.project.env, folder, at, error, stays)
            out = pathlib.Path(folder) / "out"
            assert "panicked" not in done.output, done.output
            assert done.returncode in (0, 2), f"exit code {done.returncode}: {done.output}"
            assert done.returncode or out.read_bytes() == self.whole, f"it is not whole, and the program says that all is well: {done.output}"
            assert done.returncode == 0 or "error: " in done.output or "cannot create" in done.output, f"it does not say why: {done.output!r}"
            return done


@operation
def export_as_json(program):
    return Printed(program, ["export", "advance", "--format", "json"])


@operation
def export_as_csv(program):
    return Printed(program, ["export", "advance"])


@operation
def merge_to_standard_output(program):
    return Printed(program, ["merge", "advance", "--to", "-"])


class Sent:
    """A mailing of six over one connection; what it did before the fault, and what comes after it."""

    def __init__(self, program, command, before=None):
        self.program, self.command, self.before = program, command, before

    def round(self, at, mode):
        error, stays = MODES[mode]
        with Server() as server:
            project = Project(self.program, server.port, 6, smtp='connections = 1\nretry = []')
            if self.before:
                self.before(project)
            done = failing.run(project.command(*self.command), project.env, str(project.root), at, error, stays)
            assert "panicked" not in done.output, done.output
            assert done.returncode in (0, 2, 3), f"exit code {done.returncode}: {done.output}"
            assert done.returncode != 2 or "error: " in done.output, f"it does not say why: {done.output!r}"
            if self.command[0] != "send":
                # It may have been done all the same; what counts is what comes after it.
                project.run(*self.command)
            last = project.send("--amend")
            assert last.returncode in (0, 3), f"after {done.output!r} it cannot go on: {last.stderr}"
            copies, states = server.record.copies(), project.states()
            more = {address for address, number in copies.items() if number > 1}
            assert not more, f"second copies: {more}; {done.output}"
            in_doubt = {address for address, state in states.items() if state == "in doubt"}
            assert len(in_doubt) <= 1, f"{in_doubt} are in doubt over one connection"
            cancelled = {address for address, state in states.items() if state == "cancelled"}
            assert not cancelled or "--cancel" in self.command and len(cancelled) == len(states), f"cancelled: {cancelled} of {len(states)}"
            lost = set(project.addresses) - set(copies) - in_doubt - cancelled
            assert not lost, f"lost: {lost}; {done.output}; {last.stderr}"
            return done


def half_sent(project):
    """Six have it, and the table has two more."""
    done = project.send()
    assert done.returncode == 0, done.stderr
    project.people(8)


@operation
def first_sending(program):
    return Sent(program, ["send", "advance", "--yes", "6"])


@operation
def amended_sending(program):
    return Sent(program, ["send", "advance", "--yes", "8", "--amend"], half_sent)


def under_another_name(project):
    """Six have it, and then the site is called otherwise."""
    done = project.send()
    assert done.returncode == 0, done.stderr
    project.configure(site="renamed")


@operation
def taken_over(program):
    return Sent(program, ["adopt", "advance", "--why", "the site has another name"], under_another_name)


@operation
def cancelled(program):
    return Sent(program, ["resolve", "advance", "--all-planned", "--cancel", "--why", "a test"], planned)


def planned(project):
    """Six are planned, and none has it: the server is away."""
    port = project.settings["port"]
    project.configure(port=1)
    sender = project.start()
    while not list(project.state.glob("runsheet/*.sqlite")) or "planned" not in project.run("status", "advance").stdout:
        time.sleep(0.01)
    sender.kill()
    sender.communicate()
    project.configure(port=port)


def one_round(task):
    """What was wrong after a step was failed; `None`: nothing."""
    name, at, mode = task
    try:
        MADE[name].round(at, mode)
    except AssertionError as fault:
        return str(fault)


MADE = {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("operation", nargs="*")
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    modes = list(MODES) if options.full else ["fails"]
    faults = total = runs = 0
    for name in options.operation or OPERATIONS:
        made = MADE[name] = OPERATIONS[name](program)
        whole = made.round(0, "fails")
        assert whole.returncode == 0, whole.output
        steps = whole.steps
        assert len(steps) >= getattr(made, "least_steps", LEAST_STEPS), f"{name}: {len(steps)} steps were seen: the others would not be failed"
        tasks = [(name, at, mode) for at in range(1, len(steps) + 1) for mode in modes]
        seen = faults
        for (_, at, mode), fault in at_once(one_round, tasks, JOBS):
            if fault:
                faults += 1
                print(f"FAILED  {name}: step {at} ({steps[at - 1]}) {mode}: {fault}", flush=True)
        total += len(steps)
        runs += len(tasks)
        if faults == seen:
            print(f"ok      {name}: {len(steps)} steps", flush=True)
    if faults:
        sys.exit(f"{faults} of {runs} failed")
    print(f"{total} steps, failed in {runs} runs: nothing lost, nothing doubled, what was there is whole")


if __name__ == "__main__":
    main()
