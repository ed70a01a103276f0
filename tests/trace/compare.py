#!/usr/bin/env python3
"""compare.py LXTRACE PROGRAM [ARGUMENT]...: the traces of strace and of lxtrace, thread by thread.

Runs the program natively under `strace -f` and under lxtrace, and compares for each thread the calls in their order, with
arguments and results, then the signals and the end. What can't be the same is taken out by the closed list NORMALISATIONS
and by the calls named in SCHEDULED; both are explained in tests/EXPECTED.md. 0: the same; 1: different, with a unified
diff; 2: could not run; 77: skipped, because the host has no strace or forbids it.
"""
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

TIME_LIMIT = 60

# Pattern and what stands for it. Numbers of threads are replaced before, by the order in which parents made them.
NORMALISATIONS = [
    # Addresses: where things are mapped, and what points there. Offsets and lengths are smaller.
    (r"\b0x[0-9a-f]{9,16}\b", "ADDRESS"),
    # Random bytes.
    (r'^getrandom\("[^"]*"', 'getrandom("RANDOM"'),
    # Processor time of a child.
    (r"si_utime=\d+(?: /\* [\d.]+ s \*/)?, si_stime=\d+(?: /\* [\d.]+ s \*/)?", "si_utime=TIME, si_stime=TIME"),
    # What is left of a time when a wait ends.
    (r"left \{tv_sec=\d+, tv_(usec|nsec)=\d+\}", r"left {TIME}"),
    # The first program's parent: strace itself, or the instance's init.
    (r"^getppid\(\) = \d+$", "getppid() = PARENT"),
]

# How often and in which order a thread meets these depends on how fast others are: compared as a set.
SCHEDULED = {"wait4"}
# How often, too: a lock that is free by then is not waited for; a signal returns to whatever call it met; and rseq, which
# lxrun refuses, so that threads don't try.
UNCOUNTED = {"futex", "rseq", "rt_sigreturn"}

LINE = re.compile(r"^(\d+) +(.*)$")
UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>")
CREATED = re.compile(r"^(?:clone|clone3|fork|vfork)\(.* = (\d+)$")


class Thread:
    def __init__(self):
        self.begun = ""
        self.lines = []


def read_trace(path):
    """Whole lines by thread, in order; the halves of unfinished ones put together."""
    threads = {}
    with open(path, encoding="latin-1") as trace:
        for line in trace:
            match = LINE.match(line.rstrip("\n"))
            if not match:
                raise ValueError(f"{path}: not a line of a trace: {line!r}")
            thread = threads.setdefault(int(match[1]), Thread())
            text = match[2]
            if text.endswith(UNFINISHED):
                thread.begun = text[: -len(UNFINISHED)]
                continue
            resumed = RESUMED.match(text)
            if resumed:
                text = thread.begun + text[resumed.end() :]
                thread.begun = ""
            thread.lines.append(re.sub(r"\) += ", ") = ", text, count=1))
    return threads


def name_threads(threads):
    """T1 for the first, T1.1 for the first that it made, and so on."""
    names = {}

    def visit(number, name):
        names[number] = name
        made = 0
        for line in threads[number].lines:
            match = CREATED.match(line)
            if match and int(match[1]) in threads and int(match[1]) not in names:
                made += 1
                visit(int(match[1]), f"{name}.{made}")

    visit(next(iter(threads)), "T1")
    return names


# Where a number of a thread stands.
THREAD_NUMBERS = [
    r"(^(?:clone|clone3|fork|vfork|getpid|gettid|set_tid_address|wait4|rt_sigreturn)\(.*\) = )(\d+)$",
    r"(si_pid=)(\d+)",
    r"(parent_tid=\[)(\d+)",
    r"(^(?:kill|tkill|tgkill|rt_sigqueueinfo)\()(\d+)",
    r"(^tgkill\([^,]*, )(\d+)",
]


def normalise(line, names):
    for pattern in THREAD_NUMBERS:
        line = re.sub(pattern, lambda match: match[1] + names.get(int(match[2]), match[2]), line)
    for pattern, replacement in NORMALISATIONS:
        line = re.sub(pattern, replacement, line)
    return line


def describe(path):
    """The trace as text that two runs have in common."""
    threads = read_trace(path)
    # Of two children that end together, one SIGCHLD may tell.
    merged = {number for number, thread in threads.items() if sum(bool(CREATED.match(line)) for line in thread.lines) > 1}
    names = name_threads(threads)
    text = []
    for number in sorted(names, key=names.get):
        calls, scheduled, events = [], set(), []
        for line in threads[number].lines:
            line = normalise(line, names)
            call = line.split("(", 1)[0]
            if line.startswith(("---", "+++")):
                if number not in merged or not line.startswith("--- SIGCHLD"):
                    events.append(line)
            elif call in SCHEDULED:
                scheduled.add(line)
            elif call not in UNCOUNTED:
                calls.append(line)
        text += [f"== {names[number]}"] + calls + ["-- in any order"] + sorted(scheduled) + ["-- events"] + sorted(events[:-1]) + events[-1:]
    return text, sum(len(threads[number].lines) for number in names)


def run(command, directory):
    subprocess.run(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=TIME_LIMIT,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": directory, "LC_ALL": "C"},
    )


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    lxtrace, program = sys.argv[1], sys.argv[2:]
    strace = shutil.which("strace")
    if not strace:
        print("strace is not installed")
        return 1 if os.environ.get("CI") == "true" else 77
    with tempfile.TemporaryDirectory(prefix="compare.") as directory:
        native, guest = os.path.join(directory, "strace"), os.path.join(directory, "lxtrace")
        run([strace, "-f", "-o", native, "--"] + program, directory)
        if not os.path.exists(native) or os.path.getsize(native) == 0:
            return 77
        run([lxtrace, "-o", guest, "--"] + program, directory)
        expected, count = describe(native)
        found, found_count = describe(guest)
    if expected == found:
        print(f"{count} lines of strace, {found_count} of lxtrace, the same but for the normalisations")
        return 0
    print("\n".join(difflib.unified_diff(expected, found, "strace", "lxtrace", lineterm="")))
    return 1


if __name__ == "__main__":
    sys.exit(main())
