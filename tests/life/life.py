#!/usr/bin/env python3
"""life.py LXRUN TEST: how runs end. Everything of a run must be gone 2 s after its end, whatever ended it.

The test is a subreaper: what a run leaves behind becomes its child, where it is found. After a killed lxrun these may be
dead tasks that want to be reaped; one that ends by itself leaves not even those.
"""
import ctypes
import os
import pty
import random
import resource
import select
import signal
import subprocess
import sys
import time

LIMIT = 10.0  # seconds: a busy machine is no hang
zombies = 0
STORM = r"""
import os, threading, time
def spin():
    while True:
        pid = os.fork()
        if pid == 0:
            if os.getpid() % 2:
                os.execv("/bin/true", ["true"])
            threading.Thread(target=lambda: None).start()
            os._exit(0)
        os.waitpid(pid, 0)
for i in range(3):
    if os.fork() == 0:
        for j in range(3):
            threading.Thread(target=spin, daemon=True).start()
        spin()
spin()
"""


def become_subreaper():
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) != 0:
        sys.exit("cannot become a subreaper")


def survivors():
    """Children of ours that are not zombies; zombies are reaped."""
    global zombies
    left = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return []
        if pid == 0:
            break
        zombies += 1
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
    deadline = time.monotonic() + LIMIT
    while survivors():
        if time.monotonic() > deadline:
            left = survivors()
            names = [open(f"/proc/{pid}/comm").read().strip() for pid in left if os.path.exists(f"/proc/{pid}")]
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            sys.exit(f"survivors: {left} {names}")
        time.sleep(0.01)


def wait(process, limit=LIMIT):
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        where = subprocess.run(["gdb", "-batch", "-p", str(process.pid), "-ex", "thread apply all bt 8"], capture_output=True, text=True)
        process.kill()
        sys.exit(f"lxrun did not end within {limit} s\n{where.stdout}")


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r} instead of {wanted!r}")


def reader_that_ends_early(lxrun):
    yes = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
    head = subprocess.Popen([lxrun, "head", "-1"], stdin=yes.stdout, stdout=subprocess.PIPE)
    yes.stdout.close()
    expect("output", head.stdout.read(), b"y\n")
    expect("status", wait(head), 0)
    expect("native writer", wait(yes), -signal.SIGPIPE)


def writer_whose_reader_ends(lxrun):
    yes = subprocess.Popen([lxrun, "yes"], stdout=subprocess.PIPE)
    head = subprocess.Popen(["head", "-1"], stdin=yes.stdout, stdout=subprocess.PIPE)
    yes.stdout.close()
    expect("output", head.stdout.read(), b"y\n")
    expect("status", wait(yes), -signal.SIGPIPE)
    wait(head)


def interrupt_from_terminal(lxrun):
    for program in (["sleep", "100"], ["sh", "-c", "sleep 100 | cat"], ["sh", "-c", "while :; do :; done"]):
        pid, master = pty.fork()
        if pid == 0:
            os.execv(lxrun, [lxrun, "sh", "-c", 'echo ready; exec "$@"', "sh"] + program)
        seen = b""
        while b"ready" not in seen:
            seen += os.read(master, 100)
        time.sleep(0.1)
        os.write(master, b"\x03")
        deadline = time.monotonic() + LIMIT
        status = None
        while status is None and time.monotonic() < deadline:
            done, value = os.waitpid(pid, os.WNOHANG)
            status = value if done else None
            if select.select([master], [], [], 0.02)[0]:
                try:
                    os.read(master, 1000)
                except OSError:
                    pass
        if status is None:
            os.kill(pid, signal.SIGKILL)
            sys.exit(f"{program}: still runs after ^C")
        expect(f"{program}: status", status, signal.SIGINT)
        os.close(master)


