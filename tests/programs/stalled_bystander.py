#!/usr/bin/env python3
"""stalled_bystander.py LXRUN: who waits for a file whose server does not answer holds up nobody else. 77: no FUSE here, or not root."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import least_fs

# One child a way to wait; meanwhile the parent lives on, looks at each of them, and uses what it shares with them.
GUEST = r"""
import ctypes, fcntl, mmap, os, resource, signal, threading, time
folder = os.environ["FOLDER"]
libc = ctypes.CDLL(None)
pointer, size = ctypes.c_void_p, ctypes.c_size_t
plain = os.open(os.path.join(os.environ["PLAIN"], "plain"), os.O_RDWR)
def prepare(number):
    global name, file, page, address
    name = os.path.join(folder, "stalled" + str(number))
    os.close(os.open(name, os.O_RDONLY))
    file = os.open(name, os.O_RDWR)
    page = mmap.mmap(file, 4096, flags=mmap.MAP_PRIVATE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
def in_thread(call):
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    time.sleep(60)
def lock_at_stalled():
    # The lock's description is in a page that doesn't come.
    libc.fcntl(plain, fcntl.F_SETLK, pointer(address))
WAYS = {
    "lock": lambda: (fcntl.lockf(file, fcntl.LOCK_EX), time.sleep(60)),
    "flock": lambda: (fcntl.flock(file, fcntl.LOCK_EX), time.sleep(60)),
    "lock from": lock_at_stalled,
    "open": lambda: os.open(name, os.O_RDWR | os.O_TRUNC),
    "read": lambda: os.read(file, 10),
    "list": lambda: os.listdir(folder),
    "touch": lambda: page[0],
    "mlock": lambda: libc.mlock(pointer(address), size(4096)),
    "mlockall": lambda: libc.mlockall(1),
    "populate": lambda: mmap.mmap(file, 4096, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE | mmap.MAP_POPULATE),
    "madvise": lambda: libc.madvise(pointer(address), size(4096), 22),
    "exec": lambda: os.execv(name, ["stalled"]),
    "beside": lambda: in_thread(lambda: libc.mlock(pointer(address), size(4096))),
    "futex": lambda: libc.syscall(202, pointer(address), 6, 0, None, None, 0),
    "signal": lambda: libc.sigpending(pointer(address)),
    "name": lambda: libc.prctl(15, pointer(address)),
    "limits": lambda: libc.setrlimit(7, pointer(address)),
}
def start(way):
    child = os.fork()
    if child == 0:
        try:
            os.read(go[0], 1)
            way()
        finally:
            os._exit(1)
    return child
go = os.pipe()
children = {}
for number, (way, how) in enumerate(WAYS.items()):
    prepare(number)
    children[way] = start(how)
print("ready", flush=True)
input()
os.write(go[1], bytes(len(children)))
time.sleep(1)
def say(what, act):
    # Each in a thread of its own, so that one that hangs says so.
    done = threading.Event()
    def run():
        try:
            act()
        except OSError as error:
            print(what, error)
        done.set()
    threading.Thread(target=run, daemon=True).start()
    if not done.wait(float(os.environ['LONG'])):
        print(what, "hangs", flush=True)
def live():
    for _ in range(5):
        child = os.fork()
        if child == 0:
            os.execv("/bin/true", ["true"])
        os.waitpid(child, 0)
def read(*names):
    for name in names:
        with open(os.path.join("/proc", *map(str, name)), "rb") as opened:
            opened.read()
def lock_others():
    fcntl.lockf(plain, fcntl.LOCK_EX)
    fcntl.lockf(plain, fcntl.LOCK_UN)
LOOKS = {
    **{name: lambda child, name=name: read((child, name)) for name in
       ("maps", "smaps", "stat", "statm", "status", "cmdline", "comm", "environ", "limits", "io", "mountinfo")},
    "fd": lambda child: os.listdir("/proc/%d/fd" % child),
    "task": lambda child: os.listdir("/proc/%d/task" % child),
    "exe": lambda child: os.readlink("/proc/%d/exe" % child),
    "ids": lambda child: (os.getpgid(child), os.getsid(child), os.getpriority(os.PRIO_PROCESS, child), os.kill(child, 0)),
    "processors": lambda child: os.sched_getaffinity(child),
    "limit": lambda child: resource.prlimit(child, resource.RLIMIT_NOFILE),
}
say("life", live)
say("locks", lock_others)
# What is known of it without its server: AT_EMPTY_PATH | AT_STATX_DONT_SYNC.
say("statx", lambda: print("statx", libc.statx(file, b"", 0x5000, 0x7ff, bytes(256))))
for way, child in children.items():
    for what, act in LOOKS.items():
        say(way + ": " + what, lambda: act(child))
say("life", live)
for child in children.values():
    os.kill(child, signal.SIGKILL)
say("life", live)
print("all", flush=True)
os._exit(0)
"""
LATE = 60  # seconds: for what hangs, not for what is slow beside others
WAYS_AT_MOST = 20


def run(*prefix):
    """What the guest says while the server is stopped."""
    mounted = least_fs.Mounted({"stalled" + str(number): None for number in range(WAYS_AT_MOST)})
    with mounted as folder, least_fs.tempfile.TemporaryDirectory() as plain:
        with open(os.path.join(plain, "plain"), "wb") as file:
            file.write(bytes(4096))
        command = [*prefix, "/usr/bin/python3", "-c", GUEST]
        with subprocess.Popen(command, env={**os.environ, "FOLDER": folder, "PLAIN": plain, "LONG": "10"}, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            process.stdout.readline()
            mounted.stall()
            process.stdin.write(b"\n")
            process.stdin.flush()
            try:
                said = process.communicate(timeout=LATE)[0].decode().splitlines()
            except subprocess.TimeoutExpired as late:
                said = (late.output or b"").decode().splitlines() + ["late"]
            mounted.end()
            process.kill()
    return said, process.returncode


def compare(lxrun):
    natively, inside = run(), run(lxrun)
    if natively != (["statx 0", "all"], 0) or inside != natively:
        print(f"natively: {natively}\nunder lxrun: {inside}")
        return 1
    return 0


try:
    sys.exit(compare(os.path.abspath(sys.argv[1])))
except least_fs.Unavailable as reason:
    print(reason)
    sys.exit(77)
