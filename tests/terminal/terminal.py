#!/usr/bin/env python3
"""terminal.py LXRUN TEST: a user at a terminal. Each test is played natively and under lxrun with the same keys, and what
appeared must be the same. A test types when what it waits for is there, never after a time.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from session import Failure, Session, without_ids

# What is missing where continuous integration has installed everything is a failure.
SKIPPED = 1 if os.environ.get("CI") == "true" else 77
BASH = ["bash", "--norc", "--noprofile", "-i"]
PROMPT = "ready> "
# Columns for lines that name lxrun: however long its path, readline folds none of them.
WIDE = 5000
# In a loop of the shell itself: what it waits for has happened when the words come that the typed line does not contain.
UNTIL_STOPPED = "until jobs %1 | grep -q Stopped; do :; done; jobs; echo o''k"


class Shell(Session):
    """An interactive bash; `prefix` runs programs that it starts, or itself."""

    def __init__(self, argv, columns=80):
        super().__init__(argv, columns=columns)
        self.wait_for(PROMPT)

    def run(self, line, pattern=""):
        """Type a line, wait for the pattern and the next prompt."""
        self.send(line + "\r")
        self.wait_for(re.escape(line[-8:]) + "\r\n.*" + pattern + ".*" + PROMPT)

    def start(self, line):
        """A job in the foreground, with its first words on the screen."""
        self.send(f"echo sta''rted; {line}\r")
        self.wait_for("started\r\n")

    def leave(self):
        self.send("exit 3\r")
        return self.end()

    def seen(self, lxrun):
        """What appeared, without the notices of jobs that ended, which a shell gives at once or with the next prompt."""
        text = without_echoes(self.output.decode().replace(lxrun + " ", "").replace(lxrun, ""))
        text = without_ids(text)
        return re.sub(r"\[ID\][-+]? +(Terminated|Done) [^\n]*\n", "", text)


def without_echoes(text):
    """The echo of a signal's key can go with the output that the key throws away."""
    return re.sub(r"\^[CZ\\]", "", text)


def ready(command):
    """Say when the program has the terminal: it is read or slept in from then on."""
    return f"sh -c 'echo rea''dy; exec {command}'"


def job_control(shell, prefix):
    """^C, ^Z, ^\\, fg, bg, background readers and, with tostop, writers."""
    for key in "\x03", "\x1c":
        shell.send(prefix + ready("sleep 1000") + "\r")
        shell.wait_for("ready\r\n")
        shell.send(key)
        shell.wait_for(PROMPT)
        shell.run("echo status $?", r"status 1\d\d")
    shell.send(prefix + ready("sleep 1000") + "\r")
    shell.wait_for("ready\r\n")
    shell.send("\x1a")
    shell.wait_for("Stopped.*" + PROMPT)
    shell.run("bg", "&")
    shell.run("jobs", "Running")
    shell.run("kill %1; wait %1; echo status $?", "status 143")
    shell.run(prefix + "cat & " + UNTIL_STOPPED, "ok\r\n")
    shell.send("fg\r")
    shell.wait_for("cat\r\n")
    shell.send("hello\r")
    shell.wait_for("hello\r\nhello\r\n")
    shell.send("\x04")
    shell.wait_for(PROMPT)
    shell.run("stty tostop; " + prefix + "sh -c 'echo ba''ck' & " + UNTIL_STOPPED, "ok\r\n")
    shell.send("fg\r")
    shell.wait_for("back\r\n.*" + PROMPT)
    # It writes when the shell has told the job's number.
    shell.run("stty -tostop; export G=$(mktemp -u); " + prefix + "sh -c 'until [ -e $G ]; do :; done; echo ba''ck' & touch $G; wait; rm $G",
              "back\r\n")


def inner_job_control(lxrun):
    """All of it inside: bash itself is the guest."""
    with Shell(lxrun + BASH) as shell:
        job_control(shell, "")
        shell.leave()
        return shell.seen("/"), shell.status


def outer_job_control(lxrun):
    """A native shell's jobs are runs of lxrun: they stop and go on as a whole."""
    prefix = " ".join(lxrun + [""])
    with Shell(BASH, columns=WIDE) as shell:
        job_control(shell, prefix)
        shell.leave()
        return re.sub(" +", " ", shell.seen(prefix.strip() or "/")), shell.status


