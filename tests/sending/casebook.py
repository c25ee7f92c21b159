"""What the cases of sending share: the book that they are written into, and what they ask of server and ledger."""
import collections
import sys
import time

from at_once import at_once

CASES = {}
QUICK = 'retry = ["1s", "1s"]\ntimeout = "2s"\nfinal_timeout = "2s"\n'


def case(function):
    CASES[function.__name__] = function
    return function


def states(project):
    return dict(collections.Counter(project.states().values()))


def expect(actual, wanted, what=""):
    assert actual == wanted, f"{what}: {actual!r}, not {wanted!r}"


def once(server, project):
    """No recipient has two copies."""
    more = {to: copies for to, copies in server.record.copies().items() if copies > 1}
    expect(more, {}, "second copies")


def judge(task):
    """Runs one case; how long it took, and its fault if it has one."""
    program, name = task
    begun = time.monotonic()
    try:
        CASES[name](program)
        fault = None
    except AssertionError as error:
        fault = str(error)
    return time.monotonic() - begun, fault


def run(program, chosen):
    """Runs these cases, or all of them; ends the program if one fails."""
    chosen = chosen or list(CASES)
    failed = []
    # Those that wait longest first, or one of them would be waited for at the end.
    order = sorted(chosen, key=lambda name: not name.startswith("n1"))
    for (_, name), (seconds, fault) in at_once(judge, [(program, name) for name in order]):
        if fault is None:
            print(f"ok      {name} ({seconds:.1f} s)", flush=True)
        else:
            failed.append(name)
            print(f"FAILED  {name}: {fault}", flush=True)
    if failed:
        sys.exit(f"{len(failed)} of {len(chosen)} cases failed: {', '.join(failed)}")
    print(f"{len(chosen)} cases: all good")
