#!/usr/bin/env python3
"""stalled_futex.py LXRUN: a PI futex whose page does not come holds up nobody else. 77: no FUSE here, or not root."""
import os
import select
import subprocess
import sys

sys.dont_write_bytecode = True
import least_fs

GUEST = r"""
import ctypes, mmap, os, time
LOCK_PI, UNLOCK_PI = 6, 7
futex = lambda word, operation: ctypes.CDLL(None).syscall(202, ctypes.byref(word), operation, 0, None, None, 0)
child = os.fork()
if child == 0:
    with open("stalled", "rb") as file:
        page = mmap.mmap(file.fileno(), 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    futex(ctypes.c_uint32.from_buffer(page), LOCK_PI)
    os._exit(1)
deadline = time.monotonic() + 20
while not os.path.exists("asked"):
    assert time.monotonic() < deadline, "nobody asked for the page"
    time.sleep(0.01)
word = ctypes.c_uint32(0)
print(futex(word, LOCK_PI), word.value == os.getpid(), futex(word, UNLOCK_PI), word.value, flush=True)
print(os.waitpid(child, 0)[1])
"""


def run(*prefix):
    """What the guest says while the page does not come; and once it can't any more, because its file system is gone."""
    mounted = least_fs.Mounted({"stalled": None})
    with mounted as folder:
        command = [*prefix, "/usr/bin/python3", "-c", GUEST]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            said = process.stdout.readline() if select.select([process.stdout], [], [], 30)[0] else b"nothing"
            mounted.end()
            try:
                rest = process.communicate(timeout=30)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                rest = b"late"
    return said, rest, process.returncode


def compare(lxrun):
    natively, inside = run(), run(lxrun)
    if natively[0] != b"0 True 0 0\n" or inside != natively:
        print(f"natively: {natively}\nunder lxrun: {inside}")
        return 1
    return 0


try:
    sys.exit(compare(os.path.abspath(sys.argv[1])))
except least_fs.Unavailable as reason:
    print(reason)
    sys.exit(77)