def terminated(lxrun):
    process = subprocess.Popen([lxrun, "sh", "-c", "echo ready; exec sleep 100"], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    expect("status", wait(process), -signal.SIGTERM)


def terminated_with_children(lxrun):
    # Of who sends it to a group, as timeout(1) does, the guests see only what lxrun gets: what the first program leaves ends too.
    for script in ("sleep 100 | cat & echo ready; wait", "sh -c 'echo ready; sleep 100'; :", "echo ready; (trap '' TERM; sleep 100) & wait"):
        process = subprocess.Popen([lxrun, "sh", "-c", script], stdout=subprocess.PIPE)
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        expect("status", wait(process), -signal.SIGTERM)
        expect_nobody_left()


def handler_survives_termination(lxrun):
    script = 'trap "echo handled; exit 7" TERM; echo ready; while :; do sleep 0.05; done'
    process = subprocess.Popen([lxrun, "sh", "-c", script], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    expect("output", process.stdout.read(), b"handled\n")
    expect("status", wait(process), 7)


CATCHER = r"""
import os, signal, sys
caught = {s for s in range(1, 65)} - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, 32, 33}
signal.pthread_sigmask(signal.SIG_BLOCK, caught)
print("ready", flush=True)
for line in sys.stdin:
    info = signal.sigwaitinfo(caught)
    print(info.si_signo, info.si_code, info.si_pid and "pid", info.si_uid, flush=True)
"""


def every_signal_reaches_the_program(lxrun):
    process = subprocess.Popen([lxrun, sys.executable, "-c", CATCHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    for number in sorted(set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, 32, 33}):
        os.kill(process.pid, number)
        process.stdin.write(b"\n")
        process.stdin.flush()
        expect(f"signal {number}", process.stdout.readline(), f"{number} 0 0 {os.getuid()}\n".encode())
    process.stdin.close()
    expect("status", wait(process), 0)


def any_signal_ends_the_program(lxrun):
    for number in (signal.SIGALRM, signal.SIGPWR, signal.SIGSEGV, signal.SIGABRT, signal.SIGPIPE, signal.SIGXFSZ, 34, 61, 62, 64):
        process = subprocess.Popen([lxrun, "sh", "-c", "ulimit -c 0; echo ready; exec sleep 100"], stdout=subprocess.PIPE)
        process.stdout.readline()
        os.kill(process.pid, number)
        expect(f"status of {number}", wait(process), -number)


def stopped_from_outside(lxrun):
    for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        process = subprocess.Popen([lxrun, "sh", "-c", "echo ready; exec sleep 0.3"], stdout=subprocess.PIPE)
        process.stdout.readline()
        os.kill(process.pid, number)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        expect(f"stopped by {number}", os.WIFSTOPPED(status), True)
        os.kill(process.pid, signal.SIGCONT)
        expect("status", wait(process), 0)


def killed_in_a_storm(lxrun):
    for _ in range(int(os.environ.get("LIFE_ROUNDS", "50"))):
        process = subprocess.Popen([lxrun, "python3", "-c", STORM], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.0, 0.6))
        process.kill()
        process.wait()
        expect_nobody_left()


def last_process_decides(lxrun):
    start = time.monotonic()
    process = subprocess.run([lxrun, "sh", "-c", "(sleep 0.3; echo late) & exit 3"], capture_output=True, timeout=25)
    expect("output", process.stdout, b"late\n")
    expect("status", process.returncode, 3)
    process = subprocess.run([lxrun, "--kill-on-exit", "sh", "-c", "(sleep 30; echo late) & exit 3"], capture_output=True, timeout=25)
    expect("status with --kill-on-exit", process.returncode, 3)
    expect("output with --kill-on-exit", process.stdout, b"")
    if time.monotonic() - start > 20:
        sys.exit("--kill-on-exit waited")


def comm_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


def host_tools_see_names(lxrun):
    process = subprocess.Popen([lxrun, "--kill-on-exit", "sh", "-c", "sleep 30 & echo ready; wait"], stdout=subprocess.PIPE)
    process.stdout.readline()
    deadline = time.monotonic() + LIMIT
    names = []
    while not {"sh", "sleep"} <= set(names):
        if time.monotonic() > deadline:
            sys.exit(f"names of the host tasks: {names}")
        names = []
        for thread in os.listdir(f"/proc/{process.pid}/task"):
            with open(f"/proc/{process.pid}/task/{thread}/children") as file:
                for pid in file.read().split():
                    names.append(comm_of(pid))
    process.terminate()
    expect("status", wait(process), -signal.SIGTERM)


# A line when all are there; what they wait for is the end of standard input.
FORKED = """
import os, sys
pipe = os.pipe()
for i in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.write(pipe[1], b".")
        os.read(0, 1)
        os._exit(0)
while i >= 0:
    i -= len(os.read(pipe[0], 1000))
print("ready", flush=True)
os.read(0, 1)
"""
EXECUTED = """
exec 3<&0
for i in $(seq "$1"); do cat <&3 & done
until [ "$(pgrep -c -x cat)" = "$1" ]; do :; done
echo ready
cat
"""


def link_of(path):
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""  # closed meanwhile


def sockets_with(command, count):
    """How many sockets lxrun has when so many guests are there; what their files cost is another matter."""
    process = subprocess.Popen(command + [str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    folder = f"/proc/{process.pid}/fd"
    found = sum(link_of(f"{folder}/{fd}").startswith("socket:") for fd in os.listdir(folder))
    process.stdin.close()
    expect("status", wait(process, 20), 0)
    return found


def processes_cost_few_sockets(lxrun):
    spare = 40  # tasks that are kept ready, and what opens and closes meanwhile
    late = os.environ.get("LXRUN_FORCE_FALLBACKS") != "1"
    for command, cost in (([lxrun, "python3", "-c", FORKED], 0 if late else 2), ([lxrun, "sh", "-c", EXECUTED, "sh"], 1 if late else 2)):
        more = sockets_with(command, 105) - sockets_with(command, 5)
        if more > 100 * cost + spare:
            sys.exit(f"{command[1]}: {more} sockets for 100 processes")


def descriptors_with(command, count):
    process = subprocess.Popen(command + [str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    found = len(os.listdir(f"/proc/{process.pid}/fd"))
    process.stdin.close()
    expect("status", wait(process, 20), 0)
    return found


def programs_share_their_files(lxrun):
    """Of a program with its libraries and locales only the process counts, not what it has mapped."""
    late = os.environ.get("LXRUN_FORCE_FALLBACKS") != "1"
    command = [lxrun, "sh", "-c", EXECUTED, "sh"]
    more = descriptors_with(command, 105) - descriptors_with(command, 5)
    if more > 100 * (1 if late else 2) + 50:
        sys.exit(f"{more} descriptors for 100 processes")


def many_programs_run_under_a_low_limit(lxrun):
    """As natively, where a limit of descriptors is each process's own."""
    limit = 256 if os.environ.get("LXRUN_FORCE_FALLBACKS") != "1" else 400
    process = subprocess.Popen([lxrun, "sh", "-c", EXECUTED, "sh", "120"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    expect("all run", process.stdout.readline(), b"ready\n")
    process.stdin.close()
    expect("what they say", process.stderr.read(), b"")
    expect("status", wait(process, 20), 0)


def exec_tells_of_a_shortage(lxrun):
    """Where descriptors are too few for one more program, its caller is told, and lives on."""
    limit = resource.RLIMIT_NOFILE
    command = "for i in 1 2 3; do ls / | cat | wc; (ls / | cat) | wc -l; done 2>&1"
    for most in (30, 34, 38, 44):
        said = subprocess.run([lxrun, "sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              preexec_fn=lambda: resource.setrlimit(limit, (most, most))).stdout
        expect("killed by a signal", [line for line in said.splitlines() if b"fault" in line], [])


TESTS = [exec_tells_of_a_shortage, programs_share_their_files, many_programs_run_under_a_low_limit, processes_cost_few_sockets, host_tools_see_names, reader_that_ends_early, writer_whose_reader_ends, interrupt_from_terminal, terminated, terminated_with_children, handler_survives_termination,
         every_signal_reaches_the_program, any_signal_ends_the_program, stopped_from_outside,
         killed_in_a_storm, last_process_decides]


def main():
    tests = {test.__name__: test for test in TESTS}
    if len(sys.argv) != 3 or sys.argv[2] not in tests:
        sys.exit(f"usage: life.py LXRUN {'|'.join(tests)}")
    become_subreaper()
    tests[sys.argv[2]](sys.argv[1])
    expect_nobody_left()
    if zombies and tests[sys.argv[2]] is not killed_in_a_storm:
        sys.exit(f"{zombies} dead tasks were left to be reaped")


main()
