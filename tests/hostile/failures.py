#!/usr/bin/env python3
"""failures.py LXRUN [MOST]: the n-th allocation or host call of the supervisor fails, for each n up to MOST.

Whatever fails, a small job must end in time, by a status of its own or with a message: no crash, no hang. Needs a build with
LXRUN_FAILURES=ON (77: skipped).
"""
import os
import subprocess
import sys

# A first program that does not become another one: an image for which there is no memory ends its guest by SIGSEGV, and that
# must not be taken for the supervisor's own.
JOB = ["perl", "-e", 'system("echo one >f; cat f | { read x; echo \\$x; }; ls / >/dev/null; rm f")']
WHOLE = b"one\n"


def run(lxrun, variable, n):
    environment = dict(os.environ, **{variable: str(n)})
    try:
        return subprocess.run([lxrun, *JOB], capture_output=True, timeout=20, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return None


def main():
    lxrun, most = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 600
    os.chdir(os.environ.get("TMPDIR", "/tmp"))
    with open(lxrun, "rb") as file:
        if b"LXRUN_FAIL_ALLOCATION" not in file.read():
            print("built without LXRUN_FAILURES")
            sys.exit(77)
    bad = harmed = 0
    for variable in ("LXRUN_FAIL_ALLOCATION", "LXRUN_FAIL_CALL"):
        for n in range(1, most + 1):
            result = run(lxrun, variable, n)
            if result is None or result.returncode < 0 and -result.returncode != 9 or b"Sanitizer" in result.stderr:
                print(f"{variable}={n}: {'hangs' if result is None else result.returncode}")
                bad += 1
            harmed += not (result and result.returncode == 0 and result.stdout == WHOLE and not result.stderr)
        print(f"{variable}: {most} tried, {harmed} harmed so far")
    if not harmed:
        sys.exit("nothing failed: the failures are not injected")
    sys.exit(bad != 0)


main()