def made_terminal(lxrun):
    """script(1) makes a pseudo-terminal: a guest's own terminal has signals, jobs, sizes and /dev/tty."""
    with Shell(lxrun + ["script", "-q", "-c", " ".join(BASH), "/dev/null"]) as shell:
        job_control(shell, "")
        shell.run("cat </dev/tty & " + UNTIL_STOPPED, "ok\r\n")
        shell.send("fg\r")
        shell.wait_for("tty\r\n")
        shell.send("line\r\x04")
        shell.wait_for("line\r\nline\r\n.*" + PROMPT)
        shell.run("[ $(ps -o tty= -p $$) = $(tty | cut -c6-) ] && echo sa''me", "same")
        shell.run("trap 'echo win''ch' WINCH", "")
        shell.resize(33, 101)
        shell.wait_for("winch")
        shell.run("stty size", "33 101")
        shell.leave()
        return [re.sub(r"ready> \r.*winch", "winch", shell.seen("/"), flags=re.S), shell.status]


MADE = r"""
import fcntl, os, pty, signal, struct, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
def name_of(master):
    return "/dev/pts/%d" % struct.unpack("I", fcntl.ioctl(master, 0x80045430, b"1234"))
def child(work):
    pid, master = pty.fork()
    if pid == 0:
        work()
        os._exit(9)
    seen = b""
    while b"go" not in seen:
        seen += os.read(master, 100)
    return pid, master
def sleep():
    os.write(1, b"go")
    signal.pause()
def quit_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sleep()
def literal():
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))
    os.write(1, b"go")
    os.write(1, repr(os.read(0, 100)).encode())
def raw():
    import tty
    tty.setraw(0)
    literal()
def report(what, pid, master):
    seen = b""
    while True:
        try:
            data = os.read(master, 100)
        except OSError:
            break
        seen += data
    print(what, os.waitpid(pid, 0)[1], seen)
for key in b"\x03", b"\x1c":
    pid, master = child(sleep)
    print(os.tcgetpgrp(master) == pid)
    os.write(master, b"typed" + key)
    report(key, pid, master)
pid, master = child(quit_ignored)
os.write(master, b"\x03\x03\x1c")
report("ignored", pid, master)
pid, master = child(literal)
os.write(master, b"\x16")
os.write(master, b"\x03x\n")
report("quoted", pid, master)
pid, master = child(raw)
os.write(master, b"\x03")
report("raw", pid, master)
pid, master = child(sleep)
os.close(master)
print("hang-up", os.waitpid(pid, 0)[1])
pid, master = child(sleep)
slave = os.open(name_of(master), os.O_RDWR | os.O_NOCTTY)
try:
    os.tcgetpgrp(slave)
except OSError as error:
    print("not ours", error)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
if os.fork() == 0:
    os.setsid()
    try:
        open("/dev/tty")
    except OSError as error:
        print("none", error)
    again = os.open(name_of(master), os.O_RDWR)
    print("taken by opening", os.tcgetpgrp(again) == os.getpid(), os.ttyname(os.open("/dev/tty", os.O_RDWR)) == "/dev/tty")
    try:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    except OSError as error:
        print("a second", error)
    sys.stdout.flush()
    os._exit(0)
os.wait()
"""


def signals_of_made_terminals(lxrun):
    """What typed characters do on terminals that a guest makes, and what becomes of who loses one."""
    with Session(lxrun + ["python3", "-c", MADE]) as session:
        if session.end() != 0:
            raise Failure(session.rest())
        return session.output.decode()


def line_editing(lxrun):
    """Readline: completion, history, search; read -s; a window that changes its size."""
    with Shell(lxrun + BASH) as shell:
        shell.run("echo fi''rst", "first\r\n")
        shell.send("\x10\r")
        shell.wait_for("first\r\n.*" + PROMPT)
        shell.send("\x12fi")
        shell.wait_for("i-search")
        shell.send("\r")
        shell.wait_for("first\r\n.*" + PROMPT)
        shell.send("echo /usr/inclu\t")
        shell.wait_for("include/")
        shell.send("stdio.h\r")
        shell.wait_for("\r/usr/include/stdio.h\r\n.*" + PROMPT)
        shell.send("read -s -p 'pass''word: ' x; echo \"<$x>\"\r")
        shell.wait_for("password: ")
        shell.send("secret\r")
        shell.wait_for("<secret>\r\n.*" + PROMPT)
        shell.run("trap 'echo win''ch $LINES' WINCH", "")
        shell.resize(30, 100)
        shell.wait_for("winch")
        shell.run("stty size; stty -a", "30 100\r\n.*speed")
        status = shell.leave()
        return re.sub(r"ready> \r.*?winch", "winch", shell.output.decode(), flags=re.S), status


