"""What all cases of a sending share: their list, and how they are judged."""
import collections

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
