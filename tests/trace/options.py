#!/usr/bin/env python3
"""options.py LXTRACE TEST: what the tracer's options make of its output."""
import os
import re
import subprocess
import sys
import tempfile

LXTRACE = sys.argv[1]
CALL = re.compile(r"^(?:\[pid +\d+\] )?(\w+)\(")


def run(*arguments, script=None):
    command = [LXTRACE, *arguments] + (["sh", "-c", script] if script else [])
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                          errors="backslashreplace", env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"})


def lines(result):
    return result.stderr.splitlines()


def names(result):
    return {match[1] for match in map(CALL.match, lines(result)) if match}


def expect(condition, *shown):
    if not condition:
        print(*shown, sep="\n")
        sys.exit(1)


def expect_line(result, pattern):
    expect(any(re.fullmatch(pattern, line) for line in lines(result)), f"no line is {pattern}", result.stderr)


def calls_on_standard_error():
    result = run("true")
    expect(result.returncode == 0 and not result.stdout, result)
    expect(re.match(r'execve\("/usr/bin/true", \["true"\], 0x[0-9a-f]+ /\* 3 vars \*/\) = 0$', lines(result)[0]), lines(result)[0])
    expect(lines(result)[-2:] == ["exit_group(0)                           = ?", "+++ exited with 0 +++"], lines(result)[-2:])
    result = run(script="exit 5")
    expect(result.returncode == 5, result.returncode)
    expect_line(result, r"\+\+\+ exited with 5 \+\+\+")
    result = run(script="(exit 3); :")
    expect_line(result, r"lxtrace: Process 3 attached")
    expect_line(result, r"\[pid     3\] \+\+\+ exited with 3 \+\+\+")
    result = run("-qq", script="(exit 3); :")
    expect(not re.search(r"attached|\+\+\+", result.stderr), result.stderr)


def a_file_gets_numbers():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "trace")
        result = run("-o", path, script="(exit 3); echo out; echo err >&2")
        expect((result.stdout, result.stderr) == ("out\n", "err\n"), result)
        with open(path, encoding="utf-8") as trace:
            found = trace.read().splitlines()
    expect(all(re.match(r"[23]     \S", line) for line in found), *found)
    expect("3     +++ exited with 3 +++" in found, *found)
    result = run("-o", "/nonexistent/trace", "true")
    expect(result.returncode == 125 and "cannot write the trace /nonexistent/trace" in result.stderr, result)


def selection():
    expect(names(run("-e", "trace=close", "true")) == {"close"})
    expect(names(run("--trace=openat,close", "true")) == {"openat", "close"})
    expect(names(run("-e", "/^mm", "true")) == {"mmap"})
    expect("mmap" not in names(run("-e", "trace=!%memory", "true")))
    expect({"execve", "openat"} <= names(run("-e", "%file", "true")) and "close" not in names(run("-e", "%file", "true")))
    result = run("-P", "/etc/passwd", "cat", "/etc/passwd")
    expect(names(result) >= {"openat", "read", "close"} and result.stderr.count("openat(") == 1, result.stderr)


def signals_and_statuses():
    script = "trap : USR1; kill -USR1 $$; kill -WINCH $$; kill -TERM $$"
    result = run("-e", "trace=none", script=script)
    expect(result.returncode == -15, result)
    expect_line(result, r"--- SIGUSR1 \{si_signo=SIGUSR1, si_code=SI_USER, si_pid=2, si_uid=\d+\} ---")
    expect_line(result, r"\+\+\+ killed by SIGTERM \+\+\+")
    expect(lines(run("-qq", "-e", "trace=none", script="kill -KILL $$")) == ["+++ killed by SIGKILL +++"])
    expect(not lines(run("-e", "signal=none", "-e", "trace=none", script="kill -KILL $$")))
    result = run("-e", "trace=none", "-e", "signal=!SIGUSR1", script=script)
    expect("SIGUSR1" not in result.stderr and "--- SIGTERM" in result.stderr, result.stderr)
    result = run("-Z", "ls", "/nonexistent")
    expect(all(" = -1 E" in line for line in lines(result) if "(" in line and line[0] not in "+l"), result.stderr)
    expect("/nonexistent" in result.stderr, result.stderr)
    expect(not re.search(r"= -1 E", run("-z", "ls", "/").stderr))
    result = run("-e", "status=unfinished", "true")
    expect([line.split("(")[0] for line in lines(result)][:1] == ["exit_group"], result.stderr)


