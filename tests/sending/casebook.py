"""What the cases of sending share: the book that they are written into, and what they ask of server and ledger."""
import collections
import sys
import time

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


def run(program, chosen):
    """Runs these cases, or all of them; ends the program if one fails."""
    chosen = chosen or list(CASES)
    failed = []
    for name in chosen:
        begun = time.monotonic()
        try:
            CASES[name](program)
            print(f"ok      {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        except AssertionError as fault:
            failed.append(name)
            print(f"FAILED  {name}: {fault}", flush=True)
    if failed:
        sys.exit(f"{len(failed)} of {len(chosen)} cases failed: {', '.join(failed)}")
    print(f"{len(chosen)} cases: all good")
