"""A disk that fails at a chosen step: runs a program and counts each call with which it changes a file, over all its threads.

The kernel hands every such call to this process first (seccomp's user notifications, seccomp_unotify(2)), which lets it pass or
answers it with an error. So steps have one order, whatever library makes them: SQLite's are counted, too.
Linux on x86-64 or arm64.
"""
import array
import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct

# Of each machine: the audit architecture, and the numbers of the calls that change files.
MACHINES = {
    "x86_64": (0xC000003E, 317, {
        "write": 1, "pwrite64": 18, "writev": 20, "msync": 26, "sendfile": 40, "fsync": 74, "fdatasync": 75, "ftruncate": 77,
        "rename": 82, "mkdir": 83, "rmdir": 84, "link": 86, "unlink": 87, "symlink": 88, "chmod": 90, "fchmod": 91, "openat": 257,
        "mkdirat": 258, "unlinkat": 263, "renameat": 264, "linkat": 265, "symlinkat": 266, "fchmodat": 268, "utimensat": 280,
        "fallocate": 285, "pwritev": 296, "syncfs": 306, "renameat2": 316, "copy_file_range": 326,
    }),
    "aarch64": (0xC00000B7, 277, {
        "write": 64, "pwrite64": 68, "writev": 66, "msync": 227, "sendfile": 71, "fsync": 82, "fdatasync": 83, "ftruncate": 46,
        "openat": 56, "mkdirat": 34, "unlinkat": 35, "linkat": 37, "symlinkat": 36, "fchmod": 52, "fchmodat": 53, "utimensat": 88,
        "fallocate": 47, "pwritev": 70, "syncfs": 267, "renameat2": 276, "copy_file_range": 285,
    }),
}
ARCHITECTURE, SECCOMP, CALLS = MACHINES[platform.machine()]
NAMES = {number: name for name, number in CALLS.items()}
ON_FILES = {"write", "pwrite64", "writev", "sendfile", "fsync", "fdatasync", "ftruncate", "fchmod", "fallocate", "pwritev", "syncfs"}
# Of `openat` only what may write or make a file: O_WRONLY, O_RDWR, O_CREAT.
CHANGES = 0o1 | 0o2 | 0o100

RECEIVE, ANSWER = 0xC0502100, 0xC0182101
ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000
NOTIFICATION = struct.Struct("=QIIiIQ6Q")
RESPONSE = struct.Struct("=QqiI")
libc = ctypes.CDLL(None, use_errno=True)


def program():
    """The filter, in the kernel's little language: (code, jump if true, jump if false, value)."""
    load, equal, has, answer = 0x20, 0x15, 0x45, 0x06
    lines = [(load, 0, 0, 4), (equal, 1, 0, ARCHITECTURE), (answer, 0, 0, ALLOW), (load, 0, 0, 0)]
    lines += [(equal, 0, 4, CALLS["openat"]), (load, 0, 0, 32), (has, 0, 1, CHANGES), (answer, 0, 0, NOTIFY), (answer, 0, 0, ALLOW)]
    others = sorted(number for name, number in CALLS.items() if name != "openat")
    for index, number in enumerate(others):
        lines.append((equal, len(others) - index, 0, number))
    lines += [(answer, 0, 0, ALLOW), (answer, 0, 0, NOTIFY)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def watch_me():
    """Puts this process and its children under the filter; the file descriptor at which the calls arrive."""
    code = program()
    held = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held))
    if libc.prctl(38, 1, 0, 0, 0) or (listener := libc.syscall(SECCOMP, 1, 8, ctypes.c_char_p(header))) < 0:
        raise OSError(ctypes.get_errno(), "the kernel gives no user notifications")
    return listener


class Done:
    def __init__(self, returncode, output, steps, failed):
        self.returncode, self.output, self.steps, self.failed = returncode, output, steps, failed


def run(command, env, cwd, at=0, error=errno.EIO, stays=False):
    """Runs a command in which step `at` (from 1) fails; with `stays` each one after it, too. With 0 none does.

    `steps` of what comes back are the names of all steps that were seen, `failed` those that were failed.
    """
    ours, theirs = socket.socketpair()
    # A pipe: what the program says is no step of what it does to files.
    output, said = os.pipe()
    fcntl.fcntl(said, fcntl.F_SETPIPE_SZ, 1 << 20)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(cwd)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for number, to in ((nothing, 0), (said, 1), (said, 2)):
                os.dup2(number, to)
            listener = watch_me()
            theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
            os.close(listener)
            os.execvpe(command[0], command, env)
        finally:
            os._exit(127)
    theirs.close()
    os.close(said)
    _, rights, _, _ = ours.recvmsg(1, socket.CMSG_LEN(4))
    ours.close()
    if not rights:
        os.waitpid(child, 0)
        raise OSError(f"the command was not begun: {everything(output)}")
    listener = array.array("i", rights[0][2])[0]
    steps, failed = [], []
    try:
        serve(listener, cwd, steps, failed, at, error, stays)
    finally:
        os.close(listener)
    _, status = os.waitpid(child, 0)
    return Done(os.waitstatus_to_exitcode(status), everything(output), steps, failed)


def everything(pipe):
    with os.fdopen(pipe, "rb") as reader:
        return reader.read().decode(errors="replace")


def serve(listener, cwd, steps, failed, at, error, stays):
    """Answers each call until the last process is gone."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        events = poll.poll()[0][1]
        if not events & select.POLLIN:
            return
        message = bytearray(NOTIFICATION.size)
        try:
            fcntl.ioctl(listener, RECEIVE, message)
        except OSError:
            # Whoever asked has been killed meanwhile.
            continue
        number, pid, _, call, _, _, *arguments = NOTIFICATION.unpack(bytes(message))
        name = NAMES[call]
        place = step_of(pid, name, arguments)
        answer = RESPONSE.pack(number, 0, 0, 1)
        if place is not None:
            steps.append(f"{name} {place}")
            if at and (len(steps) == at or stays and len(steps) > at):
                failed.append(steps[-1])
                answer = RESPONSE.pack(number, 0, -error, 0)
        try:
            fcntl.ioctl(listener, ANSWER, answer)
        except OSError:
            continue


def step_of(pid, name, arguments):
    """Which file a call changes, where that is known; `None`: it is none, but a pipe, a socket or a device."""
    try:
        if name in ON_FILES:
            path = os.readlink(f"/proc/{pid}/fd/{arguments[0]}")
            is_file = path.startswith("/")
        else:
            path, is_file = path_in(pid, arguments[1 if name.endswith("at") or name == "renameat2" else 0]), True
    except (OSError, OverflowError, ValueError):
        return "?"
    # Below /dev/shm lie files as elsewhere: the tests may work there.
    is_device = path.startswith(("/dev/", "/proc/", "/memfd:")) and not path.startswith("/dev/shm/")
    return os.path.basename(path) if is_file and not is_device else None


def path_in(pid, address):
    """The path that stands in another process's memory."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(256).split(b"\0")[0].decode(errors="replace")
