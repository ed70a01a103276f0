#!/usr/bin/env python3
"""failures.py LXRUN [MOST]: the n-th allocation or host call of the supervisor fails, for each n up to MOST.

Whatever fails, a small job must end in time, by a status of its own or with a message: no crash, no hang. Needs a build with
LXRUN_FAILURES=ON (77: skipped), which tells of lxrun's own crashes: a guest's end by a signal may be lxrun's too.
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

JOB = ["perl", "-e", 'system("echo one >f; cat f | { read x; echo \\$x; }; ls / >/dev/null; rm f")']
WHOLE = b"one\n"


def run(lxrun, variable, n):
    environment = dict(os.environ, **{variable: str(n)})
    with tempfile.TemporaryDirectory() as folder:
        try:
            return subprocess.run([lxrun, *JOB], capture_output=True, timeout=60, env=environment, cwd=folder, check=False)
        except subprocess.TimeoutExpired:
            return None


def is_bad(result):
    return result is None or b"itself has crashed" in result.stderr or b"Sanitizer" in result.stderr or b"runtime error" in result.stderr


def is_whole(result):
    return result and result.returncode == 0 and result.stdout == WHOLE and not result.stderr


def main():
    lxrun, most = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 600
    with open(lxrun, "rb") as file:
        if b"LXRUN_FAIL_ALLOCATION" not in file.read():
            print("built without LXRUN_FAILURES")
            sys.exit(77)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for variable in ("LXRUN_FAIL_ALLOCATION", "LXRUN_FAIL_CALL"):
            numbers = range(1, most + 1)
            results = list(pool.map(lambda n, variable=variable: run(lxrun, variable, n), numbers))
            for n, result in zip(numbers, results):
                if is_bad(result):
                    print(f"{variable}={n}: {'hangs' if result is None else result}")
                    bad += 1
            harmed = [n for n, result in zip(numbers, results) if not is_whole(result)]
            print(f"{variable}: {most} tried, {len(harmed)} harmed the job, the last was {harmed[-1] if harmed else 0}")
            if not harmed:
                sys.exit("nothing failed: the failures are not injected")
    sys.exit(bad != 0)


main()
