#!/usr/bin/env python3
"""stalled_kill.py LXRUN: who waits for a file whose server does not answer dies all the same. 77: no FUSE here, or not root."""
import os
import select
import subprocess
import sys

sys.dont_write_bytecode = True
import least_fs

GUEST = r"""
import ctypes, mmap, os, signal, time
name = os.path.join(os.environ["FOLDER"], "stalled")
os.close(os.open(name, os.O_RDONLY))  # the kernel learns that closing is none of the server's business
file = os.open(name, os.O_RDONLY)
page = mmap.mmap(file, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE, flags=mmap.MAP_PRIVATE)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print("ready", flush=True)
input()
child = os.fork()
if child == 0:
    HOW
    os._exit(1)
time.sleep(0.5)
os.kill(child, signal.SIGKILL)
print(os.waitpid(child, 0)[1], flush=True)
"""
LATE = 60  # seconds: for what hangs, not for what is slow beside others
HOW = {
    "open": "os.open(name, os.O_RDONLY)",
    "stat": "os.stat(name)",
    "read": "os.read(file, 10)",
    "touch": "page[0]",
    "copy": "ctypes.CDLL(None).access(ctypes.c_void_p(address), 0)",
    "populate": "mmap.mmap(file, 4096, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE | mmap.MAP_POPULATE)",
    "exec": "os.execv(name, ['stalled'])",
}


def run(how, *prefix):
    """What the guest says while the server is stopped: it can't even take the question, so that who asks can be killed."""
    mounted = least_fs.Mounted({"stalled": None})
    with mounted as folder:
        command = [*prefix, "/usr/bin/python3", "-c", GUEST.replace("HOW", HOW[how])]
        with subprocess.Popen(command, env={**os.environ, "FOLDER": folder}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            process.stdout.readline()
            mounted.stall()
            process.stdin.write(b"\n")
            process.stdin.flush()
            said = process.stdout.readline() if select.select([process.stdout], [], [], LATE)[0] else b"late"
            try:
                status = process.wait(LATE)
            except subprocess.TimeoutExpired:
                status = "late"
            mounted.end()
            process.kill()
    return said, status


def compare(lxrun):
    wrong = 0
    for how in HOW:
        natively, inside = run(how), run(how, lxrun)
        if inside != natively:
            print(f"{how}: natively: {natively}; under lxrun: {inside}")
            wrong = 1
    return wrong


try:
    sys.exit(compare(os.path.abspath(sys.argv[1])))
except least_fs.Unavailable as reason:
    print(reason)
    sys.exit(77)
