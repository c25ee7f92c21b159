"""A real Postfix takes a mailing and delivers it into Maildirs; what is delivered is what was planned, but for trace headers.

    python3 tests/sending/postfix.py PROGRAM

It starts an instance of its own, on 127.0.0.1, in a folder of its own. It must be root, as Postfix is started by root.
"""
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from project import Project

MAIN = """
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {base}/mail.log
maillog_file_prefixes = {base}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = relay.example
mydestination =
local_recipient_maps =
alias_maps =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = static:all
virtual_mailbox_base = {base}/mail
virtual_mailbox_maps = texthash:{base}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access regexp:{base}/access, permit_mynetworks, reject
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def main():
    program = os.path.abspath(sys.argv[1])
    assert os.geteuid() == 0, "Postfix is started by root"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    base = pathlib.Path(tempfile.mkdtemp(prefix="runsheet-postfix-"))
    base.chmod(0o755)
    user = pwd.getpwnam("nobody")
    for folder, owner in (("config", "root"), ("queue", "root"), ("data", "postfix"), ("mail", "nobody")):
        (base / folder).mkdir()
        shutil.chown(base / folder, owner)
    addresses = [f"sample{number}@d{number % 7}.example" for number in range(60)]
    (base / "mailboxes").write_text("".join(f"{address} {address.split('@')[1]}/{address.split('@')[0]}/\n" for address in addresses))
    (base / "access").write_text("/^sample3@/ 550 5.1.1 no such user here\n")
    (base / "config/main.cf").write_text(MAIN.format(base=base, uid=user.pw_uid, gid=user.pw_gid))
    (base / "config/master.cf").write_text(MASTER.format(port=port))
    control = ["postfix", "-c", str(base / "config")]
    started = subprocess.run([*control, "start"], capture_output=True, text=True)
    assert started.returncode == 0, started.stderr + started.stdout
    try:
        project = Project(program, port, 60, smtp="connections = 4\nper_connection = 9")
        done = project.send()
        log = (base / "mail.log").read_text() if (base / "mail.log").exists() else ""
        assert done.returncode == 3, done.stderr + log[-2000:]
        exported = json.loads(project.run("export", "advance", "--format", "json").stdout)
        by_state = {}
        for row in exported["recipients"]:
            by_state.setdefault(row["state"], []).append(row)
        assert len(by_state["accepted"]) == 59 and [row["email"] for row in by_state["refused"]] == [project.addresses[3]], by_state.keys()
        assert "no such user here" in by_state["refused"][0]["reply"]
        # Each acceptance has the queue's own name for the message.
        assert all(re.search(r"queued as [0-9A-F]+", row["reply"]) for row in by_state["accepted"])
        delivered = {}
        deadline = time.monotonic() + 60
        while len(delivered) < 59 and time.monotonic() < deadline:
            time.sleep(0.2)
            delivered = {f"{path.parts[-3]}@{path.parts[-4]}": path for path in (base / "mail").glob("*/*/new/*")}
        assert sorted(delivered) == sorted(row["email"] for row in by_state["accepted"]), (len(delivered), log[-2000:])
        # As it was planned: the same merge with the date of the plan.
        frozen = exported["frozen"].removesuffix("Z")
        project.configure(t0=frozen, mailing='when = "T+0"')
        config = project.root / "runsheet.toml"
        config.write_text(config.read_text().replace('time_zone = "Europe/London"', 'time_zone = "UTC"'))
        planned = project.root / "planned"
        done = project.run("merge", "advance", "--to", str(planned))
        assert done.returncode == 0, done.stderr
        bodies = {}
        for path in planned.rglob("*.eml"):
            message = path.read_bytes()
            bodies[re.search(rb"\r\nMessage-ID: (<[^>]*>)", message).group(1)] = message
        same = 0
        for address, path in delivered.items():
            message = path.read_bytes()
            # RFC 5321 §4.4: what the servers on the way have put before it.
            trace = re.match(rb"(?:(?:Return-Path|X-Original-To|Delivered-To|Received):[^\n]*\n(?:[ \t][^\n]*\n)*)+", message)
            rest = message[trace.end():].replace(b"\n", b"\r\n")
            identifier = re.search(rb"\r\nMessage-ID: (<[^>]*>)", rest).group(1)
            assert rest == bodies[identifier], f"{address}: {rest[:600]!r}\n{bodies[identifier][:600]!r}"
            same += 1
        print(f"Postfix took and delivered {same} messages, each as it was planned; 1 was refused")
    finally:
        subprocess.run([*control, "stop"], capture_output=True)
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