def settings_outlive_the_run(lxrun):
    """A program that ends leaves the terminal as it set it; so does one that is killed."""
    with Shell(BASH, columns=WIDE) as shell:
        prefix = " ".join(lxrun + [""])
        script = f"{prefix}stty -echo; stty -a | grep -o -- '-*echo '; {prefix}sh -c 'stty -icanon; kill -9 $$'; stty -a | grep -o -- '-*icanon'"
        result = subprocess.list2cmdline(["sh", "-c", script]).replace("$$", "\\$\\$")
        shell.run(result, "icanon\r\n")
        shell.leave()
        return re.findall("-?(?:echo|icanon) *\r\n", shell.output.decode())


def killed_kernel_restores(lxrun):
    """SIGKILL for lxrun itself: the terminal is put right, since nobody else would."""
    script = "\"$@\" sh -c 'stty raw -echo; echo chan''ged; read x'; until stty -a | grep -q ' icanon'; do :; done; echo resto''red"
    with Session(["sh", "-c", script, "sh"] + lxrun) as session:
        session.wait_for("changed")
        if lxrun:
            with open(f"/proc/{session.pid}/task/{session.pid}/children") as children:
                os.kill(int(children.read().split()[0]), signal.SIGKILL)
            session.wait_for("restored")
        session.end() if lxrun else session.kill()
        return "restored"


def editor(lxrun):
    """vim: a full screen, its own ^Z and back, and what it wrote."""
    if not shutil.which("vim"):
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as directory, Shell(BASH) as shell:
        path = f"{directory}/text"
        with open(path, "w") as file:
            file.write("one\ntwo\nthree\n")
        shell.send(" ".join(lxrun + ["vim -u NONE -N -i NONE", path]) + "\r")
        shell.wait_for("three")
        shell.send("Gofour\x1b:s/four/FO\\UUR/\r:echo 'chan' . 'ged'\r")
        shell.wait_for("changed")
        shell.send("\x1a")
        shell.wait_for("Stopped.*" + PROMPT)
        shell.send("fg\r")
        shell.wait_for("one.*FOUR")
        shell.send(":!tty | wc -l; echo fr''om shell\r")
        shell.wait_for("from shell")
        shell.send("\r:x\r")
        shell.wait_for(PROMPT)
        shell.run("stty -a | grep -o ' icanon'", "icanon")
        shell.leave()
        with open(path) as file:
            return file.read(), shell.status


def pager(lxrun):
    """less reads keys from /dev/tty while its text comes through a pipe."""
    if not shutil.which("less"):
        sys.exit(SKIPPED)
    with Shell(BASH) as shell:
        shell.send("seq 1000 | " + " ".join(lxrun + ["less"]) + "\r")
        shell.wait_for("22\r\n23\r\n")
        shell.send("/999\r")
        shell.wait_for("999.*END")
        shell.send("g")
        shell.wait_for("M2\r\n.*M1\r\n")
        shell.send("q")
        shell.wait_for(PROMPT)
        return shell.leave()


def interpreter(lxrun):
    """Python's prompt: input(), ^C in a sleep, ^D."""
    with Session(lxrun + ["python3", "-q"]) as session:
        session.wait_for(">>> ")
        session.send("input('na' + 'me? ').upper()\r")
        session.wait_for("name\\? ")
        session.send("bob\r")
        session.wait_for("BOB.*>>> ")
        session.send("import time; print('slee' + 'ping'); time.sleep(1000)\r")
        session.wait_for("sleeping")
        session.send("\x03")
        session.wait_for("KeyboardInterrupt.*>>> ")
        session.send("\x04")
        return session.end(), without_ids(without_echoes(session.output.decode()))


