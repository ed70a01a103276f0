#!/usr/bin/env python3
"""hostile.py LXRUN INNOCENT ATTACK [LIMIT]: a hostile guest, an innocent one beside it in its instance, and one in another.

The attack must end with 0 (77: skipped), both innocents must print what they print natively, the instance must end in
time, nothing on standard error, and nothing may be left over. HOSTILE_LIMITS="nproc=N": limits of the
attacker's instance. HOSTILE_MEMORY=N: what an instance may come to keep in memory, in MiB.
"""
import ctypes
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

BESIDE = '"$1" >beside & "$2"; status=$?; wait; exit $status'


def survivors():
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            return []
    left = []
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        for pid in file.read().split():
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] != "Z":
                        left.append(int(pid))
            except OSError:
                pass
    return left


def expect_nobody_left():
    deadline = time.monotonic() + 10
    while survivors():
        if time.monotonic() > deadline:
            left = survivors()
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            sys.exit(f"survivors: {left}")
        time.sleep(0.01)


def set_limits():
    for item in os.environ.get("HOSTILE_LIMITS", "").split():
        name, value = item.split("=")
        resource.setrlimit(getattr(resource, "RLIMIT_" + name.upper()), (int(value), int(value)))


def end(process, limit, who):
    try:
        return process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        where = subprocess.run(["gdb", "-batch", "-p", str(process.pid), "-ex", "thread apply all bt 14"], capture_output=True, text=True)
        process.kill()
        out, _ = process.communicate()
        expect_nobody_left()
        sys.exit(f"{who}: did not end within {limit} s\n{out.decode(errors='replace')[-2000:]}\n{where.stdout[-60000:]}")


def main():
    lxrun, innocent, attack = map(os.path.abspath, sys.argv[1:4])
    limit = int(sys.argv[4]) if len(sys.argv) > 4 else 60
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # subreaper: what is left behind becomes ours
    expected = subprocess.run([innocent], capture_output=True, check=True, timeout=limit).stdout
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        # An empty pipe: what root changes of its standard input must be nothing of the machine's.
        empty, writer = os.pipe()
        os.close(writer)
        pipes = {"stdin": empty, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        hostile = subprocess.Popen([lxrun, "/bin/sh", "-c", BESIDE, "sh", innocent, attack], preexec_fn=set_limits, **pipes)
        other = subprocess.Popen([lxrun, innocent], **pipes)
        said, complained = end(hostile, limit, "the attacked instance")
        other_said, other_complained = end(other, limit, "the other instance")
        with open("beside", "rb") as file:
            beside = file.read()
        sys.stdout.write(said.decode(errors="replace"))
        sys.stdout.flush()
        if hostile.returncode == 77:
            sys.exit(77)
        for what, got, wanted in (("attack's status", hostile.returncode, 0), ("innocent in the same instance", beside, expected),
                                  ("innocent in another instance", other_said, expected), ("its status", other.returncode, 0),
                                  ("standard error", complained, b""), ("the other's standard error", other_complained, b"")):
            if got != wanted:
                sys.exit(f"{what}: {got!r} instead of {wanted!r}")
        most = int(os.environ.get("HOSTILE_MEMORY", 0))
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
        if most and used > most:
            sys.exit(f"the instance took {used} MiB, more than {most}")
        expect_nobody_left()


main()
