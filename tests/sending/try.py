import sys
from project import Project
from smtp_server import Server
with Server() as s:
    p = Project(sys.argv[1], s.port)
    for args in (["send","advance","--dry-run"],["send","advance"],["send","advance","--yes","10"],["send","advance","--yes","10"],["status"],["status","advance"],["export","advance"]):
        d = p.run(*args); print(args, d.returncode); print(d.stdout, d.stderr)
    print(len(s.record.taken), s.record.copies(), s.record.connections)
    print(s.record.taken[0][1].decode())