def inherited(lxrun):
    """Pipes, process substitution, numbered and closed descriptors, a socket, nohup, umask and limits from a native bash."""
    prefix = " ".join(lxrun + [""])
    script = f"""exec 2>&1
{prefix}seq 100000 | head -2; echo ${{PIPESTATUS[*]}}
yes | {prefix}head -2; echo ${{PIPESTATUS[*]}}
{prefix}diff <(seq 3) <(seq 2 4)
{prefix}sh -c 'cat <&3' 3</etc/hostname
{prefix}sh -c 'echo in >&5' 5>five; cat five
{prefix}cat <&-; echo $?
{prefix}sh -c 'echo x' >&- 2>six; echo $?; cat six
{prefix}sh -c 'echo x >&2' 2>&-; echo $?
exec 7<>seven; {prefix}sh -c 'echo shared >&7'; echo offset >&7; exec 7>&-; cat seven
(ulimit -n 400; ulimit -c 0; ulimit -s 4096; {prefix}sh -c 'ulimit -n; ulimit -c; ulimit -s')
(umask 013; {prefix}sh -c umask)
(trap '' INT HUP; {prefix}sh -c 'trap; kill -INT $$; echo alive')
{prefix}nice -n 5 nice
nohup {prefix}sh -c 'echo out; kill -HUP $$; echo alive'; cat nohup.out
{prefix}sh -c 'exit 200'; echo $?
{prefix}tty </dev/null
{prefix}test -t 0 && echo terminal
{prefix}sh -c 'echo to tty >/dev/tty' </dev/null >/dev/null 2>&1
"""
    with tempfile.TemporaryDirectory() as directory:
        with Session(["bash", "--norc", "--noprofile", "-c", f"cd {directory}\n{script}"]) as session:
            return session.end(), session.output.decode().replace(directory, "")


def requests(lxrun):
    """Every ioctl of terminals on the one that the program was started on."""
    program = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "tests", "guest_terminal_requests")
    with Session(lxrun + [program, "here"]) as session:
        return session.end(), session.output.decode()


SOCKET = r"""
import socket, subprocess, sys
ours, theirs = socket.socketpair()
process = subprocess.Popen(sys.argv[1:] + ["sh", "-c", "read x; echo got $x; cat; exit 3"], stdin=theirs, stdout=theirs)
theirs.close()
ours.sendall(b"line\nrest\n")
ours.shutdown(socket.SHUT_WR)
print(b"".join(iter(lambda: ours.recv(100), b"")), process.wait())
"""


def socket_as_standard_stream(lxrun):
    return subprocess.run(["python3", "-c", SOCKET] + lxrun, capture_output=True, text=True, timeout=60).stdout


DATABASE = r"""
import sqlite3, sys
name, writer = sys.argv[1], int(sys.argv[2])
database = sqlite3.connect(name, timeout=60, isolation_level=None)
for value in range(100):
    database.execute("begin immediate")
    count = database.execute("select n from counter").fetchone()[0]
    database.execute("update counter set n = ?", (count + 1,))
    database.execute("insert into t values(?, ?)", (writer, value))
    database.execute("commit")
"""


def one_database_two_kernels(lxrun):
    """Record locks are the host's: a native writer and one under lxrun lose no update of one SQLite file."""
    import sqlite3
    results = []
    for mode in "delete", "wal":
        with tempfile.TemporaryDirectory() as directory:
            name = f"{directory}/db"
            database = sqlite3.connect(name)
            database.executescript(f"pragma journal_mode={mode}; create table t(w, v); create table counter(n); insert into counter values(0);")
            writers = [subprocess.Popen(prefix + ["python3", "-c", DATABASE, name, str(number)]) for number, prefix in enumerate((lxrun, []))]
            results += [mode, [writer.wait(120) for writer in writers]]
            results += [database.execute("select n from counter").fetchall(), database.execute("select w, count(*), sum(v) from t group by w").fetchall()]
            results += database.execute("pragma integrity_check").fetchall()
            database.close()
    return results


TESTS = [inner_job_control, outer_job_control, made_terminal, signals_of_made_terminals, line_editing, settings_outlive_the_run,
         killed_kernel_restores, editor, pager, interpreter, inherited, requests, socket_as_standard_stream,
         one_database_two_kernels]


def main():
    tests = {test.__name__: test for test in TESTS}
    if len(sys.argv) != 3 or sys.argv[2] not in tests:
        sys.exit(f"usage: terminal.py LXRUN {'|'.join(tests)}")
    if not os.access(sys.argv[1], os.X_OK):
        sys.exit(SKIPPED)
    try:
        native = tests[sys.argv[2]]([])
    except Failure as failure:
        sys.exit(f"natively: {failure}")
    try:
        guest = tests[sys.argv[2]]([os.path.abspath(sys.argv[1])])
    except Failure as failure:
        sys.exit(f"under lxrun: {failure}")
    if native != guest:
        sys.exit(f"different:\nnative {native!r}\nlxrun  {guest!r}")


main()
