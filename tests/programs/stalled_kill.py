#!/usr/bin/env python3
"""stalled_kill.py LXRUN: who waits for a file whose server does not answer dies all the same. 77: no FUSE here, or not root."""
import os
import select
import subprocess
import sys

sys.dont_write_bytecode = True
import least_fs

# One child a way to wait. Each is killed, or ends by its other thread, and says how it ended.
GUEST = r"""
import ctypes, mmap, os, select, signal, threading, time
folder = os.environ["FOLDER"]
directory, null = os.open(folder, os.O_RDONLY), os.open("/dev/null", os.O_RDWR)
kept_pages, objects = [], []
def prepare(number):
    # Files of one's own, for the host's locks of a file and a position can't be waited for any better: what a way uses.
    global name, kept, file, other, page, shared, address, shared_address, ends, memory, terminal
    name, kept = (os.path.join(folder, kind + str(number)) for kind in ("stalled", "kept"))
    os.close(os.open(name, os.O_RDONLY))  # the kernel learns that closing is none of the server's business
    file, other = os.open(name, os.O_RDWR), os.open(kept, os.O_RDWR)
    page = mmap.mmap(file, 4096, flags=mmap.MAP_PRIVATE)
    shared = mmap.mmap(other, 4096, flags=mmap.MAP_SHARED)
    kept_pages.append((page, shared))
    ends, memory, terminal = os.pipe(), os.memfd_create("memory"), os.openpty()
    objects.extend((*ends, memory, *terminal))
    address, shared_address = (ctypes.addressof(ctypes.c_char.from_buffer(area)) for area in (page, shared))
libc = ctypes.CDLL(None)
pointer, size, long = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long
def call(name, *arguments):
    getattr(libc, name)(*arguments)
def access_of(pid, name):
    memory = ctypes.create_string_buffer(8)
    mine, its = (size * 2)(ctypes.addressof(memory), 8), (size * 2)(address, 8)
    call(name, pid, mine, long(1), its, long(1), long(0))
def vector(name, *rest):
    call(name, *rest[:1], (size * 2)(address, 8), 1, *rest[1:])
def beside(end):
    # The main thread ends or execs while another one waits.
    threading.Thread(target=lambda: os.read(file, 10), daemon=True).start()
    threading.Thread(target=lambda: call("memcpy", bytes(8), pointer(address), size(8)), daemon=True).start()
    time.sleep(0.3)
    end()
WAYS = {
    "open": lambda: os.open(name, os.O_RDONLY),
    "create": lambda: os.open(os.path.join(folder, "new"), os.O_WRONLY | os.O_CREAT),
    "stat": lambda: os.stat(name),
    "fstat": lambda: os.fstat(file),
    "access": lambda: os.access(name, os.R_OK),
    "statfs": lambda: os.fstatvfs(file),
    "read": lambda: os.read(file, 10),
    "pread": lambda: os.pread(file, 10, 0),
    "write": lambda: os.write(file, b"x"),
    "read into": lambda: vector("readv", other),
    "file from": lambda: vector("writev", other),
    "pipe from": lambda: vector("writev", ends[1]),
    "pipe into": lambda: (os.write(ends[1], b"x"), vector("readv", ends[0])),
    "vmsplice from": lambda: vector("vmsplice", ends[1], 0),
    "vmsplice into": lambda: (os.write(ends[1], b"x"), vector("vmsplice", ends[0], 0)),
    "memfd from": lambda: vector("writev", memory),
    "memfd into": lambda: (os.pwrite(memory, b"x", 0), vector("readv", memory)),
    "terminal from": lambda: vector("writev", terminal[0]),
    "terminal into": lambda: (os.write(terminal[0], b"x\\n"), vector("readv", terminal[1])),
    "seek": lambda: os.lseek(file, 0, os.SEEK_END),
    "seek data": lambda: os.lseek(file, 0, os.SEEK_DATA),
    "append": lambda: os.write(os.open("/proc/self/fd/%d" % file, os.O_WRONLY | os.O_APPEND), b"x"),
    "truncate": lambda: os.ftruncate(file, 10),
    "truncate by name": lambda: os.truncate(name, 10),
    "allocate": lambda: os.posix_fallocate(file, 0, 8192),
    "fsync": lambda: os.fsync(other),
    "fdatasync": lambda: os.fdatasync(other),
    "msync": lambda: call("msync", pointer(shared_address), size(4096), 4),
    "list": lambda: os.listdir(folder),
    "list opened": lambda: os.listdir(directory),
    "chdir": lambda: os.chdir(folder + "/."),
    "readlink": lambda: os.readlink(name),
    "chmod": lambda: os.chmod(name, 0o600),
    "fchmod": lambda: os.fchmod(file, 0o600),
    "utime": lambda: os.utime(file),
    "getxattr": lambda: os.getxattr(file, "user.a"),
    "mkdir": lambda: os.mkdir(os.path.join(folder, "made")),
    "unlink": lambda: os.unlink(kept),
    "rename": lambda: os.rename(name, name + "2"),
    "link": lambda: os.link(name, name + "2"),
    "sendfile": lambda: os.sendfile(null, file, 0, 10),
    "splice": lambda: os.splice(file, ends[1], 10),
    "copy": lambda: os.copy_file_range(file, other, 10),
    "touch": lambda: page[0],
    "name from": lambda: call("access", pointer(address), 0),
    "mlock": lambda: call("mlock", pointer(address), size(4096)),
    "populate": lambda: mmap.mmap(file, 4096, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE | mmap.MAP_POPULATE),
    "madvise": lambda: call("madvise", pointer(address), size(4096), 22),
    "map": lambda: mmap.mmap(os.open("/proc/self/fd/%d" % file, os.O_RDWR), 0),
    "process_vm_readv": lambda: access_of(os.getppid(), "process_vm_readv"),
    "process_vm_writev": lambda: access_of(os.getppid(), "process_vm_writev"),
    "own memory": lambda: os.pread(os.open("/proc/self/mem", os.O_RDONLY), 8, address),
    "execve": lambda: os.execv(name, ["stalled"]),
    "execve of a descriptor": lambda: os.execve(file, ["stalled"], {}),
    "execve's argument": lambda: call("execv", b"/bin/true", (size * 2)(address, 0)),
}
ENDS = {
    "exit beside": lambda: beside(lambda: os._exit(3)),
    "execve beside": lambda: beside(lambda: os.execv("/bin/true", ["true"])),
    "signal beside": lambda: beside(lambda: os.kill(os.getpid(), signal.SIGTERM)),
}
def start(way):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            os.read(go[0], 1)
            way()
        finally:
            os._exit(1)
    return child
go = os.pipe()
children = {}
for number, (way, how) in enumerate({**WAYS, **ENDS}.items()):
    prepare(number)
    children[way] = start(how)
print("ready", flush=True)
input()
os.write(go[1], bytes(len(children)))
time.sleep(float(os.environ["PAUSE"]))
if os.environ["LEAVE"]:
    os._exit(4)
for number, way in enumerate(WAYS):
    os.kill(children[way], (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)[number % 4])
started = time.monotonic()
while children and time.monotonic() < started + 20:
    for way, child in list(children.items()):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            print(way + ":", status, flush=True)
            del children[way]
    time.sleep(0.01)
for way, child in children.items():
    print(way + ": late")
# Who shares what they used is not held up.
poller = select.poll()
for number in objects:
    os.fstat(number)
    poller.register(number)
poller.poll(0)
for number in objects:
    os.close(number)
print("all", flush=True)
os._exit(0)
"""
WAYS_AT_MOST = 60
LATE = 60  # seconds: for what hangs, not for what is slow beside others