def strings_and_paths():
    result = run("-e", "write", "-s", "5", script="printf 'a\\tbcdefgh'")
    expect_line(result, r'write\(1, "a\\tbcd"\.\.\., 9\) +  ?= 9')
    result = run("-e", "write", "-x", script="printf 'a\\001'")
    expect_line(result, r'write\(1, "\\x61\\x01", 2\) += 2')
    result = run("-y", "-e", "read,close", "cat", "/etc/passwd")
    expect_line(result, r"close\(3</etc/passwd>\) += 0")
    result = run("-v", "-e", "newfstatat", "cat", "/etc/passwd")
    expect("st_nlink=" in result.stderr and "..." not in result.stderr.split("+++")[0], result.stderr)


def times():
    expect(re.match(r"\d\d:\d\d:\d\d execve\(", run("-t", "true").stderr))
    expect(re.match(r"\d\d:\d\d:\d\d\.\d{6} execve\(", run("-tt", "true").stderr))
    expect(re.match(r"\d{9,}\.\d{6} execve\(", run("-ttt", "true").stderr))
    expect(re.match(r" {5}0\.000000 execve\(", run("-r", "true").stderr))
    result = run("-T", "-e", "nanosleep,clock_nanosleep", "sleep", "0.05")
    found = re.search(r"= 0 <(\d+\.\d{6})>", result.stderr)
    expect(found and 0.05 <= float(found[1]) < 30, result.stderr)


def summary():
    result = run("-c", "ls", "/nonexistent")
    found = lines(result)
    start = found.index("% time     seconds  usecs/call     calls    errors syscall")
    rows = {line.split()[-1]: line.split() for line in found[start + 2 : -2]}
    expect(rows["execve"][3] == "1" and int(rows["openat"][3]) >= 2, *found)
    total = found[-1].split()
    expect(total[-1] == "total" and int(total[3]) == sum(int(row[3]) for row in rows.values()), *found)
    expect(int(total[4]) == sum(int(row[4]) for row in rows.values() if len(row) == 6), *found)
    expect("execve(" not in result.stderr and "execve(" in run("-C", "true").stderr)


def services_beneath_calls():
    result = run("--nt", "cat", "/etc/passwd")
    found = lines(result)
    at = next(i for i, line in enumerate(found) if line.startswith('openat(AT_FDCWD, "/etc/passwd"'))
    beneath = found[at + 1]
    expect(re.match(r"    NtCreateFile\(\[0x[0-9a-f]+\], FILE_GENERIC_READ\S*, \{RootDirectory=0x[0-9a-f]+, "
                    r'ObjectName="etc/passwd"', beneath) and beneath.endswith(" = STATUS_SUCCESS"), beneath)
    close = next(i for i, line in enumerate(found[at:], at) if line.startswith("close(3)"))
    expect(re.fullmatch(r"    NtClose\(0x[0-9a-f]+\) = STATUS_SUCCESS", found[close + 1]), found[close + 1])
    getpid = next((i for i, line in enumerate(found) if line.startswith("brk(NULL)")))
    expect(not found[getpid + 1].startswith(" "), "brk(NULL) rests on no service", found[getpid + 1])
    expect("Nt" not in run("cat", "/etc/passwd").stderr)


def wrong_expressions():
    for expression, reason in (("trace=opne", "invalid system call 'opne'"), ("%fil", "invalid class of system calls '%fil'"),
                               ("signal=FOO", "invalid signal 'FOO'"), ("colour=red", "'colour' is none of")):
        result = run("-e", expression, "true")
        expect(result.returncode == 125 and reason in result.stderr, result)
    expect(run("-z", "-Z", "true").returncode == 125)
    expect(run("-s", "x", "true").returncode == 125)


def unfinished_calls():
    # The child ends when it has seen its parent asleep, which then is in wait4.
    asleep = "until grep -q '^State:.S' /proc/2/status; do :; done; exit 4"
    result = run("-e", "trace=wait4,exit_group", script=f"({asleep}); :")
    expect_line(result, r"(?:\[pid     2\] )?wait4\(-1,  <unfinished \.\.\.>")
    expect_line(result, r"(?:\[pid     2\] )?<\.\.\. wait4 resumed>\[\{WIFEXITED\(s\) && WEXITSTATUS\(s\) == 4\}\], 0, NULL\) = 3")


def ignored_signals():
    result = run("-e", "trace=none", "env", "sh", "-c", "kill -WINCH $$; kill -CONT $$")
    expect_line(result, r"--- SIGWINCH \{si_signo=SIGWINCH, si_code=SI_USER, si_pid=2, si_uid=\d+\} ---")


def nothing_when_off():
    lxrun = os.path.join(os.path.dirname(LXTRACE), "lxrun")
    result = subprocess.run([lxrun, "true"], capture_output=True, timeout=60, check=False)
    expect((result.stdout, result.stderr) == (b"", b""), result)
    result = subprocess.run([lxrun, "--trace=exit_group", "true"], capture_output=True, timeout=60, check=False)
    expect(result.stderr.startswith(b"exit_group(0) "), result)


if __name__ == "__main__":
    globals()[sys.argv[2]]()
