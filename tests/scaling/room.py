#!/usr/bin/env python3
"""room.py LXRUN GROW: where the host refuses a user more tasks, those that are parked for a process' next threads make room.

A process that has had COUNT threads at once lives on, and its child has as many: with what is parked for the first that is more
than the user may have. As root only, for a user who has nothing else.
"""
import os
import resource
import subprocess
import sys

COUNT = 260
LIMIT = 700  # two tasks of the host's for each thread, and some more
USER = 54323


def main():
    lxrun, grow = sys.argv[1:3]
    if os.geteuid() != 0:
        sys.exit(77)
    try:
        output = subprocess.run([lxrun, grow, "crowds", str(COUNT)], user=USER, group=USER, extra_groups=[], cwd="/", timeout=100,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (LIMIT, LIMIT)))
    except PermissionError:
        sys.exit(77)
    sys.exit(output.returncode)


main()