def run(*prefix, leave=""):
    """What the guest says while the server is stopped: it can't even take the question, so that who asks can be killed."""
    mounted = least_fs.Mounted({kind + str(number): content for number in range(WAYS_AT_MOST)
                                for kind, content in (("stalled", None), ("kept", bytes(4096)))})
    environment = {"FOLDER": None, "PAUSE": os.environ.get("PAUSE", "1.5"), "LEAVE": leave}
    with mounted as folder:
        command = [*prefix, "/usr/bin/python3", "-c", GUEST]
        with subprocess.Popen(command, env={**os.environ, **environment, "FOLDER": folder}, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            process.stdout.readline()
            mounted.stall()
            process.stdin.write(b"\n")
            process.stdin.flush()
            try:
                said = sorted(process.communicate(timeout=LATE)[0].decode().splitlines())
            except subprocess.TimeoutExpired as late:
                said = sorted((late.output or b"").decode().splitlines()) + ["late"]
            mounted.end()
            process.kill()
    return said, process.returncode


def differences(natively, inside):
    for line in sorted(set(natively[0]) ^ set(inside[0])):
        print("natively:   " if line in natively[0] else "under lxrun:", line)
    return natively != inside


def compare(lxrun):
    natively = run()
    late = [line for line in natively[0] if line.endswith("late")]
    if natively[1] or late or "all" not in natively[0]:
        print("natively:", *natively)
    wrong = differences(natively, run(lxrun))
    left = run(lxrun, "--kill-on-exit", leave="1")
    if left != ([], 4):
        print("killed at the first one's end:", *left)
        wrong = True
    return wrong


try:
    sys.exit(compare(os.path.abspath(sys.argv[1])))
except least_fs.Unavailable as reason:
    print(reason)
    sys.exit(77)
