#!/usr/bin/env python3
"""check.py RUN_BOTH LXRUN PROGRAM KNOWN [--record]: the matrix, natively and under lxrun.

Every difference must stand in KNOWN, the list of those that are still to be mended: lines "call: kind; kind...". A line of it
that no longer differs is named, so that it can be taken out. --record writes the list anew.

Exit status: 0 nothing new, 1 new differences, which are printed, 2 could not run, 77 skipped, because the list is root's.
"""
import os
import pathlib
import re
import subprocess
import sys

CALL = re.compile(r"^(?P<kind>.*?): (?P<call>[\w:]+)\((?P<arguments>.*)\) = (?P<result>.*)$")
PAIR = re.compile(r"^(?P<call>.*?): (?P<kind>from .* to .*) = (?P<result>.*)$")

# What root does to nodes of /dev and /proc must not be done to the machine's.
PRIVATE = """set -e
d=$(mktemp -d)
mount -t tmpfs -o mode=0755 tmpfs "$d"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$d"
mkdir "$d/pts" "$d/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$d/pts"
mount -t tmpfs -o mode=1777 tmpfs "$d/shm"
ln -s pts/ptmx "$d/ptmx"
ln -s /proc/self/fd "$d/fd"
mount --move "$d" /dev
rmdir "$d"
exec "$@"
"""


def enter_private_world():
    """The same again with a /dev and a /proc of its own; returns if there can be none."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private"]
    if subprocess.run(unshare + ["true"], check=False).returncode == 0:
        os.environ["in_private_world"] = "1"
        os.execvp("unshare", unshare + ["sh", "-c", PRIVATE, "sh", sys.executable] + sys.argv)


def parse(line):
    match = PAIR.match(line) or CALL.match(line)
    return (match["call"], match["kind"]) if match else ("other", line)


def read_known(path):
    known = set()
    for line in path.read_text().splitlines() if path.exists() else []:
        if line and not line.startswith("#"):
            call, _, kinds = line.partition(" | ")
            known.update((call, kind) for kind in kinds.split("; "))
    return known


def record(path, found):
    calls = {}
    for call, kind in found:
        calls.setdefault(call, []).append(kind)
    text = "# Where lxrun still answers otherwise than Linux: call | kinds of descriptors. Nothing is to be added by hand.\n"
    path.write_text(text + "".join(f"{call} | {'; '.join(sorted(kinds))}\n" for call, kinds in sorted(calls.items())))


def main():
    run_both, lxrun, program, known_path = sys.argv[1:5]
    path = pathlib.Path(known_path)
    if os.geteuid() != 0:
        print("skipped: as another user the calls differ in other places")
        return 77
    if "in_private_world" not in os.environ:
        enter_private_world()
        print("skipped: no mount and process namespaces of its own, and the machine's files are not to be changed")
        return 77
    done = subprocess.run([run_both, "-i", "-t", "150", lxrun, "--", program], capture_output=True, text=True, errors="replace",
                          check=False)
    lines = [line for line in done.stdout.splitlines() if re.match(r"^[-+](?![-+][-+] )", line)]
    if done.returncode not in (0, 1) or (done.returncode == 1 and not lines):
        print(done.stdout[-3000:] + done.stderr)
        return 2
    found = {parse(line[1:]) for line in lines}
    if "--record" in sys.argv:
        record(path, found)
        return 0
    known = read_known(path)
    for line in lines:
        if parse(line[1:]) not in known:
            print(line)
    for call, kind in sorted(known - found):
        print(f"mended: {call} | {kind}")
    print(f"{len(found)} kinds and calls differ, {len(found - known)} of them new")
    return 1 if found - known else 0


if __name__ == "__main__":
    sys.exit(main())
